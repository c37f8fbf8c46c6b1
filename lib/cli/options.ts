/**
 * The command line of a script: its options and positional arguments, how they are parsed, and the text of the help.
 */

import { parseArgs } from "@std/cli";
import { inputError } from "../base/errors.ts";
import { engineClis } from "../engine/engine.ts";
import { shellNames } from "./shells.ts";

/** What fits at one place of a command line, for completions; null where nothing can be offered. */
export type Completion =
  | "container"
  | "session"
  | "file"
  | null
  | {
    words: readonly string[];
    /** Files fit as well. */
    files?: boolean;
    /** Several of the words fit, separated by commas. */
    list?: boolean;
  };

/** What fits at the places of the positional arguments. */
export interface Places {
  /** The first places, in order. */
  first: readonly Completion[];
  /** All places after them. */
  rest?: Completion;
}

/** One option of a script. */
export interface OptionSpec {
  /** For the help, which wraps it. */
  help: string;
  /** The heading above it in the help: that of the option before it by default, and of the first one "Options". */
  group?: string;
  /** One letter. */
  short?: string;
  /** The option takes a value; the help shows it by this name. */
  value?: string;
  /** What fits as the value. */
  completion?: Exclude<Completion, "file">;
}

/** Options by long name, in the order of the help. */
export type Options<Name extends string = string> = Readonly<Record<Name, OptionSpec>>;

/** All that help, parser and completions need to know of a script. */
export interface ScriptSpec<Name extends string> {
  /** `create.ts`. */
  name: string;
  /** One sentence. */
  summary: string;
  /** Lines as `[options] NAME FILE...`, without the name. */
  usage: readonly string[];
  /** Its own options, without those that all scripts have. */
  options: Options<Name>;
  /** What fits as the positional arguments. */
  places: Places;
  /** The same with one of these options on the command line, in place of `places`. */
  placesWith: Readonly<Partial<Record<Name, Places>>>;
  /**
   * Options that are not its own are kept among the positional arguments, after the first of these: "always", or with one
   * of its own options. Otherwise they are refused.
   */
  passesOn?: string;
  /** Command lines that work as typed, without the script's name, each with what it does. The help shows them. */
  examples: readonly (readonly [words: string, effect: string])[];
  /** What a reader of the help has to know besides, in one paragraph. */
  notes?: string;
  /** What happens under the hood: paragraphs for the man page. */
  manual: readonly string[];
  /** It does nothing without arguments. */
  needsArguments?: boolean;
  /** The script may be started from a desktop's menu: an error that nobody would see is also shown on the desktop. */
  showErrors?: boolean;
}

/** The parsed command line. */
export interface Arguments<Name extends string> {
  /** The options without a value that are given, each with the number of positional arguments before it. */
  flags: ReadonlyMap<Name | CommonName, number>;
  /** The values of the other options. */
  values: ReadonlyMap<Name | CommonName, string>;
  /** The positional arguments before `--`, and with {@linkcode ScriptSpec.passesOn} the options for other programs. */
  positionals: string[];
  /** What stands after `--`: only with {@linkcode ScriptSpec.passesOn}, else it belongs to the positional arguments. */
  rest: string[];
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
  | "project"
  | "completions";

const commonOptions: Options<CommonName> = {
  "help": { group: "For all three scripts", short: "h", help: "Show this help" },
  "version": { short: "V", help: "Show the version" },
  "dry-run": { short: "n", help: "Print the plan, a command a line; change nothing" },
  "verbose": { short: "v", help: "Show each command before it runs" },
  "quiet": { short: "q", help: "Show errors, and warnings about security, only" },
  "yes": { short: "y", help: "Answer yes to questions, except the one about a private key" },
  "doctor": { help: "Say what this host lacks, and how to fix it" },
  "json": { help: "Print the result as one JSON document" },
  "engine": {
    value: engineClis.join("|"),
    help: "The engine (default: $GUI_CONTAINER_ENGINE, else whichever answers)",
    completion: { words: engineClis },
  },
  "project": { value: "P", help: "The engine's project (default: the one that its CLI uses)" },
  "completions": {
    value: "SHELL",
    help: `Print completions for ${shellNames.join(", ")}`,
    completion: { words: shellNames },
  },
};

/** All options of a script. */
export function optionsOf<Name extends string>(spec: ScriptSpec<Name>): Options<Name | CommonName> {
  return { ...spec.options, ...commonOptions };
}

/** The option that a word ends with, as `--image`, `-i` or `-vi` do; undefined when there is none. */
export function optionIn(word: string, options: Options): OptionSpec | undefined {
  const short = /^-[A-Za-z]+$/.test(word) ? word.at(-1) : undefined;
  return Object.entries(options).find(([name, option]) => word === `--${name}` || short && short === option.short)?.[1];
}

/** Whether a word is an option: `-` alone is none. */
export function isOption(word: string): boolean {
  return /^-./s.test(word);
}

/** Whether an option is one of these, with or without its value: not one for another program. */
function isOwn(word: string, options: Options): boolean {
  const [, long] = /^--([^=]*)/.exec(word) ?? [];
  if (long !== undefined) return Object.hasOwn(options, long);
  const letters = Object.values(options).map(({ short }) => short);
  return [...word.slice(1).split("=")[0]!].every((letter) => letters.includes(letter));
}

/**
 * Parses a command line. Options are understood wherever they stand before `--`.
 *
 * @throws {UserError} with exit code 2 for an unknown option, a missing or an unwanted value
 */
export function parseCommandLine<Name extends string>(
  spec: ScriptSpec<Name>,
  args: readonly string[],
): Arguments<Name> {
  const options = optionsOf(spec);
  const flags = new Map<Name | CommonName, number>();
  const values = new Map<Name | CommonName, string>();
  const positionals: string[] = [];
  let at = 0;
  for (; at < args.length && args[at] !== "--"; at++) {
    const word = args[at]!;
    const passesOn = spec.passesOn === "always" || spec.passesOn !== undefined && flags.has(spec.passesOn as Name);
    if (!isOption(word) || positionals.length > 0 && passesOn && !isOwn(word, options)) {
      positionals.push(word);
      continue;
    }
    const value = optionIn(word, options)?.value === undefined ? [] : args.slice(++at, at + 1);
    const parsed = parseOption(spec, [word, ...value]);
    for (const flag of parsed.flags) flags.set(flag, positionals.length);
    for (const [name, value] of parsed.values) values.set(name, value);
  }
  const rest = args.slice(at + 1);
  // A "--" in front of all others ends the options only.
  if (spec.passesOn !== "always") return { flags, values, positionals: [...positionals, ...rest], rest: [] };
  if (positionals.length > 0) return { flags, values, positionals, rest };
  const second = rest.indexOf("--");
  return second < 0
    ? { flags, values, positionals: rest, rest: [] }
    : { flags, values, positionals: rest.slice(0, second), rest: rest.slice(second + 1) };
}

/** Parses one option, or several short ones in one word, with the value that follows. */
function parseOption<Name extends string>(
  spec: ScriptSpec<Name>,
  words: readonly string[],
): { flags: (Name | CommonName)[]; values: Map<Name | CommonName, string> } {
  const options = optionsOf(spec);
  const names = Object.keys(options) as (Name | CommonName)[];
  const valued = names.filter((name) => options[name].value);
  const hint = `See ${spec.name} --help`;
  const flags: (Name | CommonName)[] = [];
  const parsed = parseArgs([...words], {
    string: valued,
    alias: Object.fromEntries(valued.flatMap((name) => options[name].short ? [[options[name].short, name]] : [])),
    // Called for flags and unknown options; without a key for a "-" where a value is missing, which is reported below.
    unknown(arg, key, value) {
      if (key === undefined) return;
      const flag = names.find((name) => !options[name].value && (key === name || key === options[name].short));
      if (flag === undefined) throw inputError(`Unknown option "${arg.split("=")[0]}"`, hint);
      if (value !== true) throw inputError(`The option --${flag} takes no value`, hint);
      flags.push(flag);
    },
  });
  const values = new Map<Name | CommonName, string>();
  for (const name of valued.filter((name) => Object.hasOwn(parsed, name))) {
    if (parsed[name] === "") throw inputError(`The option --${name} needs a value: ${options[name].value}`, hint);
    values.set(name, String(parsed[name]));
  }
  return { flags, values };
}

/** Timers of JavaScript runtimes count in 31 bits: a longer one is over at once. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * A duration in milliseconds: a whole number and `s`, `m` or `h`.
 *
 * @throws {UserError} exit code 2
 */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (number === undefined) {
    throw inputError(`"${text}" is not a duration`, "Write a number and s, m or h: 90s, 20m, 2h");
  }
  const durationMs = Number(number) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
  if (durationMs > maxTimerMs) throw inputError(`"${text}" is too long`, "The longest duration is 596h");
  return durationMs;
}

/** How wide the help is, in columns. */
const helpWidth = 80;

/** Where the texts about options begin, in columns. */
const helpIndent = 26;

/** The text of `--help`. */
export function helpText<Name extends string>(spec: ScriptSpec<Name>): string {
  const options = Object.entries<OptionSpec>(optionsOf(spec)).flatMap(([name, { short, value, help, group }], at) => {
    const option = `  ${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`;
    const lines = wrap(help, helpWidth - helpIndent).map((line) => " ".repeat(helpIndent) + line);
    const heading = group ?? (at === 0 ? "Options" : undefined);
    return [
      ...(heading === undefined ? [] : ["", `${heading}:`]),
      ...(option.length + 2 > helpIndent
        ? [option, ...lines]
        : [option.padEnd(helpIndent) + lines[0]!.trimStart(), ...lines.slice(1)]),
    ];
  });
  return [
    ...wrap(spec.summary, helpWidth),
    "",
    ...spec.usage.map((line, index) => `${index === 0 ? "Usage:" : "  or: "} ${spec.name} ${line}`),
    "",
    "Examples:",
    ...exampleLines(spec),
    ...options,
    ...(spec.notes === undefined ? [] : ["", ...wrap(spec.notes, helpWidth)]),
  ].join("\n");
}

/** What a script says that needs arguments and has none. */
export function briefText<Name extends string>(spec: ScriptSpec<Name>): string {
  return [...wrap(spec.summary, helpWidth), ...exampleLines(spec), `All options: ${spec.name} --help`].join("\n");
}

function exampleLines<Name extends string>({ name, examples }: ScriptSpec<Name>): string[] {
  return examples.flatMap(([words, effect]) => [`  ${name} ${words}`.trimEnd(), `      ${effect}`]);
}

/** Breaks a text between words into lines of at most `width` columns. */
function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/** The values of `--engine` and `--project`. */
export function engineOptions<Name extends string>(
  { values }: Pick<Arguments<Name>, "values">,
): { engine: string | undefined; project: string | undefined } {
  return { engine: values.get("engine"), project: values.get("project") };
}

/** The options of a command line, as one types them. */
export function givenOptions<Name extends string>(
  { flags, values }: Pick<Arguments<Name>, "flags" | "values">,
): string[] {
  return [...[...flags.keys()].map((name) => `--${name}`), ...[...values].map(([name, value]) => `--${name}=${value}`)];
}
