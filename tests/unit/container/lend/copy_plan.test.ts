import { assertEquals } from "@std/assert";
import { planReturn } from "../../../../lib/container/lend/copy_plan.ts";
import type { HostSide, Return } from "../../../../lib/container/lend/copy_plan.ts";
import type { Content } from "../../../../lib/container/lend/loan.ts";

const [lent, one, two] = ["a", "b", "c"].map((sha256) => ({ size: 1, sha256 })) as [
  { size: number; sha256: string },
  { size: number; sha256: string },
  { size: number; sha256: string },
];

Deno.test("planReturn() writes only over what was lent, and loses no version of either side", () => {
  const table: [Content, HostSide, Return, string | undefined][] = [
    [lent, lent, "nothing", undefined],
    [lent, two, "nothing", undefined],
    [lent, "replaced", "nothing", undefined],
    [lent, "gone", "nothing", 'is not there any more; "box" has not changed its copy'],
    [one, lent, "write", undefined],
    [one, one, "nothing", undefined],
    [one, two, "beside", 'was changed here and in "box"; the container\'s version is'],
    [one, "replaced", "beside", 'was replaced here and changed in "box"; the container\'s version is'],
    [one, "gone", "beside", 'is not there any more; the version from "box" is'],
    [{ ...lent, size: 2 }, lent, "write", undefined],
  ];
  for (const [container, here, action, because] of table) {
    assertEquals(
      planReturn(lent, { container, here, label: "box" }),
      { action, ...(because === undefined ? {} : { because }) },
      JSON.stringify([container, here]),
    );
  }
});
