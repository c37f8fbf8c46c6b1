// Files that the user drags out of a window.

import { assertEquals, assertRejects } from "@std/assert";
import { handOut } from "../../../../lib/attach/agent/drops.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

/** Hands a list over. Returns the addresses that its session's agent hears of. */
async function handed(list: string, { code = 0 } = {}): Promise<string[]> {
  const { host, calls } = recordingHost({ answer: () => ({ code }) });
  await handOut(localBox(host), { session: "s", list });
  return calls.flat().join(" ").match(/file:[^\s']+/g) ?? [];
}

Deno.test("the agent of a session hands over what an app's list names, as that writes it", async () => {
  assertEquals(await handed("# a list\r\nfile:///home/ubuntu/a%20b.txt\r\nfile://localhost/tmp/c\n"), [
    "file:///home/ubuntu/a%20b.txt",
    "file://localhost/tmp/c",
  ]);
});

Deno.test("what is no short list of files is refused with a sentence, and the container hears nothing of it", async () => {
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
    await assertRejects(() => handed(list), UserError, 'dragged out of "box"');
  }
});

Deno.test("where not all that was dragged out is taken, the sentence says no more than that, and the reason", async () => {
  const reasons = [[1, "only readable files can be dragged out, not directories"], [255, "does not answer"]] as const;
  for (const [code, why] of reasons) {
    const { message } = await assertRejects(() => handed("file:///home", { code }), UserError, why);
    assertEquals(message.startsWith("Some files dragged out of"), true);
  }
});
