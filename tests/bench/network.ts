/**
 * What a session on another machine is like over a network of so many bits a second and such a round trip. It takes 20
 * minutes and is not part of the bench: `deno task lab run -- deno run -A tests/bench/network.ts [FILTER [WAYS]]`. The
 * network is `link.ts`, so that one machine and one engine do. Prints Mbit/s of the network, ms of its round trip,
 * what, way, ms to the first window, frames/s or ms, Mbit/s.
 */

import { join } from "@std/path";
import { addressOf } from "../../lib/container/address.ts";
import type { ChannelName } from "../../lib/channels/table.ts";
import { startGuard } from "../../lib/guard/xpra/guard.ts";
import { prepareChannels, startSession } from "../../lib/attach/start_session.ts";
import { stopSessions } from "../../lib/attach/session/live_sessions.ts";
import { xpraServer } from "../../lib/attach/x11/display.ts";
import { clientArgv, clientEnvironment } from "../../lib/attach/x11/xpra.ts";
import { realHost } from "../../lib/base/host.ts";
import { startProcess } from "../../lib/base/process.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { containerAt } from "../../lib/container/resolve.ts";
import { socketPath } from "../../lib/container/session_socket.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { chooseEngine } from "../../lib/engine/engine.ts";
import { asFromElsewhere } from "../e2e/far_container.ts";
import { withDisplay } from "../e2e/windows.ts";
import { probe, root, run, sleep } from "./world.ts";

const engine = "incus";
const container = "bench-network";
const mounts = Deno.env.get("GUI_CONTAINER_MOUNTS") ?? join(Deno.env.get("HOME")!, "container_mounts");

/** Pixels as they are; the same through ssh's compression; pictures that the guard decodes. */
const ways = ["plain", "zlib", "ours"] as const;
type Way = typeof ways[number];

interface Network {
  megabits: number;
  roundTripMs: number;
}

const networks: readonly Network[] = [10, 100].flatMap((megabits) =>
  [20, 100].map((roundTripMs) => ({ megabits, roundTripMs }))
);

const signal = new AbortController().signal;
const host = realHost({ ui: terminalUi({ quiet: false, json: false, yes: true, signal }), signal, verbose: false });
const open: ReadonlySet<ChannelName> = new Set();

interface Figures {
  firstWindowMs: number;
  result: unknown;
  megabits: number;
}

/** Shows an app over a network, and looks at it. */
async function measure(
  { app, title }: { app: string; title: string },
  { way, network: { megabits, roundTripMs } }: { way: Way; network: Network },
  look: (title: string) => Promise<unknown>,
): Promise<Figures> {
  const chosen = await chooseEngine(host, { engine });
  const places = mountsIn(host, container);
  const address = addressOf(host, { engine: chosen, name: container });
  await using target = await (way === "ours" ? asFromElsewhere : containerAt)(host, address);
  const screen = { width: 1920, height: 1200, dpi: 96, monitors: [] };
  const plan = {
    app: app.split(" "),
    run: crypto.randomUUID().slice(0, 8),
    name: "net",
    exact: false,
    prepared: prepareChannels(target, open),
    channels: "",
    isShown: false,
    end: xpraServer(target, { open, sockets: (await target.boot()).sockets, screen }),
  };
  const directory = await Deno.makeTempDir({ dir: mounts, prefix: "bench-network-" });
  const startMs = performance.now();
  const session = plan.name;
  await startSession(target, plan);
  const [listen, far] = [join(directory, "guard"), join(directory, "far")];
  const link = startProcess([
    ...[Deno.execPath(), "run", "-A", join(root, "tests/bench/link.ts"), far, socketPath(places.sockets, session)],
    ...[`${megabits}`, `${roundTripMs}`, way === "plain" ? "no" : "yes"],
  ]);
  const sent = async (): Promise<number> => Number(await Deno.readTextFile(`${far}.sent`));
  try {
    while (!await Deno.lstat(far).catch(() => undefined)) await sleep(5);
    const connect = Promise.resolve(far);
    await using _guard = startGuard({
      listen,
      connect,
      container,
      open,
      report: print,
      remote: way === "ours",
    });
    const border = { colour: "#e60000", width: 4, isAlways: false };
    const argv = clientArgv({ socket: listen, pixels: undefined, open, dpi: 96, border, userOptions: [] });
    const client = startProcess(argv, { env: clientEnvironment(crypto.randomUUID()), output: { line: () => {} } });
    try {
      const wanted = `\\[${container}\\] ${title}`;
      await (await probe("window", wanted, "45")).seen;
      const firstWindowMs = performance.now() - startMs;
      await sleep(4000);
      const before = await sent();
      const lookMs = performance.now();
      const result = await look(wanted);
      const bits = (await sent() - before) * 8;
      return { firstWindowMs, result, megabits: bits / 1e3 / (performance.now() - lookMs) };
    } finally {
      client.kill("SIGTERM");
      await client.ended;
    }
  } finally {
    link.kill("SIGTERM");
    await link.ended;
    await stopSessions(target, [session]);
    await Deno.remove(directory, { recursive: true });
  }
}

async function frames(title: string, area: readonly number[]): Promise<number> {
  const seen = await probe<{ changes: number; seconds: number }>("changes", title, "6", ...area.map(String));
  const { changes, seconds } = await seen.seen;
  return changes / seconds;
}

async function keys(title: string): Promise<number> {
  const delays = await (await probe<number[]>("keys", title, "20")).seen;
  return delays.toSorted((a, b) => a - b)[10]!;
}

const video = "mpv --no-config --really-quiet --ao=null --no-osc --title=video share/video.mp4 --vo=x11";
const apps: readonly { what: string; app: string; title: string; look: (title: string) => Promise<number> }[] = [
  { what: "keys", app: "xterm -T keys -e cat", title: "keys", look: keys },
  {
    what: "text",
    app: "xterm -T text -geometry 100x40 -e sh share/text.sh",
    title: "text",
    look: (title) => frames(title, [0, 0, 600, 100]),
  },
  { what: "paint", app: "python3 share/paint.py", title: "paint", look: (title) => frames(title, [0, 350, 1000, 1]) },
  { what: "busy", app: "sh share/busy.sh", title: "keys", look: keys },
  { what: "video", app: video, title: "video", look: (title) => frames(title, [0, 500, 1280, 1]) },
];

async function prepare(): Promise<void> {
  const config = join(Deno.env.get("HOME")!, "bench-network.yaml");
  await Deno.writeTextFile(config, "#cloud-config\npackages: [ffmpeg, python3-xlib]\n");
  const key = join(Deno.env.get("HOME")!, ".ssh", "id_ed25519.pub");
  await run([
    "./create.ts",
    "--quiet",
    "--yes",
    `--engine=${engine}`,
    "--image=gui-lab",
    container,
    key,
    "profiles/gui.yaml",
    config,
  ]);
  const share = join(mounts, container, "share");
  await Deno.copyFile(join(root, "tests/bench/paint.py"), join(share, "paint.py"));
  await Deno.writeTextFile(
    join(share, "text.sh"),
    "i=0\nwhile :; do\n  i=$((i + 1))\n  seq -s ' ' $i $((i + 20))\n  sleep 0.016\ndone\n",
  );
  await Deno.writeTextFile(join(share, "busy.sh"), `${video} &\nsleep 3\nexec xterm -T keys -e cat\n`);
  const make =
    "ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=1280x720:rate=30 -t 60 -pix_fmt yuv420p /home/ubuntu/share/video.mp4";
  await run([engine, "exec", container, "--user=1000", "--group=1000", "--", ...make.split(" ")]);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const [only = "", wanted = ways.join()] = Deno.args;
await prepare();
await withDisplay(async ({ DISPLAY }) => {
  Deno.env.set("DISPLAY", DISPLAY);
  Deno.env.set("XAUTHORITY", "");
  for (const network of networks) {
    for (const { what, app, title, look } of apps) {
      if (only !== "" && !`${what} ${network.megabits} ${network.roundTripMs}`.match(only)) continue;
      for (const way of wanted.split(",") as Way[]) {
        try {
          const { firstWindowMs, result, megabits } = await measure({ app, title }, { way, network }, look);
          const numbers = [Math.round(firstWindowMs), Number(result).toFixed(1), megabits.toFixed(2)];
          print([network.megabits, network.roundTripMs, what, way, ...numbers].join("\t"));
        } catch (error) {
          print([network.megabits, network.roundTripMs, what, way, `${error}`.split("\n")[0]].join("\t"));
        }
      }
    }
  }
});
await run(["./create.ts", "--quiet", "--delete", "--force", `--engine=${engine}`, container]);
