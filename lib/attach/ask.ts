/**
 * The question for the user's consent, as a dialog of zenity (3 or 4). The container can have it appear at any moment, over whatever
 * the user is typing, and chooses some of its words. So Enter, Space, Escape, closing it and waiting mean no, a yes that comes too soon
 * counts as none, and all words are shown as they are.
 */

import { ExitCode, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { AskableChannel } from "./channels.ts";
import type { Answer, Question } from "./guard/consent.ts";

/** How long a question is shown, in seconds. */
const shownFor = 60;

/**
 * A yes that comes sooner was not meant for the question, in milliseconds: nobody has read it. zenity takes half of that until it is
 * seen.
 */
const soonestMs = 1_000;

/** How often one question is asked when its answers come too soon. */
const mostTries = 3;

/** Characters in a line. zenity breaks lines at spaces, which an address does not have. */
const lineLength = 96;

/** The exit statuses of zenity: the first button was pressed, the dialog was closed in another way, or nobody has answered. */
const [okay, closed, timedOut] = [0, 1, 5];

const labels = {
  once: "Allow once",
  session: "Allow for this session",
  no: "Refuse",
  never: "Refuse for this session",
} as const satisfies Record<Answer, string>;

/**
 * Checks that the user can be asked, if there is something to ask. A dry run asks nothing.
 *
 * @throws {UserError} with exit code 127 when there is no zenity
 */
export async function checkAsking(host: Host, asks: ReadonlySet<AskableChannel>): Promise<void> {
  if (asks.size === 0) return;
  try {
    await host.run(["zenity", "--version"], { looksOnly: true, okCodes: "any" });
  } catch (error) {
    if (!(error instanceof UserError && error.exitCode === ExitCode.missingProgram)) throw error;
    throw new UserError(`Nobody can be asked for ${[...asks].join(", ")}: zenity is not installed`, {
      hint: "Install the package zenity, or leave out --ask",
      exitCode: ExitCode.missingProgram,
      cause: error,
    });
  }
}

/**
 * Shows a question, and waits for the answer.
 *
 * @param options `signal` takes the dialog away, and the answer is no; `clock` tells milliseconds
 */
export async function askInDialog(
  host: Host,
  question: Question,
  { container, signal, clock = () => performance.now() }: {
    container: string;
    signal: AbortSignal;
    clock?: () => number;
  },
): Promise<Answer> {
  const argv = dialogArgv(container, question);
  for (let tries = 0; tries < mostTries; tries++) {
    const startMs = clock();
    const { code, stdout } = await host.run(argv, {
      okCodes: "any",
      signal,
      timeoutMs: (shownFor + 10) * 1_000,
      maxOutputBytes: 1024,
    });
    if (code > timedOut) host.ui.warn(`zenity ended with exit status ${code}, which counts as a no`);
    const answer = answerIn(code, stdout);
    const isYes = answer === "once" || answer === "session";
    if (!isYes || clock() - startMs >= soonestMs) return answer;
  }
  return "no";
}

/** The command line of the dialog. Its buttons have no mnemonics. */
export function dialogArgv(container: string, { what, details }: Question): string[] {
  const text = [
    `The container "${container}" asks to ${what}.`,
    "",
    ...details.map(([name, text]) => inLines(`${name}: ${visible(text)}`)),
  ].join("\n");
  return [
    "zenity",
    "--question",
    "--no-markup",
    "--default-cancel",
    `--timeout=${shownFor}`,
    // Titles of the container's windows begin with its name in brackets: none is like this one.
    `--title=gui-container: may ${container} ${what}?`,
    "--no-wrap",
    `--text=${text}`,
    `--ok-label=${labels.once}`,
    `--cancel-label=${labels.no}`,
    `--extra-button=${labels.session}`,
    `--extra-button=${labels.never}`,
  ];
}

/** What zenity's exit status and output mean: an extra button is told by its label, with the status of a no. */
function answerIn(code: number, stdout: string): Answer {
  if (code === okay) return "once";
  const label = stdout.trim();
  return code !== closed ? "no" : label === labels.session ? "session" : label === labels.never ? "never" : "no";
}

/**
 * A text in which each character can be seen: those that cannot, or that look like a plain space, or that turn the direction
 * of writing, are written as `<U+202E>`. Of several spaces in a row, too: they could push the end of a text out of sight. And
 * backslashes: some versions of zenity take them for the start of an escape (3.44 does, 4.1.90 does not).
 */
export function visible(text: string): string {
  return text.replace(
    hidden,
    (character) => `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`,
  );
}

const hidden = /[\\\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}|(?<= ) /gu;

/**
 * A text in lines of the same length, whatever it consists of. All but the first are set in, so that none is taken for one of the
 * dialog's own, and begin with a mark by which they run from left to right.
 */
function inLines(text: string): string {
  const characters = [...text];
  const lines: string[] = [];
  for (let at = 0; at < characters.length; at += lineLength) lines.push(characters.slice(at, at + lineLength).join(""));
  return lines.join("\n\u200e    ");
}
