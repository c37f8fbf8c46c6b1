// Channels that the user closes while their session runs.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { deny, readDenial } from "../../../lib/attach/deny.ts";
import { createPermissions, type Permissions } from "../../../lib/attach/session/permissions.ts";
import { findRuns, openToCommands } from "../../../lib/attach/session/runs.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { ChannelName } from "../../../lib/channels/table.ts";
import { Carrying } from "../../../lib/guard/wayland/carrying.ts";
import { localBox } from "../containers.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { soon } from "../guard_time.ts";
import { withRuns } from "../runs.ts";
import { commandLine } from "../../../attach.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import { assertSaid } from "../refusals.ts";

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
    assertEquals((await Deno.stat(join(root, ".attach-0/session.json"))).mode! & 0o777, 0o600);
    using watcher = Deno.watchFs(join(root, ".attach-0"));
    runs[0]!.close(["microphone"]);
    const isOver = async (): Promise<true | undefined> => {
      for await (const _ of watcher) if (Object.keys((await findRuns(host))[0]!.until).length === 0) return true;
      return undefined;
    };
    assert(await soon(isOver(), 30_000));
    const killed = join(root, ".attach-killed");
    await Deno.mkdir(killed);
    await Deno.copyFile(join(root, ".attach-0/session.json"), join(killed, "session.json"));
    await Deno.writeTextFile(join(killed, "lock"), "");
    assertEquals((await findRuns(host)).map(({ directory }) => directory), [join(root, ".attach-0")]);
  });
});

Deno.test("deny() closes the clipboard of windows that have stayed, and says that their sound goes on", async () => {
  await withRuns([], async ({ box, said, guard }) => {
    const clipboard = { in: true, out: true };
    const carrying = new Carrying(clipboard, () => 0);
    await guard("foot", (request) => carrying.carry(request));
    await deny(box, { channels: ["clipboard-in"], session: undefined });
    assertEquals([clipboard, said.splice(0)], [{ in: false, out: true }, ["result: foot: clipboard-in"]]);
    const channels: ChannelName[] = ["clipboard-in", "clipboard-out", "sound"];
    const denied = deny(box, { channels, session: undefined });
    await assertRejects(() => denied, UserError, 'sound of "foot"');
    assertEquals([clipboard, said], [{ in: false, out: false }, ["result: foot: clipboard-out"]]);
  });
});

Deno.test("deny() says where it closes nothing: no run on this host shows that session", async () => {
  await withRuns(["foot"], async ({ box }) => {
    const denied = deny(box, { channels: ["links"], session: "firefox" });
    await assertRejects(
      () => denied,
      UserError,
      '"firefox" of "box"',
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
    const carrying = new Carrying({ in: true, out: true }, () => 0);
    await guard("foot", (request) => carrying.carry(request));
    await deny(box, { channels: ["clipboard-in"], session: undefined });
    assertEquals(history, [{ kind: "session", what: "goes on with less", session: "foot" }]);
    assertEquals(notes.map((script) => script.includes("channels=clipboard-out,sound")), [true]);
  }, answer);
});

Deno.test("deny() closes the rest where a guard or a run fails, and says what may still be open", async () => {
  await withRuns(["firefox", "foot"], async ({ box, runs, said, guard, root }) => {
    await guard("firefox");
    await Deno.remove(join(root, ".attach-0/commands"), { recursive: true });
    const channels: ChannelName[] = ["clipboard-in", "microphone"];
    const denied = deny(box, { channels, session: undefined });
    await assertRejects(() => denied, UserError, '"firefox" of "box"');
    assertEquals(runs.map(({ open }) => open.has("microphone")), [true, false]);
    assertSaid(said, [
      ["result", "firefox: nothing was closed\nfoot: microphone"],
      ["warn", "guard", '"firefox" of "box"', "clipboard"],
    ]);
  });
});

Deno.test("the sound of windows that have stayed is said to play on, whatever the container has on record", async () => {
  await withRuns([], async ({ box, root, env }) => {
    const own = localBox(recordingHost({ env }).host, { mounts: box.mounts, directory: join(root, ".attach-own") });
    const permissions = createPermissions(own, { open: new Set(["links"]) });
    await using _commands = await openToCommands(own, {
      session: "foot",
      permissions,
      asks: new Set(),
      stays: new Set(["sound"]),
    });
    const denied = deny(box, { channels: ["links", "sound"], session: undefined });
    await assertRejects(() => denied, UserError, 'sound of "foot"');
    assertEquals([...permissions.open], []);
  });
});

Deno.test("deny() closes the channels of a run that shows its windows just now", async () => {
  await withRuns([], async ({ box, guard, root, env }) => {
    const own = localBox(recordingHost({ env }).host, { mounts: box.mounts, directory: join(root, ".attach-own") });
    const permissions = createPermissions(own, { open: new Set(["links", "microphone"]) });
    await using scope = new AsyncDisposableStack();
    const { readDir } = Deno;
    let reads = 0;
    // They come between the look for guards and that for runs.
    Deno.readDir = async function* (path) {
      if (++reads === 2) {
        scope.use(await openToCommands(own, { session: "foot", permissions, asks: new Set() }));
        await guard("foot");
      }
      yield* readDir(path);
    };
    scope.defer(() => void (Deno.readDir = readDir));
    await deny(box, { channels: ["microphone"], session: undefined });
    assertEquals([...permissions.open], ["links"]);
  });
});

Deno.test("deny() closes a clipboard whose guard is known only when its run has obeyed", async () => {
  await withRuns(["foot"], async ({ box, runs, said, guard, root }) => {
    const clipboard = { in: true, out: true };
    const carrying = new Carrying(clipboard, () => 0);
    await guard("starting", (request) => carrying.carry(request));
    const [run] = runs as [Permissions];
    const { close } = run;
    run.close = (channels) => {
      const noted = { mounts: box.mounts.directory, session: "foot" };
      Deno.writeTextFileSync(join(root, ".attach-1w/session.json"), JSON.stringify(noted));
      return close(channels);
    };
    await deny(box, { channels: ["clipboard-in", "links"], session: "foot" });
    assertEquals([clipboard, said], [{ in: false, out: true }, ["result: foot: clipboard-in, links"]]);
  });
});

/** In a directory of all containers that has one of them. */
const read = async (line: string): ReturnType<typeof readDenial> => {
  const mounts = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${mounts}/live`);
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    return await readDenial(host, parseCommandLine(commandLine, line.split(" ")));
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
};

Deno.test("--deny with a container's name closes channels of its sessions; before a channel, it is about one to show", async () => {
  for (
    const line of [
      "--deny web microphone",
      "--deny=web microphone",
      "--session s --deny web microphone -q --json",
      "--deny web microphone,",
    ]
  ) assertEquals(await read(line), { word: "web", channels: ["microphone"] }, line);
  const clipboard: ChannelName[] = ["clipboard-in", "clipboard-out", "sound"];
  assertEquals(await read("--deny far:web clipboard,sound"), { word: "far:web", channels: clipboard });
  for (const name of ["sound", "links"]) {
    assertEquals(await read(`--deny local:${name} ${name}`), {
      word: `local:${name}`,
      channels: [name as ChannelName],
    });
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
  ) assertEquals(await read(line), undefined, line);
});

Deno.test("--deny with a container's name goes with no other option, and not with what cannot be closed", async () => {
  for (
    const [line, message] of [
      ["--deny web microphon", '"web" nor "microphon"'],
      ["--deny web ,", '"web" nor ","'],
      ["--deny live microphon", 'channel "microphon"'],
      ["--deny live ,", '"live" nor ","'],
      ["--deny .. microphon", '".." nor "microphon"'],
      ["--deny web links --allow sound", "--allow"],
      ["--stop --deny web links", "--stop"],
      ["--deny web look,links", 'channel "look"'],
    ] as const
  ) await assertRejects(() => read(line), UserError, message);
});
