// What is written down of a container, and what a container can do about that.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  type History,
  openHistory,
  parseHistoryLine,
  readHistory,
  takeLeftLines,
} from "../../../lib/container/history.ts";
import { recordingHost } from "../recording_host.ts";

interface World extends ReturnType<typeof recordingHost> {
  history: History;
  /** The directory with the files of this history. */
  directory: string;
  pass(ms: number): void;
  /** The lines, without their time. */
  lines(): Promise<Record<string, unknown>[]>;
}

async function inWorld(test: (world: World) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  const recording = recordingHost({ env: { HOME: home } });
  let time = Date.parse("2026-01-02T03:00:00Z");
  const history = openHistory(recording.host, { name: "box" }, () => time);
  try {
    await test({
      ...recording,
      history,
      directory: join(home, ".local/state/gui-container/history/box"),
      pass: (ms) => void (time += ms),
      async lines() {
        await history.written();
        return (await readHistory(recording.host, "box")).map(({ time: _, ...line }) => line);
      },
    });
  } finally {
    await history.written();
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("a line is in a file of its kind, which only the user can open; what happens in one moment keeps its order", () =>
  inWorld(async ({ history, directory, lines }) => {
    history.add({ kind: "link", host: "example.org", where: "on this host" });
    history.add({ kind: "session", what: "starts", session: "xterm", channels: "clipboard-in,links?" });
    assertEquals(await lines(), [
      { kind: "link", host: "example.org", where: "on this host" },
      { kind: "session", what: "starts", session: "xterm", channels: "clipboard-in,links?" },
    ]);
    assertEquals(
      await Deno.readTextFile(join(directory, "link.jsonl")),
      '\n{"time":"2026-01-02T03:00:00.000Z","kind":"link","host":"example.org","where":"on this host"}\n',
    );
    assertEquals((await Deno.stat(join(directory, "link.jsonl"))).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(directory)).mode! & 0o777, 0o700);
  }));

Deno.test("a storm of one kind pushes out no other, ends with the lines for an hour, and fills two files at most", () =>
  inWorld(async ({ history, directory, lines, pass }) => {
    history.add({ kind: "file", what: "lent", path: "/home/jane/tax.ods", readOnly: false });
    history.add({ kind: "link", host: "first.example", where: "on this host" });
    const storm = (): boolean[] =>
      Array.from(
        { length: 1_000 },
        (_, number) => history.add({ kind: "link", host: `${number}.example`, where: "on this host" }),
      );
    assertEquals(storm().filter(Boolean).length, 299);
    assert(history.isFull("link") && !history.isFull("microphone"));
    assertEquals((await lines()).filter(({ host }) => host === "first.example").length, 1);
    for (let hour = 0; hour < 100; hour++) {
      pass(3_600_000);
      storm();
      await history.written();
    }
    const all = await lines();
    // Without files for each kind, the line about the tax would be gone as that about the first link is after days.
    assertEquals(all.filter(({ host }) => host === "first.example").length, 0);
    assertEquals(all.filter(({ kind }) => kind === "file").length, 1);
    const sizes = [...Deno.readDirSync(directory)].filter(({ name }) => name.startsWith("link"))
      .map(({ name }) => Deno.statSync(join(directory, name)).size);
    assertEquals([sizes.length, Math.max(...sizes) < 1.01 * 2 ** 20], [2, true]);
  }));

Deno.test("no name is taken for another line, steers a terminal, or is longer than a line", () =>
  inWorld(async ({ history, directory, lines }) => {
    const forged =
      `a\n{"time":"2026-01-01T00:00:00.000Z","kind":"link","host":"forged.example","where":"x"}\n\x1b[2J\u202efdp.exe`;
    history.add({ kind: "download", name: forged, bytes: 1 });
    history.add({ kind: "print", name: "x".repeat(100_000), bytes: 1, printer: "Office" });
    const [download, print] = await lines() as { name: string }[];
    assert(forged.includes("\x1b") && forged.split("\n").some((line) => parseHistoryLine(line)), "the attack");
    assertEquals((await lines()).length, 2);
    assertStringIncludes(download!.name, "<U+000A>");
    assertStringIncludes(download!.name, "<U+001B>[2J<U+202E>");
    assertEquals(print!.name.length, 301);
    const text = await Deno.readTextFile(join(directory, "download.jsonl"));
    assertEquals([text.trim().split("\n").length, /[\p{C}--\n]/v.test(text)], [1, false]);
    // Somebody else has written to the file.
    await Deno.writeTextFile(
      join(directory, "link.jsonl"),
      '{"kind":"link"}\nno JSON\n[1]\n{"kind":"x","time":"2026"}\n',
    );
    assertEquals((await lines()).length, 2);
  }));

Deno.test("while nothing can be written, what needs a line is refused; the line that could not be comes later", () =>
  inWorld(async ({ history, directory, said, lines }) => {
    // In the place of a full disk.
    await Deno.mkdir(join(directory, "link.jsonl"), { recursive: true });
    assert(history.add({ kind: "link", host: "one.example", where: "on this host" }));
    await history.written();
    assertStringIncludes(said.join("\n"), 'warn: The history of "box" cannot be written');
    assertEquals(history.add({ kind: "link", host: "two.example", where: "on this host" }), false);
    assertEquals(history.isFull("clipboard"), true);
    assert(history.add({ kind: "session", what: "ends", session: "xterm" }));
    await history.written();
    await Deno.remove(join(directory, "link.jsonl"));
    assertEquals(history.isFull("clipboard"), true);
    await history.written();
    assert(history.add({ kind: "link", host: "three.example", where: "on this host" }));
    assertEquals((await lines()).map(({ host }) => host).filter(Boolean), ["one.example", "three.example"]);
    assertEquals(said.length, 1);
  }));

Deno.test("a line whose beginning a full disk has taken is written again whole", () =>
  inWorld(async ({ history, directory, lines }) => {
    await Deno.mkdir(join(directory, "link.jsonl"), { recursive: true });
    history.add({ kind: "link", host: "one.example", where: "on this host" });
    await history.written();
    await Deno.remove(join(directory, "link.jsonl"));
    await Deno.writeTextFile(join(directory, "link.jsonl"), '{"time":"2026-01-02T03:00:00.000Z","kind":"li');
    history.isFull("link");
    assertEquals((await lines()).map(({ host }) => host), ["one.example"]);
  }));

Deno.test("a line of which a power cut has left the start takes no line of the next run with it", () =>
  inWorld(async ({ history, directory, lines }) => {
    await Deno.mkdir(directory, { recursive: true });
    await Deno.writeTextFile(join(directory, "link.jsonl"), '{"time":"2026-01-02T03:00:00.000Z","kind":"li');
    history.add({ kind: "link", host: "one.example", where: "on this host" });
    assertEquals((await lines()).map(({ host }) => host), ["one.example"]);
  }));

Deno.test("what has happened already is written down even if nothing can be when it happens, or if it is one too many", () =>
  inWorld(async ({ history, directory, lines }) => {
    await Deno.mkdir(join(directory, "clipboard.jsonl"), { recursive: true });
    const crossing = { kind: "clipboard", direction: "out", type: "text/plain", bytes: 1 } as const;
    for (let times = 1; times <= 1_001; times++) {
      history.note({ ...crossing, times });
      if (times === 1) await history.written();
    }
    await history.written();
    await Deno.remove(join(directory, "clipboard.jsonl"));
    assertEquals(history.isFull("clipboard"), true);
    assertEquals((await lines()).length, 1_001);
    assertEquals([history.isFull("clipboard"), history.add({ ...crossing, times: 1 })], [true, false]);
  }));

Deno.test("no line has a kind that is unknown, or says itself in which copy it happened", () =>
  inWorld(async ({ host, lines }) => {
    const history = openHistory(host, { name: "box", copy: "box-d1" });
    const link = { kind: "link", host: "one.example", where: "on this host", copy: "box-d2" } as const;
    for (const kind of ["../../../x", "constructor"]) {
      assertThrows(() => history.add({ ...link, kind } as never), TypeError, "There is no kind");
    }
    history.add(link);
    await history.written();
    assertEquals((await lines()).map(({ copy }) => copy), ["box-d1"]);
  }));

Deno.test("where none is to be kept, nothing is written and nothing refused", () =>
  inWorld(async ({ host, directory }) => {
    const none = openHistory(host, undefined);
    for (let count = 0; count < 500; count++) {
      assert(none.add({ kind: "link", host: "example.org", where: "on this host" }));
    }
    await none.written();
    assertEquals(await Deno.lstat(directory).catch(() => "missing"), "missing");
  }));

Deno.test("what a guard has left is taken over, and only once", () =>
  inWorld(async ({ host, lines, directory }) => {
    const path = `${directory}-left.jsonl`;
    await Deno.mkdir(directory, { recursive: true });
    const line = {
      time: "2026-01-01T00:00:00.000Z",
      kind: "clipboard",
      direction: "in",
      type: "a",
      times: 1,
      bytes: 2,
    };
    const other = JSON.stringify({ name: "../../x", ...line });
    const never = JSON.stringify({ name: "box", ...line, time: "2026-13-01T00:00:00.000Z" });
    await Deno.writeTextFile(
      path,
      `${JSON.stringify({ name: "box", copy: "box-d1", ...line })}\nx\n${other}\n${never}\n`,
    );
    await takeLeftLines(host, path);
    await takeLeftLines(host, path);
    const { time: _, ...rest } = line;
    assertEquals(await lines(), [{ copy: "box-d1", ...rest }]);
  }));

Deno.test("a copy says at its end what it had", () =>
  inWorld(({ host }) => {
    const history = openHistory(host, { name: "box", copy: "box-d1" });
    assertEquals(history.summary(), "nothing of this host");
    history.add({ kind: "clipboard", direction: "in", type: "text/plain", times: 2, bytes: 7 });
    for (let times = 0; times < 3; times++) history.add({ kind: "link", host: "example.org", where: "on this host" });
    history.note({ kind: "link", host: "example.org", where: "on this host", failed: true });
    history.add({ kind: "microphone", what: "on" });
    history.add({ kind: "microphone", what: "off", seconds: 20 });
    for (let times = 0; times < 2; times++) history.add({ kind: "signature", what: "a login" });
    assertEquals(
      history.summary(),
      "7 bytes in by the clipboard, 2 links opened, 2 signatures, your microphone for 20 s",
    );
    return history.written();
  }));
