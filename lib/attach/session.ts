/**
 * A session: one app under one xpra server in one container, as a systemd user unit of the container user. systemd holds
 * its socket, starts X server, xpra and app in one control group, and takes all of it down with the unit.
 */

import { join } from "@std/path";
import type { Channel } from "./channels.ts";
import type { Screen } from "./client.ts";
import { ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { startLine } from "./session_log.ts";
import { hasOwnSound, soundServerScript, soundSuffix, withoutSound } from "./sound.ts";
import { sshRun, type SshTarget } from "../container/ssh.ts";
import { quoteWord, quoteWords } from "../base/shell_words.ts";
import { pixelsInfix, serverArgv, serverEnvironment } from "./xpra.ts";
import { noUsableXpra } from "./xpra_version.ts";
import { containerPaths } from "../container/ours.ts";

/** What is to run in a new session. */
export interface SessionPlan {
  /** The app and its arguments. */
  app: readonly string[];
  /** The id of this run, see {@linkcode newRun}. */
  run: string;
  /** The session's name; or the one to count up from when it is taken, if `exact` is not set. */
  name: string;
  /** Fail when the name is taken. */
  exact: boolean;
  /** The channels that are open. */
  open: ReadonlySet<Channel>;
  /** What the session's X server is to have. */
  screen: Screen;
}

/** Longest path of a Unix socket, in bytes: `sun_path` of unix(7) without its final zero. */
const longestSocketPath = 107;

/** Longest time to take back a session whose start was interrupted, in milliseconds. */
const undoDeadlineMs = 15_000;

/** An id for a run that starts a session. */
export function newRun(): string {
  return crypto.randomUUID().slice(0, 8);
}

/**
 * Another name of the socket of the session that a run starts: one that can be told before the session has its own. The
 * container makes it a link to that.
 */
export function runSocket(run: string): string {
  return `.${run}`;
}

/** Exit status of {@linkcode startScript} when the session is there already. */
const taken = 75;

/**
 * Starts the unit of a session and prints its name. It runs in the container under sh, with the session's name, "exact"
 * or "count", the app, the id of this run, and then the words of the unit's main process.
 *
 * `BindsTo=` of the socket starts the service with it, without waiting, and stops it with the service. To stop it, the app
 * is asked to end, then xpra; what is still there then is killed. A socket without a listener is what a container that was
 * killed has left, and so are a link to none, and what is named after one that is not there.
 */
const startScript = `
command -v "$3" >/dev/null || { echo "$3: not found" >&2; exit ${ExitCode.missingProgram}; }
command -v xpra >/dev/null || { echo "xpra: not found" >&2; exit ${ExitCode.missingProgram}; }
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
cd ${containerPaths.xpra}
for socket in *; do
  [ ! -S "$socket" ] || grep -q " ${containerPaths.xpra}/$socket\\$" /proc/net/unix || rm -f "$socket"
done
for file in *${pixelsInfix}*; do
  [ -e "\${file%%"${pixelsInfix}"*}" ] || rm -f "$file"
done
for link in .[!.]*; do
  [ -e "$link" ] || rm -f "$link" "$link${pixelsInfix}"*
done
base=$1 mode=$2 run=$4 sound=$5 session=$1 count=1
stop='[ "$MAINPID" ] || exit 0; echo The session is stopped; kill "$(cat "$RUNTIME_DIRECTORY/pid")" || exit 0; timeout 4 tail --pid="$MAINPID" --sleep-interval=0.1 -f /dev/null'
shift 5
while fifo=${containerPaths.xpra}/$session${soundSuffix} && ! message=$(systemd-run --user --quiet --collect --unit="gui-container-$session" \\
  --description="$session, run $run" \\
  --property=Type=exec --property=RuntimeDirectory="gui-container-$session" \\
  --property=TimeoutStopSec=8 --property=ExecStop=":/bin/sh -c '$stop'" \\
  --property=ExecStopPost=":/bin/sh -c 'cd ${containerPaths.xpra} && rm -f $session${pixelsInfix}* ${
  runSocket("$run")
}*'" \\
  --property=StandardOutput="append:${containerPaths.xpra}/$session.log" --property=StandardError=inherit \\
  --socket-property=ListenStream="${containerPaths.xpra}/$session" --socket-property=SocketMode=0660 \\
  --socket-property=ExecStartPost="/bin/sh -c 'ln -s $session ${containerPaths.xpra}/${
  runSocket("$run")
} || :\${sound:+; rm -f $fifo; mkfifo -m 660 $fifo}'" \\
  --socket-property=RemoveOnStop=yes --socket-property=BindsTo="gui-container-$session.service" \\
  "$@" 2>&1); do
  case $message in
    *' already '*) ;;
    *)
      printf '%s\\n' "$message" >&2
      df -P "$XDG_RUNTIME_DIR" . | awk '$4 == 0 { print "No space left in " $6 }' >&2
      exit 1 ;;
  esac
  count=$((count + 1))
  if [ "$mode" = count ]; then
    session=$base-$count
  elif systemctl --user --quiet is-active "gui-container-$session.socket" || [ "$count" -gt 100 ]; then
    exit ${taken}
  else
    # It starts at the same moment, or is about to end.
    sleep 0.1
  fi
done
printf '%s\\n' "$session"
`;

/** Stops what {@linkcode startScript} has started, under sh with the id of the run. */
const undoScript = `
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
systemctl --user list-units --type=service --plain --no-legend 'gui-container-*' | grep " run $1$" |
while read -r unit rest; do systemctl --user stop "$unit"; done
`;

/**
 * The main process of the unit, under sh in the container, with the screen's size, its dots per inch, the monitors when
 * there are several, and the words of xpra: an X server on a display of its own choice, with a cookie for any display
 * (Xsecurity(7); the format of the entry is in Xauth's `AuWrite.c`), a D-Bus, then xpra in this process, to which systemd
 * has given the socket. Xvfb has one output, called `screen`; xpra 6.5.5 gives monitors to Xorg's dummy driver only.
 *
 * This script and the app are in variables: systemd expands `$` in the words of a command, and cannot be told not to before
 * its version 254.
 */
const serverScript = `
set -eu
: >"${containerPaths.xpra}/\${RUNTIME_DIRECTORY##*/gui-container-}.log"
umask 077
printf '%s\\n' "$GUI_CONTAINER_APP" >"$RUNTIME_DIRECTORY/app"
printf '%s\\n' "$GUI_CONTAINER_RECORD" >"$RUNTIME_DIRECTORY/record"
unset GUI_CONTAINER_APP GUI_CONTAINER_RECORD GUI_CONTAINER_SERVER
export XAUTHORITY="$RUNTIME_DIRECTORY/xauthority" TMPDIR="$RUNTIME_DIRECTORY" LANG="\${LANG:-C.UTF-8}"
{ printf '\\377\\377\\0\\0\\0\\0\\0\\022MIT-MAGIC-COOKIE-1\\0\\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
mkfifo "$RUNTIME_DIRECTORY/display"
Xvfb -displayfd 3 -screen 0 "$1x24+32" -auth "$XAUTHORITY" -nolisten tcp -noreset +extension GLX +extension RANDR \\
  +extension RENDER +extension Composite -dpi "$2" 3>"$RUNTIME_DIRECTORY/display" &
dbus-daemon --session --fork --address="unix:path=$RUNTIME_DIRECTORY/bus"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$RUNTIME_DIRECTORY/bus"
if [ "\${GUI_CONTAINER_SOUND:-}" ]; then
${soundServerScript(`${containerPaths.xpra}/\${RUNTIME_DIRECTORY##*/gui-container-}${soundSuffix}`)}
fi
unset GUI_CONTAINER_SOUND
read -r display <"$RUNTIME_DIRECTORY/display"
export DISPLAY=":$display"
# The same for this very display: python-xlib 0.33 takes no cookie for any.
octal() { printf '\\\\0%o' "$1"; }
host=$(uname -n)
{
  printf '\\001\\000\\000%b%s\\000%b%s\\000\\022MIT-MAGIC-COOKIE-1\\000\\020' "$(octal \${#host})" "$host" "$(octal \${#display})" "$display"
  tail -c 16 "$XAUTHORITY"
} >"$XAUTHORITY-display"
cat "$XAUTHORITY-display" >>"$XAUTHORITY"
rm "$XAUTHORITY-display"
output=screen
for monitor in $3; do
  xrandr --setmonitor "$monitor" "$monitor" "$output" || break
  output=none
done &
shift 3
exec xpra seamless "$DISPLAY" --start-child="/bin/sh $RUNTIME_DIRECTORY/app" --sessions-dir="$RUNTIME_DIRECTORY/xpra" "$@"
`;

/** Whether something can be the name of a session: it becomes part of a unit's name, of paths, and of what xpra takes for a URL. */
export function isSessionName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name) && !/\.(log|service|socket)$/.test(name);
}

/**
 * Checks the name of a session that the user gives.
 *
 * @throws {UserError} exit code 2
 */
export function checkSessionName(name: string): void {
  if (isSessionName(name)) return;
  throw inputError(
    `"${name}" cannot be the name of a session`,
    'Use up to 64 letters, digits, "_", "." and "-"; do not end in ".log", ".service" or ".socket"',
  );
}

/** The default name of a session: the app's base name, with what a name cannot hold taken out. */
export function sessionNameOf(app: string): string {
  const name = app.slice(app.lastIndexOf("/") + 1).replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 60);
  return name || "app";
}

const linksScript = `
export XPRA_SERVER_SOCKET="${containerPaths.xpra}/\${RUNTIME_DIRECTORY##*/gui-container-}"
for directory in /usr/lib/xpra /usr/libexec/xpra /usr/local/libexec/xpra; do
  [ ! -x "$directory/xdg-open" ] || PATH="$directory:$PATH"
done`;

/**
 * The script that runs the app. It leaves its environment and its process id for those who join the session, tells in
 * the log how the app ended, and waits for the apps that joined: they hold a lock on the environment's file.
 *
 * @param options `links`: xpra's own xdg-open comes first on PATH; xpra does that itself only for a socket that it made
 */
export function appScript(app: readonly string[], { links }: { links: boolean } = { links: false }): string {
  return `unset TMPDIR${links ? linksScript : ""}
export -p >"$RUNTIME_DIRECTORY/environment"
echo "${startLine}"
/bin/sh -c 'echo $$ >"$RUNTIME_DIRECTORY/pid"; exec "$@"' sh ${app.map(quoteWord).join(" ")}
status=$?
echo "The app ended with exit status $status"
flock --exclusive "$RUNTIME_DIRECTORY/environment" true
exit $status`;
}

/**
 * Starts a session with one SSH call. When the run is ended meanwhile, what may have been started is stopped.
 *
 * @returns the session's name
 * @throws {UserError} with exit code 127 when the container has no such app, or no xpra
 */
export async function startSession(host: Host, target: SshTarget, plan: SessionPlan): Promise<string> {
  const app = plan.app[0]!;
  const sound = hasOwnSound(plan.open) ? "yes" : "";
  const variables = {
    ...serverEnvironment,
    GUI_CONTAINER_SERVER: serverScript,
    GUI_CONTAINER_APP: appScript(plan.app, { links: plan.open.has("links") }),
    GUI_CONTAINER_RECORD: JSON.stringify(quoteWords(plan.app)),
    GUI_CONTAINER_SOUND: sound,
  };
  const words = [
    ...Object.entries(variables).map(([name, value]) => `--setenv=${name}=${value}`),
    "/bin/sh",
    "-c",
    'eval "$GUI_CONTAINER_SERVER"',
    "gui-container",
    `${plan.screen.width}x${plan.screen.height}`,
    `${plan.screen.dpi}`,
    plan.screen.monitors.length > 1 ? plan.screen.monitors.join(" ") : "",
    ...serverArgv({ open: hasOwnSound(plan.open) ? withoutSound(plan.open) : plan.open, dpi: plan.screen.dpi }),
  ];
  const start = [
    "/bin/sh",
    "-c",
    startScript,
    "gui-container",
    plan.name,
    plan.exact ? "exact" : "count",
    app,
    plan.run,
    sound,
  ];
  const undo = async (): Promise<void> => {
    const cleaning = host.forCleanup(AbortSignal.timeout(undoDeadlineMs));
    await sshRun(cleaning, target, ["/bin/sh", "-c", undoScript, "gui-container", plan.run]);
  };
  let session: string;
  try {
    session = (await sshRun(host, target, [...start, ...words])).stdout.trim();
  } catch (error) {
    if (host.signal.aborted) await undo();
    throw error instanceof ProcessError ? explain(error, target, plan) : error;
  }
  if (host.dryRun) return plan.name;
  if (isSessionName(session)) return session;
  await undo();
  throw new UserError(`The container "${target.name}" does not tell the name of the session that it has started`, {
    hint: "See what a login prints there: over ssh, nothing but what a command prints may come",
    output: session,
  });
}

function explain(error: ProcessError, { name }: SshTarget, plan: SessionPlan): UserError {
  if (error.code === taken) {
    return inputError(
      `There is a session "${plan.name}" in "${name}" already`,
      "Choose another name with --session; to attach to it leave APP_CMDLINE away, to run the app in it say --join",
    );
  }
  if (error.code === ExitCode.missingProgram) {
    if (error.stderr.includes("xpra: not found")) return noUsableXpra(`in the container "${name}"`, {});
    return new UserError(`There is no program "${plan.app[0]}" in the container "${name}"`, {
      hint:
        `Install it there, for example: add it to packages: of a cloud-config file, or apt-get install in the container`,
      exitCode: ExitCode.missingProgram,
      cause: error,
    });
  }
  const full = /^No space left in (.*)$/m.exec(error.output)?.[1];
  return new UserError(`The session could not be started in "${name}"`, {
    hint: full === undefined
      ? "See whether the container user has a systemd of its own: loginctl show-user ubuntu"
      : `Make room in ${full}: see what df -h and du -xh ${full} say in the container`,
    output: error.output,
    cause: error,
  });
}

/**
 * The path of a session's socket on the host.
 *
 * @param session its name, or what {@linkcode runSocket} gives
 * @throws {UserError} exit code 2 when it is longer than a socket's path can be
 */
export function socketPath(xpraDirectory: string, session: string): string {
  const path = join(xpraDirectory, session);
  if (new TextEncoder().encode(path).length > longestSocketPath) {
    throw inputError(
      `The path of the socket is longer than ${longestSocketPath} bytes: "${path}"`,
      "Set $GUI_CONTAINER_MOUNTS to a shorter path",
    );
  }
  return path;
}
