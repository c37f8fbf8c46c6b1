/** An address in the place of an app: the web browser of the container opens it, where one runs that one. */

import findBrowsers from "./find_browsers.sh" with { type: "text" };
import { ExitCode, UserError } from "../base/errors.ts";
import { ifThere } from "../base/files.ts";
import type { Container } from "../container/container.ts";
import { parseExecLine } from "../container/exec_line.ts";
import { noteLink } from "../container/opened_links.ts";
import type { StartRequest } from "./display/request.ts";
import { isSameApp, wordsOf } from "./same_app.ts";
import { listSessions } from "./session/live_sessions.ts";

/** How long a container may take to say which browsers it has, in milliseconds. */
const answerMs = 30_000;

/** How many browsers count. */
const maxBrowsers = 20;

/** Whether a word is an address of the web. */
export function isAddress(word: string): boolean {
  return /^https?:\/\//.test(word);
}

/**
 * Notes that a link is opened in a container, unless it is a copy: those open none for others. Where its directory is
 * missing, the connection fails, and says what to do.
 */
export async function noteOpenedLink(
  { host, mounts }: Pick<Container, "host" | "mounts">,
  { opensLink, isDisposable }: Pick<StartRequest, "opensLink" | "isDisposable">,
): Promise<void> {
  if (opensLink && !isDisposable) await ifThere(noteLink(host, mounts));
}

/**
 * The same request for the browser of the container, which joins the session in which that runs, whatever the channels of
 * that are. A container may answer what it likes: what it names runs in it.
 *
 * @throws {UserError} exit code 127 when it has no browser
 */
export async function withBrowser(container: Container, request: StartRequest): Promise<StartRequest> {
  const { label } = container;
  await container.connect();
  const { stdout } = await container.script({ script: findBrowsers, planned: "BROWSER", timeoutMs: answerMs });
  const browsers = stdout.split("\n", maxBrowsers).flatMap((line) => {
    const command = parseExecLine(line)?.command;
    return command ? [command] : [];
  });
  if (browsers.length === 0) {
    throw new UserError(`There is no web browser in the container "${label}"`, {
      hint: "Install one there, for example by packages: of a cloud-config file",
      exitCode: ExitCode.missingProgram,
    });
  }
  const live = request.isDisposable || (await container.seenSessions())?.length === 0
    ? []
    : await listSessions(container);
  const running = browsers.flatMap((browser) => {
    // The address that it was started with follows.
    const found = live.find((session) => isSameApp(wordsOf(session).slice(0, browser.length), browser));
    return found ? [{ browser, session: found.session }] : [];
  })[0];
  return {
    ...request,
    app: [...running?.browser ?? browsers[0]!, ...request.app],
    session: request.session ?? (request.detached ? undefined : running?.session),
    joinsAny: true,
  };
}
