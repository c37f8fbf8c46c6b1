/** What fits at one place of a script's command line: the answer to `--complete`, which the shells' stubs call. */

import { delay } from "@std/async";
import { readEnv } from "../base/process.ts";
import { mountsIn, mountsRoot } from "../container/paths.ts";
import { containerNames, isContainerName } from "../container/names.ts";
import { appNames, sessionNames } from "../container/sessions.ts";
import { type Completion, type Operands, type Options, tokensOf } from "./options.ts";

/** A script's command line, as far as its completions need it. */
export interface CommandLine {
  options: Options;
  /** The operands without one of the flags below. */
  operands: Operands;
  /** The operands beside a flag, by its long name. */
  operandsWith: Readonly<Record<string, Operands | undefined>>;
  names: Names;
}

/** Where names come from. Each of them passes the rule for names. */
export interface Names {
  containers(): Promise<string[]>;
  /** The sessions of a container, or of all of them. */
  sessions(container: string | undefined): Promise<string[]>;
  /** The apps that have run in a container. */
  apps(container: string): Promise<string[]>;
}

/**
 * What fits at the end of a command line, in lines as the stubs read them: words, of which the shell chooses those that
 * begin with what is typed, some followed by a tab and their meaning; `:files` where files fit too; and `:list` where a
 * word may continue after a comma.
 *
 * @param words those after the command; the last one is being completed, and may be empty
 */
export async function complete(line: CommandLine, words: readonly string[]): Promise<string[]> {
  const { options, operands, operandsWith, names } = line;
  const typed = words.at(-1) ?? "";
  const tokens = tokensOf(words.slice(0, -1), options);
  const last = tokens.at(-1);
  if (last?.kind === "option" && last.value === undefined && options[last.name]?.value !== undefined) {
    return await wordsFor(options[last.name]!.completion, { typed, names });
  }
  if (typed.startsWith("-") && tokens.every(({ kind }) => kind !== "option-terminator")) {
    const [token] = tokensOf([typed], options);
    if (token?.kind !== "option" || token.value === undefined) return optionWords(options);
    const fitting = await wordsFor(options[token.name]?.completion, { typed: token.value, names });
    return fitting.map((word) => word.startsWith(":") ? word : `${token.rawName}=${word}`);
  }
  const flags = tokens.flatMap((token) => token.kind === "option" ? [token.name] : []);
  const positionals = tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []);
  const flag = Object.keys(operandsWith).find((name) => flags.includes(name));
  const { first, rest } = (flag === undefined ? undefined : operandsWith[flag]) ?? operands;
  const at = positionals.length;
  return await wordsFor(at < first.length ? first[at] : rest, { typed, names, container: positionals[0] });
}

function optionWords(options: Options): string[] {
  return Object.entries(options).flatMap(([name, { short, help }]) =>
    [`--${name}`, ...(short ? [`-${short}`] : [])].map((word) => `${word}\t${help}`)
  );
}

async function wordsFor(
  completion: Completion = null,
  { typed, names, container }: { typed: string; names: Names; container?: string | undefined },
): Promise<string[]> {
  if (completion === null) return [];
  if (completion === "file") return [":files"];
  if (completion === "container") return await names.containers();
  if (completion === "session") return await names.sessions(container);
  if (completion === "app") return container === undefined ? [] : await names.apps(container);
  const { files = false, list = false, containers = false } = completion;
  const words = containers && !typed.includes(",")
    ? [...completion.words, ...await names.containers()]
    : completion.words;
  if (!list) return files ? [...words, ":files"] : [...words];
  const chosen = typed.split(",").slice(0, -1);
  const others = words.filter((word) => !chosen.includes(word));
  return [...others.map((word) => [...chosen, word].join(",")), ":list"];
}

/** The names that the directories on the host have. */
const namesOnHost: Names = {
  containers: () => containerNames(mountsRoot({ env: readEnv })),
  async sessions(container) {
    const containers = container === undefined ? await namesOnHost.containers() : [container].filter(isContainerName);
    return (await Promise.all(containers.map((name) => sessionNames(mountsIn({ env: readEnv }, name).sockets)))).flat();
  },
  async apps(container) {
    return isContainerName(container) ? await appNames(mountsIn({ env: readEnv }, container).sockets) : [];
  },
};

/** How many lines are offered at most: a shell looks at each. */
const maxLines = 1_000;

/**
 * How long a shell waits for an answer, as turns and milliseconds a turn, since a container can fill its directory. On
 * a machine so busy that this process hardly runs, the time passes more slowly than the clock's.
 */
const [turns, turnMs] = [20, 100];

async function passTurns(): Promise<undefined> {
  for (let turn = 0; turn < turns; turn++) await delay(turnMs);
}

/**
 * Prints what fits at the end of a command line, for the stubs. It only reads directories. It never fails: the
 * shell would show an error in the middle of the line that is being typed.
 *
 * @param args what stands after `--complete`: `--` and the words, as for {@linkcode complete}
 */
export async function printOffer(line: Omit<CommandLine, "names">, args: readonly string[]): Promise<void> {
  try {
    const lines = await Promise.race([complete({ ...line, names: namesOnHost }, args.slice(1)), passTurns()]);
    for (const text of lines?.slice(0, maxLines) ?? []) Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // Nothing fits.
  }
}
