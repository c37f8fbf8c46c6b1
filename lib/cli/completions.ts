/**
 * Offers what can be typed next, from the directories on the host; no engine is asked. The shells' stubs call a script
 * with `--complete` for words at one place of its command line; a script without arguments offers a whole line.
 */

import { delay } from "@std/async";
import { writeAll } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { readEnv } from "../base/process.ts";
import { mountsIn, mountsRoot } from "../container/paths.ts";
import { containerNames, isContainerName } from "../container/names.ts";
import { appNames, sessionNames } from "../container/sessions.ts";
import { type Completion, operandsOf, type Options, type ScriptSpec, tokensOf } from "./options.ts";
import { calledName } from "../base/script_names.ts";

/** The parts of a script's command line that its completions need. */
export type CommandLine = Pick<ScriptSpec<string>, "options" | "operands" | "operandsWith">;

type Env = Pick<Host, "env">;

/**
 * Completes a command line. Returns lines for the stubs: words, some followed by a tab and their meaning, of which the
 * shell offers those that begin with the typed text; `:files` if files fit, too; and `:list` if a word may continue
 * after a comma.
 *
 * @param words those after the command; the last one is being completed, and may be empty
 */
export async function complete(line: CommandLine, words: readonly string[], host: Env): Promise<string[]> {
  const { options } = line;
  const typed = words.at(-1) ?? "";
  const tokens = tokensOf(words.slice(0, -1), options);
  const last = tokens.at(-1);
  if (last?.kind === "option" && last.value === undefined && options[last.name]?.value !== undefined) {
    return await wordsFor(options[last.name]!.completion, { typed, host });
  }
  if (typed.startsWith("-") && tokens.every(({ kind }) => kind !== "option-terminator")) {
    const [token] = tokensOf([typed], options);
    if (token?.kind !== "option" || token.value === undefined) return optionWords(options);
    const fitting = await wordsFor(options[token.name]?.completion, { typed: token.value, host });
    return fitting.map((word) => word.startsWith(":") ? word : `--${token.name}=${word}`);
  }
  const flags = tokens.flatMap((token) => token.kind === "option" ? [token.name] : []);
  const positionals = tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []);
  const { first, rest } = operandsOf(line, flags);
  const at = positionals.length;
  return await wordsFor(at < first.length ? first[at] : rest, { typed, host, container: positionals[0] });
}

function optionWords(options: Options): string[] {
  return Object.entries(options).flatMap(([name, { short, help }]) =>
    [`--${name}`, ...(short ? [`-${short}`] : [])].map((word) => `${word}\t${help}`)
  );
}

async function wordsFor(
  completion: Completion = null,
  { typed, host, container }: { typed: string; host: Env; container?: string | undefined },
): Promise<string[]> {
  if (completion === null) return [];
  if (completion === "file") return [":files"];
  const namesHere = (): Promise<string[]> => containerNames(mountsRoot(host));
  if (completion === "container") return await namesHere();
  if (completion === "session" || completion === "app") {
    const among = container === undefined ? await namesHere() : [container].filter(isContainerName);
    const namesIn = completion === "app" ? appNames : sessionNames;
    return (await Promise.all(among.map((name) => namesIn(mountsIn(host, name).sockets)))).flat();
  }
  const { files = false, list = false, containers = false } = completion;
  const words = containers && !typed.includes(",") ? [...completion.words, ...await namesHere()] : completion.words;
  if (!list) return files ? [...words, ":files"] : [...words];
  const chosen = typed.split(",").slice(0, -1);
  const others = words.filter((word) => !chosen.includes(word));
  return [...others.map((word) => [...chosen, word].join(",")), ":list"];
}

/** The maximum number of lines to offer: a shell looks at each. */
const maxLines = 1_000;

/** How long completing may take, in milliseconds: a container can fill the directories that it shares. */
const maxMs = 2_000;

/** The result, if it comes in time. Errors are dropped: they would appear in the middle of the line being typed. */
function inTime<T>(coming: Promise<T>): Promise<T | void> {
  return Promise.race([coming, delay(maxMs)]).catch(() => {});
}

/**
 * Completes a command line for the stubs. It only reads directories.
 *
 * @param args those after `--complete`: `--` and the words, as for {@linkcode complete}
 */
export async function printOffer(line: CommandLine, args: readonly string[]): Promise<void> {
  const lines = await inTime(complete(line, args.slice(1), { env: readEnv })) ?? [];
  const text = lines.slice(0, maxLines).map((line) => `${line}\n`).join("");
  await inTime(writeAll(Deno.stdout, new TextEncoder().encode(text)));
}

/** A line to type next: it shows a session that runs, else runs an app in a container, else makes a container. */
export async function nextLine(host: Env): Promise<string> {
  const create = calledName("create.ts", host.env);
  return await inTime(lineFor(host)) ?? `Next, make a container: ${create} my-container firefox`;
}

async function lineFor(host: Env): Promise<string | undefined> {
  const attach = calledName("attach.ts", host.env);
  const names = await containerNames(mountsRoot(host));
  for (const name of names) {
    const [session, ...more] = await sessionNames(mountsIn(host, name).sockets);
    if (session === undefined) continue;
    return `Next, show "${session}" again: ${attach} ${more.length > 0 ? `--session=${session} ` : ""}${name}`;
  }
  const [name] = names;
  return name && `Next, run an app in "${name}": ${attach} ${name} APP`;
}
