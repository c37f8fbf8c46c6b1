/**
 * A URL in place of an app. A web address opens in the container's browser, in its session if it runs; a file of this
 * host is lent read-only, and opens in the container's app for its type.
 */

import { fromFileUrl } from "@std/path";
import findApps from "./find_apps.sh" with { type: "text" };
import { ExitCode, inputError, UserError } from "../base/errors.ts";
import { ifThere } from "../base/files.ts";
import { withValues } from "../base/shell_words.ts";
import type { Container } from "../container/container.ts";
import { parseExecLine } from "../container/exec_line.ts";
import { isHanded } from "../container/handed.ts";
import { noteOpened } from "../channels/opening.ts";
import type { StartRequest } from "../settings/request.ts";
import { isSameApp, wordsOf } from "./same_app.ts";
import { noType, typeOf } from "../channels/file_types.ts";
import { listSessions, mayRunOn } from "./session/live_sessions.ts";
import { runsOnAfter } from "./session/outcome.ts";

/** How long a container may take to list its apps, in milliseconds. */
const answerMs = 30_000;

/** How many apps are considered. */
const maxApps = 20;

export function isAddress(word: string): boolean {
  return /^https?:\/\//.test(word);
}

export function isFileAddress(word: string): boolean {
  return /^file:\/\/\//.test(word);
}

export function pathInAddress(address: string): string {
  try {
    return fromFileUrl(address);
  } catch {
    throw inputError(`"${address}" is not the address of a file`, "Write it as file:///home/you/letter.pdf");
  }
}

/**
 * Notes that something is opened in a container, unless it is a copy: copies open nothing for others. If its directory
 * is missing, the connection fails later, with a hint.
 */
export async function noteOpening(
  { host, mounts }: Pick<Container, "host" | "mounts">,
  { isOpening, isDisposable }: Pick<StartRequest, "isOpening" | "isDisposable">,
): Promise<void> {
  if (isOpening && !isDisposable) await ifThere(noteOpened(host, mounts));
}

/**
 * Replaces an address in the app's place by the container's app for it; returns any other request unchanged. The app
 * joins the session in which it runs, whatever its channels. The container may answer anything: what it names runs only
 * in the container.
 *
 * @throws {UserError} exit code 127 when the container has no such app
 */
export async function withDefaultApp(container: Container, request: StartRequest): Promise<StartRequest> {
  const { label } = container;
  const [address, inCopy] = request.app as [string, string | undefined];
  const isFile = isFileAddress(address);
  if (!isFile && !isAddress(address)) return request;
  const type = isFile ? typeOf(pathInAddress(address)) : "x-scheme-handler/https";
  if (type === undefined) throw noType();
  const what = isFile ? `app for files of the type ${type}` : "web browser";
  const words = !isFile ? request.app : inCopy === undefined ? [] : [inCopy];
  await container.connect();
  const script = withValues(findApps, { type });
  const { stdout } = await container.script({ script, planned: "APP", timeoutMs: answerMs });
  const apps = stdout.split("\n", maxApps).flatMap((line) => {
    const command = parseExecLine(line)?.command;
    return command ? [command] : [];
  });
  if (apps.length === 0) {
    throw new UserError(`There is no ${what} in the container "${label}"`, {
      hint: `Install one there, for example: create.ts --install ${label} apt:PACKAGE`,
      exitCode: ExitCode.missingProgram,
    });
  }
  const live = request.isDisposable || (await container.seenSessions())?.length === 0
    ? []
    : await listSessions(container);
  const running = apps.flatMap((app) => {
    // The rest are its arguments.
    const found = live.find((session) => isSameApp(wordsOf(session).slice(0, app.length), app));
    return found ? [{ app, session: found.session }] : [];
  })[0];
  return {
    ...request,
    app: [...running?.app ?? apps[0]!, ...words],
    session: request.session ?? (request.detached ? undefined : running?.session),
    joinsAny: true,
  };
}

/**
 * The request from {@linkcode withDefaultApp}, with the file whose address was in the app's place, if any: it is lent
 * until the scope ends.
 *
 * @param options `isLive`: whether the session already runs
 */
export async function withOpenedFile(
  container: Container,
  { given, found, session, isLive }: { given: StartRequest; found: StartRequest; session: string; isLive: boolean },
  scope: AsyncDisposableStack,
): Promise<StartRequest> {
  const { host } = container;
  const { app: [address, inCopy], isDisposable, detached } = given;
  if (!isFileAddress(address!) || inCopy !== undefined) return found;
  const path = pathInAddress(address!);
  const place = await host.look("FILE", async () => {
    const loans = await container.loans(session);
    // If the app passes the file to a running instance, it is taken back when that session ends. It does not stay with
    // a session that never started, nor with a copy, which is removed.
    const runsOn = detached || isLive ? mayRunOn : runsOnAfter;
    scope.defer(async () => loans.end({ runsOn: !isDisposable && await runsOn(container, session) }));
    return (await loans.open([path], { readOnly: true, handed: isHanded(host, path) }))[0]!;
  });
  return { ...found, app: [...found.app, place] };
}
