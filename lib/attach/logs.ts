/** `attach.ts --logs`: prints the log of a session. */

import { inputError } from "../base/errors.ts";
import type { Container } from "../container/container.ts";

/** How much of the end of a log is printed, in bytes. The container decides how large its log is. */
const maxPrintedBytes = 4 * 1024 * 1024;

/**
 * Prints the end of a session's log; without a name, of the session that has printed last.
 *
 * @returns the exit code
 * @throws {UserError} exit code 2 when there is no such log
 */
export async function logs(container: Container, session: string | undefined): Promise<number> {
  const { host, label, mounts, crossesNetwork } = container;
  const log = await container.log({ session, bytes: maxPrintedBytes });
  // A log on this machine can be read even while the container is stopped.
  const directory = crossesNetwork ? `${(await container.reach()).sockets} in the container` : mounts.sockets;
  if (!log) {
    throw inputError(
      session === undefined ? `There is no log of a session of "${label}"` : `There is no log of "${session}"`,
      `See what is in ${directory}`,
    );
  }
  const { text, omittedBytes } = log;
  if (omittedBytes > 0) {
    host.ui.warn(`The log is long: only its last ${text.length} characters follow; see ${directory} for the rest`);
  }
  host.ui.result(text.trimEnd(), text);
  return 0;
}
