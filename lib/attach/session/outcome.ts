/** The outcome of an attachment to a session: how it ended, and what the user is told about it. */

import { attachLine } from "../advice.ts";
import { boxDenied } from "../box/box.ts";
import type { ClientEnd } from "../x11/client.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { ExitCode, UserError } from "../../base/errors.ts";
import { listSessions, stopSessions } from "./live_sessions.ts";
import { type AppOutcome, appOutcome } from "./app_outcome.ts";
import type { Container } from "../../container/container.ts";
import { noUsableXpra } from "../x11/xpra_version.ts";

/**
 * Reports how an attachment ended that no signal has ended.
 *
 * @param attachment `isNew`: this run started the session. The session is stopped when its client could not attach to
 * it
 * @throws {UserError} when the app, the client or the server failed
 */
export async function reportOutcome(
  container: Container,
  { session, client, windows, isNew }: { session: string; client: ClientEnd; windows: WindowsEnd; isNew: boolean },
): Promise<void> {
  const { label } = container;
  const app = await appOutcome(container, session);
  if (reportApp(container, { session, app, windows }) || client.code === 0 && client.reason === undefined) return;
  if (app?.unknownOption !== undefined) {
    throw noUsableXpra(`in the container "${label}"`, { unknownOption: app.unknownOption });
  }
  const output = lastLines(`${client.stdout}${client.stderr}`);
  if (!await isLive(container, session)) {
    throw endedFromOutside(container, { session, output: app?.output || output });
  }
  if (isNew && !client.wasAttached) await stopSessions(container, [session]);
  const denied = boxDenied(client.stderr);
  if (denied) throw denied;
  const unknownOption = /^no such option: (\S+)$/m.exec(client.stderr)?.[1];
  const [message, hint] = client.reason !== undefined
    ? [
      `The session "${session}" was cut off: ${client.reason}`,
      `Only a hostile or a paused container does that. The app goes on; to end it: ${
        attachLine(container, "--stop", session)
      }`,
    ]
    : unknownOption !== undefined
    ? [`The xpra on this host does not know ${unknownOption}`, "See xpra attach --help, and xpra --version"]
    : [`The xpra client could not stay attached to "${session}"`, seeLog(container, session)];
  throw new UserError(message, { hint, output });
}

/**
 * Reports how a session on Wayland has ended.
 *
 * @throws {UserError} when the app failed, or when the windows are gone for another reason
 */
export async function reportWaylandOutcome(
  container: Container,
  { session, windows }: { session: string; windows: WindowsEnd },
): Promise<void> {
  const app = await appOutcome(container, session);
  const hint = windows === "none" ? "; if it needs X: --display x11" : "";
  if (reportApp(container, { session, app, windows, hint })) return;
  throw new UserError(`The windows of "${session}" were closed from outside`, {
    hint: seeLog(container, session),
    output: app?.output ?? "",
  });
}

/**
 * Reports how a session on Wayland has ended that another run has shown. That one knows whether the user has closed its
 * windows: an exit status is no error here.
 *
 * @throws {UserError} when the session was ended from outside
 */
export async function reportServedOutcome(container: Container, session: string): Promise<void> {
  const { ui } = container.host;
  const app = await appOutcome(container, session);
  if (app?.stopped) ui.status(`The session "${session}" was stopped`);
  else if (app?.status === undefined) throw endedFromOutside(container, { session, output: app?.output ?? "" });
  else if (app.status !== 0) ui.status(`The app of "${session}" ended with exit status ${app.status}`);
}

function endedFromOutside(
  container: Container,
  { session, output }: { session: string; output: string },
): UserError {
  return new UserError(`The session "${session}" was ended from outside`, { hint: seeLog(container, session), output });
}

/**
 * Reports how the app of a session has ended. A user who has closed its last window knows that it ends, whatever its exit
 * status is.
 *
 * @returns whether it has, and its user knows
 * @throws {UserError} when it failed
 */
function reportApp(
  container: Container,
  { session, app, windows, hint = "" }: {
    session: string;
    app: AppOutcome | undefined;
    windows: WindowsEnd;
    hint?: string;
  },
): boolean {
  const { ui } = container.host;
  const isClosed = windows === "closed";
  if (app?.stopped) ui.status(`The session "${session}" was stopped`);
  else if (app?.status && isClosed) {
    ui.status(`The app of "${session}" ended with exit status ${app.status} when its window was closed`);
  } else if (app?.status) {
    throw new UserError(`The app of "${session}" ended with exit status ${app.status}`, {
      hint: `${seeLog(container, session)}${hint}`,
      exitCode: app.status === ExitCode.missingProgram ? ExitCode.missingProgram : ExitCode.failed,
      output: app.output,
    });
  }
  return app?.stopped === true || app?.status === 0 || isClosed && app?.status !== undefined;
}

function seeLog(container: Container, session: string): string {
  return `To see what the app and the server printed: ${attachLine(container, "--logs", session)}`;
}

/**
 * Whether a session is live. A container that cannot be reached has no live session, although it may leave a socket.
 */
export async function isLive(container: Container, session: string): Promise<boolean> {
  const seen = await container.seenSessions();
  if (seen && !seen.includes(session)) return false;
  try {
    return (await listSessions(container)).some((live) => live.session === session);
  } catch {
    container.host.signal.throwIfAborted();
    return false;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-15).join("\n");
}
