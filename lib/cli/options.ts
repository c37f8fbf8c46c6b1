/**
 * The command line of a script: its options and positional arguments, how they are parsed, and the text of the help.
 */

import environment from "./environment.txt" with { type: "text" };
import { levenshteinDistance } from "@std/text";
import { inputError } from "../base/errors.ts";
import type { EngineOptions } from "../container/address.ts";
import { engineClis } from "../engine/engine.ts";
import { shellNames } from "./shells.ts";

/** What can be completed at one place of a command line; null for nothing. */
export type Completion =
  | "container"
  | "session"
  /** An app that has run in the container. */
  | "app"
  | "file"
  | null
  | {
    words: readonly string[];
    /** Files fit as well. */
    files?: boolean;
    /** Several of the words fit, separated by commas. */
    list?: boolean;
    /** Names of containers fit as well. */
    containers?: boolean;
  };

/** The completions of the positional arguments. */
export interface Operands {
  /** The first ones, in order. */
  first: readonly Completion[];
  /** All others; undefined where there can be none. */
  rest?: Completion;
}

export interface OptionSpec {
  /** For the help, which wraps it. */
  help: string;
  /** The heading above it in the help. Default: the heading of the option before it, and "Options" for the first. */
  group?: string;
  /** One letter, of an option without a value. */
  short?: string;
  /** The option takes a value; the help shows it by this name. */
  value?: string;
  /** The option without which it means nothing. */
  needs?: string;
  completion?: Exclude<Completion, "file">;
}

/** Options by long name, in the order of the help. */
export type Options<Name extends string = string> = Readonly<Record<Name, OptionSpec>>;

/** What help, parser and completions need to know about a script. */
export interface ScriptSpec<Name extends string> {
  /** `create.ts`. */
  name: string;
  /** One sentence. */
  summary: string;
  /** Lines as `[options] NAME FILE...`, without the name. */
  usage: readonly string[];
  /** Its own options, without those that all scripts have. */
  options: Options<Name>;
  /** The completions of its positional arguments. */
  operands: Operands;
  /** Those that take their place when one of these options is on the command line. */
  operandsWith: Readonly<Partial<Record<Name, Operands>>>;
  /**
   * For each of these options, the script's own options that may be combined with it; all others are refused. With the
   * option of {@linkcode passesOn}, that holds only if it stands before the second positional argument.
   */
  leaves?: Readonly<Partial<Record<Name, readonly Name[]>>>;
  /**
   * When unknown options count as positional arguments, after the first positional argument: "always", or together with
   * the named option. Otherwise they are refused.
   */
  passesOn?: string;
  /** Command lines that work as typed, without the script's name, each with what it does. The help shows them. */
  examples: readonly (readonly [words: string, effect: string])[];
  /** What else a reader of the help must know, in one paragraph. */
  notes?: string;
  /** What happens under the hood: paragraphs for the man page. */
  manual: readonly string[];
  /** Whether it needs arguments. */
  needsArguments?: boolean;
  /**
   * Set for a script that may be started from a desktop's menu: an error that nobody would see is also shown on the
   * desktop, except with these options, whose output somebody reads.
   */
  showErrors?: { except: readonly Name[] };
}

/** The operands of a command line with these options. */
export function operandsOf(
  { operands, operandsWith }: Pick<ScriptSpec<string>, "operands" | "operandsWith">,
  given: readonly string[],
): Operands {
  return Object.entries(operandsWith).find(([name]) => given.includes(name))?.[1] ?? operands;
}

export interface Arguments<Name extends string> {
  /** The options without a value that are given, each with the number of positional arguments before it. */
  flags: ReadonlyMap<Name | CommonName, number>;
  /** The values of the other options. */
  values: ReadonlyMap<Name | CommonName, string>;
  /** The positional arguments before `--`, and with {@linkcode ScriptSpec.passesOn} the options for other programs. */
  positionals: string[];
  /** The words after `--`, with {@linkcode ScriptSpec.passesOn}. Without that they are positional arguments. */
  rest: string[];
}

const commonOptions = {
  "help": { group: "Common options", short: "h", help: "Show this help" },
  "version": { short: "V", help: "Show the version" },
  "doctor": { help: "Say what this host lacks, and how to fix it" },
  "dry-run": { short: "n", help: "Print the commands, change nothing" },
  "verbose": { short: "v", help: "Show each command before it runs" },
  "quiet": { short: "q", help: "Show errors, and warnings about security, only" },
  "yes": { short: "y", help: "Answer yes to questions, except the one about a private key" },
  "json": { help: "Print the result as one JSON document" },
  "engine": {
    value: engineClis.join("|"),
    help: "The engine (default: $GUI_CONTAINER_ENGINE, else whichever answers)",
    completion: { words: engineClis },
  },
  "project": { value: "PROJECT", help: "The engine's project (default: the one that its CLI uses)" },
  "completions": {
    value: "SHELL",
    help: `Print completions for ${shellNames.join(", ")}`,
    completion: { words: shellNames },
  },
} satisfies Options;

export type CommonName = keyof typeof commonOptions;

export function optionsOf<Name extends string>(spec: ScriptSpec<Name>): Options<Name | CommonName> {
  return { ...spec.options, ...commonOptions };
}

/** Whether a word is an option: `-` alone is not. */
export function isOption(word: string): boolean {
  return /^-./s.test(word);
}

/** A word of a command line, or one letter of a word such as `-nv`; `index`: that of the word. */
export type Token =
  & { index: number }
  & (
    | { kind: "option"; name: string; value?: string | undefined; isInline?: boolean }
    | { kind: "positional"; value: string }
    | { kind: "option-terminator" }
  );

/**
 * Splits a command line into tokens, as `parseArgs` of node:util does, which takes 8 ms to load. Options of one letter
 * have no values. A word with several letters has a token for each of them.
 */
export function tokensOf(args: readonly string[], options: Options): Token[] {
  const tokens: Token[] = [];
  let isOver = false;
  for (let index = 0; index < args.length; index++) {
    const word = args[index]!;
    const [, name, inline] = /^--([^][^=]*)(?:=([^]*))?$/.exec(word) ?? [];
    if (isOver) tokens.push({ kind: "positional", index, value: word });
    else if (word === "--") {
      isOver = true;
      tokens.push({ kind: "option-terminator", index });
    } else if (name !== undefined) {
      const takesNext = inline === undefined && Object.hasOwn(options, name) && options[name]!.value !== undefined &&
        index + 1 < args.length;
      const value = takesNext ? args[index + 1] : inline;
      tokens.push({ kind: "option", index, name, value, isInline: !takesNext });
      if (takesNext) index++;
    } else if (isOption(word)) {
      for (const letter of word.slice(1)) {
        const [known = letter] = Object.entries(options).find(([, { short }]) => short === letter) ?? [];
        tokens.push({ kind: "option", index, name: known });
      }
    } else tokens.push({ kind: "positional", index, value: word });
  }
  return tokens;
}

/**
 * The option that an unknown word resembles: it is the beginning of that, has a typing error, or a long dash that a
 * text program has made of two. Undefined for a word that resembles none.
 */
export function nearestOption(word: string, options: Options): string | undefined {
  const [, dashes, typed, value] = /^([-\u2010-\u2015\u2212]+)([A-Za-z][\w-]*)(=.*)?$/s.exec(word) ?? [];
  // `-e` and the like are letters.
  if (typed === undefined || dashes === "-" && value === undefined) return undefined;
  const letters = (name: string): string => [...name].sort().join("");
  const fitting = Object.entries(options).filter(([, { value: wanted }]) => value === undefined || wanted !== undefined)
    .map(([name]) => ({ name, distance: levenshteinDistance(typed, name) }))
    .filter(({ name, distance }) =>
      distance <= (name.length < 6 ? 1 : 2) || letters(name) === letters(typed) ||
      typed.length >= 3 && name.startsWith(typed)
    );
  return fitting.sort((one, other) => one.distance - other.distance)[0]?.name;
}

/**
 * Parses a command line. Options are understood anywhere before `--`.
 *
 * @throws {UserError} exit code 2 for an unknown option, two that cannot be combined, a missing or unwanted value, or
 * too many words; where {@linkcode ScriptSpec.passesOn} is "always", also for a word that resembles one of its own
 * options
 */
export function parseCommandLine<Name extends string>(
  spec: ScriptSpec<Name>,
  args: readonly string[],
): Arguments<Name> {
  const options = optionsOf(spec);
  const hint = `See ${spec.name} --help`;
  const flags = new Map<Name | CommonName, number>();
  const values = new Map<Name | CommonName, string>();
  const positionals: string[] = [];
  let rest: string[] = [];
  for (const [index, word] of Map.groupBy(tokensOf(args, options), (token) => token.index)) {
    const [first] = word;
    if (first?.kind === "option-terminator") {
      rest = args.slice(index + 1);
      break;
    }
    if (first?.kind === "positional") positionals.push(first.value);
    const given = word.filter((token) => token.kind === "option");
    if (!given.every(({ name }) => Object.hasOwn(options, name))) {
      const passesOn = spec.passesOn === "always" || spec.passesOn !== undefined && flags.has(spec.passesOn as Name);
      const isKept = positionals.length > 0 && passesOn;
      const nearest = isKept && spec.passesOn !== "always" ? undefined : nearestOption(args[index]!, options);
      if (isKept && nearest === undefined) {
        positionals.push(args[index]!);
        continue;
      }
      const near = nearest === undefined ? "" : `The nearest one is --${nearest}. `;
      const dashed = /^-\w\w/.test(args[index]!) ? "A name that begins with - goes after --. " : "";
      const forApp = isKept ? "Words for the app go after --. " : dashed;
      throw inputError(`Unknown option "${args[index]!.split("=")[0]}"`, near + forApp + hint);
    }
    for (const { name, value, isInline } of given) {
      const known = name as Name | CommonName;
      const valueName = options[known].value;
      if (valueName !== undefined) {
        if (!value || !isInline && value.startsWith("-")) {
          throw inputError(`The option --${name} needs a value: ${valueName}`, hint);
        }
        values.set(known, value);
      } else if (value === undefined) flags.set(known, positionals.length);
      else throw inputError(`The option --${name} takes no value`, hint);
    }
  }
  const given = [...flags.keys(), ...values.keys()];
  for (const name of given) {
    if (Object.hasOwn(commonOptions, name)) continue;
    const { needs } = options[name];
    if (needs !== undefined && !flags.has(needs as Name)) {
      throw inputError(`--${name} can only be used with --${needs}`, hint);
    }
    const [by] = Object.entries(spec.leaves ?? {}).find(([by, left]) =>
      by !== name && flags.has(by as Name) && !(left as readonly string[]).includes(name) &&
      (by !== spec.passesOn || flags.get(by as Name)! <= 1)
    ) ?? [];
    if (by !== undefined) {
      throw inputError(`--${name} cannot be used with --${by}`, `Leave one of them out. ${hint}`);
    }
  }
  // A "--" before all positional arguments ends the options only.
  if (spec.passesOn !== "always" || positionals.length === 0) {
    const second = spec.passesOn === "always" ? rest.indexOf("--") : -1;
    positionals.push(...second < 0 ? rest : rest.slice(0, second));
    rest = second < 0 ? [] : rest.slice(second + 1);
  }
  const { first, rest: others } = operandsOf(spec, given);
  if (others === undefined && positionals.length > first.length) {
    throw inputError(`Too many arguments: "${positionals[first.length]}"`, hint);
  }
  return { flags, values, positionals, rest };
}

/** The longest time of a timer in JavaScript, which has 31 bits: a longer one ends at once. */
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
    "",
    environment.trimEnd(),
  ].join("\n");
}

/** The text that a script prints when it needs arguments and gets none. */
export function briefText<Name extends string>(spec: ScriptSpec<Name>): string {
  return [...wrap(spec.summary, helpWidth), ...exampleLines(spec), `All options: ${spec.name} --help`].join("\n");
}

function exampleLines<Name extends string>({ name, examples }: ScriptSpec<Name>): string[] {
  return examples.flatMap(([words, effect]) => [`  ${name} ${words}`.trimEnd(), `      ${effect}`]);
}

/** Breaks a text between words into lines of at most `width` columns. */
function wrap(text: string, width: number): string[] {
  const lines = text.trim().replace(/\s+/g, " ").match(new RegExp(`(?:.{1,${width}}|\\S+)(?: |$)`, "g")) ?? [""];
  return lines.map((line) => line.trimEnd());
}

/** The values of `--engine` and `--project`, and whether the settings let a history be kept. */
export function engineOptions({ values }: { values: ReadonlyMap<string, string> }): EngineOptions {
  const [engine, project, history] = ["engine", "project", "history"].map((name) => values.get(name));
  return { engine, project, keepsHistory: history !== "off" };
}

/** The options of a command line, as words. */
export function givenOptions<Name extends string>(
  { flags, values }: Pick<Arguments<Name>, "flags" | "values">,
): string[] {
  return [...[...flags.keys()].map((name) => `--${name}`), ...[...values].map(([name, value]) => `--${name}=${value}`)];
}
