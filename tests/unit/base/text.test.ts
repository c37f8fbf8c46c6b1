// Text of a container, printed.

import { assert, assertEquals } from "@std/assert";
import { oneLine, printable } from "../../../lib/base/text.ts";
import { threadMs } from "../../model/clock.ts";

Deno.test("printable() keeps text, line ends and tabs", () => {
  for (const text of ["", "a b\n\tc\n", "naïve – 日本 ❤ 𝄞 \u{1F600}", "é\u00a0"]) assertEquals(printable(text), text);
  assertEquals(printable("a\r\nb\r\n"), "a\nb\n");
  assertEquals(printable("a\r\r\nb\r"), "a\nb");
});

Deno.test("printable() leaves no control character that a terminal obeys", () => {
  assertEquals(printable("\x1b[2J\x1b]0;title\x07"), "\ufffd[2J\ufffd]0;title\ufffd");
  assertEquals(printable("cv\u202Efdp.sh"), "cv\ufffdfdp.sh");
  // Bidi_Control of Unicode's PropList.txt.
  const bidi = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";
  assertEquals(printable(bidi), "\ufffd".repeat(bidi.length));
  assertEquals(printable("50%\r100%"), "50%\ufffd100%");
  assertEquals(printable("\x00\x08\x0b\x0c\x7f\x9b31m"), "\ufffd".repeat(6) + "31m");
  const all = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).join("");
  for (const character of printable(all)) {
    const code = character.codePointAt(0)!;
    assert(code === 9 || code === 10 || (code >= 32 && code < 127) || code >= 160, code.toString(16));
  }
});

Deno.test("printable() takes a container's megabytes of carriage returns at once", () => {
  const startedMs = threadMs();
  assertEquals(printable(`${"\r".repeat(2 ** 22)}x\r\r\n\r`).length, 2 ** 22 + 2);
  assert(threadMs() - startedMs < 5_000);
});

Deno.test("oneLine() leaves a text no way to look like several rows or columns", () => {
  assertEquals(oneLine("xterm\t1\nbank\tfirefox\x1b]52;c;eA==\x07"), "xterm 1 bank firefox\ufffd]52;c;eA==\ufffd");
});
