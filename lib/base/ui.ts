/** What a script prints and asks: results on stdout, all else on stderr, animation only on a terminal. */

import { orNothing } from "./errors.ts";
import { abortable, delay } from "@std/async";
import { oneLine, printable } from "./text.ts";

export interface UiOptions {
  /** Print errors only. */
  quiet?: boolean;
  /** Print the result as one JSON document. */
  json?: boolean;
  /** Answer yes to all questions except those for a person. */
  yes?: boolean;
  /** Ends the wait for an answer. */
  signal: AbortSignal;
  /** Rewrites the names of the scripts as the user must type them, in everything but results. */
  spell?: (text: string) => string;
}

export interface Ui {
  /** Prints the result: `text`, or `data` as JSON when that is asked for. */
  result(text: string, data: unknown): void;
  /** Prints what the script is doing. */
  status(text: string): void;
  /** Prints a warning. One about security is printed with `--quiet`, too. `onDesktop`: the desktop shows it already. */
  warn(text: string, options?: { security?: boolean; onDesktop?: boolean }): void;
  /** Prints a command that is about to run, for `--verbose`. */
  command(line: string): void;
  /** Prints a command that would be run, for `--dry-run`. */
  plan(line: string): void;
  /**
   * Prints the state of a longer step. On a terminal it replaces the previous state. Elsewhere it prints the line
   * `plain`, which is `text` by default; nothing if that is empty.
   */
  progress(text: string, options?: { plain?: string }): void;
  /** Prints an error: what failed, what to do, and what a program printed. */
  error(error: { message: string; hint?: string; output?: string }): void;
  /**
   * Asks a yes-or-no question. With `--yes` the answer is yes; otherwise, without a terminal, it is no.
   * `personOnly`: `--yes` does not answer it.
   */
  confirm(question: string, options?: { personOnly?: boolean; signal?: AbortSignal }): Promise<boolean>;
  /** Lets the user choose. Returns undefined without a terminal, or when the answer is not one of the choices. */
  choose<T>(question: string, choices: readonly T[], options?: { describe(choice: T): string }): Promise<T | undefined>;
  /** Asks for a line. Returns undefined without a terminal, and at the end of the input. */
  ask(question: string): Promise<string | undefined>;
  /**
   * Waits for Enter, for the end of the input, or until `signal` aborts. With a signal, and without a terminal, it goes
   * on waiting after the end of the input.
   * @returns whether it was Enter
   * @throws the reason of the run's own signal when that aborts
   */
  enter(prompt: string, options?: { signal?: AbortSignal }): Promise<boolean>;
}

/** A {@linkcode Ui} on this process's stdin, stdout and stderr. */
export function terminalUi(options: UiOptions): Ui {
  let progressShown = false;
  const { spell = String } = options;
  const isStdoutTerminal = Deno.stdout.isTerminal();
  const animated = Deno.stderr.isTerminal() && !options.quiet;
  const clearProgress = (): void => {
    if (progressShown) writeSync(Deno.stderr, "\r\x1b[K");
    progressShown = false;
  };
  const line = (text: string): void => {
    clearProgress();
    writeSync(Deno.stderr, `${text}\n`);
  };
  // A program that reads our results gets every byte, a terminal only what cannot control it.
  const print = (text: string): void => writeSync(Deno.stdout, `${isStdoutTerminal ? printable(text) : text}\n`);
  const say = (text: string): void => {
    if (!options.quiet) line(text);
  };
  const ask = async (prompt: string, signal?: AbortSignal): Promise<string | undefined> => {
    clearProgress();
    writeSync(Deno.stderr, prompt);
    const until = signal ? AbortSignal.any([options.signal, signal]) : options.signal;
    nextLine ??= lines.next();
    const line = await orNothing(abortable(nextLine, until), () => until.aborted);
    options.signal.throwIfAborted();
    if (line) nextLine = undefined;
    return line?.value;
  };
  return {
    result(text, data) {
      clearProgress();
      if (options.json) print(JSON.stringify(data));
      else if (text !== "") print(text);
    },
    status: (text) => say(printable(spell(text))),
    warn: (text, { security = false } = {}) =>
      (security ? line : say)(`${paint("33", "warning:")} ${printable(spell(text))}`),
    command: (text) => line(`+ ${printable(text)}`),
    plan(line) {
      clearProgress();
      print(line);
    },
    progress(text, { plain = text } = {}) {
      // The terminal may have been closed meanwhile.
      if (!animated || !Deno.stderr.isTerminal()) return plain === "" ? undefined : say(oneLine(plain));
      const { columns } = Deno.consoleSize();
      writeSync(Deno.stderr, `\r\x1b[K${oneLine(text).slice(0, (columns || Infinity) - 1)}`);
      progressShown = true;
    },
    error({ message, hint, output }) {
      line(`${paint("31", "error:")} ${oneLine(spell(message))}`);
      if (output) line(indent(output));
      if (hint) line(`${paint("36", "hint:")} ${oneLine(spell(hint))}`);
    },
    async confirm(question, { personOnly = false, signal } = {}) {
      if (options.yes && !personOnly) return true;
      if (!Deno.stdin.isTerminal()) return false;
      return /^y(es)?$/i.test((await ask(`${printable(question)} [y/N] `, signal) ?? "").trim());
    },
    async choose(question, choices, { describe } = { describe: String }) {
      if (!Deno.stdin.isTerminal()) return undefined;
      const list = choices.map((choice, index) => `  ${index + 1}  ${oneLine(describe(choice))}\n`).join("");
      return choices[Number(await ask(`${question}:\n${list}Which one? [1-${choices.length}] `)) - 1];
    },
    async ask(question) {
      return Deno.stdin.isTerminal() ? await ask(question) : undefined;
    },
    async enter(prompt, { signal } = {}) {
      const line = await ask(options.quiet ? "" : prompt, signal);
      if (line !== undefined || !signal || Deno.stdin.isTerminal()) return line !== undefined;
      await abortable(new Promise(() => {}), AbortSignal.any([options.signal, signal])).catch(() => {});
      options.signal.throwIfAborted();
      return false;
    },
  };
}

/**
 * How much of what a program printed is shown with an error, in characters: its end. A container decides how much there
 * is.
 */
const maxOutput = 64 * 2 ** 10;

function indent(text: string): string {
  return printable(text.trimEnd().slice(-maxOutput)).replace(/^/gm, "    ");
}

function paint(code: string, text: string): string {
  return Deno.stderr.isTerminal() && !Deno.noColor ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** Writes a text. Output to a terminal that was closed is dropped: the run may be showing windows. */
function writeSync(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const data = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < data.length;) written += stream.writeSync(data.subarray(written));
  } catch (error) {
    if (!isTerminalsError(error)) throw error;
  }
}

/** Whether it is the error of a terminal that was closed, or that a background program may not read (termios(3)). */
function isTerminalsError(error: unknown): boolean {
  return (error as { code?: unknown }).code === "EIO";
}

/** The lines of stdin, without their ends. */
async function* readLines(): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let unread = "";
  for (let piece; (piece = await readPiece());) {
    const lines = (unread + decoder.decode(piece, { stream: true })).split("\n");
    unread = lines.pop()!;
    yield* lines;
  }
  if (unread !== "") yield unread;
}

const lines = readLines();

/** The line that is being read: a question that was called off leaves it to the next one. */
let nextLine: ReturnType<typeof lines.next> | undefined;

/** The pause before a run in the background tries again to read its terminal, in milliseconds. */
const backgroundMs = 500;

/** The next bytes of stdin; undefined at its end. */
async function readPiece(): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(4096);
  for (;;) {
    try {
      const count = await Deno.stdin.read(bytes);
      return count === null ? undefined : bytes.subarray(0, count);
    } catch (error) {
      // A closed terminal is no longer a terminal.
      if (!isTerminalsError(error) || !Deno.stdin.isTerminal()) throw error;
    }
    await delay(backgroundMs);
  }
}

/** Says each text once, and at most `most` of them: for texts that a container may choose, or repeat for ever. */
export function onceEach(say: (text: string) => void, most = 20): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text) || said.size >= most) return;
    said.add(text);
    say(text);
  };
}
