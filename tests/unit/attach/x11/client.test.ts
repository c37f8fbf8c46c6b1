import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, join } from "@std/path";
import { makePixels, startClient } from "../../../../lib/attach/x11/client.ts";
import { startClientGuard } from "../../../../lib/attach/x11/guard.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { localBox } from "../../containers.ts";
import { withHost } from "../../private_directories.ts";

Deno.test("startClient() runs the client in a box, and ends it with its scope", () =>
  withHost(async ({ events, options }) => {
    await using guard = await startClientGuard(options.container, options);
    {
      await using _client = await startClient({ ...options, guard });
      assertEquals(events, ["setpriv"]);
    }
    assertEquals(events, ["setpriv", "SIGTERM"]);
    {
      await using _client = await startClient({ ...options, guard, box: false });
    }
    assertEquals(events.slice(2), ["xpra", "SIGTERM"]);
  }));

Deno.test("startClient() ends its client when the run is ended, and starts none after that", () =>
  withHost(async ({ host, events, options }) => {
    const ending = new AbortController();
    const mounts = mountsIn(host, "box");
    await using container = localBox({ ...host, signal: ending.signal }, { mounts });
    await using guard = await startClientGuard(container, options);
    const ofRun = { ...options, container, guard };
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
      await using guard = await startClientGuard(container, options);
      await using client = await startClient({ ...options, container, guard });
      using _xpra = await Deno.connect({ transport: "unix", path: guard.socket });
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
      await using guard = await startClientGuard(options.container, options);
      await using client = await startClient({ ...options, guard });
      using xpra = await Deno.connect({ transport: "unix", path: guard.socket });
      await client.show("xterm");
      assertEquals(await xpra.read(new Uint8Array(1)), null);
      await client[Symbol.asyncDispose]();
      assertEquals((await client.ended).reason, "Something else is in the place of the session's socket");
    }
    ofHost.close();
    await Deno.remove(path);
  }));

Deno.test("makePixels() keeps the file for pixels from the container until it is shared, and hides it again", () =>
  withHost(async ({ options: { container } }) => {
    const { mounts } = container;
    await using made = await makePixels(container, await container.directory(), 4096);
    const { path: pixels } = made;
    const shared = join(mounts.sockets, basename(pixels));
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert(!pixels.startsWith(mounts.directory));
    // What the container puts in the place of the file is not what the client opens.
    await Deno.symlink("/etc/hostname", shared);
    const { ino, size, nlink } = await Deno.lstat(pixels);
    assertEquals([size, nlink], [4096, 1]);
    made.share();
    const there = await Deno.lstat(shared);
    // xpra 6.6's server takes no file with more than one name.
    assertEquals([there.ino, there.nlink], [ino, 1]);
    await made.hide();
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert((await Deno.lstat("/etc/hostname")).isFile);
  }));
