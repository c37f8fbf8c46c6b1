// Files that the user drags out of a window.

import { assertEquals, assertThrows } from "@std/assert";
import { handOut } from "../../../../lib/attach/agent/drops.ts";
import { UserError } from "../../../../lib/base/errors.ts";

/** Hands a list over. Returns what the session's agent hears. */
function handed(list: string): unknown[] {
  const told: unknown[] = [];
  handOut({ label: "box" }, { send: (line) => void told.push(line) }, list);
  return told;
}

Deno.test("the agent of a session hands over what an app's list names, as that writes it", () => {
  assertEquals(handed("# a list\r\nfile:///home/ubuntu/a%20b.txt\r\nfile://localhost/tmp/c\n"), [
    { hand: ["file:///home/ubuntu/a%20b.txt", "file://localhost/tmp/c"] },
  ]);
});

Deno.test("what is no short list of files is refused with a sentence, and the container hears nothing of it", () => {
  for (
    const list of [
      "",
      "https://example.org/",
      "file:///a\r\nhttps://example.org/",
      "file://host/a",
      "file:///a b",
      "file:///\u{202e}a",
      `file:///${"x".repeat(5_000)}`,
      "--help",
      "file:///a\r\n".repeat(5),
      "x".repeat(2 ** 16),
    ]
  ) {
    assertThrows(() => handed(list), UserError, 'dragged out of "box"');
  }
});
