// One text that is carried between the clipboards of a session and of the host.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { copyOut, hostClipping, pasteIn, withoutHidden } from "../../../lib/attach/clipboard.ts";
import { exitStatus } from "../../../lib/attach/session/protocol.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { join } from "@std/path";
import type { Container } from "../../../lib/container/container.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { type Carrying, type CarryRequest, createCarrying } from "../../../lib/guard/wayland/carrying.ts";
import { obeyCommands } from "../../../lib/guard/commands.ts";
import type { OpenClipboard } from "../../../lib/guard/wayland/carrying.ts";
import { localBox } from "../containers.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** A host whose clipboard, and whose container's, hold this. */
function world(
  { inside = {}, own = {}, env = { DISPLAY: ":7" } }: { inside?: Answer; own?: Answer; env?: Record<string, string> },
): ReturnType<typeof recordingHost> {
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/none", ...env },
    answer: ([program]) => program === "ssh" ? inside : own,
  });
}

Deno.test("copyOut() puts the session's text on the host's clipboard, and tells only how long it is", async () => {
  const { host, calls, options, said } = world({ inside: { stdout: "it's\n$x 𝄞" } });
  const clipping = await copyOut(localBox(host), "xterm");
  assertEquals([clipping?.characters, clipping?.leftOut], [9, 0]);
  assertEquals(calls.length, 2);
  assertStringIncludes(calls[0]!.at(-1)!, "session=");
  assertEquals(calls[1], ["xclip", "-selection", "clipboard", "-in"]);
  assertEquals(options[1]?.stdin, { text: "it's\n$x 𝄞" });
  assertEquals(said, []);
});

Deno.test("copyOut() leaves out what steers a terminal, turns a line round, or hides", async () => {
  assertEquals(withoutHidden("a\x1b[31mb\x00\r\nc\td\u202ee\u200bf\u2028g\u{e0041}\x07\x7f\x9b"), "a[31mb\nc\tdef\ng");
  assertEquals(withoutHidden("a\u2800b\u3164c\u115fd\u034fe\u{e0100}f\u{e01ef}g\ufe00h\u{1d159}"), "abcdefgh");
  assertEquals(withoutHidden("👩‍🔬 می‌خواهم é ❤\ufe0f ❤\ufe0e"), "👩‍🔬 می‌خواهم é ❤\ufe0f ❤\ufe0e");
  const { host, options } = world({ inside: { stdout: "\u202erm\x1b]52;c;x\x07" } });
  assertEquals(await copyOut(localBox(host), "x").then((clipping) => clipping?.leftOut), 3);
  assertEquals(options[1]?.stdin, { text: "rm]52;c;x" });
});

Deno.test("copyOut() leaves the host's clipboard as it is when there is no text, or too much", async () => {
  for (
    const [inside, message] of [
      [{ stdout: "" }, 'There is no text on the clipboard of "box"'],
      [{ stdout: "\x00\u202e" }, 'There is no text on the clipboard of "box"'],
      [{ stdout: "x".repeat(2 ** 20 + 1) }, 'The text on the clipboard of "box" is longer than 1 MiB'],
      [{ code: 127 }, 'There is no xclip in the container "box"'],
      [{ code: exitStatus.onWayland, stdout: "not a\tname" }, `failed with exit status ${exitStatus.onWayland}`],
      [{ code: exitStatus.notLive }, 'There is no session "s" in "box"'],
    ] as const
  ) {
    const { host, calls } = world({ inside });
    await assertRejects(() => copyOut(localBox(host), "s"), Error, message);
    assertEquals(calls.map(([program]) => program), ["ssh"]);
  }
});

Deno.test("copyOut() and pasteIn() let the user choose when there is not just one session", async () => {
  const listed = ["one", "two"].map((name) => `${name}\tx11\t7\t0\t0\t\t\t"app"\n`).join("");
  for (const code of [exitStatus.notLive, exitStatus.notOne]) {
    const answers: Answer[] = [{ code }, { stdout: listed }, { stdout: "text" }];
    const answer = ([program]: readonly string[]): Answer => program === "ssh" ? answers.shift()! : { stdout: "own" };
    const { host, calls, said } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/none", DISPLAY: ":7" }, answer });
    assertEquals((await copyOut(localBox(host), undefined)).text, "text");
    assertEquals(said.map((line) => line.split(":")[0]), ["choose"]);
    assertStringIncludes(calls[2]!.at(-1)!, "session=");
    assertStringIncludes(calls[2]!.at(-1)!, "one");
    answers.push({ code }, { stdout: listed }, { code });
    const clipping = await hostClipping(host);
    await assertRejects(
      () => pasteIn(localBox(host), { session: undefined, clipping }),
      UserError,
      'There is no session "one"',
    );
  }
});

Deno.test("pasteIn() hands the host's text to the session by its input, and there must be one", async () => {
  const { host, calls, options } = world({ own: { stdout: "secret" } });
  const clipping = await hostClipping(host);
  assertEquals(clipping.characters, 6);
  await pasteIn(localBox(host), { session: undefined, clipping });
  assertEquals(calls.map(([program]) => program), ["xclip", "ssh"]);
  assertEquals(options[1]?.stdin, { text: "secret" });
  assert(!calls[1]!.some((word) => word.includes("secret")));
  const none = world({ own: { code: 1, stderr: "Error: target UTF8_STRING not available" } });
  await assertRejects(() => hostClipping(none.host), UserError, "no text on the host's");
  const long = world({ own: { stdout: "x".repeat(2 ** 20 + 1) } });
  await assertRejects(() => hostClipping(long.host), UserError, "longer than 1 MiB");
});

Deno.test("the host's clipboard is that of its Wayland desktop, else that of its X display", async () => {
  const programs = async (env: Record<string, string>): Promise<string[]> => {
    const { host, calls } = world({ inside: { stdout: "a" }, own: { stdout: "b" }, env });
    await copyOut(localBox(host), "s");
    await hostClipping(host);
    return calls.map(([program]) => program!).filter((program) => program !== "ssh");
  };
  assertEquals(await programs({ DISPLAY: ":7" }), ["xclip", "xclip"]);
  assertEquals(await programs({ DISPLAY: ":7", WAYLAND_DISPLAY: "wayland-1" }), ["wl-copy", "wl-paste"]);
  await assertRejects(() => programs({}), UserError, "There is no clipboard");
});

/**
 * Runs `test` beside a guard of the session "web" of the container "box", which answers by this clipboard's rules.
 *
 * @param test is given the host, as of a session on a Wayland desktop with Xwayland, what the container answers, and what
 * the app has copied
 */
async function besideGuard(
  clipboard: OpenClipboard,
  test: (
    world: ReturnType<typeof recordingHost> & {
      box: Container;
      carrying: Carrying;
      env: Record<string, string>;
      inside: { code: number; stdout: string };
    },
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const env = { GUI_CONTAINER_MOUNTS: root, DISPLAY: ":7", WAYLAND_DISPLAY: "wayland-1" };
  const inside = { code: exitStatus.onWayland, stdout: "web\n" };
  const recorded = recordingHost({
    env,
    answer: ([program]) => program === "ssh" ? inside : { stdout: "own" },
  });
  const mounts = mountsIn(recorded.host, "box");
  const carrying = createCarrying({ clipboard, now: () => 0 });
  for (
    const [name, noted] of [["1w", { mounts: "/other", session: "web" }], ["2w", {
      mounts: mounts.directory,
      session: "web",
    }]] as const
  ) {
    const directory = join(root, `.attach-${name}`);
    await Deno.mkdir(join(directory, "commands"), { mode: 0o700, recursive: true });
    await Deno.writeTextFile(join(directory, "session.json"), JSON.stringify(noted));
  }
  const [guard, run] = [join(root, ".attach-2w"), join(root, ".attach-3")];
  await Deno.mkdir(run);
  using _watcher = obeyCommands(guard, (request: CarryRequest) => carrying.carry(request));
  try {
    await using box = localBox(recorded.host, { mounts, directory: run });
    await test({ ...recorded, box, carrying, env, inside });
    const left = [...Deno.readDirSync(guard)].map(({ name }) => name).filter((name) => name !== "turn").sort();
    assertEquals(left, ["commands", "session.json"]);
    assertEquals([...Deno.readDirSync(join(guard, "commands"))], []);
    assertEquals([...Deno.readDirSync(run)], []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a guard hears commands, although nobody writes to a FIFO that comes into its directory", async () => {
  const directory = await Deno.makeTempDir();
  // In a process of its own, since a thread of it may hang.
  const commands = new URL("../../../lib/guard/commands.ts", import.meta.url).href;
  const script = `import { commandNames, obeyCommands } from ${JSON.stringify(commands)};
const directory = ${JSON.stringify(directory)};
obeyCommands(directory, () => {});
await new Deno.Command("mkfifo", { args: [directory + "/alive"] }).output();
const listener = Deno.listen({ transport: "unix", path: directory + "/" + commandNames.socket });
setTimeout(() => Deno.exit(1), 60_000);
await listener.accept();
Deno.exit(7);`;
  try {
    await Deno.mkdir(join(directory, "commands"));
    const argv = [Deno.execPath(), "eval", "--ext=ts", "--no-lock", script];
    assertEquals((await runProcess(argv, { okCodes: "any", timeoutMs: 120_000 })).code, 7);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("copyOut() has the guard of a session on Wayland ask the app, where its clipboard is closed", async () => {
  await besideGuard({ in: false, out: false }, async ({ box, carrying, calls, options }) => {
    await assertRejects(() => copyOut(box, undefined), UserError, "There is no text");
    carrying.copied = {
      types: new Set(["text/html", "UTF8_STRING"]),
      read(type, reader) {
        assertEquals(type, "UTF8_STRING");
        reader.take(new TextEncoder().encode("it's \x1b[1mñ"));
        reader.end(true);
        return () => {};
      },
    };
    const { characters, leftOut } = await copyOut(box, undefined);
    assertEquals([characters, leftOut], [9, 1]);
    assertEquals(calls.at(-1), ["wl-copy", "--type", "text/plain;charset=utf-8"]);
    assertEquals(options.at(-1)?.stdin, { text: "it's [1mñ" });
    await assertRejects(
      () =>
        copyOut(localBox(box.host, { mounts: { ...box.mounts, directory: "/none" }, directory: "/none" }), undefined),
      UserError,
      'The windows of "web" of "box" are not on a desktop of yours',
    );
  });
});

Deno.test("pasteIn() offers the text on Wayland by a type that only the guard knows, once it does", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, options }) => {
    const clipping = await hostClipping(box.host);
    await Promise.all([1, 2].map(() => pasteIn(box, { session: undefined, clipping })));
    const copies = calls.filter(([program]) => program === "wl-copy");
    assertEquals(copies.map(([, option]) => option), ["--type", "--type"]);
    const [first, second] = copies.map(([, , type]) => type);
    assert(first !== second && /^text\/x-gui-container\.[0-9a-f-]{36}$/.test(first!), first);
    assert([first, second].some((type) => carrying.isMark(type!)) && !carrying.isMark("text/plain"));
    assertEquals(options[calls.findLastIndex(([program]) => program === "wl-copy")]?.stdin, { text: "own" });
  });
});

Deno.test("pasteIn() gives a container with a session on Wayland no text, whatever that says: its guard has it", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, options, inside }) => {
    const clipping = await hostClipping(box.host);
    const given = (): (typeof options[number]["stdin"])[] =>
      calls.flatMap(([program], index) => program === "ssh" ? [options[index]?.stdin] : []);
    await pasteIn(box, { session: undefined, clipping });
    assertEquals(given(), [undefined], "it says only which session is its only one");
    await pasteIn(box, { session: "web", clipping });
    assertEquals(given(), [undefined], "it is not asked");
    assertEquals(calls.filter(([program]) => program === "wl-copy").length, 2);
    inside.code = 0;
    await assertRejects(() => pasteIn(box, { session: undefined, clipping }), UserError, "are those of web");
    assertEquals(given(), [undefined, undefined]);
    assert(carrying.isReadable());
    await pasteIn(box, { session: "by-x", clipping });
    assertEquals(given().at(-1), { text: "own" });
  });
});

Deno.test("pasteIn() names what is missing where the windows are on Wayland, and this shell is not", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, env }) => {
    env.WAYLAND_DISPLAY = "";
    const clipping = await hostClipping(box.host);
    await assertRejects(
      () => pasteIn(box, { session: "web", clipping }),
      UserError,
      'The windows of "web" of "box" are on Wayland, and $WAYLAND_DISPLAY is not set',
    );
    assertEquals(calls.map(([program]) => program), ["xclip"]);
    assertEquals(carrying.isReadable(), false);
  });
});

Deno.test("copyOut() and pasteIn() refuse what needs no command: the clipboard is the host's", async () => {
  await besideGuard({ in: true, out: true }, async ({ box, calls }) => {
    const clipping = await hostClipping(box.host);
    for (const act of [() => copyOut(box, "web"), () => pasteIn(box, { session: "web", clipping })]) {
      await assertRejects(act, UserError, 'The clipboard of this session of "box" is the host\'s');
    }
    assert(!calls.some(([program]) => program === "wl-copy"));
  });
});
