/**
 * The world outside a script, as one value that is passed to functions: programs, files, environment, the user, and the
 * signal that ends the run. Tests pass a host that records, `--dry-run` one that prints changes in place of making
 * them.
 */

import type { ProcessResult } from "./errors.ts";
import { type ProcessOptions, readEnv, type RunningProcess, runProcess, startProcess } from "./process.ts";
import type { Ui } from "./ui.ts";
import { quoteWord } from "./shell_words.ts";

export interface RunOptions extends Omit<ProcessOptions, "detached"> {
  /** The program changes nothing and no later command needs its output: a dry run does not show it. */
  looksOnly?: boolean;
  /** The output that a dry run takes for the program's, such as `<HOST_UID>`. By default it prints nothing. */
  planned?: string;
}

/** Everything that a script can see and do outside itself. */
export interface Host {
  readonly ui: Ui;
  /** Aborts when the run must end. Its reason is an {@linkcode Interrupted}. */
  readonly signal: AbortSignal;
  /** An environment variable; undefined when it is unset or empty. */
  env(name: string): string | undefined;
  /** Runs a program to its end; see {@linkcode runProcess}. In a dry run it succeeds at once. */
  run(argv: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** Starts a program without waiting for it. In a dry run it succeeds at once. */
  start(argv: readonly string[], options?: Omit<ProcessOptions, "signal" | "timeoutMs">): RunningProcess;
  /** Looks something up without a program: calls `act`. A dry run returns `planned` in its place. */
  look<T>(planned: T, act: () => T | Promise<T>): Promise<T>;
  /**
   * Changes something without a program: calls `act`, and returns its result. A dry run prints `plan`, or calls it if
   * it is a function, and returns undefined.
   */
  change<T>(plan: string | (() => Promise<unknown>), act: () => Promise<T>): Promise<T | undefined>;
  /** A host for cleaning up: `signal` ends it, and Ctrl-C does not reach its programs. */
  forCleanup(signal: AbortSignal): Host;
}

/**
 * The real world: programs run, and files change.
 *
 * @param options `signal`: aborts when the run must end; `verbose`: each command is printed before it runs, a script in
 * it by its name
 */
export function realHost(options: { ui: Ui; signal: AbortSignal; verbose: boolean }, cleanup = false): Host {
  const { ui, signal, verbose } = options;
  const echo = (argv: readonly string[]): void => {
    if (verbose) ui.command(argv.map((word) => word.includes("\n") ? plannedWord(word) : quoteWord(word)).join(" "));
  };
  return {
    ui,
    signal,
    env: readEnv,
    run(argv, { looksOnly: _, planned: _planned, ...processOptions } = {}) {
      echo(argv);
      const end = processOptions.signal ? AbortSignal.any([signal, processOptions.signal]) : signal;
      return runProcess(argv, { ...processOptions, signal: end, detached: cleanup });
    },
    start(argv, processOptions) {
      echo(argv);
      return startProcess(argv, processOptions);
    },
    look: async (_planned, act) => await act(),
    async change(plan, act) {
      if (verbose && typeof plan === "string") ui.command(plan);
      return await act();
    },
    forCleanup: (cleanupSignal) => realHost({ ...options, signal: cleanupSignal }, true),
  };
}

/**
 * A host that changes nothing and prints what would be done on stdout: one readable command per line. The results of
 * changes are unknown, so a plan prints none.
 */
export function dryRunHost({ ui, signal }: { ui: Ui; signal: AbortSignal }): Host {
  let isPlanned = false;
  const plan = (line: string): void => {
    isPlanned = true;
    ui.plan(line);
  };
  const success = (argv: readonly string[]): ProcessResult => ({ argv, code: 0, signal: null, stdout: "", stderr: "" });
  const show = (argv: readonly string[], { stdin = "null", env }: Pick<ProcessOptions, "stdin" | "env">): void => {
    // The language of a program's messages does not belong in a plan.
    const meant = Object.entries(env ?? {}).filter(([name]) => !/^LC_ALL$|^LANGUAGE$/.test(name));
    const assignments = meant.map(([name, value]) => `${name}=${plannedWord(value)}`);
    const input = typeof stdin === "object" && "text" in stdin && typeof stdin.text === "string"
      ? [`<<<${plannedWord(stdin.text.trimEnd())}`]
      : typeof stdin === "object" && "bytes" in stdin && stdin.from !== undefined
      ? [`<${plannedWord(stdin.from)}`]
      : [];
    // The twenty settings of ssh are always the same.
    const isSetting = (index: number): boolean => argv.includes("ssh") && argv[index] === "-o";
    const words = argv.filter((_, index) => !isSetting(index) && !isSetting(index - 1));
    plan([...assignments, ...words.map(plannedWord), ...input].join(" "));
  };
  const host: Host = {
    ui: { ...ui, result: (text, data) => isPlanned ? undefined : ui.result(text, data) },
    signal,
    // A plan that is made outside a desktop session assumes one.
    env: (name) => readEnv(name) ?? (name === "DISPLAY" && !readEnv("WAYLAND_DISPLAY") ? ":0" : undefined),
    run(argv, { looksOnly, planned = "", ...processOptions } = {}) {
      if (!looksOnly) show(argv, processOptions);
      return Promise.resolve({ ...success(argv), stdout: planned });
    },
    start(argv, processOptions = {}) {
      show(argv, processOptions);
      return { pid: 0, ended: Promise.resolve(success(argv)), kill() {} };
    },
    look: (planned) => Promise.resolve(planned),
    async change(change) {
      if (typeof change === "string") plan(change.replace(/\n[^]*/, "…"));
      else await change();
      return undefined;
    },
    forCleanup: () => host,
  };
  return host;
}

/** The maximum length of a word in a dry run, in characters. */
const maxPlannedLength = 160;

/** The comment by which a shell or Python script names itself, with its command if it has several. */
const scriptNames = /^# ((?:\w+\/)?\w+\.(?:sh|py)(?: [a-z]+)?)$/gm;

/**
 * A word as a dry run shows it: the name of a script, the beginning of another long text, or the word itself, quoted
 * for a POSIX shell except for placeholders.
 */
export function plannedWord(word: string): string {
  const scripts = [...word.matchAll(scriptNames)].map(([, name]) => name);
  if (scripts.length > 0) return scripts.join("+");
  const [line = ""] = word.split("\n", 1);
  const shown = line.slice(0, maxPlannedLength);
  const text = shown === word ? word : `${shown}…`;
  return /^[\w@%+=:,./-]+$/.test(text.replace(/<[A-Z_]+>/g, "X")) ? text : quoteWord(text);
}
