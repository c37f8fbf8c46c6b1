/**
 * `attach.ts --copy` and `--paste` carry one text (a clipping) from a session's clipboard to the host's, or back, even
 * if the session's clipboard channel is closed. On X it goes over SSH, without xpra and its guard. On Wayland it goes
 * through the guard, which only the user can ask to do so.
 */

import { causedBy, ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { removeInvisible } from "../base/text.ts";
import type { Container } from "../container/container.ts";
import type { ScriptOptions } from "../container/ssh.ts";
import { type CarryAnswer, type CarryRequest, pastedMs } from "../guard/wayland/carrying.ts";
import { askGuard } from "./wayland/ask_guard.ts";
import { displays } from "../settings/displays.ts";
import { checkRunning, chooseSession, runInSession } from "./session/live_sessions.ts";
import { guardsOf } from "./session/runs.ts";

/** The longest clipping, in UTF-16 code units; a text has at most as many of them as bytes. */
const maxClippingLength = 2 ** 20;

/** How long an app on the host may take to send what was copied in it, in milliseconds. */
const readMs = 5_000;

/** The type of the text, for the history. */
const clippingType = "text/plain";

/**
 * `attach.ts --copy`: puts the text on a live session's clipboard onto the host's. The container is not trusted: its
 * text is bounded, and invisible characters are removed.
 *
 * @param session the session's name; undefined: the only session, or the one that the user chooses
 * @returns the exit code
 * @throws {UserError} when there is no text, or when the session's clipboard is the host's anyway
 */
export async function copy(container: Container, session: string | undefined): Promise<number> {
  const { host, label } = container;
  const clipboard = hostClipboard(host);
  const place = `the clipboard of "${label}"`;
  const from = await findClipboard(container, session, "out");
  const text = from.isGuarded
    ? await askClosed(container, { ...from, request: { copy: true } })
    : await carry(container, { ...from, direction: "out", planned: "<CLIPPING>" });
  const clipping = cleaned(text, place);
  noteClipping(container, "out", clipping);
  // The program keeps running to offer the text, and keeps its output open.
  await host.run(clipboard.write, { stdin: { text: clipping.text }, output: "discard" });
  return report(container, clipping, `from ${label} put on the clipboard`);
}

/**
 * `attach.ts --paste`: puts the text on the host's clipboard onto a live session's, for a minute.
 *
 * Apps of a session on Wayland can only get what is on the desktop's clipboard. So the clipping replaces the content of
 * the host's clipboard, as text only, under a type that the guard recognizes.
 *
 * @param session as for {@linkcode copy}
 * @returns the exit code
 * @throws {UserError} as {@linkcode copy}, and when it is not clear which session is meant
 */
export async function paste(container: Container, session: string | undefined): Promise<number> {
  const { host, label } = container;
  const clipping = await hostClipping(host);
  const stdin = { text: clipping.text };
  const into = await findClipboard(container, session, "in");
  if (into.isGuarded) {
    if (!host.env("WAYLAND_DISPLAY")) {
      const what = `The windows of "${into.session}" of "${label}" are on Wayland, and $WAYLAND_DISPLAY is not set`;
      throw new UserError(what, { hint: "Run it in the desktop session where they were opened" });
    }
    // The guard records what an app reads.
    const mark = `text/x-gui-container.${crypto.randomUUID()}`;
    await askClosed(container, { ...into, request: { paste: mark } });
    await host.run(["wl-copy", "--type", mark], { stdin, output: "discard" });
  } else {
    await carry(container, { ...into, direction: "in", stdin });
    noteClipping(container, "in", clipping);
  }
  return report(container, clipping, `put on the clipboard of ${label} for a minute`);
}

/**
 * The session that is meant, and whether it is on Wayland, where only the guard has access to its clipboard. A
 * container cannot deny that a session has a guard on this host, and gets no text while one of those may be meant.
 */
async function findClipboard(
  container: Container,
  wanted: string | undefined,
  direction: "out" | "in",
): Promise<{ session: string; isGuarded: boolean }> {
  const { host, label } = container;
  const guards = await host.look<string[]>([], async () => [...(await guardsOf(container)).keys()]);
  if (wanted !== undefined && guards.includes(wanted)) return { session: wanted, isGuarded: true };
  await checkRunning(container, wanted);
  const { session, display } = await chooseSession(container, wanted);
  const { title, windowsStay } = displays[display];
  const isGuarded = windowsStay || guards.includes(session);
  if (isGuarded || direction === "out" || wanted !== undefined || guards.length === 0) return { session, isGuarded };
  throw inputError(
    `"${label}" names a session over ${title}, while its windows on this desktop are those of ${guards.join(", ")}`,
    "Name the one that you mean with --session",
  );
}

/**
 * Sends a request to the guard of a session whose clipboard is closed. Returns the text of the answer; "" if it has
 * none.
 */
async function askClosed(
  container: Container,
  { session, request }: { session: string; request: CarryRequest },
): Promise<string> {
  const answer = await container.host.look(
    { text: "<CLIPPING>" },
    () => askGuard(container, { session, request }),
  ) as CarryAnswer;
  if ("not" in answer && answer.not === "open") {
    throw new UserError(`The clipboard of this session of "${container.label}" is the host's`, {
      hint: "Copy and paste there as in any other window",
    });
  }
  return "text" in answer ? answer.text : "";
}

/** Has session.sh carry a text. Returns its output. */
async function carry(
  container: Container,
  { session, direction, ...options }: Pick<ScriptOptions, "stdin" | "planned"> & {
    session: string;
    direction: "out" | "in";
  },
): Promise<string> {
  const result = await runInSession(container, {
    ...options,
    session,
    verb: "carry",
    values: { direction, max: `${maxClippingLength + 1}`, seconds: `${pastedMs / 1_000}` },
    maxOutputBytes: maxClippingLength + 1024,
  });
  if (result.code === ExitCode.missingProgram) {
    throw new UserError(`There is no xclip in the container "${container.label}"`, {
      hint: "Install it there: apt-get install xclip",
      exitCode: ExitCode.missingProgram,
      cause: result,
    });
  }
  if (result instanceof ProcessError) throw result;
  return result.stdout;
}

/** The programs for the host's clipboard: wl-clipboard on Wayland, xclip on X. */
function hostClipboard(host: Host): { read: string[]; write: string[] } {
  if (host.env("WAYLAND_DISPLAY")) {
    return {
      read: ["wl-paste", "--no-newline", "--type", "text"],
      write: ["wl-copy", "--type", "text/plain;charset=utf-8"],
    };
  }
  if (!host.env("DISPLAY")) {
    throw new UserError("There is no clipboard: neither $DISPLAY nor $WAYLAND_DISPLAY is set", {
      hint: "Run it in a desktop session",
    });
  }
  const xclip = ["xclip", "-selection", "clipboard"];
  return { read: [...xclip, "-out", "-target", "UTF8_STRING"], write: [...xclip, "-in"] };
}

/**
 * The text on the host's clipboard, without invisible characters.
 *
 * @throws {UserError} when there is none
 */
async function hostClipping(host: Host): Promise<Clipping> {
  const { read } = hostClipboard(host);
  const limits = { timeoutMs: readMs, maxOutputBytes: maxClippingLength + 1024 };
  try {
    const { stdout } = await host.run(read, { ...limits, planned: "<CLIPPING>" });
    return cleaned(stdout, "the host's clipboard");
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    throw error.overflowed
      ? tooLong("the host's clipboard")
      : new UserError("There is no text on the host's clipboard", { hint: "Copy some first", ...causedBy(error) });
  }
}

/** Records in the container's history that a text was carried. */
function noteClipping({ history }: Container, direction: "in" | "out", { text }: Clipping): void {
  const bytes = new TextEncoder().encode(text).length;
  history.note({ kind: "clipboard", direction, type: clippingType, times: 1, bytes });
}

/** The text that is carried. It is never printed. */
type Clipping = ReturnType<typeof cleaned>;

/** Removes invisible characters from a text, and counts its characters (code points) and those left out. */
function cleaned(text: string, place: string): { text: string; characters: number; leftOut: number } {
  if (text.length > maxClippingLength) throw tooLong(place);
  const seen = withoutHidden(text);
  const [before, characters] = [[...text.replaceAll("\r\n", "\n")].length, [...seen].length];
  if (characters > 0) return { text: seen, characters, leftOut: before - characters };
  throw new UserError(`There is no text on ${place}`, {
    hint: "Copy some first; the app in which it was copied must still run, and respond",
  });
}

/**
 * Removes control characters other than line ends and tabs (they could control a terminal), and characters that are
 * invisible or change the direction of writing. Joiners and variation selectors stay: scripts and emoji need them.
 */
export function withoutHidden(text: string): string {
  const lines = text.replaceAll("\r\n", "\n").replace(/[\p{Zl}\p{Zp}]/gu, "\n");
  return removeInvisible(lines, "\n\t\u200c\u200d\ufe0e\ufe0f");
}

function tooLong(place: string): UserError {
  return new UserError(`The text on ${place} is longer than 1 MiB`, {
    hint: "Carry a file instead: map.ts lends one, and the container's share is a directory on both sides",
  });
}

/** Tells what was carried. Returns the exit code. */
function report({ host, label }: Container, { characters, leftOut }: Clipping, where: string): number {
  const what = `${characters} character${characters === 1 ? "" : "s"} (${clippingType}) ${where}`;
  const rest = leftOut > 0 ? `; left out: ${leftOut} that cannot be seen` : "";
  host.ui.result(what + rest, { container: label, type: clippingType, characters, leftOut });
  return 0;
}
