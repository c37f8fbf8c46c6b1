/** The frame of each script: options, help, signals, the one catch, and the exit code. */

import { parseArgs } from "@std/cli";
import config from "../../deno.json" with { type: "json" };
import { type CommandLine, type Completion, completionScript, type Places, shellNames } from "./completions.ts";
import { isUnseen, showOnDesktop } from "../base/desktop.ts";
import { ExitCode, inputError, Interrupted, ProcessError, UserError } from "../base/errors.ts";
import { engineClis } from "../engine/engine.ts";
import { dryRunHost, type Host, realHost } from "../base/host.ts";
import { terminalUi } from "../base/ui.ts";

/** One option of a script. */
export interface OptionSpec {
  /** What it is, for the help. */
  help: string;
  /** One letter. */
  short?: string;
  /** It takes a value, which the help calls so. */
  value?: string;
  /** What the value can be, for the shells' completions. */
  completion?: Completion;
}

/** A script as its help and its parser see it. */
export interface ScriptSpec<Name extends string> {
  /** `create.ts`. */
  name: string;
  /** One sentence. */
  summary: string;
  /** Lines as `[options] NAME FILE...`, without the name. */
  usage: readonly string[];
  /** By long name, in the order of the help. */
  options: Readonly<Record<Name, OptionSpec>>;
  /** What the positional arguments can be, for the shells' completions; and behind some of the options. */
  places: Places;
  /** The same behind some of the options, which take the place of `places`. */
  placesWith: Readonly<Partial<Record<Name, Places>>>;
  /** A worked example and what happens under the hood. */
  epilogue: string;
  /** It may be started from a desktop's menu: an error that nobody would see is shown on the desktop, too. */
  showErrors?: boolean;
}

/** The parsed command line. */
export interface Arguments<Name extends string> {
  /** Options without a value that are on. */
  flags: ReadonlySet<Name | CommonName>;
  /** Values by option. */
  values: ReadonlyMap<Name | CommonName, string>;
  /** What came after the options, always strings. */
  positionals: string[];
}

/** The options that all scripts have. */
export type CommonName =
  | "help"
  | "version"
  | "dry-run"
  | "verbose"
  | "quiet"
  | "yes"
  | "doctor"
  | "json"
  | "engine"
  | "completions";

const commonOptions: Readonly<Record<CommonName, OptionSpec>> = {
  "help": { short: "h", help: "Show this help" },
  "version": { short: "V", help: "Show the version" },
  "dry-run": { short: "n", help: "Print the commands that would be run; change nothing" },
  "verbose": { short: "v", help: "Show each external command before it runs" },
  "quiet": { short: "q", help: "Errors only" },
  "yes": { short: "y", help: "Answer yes to questions, except the one about a private key" },
  "doctor": { help: "Look at this host: what is there, what is missing, what is risky, and what mends it" },
  "json": { help: "Print the result as one JSON document" },
  "engine": {
    value: engineClis.join("|"),
    help: "Which CLI drives the containers (default: $GUI_CONTAINER_ENGINE, else whichever answers)",
    completion: { words: engineClis },
  },
  "completions": {
    value: "SHELL",
    help: `Print completions for ${shellNames.join(", ")}`,
    completion: { words: shellNames },
  },
};

/**
 * Parses a command line. Options come before the first positional; `--` ends them.
 *
 * @throws {UserError} with exit code 2 for an unknown option, a missing or an unwanted value
 */
export function parseCommandLine<Name extends string>(
  spec: ScriptSpec<Name>,
  args: readonly string[],
): Arguments<Name> {
  const options: Record<string, OptionSpec> = { ...spec.options, ...commonOptions };
  const names = Object.keys(options);
  const boolean = names.filter((name) => !options[name]!.value);
  const string = names.filter((name) => options[name]!.value);
  const hint = `See ${spec.name} --help`;
  const parsed = parseArgs(withEndOfOptions(args, { options, hint }), {
    boolean,
    string: [...string, "_"],
    alias: Object.fromEntries(names.flatMap((name) => options[name]!.short ? [[options[name]!.short!, name]] : [])),
    stopEarly: true,
    unknown(arg, key) {
      if (key === undefined) return true;
      throw inputError(`Unknown option "${arg.split("=")[0]}"`, hint);
    },
  });
  const optionArgs = args.slice(0, args.length - parsed._.length);
  for (const name of boolean) {
    if (typeof parsed[name] !== "boolean" || optionArgs.some((arg) => arg.startsWith(`--${name}=`))) {
      throw inputError(`The option --${name} takes no value`, hint);
    }
  }
  for (const name of string) {
    if (parsed[name] === "") throw inputError(`The option --${name} needs a value: ${options[name]!.value}`, hint);
  }
  return {
    flags: new Set(boolean.filter((name) => parsed[name])) as Set<Name | CommonName>,
    values: new Map(string.flatMap((name) => parsed[name] === undefined ? [] : [[name, parsed[name]]])) as Map<
      Name | CommonName,
      string
    >,
    positionals: parsed._,
  };
}

/**
 * Puts `--` before the first positional. Without it parseArgs takes a container called "true" or "false" for the value of a
 * flag, and drops a `--` that comes later.
 */
function withEndOfOptions(
  args: readonly string[],
  { options, hint }: { options: Record<string, OptionSpec>; hint: string },
): string[] {
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") return [...args];
    if (!/^-./.test(arg)) break;
    // The name under which parseArgs keeps the positionals: it would take a value for it.
    if (/^--_(?:=|$)/.test(arg)) throw inputError('Unknown option "--_"', hint);
    const letter = /^-[A-Za-z]+$/.test(arg) ? arg.at(-1) : undefined;
    const takesNext = Object.entries(options).some(([name, { short, value }]) =>
      value && (arg === `--${name}` || letter !== undefined && letter === short)
    );
    if (takesNext) at++;
  }
  return [...args.slice(0, at), "--", ...args.slice(at)];
}

/** Timers of JavaScript runtimes count in 31 bits: a longer one is over at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * A duration in milliseconds: a whole number and `s`, `m` or `h`.
 *
 * @throws {UserError} exit code 2
 */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (number === undefined) throw inputError(`"${text}" is no duration`, "Write a number and s, m or h: 90s, 20m, 2h");
  const durationMs = Number(number) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
  if (durationMs > longestTimerMs) throw inputError(`"${text}" is too long`, "The longest duration is 596h");
  return durationMs;
}

/** The text of `--help`. */
export function helpText<Name extends string>(spec: ScriptSpec<Name>): string {
  const rows = Object.entries<OptionSpec>({ ...spec.options, ...commonOptions }).map((
    [name, { short, value, help }],
  ) => ({
    option: `  ${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`,
    help,
  }));
  const width = Math.max(...rows.map(({ option }) => option.length)) + 2;
  return [
    spec.summary,
    "",
    ...spec.usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} ${spec.name} ${line}`),
    "",
    "Options:",
    ...rows.map(({ option, help }) => option.padEnd(width) + help),
    "",
    spec.epilogue.trim(),
  ].join("\n");
}

/** The command line of a script, as the shells' completions need it; it is also called as its compiled binary is. */
function commandLineOf<Name extends string>(spec: ScriptSpec<Name>): CommandLine {
  const options = Object.entries<OptionSpec>({ ...spec.options, ...commonOptions });
  return {
    commands: [spec.name, `gui-${spec.name.replace(/\.ts$/, "")}`],
    options: options.map(([long, { short, help, value, completion }]) => ({
      long,
      help,
      ...(short === undefined ? {} : { short }),
      ...(value === undefined ? {} : { value: completion ?? null }),
    })),
    places: spec.places,
    placesWith: spec.placesWith as Record<string, Places>,
  };
}

/** What a script does, by its options. */
export interface ScriptActions<Name extends string> {
  /** Its work. Returns the exit code, by default 0. */
  main(host: Host, args: Arguments<Name>): Promise<number | void>;
  /** `--doctor`, for the engine that is asked for. Returns the exit code. */
  doctor(host: Host, engine: string | undefined): Promise<number>;
}

/**
 * Runs a script from its command line to its exit: help and version, options, signals, errors. Ends the process, with
 * everything cleaned up before.
 */
export async function runScript<Name extends string>(
  spec: ScriptSpec<Name>,
  actions: ScriptActions<Name>,
): Promise<never> {
  Deno.exit(await runToExitCode(spec, actions, Deno.args));
}

async function runToExitCode<Name extends string>(
  spec: ScriptSpec<Name>,
  actions: ScriptActions<Name>,
  commandLine: readonly string[],
): Promise<number> {
  const ending = new AbortController();
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const listener = (): void => ending.abort(new Interrupted(signal));
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  let ui = terminalUi({ quiet: false, json: false, yes: false, signal: ending.signal });
  let verbose = false;
  try {
    const args = parseCommandLine(spec, commandLine);
    const json = args.flags.has("json");
    verbose = args.flags.has("verbose");
    ui = terminalUi({ quiet: args.flags.has("quiet"), json, yes: args.flags.has("yes"), signal: ending.signal });
    if (args.flags.has("help")) {
      ui.result(helpText(spec), helpText(spec));
      return 0;
    }
    if (args.flags.has("version")) {
      ui.result(`${spec.name} ${config.version}`, config.version);
      return 0;
    }
    const shell = args.values.get("completions");
    if (shell !== undefined) {
      const text = completionScript(commandLineOf(spec), shell);
      ui.result(text.trimEnd(), text);
      return 0;
    }
    // It only looks, also in a dry run.
    if (args.flags.has("doctor")) {
      return await actions.doctor(realHost({ ui, signal: ending.signal, verbose }), args.values.get("engine"));
    }
    const host = args.flags.has("dry-run")
      ? dryRunHost({ ui, signal: ending.signal })
      : realHost({ ui, signal: ending.signal, verbose });
    return await actions.main(host, args) ?? 0;
  } catch (error) {
    const told: string[] = [];
    const code = explain(ending.signal.aborted ? ending.signal.reason : error, {
      ui: {
        ...ui,
        error(message, hint, output) {
          ui.error(message, hint, output);
          told.push(message, hint ?? "");
        },
      },
      verbose,
    });
    if (spec.showErrors && told.length > 0 && isUnseen((name) => Deno.env.get(name) || undefined)) {
      await showOnDesktop(`${spec.name}: ${told[0]}`, told.slice(1).join("\n"));
    }
    return code;
  } finally {
    for (const { signal, listener } of signals) Deno.removeSignalListener(signal, listener);
  }
}

function explain(error: unknown, { ui, verbose }: { ui: ReturnType<typeof terminalUi>; verbose: boolean }): number {
  if (error instanceof Interrupted) return error.exitCode;
  // Whoever read our results has stopped: there is nobody to tell.
  if (error instanceof Deno.errors.BrokenPipe) return ExitCode.failed;
  const stack = verbose && error instanceof Error ? error.stack ?? "" : "";
  if (error instanceof UserError) {
    ui.error(error.message, error.hint, [error.output, stack].filter(Boolean).join("\n"));
    return error.exitCode;
  }
  if (error instanceof ProcessError) {
    ui.error(
      error.message,
      "Run it again with --verbose to see each command",
      [error.output, stack].filter(Boolean).join("\n"),
    );
    return ExitCode.failed;
  }
  // What the operating system refuses: a disk that is full, a file that may not be written.
  if (error instanceof Error && /^E[A-Z0-9]+$/.test(String((error as { code?: unknown }).code))) {
    ui.error(error.message, "See whether the disk is full, and whether you may write there", stack);
    return ExitCode.failed;
  }
  ui.error(
    error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    "This should not happen: run it again with --verbose and report what it prints",
    stack,
  );
  return ExitCode.failed;
}
