import { assertEquals } from "@std/assert";
import { isAtLeast } from "../../../lib/base/programs.ts";

Deno.test("isAtLeast() compares versions by their numbers", () => {
  for (
    const [version, first, is] of [
      ["6.5.3", "6.5.3", true],
      ["6.5.10", "6.5.3", true],
      ["6.5.2", "6.5.3", false],
      ["6.10", "6.9.1", true],
      ["10.0", "9.9", true],
      ["7.0", "7.0.1", false],
      ["0.8.0", "0.8", true],
    ] as const
  ) assertEquals(isAtLeast(version, first), is, `${version} ${first}`);
});
