/** What a script says and asks: results on stdout, all else on stderr; animation only on a terminal. */

/** Which of a script's words are wanted, and how. */
export interface UiOptions {
  /** Errors only. */
  quiet: boolean;
  /** One JSON document on stdout in place of text. */
  json: boolean;
  /** Answer yes to the questions that may be answered so. */
  yes: boolean;
  /** Ends a wait for an answer. */
  signal: AbortSignal;
}

/** The script's side of a conversation with whoever started it. */
export interface Ui {
  /** Prints the result: the text, or the data when JSON was asked for. */
  result(text: string, data: unknown): void;
  /** A line on what happens now. */
  status(text: string): void;
  /** Something the user should know. */
  warn(text: string): void;
  /** A command that is about to run, for `--verbose`. */
  command(line: string): void;
  /** A command that would be run, the result of `--dry-run`. */
  plan(line: string): void;
  /**
   * A state that replaces the one before it on a terminal; a plain line elsewhere: `plain` where it is given, and none when
   * that is empty.
   */
  progress(text: string, options?: { plain?: string }): void;
  /** An error: what failed, what to do, and what a program printed. */
  error(message: string, hint?: string, output?: string): void;
  /**
   * Asks a yes-or-no question. Without a terminal, and where `--yes` does not answer, the answer is no.
   * `personOnly`: `--yes` does not answer it.
   */
  confirm(question: string, options?: { personOnly?: boolean; signal?: AbortSignal }): Promise<boolean>;
  /** Lets the user choose one of several; undefined without a terminal, or for an answer that is none of them. */
  choose<T>(question: string, choices: readonly T[], describe: (choice: T) => string): Promise<T | undefined>;
  /** Asks for a line; undefined without a terminal, and at the end of the input. */
  ask(question: string): Promise<string | undefined>;
  /**
   * Waits for Enter, or the end of the input, which is no answer when nobody is at a terminal and `needsLine` is set; or
   * until `signal` aborts.
   * @returns whether it was Enter
   * @throws the signal's reason when the run is ended meanwhile
   */
  enter(prompt: string, options?: { needsLine?: boolean; signal?: AbortSignal }): Promise<boolean>;
}

/** A {@linkcode Ui} on the process's own stdin, stdout and stderr. */
export function terminalUi(options: UiOptions): Ui {
  let progressShown = false;
  const animated = Deno.stderr.isTerminal() && !options.quiet;
  const clearProgress = (): void => {
    if (progressShown) writeSync(Deno.stderr, "\r\x1b[K");
    progressShown = false;
  };
  const line = (text: string): void => {
    clearProgress();
    writeSync(Deno.stderr, `${text}\n`);
  };
  const say = (text: string): void => {
    if (!options.quiet) line(text);
  };
  const ask = async (prompt: string, signal?: AbortSignal): Promise<string | undefined> => {
    clearProgress();
    writeSync(Deno.stderr, prompt);
    const line = await readLine(signal ? AbortSignal.any([options.signal, signal]) : options.signal);
    options.signal.throwIfAborted();
    return line;
  };
  return {
    result(text, data) {
      clearProgress();
      if (options.json) writeSync(Deno.stdout, `${JSON.stringify(data)}\n`);
      else if (text !== "") writeSync(Deno.stdout, `${text}\n`);
    },
    status: (text) => say(printable(text)),
    warn: (text) => say(`${paint("33", "warning:")} ${printable(text)}`),
    command: (text) => line(`+ ${text}`),
    plan: (text) => writeSync(Deno.stdout, `${text}\n`),
    progress(text, { plain = text } = {}) {
      if (!animated) return plain === "" ? undefined : say(oneLine(plain));
      const { columns } = Deno.consoleSize();
      writeSync(Deno.stderr, `\r\x1b[K${oneLine(text).slice(0, columns - 1)}`);
      progressShown = true;
    },
    error(message, hint, output) {
      line(`${paint("31", "error:")} ${oneLine(message)}`);
      if (output) line(indent(output));
      if (hint) line(`${paint("36", "hint:")} ${oneLine(hint)}`);
    },
    async confirm(question, { personOnly = false, signal } = {}) {
      if (options.yes && !personOnly) return true;
      if (!Deno.stdin.isTerminal()) return false;
      return /^y(es)?$/i.test((await ask(`${question} [y/N] `, signal) ?? "").trim());
    },
    async choose(question, choices, describe) {
      if (!Deno.stdin.isTerminal()) return undefined;
      const list = choices.map((choice, index) => `  ${index + 1}  ${printable(describe(choice))}\n`).join("");
      return choices[Number(await ask(`${question}:\n${list}Which one? [1-${choices.length}] `)) - 1];
    },
    async ask(question) {
      return Deno.stdin.isTerminal() ? await ask(question) : undefined;
    },
    async enter(prompt, { needsLine = false, signal } = {}) {
      const line = await ask(options.quiet ? "" : prompt, signal);
      if (line !== undefined || !needsLine || !signal || Deno.stdin.isTerminal()) return line !== undefined;
      await aborted(AbortSignal.any([options.signal, signal]));
      options.signal.throwIfAborted();
      return false;
    },
  };
}

/**
 * A program's output made fit for a terminal: no control characters but line ends and tabs, since what comes out of a
 * container may be hostile.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\r+(?=\n|$)/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd");
}

function oneLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, " ");
}

function indent(text: string): string {
  return printable(text.trimEnd()).replace(/^/gm, "    ");
}

function paint(code: string, text: string): string {
  return Deno.stderr.isTerminal() && !Deno.noColor ? `\x1b[${code}m${text}\x1b[0m` : text;
}

function writeSync(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const data = new TextEncoder().encode(text);
  for (let written = 0; written < data.length;) written += stream.writeSync(data.subarray(written));
}

/** What was read of stdin behind the last line. */
let unread = "";

/** One line of stdin without its end; undefined at the end of the input, and when `signal` aborts. */
async function readLine(signal: AbortSignal): Promise<string | undefined> {
  if (signal.aborted) return undefined;
  const reader = Deno.stdin.readable.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    const decoder = new TextDecoder();
    while (!unread.includes("\n")) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) {
        const rest = unread;
        unread = "";
        return rest === "" || signal.aborted ? undefined : rest;
      }
      unread += decoder.decode(value, { stream: true });
    }
    const line = unread.slice(0, unread.indexOf("\n"));
    unread = unread.slice(line.length + 1);
    return line;
  } finally {
    signal.removeEventListener("abort", stop);
    reader.releaseLock();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
