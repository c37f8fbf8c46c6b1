/** `attach.ts --stop`: stops live sessions. */

import type { Container } from "../container/container.ts";
import { chooseSession, listSessions, noSession, stopSessions } from "./session/live_sessions.ts";

/**
 * Stops one live session of a container, or all.
 *
 * @param options `session`: its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function stop(
  container: Container,
  { session: wanted, all }: { session: string | undefined; all: boolean },
): Promise<number> {
  const { host, label } = container;
  await container.connect();
  const sessions = await listSessions(container);
  const names = all ? sessions.map((live) => live.session) : [wanted ?? (await chooseSession(container)).session];
  if (!all && !host.dryRun && !sessions.some((live) => live.session === names[0])) {
    throw noSession(container, names[0]!);
  }
  if (names.length > 0) await stopSessions(container, names);
  for (const name of host.dryRun ? [] : names) await (await container.loans(name)).end({ runsOn: false });
  host.ui.result(names.join("\n"), names.map((session) => ({ container: label, session })));
  return 0;
}
