// Channels that the user closes while their session runs: which words mean that, and what the run does of it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { deny } from "../../../lib/attach/deny.ts";
import { readDenial } from "../../../lib/attach/deny_request.ts";
import { createPermissions, type Permissions } from "../../../lib/attach/session/permissions.ts";
import { findRuns, openToCommands } from "../../../lib/attach/session/runs.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import type { Container } from "../../../lib/container/container.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import type { Channel } from "../../../lib/guard/channel.ts";
import { obeyCommands } from "../../../lib/guard/commands.ts";
import { type CarryRequest, createCarrying } from "../../../lib/guard/wayland/carrying.ts";
import { commandLine } from "../../../attach.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

const read = (line: string): ReturnType<typeof readDenial> =>
  readDenial(parseCommandLine(commandLine, line.split(" ")));

Deno.test("--deny with a container's name closes channels of its sessions; before a channel, it is about one to show", () => {
  for (
    const line of ["--deny web microphone", "--deny=web microphone", "--session s --deny web microphone -q --json"]
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
      ...["--deny soud web firefox", "--deny web", "--deny sound -- links"],
    ]
  ) assertEquals(read(line), undefined, line);
});

Deno.test("--deny with a container's name goes with no other option, and not with what cannot be closed", () => {
  for (
    const [line, message] of [
      ["--deny web microphon", 'Neither "web" nor "microphon" is a list of channels'],
      ["--deny web links,", 'Neither "web" nor "links," is a list of channels'],
      ["--deny web links --allow sound", "--allow goes with no --deny NAME"],
      ["--stop --deny web links", "--deny goes with no --stop"],
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
    root: string;
    env: Record<string, string>;
  }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const env = { GUI_CONTAINER_MOUNTS: root };
  const { host, said } = recordingHost({ env });
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
    await test({ box: localBox(host, { mounts, directory: await directoryOf("own") }), runs, said, root, env });
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
    while (Object.keys((await findRuns(host))[0]!.until).length > 0) await Promise.resolve();
    const killed = join(root, ".attach-killed");
    await Deno.mkdir(killed);
    await Deno.copyFile(join(root, ".attach-0/run.json"), join(killed, "run.json"));
    await Deno.writeTextFile(join(killed, "lock"), "");
    assertEquals((await findRuns(host)).map(({ directory }) => directory), [join(root, ".attach-0")]);
  });
});

Deno.test("deny() closes the clipboard of windows that have stayed, and says that their sound goes on", async () => {
  await withRuns([], async ({ box, said, root }) => {
    const guard = join(root, ".attach-1w");
    await Deno.mkdir(join(guard, "commands"), { recursive: true, mode: 0o700 });
    const noted = { mounts: box.mounts.directory, session: "foot" };
    await Deno.writeTextFile(join(guard, "session.json"), JSON.stringify(noted));
    const clipboard = { in: true, out: true };
    const carrying = createCarrying({ clipboard, now: () => 0 });
    using _guard = obeyCommands(guard, (request: CarryRequest) => carrying.carry(request));
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
