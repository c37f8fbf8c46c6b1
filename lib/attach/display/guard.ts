/** Starts the process of a guard and hears what it says: the run's side of `lib/guard/process_interface.ts`. */

import { join } from "@std/path";
import type { ProcessResult } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ProcessOptions, RunningProcess } from "../../base/process.ts";
import { shortLine } from "../../base/text.ts";
import type { Container } from "../../container/container.ts";
import { leftLinesName } from "../../container/private_directory.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { crossingIn, type GuardHistory, windowsIn } from "../../guard/process_interface.ts";

/** How much memory a guard may have, in KiB, with half a GiB that V8 sets apart for its code. It keeps no pictures. */
const guardKib = 2 * 2 ** 20;

/**
 * Starts a guard, which may outlive this run. The ACL of the directory of sockets gives what it makes there to the
 * container's user, unless a umask takes that away.
 */
export const guardLauncher: readonly string[] = [
  ...["setpriv", "--pdeathsig", "clear", "/bin/sh", "-c", `umask 007 && ulimit -d ${guardKib} && exec "$@"`, "sh"],
];

/** Starts a guard. Ctrl-C does not reach it from the terminal. */
export function launchGuard(
  host: Host,
  argv: readonly string[],
  streams: Pick<ProcessOptions, "stdin" | "output">,
): RunningProcess {
  return host.start([...guardLauncher, ...argv], { ...streams, detached: true });
}

/** The history that a guard writes into if no run does: in a private directory, where the next run finds it. */
export function guardHistory({ history }: Container, directory: string): GuardHistory | undefined {
  return history.keptAs && { ...history.keptAs, file: join(directory, leftLinesName) };
}

/** Hears what a guard says: what crosses the clipboard is for the container's history, the rest for the user. */
export function hearGuard({ host, history }: Container): { line(line: string): void; windows(): WindowsEnd } {
  let windows: WindowsEnd = "other";
  return {
    windows: () => windows,
    line(line) {
      const end = windowsIn(line);
      const crossing = crossingIn(line);
      if (end !== undefined) windows = end;
      else if (crossing) history.note({ ...crossing, kind: "clipboard" });
      else host.ui.warn(line, { security: true });
    },
  };
}

/** Why a guard has ended that was not to. */
export function whyEnded({ signal, stderr }: ProcessResult): string {
  return signal
    ? `The guard of these windows was ended by ${signal}: it ran out of memory, or somebody ended it`
    : `The guard of these windows has ended: ${shortLine(stderr, 400)}`;
}
