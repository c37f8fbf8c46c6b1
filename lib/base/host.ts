/**
 * The outside of the scripts, as one value that is handed in: programs, environment, the user, the signal that ends the
 * run, and changes to files. A test hands in one that records; `--dry-run` one that prints.
 */

import type { ProcessResult } from "./errors.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "./process.ts";
import type { Ui } from "./ui.ts";
import { quoteWord, quoteWords } from "./shell_words.ts";

/** How {@linkcode Host.run} runs a program. */
export interface RunOptions extends Omit<ProcessOptions, "detached"> {
  /** It only looks. A dry run does not show it: nothing that comes after depends on it. */
  looksOnly?: boolean;
}

/** How {@linkcode Host.value} finds a value, and how a shell would. */
export interface ValueOptions extends Omit<ProcessOptions, "signal" | "detached"> {
  /** The shell variable that holds it in a dry run. */
  variable: string;
  /** A shell filter from the program's output to the value, for a dry run: `| sed …`. */
  filter: string;
  /** The same in our own code. */
  parse(stdout: string): string;
}

/** What a script can see and do outside of itself. */
export interface Host {
  /** The user. */
  readonly ui: Ui;
  /** Aborts when the run is to end; the reason is an `Interrupted`. */
  readonly signal: AbortSignal;
  /** Nothing is run or changed, all is printed. */
  readonly dryRun: boolean;
  /** An environment variable; undefined when it is unset or empty. */
  env(name: string): string | undefined;
  /** Runs a program to its end; see {@linkcode runProcess}. A dry run answers with success and no output. */
  run(argv: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** Runs a program for one value that later commands need. A dry run answers with a stand-in that prints as a variable. */
  value(argv: readonly string[], options: ValueOptions): Promise<string>;
  /** Starts a program that runs on beside us. In a dry run it has ended well at once. */
  start(argv: readonly string[], options?: Omit<ProcessOptions, "signal" | "timeoutMs">): RunningProcess;
  /** Changes something without a program: does `act`, or prints the command line that has the same effect. */
  change(command: string, act: () => Promise<unknown>): Promise<void>;
  /** The same outside for cleaning up: another signal ends it, and Ctrl-C does not reach its programs. */
  forCleanup(signal: AbortSignal): Host;
}

/** What a real host is made of. */
export interface HostOptions {
  /** The user. */
  ui: Ui;
  /** Ends the run. */
  signal: AbortSignal;
  /** Echo each command before it runs. */
  verbose: boolean;
}

/** The real outside. */
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
 * An outside that prints what would be done, as lines for a POSIX shell, on stdout. A value that is only known when the
 * commands really run is a shell variable in them.
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
    if (stdin === "null") return `${command} </dev/null`;
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
      print(`${variable}=$(${show(argv, processOptions)} ${filter})`);
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

// Two private-use characters that no name, path or key contains mark a variable inside of a word.
function standIn(variable: string): string {
  return `\uE0F0${variable}\uE0F1`;
}

/** Inside of single quotes, which {@linkcode quoteWord} puts around a stand-in: leaves them for a double-quoted variable. */
function expandStandIns(command: string): string {
  return command.replace(
    /('?)\uE0F0(\w+)\uE0F1('?)/g,
    (_, open: string, name: string, close: string) => `${open ? "" : "'"}"$${name}"${close ? "" : "'"}`,
  );
}
