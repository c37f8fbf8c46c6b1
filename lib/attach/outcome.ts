/** How an attachment to a session ended, and what that means for the user. */

import { wasAttached } from "./client.ts";
import { ExitCode, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { listSessions, stopSessions } from "./live_sessions.ts";
import { socketPath } from "./session.ts";
import { appEnding } from "./session_log.ts";
import type { SshTarget } from "../container/ssh.ts";
import { noUsableXpra } from "./xpra_version.ts";
import { exists } from "../base/files.ts";

/**
 * Tells how an attachment ended that no signal has ended.
 *
 * @param attachment `isNew`: this run started the session; when its client never came that far, the session is stopped
 * @throws {UserError} when the app failed, or the client, or the server
 */
export async function tellEnding(
  host: Host,
  target: SshTarget,
  { session, client, isNew }: { session: string; client: ProcessResult; isNew: boolean },
): Promise<void> {
  const { name, mounts } = target;
  const ending = await appEnding(mounts.xpra, session);
  if (ending?.stopped) {
    host.ui.status(`The session "${session}" was stopped`);
    return;
  }
  const seeLog = `All that was printed in it is shown by: attach.ts --logs ${name} ${session}`;
  if (ending?.status) {
    throw new UserError(`The app of "${session}" ended with exit status ${ending.status}`, {
      hint: seeLog,
      exitCode: ending.status === ExitCode.missingProgram ? ExitCode.missingProgram : ExitCode.failed,
      output: ending.output,
    });
  }
  if (ending?.status === 0 || client.code === 0) return;
  const output = lastLines(`${client.stdout}${client.stderr}`);
  if (ending?.unknownOption !== undefined) {
    throw noUsableXpra(`in the container "${name}"`, { unknownOption: ending.unknownOption });
  }
  if (!await isLive(host, target, session)) {
    throw new UserError(`The session "${session}" was ended from outside`, {
      hint: seeLog,
      output: ending?.output || output,
    });
  }
  const unknownOption = /^no such option: (\S+)$/m.exec(client.stderr)?.[1];
  if (isNew && !wasAttached(client)) await stopSessions(host, target, [session]);
  throw new UserError(
    unknownOption === undefined
      ? `The xpra client could not stay attached to "${session}"`
      : `The xpra on this host does not know ${unknownOption}`,
    {
      hint: unknownOption === undefined ? seeLog : "See xpra attach --help, and xpra --version",
      output,
    },
  );
}

/** Whether a session runs on. Not so in a container that cannot be reached; its socket may well be there still. */
async function isLive(host: Host, target: SshTarget, session: string): Promise<boolean> {
  if (!await exists(socketPath(target.mounts.xpra, session))) return false;
  try {
    return (await listSessions(host, target)).some((live) => live.session === session);
  } catch {
    host.signal.throwIfAborted();
    return false;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-15).join("\n");
}
