/** Starts a guard's process and reads its lines: the run's side of `lib/guard/process_interface.ts`. */

import { join } from "@std/path";
import type { ProcessResult } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ProcessOptions, RunningProcess } from "../../base/process.ts";
import { shortLine } from "../../base/text.ts";
import type { Container } from "../../container/container.ts";
import { leftLinesName } from "../../container/private_directory.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { crossingIn, type GuardHistory, windowsIn } from "../../guard/process_interface.ts";

/** How much memory a guard may have, in KiB, including half a GiB that V8 reserves for code. It stores no pictures. */
const guardKib = 2 * 2 ** 20;

/**
 * The start of a guard's command line; the guard may outlive this run. The umask keeps the group bits, without which
 * the default ACL of the sockets' directory would not give its socket to the container's user.
 */
export const guardLauncher: readonly string[] = [
  ...["setpriv", "--pdeathsig", "clear", "/bin/sh", "-c", `umask 007 && ulimit -d ${guardKib} && exec "$@"`, "sh"],
];

/** Starts a guard, detached so that Ctrl-C in the terminal does not reach it. */
export function launchGuard(
  host: Host,
  argv: readonly string[],
  streams: Pick<ProcessOptions, "stdin" | "output">,
): RunningProcess {
  return host.start([...guardLauncher, ...argv], { ...streams, detached: true });
}

/** The history that a guard writes when no run does: in a private directory, where the next run finds it. */
export function guardHistory({ history }: Container, directory: string): GuardHistory | undefined {
  return history.keptAs && { ...history.keptAs, file: join(directory, leftLinesName) };
}

/** Handles a guard's lines: clipboard crossings go to the container's history, the rest is shown to the user. */
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

/** Why a guard ended unexpectedly. */
export function whyEnded({ signal, stderr }: ProcessResult): string {
  return signal
    ? `The guard of these windows was ended by ${signal}: it ran out of memory, or somebody ended it`
    : `The guard of these windows has ended: ${shortLine(stderr, 400)}`;
}
