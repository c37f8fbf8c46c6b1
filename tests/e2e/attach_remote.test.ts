// attach.ts and a container on another machine: windows over X and over Wayland over one connection, which may break.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type RunningProcess, runProcess } from "../../lib/base/process.ts";
import { clusterEnvironment, missingParts, type PartName } from "../lab/state.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft } from "./sessions.ts";
import { noting, standIns } from "./stand_ins.ts";
import { desktop, type, waylandParts, windowCalled, windows } from "./wayland_desktop.ts";
import { windowWith, xWindows } from "./windows.ts";
import { makeContainer, makeShared, removeContainer, shareOnEngines } from "./world.ts";

// The tests of all files run in one process: the environment is put back for those of the other files.
const environment = Object.entries(clusterEnvironment());
const before = environment.map(([variable]) => [variable, Deno.env.get(variable)] as const);
Deno.test.beforeAll(() => environment.forEach(([variable, value]) => Deno.env.set(variable, value)));
Deno.test.afterAll(() => {
  for (const [variable, value] of before) {
    if (value === undefined) Deno.env.delete(variable);
    else Deno.env.set(variable, value);
  }
});

const engine = "incus";
const name = "far:e2e-far-attach";
shareOnEngines({ make: () => makeContainer(engine, name), remove: () => removeContainer(engine, name) });

function testFar(what: string, parts: readonly PartName[], test: () => Promise<void>): void {
  const missing = missingParts(engine, "far", ...parts);
  Deno.test({
    name: `${engine}: ${what}${missing ? ` (skipped: ${missing})` : ""}`,
    ignore: missing !== undefined,
    async fn() {
      await makeShared(engine);
      await test().catch(async (error) => {
        // The next test must not find this one's session.
        await script("attach", engine, ["--stop", name, "--all"]);
        throw error;
      });
    },
  });
}

/** The process ids of the user's processes whose command line matches. */
async function pids(pattern: string): Promise<number[]> {
  const { stdout } = await runProcess(["pgrep", "-u", String(Deno.uid()), "-f", "--", pattern], { okCodes: "any" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** The masters of connections to the container, and what the engine runs for them. */
const masters = (): Promise<number[]> => pids("^ssh -M .*far:e2e-far-attach");
const engineEnds = (): Promise<number[]> => pids("^incus exec far:e2e-far-attach ");

/** The process ids of the runs since {@linkcode allGone} was called last. */
const started: number[] = [];

function startAttach(args: readonly string[], options?: Parameters<typeof startScript>[3]): RunningProcess {
  const attach = startScript("attach", engine, args, options);
  started.push(attach.pid);
  return attach;
}

/** Fails unless nothing of any run is left, on either side. */
async function allGone(): Promise<void> {
  await eventually(
    "the end of the connection",
    async () => (await masters()).length + (await engineEnds()).length === 0,
  );
  const directories = started.splice(0).map((pid) => `.attach-${pid}`);
  const left = [...Deno.readDirSync(mountsRoot)].map(({ name }) => name).filter((name) => directories.includes(name));
  assertEquals(left, []);
  await nothingLeft(engine, name);
}

/** The sessions of the container, which are asked of it, or of all containers of the remote. */
async function listed(word = name): Promise<{ session: string; display: string; clients: number }[]> {
  const { code, stdout, stderr } = await script("attach", engine, ["--json", "--list", word]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout).filter(({ container }: { container: string }) => container === name);
}

testFar("attach.ts, elsewhere: links and files that an app opens reach the host", needed, async () => {
  await using host = await standIns((directory) => noting(directory, "xdg-open", "notify-send"));
  const attach = startAttach([
    ...["--preset=isolated", "--allow=links,files", "--session=opens", name, "xclock"],
  ], { env: host.env });
  await windowWith("\\[far:e2e-far-attach\\] xclock");
  const inside = (shell: string): Promise<string> => inSession(engine, name, "opens", shell);
  const sum = await inside("head -c 3000000 /dev/urandom >a.bin; xdg-open a.bin; sha256sum <a.bin");
  await inside("xdg-open https://example.org/far");
  await eventually("the link", async () => (await host.read("told")).includes("https://example.org/far\n"));
  const isThere = `cd '${host.downloads}'; [ -e a.bin ] && sha256sum <a.bin || :`;
  await eventually("the file", async () => await sh(["sh", "-c", isThere]) === sum);
  await inside("rm a.bin");
  await script("attach", engine, ["--stop", name, "opens"]);
  await attach.ended;
});

testFar(
  "attach.ts, elsewhere: an app outlives Ctrl-C and a broken connection, is listed, shown again, logged and stopped",
  needed,
  async () => {
    const first = startAttach([
      "--session=x",
      name,
      "xterm -T elsewhere -e sh -c 'echo in the log >>/proc/$PPID/fd/2; exec cat'",
    ]);
    await windowWith("\\[far:e2e-far-attach\\] elsewhere");
    assertEquals((await masters()).length, 1);
    assertEquals((await listed()).map(({ session, display, clients }) => [session, display, clients]), [[
      "x",
      "x11",
      1,
    ]]);
    first.kill("SIGINT");
    const detached = await first.ended;
    assertEquals(detached.code, 130, detached.stderr);
    assertStringIncludes(detached.stderr, "Open channels: clipboard, sound, look, dialogs");
    assertMatch(detached.stderr, new RegExp(`To come back: \\S*attach\\.ts (--engine=\\w+ )?--session x ${name}\n`));
    assertEquals((await masters()).length, 0);
    assertEquals((await listed()).map(({ clients }) => clients), [0]);
    assertEquals(await listed("far:"), await listed());

    const said: string[] = [];
    const again = startAttach([name], { output: { line: (line) => said.push(line) } });
    const window = await windowWith("\\[far:e2e-far-attach\\] elsewhere");
    const [engineEnd] = await engineEnds();
    Deno.kill(engineEnd!, "SIGKILL");
    await eventually("the end of the first window", async () => {
      return !(await xWindows("elsewhere")).includes(window);
    });
    await windowWith("\\[far:e2e-far-attach\\] elsewhere");
    assertEquals(said.slice(-2), [
      `warning: The connection to "${name}" is lost. The app runs on. Trying again until Ctrl-C`,
      `Connected to "${name}" again`,
    ]);

    const logs = await script("attach", engine, ["--logs", name, "x"]);
    assertStringIncludes(logs.stdout, "The app is started\n");
    assertStringIncludes(logs.stdout, "\nin the log\n");
    const stopped = await script("attach", engine, ["--stop", name]);
    assertEquals([stopped.code, stopped.stdout], [0, "x\n"]);
    const { code, stderr } = await again.ended;
    assertEquals([code, stderr.trimEnd().split("\n").at(-1)], [0, 'The session "x" was stopped']);
    await allGone();
  },
);

testFar(
  "attach.ts, elsewhere: an app hears the host's microphone while it records",
  [...needed, "sound"],
  async () => {
    const attach = startAttach(["--preset=isolated", "--allow=microphone", name, "xclock"]);
    await windowWith("\\[far:e2e-far-attach\\] xclock");
    const record = "timeout 4 parec --raw --format=s16le --rate=8000 --channels=1 | wc -c";
    // A second of it.
    await eventually("the microphone", async () => Number(await inSession(engine, name, "xclock", record)) > 16_000);
    await eventually("the end of the recorder", async () => (await pids("^pacat --record .*ulaw")).length === 0);
    await script("attach", engine, ["--stop", name]);
    assertStringIncludes((await attach.ended).stderr, `warning: "${name}" listens to your microphone\n`);
    await allGone();
  },
);

testFar(
  "attach.ts, elsewhere: how an app has ended, and a run that is killed leaves nothing of its own",
  needed,
  async () => {
    const failed = await script("attach", engine, [name, "sh -c 'echo no such thing; exit 3'"], { timeoutMs: 60_000 });
    assertEquals(failed.code, 1, failed.stderr);
    assertStringIncludes(failed.stderr, '"sh" ended with exit status 3\n    no such thing\n');
    const missing = await script("attach", engine, [name, "no-such-app"], { timeoutMs: 60_000 });
    assertEquals(missing.code, 127, missing.stderr);

    const running = startAttach(["--session=killed", name, "xterm -T killed -e cat"]);
    await windowWith("\\[far:e2e-far-attach\\] killed");
    for (const pid of await pids(`--session=killed ${name}`)) Deno.kill(pid, "SIGKILL");
    await running.ended;
    await eventually(
      "the end of the connection",
      async () => (await masters()).length + (await engineEnds()).length === 0,
    );
    const stopped = await script("attach", engine, ["--stop", name, "--all"]);
    assertEquals([stopped.code, stopped.stdout], [0, "killed\n"]);
    // The next run has removed what the killed one has left.
    await allGone();
  },
);

testFar("attach.ts, elsewhere: a container that fills its log is read to a bound only", needed, async () => {
  await inContainer(
    engine,
    name,
    "mkdir -p .xpra; printf 'first\\n' >.xpra/big.log; truncate -s 1T .xpra/big.log; echo last >>.xpra/big.log",
  );
  const { code, stdout, stderr } = await script("attach", engine, ["--logs", name, "big"]);
  await inContainer(engine, name, "rm .xpra/big.log");
  assertEquals(code, 0, stderr);
  assert(stdout.length <= 4 * 2 ** 20 + 16, `${stdout.length}`);
  assertStringIncludes(stdout.slice(-16), "last\n");
  assertMatch(stderr, /^warning: .* log .* \d+ characters/);
});

testFar(
  "attach.ts, elsewhere: a window over Wayland ends with --stop, with the run, and with its connection",
  [...needed, ...waylandParts],
  async () => {
    const env = desktop();
    const app = `foot -T far sh -c 'read -r line; echo "$line" >share/typed; exec sleep 600'`;
    const running = startAttach(["--display=wayland", "--session=w", name, app], { env });
    await windowCalled(`[${name}] far`);
    assertEquals((await listed()).map(({ session, display, clients }) => [session, display, clients]), [
      ["w", "wayland", 1],
    ]);
    await type("hunter22\n");
    await eventually(
      "the keys",
      async () => (await inContainer(engine, name, "cat share/typed || true")) === "hunter22",
    );
    const stopped = await script("attach", engine, ["--stop", name]);
    assertEquals([stopped.code, stopped.stdout], [0, "w\n"]);
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr.trimEnd().split("\n").at(-1)], [0, 'The session "w" was stopped'], stderr);
    assertEquals(await windows(), []);
    await allGone();

    const left = startAttach(["--display=wayland", "--session=l", name, "foot -T left sleep 600"], {
      env,
    });
    await windowCalled(`[${name}] left`);
    left.kill("SIGINT");
    const ended = await left.ended;
    assertEquals(ended.code, 130, ended.stderr);
    assertStringIncludes(ended.stderr, '"l" is stopped: its windows last no longer than this run\n');
    assertEquals(await windows(), []);
    await allGone();

    // What the app leaves behind without its windows ends as well.
    const lost = startAttach(["--display=wayland", "--session=b", name, "sh -c 'foot -T lost; exec sleep 600'"], {
      env,
    });
    await windowCalled(`[${name}] lost`);
    const [engineEnd] = await engineEnds();
    Deno.kill(engineEnd!, "SIGKILL");
    const { code: lostCode, stderr: why } = await lost.ended;
    assertEquals([lostCode, why.split("\n").slice(-3)], [1, [
      `error: The connection to "${name}" is lost, and with it the windows of "b"`,
      "hint: Its app ends as well. Over X, apps run on and their windows come back: --display x11",
      "",
    ]], why);
    assertEquals(await windows(), []);
    await eventually("the end of the session", async () => (await listed()).length === 0);
    await allGone();
  },
);
