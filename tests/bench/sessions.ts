/**
 * The ways to have a session: as the original did it, as xpra does it by itself, by hand as well as can be, and by us.
 */

import { join } from "@std/path";
import { quoteWord, quoteWords } from "../../lib/base/shell_words.ts";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import type { Way } from "./row.ts";
import { address, container, mounts, root, run, sleep } from "./world.ts";

/** What is to run. */
export interface SessionOptions {
  /** The app's command line, without quotes in it: xpra's own start over SSH cannot carry them. */
  app: string;
  sound: boolean;
  /** Variables of the desktop that it is shown on, where that is not the bench's own. */
  env?: Record<string, string>;
  /** More options for `attach.ts`. */
  options?: readonly string[];
}

/** A session that runs, with its client. */
export interface Session {
  /** The host's process that the client is, or that has started it. */
  pid: number;
  /** The client goes, the app stays. */
  detach(): Promise<void>;
  /** All of it goes. */
  end(): Promise<void>;
}

/** A regular expression for the title that an app's window has in one way: ours begins with the container's name. */
export function titleOf(way: Way, app: string): string {
  return way === "ours" ? `\\[${container}\\] ${app}` : `${app} \\[${way}\\]`;
}

/** The name that a way's session has in its unit, its socket, or its display. */
function socketOf(way: Way): string {
  return join(mounts, container, "xpra", `bench-${way}`);
}

/** Runs a command line in the container, as its user. */
export async function ssh(remote: string): Promise<string> {
  return await run([...await sshArgv(), remote]);
}

/** A person knows the address, and so do these ways. */
let known: string | undefined;

async function sshArgv(): Promise<string[]> {
  known ??= await address();
  const knownHosts = join(mounts, container, "known_hosts");
  return ["ssh", "-o", `UserKnownHostsFile=${knownHosts}`, "-o", `HostKeyAlias=${container}`, `ubuntu@${known}`];
}

/** Starts a session and its client, and returns when the client has been started. */
export async function startSession(way: Way, options: SessionOptions): Promise<Session> {
  const start = { original: startOriginal, plain: startPlain, hand: startByHand, mmap: startByHand, ours: startOurs };
  return await start[way](options, way);
}

/** Starts an app of the host's, without a container. */
export function startNative(app: string, env: Record<string, string>): Session {
  const client = startProcess(app.split(" "), { cwd: root, env });
  const end = async (): Promise<void> => {
    client.kill("SIGTERM");
    await client.ended;
  };
  return { pid: client.pid, detach: end, end };
}

/** Attaches a client to the session of a way, as that way does it. */
export function attachTo(way: Way, { sound }: { sound: boolean }): Session {
  const argv = way === "ours"
    ? ["./attach.ts", "--quiet", ...(sound ? [] : ["--deny=sound"]), container]
    : ["xpra", "attach", `socket:${socketOf(way)}`, `--title=@title@ [${way}]`, ...clientOptions(way, { sound })];
  const client = startProcess(argv, { cwd: root });
  const detach = async (): Promise<void> => {
    client.kill("SIGINT");
    await client.ended;
  };
  return {
    pid: client.pid,
    detach,
    async end() {
      if (way === "ours") await run(["./attach.ts", "--quiet", "--stop", container, "--all"]);
      else if (way === "original") {
        // Its server is gone at times, and then cannot be asked to stop.
        await ssh(
          "xpra stop socket:/home/ubuntu/.xpra/bench-original </dev/null >/dev/null 2>&1 || pkill -u ubuntu Xvfb || true",
        );
      } else await ssh(`systemctl --user stop ${unitOf(way)}.service`);
      await detach();
    },
  };
}

/** The original takes xpra's defaults, in which sound is on. */
function clientOptions(way: Way, { sound }: { sound: boolean }): string[] {
  if (way === "original") return sound ? [] : ["--audio=no"];
  return [
    ...["--splash=no", "--headerbar=no", "--tray=no", "--opengl=no", "--reconnect=no"],
    ...["--webcam=no", "--printing=no", "--file-transfer=no", "--notifications=no"],
    ...(sound ? ["--speaker=on", "--microphone=off"] : ["--audio=no"]),
    ...(way === "mmap" ? [`--mmap=${socketOf(way)}.mmap`, "--mmap-group=no"] : ["--mmap=no"]),
  ];
}

/** The original's attach: xpra's own start over SSH, asking once a second whether it is there, then the client. */
async function startOriginal({ app, sound }: SessionOptions): Promise<Session> {
  // A display by chance, as the original had it.
  const display = `:${100 + Math.floor(Math.random() * 1_000)}`;
  const bind = `/home/ubuntu/.xpra/bench-original`;
  const audio = sound ? "" : "--audio=no";
  await ssh(
    `rm -f ${bind}; xpra start ${display} --start-child=${quoteWord(app)} --exit-with-children=yes ` +
      `--bind=${bind} --socket-permissions=660 --mdns=no ${audio} </dev/null >/dev/null 2>&1`,
  );
  for (let tries = 0; tries < 30; tries++) {
    const version = ["xpra", "version", `socket:${socketOf("original")}`];
    if ((await runProcess(version, { okCodes: "any" })).code === 0) break;
    await sleep(1_000);
  }
  return attachTo("original", { sound });
}

/** One command that does it all, as xpra's own documentation has it. */
async function startPlain({ app, sound, env = {} }: SessionOptions): Promise<Session> {
  const [program, ...options] = await sshArgv();
  const login = options.pop()!;
  const client = startProcess(
    [
      ...["xpra", "start", `ssh://${login}/`, `--ssh=${quoteWords([program!, ...options])}`],
      ...[`--start-child=${app}`, "--exit-with-children=yes", "--title=@title@ [plain]"],
      ...(sound ? [] : ["--audio=no"]),
    ],
    { env },
  );
  const detach = async (): Promise<void> => {
    client.kill("SIGINT");
    await client.ended;
  };
  const end = async (): Promise<void> => {
    await ssh(`pkill -x ${quoteWord(app.split(" ")[0]!)} || true`);
    await client.ended;
  };
  return { pid: client.pid, detach, end };
}

function unitOf(way: Way): string {
  return `bench-${way}`;
}

/** An X server that was started ahead, then xpra on it; systemd holds the socket. */
const handScript = `
export XAUTHORITY="$RUNTIME_DIRECTORY/xauthority"
{ printf '\\377\\377\\0\\0\\0\\0\\0\\022MIT-MAGIC-COOKIE-1\\0\\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
mkfifo "$RUNTIME_DIRECTORY/display"
Xvfb -displayfd 3 -screen 0 1920x1200x24+32 -auth "$XAUTHORITY" -nolisten tcp -noreset +extension Composite \\
  3>"$RUNTIME_DIRECTORY/display" &
read -r display <"$RUNTIME_DIRECTORY/display"
echo "$display" >"$RUNTIME_DIRECTORY/number"
xauth -q add ":$display" . "$(xauth list | sed 's/.* //')"
exec xpra seamless ":$display" --use-display=yes --daemon=no --bind=none --attach=no --systemd-run=no --mdns=no \\
  --html=off --http=no --ssh-upgrade=no --rfb-upgrade=no --splash=no --resize-display=no --exit-with-children=yes \\
  --start-child="$1" --webcam=no --printing=no --file-transfer=no --notifications=no $2
`;

async function startByHand({ app, sound }: SessionOptions, way: Way): Promise<Session> {
  const unit = unitOf(way);
  const audio = sound ? "--speaker=on --microphone=off --pulseaudio=yes" : "--audio=no --pulseaudio=no";
  // "--mmap=no" breaks the server of 6.5.5.
  const mmap = way === "mmap" ? "--mmap=/home/ubuntu/.xpra" : "";
  const argv = [
    ...["systemd-run", "--user", "--quiet", "--collect", `--unit=${unit}`, "--expand-environment=no"],
    ...["--property=Type=exec", `--property=RuntimeDirectory=${unit}`],
    ...[`--socket-property=ListenStream=/home/ubuntu/.xpra/${unit}`, "--socket-property=SocketMode=0660"],
    ...["--socket-property=RemoveOnStop=yes", "--setenv=XPRA_BATCH_MAX_DELAY=16", "--setenv=XPRA_BATCH_MIN_DELAY=1"],
    ...["--setenv=XPRA_BATCH_START_DELAY=1", "/bin/sh", "-c", handScript, "sh", app, `${audio} ${mmap}`],
  ];
  await ssh(`${quoteWords(argv)} && systemctl --user start --no-block ${unit}.service`);
  const session = attachTo(way, { sound });
  return {
    ...session,
    async end() {
      await ssh(`systemctl --user stop ${unit}.service ${unit}.socket`);
      await session.detach();
    },
  };
}

async function startOurs({ app, sound, env = {}, options = [] }: SessionOptions): Promise<Session> {
  const argv = ["./attach.ts", "--quiet", ...(sound ? [] : ["--deny=sound"]), ...options, container, app];
  const attach = startProcess(argv, { cwd: root, env });
  return await Promise.resolve({
    pid: attach.pid,
    async detach() {
      attach.kill("SIGINT");
      await attach.ended;
    },
    async end() {
      await run(["./attach.ts", "--quiet", "--stop", container, "--all"]);
      await attach.ended;
    },
  });
}

/** Starts an app in the session of a way that runs, as that way does it, and returns when it was started. */
export async function joinSession(way: "hand" | "ours", app: string): Promise<() => Promise<void>> {
  const remote = `DISPLAY=:$(cat /run/user/1000/${unitOf("hand")}/number) ` +
    `XAUTHORITY=/run/user/1000/${unitOf("hand")}/xauthority ${app}`;
  const argv = way === "ours" ? ["./attach.ts", "--quiet", "--join", container, app] : [...await sshArgv(), remote];
  const joined = startProcess(argv, { cwd: root });
  return async () => {
    await ssh(`pkill -x ${quoteWord(app.split(" ")[0]!)} || true`);
    await joined.ended;
  };
}
