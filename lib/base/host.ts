/**
 * The world outside of a script, as one value that is handed to functions: programs, environment, the user, the signal
 * that ends the run, and changes to files. A test hands in a host that records, `--dry-run` one that prints.
 */

import type { ProcessResult } from "./errors.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "./process.ts";
import type { Ui } from "./ui.ts";
import { quoteWord, quoteWords } from "./shell_words.ts";

/** How {@linkcode Host.run} runs a program. */
export interface RunOptions extends Omit<ProcessOptions, "detached"> {
  /** The program changes nothing and no later command needs its output: a dry run does not show it. */
  looksOnly?: boolean;
}

/** How {@linkcode Host.value} takes a value from a program's output, and how a shell does it. */
export interface ValueOptions extends Omit<ProcessOptions, "signal" | "detached"> {
  /** The shell variable that holds it in a dry run. */
  variable: string;
  /**
   * For a dry run, a shell filter that turns the output into the value: `| sed …`. Another value may stand in its
   * quotes.
   */
  filter: string;
  /** Turns the output into the value. */
  parse(stdout: string): string;
}

/** All that a script can see and do outside of itself. */
export interface Host {
  /** Speaks with the user. */
  readonly ui: Ui;
  /** Aborts when the run must end. Its reason is an {@linkcode Interrupted}. */
  readonly signal: AbortSignal;
  /** Whether commands are only printed. */
  readonly dryRun: boolean;
  /** An environment variable; undefined when it is unset or empty. */
  env(name: string): string | undefined;
  /** Runs a program to its end; see {@linkcode runProcess}. In a dry run it succeeds and prints nothing. */
  run(argv: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /**
   * Runs a program for one value that later commands need. In a dry run the value is a shell variable, quoted rightly.
   */
  value(argv: readonly string[], options: ValueOptions): Promise<string>;
  /** Starts a program and does not wait for it. In a dry run it has succeeded at once. */
  start(argv: readonly string[], options?: Omit<ProcessOptions, "signal" | "timeoutMs">): RunningProcess;
  /** Changes something without a program: calls `act`. A dry run prints `command`, which has the same effect. */
  change(command: string, act: () => Promise<unknown>): Promise<void>;
  /** A host for cleaning up: `signal` ends it, and Ctrl-C does not reach its programs. */
  forCleanup(signal: AbortSignal): Host;
}

/** Options of {@linkcode realHost}. */
export interface HostOptions {
  /** Speaks with the user. */
  ui: Ui;
  /** Aborts when the run must end. */
  signal: AbortSignal;
  /** Print each command before it runs. */
  verbose: boolean;
}

/** The real world: programs run, and files change. */
export function realHost(options: HostOptions, cleanup = false): Host {
  const { ui, signal, verbose } = options;
  const echo = (argv: readonly string[]): void => {
    if (verbose) ui.command(quoteWords(argv));
  };
  const host: Host = {
    ui,
    signal,
    dryRun: false,
    env: (name) => Deno.env.get(name) || undefined,
    run(argv, { looksOnly: _, ...processOptions } = {}) {
      echo(argv);
      // A program that has the terminal must stay in the terminal's session.
      const detached = cleanup && processOptions.output !== "inherit";
      const end = processOptions.signal ? AbortSignal.any([signal, processOptions.signal]) : signal;
      return runProcess(argv, { ...processOptions, signal: end, detached });
    },
    async value(argv, { variable: _, filter: __, parse, ...processOptions }) {
      return parse((await host.run(argv, processOptions)).stdout);
    },
    start(argv, processOptions) {
      echo(argv);
      return startProcess(argv, processOptions);
    },
    async change(command, act) {
      if (verbose) ui.command(command);
      await act();
    },
    forCleanup: (cleanupSignal) => realHost({ ...options, signal: cleanupSignal }, true),
  };
  return host;
}

/**
 * A host that changes nothing and prints on stdout what would be done, as commands for a POSIX shell. A value that is
 * known only when the commands run is a shell variable in them.
 */
export function dryRunHost({ ui, signal }: { ui: Ui; signal: AbortSignal }): Host {
  const print = (line: string): void => ui.plan(line);
  const success = (argv: readonly string[]): ProcessResult => ({
    argv,
    code: 0,
    signal: null,
    stdout: "",
    stderr: "",
  });
  const show = (argv: readonly string[], { stdin = "null", env }: Pick<ProcessOptions, "stdin" | "env">): string => {
    const assignments = Object.entries(env ?? {}).map(([name, value]) => `${name}=${quoteWord(value)} `).join("");
    const command = expandStandIns(assignments + quoteWords(argv));
    if (stdin === "inherit") return command;
    if (stdin !== "null" && "bytes" in stdin && stdin.from !== undefined) {
      return `${command} <${expandStandIns(quoteWord(stdin.from))}`;
    }
    if (stdin === "null" || !("text" in stdin)) return `${command} </dev/null`;
    return `printf %s ${expandStandIns(quoteWord(stdin.text))} | ${command}`;
  };
  const host: Host = {
    ui,
    signal,
    dryRun: true,
    env: (name) => Deno.env.get(name) || undefined,
    run(argv, runOptions = {}) {
      if (!runOptions.looksOnly) print(show(argv, runOptions));
      return Promise.resolve(success(argv));
    },
    value(argv, { variable, filter, ...processOptions }) {
      print(`${variable}=$(${show(argv, processOptions)} ${expandStandIns(filter)})`);
      return Promise.resolve(standIn(variable));
    },
    start(argv, processOptions = {}) {
      print(show(argv, processOptions));
      return { pid: 0, ended: Promise.resolve(success(argv)), kill() {} };
    },
    change(command) {
      print(expandStandIns(command));
      return Promise.resolve();
    },
    forCleanup: () => host,
  };
  return host;
}

// Two private-use characters, which no name, path or key contains, mark a shell variable within a word.
function standIn(variable: string): string {
  return `\uE0F0${variable}\uE0F1`;
}

/**
 * Turns each stand-in into a double-quoted variable. {@linkcode quoteWord} has put the word in single quotes, so these
 * are closed before it and opened behind it.
 */
function expandStandIns(command: string): string {
  return command.replace(
    /('?)\uE0F0(\w+)\uE0F1('?)/g,
    (_, open: string, name: string, close: string) => `${open ? "" : "'"}"$${name}"${close ? "" : "'"}`,
  );
}
