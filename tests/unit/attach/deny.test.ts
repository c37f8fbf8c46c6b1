// Channels that the user closes while their session runs.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { deny } from "../../../lib/attach/deny.ts";
import { createPermissions, type Permissions } from "../../../lib/attach/session/permissions.ts";
import { findRuns, openToCommands } from "../../../lib/attach/session/runs.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Channel } from "../../../lib/guard/channel.ts";
import { createCarrying } from "../../../lib/guard/wayland/carrying.ts";
import { localBox } from "../containers.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { withRuns } from "../runs.ts";

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

Deno.test("deny() closes the channels of a run that shows its windows just now", async () => {
  await withRuns([], async ({ box, guard, root, env }) => {
    const own = localBox(recordingHost({ env }).host, { mounts: box.mounts, directory: join(root, ".attach-own") });
    const permissions = createPermissions(own, { open: new Set(["links", "microphone"]) });
    await using scope = new AsyncDisposableStack();
    let isShown = false;
    const directory = async (): Promise<string> => {
      if (!isShown) {
        isShown = true;
        scope.use(await openToCommands(own, { session: "foot", permissions, asks: new Set() }));
        await guard("foot");
      }
      return await own.directory();
    };
    await deny({ ...box, directory }, { channels: ["microphone"], session: undefined });
    assertEquals([...permissions.open], ["links"]);
  });
});

Deno.test("deny() closes a clipboard whose guard is known only when its run has obeyed", async () => {
  await withRuns(["foot"], async ({ box, runs, said, guard, root }) => {
    const clipboard = { in: true, out: true };
    await guard("starting", createCarrying({ clipboard, now: () => 0 }).carry);
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
