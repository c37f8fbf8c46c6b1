/**
 * `attach.ts --stop`: ends live sessions as a desktop does at a logout: the apps close their windows, or are killed.
 */

import type { Container } from "../container/container.ts";
import { closeWindows } from "./wayland/ask_guard.ts";
import { findRuns } from "./session/runs.ts";
import { checkRunning, chooseSession, listSessions, type LiveSession, stopSessions } from "./session/live_sessions.ts";

/**
 * Stops one live session of a container, or all.
 *
 * @param options `session`: the session's name; undefined: the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function stop(
  container: Container,
  { session: wanted, all }: { session: string | undefined; all: boolean },
): Promise<number> {
  const { host, label } = container;
  if (!all) await checkRunning(container, wanted);
  const find = async (): Promise<Pick<LiveSession, "session">[]> => {
    await container.connect();
    return all
      ? await listSessions(container)
      : [await chooseSession(container, wanted, { hint: ", or end all with --all" })];
  };
  const sessions = await container.status() === "Stopped" ? [] : await find();
  const names = sessions.map(({ session }) => session);
  const runs = await host.look([], () => findRuns(host));
  await host.look(undefined, () => closeWindows(container, names));
  if (names.length > 0) await stopSessions(container, names);
  // A dry run does not know what is lent to them.
  for (const session of await host.look([], () => names)) {
    await (await container.loans(session)).end({ runsOn: false });
    const isShown = runs.some((run) => run.mounts === container.mounts.directory && run.session === session);
    // A run that shows it writes that by itself.
    if (!isShown) container.history.add({ kind: "session", what: "ends", session });
  }
  host.ui.result(names.join("\n"), names.map((session) => ({ container: label, session })));
  return 0;
}
