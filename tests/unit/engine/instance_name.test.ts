import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { checkInstanceName } from "../../../lib/engine/instance_name.ts";

Deno.test("checkInstanceName() takes the engines' names", () => {
  for (const name of ["a", "A", "a1", "my-container", "a--b", "true", "a".repeat(63)]) checkInstanceName(name);
});

Deno.test("checkInstanceName() refuses all others, with exit code 2", () => {
  for (
    const name of [
      "",
      "1a",
      "-a",
      "a-",
      "a".repeat(64),
      "a b",
      "a_b",
      "a.b",
      "a/b",
      "../a",
      "a\n",
      "\na",
      "ä",
      "a'b",
      "host:a",
      "--help",
      "а", // Cyrillic.
    ]
  ) assertEquals(assertThrows(() => checkInstanceName(name), UserError, "cannot be the name").exitCode, 2);
});
