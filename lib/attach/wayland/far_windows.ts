/**
 * Windows on a Wayland compositor of an app on another machine. Nothing can show them a second time: they last no longer than this
 * run, and so does the app.
 */

import awaitEnd from "../await_end.sh" with { type: "text" };
import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { orInterrupted } from "../../base/settle.ts";
import { sshScript, type SshTarget } from "../../container/ssh.ts";
import type { Link } from "../../container/link.ts";
import { stopSessions } from "../live_sessions.ts";

/** How long a session may take to end at the end of the run, in milliseconds. */
const stopDeadlineMs = 15_000;

/**
 * Waits for the end of a session. If the run is to end before, ends the session.
 *
 * @throws {UserError} when the connection breaks
 */
export async function awaitFarEnd(
  host: Host,
  { target, link }: { target: SshTarget; link: Link },
  session: string,
): Promise<void> {
  // Nothing is told by what the container answers, or by when: only that it is worth looking.
  const asked = sshScript(host, target, { script: awaitEnd, values: { session }, timeoutMs: Infinity }).catch(() => {});
  await orInterrupted(Promise.race([asked, link.ended]), host.signal);
  if (host.signal.aborted) {
    const cleaning = host.forCleanup(AbortSignal.timeout(stopDeadlineMs));
    await stopSessions(cleaning, target, [session]);
    host.ui.status(`"${session}" has ended: its windows last no longer than this run`);
    throw host.signal.reason;
  }
  if (!await link.isLost()) return;
  throw new UserError(`The connection to "${target.name}" is lost, and the windows of "${session}" with it`, {
    hint: "With --display x11, an app outlives a broken connection",
  });
}
