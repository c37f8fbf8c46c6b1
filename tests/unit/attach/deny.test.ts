// Channels that the user closes while their session runs: which words mean that, and what the run does of it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { deny } from "../../../lib/attach/deny.ts";
import { readDenial } from "../../../lib/attach/deny_request.ts";
import { createPermissions, type Permissions } from "../../../lib/attach/session/permissions.ts";
import { denyInRun, findRuns, openToCommands } from "../../../lib/attach/session/runs.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import type { Container } from "../../../lib/container/container.ts";
import { openHistory } from "../../../lib/container/history.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import type { Happening } from "../../../lib/container/history.ts";
import { closeInGuard } from "../../../lib/attach/wayland/ask_guard.ts";
import type { Channel } from "../../../lib/guard/channel.ts";
import { obeyCommands } from "../../../lib/guard/commands.ts";
import { type CarryRequest, createCarrying } from "../../../lib/guard/wayland/carrying.ts";
import { commandLine } from "../../../attach.ts";
import { localBox } from "../containers.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const read = (line: string): ReturnType<typeof readDenial> =>
  readDenial(parseCommandLine(commandLine, line.split(" ")));

Deno.test("--deny with a container's name closes channels of its sessions; before a channel, it is about one to show", () => {
  for (
    const line of [
      "--deny web microphone",
      "--deny=web microphone",
      "--session s --deny web microphone -q --json",
      "--deny web microphone,",
    ]
  ) assertEquals(read(line), { word: "web", channels: ["microphone"] }, line);
  const clipboard: Channel[] = ["clipboard-in", "clipboard-out", "sound"];
  assertEquals(read("--deny far:web clipboard,sound"), { word: "far:web", channels: clipboard });
  for (const name of ["sound", "links"]) {
    assertEquals(read(`--deny local:${name} ${name}`), { word: `local:${name}`, channels: [name as Channel] });
  }
  for (
    const line of [
      ...[
        "--deny sound web",
        "--deny sound,links web firefox",
        "--deny links sound",
        "web firefox --deny sound",
        "web",
      ],
      ...["--deny soud web firefox", "--deny web", "--deny sound -- links", "--deny=links, web"],
    ]
  ) assertEquals(read(line), undefined, line);
});

Deno.test("--deny with a container's name goes with no other option, and not with what cannot be closed", () => {
  for (
    const [line, message] of [
      ["--deny web microphon", 'Neither "web" nor "microphon" is a list of channels'],
      ["--deny web ,", 'Neither "web" nor "," is a list of channels'],
      ["--deny web links --allow sound", "--allow cannot be used with --deny NAME"],
      ["--stop --deny web links", "--deny cannot be used with --stop"],
      ["--deny web look,links", 'The channel "look" cannot be closed later'],
    ] as const
  ) assertThrows(() => read(line), UserError, message);
});

/** Runs of attach.ts that serve sessions of a container, and the process that closes their channels. */
async function withRuns(
  sessions: readonly string[],
  test: (world: {
    /** That process's own view of the container. */
    box: Container;
    runs: Permissions[];
    said: string[];
    history: Happening[];
    /** Makes the private directory of a guard, whose commands are obeyed if there is somebody who does. */
    guard: (session: string, obey?: (request: CarryRequest) => unknown) => Promise<void>;
    root: string;
    env: Record<string, string>;
  }) => Promise<void>,
  answer: (argv: readonly string[]) => Answer = () => ({}),
): Promise<void> {
  const root = await Deno.makeTempDir();
  const env = { GUI_CONTAINER_MOUNTS: root };
  const { host, said } = recordingHost({ env, answer });
  const mounts = mountsIn(host, "box");
  const directoryOf = async (name: string): Promise<string> => {
    const directory = join(root, `.attach-${name}`);
    await Deno.mkdir(directory, { mode: 0o700 });
    const lock = scope.use(await Deno.open(join(directory, "lock"), { write: true, create: true }));
    await lock.lock(false);
    return directory;
  };
  await using scope = new AsyncDisposableStack();
  try {
    const runs: Permissions[] = [];
    for (const [index, session] of sessions.entries()) {
      const own = localBox(recordingHost({ env }).host, { mounts, directory: await directoryOf(`${index}`) });
      const permissions = createPermissions(own, {
        open: new Set(["microphone", "links", "sound"]),
        times: new Map([["microphone", 60_000]]),
      });
      scope.use(await openToCommands(own, { session, permissions, asks: new Set() }));
      runs.push(permissions);
    }
    const history: Happening[] = [];
    const box = localBox(host, {
      ...{ mounts, directory: await directoryOf("own") },
      history: { ...openHistory(host, undefined), add: (happening) => history.push(happening) > 0 },
    });
    const guard = async (session: string, obey?: (request: CarryRequest) => unknown): Promise<void> => {
      const directory = join(root, ".attach-1w");
      await Deno.mkdir(directory, { mode: 0o700 });
      await Deno.writeTextFile(join(directory, "session.json"), JSON.stringify({ mounts: mounts.directory, session }));
      if (!obey) return;
      await Deno.mkdir(join(directory, "commands"), { mode: 0o700 });
      const watcher = obeyCommands(directory, obey);
      scope.defer(() => watcher.close());
    };
    await test({ box, runs, said, history, guard, root, env });
  } finally {
    await scope.disposeAsync();
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("deny() closes channels in all sessions of a container, or in one, and says what was open", async () => {
  await withRuns(["firefox", "foot"], async ({ box, runs, said, root }) => {
    assertEquals(await deny(box, { channels: ["links"], session: "foot" }), 0);
    assertEquals(said.splice(0), ["result: foot: links"]);
    assertEquals(runs.map(({ open }) => [...open]), [["microphone", "links", "sound"], ["microphone", "sound"]]);
    assertEquals(await deny(box, { channels: ["links", "microphone"], session: undefined }), 0);
    assertEquals(said, ["result: firefox: microphone, links\nfoot: microphone"]);
    assertEquals(runs.map(({ open }) => [...open]), [["sound"], ["sound"]]);
    await deny(box, { channels: ["links"], session: undefined });
    assertEquals(said.at(-1), "result: firefox: nothing was open\nfoot: nothing was open");
    const left = [...Deno.readDirSync(join(root, ".attach-own"))].map(({ name }) => name);
    assertEquals(left, ["lock"]);
  });
});

Deno.test("what a run has open for a while is to be seen until it is over, and nothing of a run that was killed", async () => {
  await withRuns(["firefox"], async ({ runs, root, env }) => {
    const { host } = recordingHost({ env });
    const [run] = await findRuns(host);
    assertEquals([run!.container, run!.session, Object.keys(run!.until)], ["box", "firefox", ["microphone"]]);
    assertEquals((await Deno.stat(join(root, ".attach-0/run.json"))).mode! & 0o777, 0o600);
    runs[0]!.close(["microphone"]);
    const isOver = async (): Promise<boolean> => Object.keys((await findRuns(host))[0]!.until).length === 0;
    for (const lastMs = Date.now() + 30_000; !await isOver();) assert(Date.now() < lastMs);
    const killed = join(root, ".attach-killed");
    await Deno.mkdir(killed);
    await Deno.copyFile(join(root, ".attach-0/run.json"), join(killed, "run.json"));
    await Deno.writeTextFile(join(killed, "lock"), "");
    assertEquals((await findRuns(host)).map(({ directory }) => directory), [join(root, ".attach-0")]);
  });
});

Deno.test("deny() closes the clipboard of windows that have stayed, and says that their sound goes on", async () => {
  await withRuns([], async ({ box, said, guard }) => {
    const clipboard = { in: true, out: true };
    await guard("foot", createCarrying({ clipboard, now: () => 0 }).carry);
    await deny(box, { channels: ["clipboard-in"], session: undefined });
    assertEquals([clipboard, said.splice(0)], [{ in: false, out: true }, ["result: foot: clipboard-in"]]);
    const channels: Channel[] = ["clipboard-in", "clipboard-out", "sound"];
    const denied = deny(box, { channels, session: undefined });
    await assertRejects(() => denied, UserError, 'The sound of "foot" may play on');
    assertEquals([clipboard, said], [{ in: false, out: false }, ["result: foot: clipboard-out"]]);
  });
});

Deno.test("deny() says where it closes nothing: no run on this host shows that session", async () => {
  await withRuns(["foot"], async ({ box }) => {
    const denied = deny(box, { channels: ["links"], session: "firefox" });
    await assertRejects(
      () => denied,
      UserError,
      'No run of attach.ts on this host shows the session "firefox" of "box"',
    );
  });
});

Deno.test("deny() writes down what only a guard has closed", async () => {
  const notes: string[] = [];
  const answer = (argv: readonly string[]): Answer => {
    const script = argv.join(" ");
    if (argv[0] !== "ssh") return {};
    if (!script.includes("session.sh list")) notes.push(script);
    return { stdout: 'foot\twayland\t7\t0\t1700000000\tclipboard-in,clipboard-out,sound\t\t"foot"' };
  };
  await withRuns([], async ({ box, history, guard }) => {
    await guard("foot", createCarrying({ clipboard: { in: true, out: true }, now: () => 0 }).carry);
    await deny(box, { channels: ["clipboard-in"], session: undefined });
    assertEquals(history, [{ kind: "session", what: "goes on with less", session: "foot" }]);
    assertEquals(notes.map((script) => script.includes("channels=clipboard-out,sound")), [true]);
  }, answer);
});

Deno.test("deny() closes the rest where a guard or a run fails, and says what may still be open", async () => {
  await withRuns(["firefox", "foot"], async ({ box, runs, said, guard, root }) => {
    await guard("firefox");
    await Deno.remove(join(root, ".attach-0/commands"), { recursive: true });
    const channels: Channel[] = ["clipboard-in", "microphone"];
    const denied = deny(box, { channels, session: undefined });
    await assertRejects(() => denied, UserError, 'The run that shows "firefox" of "box" does not answer');
    assertEquals(runs.map(({ open }) => open.has("microphone")), [true, false]);
    assertEquals(said, [
      "result: firefox: nothing was closed\nfoot: microphone",
      'warn: The guard of "firefox" of "box" does not answer: its clipboard may still be open',
    ]);
  });
});

Deno.test("a run that cannot watch for commands is known, and so is what it may have open", async () => {
  await withRuns([], async ({ box, root, env }) => {
    const directory = join(root, ".attach-own");
    const { host, said } = recordingHost({ env });
    const own = localBox(host, { mounts: box.mounts, directory });
    await Deno.writeTextFile(join(directory, "commands"), "");
    const permissions = createPermissions(own, { open: new Set(["microphone"]) });
    await using _commands = await openToCommands(own, { session: "foot", permissions, asks: new Set() });
    assertEquals(said.map((line) => line.split(":", 2).join(":")), [
      "warn: attach.ts --list and --deny do not reach this run",
    ]);
    const denied = deny(box, { channels: ["microphone"], session: undefined });
    await assertRejects(() => denied, UserError, 'The run that shows "foot" of "box" does not answer');
  });
});

Deno.test("a run that is stopped, and a guard that hangs, are said not to answer; one that has ended is nothing", async () => {
  await withRuns(["foot"], async ({ box, root, guard }) => {
    const [run] = await findRuns(box.host);
    const own = join(root, ".attach-own/guard");
    const stopped = { ...run!, directory: join(root, ".attach-stopped") };
    const channels: Channel[] = ["clipboard-in"];
    assertEquals(await denyInRun(box, { run: stopped, own, channels }), undefined);
    await Deno.mkdir(join(stopped.directory, "commands"), { recursive: true });
    using lock = await Deno.open(join(stopped.directory, "lock"), { write: true, create: true });
    await lock.lock(false);
    const denied = denyInRun(box, { run: stopped, own, channels, limitMs: 20 });
    const { hint } = await assertRejects(
      () => denied,
      UserError,
      'The run that shows "foot" of "box" does not answer: its channels may still be open',
    );
    assertEquals(hint, "If it is stopped, type fg there. To end the session: attach.ts --stop box foot");
    await guard("foot", () => new Promise(() => {}));
    const closed = closeInGuard(box, { session: "foot", channels, limitMs: 20 });
    await assertRejects(() => closed, UserError, "does not answer: its clipboard may still be open");
  });
});

Deno.test("deny() says that a guard of an earlier version cannot close its clipboard", async () => {
  await withRuns([], async ({ box, guard }) => {
    await guard("foot", () => ({ not: "open" }));
    const denied = deny(box, { channels: ["clipboard-in"], session: undefined });
    await assertRejects(() => denied, UserError, 'The guard of "foot" of "box" is of an earlier version');
  });
});

Deno.test("deny() says what may be open where the run that shows the windows takes no commands", async () => {
  for (const code of [0, 1]) {
    await withRuns([], async ({ box, said, guard }) => {
      await guard("foot");
      const denied = deny(box, { channels: ["links", "microphone"], session: undefined });
      const message = 'A run that takes no commands shows "foot" of "box": microphone, links may still be open';
      if (code === 0) await assertRejects(() => denied, UserError, message);
      else assertEquals(await denied, 0);
      assertEquals(said, [`result: foot: nothing was ${code === 0 ? "closed" : "open"}`]);
    }, ([program]) => program === "stat" ? { code } : {});
  }
});

Deno.test("the sound of windows that have stayed is said to play on, whatever the container has on record", async () => {
  await withRuns([], async ({ box, root, env }) => {
    const own = localBox(recordingHost({ env }).host, { mounts: box.mounts, directory: join(root, ".attach-own") });
    const permissions = createPermissions(own, { open: new Set(["links"]) });
    await using _commands = await openToCommands(own, {
      session: "foot",
      permissions,
      asks: new Set(),
      stays: ["sound"],
    });
    const denied = deny(box, { channels: ["links", "sound"], session: undefined });
    await assertRejects(() => denied, UserError, 'The sound of "foot" may play on');
    assertEquals([...permissions.open], []);
  });
});
