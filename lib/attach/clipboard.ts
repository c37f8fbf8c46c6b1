/**
 * `attach.ts --copy` and `--paste`. A clipping is one text that the user has carried from the clipboard of a session to the host's, or the other way,
 * whatever the session's clipboard channel is. On X it goes over SSH, and neither xpra nor its guard has a part in
 * it. On Wayland it goes by the guard, which the user alone can ask for it.
 */

import { causedBy, ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { removeInvisible } from "../base/text.ts";
import type { Container } from "../container/container.ts";
import { isSessionName } from "../container/names.ts";
import type { ScriptOptions } from "../container/ssh.ts";
import { type CarryAnswer, pastedMs } from "../guard/wayland/carrying.ts";
import { askGuard, guardedSessions } from "./wayland/ask_guard.ts";
import { checkRunning, runInSession } from "./session/live_sessions.ts";
import { exitStatus } from "./session/protocol.ts";

export interface Clipping {
  /** The text. Nothing prints it. */
  text: string;
  /** How many characters (code points). */
  characters: number;
  /** How many invisible ones were left out. */
  leftOut: number;
}

/** How long a clipping can be, in UTF-16 code units; a text has no more of them than bytes. */
const maxClippingLength = 2 ** 20;

/** How long an app on the host may take to hand out what was copied in it, in milliseconds. */
const readMs = 5_000;

/** The type of the text, for the history. */
const clippingType = "text/plain";

/**
 * `attach.ts --copy`: puts the text on the clipboard of a live session on the host's.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function copy(container: Container, session: string | undefined): Promise<number> {
  reportClipping(container, await copyOut(container, session), `from ${container.label} VERB on the clipboard`);
  return 0;
}

/**
 * `attach.ts --paste`: puts the text on the host's clipboard on that of a live session.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function paste(container: Container, session: string | undefined): Promise<number> {
  const clipping = await hostClipping(container.host);
  await pasteIn(container, { session, clipping });
  reportClipping(container, clipping, `VERB on the clipboard of ${container.label} for a minute`);
  return 0;
}

/**
 * Puts the text on a session's clipboard on the host's. The container is not trusted: its text is bounded, and only
 * what can be seen is kept.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @throws {UserError} when there is no text, or when the session's clipboard is the host's anyway
 */
export async function copyOut(container: Container, session: string | undefined): Promise<Clipping> {
  const { host } = container;
  const clipboard = hostClipboard(host);
  const place = `the clipboard of "${container.label}"`;
  const carried = await carry(container, { session, direction: "out", planned: "<CLIPPING>" });
  let text = carried.stdout;
  if (carried.guarded !== undefined) {
    const answer = await askGuard(container, { session: carried.guarded, request: { copy: true } });
    refuse(container, answer);
    text = "text" in answer ? answer.text : "";
  }
  const clipping = cleaned(text, place);
  writeDown(container, "out", clipping);
  // The program stays to offer the text, and keeps its output open.
  await host.run(clipboard.write, { stdin: { text: clipping.text }, output: "discard" });
  return clipping;
}

/**
 * Puts a clipping on a session's clipboard, for a minute.
 *
 * Where the session is on a Wayland desktop, its apps can have only what is on the clipboard there. So the clipping takes the
 * place of what is on the host's, as text alone, under a type by which the guard knows it again.
 *
 * @param options `session`: as for {@linkcode copyOut}
 * @throws {UserError} when the session's clipboard is the host's anyway, or when it is not clear which session is meant
 */
export async function pasteIn(
  container: Container,
  { session, clipping: { text } }: { session: string | undefined; clipping: Clipping },
): Promise<void> {
  const { host, label } = container;
  const guarded = await guardedSession(container, session) ??
    (await carry(container, { session, direction: "in", stdin: { text } })).guarded;
  // The guard writes down what an app there reads.
  if (guarded === undefined) return writeDown(container, "in", { text });
  if (!host.env("WAYLAND_DISPLAY")) {
    throw new UserError(`The windows of "${guarded}" of "${label}" are on Wayland, and $WAYLAND_DISPLAY is not set`, {
      hint: "Run it in the desktop session where they were opened",
    });
  }
  const mark = `text/x-gui-container.${crypto.randomUUID()}`;
  refuse(container, await askGuard(container, { session: guarded, request: { paste: mark } }));
  await host.run(["wl-copy", "--type", mark], { stdin: { text }, output: "discard" });
}

/**
 * The session that is meant, if a guard on this host has its windows. Then the guard alone says when the container gets
 * the text: until it is clear that it is another session, the container gets nothing.
 */
async function guardedSession(container: Container, session: string | undefined): Promise<string | undefined> {
  const { host, label } = container;
  const guards = await host.look([], () => guardedSessions(container));
  if (session !== undefined || guards.length === 0) return guards.find((name) => name === session);
  const { guarded } = await carry(container, { session, direction: "ask" });
  if (guarded !== undefined) return guarded;
  throw inputError(
    `"${label}" names a session over X, while its windows on this desktop are those of ${guards.join(", ")}`,
    "Name the one that you mean with --session",
  );
}

/** Throws the error for a guard's refusal. */
function refuse({ label }: Container, answer: CarryAnswer): void {
  if (!("not" in answer) || answer.not !== "open") return;
  throw new UserError(`The clipboard of this session of "${label}" is the host's`, {
    hint: "Copy and paste there as in any other window",
  });
}

/** Has session.sh carry a text. Returns what it prints, or the name of a session that has no clipboard of its own. */
async function carry(
  container: Container,
  { direction, ...options }: Pick<ScriptOptions, "stdin" | "planned"> & {
    session: string | undefined;
    direction: "out" | "in" | "ask";
  },
): Promise<{ stdout: string; guarded?: string }> {
  const { label } = container;
  await checkRunning(container, options.session);
  const result = await runInSession(container, {
    ...options,
    verb: "carry",
    values: { direction, max: `${maxClippingLength + 1}`, seconds: `${pastedMs / 1_000}` },
    maxOutputBytes: maxClippingLength + 1024,
  });
  if (result.code === exitStatus.onWayland) {
    const name = result.stdout.trimEnd();
    if (isSessionName(name)) return { stdout: "", guarded: name };
  }
  if (result.code === ExitCode.missingProgram) {
    throw new UserError(`There is no xclip in the container "${label}"`, {
      hint: "Install it there: apt-get install xclip",
      exitCode: ExitCode.missingProgram,
      cause: result,
    });
  }
  if (result instanceof ProcessError) throw result;
  return { stdout: result.stdout };
}

/** The programs for the host's clipboard: a Wayland desktop has its own. */
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
export async function hostClipping(host: Host): Promise<Clipping> {
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

/** Writes down that a text was carried, for the container's history. */
function writeDown({ history }: Container, direction: "in" | "out", { text }: Pick<Clipping, "text">): void {
  const bytes = new TextEncoder().encode(text).length;
  history.note({ kind: "clipboard", direction, type: clippingType, times: 1, bytes });
}

/** A text without invisible characters. */
function cleaned(text: string, place: string): Clipping {
  if (text.length > maxClippingLength) throw tooLong(place);
  const seen = withoutHidden(text);
  const [before, characters] = [[...text.replaceAll("\r\n", "\n")].length, [...seen].length];
  if (characters > 0) return { text: seen, characters, leftOut: before - characters };
  throw new UserError(`There is no text on ${place}`, {
    hint: "Copy some first; the app in which it was copied must still run, and respond",
  });
}

/**
 * A text without control characters other than line ends and tabs (they could control a terminal), and without
 * characters that are invisible or change the direction of writing. Joiners and variation selectors stay: scripts and
 * emoji need them.
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

/**
 * Tells what was carried.
 *
 * @param where where it is now, with VERB for "is" or "are"
 */
function reportClipping({ host, label }: Container, { characters, leftOut }: Clipping, where: string): void {
  const [noun, verb] = characters === 1 ? ["character", "is"] : ["characters", "are"];
  const rest = leftOut > 0 ? `; left out: ${leftOut} that cannot be seen` : "";
  const result = { container: label, type: clippingType, characters, leftOut };
  host.ui.result(`${characters} ${noun} (${clippingType}) ${where.replace("VERB", verb)}${rest}`, result);
}
