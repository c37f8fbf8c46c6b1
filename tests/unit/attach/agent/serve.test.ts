// Whom an agent's requests are served to, and when: other versions, channels that close, runs that take turns.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { abortable } from "@std/async";
import { servePortals } from "../../../../lib/attach/agent/serve.ts";
import { createPermissions } from "../../../../lib/attach/session/permissions.ts";
import { exitStatus } from "../../../../lib/attach/session/protocol.ts";
import type { ProcessOptions } from "../../../../lib/base/process.ts";
import { open, withDialogs } from "../../agent_dialogs.ts";
import { localBox } from "../../containers.ts";
import { startTime } from "../../../model/time.ts";
import { recordingHost } from "../../recording_host.ts";

/** What an agent is told, after its own program. */
function afterSource(): TransformStream<Uint8Array, string> {
  let isSource = true;
  return new TransformStream({
    transform(piece, controller) {
      if (!isSource) controller.enqueue(new TextDecoder().decode(piece));
      isSource = false;
    },
  });
}

Deno.test("the user of a container that lacks what an agent needs is told what its apps cannot use", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async (dialogs) => {
    await dialogs.sayAtOnce([{ ask: "lacks", what: "python3-gi" }]);
    await dialogs.settled();
    assertEquals(dialogs.said, [
      'status: Apps cannot use dialogs, microphone: python3-gi is not installed in "box"',
    ]);
  });
});

Deno.test("closing the channel cuts the microphone", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async (dialogs) => {
    await dialogs.say({ ask: "record", on: true });
    assertEquals(dialogs.recorded.length, 2);
    dialogs.permissions.close(["microphone"]);
    await dialogs.say({ ask: "record", on: false }, { ask: "record", on: true });
    assertEquals(dialogs.recorded.length, 2);
  });
});

Deno.test("lines of the agent that are read when the session has ended do nothing", () =>
  withDialogs(() => Promise.resolve({ code: 1, stdout: "" }), async ({ say, sayAtOnce, settled, recorded, end }) => {
    await say({ ask: "record", on: true });
    const waiting = sayAtOnce(Array.from({ length: 200 }, () => ({ ask: "record", on: true })));
    await settled();
    const ending = end();
    recorded.length = 0;
    await say({ ask: "record", on: true });
    await Promise.all([ending, waiting]);
    assertEquals(recorded, []);
  }));

Deno.test("at the end of a run, a channel that fails keeps no other from ending", async () => {
  let stopped: readonly string[] = [];
  const serving = withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/home/me/a.txt\n" }),
    async (dialogs) => {
      dialogs.loans.end = () => Promise.reject(new Error("no space left"));
      const asking = dialogs.say(open(1));
      dialogs.pass(5_000);
      await asking;
      assertEquals([dialogs.lent, dialogs.stopped], [["/home/me/a.txt"], []]);
      stopped = dialogs.stopped;
    },
    { channels: ["dialogs", "look"] },
  );
  await assertRejects(() => serving, Error, "no space left");
  assertEquals(stopped, ["gsettings"]);
});

Deno.test("files are dragged out only while files is open, and not without end", async () => {
  const { host, said } = recordingHost();
  const told: string[] = [];
  let hear: (line: string) => unknown = () => {};
  host.start = (_argv, { stdin, output } = {}) => {
    assert(typeof stdin === "object" && "bytes" in stdin && typeof output === "object" && "line" in output);
    hear = output.line;
    stdin.bytes.pipeThrough(afterSource()).pipeTo(new WritableStream({ write: (piece) => void told.push(piece) }));
    return { pid: 1, ended: new Promise(() => {}), kill: () => {} };
  };
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  const permissions = createPermissions(localBox(host), { open: new Set(["files"]) });
  const served = await servePortals(localBox(host), {
    session: "s",
    permissions,
    asks: new Set(),
    now: () => 0,
    runsOn: () => Promise.resolve(false),
  });
  await settled();
  await hear(`{"ask":"ready","id":0}`);
  const dragOut = async (): Promise<number> => {
    told.length = 0;
    assertEquals(await served!.give!("file:///a\r\n", "out"), "");
    await settled();
    return told.filter((line) => line === `{"hand":["file:///a"]}\n`).length;
  };
  const handed: number[] = [];
  for (let times = 0; times < 8; times++) handed.push(await dragOut());
  assertEquals(handed, [1, 1, 1, 1, 1, 1, 0, 0]);
  permissions.close(["files"]);
  const stays = 'warn: Files dragged out of "box" stay there: ';
  const tooMuch = `${stays}too many are dragged at once. Drag them again later`;
  assertEquals([await dragOut(), said], [0, [tooMuch, `${stays}files is closed`]]);
  for (let times = 0; times < 2; times++) await hear(`{"ask":"stays","id":0}`);
  assertEquals(said.slice(2), [
    'warn: Some files dragged out of "box" stay there: only readable files can be dragged out, not directories',
  ]);
  await served![Symbol.asyncDispose]();
});

Deno.test("an agent is told nothing before it answers", async () => {
  const { host } = recordingHost();
  const told: string[] = [];
  let hear: (line: string) => unknown = () => {};
  host.start = (_argv, { stdin, output } = {}) => {
    if (typeof stdin === "object" && "bytes" in stdin && typeof output === "object" && "line" in output) {
      hear = output.line;
      stdin.bytes.pipeThrough(afterSource()).pipeTo(new WritableStream({ write: (piece) => void told.push(piece) }));
    }
    return { pid: 1, ended: new Promise(() => {}), kill: () => {} };
  };
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
  const served = await servePortals(localBox(host), {
    session: "s",
    permissions: createPermissions(localBox(host), { open: new Set(["look", "links"]) }),
    asks: new Set(),
    runsOn: () => Promise.resolve(false),
  });
  await settled();
  assertEquals(told, []);
  hear(`{"ask":"ready"}`);
  while (told.length === 0) await settled();
  assertEquals(told, ['{"scheme":"default"}\n']);
  await served![Symbol.asyncDispose]();
});

Deno.test("an agent that starts again after the tray has failed is told that there is none", async () => {
  const { host } = recordingHost({ answer: ([program]) => program === "gdbus" ? { stdout: "(true,)" } : {} });
  const told: string[] = [];
  const begun = Promise.withResolvers<(line: unknown) => unknown>();
  host.start = (argv, { stdin, output } = {}) => {
    const end = { argv, code: 1, signal: null, stdout: "", stderr: "No module named 'gi'" };
    if (argv[0] === "setpriv") return { pid: 2, ended: Promise.resolve(end), kill: () => {} };
    assert(typeof stdin === "object" && "bytes" in stdin && typeof output === "object" && "line" in output);
    begun.resolve((line) => output.line(JSON.stringify(line)));
    stdin.bytes.pipeThrough(afterSource()).pipeTo(new WritableStream({ write: (piece) => void told.push(piece) }));
    return { pid: 1, ended: new Promise(() => {}), kill: () => {} };
  };
  await using portals = await servePortals(localBox(host), {
    session: "s",
    permissions: createPermissions(localBox(host), { open: new Set(["links", "tray"]) }),
    asks: new Set(),
    runsOn: () => Promise.resolve(false),
  });
  assertEquals(portals!.served(), ["links", "tray"]);
  const say = await begun.promise;
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
  const ready = { ask: "ready" };
  await say(ready);
  await say({ ask: "icon", id: 1, title: "Mail", status: "Active", isMenu: false, menu: [] });
  while (told.length < 1) await settled();
  await say(ready);
  for (let step = 0; step < 100 && told.length < 2; step++) await settled();
  assertEquals(told, ['{"tray":false}\n', '{"tray":false}\n']);
  assertEquals(portals!.served(), ["links"]);
  await say({ ask: "lacks", what: "python3-gi" });
  assertEquals(portals!.served(), []);
});

Deno.test("an agent that has started only when the session has ended is ended at once", async () => {
  const { host } = recordingHost();
  const { start } = host;
  const killed = Promise.withResolvers<void>();
  host.start = (...args) => ({ ...start(...args), ended: new Promise(() => {}), kill: () => killed.resolve() });
  const served = await servePortals(localBox(host), {
    session: "s",
    permissions: createPermissions(localBox(host), { open: new Set(["links"]) }),
    asks: new Set(),
    runsOn: () => Promise.resolve(false),
  });
  await served![Symbol.asyncDispose]();
  await killed.promise;
});

Deno.test("a run whose apps a later run serves waits until that has ended, and serves them again", async () => {
  const { host, said } = recordingHost({ env: { HOME: "/home/me" } });
  const shown = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<AbortSignal>()];
  let dialogs = 0;
  const { run } = host;
  host.run = async (argv, options) => {
    if (argv[0] !== "zenity" || argv[1] !== "--file-selection") return await run(argv, options);
    shown[dialogs++]!.resolve(options!.signal!);
    return await abortable(new Promise<never>(() => {}), options!.signal!);
  };
  let told = "";
  const scripts: string[] = [];
  const started: { say(line: unknown): unknown; end(code: number): void }[] = [];
  const begun = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  host.start = (argv, { output, stdin }: ProcessOptions = {}) => {
    assert(typeof output === "object" && "line" in output && typeof stdin === "object" && "bytes" in stdin);
    stdin.bytes.pipeThrough(afterSource()).pipeTo(new WritableStream({ write: (piece) => void (told += piece) }));
    const over = Promise.withResolvers<number>();
    scripts.push(argv.at(-1)!);
    begun[started.length]!.resolve();
    started.push({
      say: (line) => output.line(JSON.stringify(line)),
      end: over.resolve,
    });
    return {
      pid: 1,
      ended: over.promise.then((code) => ({ argv, code, signal: null, stdout: "", stderr: "" })),
      kill: () => over.resolve(0),
    };
  };
  const box = localBox(host);
  const permissions = createPermissions(box, { open: new Set(["sound", "dialogs", "links"]) });
  let agains = 0;
  const noted: string[] = [];
  await using served = await servePortals(
    {
      ...box,
      loans: () => Promise.reject(new Error("none")),
      script({ script }) {
        noted.push(/\bverb=note\b.*/s.exec(script)?.[0] ?? "");
        return Promise.resolve({ argv: [], code: 0, signal: null, stdout: "", stderr: "" });
      },
    },
    { session: "s", permissions, asks: new Set(["links"]), runsOn: () => Promise.resolve(false), restartMs: 1 },
  );
  served!.onAgain = () => Promise.resolve(void agains++);
  await begun[0]!.promise;
  await started[0]!.say(open(1));
  const dialog = await shown[0]!.promise;
  started[0]!.end(exitStatus.replaced);
  await begun[1]!.promise;
  // The connection to it breaks meanwhile.
  started[1]!.end(255);
  await begun[2]!.promise;
  assertEquals([dialog.aborted, told, agains], [true, "", 0]);
  await started[2]!.say({ ask: "ready" });
  assertEquals(scripts.map((script) => /\bwaits=('yes'|yes)/.test(script)), [false, true, true]);
  assertEquals(said.slice(0, 2), [
    'status: Another run serves the apps of "s" now',
    'status: This run serves the apps of "s" again. Open channels: sound, dialogs; asks: links',
  ]);
  while (noted.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertStringIncludes(noted[0]!, "sound,dialogs,links?");
  assertEquals(agains, 1, "what is dropped comes to this run again");
  await started[2]!.say(open(2));
  const second = await shown[1]!.promise;
  // Its app has had the answer that there is none.
  started[2]!.end(255);
  await begun[3]!.promise;
  assertEquals(second.aborted, true);
});

Deno.test("an agent that was ready is started again as soon as the first one would be, however often that was", async () => {
  const { host } = recordingHost({ env: { HOME: "/home/me" } });
  using time = startTime();
  const begun: number[] = [];
  const enough = Promise.withResolvers<void>();
  host.start = (argv, { output }: ProcessOptions = {}) => {
    if (begun.push(time.now()) === 7) enough.resolve();
    assert(typeof output === "object" && "line" in output);
    const isReady = begun.length > 3;
    const ready = JSON.stringify({ ask: "ready" });
    const said = isReady ? output.line(ready) : Promise.resolve();
    const ended = Promise.resolve(said).then(() => ({ argv, code: 255, signal: null, stdout: "", stderr: "" }));
    return { pid: 1, ended, kill() {} };
  };
  const box = localBox(host);
  const permissions = createPermissions(box, { open: new Set(["links"]) });
  const options = {
    session: "s",
    permissions,
    asks: new Set<never>(),
    runsOn: () => Promise.resolve(false),
    restartMs: 100,
  };
  await using _ = await servePortals({ ...box, loans: () => Promise.reject(new Error("none")) }, options);
  await time.until(enough.promise);
  const pauses = begun.slice(1, 7).map((at, index) => Math.round((at - begun[index]!) / 100));
  assertEquals(pauses, [1, 2, 4, 1, 1, 1]);
});
