// One text that is carried between the clipboards of a session and of the host.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { copy, paste, withoutHidden } from "../../../lib/attach/clipboard.ts";
import { exitStatus } from "../../../lib/attach/session/protocol.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { join } from "@std/path";
import type { Container } from "../../../lib/container/container.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { Carrying, type CarryRequest } from "../../../lib/guard/wayland/carrying.ts";
import { obeyCommands } from "../../../lib/guard/commands.ts";
import type { OpenClipboard } from "../../../lib/guard/wayland/carrying.ts";
import { localBox } from "../containers.ts";
import { lockedDirectory } from "../runs.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** What a container says of its sessions of these names. */
function listed(display: "x11" | "wayland", ...names: string[]): { stdout: string } {
  return { stdout: names.map((name) => `${name}\t${display}\t7\t0\t0\t\t\t"app"\n`).join("") };
}

const isListing = (argv: readonly string[]): boolean => /\bverb=list$/m.test(argv.at(-1)!);

/** A host whose clipboard, and that of its container's only session "s", which is over X, hold this. */
function world(
  { inside = {}, own = {}, env = { DISPLAY: ":7" } }: { inside?: Answer; own?: Answer; env?: Record<string, string> },
): ReturnType<typeof recordingHost> {
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/none", ...env },
    answer: (argv) => argv[0] !== "ssh" ? own : isListing(argv) ? listed("x11", "s") : inside,
  });
}

Deno.test("copy() puts the session's text on the host's clipboard, and tells only how long it is", async () => {
  const { host, calls, options, said } = world({ inside: { stdout: "it's\n$x 𝄞" } });
  await copy(localBox(host), undefined);
  assertEquals(said, ["result: 9 characters (text/plain) from box put on the clipboard"]);
  assertEquals(calls.length, 3);
  assertMatch(calls[1]!.at(-1)!, /\bsession=s$/m);
  assertEquals(calls[2], ["xclip", "-selection", "clipboard", "-in"]);
  assertEquals(options[2]?.stdin, { text: "it's\n$x 𝄞" });
});

Deno.test("copy() leaves out what steers a terminal, turns a line round, or hides", async () => {
  assertEquals(withoutHidden("a\x1b[31mb\x00\r\nc\td\u202ee\u200bf\u2028g\u{e0041}\x07\x7f\x9b"), "a[31mb\nc\tdef\ng");
  assertEquals(withoutHidden("a\u2800b\u3164c\u115fd\u034fe\u{e0100}f\u{e01ef}g\ufe00h\u{1d159}"), "abcdefgh");
  assertEquals(withoutHidden("👩‍🔬 می‌خواهم é ❤\ufe0f ❤\ufe0e"), "👩‍🔬 می‌خواهم é ❤\ufe0f ❤\ufe0e");
  const { host, options, said } = world({ inside: { stdout: "\u202erm\x1b]52;c;x\x07" } });
  await copy(localBox(host), "s");
  assertMatch(said.join(), /; left out: 3 that cannot be seen$/);
  assertEquals(options.at(-1)?.stdin, { text: "rm]52;c;x" });
});

Deno.test("copy() leaves the host's clipboard as it is when there is no text, or too much", async () => {
  for (
    const [inside, message] of [
      [{ stdout: "" }, 'no text on the clipboard of "box"'],
      [{ stdout: "\x00\u202e" }, 'no text on the clipboard of "box"'],
      [{ stdout: "x".repeat(2 ** 20 + 1) }, '"box" is longer than 1 MiB'],
      [{ code: 127 }, 'no xclip in the container "box"'],
      [{ code: exitStatus.notLive }, 'no session "s"'],
    ] as const
  ) {
    const { host, calls } = world({ inside });
    await assertRejects(() => copy(localBox(host), "s"), Error, message);
    assertEquals(calls.map(([program]) => program), ["ssh", "ssh"]);
  }
});

Deno.test("copy() and paste() let the user choose when there is not just one session", async () => {
  for (const [act, text] of [[copy, "text"], [paste, undefined]] as const) {
    const { host, calls, said } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: "/none", DISPLAY: ":7" },
      answer: (argv) => argv[0] === "ssh" && isListing(argv) ? listed("x11", "one", "two") : { stdout: text ?? "own" },
    });
    await act(localBox(host), undefined);
    assertEquals(said.map((line) => line.split(":")[0]), ["choose", "result"]);
    const carried = calls.filter((argv) => argv[0] === "ssh" && !isListing(argv));
    assertEquals(carried.map((argv) => /\bsession=(\w+)$/m.exec(argv.at(-1)!)?.[1]), ["one"]);
  }
});

Deno.test("paste() hands the host's text to the session by its input, and there must be one", async () => {
  const { host, calls, options } = world({ own: { stdout: "secret" } });
  await paste(localBox(host), undefined);
  assertEquals(calls.map(([program]) => program), ["xclip", "ssh", "ssh"]);
  assertEquals(options.map(({ stdin }) => stdin), [undefined, undefined, { text: "secret" }]);
  assert(!calls.some((argv) => argv.some((word) => word.includes("secret"))));
  const none = world({ own: { code: 1, stderr: "Error: target UTF8_STRING not available" } });
  await assertRejects(() => paste(localBox(none.host), undefined), UserError, "no text on the host's");
  const long = world({ own: { stdout: "x".repeat(2 ** 20 + 1) } });
  await assertRejects(() => paste(localBox(long.host), undefined), UserError, "longer than 1 MiB");
});

Deno.test("the host's clipboard is that of its Wayland desktop, else that of its X display", async () => {
  const programs = async (env: Record<string, string>): Promise<string[]> => {
    const { host, calls } = world({ inside: { stdout: "a" }, own: { stdout: "b" }, env });
    await copy(localBox(host), "s");
    await paste(localBox(host), "s");
    return calls.map(([program]) => program!).filter((program) => program !== "ssh");
  };
  assertEquals(await programs({ DISPLAY: ":7" }), ["xclip", "xclip"]);
  assertEquals(await programs({ DISPLAY: ":7", WAYLAND_DISPLAY: "wayland-1" }), ["wl-copy", "wl-paste"]);
  await assertRejects(() => programs({}), UserError, "no clipboard");
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
      inside: { stdout: string };
    },
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const env = { GUI_CONTAINER_MOUNTS: root, DISPLAY: ":7", WAYLAND_DISPLAY: "wayland-1" };
  const inside = listed("wayland", "web");
  const recorded = recordingHost({
    env,
    answer: ([program]) => program === "ssh" ? inside : { stdout: "own" },
  });
  const mounts = mountsIn(recorded.host, "box");
  const carrying = new Carrying(clipboard, () => 0);
  using locks = new DisposableStack();
  for (
    const [name, noted] of [["1w", { mounts: "/other", session: "web" }], ["2w", {
      mounts: mounts.directory,
      session: "web",
    }]] as const
  ) {
    const directory = join(root, `.attach-${name}`);
    locks.use(await lockedDirectory(directory));
    await Deno.mkdir(join(directory, "commands"), { mode: 0o700 });
    await Deno.writeTextFile(join(directory, "session.json"), JSON.stringify(noted));
  }
  const [guard, run] = [join(root, ".attach-2w"), join(root, ".attach-3")];
  await Deno.mkdir(run);
  using _watcher = obeyCommands(guard, (request: CarryRequest) => carrying.carry(request));
  try {
    await using box = localBox(recorded.host, { mounts, directory: run });
    await test({ ...recorded, box, carrying, env, inside });
    const left = [...Deno.readDirSync(guard)].map(({ name }) => name).filter((name) => name !== "turn").sort();
    assertEquals(left, ["commands", "lock", "session.json"]);
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

Deno.test("copy() has the guard of a session on Wayland ask the app, where its clipboard is closed", async () => {
  await besideGuard({ in: false, out: false }, async ({ box, carrying, calls, options, said }) => {
    await assertRejects(() => copy(box, undefined), UserError, "no text");
    carrying.copied = {
      types: new Set(["text/html", "UTF8_STRING"]),
      read(type, reader) {
        assertEquals(type, "UTF8_STRING");
        reader.take(new TextEncoder().encode("it's \x1b[1mñ"));
        reader.end(true);
        return () => {};
      },
    };
    await copy(box, undefined);
    assertMatch(said.join(), /^result: 9 characters .*; left out: 1 that cannot be seen$/);
    assertEquals(calls.at(-1), ["wl-copy", "--type", "text/plain;charset=utf-8"]);
    assertEquals(options.at(-1)?.stdin, { text: "it's [1mñ" });
    const elsewhere = localBox(box.host, { mounts: { ...box.mounts, directory: "/none" }, directory: "/none" });
    const message = 'The windows of "web" of "box" are not on a desktop of yours';
    await assertRejects(() => copy(elsewhere, undefined), UserError, message);
  });
});

Deno.test("paste() offers the text on Wayland by a type that only the guard knows, once it does", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, options }) => {
    await Promise.all([1, 2].map(() => paste(box, undefined)));
    const copies = calls.filter(([program]) => program === "wl-copy");
    assertEquals(copies.map(([, option]) => option), ["--type", "--type"]);
    const [first, second] = copies.map(([, , type]) => type);
    assert(first !== second && /^text\/x-gui-container\.[0-9a-f-]{36}$/.test(first!), first);
    assert([first, second].some((type) => carrying.isMark(type!)) && !carrying.isMark("text/plain"));
    assertEquals(options[calls.findLastIndex(([program]) => program === "wl-copy")]?.stdin, { text: "own" });
  });
});

Deno.test("paste() gives a container with a session on Wayland no text, whatever that says: its guard has it", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, options, inside }) => {
    const given = (): (typeof options[number]["stdin"])[] =>
      calls.flatMap(([program], index) => program === "ssh" ? [options[index]?.stdin] : []);
    await paste(box, undefined);
    assertEquals(given(), [undefined], "it says only which session is its only one");
    await paste(box, "web");
    assertEquals(given(), [undefined], "it is not asked");
    assertEquals(calls.filter(([program]) => program === "wl-copy").length, 2);
    inside.stdout = listed("x11", "web").stdout;
    await paste(box, undefined);
    assertEquals([given().length, given().at(-1)], [2, undefined], "a guard has that one, whatever it says");
    inside.stdout = listed("x11", "by-x").stdout;
    await assertRejects(() => paste(box, undefined), UserError, "are those of web");
    assertEquals([given().length, given().at(-1)], [3, undefined]);
    assert(carrying.isReadable());
    await paste(box, "by-x");
    assertEquals(given().at(-1), { text: "own" });
  });
});

Deno.test("paste() names what is missing where the windows are on Wayland, and this shell is not", async () => {
  await besideGuard({ in: false, out: true }, async ({ box, carrying, calls, env }) => {
    env.WAYLAND_DISPLAY = "";
    await assertRejects(
      () => paste(box, "web"),
      UserError,
      "$WAYLAND_DISPLAY",
    );
    assertEquals(calls.map(([program]) => program), ["xclip"]);
    assertEquals(carrying.isReadable(), false);
  });
});

Deno.test("copy() and paste() refuse what needs no command: the clipboard is the host's", async () => {
  await besideGuard({ in: true, out: true }, async ({ box, calls }) => {
    for (const act of [copy, paste]) {
      await assertRejects(() => act(box, "web"), UserError, 'clipboard of this session of "box"');
    }
    assert(!calls.some(([program]) => program === "wl-copy"));
  });
});
