// What `attach.ts --history` prints.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { showHistory } from "../../../lib/attach/history.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { type Happening, openHistory } from "../../../lib/container/history.ts";
import { recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

Deno.test("a history is printed by day, with what guards have left", async () => {
  const home = await Deno.makeTempDir();
  try {
    const env = { HOME: home, GUI_CONTAINER_MOUNTS: join(home, "mounts"), INCUS_CONF: home };
    const { host, said } = recordingHost({ env });
    const happenings: Happening[] = [
      { kind: "session", what: "starts", session: "firefox", channels: "clipboard-in,links?" },
      { kind: "question", channel: "links", about: "example.org", answer: "Refuse" },
      { kind: "link", host: "example.org", where: "on this host" },
      { kind: "link", host: "example.org", where: "on this host", failed: true },
      { kind: "download", name: "a\x1b[2J.txt", bytes: 5 },
      { kind: "print", name: "b.pdf", bytes: 1, printer: "Office" },
      { kind: "microphone", what: "on" },
      { kind: "microphone", what: "off", seconds: 20 },
      { kind: "file", what: "lent", path: "/home/jane/c.ods", readOnly: true },
      { kind: "file", what: "back", path: "/home/jane/c.ods", changed: false },
      { kind: "file", what: "saved", path: "/home/me/c (2).ods", bytes: 9, where: 'in "office"' },
      { kind: "signature", what: "a login as git on git.org" },
      { kind: "session", what: "runs on", session: "firefox" },
    ];
    let time = new Date(2026, 0, 2, 23, 59, 47).getTime();
    const history = openHistory(host, { name: "web" }, () => time);
    for (const happening of happenings) {
      history.add(happening);
      time += 1_000;
    }
    await history.written();
    const left = join(home, "mounts/.attach-1w");
    await Deno.mkdir(left, { recursive: true });
    await Deno.writeTextFile(join(left, "lock"), "");
    const line = { name: "web", copy: "web-d1", time: new Date(2026, 0, 3, 8, 5).toISOString(), kind: "clipboard" };
    const crossing = { direction: "out", type: "text/plain", times: 12, bytes: 340 };
    await Deno.writeTextFile(join(left, "history.jsonl"), `${JSON.stringify({ ...line, ...crossing })}\n`);
    await showHistory(host, undefined, {});
    assertEquals(said.at(-1)!.replace("result: ", "").split("\n"), [
      "2026-01-02",
      "  23:59:47  web: session firefox starts; open: clipboard-in,links?",
      '  23:59:48  web: asked for links, "example.org": Refuse',
      "  23:59:49  web: link to example.org opened on this host",
      "  23:59:50  web: link to example.org could not be opened on this host",
      '  23:59:51  web: file received: "a<U+001B>[2J.txt", 5 bytes',
      '  23:59:52  web: printed on Office: "b.pdf", 1 byte',
      "  23:59:53  web: microphone on",
      "  23:59:54  web: microphone off, after 20 s",
      '  23:59:55  web: file lent, to read: "/home/jane/c.ods"',
      '  23:59:56  web: file back, as it was: "/home/jane/c.ods"',
      '  23:59:57  web: new version of a file saved, changed in "office": "/home/me/c (2).ods", 9 bytes',
      "  23:59:58  web: signed: a login as git on git.org",
      "  23:59:59  web: session firefox runs on",
      "2026-01-03",
      "  08:05:00  web-d1: clipboard out: 340 bytes of text/plain, 12 times",
    ]);
    assertEquals(await Deno.lstat(left).catch(() => "removed"), "removed");
    await assertRejects(() => showHistory(host, "other", {}), UserError, '"other"');
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("what two runs on one session have both written is printed once", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { host, said } = recordingHost({ env: { HOME: home, GUI_CONTAINER_MOUNTS: home } });
    let time = new Date(2026, 0, 2, 8, 0).getTime();
    const history = openHistory(host, { name: "web" }, () => time += 1_000);
    const less = { what: "goes on with less", channels: "sound" } as const;
    const lines: (readonly [string, Omit<Extract<Happening, { kind: "session" }>, "kind" | "session">])[] = [
      ["a", { what: "starts", channels: "clipboard,sound" }],
      ["a", { what: "is shown again", channels: "clipboard,sound" }],
      ["b", { what: "starts", channels: "" }],
      ...[["a", less], ["a", less], ["a", { ...less, channels: "" }]] as const,
      ...[["a", { what: "ends" }], ["b", { what: "ends" }], ["a", { what: "ends" }]] as const,
      ...[["a", { what: "starts", channels: "" }], ["a", { what: "ends" }]] as const,
    ];
    for (const [session, line] of lines) history.add({ kind: "session", session, ...line });
    await history.written();
    await showHistory(host, undefined, {});
    assertEquals(said.at(-1)!.split("\n").slice(1).map((line) => line.replace(/^.*session /, "")), [
      "a starts; open: clipboard,sound",
      "a is shown again; open: clipboard,sound",
      "b starts; open: none",
      "a goes on with less; open: sound",
      "a goes on with less; open: none",
      "a ends",
      "b ends",
      "a starts; open: none",
      "a ends",
    ]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

/** Runs `test` with windows that have stayed, whose guard has left `count` lines of the clipboard of "web". */
async function withLeft(
  count: number,
  test: (world: ReturnType<typeof recordingHost> & { home: string }) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const left = join(home, "mounts/.attach-1w");
    await Deno.mkdir(left, { recursive: true });
    using lock = await Deno.open(join(left, "lock"), { write: true, create: true });
    await lock.lock(false);
    const line = { name: "web", time: "2026-01-03T08:05:00.000Z", kind: "clipboard", direction: "out" };
    const lines = Array.from({ length: count }, (_, times) => ({ ...line, type: "text/plain", times, bytes: 1 }));
    await Deno.writeTextFile(join(left, "history.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const env = { HOME: home, GUI_CONTAINER_MOUNTS: join(home, "mounts"), INCUS_CONF: home };
    await test({ ...recordingHost({ env }), home });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("two that print a history at once take over each line once", () =>
  withLeft(100, async ({ host, said }) => {
    await Promise.all([showHistory(host, undefined, {}), showHistory(host, undefined, {})]);
    assertEquals(said.filter((text) => !text.startsWith("result: ")), []);
    await showHistory(host, undefined, {});
    assertEquals(said.at(-1)!.split("\n").length, 101);
  }));

Deno.test("a history is printed also when nothing can be taken over", () =>
  withLeft(1, async ({ host, said, home }) => {
    const history = openHistory(host, { name: "web" });
    history.add({ kind: "link", host: "example.org", where: "on this host" });
    await history.written();
    // In the place of a full disk.
    await Deno.symlink("missing/file", join(home, ".local/state/gui-container/history/web/clipboard.jsonl"));
    await showHistory(host, undefined, {});
    assertSaid(said.slice(0, -1).filter((line) => line.startsWith("warn")), [["warn", "clipboard", "missing"]]);
    assertStringIncludes(said.at(-1)!, "link to example.org opened on this host");
  }));
