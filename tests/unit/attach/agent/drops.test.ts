// Files that the user drags out of a window.

import { assertEquals } from "@std/assert";
import { givesFiles } from "../../../../lib/attach/agent/drops.ts";
import { recordingHost } from "../../recording_host.ts";

/** Drags a list out. Returns what the session's agent hears, and what the user is told. */
async function handed(list: string): Promise<{ told: unknown[]; failures: string[] }> {
  const told: unknown[] = [];
  const failures: string[] = [];
  const give = givesFiles({ host: recordingHost().host, label: "box" }, {
    io: {
      now: () => 0,
      send: (line) => void told.push(line),
      tellError: (error) => void failures.push((error as Error).message),
    },
    open: new Set(["files"]),
    served: new Map([["files", {}]]),
    lost: new Set<string>(),
  })!;
  assertEquals(await give(list, "out"), "");
  return { told, failures };
}

Deno.test("the agent of a session hands over what an app's list names, as that writes it", async () => {
  assertEquals(await handed("# a list\r\nfile:///home/ubuntu/a%20b.txt\r\nfile://localhost/tmp/c\n"), {
    told: [{ hand: ["file:///home/ubuntu/a%20b.txt", "file://localhost/tmp/c"] }],
    failures: [],
  });
});

Deno.test("what is no short list of files is refused with a sentence, and the container hears nothing of it", async () => {
  const none = 'Files dragged out of "box" stay there: it is not a file';
  const many = 'Files dragged out of "box" stay there: more than 4 files';
  for (
    const [list, why] of [
      ["", none],
      ["https://example.org/", none],
      ["file:///a\r\nhttps://example.org/", none],
      ["file://host/a", none],
      ["file:///a b", none],
      ["file:///a\u{202e}a", none],
      [`file:///${"x".repeat(5_000)}`, none],
      ["--help", none],
      ["file:///a\r\n".repeat(5), many],
      ["x".repeat(2 ** 16), none],
    ] as const
  ) assertEquals(await handed(list), { told: [], failures: [why] }, list.slice(0, 99));
});
