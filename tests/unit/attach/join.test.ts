// A second run of an app: how it ends, and what it says of options that come too late.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { borderOf } from "../../../lib/container/border.ts";
import type { Container } from "../../../lib/container/container.ts";
import { Unreachable } from "../../../lib/container/ssh.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import type { StartRequest } from "../../../lib/settings/request.ts";
import { join as joinSession } from "../../../lib/attach/join.ts";
import { startAgain } from "../../../lib/attach/same_app.ts";
import type { LiveSession } from "../../../lib/attach/session/live_sessions.ts";
import { exitStatus } from "../../../lib/attach/session/protocol.ts";
import { recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

const live: LiveSession = {
  container: "box",
  session: "web",
  display: "x11",
  app: "firefox",
  pid: 7,
  clients: 1,
  channels: "",
  isServed: false,
  since: "",
};

function failed(code: number, stdout: string): ProcessError {
  return new ProcessError({ argv: ["ssh"], code, signal: null, stdout, stderr: "" });
}

/**
 * Starts an app again in a session that is shown.
 *
 * @param end how ssh ends, after so many seconds
 * @returns the exit code, and what was said
 */
async function again(
  end: Error | undefined,
  { seconds = 10, request = {}, directory = "/nowhere/box", log = "" }: {
    seconds?: number;
    log?: string;
    request?: Partial<StartRequest>;
    directory?: string;
  } = {},
): Promise<{ code: number; said: string[] }> {
  const { host, said } = recordingHost({ env: { HOME: "/nowhere" } });
  const { now } = performance;
  let ms = 0;
  performance.now = () => ms;
  const container = {
    host,
    label: "box",
    engine: engineCalled("incus"),
    mounts: { directory },
    reach: () => Promise.resolve({ sockets: "/x" }),
    log: () => Promise.resolve({ text: log, omittedBytes: 0 }),
    script() {
      ms += 1000 * seconds;
      return end ? Promise.reject(end) : Promise.resolve({ code: 0, stdout: "web\n" });
    },
  } as unknown as Container;
  const asked = {
    app: ["firefox"],
    open: new Set(),
    userOptions: [],
    box: true,
    ...request,
  } as unknown as StartRequest;
  try {
    return { code: await startAgain(container, { live, request: asked }), said };
  } finally {
    performance.now = now;
  }
}

const started = ["status", '"firefox"', 'session "web"'] as const;

Deno.test("a second run ends well where only its app's exit status says otherwise, and late", async () => {
  const well = await again(undefined);
  assertEquals(well.code, 0);
  assertSaid(well.said, [started]);
  const status = failed(1, "web\n");
  const late = await again(status);
  assertEquals(late.code, 0);
  assertSaid(late.said, [started, ["status", '"firefox"', "status 1"]]);
  assertSaid((await again(status, { log: "The session is stopped\n" })).said, [started]);
  await assertRejects(() => again(status, { seconds: 1 }), UserError, "status 1");
});

Deno.test("a second run fails with its session, its connection, or without its program, however late", async () => {
  await assertRejects(() => again(failed(255, "web\n")), UserError, 'session "web"');
  const unreachable = new Unreachable("Cannot reach", { hint: "" });
  await assertRejects(() => again(unreachable), Unreachable);
  // Such as at a restart of the container.
  const broken = new Unreachable("Cannot reach", { hint: "", cause: failed(255, "web\n") });
  await assertRejects(() => again(broken), UserError, '"firefox" in the session "web"');
  const missing = await assertRejects(() => again(failed(127, "")), UserError, 'no program "firefox"');
  assertEquals(missing.exitCode, 127);
});

Deno.test("a second run keeps its border for later, and says so once; what the windows do not get, it says", async () => {
  const root = await Deno.makeTempDir();
  try {
    const directory = join(root, "box");
    await Deno.mkdir(directory);
    const border = { colour: "#ff0000", width: 5, isAlways: true };
    assertSaid((await again(undefined, { directory, request: { border } })).said, [started, ["status", "border"]]);
    assertEquals(await borderOf({ host: recordingHost().host, mounts: { directory } }), border);
    assertSaid((await again(undefined, { directory, request: { border } })).said, [started]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
  const { said } = await again(undefined, { request: { userOptions: ["--title=x"], box: false } });
  assertSaid(said, [started, ["warn", "--title=x --no-box"]]);
});

Deno.test("join() says at Ctrl-C what runs on, unless the run that shows the session does", async () => {
  for (const isShownHere of [false, true]) {
    const { host, said } = recordingHost({ env: { HOME: "/nowhere" } });
    const container = {
      host: { ...host, signal: AbortSignal.abort("Ctrl-C") },
      label: "box",
      engine: engineCalled("incus"),
      mounts: { directory: "/nowhere/box" },
      reach: () => Promise.resolve({ sockets: "/x" }),
      script: () => Promise.reject(new Error("Ctrl-C")),
    } as unknown as Container;
    await assertRejects(() => joinSession(container, { app: ["foot"], session: "web", isShownHere }), Error, "Ctrl-C");
    assertSaid(said, isShownHere ? [] : [["status", '"foot" has started, it runs on', "attach.ts --stop box web"]]);
  }
});

Deno.test("join() says that no session runs where a killed container has left the only socket", async () => {
  const { host } = recordingHost({ env: { HOME: "/nowhere" } });
  const join = (session: string | undefined, listed: string): Promise<number> => {
    const container = {
      host,
      label: "box",
      engine: engineCalled("incus"),
      mounts: { directory: "/nowhere/box" },
      seenSessions: () => Promise.resolve(["web"]),
      reach: () => Promise.resolve({ sockets: "/x" }),
      script: ({ parameters }: { parameters?: string[] }) =>
        parameters ? Promise.reject(failed(exitStatus.notLive, "")) : Promise.resolve({ code: 0, stdout: listed }),
    } as unknown as Container;
    return joinSession(container, { app: ["foot"], session });
  };
  await assertRejects(() => join(undefined, ""), UserError, 'session runs in "box"');
  const other = 'mail\tx11\t7\t1\t0\t\t\t"mail"\n';
  await assertRejects(() => join(undefined, other), UserError, 'no session "web"');
  await assertRejects(() => join("web", ""), UserError, 'no session "web"');
});
