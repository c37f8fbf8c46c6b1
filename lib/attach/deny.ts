/** `attach.ts --deny NAME CHANNEL,…`: closes channels of sessions that run, at once. Only this host has a part in it. */

import { join } from "@std/path";
import { UserError } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import type { Channel } from "../guard/channel.ts";
import { attachLine } from "./session/advice.ts";
import { channelNamesOf } from "./session/channels.ts";
import { denyInRun, findRuns } from "./session/runs.ts";
import { closeInGuard, guardedSessions } from "./wayland/ask_guard.ts";

/**
 * Closes channels of the sessions of a container, or of one.
 *
 * @returns the exit code
 * @throws {UserError} when no session is shown or served on this host, and when something stays open
 */
export async function deny(
  container: Container,
  { channels, session }: { channels: readonly Channel[]; session: string | undefined },
): Promise<number> {
  const { host, label, mounts } = container;
  const names = (of: Iterable<Channel>): string => channelNamesOf(new Set(of)).join(", ");
  await host.change(`attach.ts: close ${names(channels)} of ${label}`, async () => {
    const isMeant = (name: string): boolean => session === undefined || name === session;
    const runs = (await findRuns(host)).filter((run) => run.mounts === mounts.directory && isMeant(run.session));
    const guarded = (await guardedSessions(container)).filter(isMeant);
    const sessions = [...new Set([...runs.map((run) => run.session), ...guarded])].sort();
    if (sessions.length === 0) {
      const which = session === undefined ? "a session" : `the session "${session}"`;
      throw new UserError(`No run of attach.ts on this host shows ${which} of "${label}"`, {
        hint: `Those that run: ${attachLine(container, "--list")}`,
      });
    }
    const own = join(await container.directory(), "guard");
    const stays = new Set<string>();
    const results: { container: string; session: string; closed: Channel[] }[] = [];
    for (const session of sessions) {
      const closed = new Set<Channel>();
      if (guarded.includes(session)) {
        for (const channel of await closeInGuard(container, { session, channels })) closed.add(channel);
      }
      const its = runs.filter((run) => run.session === session);
      for (const { directory } of its) {
        const answer = await denyInRun(host, { directory, own, channels });
        for (const channel of answer.closed) closed.add(channel);
        if (answer.stays.length > 0) stays.add(session);
      }
      if (its.length === 0 && channels.includes("sound")) stays.add(session);
      results.push({ container: label, session, closed: [...closed] });
    }
    host.ui.result(
      results.map(({ session, closed }) => `${session}: ${closed.length > 0 ? names(closed) : "nothing was open"}`)
        .join("\n"),
      results,
    );
    if (stays.size === 0) return;
    const [first] = stays;
    throw new UserError(`The sound of "${[...stays].join('", "')}" may play on: the run that began it has ended`, {
      hint: `To end the session: ${attachLine(container, "--stop", first!)}`,
    });
  });
  return 0;
}
