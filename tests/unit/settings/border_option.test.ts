// What --border takes.

import { assertEquals, assertThrows } from "@std/assert";
import { parseBorder } from "../../../lib/settings/border_option.ts";
import { UserError } from "../../../lib/base/errors.ts";

Deno.test("parseBorder() takes a colour by name or number, a width, or auto, and refuses all else", () => {
  assertEquals(parseBorder("red"), { colour: "#ff0000", width: 5, isAlways: true });
  assertEquals(parseBorder("#0a0BFF,12"), { colour: "#0a0bff", width: 12, isAlways: true });
  assertEquals(parseBorder("auto"), "auto");
  for (const other of ["off", "red,0", "red,46", "red,5:off", "#fff", "nocolour", "constructor", "red "]) {
    assertEquals(assertThrows(() => parseBorder(other), UserError, `"${other}"`).exitCode, 2);
  }
});
