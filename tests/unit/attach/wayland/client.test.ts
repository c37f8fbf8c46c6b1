// The host's end of windows on a Wayland compositor: its boxes and its guard, and what becomes of them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { newTransport, startWaylandClient, type WaylandClient } from "../../../../lib/attach/wayland/client.ts";
import inBox from "../../../../lib/attach/wayland/in_box.sh" with { type: "text" };
import makeContext from "../../../../lib/attach/wayland/make_context.sh" with { type: "text" };
import type { ProcessResult } from "../../../../lib/base/errors.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { withValues } from "../../../../lib/base/shell_words.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { windowsLine } from "../../../../lib/guard/process_interface.ts";
import { settle } from "../../../model/time.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { lockedDirectory } from "../../runs.ts";
import { testWith } from "../../samples.ts";

/** waypipe on a busy machine: it listens, and looks for its context's socket later. Then the session ends. */
const slowWaypipe = `#!/usr/bin/env python3
import os, socket, sys, time

unused = sys.argv[sys.argv.index("--socket") + 1]
context = os.path.dirname(unused) + f"/waypipe-secctx-{os.getpid()}"
sockets = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for listener, path in zip(sockets, [context, unused]):
    listener.bind(path)
    listener.listen()
time.sleep(0.3)
try:
    sockets[2].connect(context)
    print("found", flush=True)
finally:
    open(os.environ["END"], "w").close()
`;

testWith(["python3", "mkfifo"], "a context of a waypipe that is slow stays where waypipe looks for it", async () => {
  const own = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(own, "waypipe"), slowWaypipe, { mode: 0o755 });
    const transport = newTransport();
    const script = withValues(inBox + makeContext, { shared: own, transport, app_id: "box", own });
    // What waits on in the script for a session that never comes holds its output open.
    const lines = ["/bin/sh", "-c", '/bin/sh -c "$1" 2>/dev/null | head -n 2', "sh", script];
    const { stdout } = await runProcess(lines, {
      stdin: { text: "keep\n" },
      env: { PATH: `${own}:${Deno.env.get("PATH")}`, END: join(own, `${transport}~end`) },
      timeoutMs: 20_000,
    });
    assertEquals(stdout, "ready\nfound\n");
    assertEquals((await Deno.lstat(join(own, "display"))).isSocket, true);
  } finally {
    await Deno.remove(own, { recursive: true });
  }
});

/** The container opens and closes the session's FIFO before waypipe listens. Then waypipe runs on. */
const waypipeWithHostileContainer = `#!/usr/bin/env python3
import os, socket, sys, time

open(os.environ["END"], "w").close()
time.sleep(0.3)
unused = sys.argv[sys.argv.index("--socket") + 1]
sockets = [socket.socket(socket.AF_UNIX) for _ in range(2)]
for listener, path in zip(sockets, [os.path.dirname(unused) + f"/waypipe-secctx-{os.getpid()}", unused]):
    listener.bind(path)
    listener.listen()
time.sleep(1)
`;

testWith(
  ["python3", "mkfifo"],
  "a container ends no box before that is ready, so that it cannot bring about X",
  async () => {
    const own = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(join(own, "waypipe"), waypipeWithHostileContainer, { mode: 0o755 });
      const transport = newTransport();
      const script = withValues(inBox + makeContext, { shared: own, transport, app_id: "box", own });
      const { stdout, code } = await runProcess([
        "/bin/sh",
        "-c",
        '/bin/sh -c "$1" 2>/dev/null | head -n 1',
        "sh",
        script,
      ], {
        stdin: { text: "keep\n" },
        env: { PATH: `${own}:${Deno.env.get("PATH")}`, END: join(own, `${transport}~end`) },
        timeoutMs: 20_000,
      });
      assertEquals([stdout, code], ["ready\n", 0]);
    } finally {
      await Deno.remove(own, { recursive: true });
    }
  },
);

/** A client that is being started. */
interface Trial {
  client: WaylandClient;
  said: string[];
  /** What guard and boxes have read, each when it was told to end or to stay. */
  words: string[];
  /** The guard says something, and all of them end. */
  end(line: string, guard?: Partial<ProcessResult>): void;
}

/** `fill`: makes what the session's box is to make in its directory. */
async function withClient(
  fill: (directory: string, opened: DisposableStack) => Promise<unknown>,
  test: (trial: Trial) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  using opened = new DisposableStack();
  try {
    // Of a guard whose run had this process's id, and has ended.
    opened.use(await lockedDirectory(join(root, `.attach-${Deno.pid}w`)));
    const env = { GUI_CONTAINER_MOUNTS: root, WAYLAND_DISPLAY: "null", XDG_RUNTIME_DIR: "/dev" };
    const { host: recording, said } = recordingHost({ env });
    const words: string[] = [];
    const ends: (() => void)[] = [];
    let guardEnd: Partial<ProcessResult> = {};
    let sayAsGuard = (_line: string): void => {};
    const host: Host = {
      ...recording,
      start(argv, { stdin, output } = {}) {
        assert(typeof stdin === "object" && "text" in stdin && typeof output === "object" && "line" in output);
        const { line } = output;
        const isGuard = argv.includes("--guard-wayland");
        if (isGuard) sayAsGuard = line;
        const own = argv.find((word) => word.startsWith(root) && word.endsWith("/box"));
        const ready = Promise.resolve(own && fill(own, opened)).then(() => line("ready"));
        const { promise: ended, resolve } = Promise.withResolvers<ProcessResult>();
        const end = (): void =>
          resolve({ argv, code: 0, signal: null, stdout: "", stderr: "", ...isGuard ? guardEnd : {} });
        ends.push(end);
        // Each looks at its input once it is ready.
        ready.then(() => stdin.text).then((word) => {
          words.push(isGuard ? `guard: ${word}` : word);
          if (word === "") end();
        });
        return { pid: 1, ended, kill() {} };
      },
    };
    const box = localBox(host, { mounts: mountsIn(host, "box") });
    const client = await startWaylandClient(box, {
      app: "xterm",
      clipboard: { in: true, out: true },
      takesFiles: false,
      givesFiles: false,
      border: { colour: "#e60000", width: 4 },
    });
    const end = (line: string, guard: Partial<ProcessResult> = {}): void => {
      guardEnd = guard;
      sayAsGuard(line);
      ends.forEach((end) => end());
    };
    await test({ client, said, words, end });
    await box[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What waypipe's box is to make. */
async function makeWhole(directory: string, opened: DisposableStack): Promise<void> {
  opened.use(Deno.listen({ transport: "unix", path: join(directory, "waypipe") }));
  await runProcess(["mkfifo", join(directory, "alive")]);
}

testWith(["mkfifo"], "windows stay when their run says so, and say at the end what has become of them", async () => {
  for (const signal of [null, "SIGKILL"] as const) {
    await withClient(makeWhole, async ({ client, said, words, end }) => {
      await client.ready;
      client.keep();
      end(windowsLine("closed"), { signal });
      assertEquals(await client.ended, "closed");
      assertEquals(words, ["keep\n", "keep\n", "guard: keep\n"]);
      await settle();
      assertEquals(
        said.map((line) => line.slice(0, 45)),
        signal ? ["warn: The guard of these windows was ended by"] : [],
      );
    });
  }
});

testWith(
  ["mkfifo"],
  "the guard of a run that fails early outlives a box that is starting in its directory",
  async () => {
    const { promise: isStarting, resolve: started } = Promise.withResolvers<void>();
    const { promise: canGoOn, resolve: goOn } = Promise.withResolvers<void>();
    const slow: typeof makeWhole = async (...given) => {
      started();
      await canGoOn;
      await makeWhole(...given);
    };
    await withClient(slow, async ({ client, words }) => {
      await isStarting;
      const disposed = client[Symbol.asyncDispose]();
      await settle();
      assertEquals(words, [""]);
      goOn();
      await disposed;
      assertEquals(words, ["", "", "guard: "]);
    });
  },
);

testWith(["mkfifo"], "without that, guard and boxes end with their run", async () => {
  await withClient(makeWhole, async ({ client, words }) => {
    await client.ready;
    await client[Symbol.asyncDispose]();
    assertEquals([words, await client.ended], [["", "", "guard: "], "other"]);
  });
});

testWith(
  ["mkfifo"],
  "whoever has taken over waypipe's client leads the guard to no other socket of the host's",
  async () => {
    await withClient(async (directory, opened) => {
      await makeWhole(directory, opened);
      await Deno.rename(join(directory, "waypipe"), join(directory, "host"));
      await Deno.symlink("host", join(directory, "waypipe"));
    }, async ({ client, words }) => {
      await assertRejects(() => client.ready, Error, "is something else");
      await client[Symbol.asyncDispose]();
      assertEquals(words, ["", "", "guard: "]);
    });
  },
);
