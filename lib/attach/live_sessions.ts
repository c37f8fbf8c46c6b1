/** The sessions that run in a container, as its systemd knows them: to list, to stop, to run another app in. */

import { ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { isSessionName } from "./session.ts";
import { sshRun, type SshTarget } from "../container/ssh.ts";
import { containerPaths } from "../container/ours.ts";

/** A session that runs. */
export interface LiveSession {
  /** The name of its container. */
  container: string;
  /** Unique within its container. */
  session: string;
  /** The app's command line, quoted for a POSIX shell. */
  app: string;
  /** The app's process id in the container. */
  pid: number;
  /** How many xpra clients are attached. */
  clients: number;
  /** When it was started, ISO 8601. */
  since: string;
}

/**
 * Prints a line for each live session: name, process id, clients, start in seconds of the epoch, app as JSON. A socket is
 * listed in the network namespace of the end that has made the connection: those of the server's that are not listed in
 * the container's are its clients on the host.
 */
const listScript = `
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
count_clients() {
  ls -l "/proc/$1/fd" | awk '
    FILENAME != "-" { listed[FILENAME ~ /unix/ ? $7 : $10]; next }
    sub(/.*socket:\\[/, "") && sub(/\\]$/, "") && !($0 in listed) { clients++ }
    END { print clients + 0 }' /proc/net/unix /proc/net/netlink -
}
systemctl --user list-units --type=service --state=activating,active --plain --no-legend 'gui-container-*' |
while read -r unit rest; do
  directory=$XDG_RUNTIME_DIR/\${unit%.service}
  session=\${unit#gui-container-}
  session=\${session%.service}
  [ -e "$directory/record" ] || continue
  printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$session" "$(cat "$directory/pid" 2>/dev/null)" \\
    "$(count_clients "$(systemctl --user show --property=MainPID --value "$unit")")" \\
    "$(stat -c %Y "$directory/record")" "$(cat "$directory/record")"
done
`;

/** Stops the sessions that are named; the socket of each goes with it. */
const stopScript = `
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
for session; do
  systemctl --user stop "gui-container-$session.service"
done
`;

/** Exit statuses of {@linkcode joinScript}: there is no such session; there is none, or more than one. */
const notLive = 76;
const notOne = 77;

/**
 * Runs an app in a session, under sh with the session's name, or none for the only one, and the app's words: with the
 * environment of its first app, in a scope that ends with it, and with a lock that keeps the session from ending before.
 * When it comes to that, it prints the session's name; what the app prints goes to the log.
 */
const joinScript = `
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
if [ -z "$1" ]; then
  session=
  for file in "$XDG_RUNTIME_DIR"/gui-container-*/record; do
    [ -z "$session" ] && [ -e "$file" ] || exit ${notOne}
    session=\${file%/record}
    session=\${session##*/gui-container-}
  done
  shift
  set -- "$session" "$@"
fi
[ -e "$XDG_RUNTIME_DIR/gui-container-$1/environment" ] || exit ${notLive}
. "$XDG_RUNTIME_DIR/gui-container-$1/environment"
command -v "$2" >/dev/null || exit ${ExitCode.missingProgram}
printf '%s\\n' "$1"
exec >>"${containerPaths.xpra}/$1.log" 2>&1
environment=$XDG_RUNTIME_DIR/gui-container-$1/environment unit=gui-container-$1.service
shift
exec systemd-run --user --scope --quiet --collect --property=BindsTo="$unit" --property=After="$unit" -- \\
  flock --shared "$environment" "$@"
`;

/** The live sessions of a container, oldest first. */
export async function listSessions(host: Host, target: SshTarget): Promise<LiveSession[]> {
  const { stdout } = await sshRun(host, target, ["/bin/sh", "-c", listScript]);
  return parseSessions(target.name, stdout);
}

/** Reads the lines of {@linkcode listScript}; the container is not trusted, and lines that are none are left out. */
function parseSessions(container: string, stdout: string): LiveSession[] {
  const sessions = stdout.split("\n").flatMap((line): LiveSession[] => {
    const [, session, pid, clients, since, record] = /^([\w.-]+)\t(\d*)\t(\d+)\t(\d+)\t(".*")$/.exec(line) ?? [];
    if (session === undefined || !isSessionName(session)) return [];
    try {
      return [{
        container,
        session,
        app: String(JSON.parse(record!)),
        pid: Number(pid),
        clients: Number(clients),
        since: new Date(Number(since) * 1000).toISOString(),
      }];
    } catch {
      return [];
    }
  });
  return sessions.sort((a, b) => a.since < b.since ? -1 : a.since > b.since ? 1 : 0);
}

/**
 * The session that most likely runs, by the sockets on the host: the one that is wanted, or the only one. Undefined when
 * that is not plain.
 *
 * @param xpraDirectory of the container's mounts
 */
export async function likelySession(xpraDirectory: string, wanted: string | undefined): Promise<string | undefined> {
  const entries = await Array.fromAsync(Deno.readDir(xpraDirectory)).catch(() => []);
  // The container can write there: only what a session can be called is looked at.
  const names = entries.filter(({ isFile, isDirectory, isSymlink }) => !isFile && !isDirectory && !isSymlink)
    .map(({ name }) => name).filter(isSessionName);
  if (wanted !== undefined) return names.find((name) => name === wanted);
  return names.length === 1 ? names[0] : undefined;
}

/** Stops sessions: app, xpra, X server and bus of each. */
export async function stopSessions(host: Host, target: SshTarget, names: readonly string[]): Promise<void> {
  await sshRun(host, target, ["/bin/sh", "-c", stopScript, "gui-container", ...names]);
}

/**
 * Runs an app in a live session until it ends.
 *
 * @param options `session`: its name; by default the only one
 * @returns the session's name and the app's exit status; undefined when no name is given and there is not one session
 * @throws {UserError} when there is no such session, or with exit code 127 no such app
 */
export async function joinSession(
  host: Host,
  target: SshTarget,
  { session, app }: { session: string | undefined; app: readonly string[] },
): Promise<{ session: string; status: number } | undefined> {
  const remote = ["/bin/sh", "-c", joinScript, "gui-container", session ?? "", ...app];
  const result = await sshRun(host, target, remote).catch((error) => {
    if (error instanceof ProcessError) return error;
    throw error;
  });
  const [, joined] = /^([\w.-]+)\n/.exec(result.stdout) ?? [];
  if (joined === undefined && result instanceof ProcessError) {
    if (session === undefined && (result.code === notOne || result.code === notLive)) return undefined;
    if (result.code === notLive) throw noSession(target.name, session ?? "");
    if (result.code !== ExitCode.missingProgram) throw result;
    throw new UserError(`There is no program "${app[0]}" in the container "${target.name}"`, {
      hint:
        "Install it there, for example: add it to packages: of a cloud-config file, or apt-get install in the container",
      exitCode: ExitCode.missingProgram,
    });
  }
  if (result.code === 255) {
    throw new UserError(`"${app[0]}" ended with the session "${joined}"`, { hint: "Start it again" });
  }
  return { session: joined ?? "", status: result.code };
}

/** The error for a session that does not run. */
export function noSession(container: string, session: string): UserError {
  return inputError(`There is no session "${session}" in "${container}"`, `See attach.ts --list ${container}`);
}
