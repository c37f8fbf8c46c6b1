import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { parseInstancePath } from "../../../lib/engine/instance_name.ts";

Deno.test("parseInstancePath() takes the engines' names", () => {
  for (const name of ["a", "A", "a1", "my-container", "a--b", "true", "a".repeat(63)]) parseInstancePath(name);
});

Deno.test("parseInstancePath() refuses all others, with exit code 2", () => {
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
      "host:a:b",
      "--help",
      "а", // Cyrillic.
    ]
  ) assertEquals(assertThrows(() => parseInstancePath(name), UserError, "cannot be the name").exitCode, 2);
});
