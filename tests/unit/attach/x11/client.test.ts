import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, join } from "@std/path";
import { makeAttachDirectory } from "../../../../lib/attach/x11/attach_directory.ts";
import { type ClientOptions, startClient } from "../../../../lib/attach/x11/client.ts";
import { noCrossings } from "../../../../lib/guard/crossings.ts";
import { createMemory } from "../../../../lib/guard/xpra/memory.ts";
import { fallbackScreen } from "../../../../lib/attach/x11/screen.ts";
import { modeOf } from "../../../../lib/base/files.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { makePrivateDirectory } from "../../../../lib/container/private_directory.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

/** A host with directories of a container, on which clients run until they are ended, and what becomes of them. */
async function withHost(
  work: (world: { host: Host; events: string[]; options: ClientOptions; directory: string }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const events: string[] = [];
  const { host: recording } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory, DISPLAY: ":7" } });
  const host: Host = {
    ...recording,
    start(argv) {
      events.push(argv[0]!);
      const ended = Promise.withResolvers<
        { argv: typeof argv; code: number; signal: null; stdout: ""; stderr: "" }
      >();
      return {
        pid: 1,
        ended: ended.promise,
        kill(signal) {
          events.push(signal);
          ended.resolve({ argv, code: 1, signal: null, stdout: "", stderr: "" });
        },
      };
    },
  };
  const mounts = mountsIn(host, "box");
  const container = localBox(host, { mounts });
  await Deno.mkdir(mounts.sockets, { recursive: true });
  const options: ClientOptions = {
    container,
    open: new Set(["sound"]),
    memory: createMemory(),
    crossings: noCrossings,
    border: { colour: "#e60000", width: 4, isAlways: false },
    userOptions: [],
    screen: fallbackScreen,
    box: true,
  };
  try {
    await work({ host, events, options, directory });
    await container[Symbol.asyncDispose]();
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
    assertEquals(left.filter((name) => name !== ".seccomp"), [".lock", "box"], "nothing is left");
    assertEquals([...Deno.readDirSync(mounts.sockets)].map(({ name }) => name), [], "nothing is left");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("startClient() runs the client in a box, and ends it with its scope", () =>
  withHost(async ({ events, options }) => {
    {
      await using _client = await startClient(options);
      assertEquals(events, ["setpriv"]);
    }
    assertEquals(events, ["setpriv", "SIGTERM"]);
    {
      await using _client = await startClient({ ...options, box: false });
    }
    assertEquals(events.slice(2), ["xpra", "SIGTERM"]);
  }));

Deno.test("startClient() ends its client when the run is ended, and starts none after that", () =>
  withHost(async ({ host, events, options }) => {
    const ending = new AbortController();
    const mounts = mountsIn(host, "box");
    await using container = localBox({ ...host, signal: ending.signal }, { mounts });
    const ofRun = { ...options, container };
    const client = await startClient(ofRun);
    ending.abort(new RangeError("Ctrl-C"));
    const { code, wasAttached, reason } = await client.ended;
    assertEquals([events, code, wasAttached, reason], [["setpriv", "SIGTERM"], 1, false, undefined]);
    await assertRejects(() => startClient(ofRun), RangeError, "Ctrl-C");
    assertEquals(events.length, 2);
  }));

Deno.test("a client is shown the session whose socket was there, whatever the container puts in its place meanwhile", () =>
  withHost(async ({ host, options, directory }) => {
    const [path, away] = [
      join(options.container.mounts.sockets, "xterm"),
      join(options.container.mounts.sockets, "away"),
    ];
    const ofHost = Deno.listen({ transport: "unix", path: join(directory, "box", "host") });
    const ofSession = Deno.listen({ transport: "unix", path });
    const run: Host["run"] = async (argv, runOptions) => {
      if (argv[0] !== "ln") return await host.run(argv, runOptions);
      await Deno.rename(path, away);
      await Deno.symlink("../host", path);
      return await runProcess(argv, runOptions);
    };
    {
      await using container = localBox({ ...host, run }, { mounts: options.container.mounts });
      await using client = await startClient({ ...options, container });
      const guard = join(directory, `.attach-${Deno.pid}`, "guard");
      using _xpra = await Deno.connect({ transport: "unix", path: guard });
      await client.show("xterm");
      using _accepted = await Promise.race([
        ofSession.accept(),
        ofHost.accept().then(() => Promise.reject(new Error("the host's socket"))),
      ]);
    }
    for (const listener of [ofHost, ofSession]) listener.close();
    await Deno.remove(away);
  }));

Deno.test("a client ends, with the reason, when the container has put something else in the place of its socket", () =>
  withHost(async ({ options, directory }) => {
    const path = join(options.container.mounts.sockets, "xterm");
    const ofHost = Deno.listen({ transport: "unix", path: join(directory, "box", "host") });
    await Deno.symlink("../host", path);
    {
      await using client = await startClient(options);
      using xpra = await Deno.connect({
        transport: "unix",
        path: join(directory, `.attach-${Deno.pid}`, "guard"),
      });
      await client.show("xterm");
      assertEquals(await xpra.read(new Uint8Array(1)), null);
      await client[Symbol.asyncDispose]();
      assertEquals((await client.ended).reason, "Something else is in the place of the session's socket");
    }
    ofHost.close();
    await Deno.remove(path);
  }));

Deno.test("makeAttachDirectory() keeps the file for pixels from the container until it is shared, and hides it again", () =>
  withHost(async ({ options: { container } }) => {
    const { mounts } = container;
    await using directory = await makeAttachDirectory(container, 4096);
    const pixels = directory.pixels!;
    const shared = join(mounts.sockets, basename(pixels));
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert(!pixels.startsWith(mounts.directory));
    // What the container puts in the place of the file is not what the client opens.
    await Deno.symlink("/etc/hostname", shared);
    const { ino, size, nlink } = await Deno.lstat(pixels);
    assertEquals([size, nlink], [4096, 1]);
    directory.sharePixels();
    const there = await Deno.lstat(shared);
    // xpra 6.6's server takes no file with more than one name.
    assertEquals([there.ino, there.nlink], [ino, 1]);
    await directory.hidePixels();
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert((await Deno.lstat("/etc/hostname")).isFile);
  }));

Deno.test("makePrivateDirectory() removes what killed runs have left, and nothing of one that runs", () =>
  withHost(async ({ host, directory }) => {
    const [dead, live] = [join(directory, ".attach-1"), join(directory, ".attach-2")];
    for (const path of [dead, live]) {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "lock"), "");
    }
    const holder = new Deno.Command("flock", {
      args: [join(live, "lock"), "sh", "-c", "echo locked; cat"],
      stdin: "piped",
      stdout: "piped",
    })
      .spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    {
      await using _directory = await makePrivateDirectory(host);
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
      assertEquals(names, [`.attach-${Deno.pid}`, ".attach-2", ".lock", "box"].toSorted());
    }
    await holder.stdin.close();
    await holder.status;
    await reader.cancel();
    await Deno.remove(live, { recursive: true });
    await runProcess(["true"]);
  }));

Deno.test("makePrivateDirectory() waits for no lock that another user of the host can take", () =>
  withHost(async ({ host, directory }) => {
    // Whoever may read a directory may lock it.
    using other = await Deno.open(directory);
    await other.lock(true);
    {
      await using _directory = await makePrivateDirectory(host);
    }
    assertEquals(await modeOf(join(directory, ".lock")), 0o600);
  }));

Deno.test("makePrivateDirectory() never takes the directory of a run that starts at the same time for a leftover", () =>
  withHost(async ({ directory }) => {
    const program = `
      import { makePrivateDirectory } from "${import.meta.resolve("../../../../lib/container/private_directory.ts")}";
      const host = { env: () => ${JSON.stringify(directory)}, change: (_plan, act) => act() };
      for (let count = 0; count < 150; count++) {
        await using _made = await makePrivateDirectory(host);
      }
    `;
    const config = new URL("../../../../deno.json", import.meta.url).pathname;
    const argv = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", "--config", config, "--ext=ts", "-"];
    await Promise.all(Array.from({ length: 4 }, () => runProcess(argv, { stdin: { text: program } })));
  }));
