import { assertEquals } from "@std/assert";
import { failuresIn, thereMark } from "../failures.ts";

Deno.test("failuresIn() has the first lines of each error, then what was there, within bounds", () => {
  const lines = (count: number, text: string): string[] => Array.from({ length: count }, (_, n) => `${text} ${n}`);
  const there = [`${thereMark}one.log of box`, `${thereMark}  ${"x".repeat(300)}`];
  const printed = [
    ...["lxc: one ...", "------- output -------", ...there, "----- output end -----", "lxc: one ... FAILED (2s)"],
    ...["", " ERRORS ", "", "lxc: one => ./tests/e2e/one.test.ts:5:1", "", ...lines(9, "of one")],
    ...[
      "lxc: two => ./tests/e2e/one.test.ts:7:1",
      "of two",
      "",
      " FAILURES ",
      "",
      "lxc: one => ./tests/e2e/one.test.ts",
    ],
  ];
  assertEquals(failuresIn(printed), [
    ...["lxc: one => ./tests/e2e/one.test.ts:5:1", ...lines(5, "of one")],
    ...["lxc: two => ./tests/e2e/one.test.ts:7:1", "of two"],
    ...[there[0]!, there[1]!.slice(0, 240)],
  ]);
  assertEquals(failuresIn(["ok | 3 passed"]), []);
  assertEquals(failuresIn(lines(99, thereMark)).length, 40);
});
