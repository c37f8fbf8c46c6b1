// Pictures and sound as they come from another machine, of a container of this one: compressed, decoded by the guard,
// and by ssh.

import { assert } from "@std/assert";
import { join } from "@std/path";
import type { ChannelName } from "../../lib/channels/table.ts";
import { startGuard } from "../../lib/guard/xpra/guard.ts";
import { stopSessions } from "../../lib/attach/session/live_sessions.ts";
import { hostScreen } from "../../lib/attach/x11/screen.ts";
import { prepareChannels, startSession } from "../../lib/attach/start_session.ts";
import { playSound } from "../../lib/channels/sound/host.ts";
import { xpraServer } from "../../lib/attach/x11/display.ts";
import { clientArgv, clientEnvironment } from "../../lib/attach/x11/xpra.ts";
import { realHost } from "../../lib/base/host.ts";
import { startProcess } from "../../lib/base/process.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { asFromElsewhere } from "./far_container.ts";
import { socketPath } from "../../lib/container/session_socket.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { chooseEngine } from "../../lib/engine/engine.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { heardByHost, loud } from "./sound.ts";
import { eventually, mountsRoot, root, sh } from "./run.ts";
import { windowWith } from "./windows.ts";
import { makeContainer, removeContainer } from "./world.ts";

const name = "e2e-network";
/** As picture.py has it: its window has so many bytes, of three colours. */
const windowBytes = 600 * 400 * 3;

testOnOneEngine("pictures and sound over a network are as in the container", [...needed, "sound"], async (engine) => {
  await makeContainer(engine, name);
  await using _container = { [Symbol.asyncDispose]: () => removeContainer(engine, name) };
  const share = join(mountsRoot, name, "share");
  await Deno.copyFile(join(root, "tests/e2e/picture.py"), join(share, "picture.py"));
  await sh(["sox", "-qn", join(share, "tone.wav"), "synth", "30", "sine", "440"]);

  const { signal } = new AbortController();
  const host = realHost({ ui: terminalUi({ quiet: true, json: false, yes: true, signal }), signal, verbose: false });
  const mounts = mountsIn(host, name);
  await using container = await asFromElsewhere(host, { engine: await chooseEngine(host, { engine }), name });
  const open: ReadonlySet<ChannelName> = new Set(["sound"]);
  const screen = await hostScreen(host);
  const app = ["sh", "-c", "paplay share/tone.wav & exec python3 share/picture.py"];
  const session = "net";
  await startSession(container, {
    app,
    run: crypto.randomUUID().slice(0, 8),
    name: session,
    prepared: prepareChannels(container, open),
    channels: "",
    isShown: false,
    end: xpraServer(container, { open, sockets: (await container.boot()).sockets, screen }),
  });
  const directory = await Deno.makeTempDir();
  const listen = join(directory, "guard");
  const said: string[] = [];
  const connect = Promise.resolve(socketPath(mounts.sockets, session));
  const guard = startGuard({
    listen,
    connect,
    container: name,
    open: new Set(),
    remote: true,
    report: (line) => said.push(line),
  });
  const border = { colour: "#e60000", width: 4, isAlways: false };
  const argv = clientArgv({ socket: listen, pixels: undefined, open: new Set(), dpi: 96, border, userOptions: [] });
  const client = startProcess(argv, { env: clientEnvironment(crypto.randomUUID()), output: { line: () => {} } });
  const player = (await playSound(container, session))!;
  try {
    const window = await windowWith(`\\[${name}\\] picture`);
    const [inside, outside] = [join(share, "inside.xwd"), join(directory, "outside.rgb")];
    const take = 'xwd -silent -id "$(xdotool search --onlyvisible --name picture)" >share/inside.xwd';
    let difference = Infinity;
    // At first it may be lossy; when it stands still, it no longer is.
    await eventually("the container's own pixels", async () => {
      await inSession(engine, name, session, take);
      await sh(["import", "-window", window, "-depth", "8", `rgb:${outside}`]);
      difference = maxDifference(await pixelsOf(inside, directory), await Deno.readFile(outside));
      return difference === 0;
    }).catch(() => assert(difference === 0, `pixels differ by ${difference}`));
    await eventually("a tone of 440 Hz at the host's sound server", async () => await heardByHost(440) > loud);
    assert(said.length === 0, said.join());
  } finally {
    client.kill("SIGTERM");
    await client.ended;
    await guard[Symbol.asyncDispose]();
    await stopSessions(container, [session]);
    await player.ended;
    await Deno.remove(directory, { recursive: true });
  }
  await nothingLeft(engine, name);
});

/** The pixels in a file of xwd's. */
async function pixelsOf(file: string, directory: string): Promise<Uint8Array> {
  const plain = join(directory, "inside.rgb");
  await sh(["convert", `xwd:${file}`, "-depth", "8", `rgb:${plain}`]);
  return await Deno.readFile(plain);
}

/** How far two pictures of the window are apart, in the colour where they are farthest. */
function maxDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== windowBytes || other.length !== windowBytes) return Infinity;
  return one.reduce((most, byte, at) => Math.max(most, Math.abs(byte - other[at]!)), 0);
}
