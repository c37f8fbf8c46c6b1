// Errors, once something has been changed.

import { assert, assertEquals } from "@std/assert";
import { afterChanges, inputError, NoEngine, UserError } from "../../../lib/base/errors.ts";

Deno.test("afterChanges() lets no error say by exit code 2 that nothing was changed, and changes no other", () => {
  const error = afterChanges(inputError("No app", "See them")) as UserError;
  assertEquals([error.message, error.hint, error.exitCode], ["No app", "See them", 1]);
  for (const other of [new NoEngine("x", { hint: "" }), new Error("x")]) {
    assert(afterChanges(other) === other);
  }
});
