/** What fits at one place of a script's command line: the answer to `--complete`, which the shells' stubs ask. */

import { delay } from "@std/async";
import type { Host } from "../base/host.ts";
import { readEnv } from "../base/process.ts";
import { mountsOf, mountsRoot } from "../container/mounts.ts";
import { containerNames, isContainerName, sessionNames } from "../container/names.ts";
import { type Completion, isOption, type Options, type OptionSpec, type Places, readOption } from "./options.ts";

/** A script's command line, as far as its completions need it. */
export interface CommandLine {
  /** All options. */
  options: Options;
  /** The places without one of the flags below. */
  places: Places;
  /** The places after a flag, by its long name. */
  placesWith: Readonly<Record<string, Places | undefined>>;
}

/** Where names come from. Each of them passes the rule for names. */
export interface Names {
  /** The containers. */
  containers(): Promise<string[]>;
  /** The sessions of a container, or of all of them. */
  sessions(container: string | undefined): Promise<string[]>;
}

/** What can stand in place of the last word. */
export interface Offer {
  /** Whole words, some with what they mean. The shell chooses those that go on from what is typed. */
  words: { word: string; help?: string }[];
  /** Files as well, which the shell finds by itself. */
  files?: boolean;
  /** A word may go on after a comma. */
  list?: boolean;
}

/**
 * What fits at the end of a command line.
 *
 * @param words those after the command; the last one is being completed, and may be empty
 */
export async function complete(
  line: CommandLine,
  words: readonly string[],
  names: Names,
): Promise<Offer> {
  const typed = words.at(-1) ?? "";
  const positionals: string[] = [];
  const flags: (string | undefined)[] = [];
  let isEnded = false;
  let valueOf: OptionSpec | undefined;
  for (const word of words.slice(0, -1)) {
    if (valueOf) valueOf = undefined;
    else if (isEnded || !isOption(word)) positionals.push(word);
    else if (word === "--") isEnded = true;
    else {
      const { names, value } = readOption(word, line.options);
      const option = line.options[names.at(-1) ?? ""];
      if (option?.value !== undefined && value === undefined) valueOf = option;
      flags.push(...names);
    }
  }
  if (valueOf) return await offer(valueOf.completion, { typed, names });
  if (!isEnded && typed.startsWith("-")) {
    const { names: [option = ""], value } = readOption(typed, line.options);
    if (value === undefined) return { words: optionWords(line.options) };
    const { words, ...rest } = await offer(line.options[option]?.completion, { typed: value, names });
    return { words: words.map(({ word }) => ({ word: `--${option}=${word}` })), ...rest };
  }
  const flag = Object.keys(line.placesWith).find((name) => flags.includes(name));
  const { first, rest } = (flag === undefined ? undefined : line.placesWith[flag]) ?? line.places;
  const place = positionals.length;
  return await offer(place < first.length ? first[place] : rest, { typed, names, container: positionals[0] });
}

function optionWords(options: Options): Offer["words"] {
  return Object.entries(options).flatMap(([name, { short, help }]) =>
    [`--${name}`, ...(short ? [`-${short}`] : [])].map((word) => ({ word, help }))
  );
}

async function offer(
  completion: Completion | undefined,
  { typed, names, container }: { typed: string; names: Names; container?: string | undefined },
): Promise<Offer> {
  if (completion === null || completion === undefined) return { words: [] };
  if (completion === "file") return { words: [], files: true };
  if (completion === "container") return { words: (await names.containers()).map((word) => ({ word })) };
  if (completion === "session") return { words: (await names.sessions(container)).map((word) => ({ word })) };
  const { files = false, list = false } = completion;
  if (!list) return { words: completion.words.map((word) => ({ word })), files };
  const chosen = typed.split(",").slice(0, -1);
  const others = completion.words.filter((word) => !chosen.includes(word));
  return { words: others.map((word) => ({ word: [...chosen, word].join(",") })), list };
}

/** An offer as the stubs read it: a word a line, then a tab and what it means; and what begins with a colon. */
export function offerText({ words, files, list }: Offer): string {
  return [
    ...words.map(({ word, help }) => help === undefined ? word : `${word}\t${help}`),
    ...(files ? [":files"] : []),
    ...(list ? [":list"] : []),
  ].map((text) => `${text}\n`).join("");
}

/** The names that the directories on the host have. */
function namesOnHost(host: Pick<Host, "env">): Names {
  const names: Names = {
    containers: () => containerNames(mountsRoot(host)),
    async sessions(container) {
      const containers = container === undefined ? await names.containers() : [container].filter(isContainerName);
      return (await Promise.all(containers.map((name) => sessionNames(mountsOf(host, name).xpra)))).flat();
    },
  };
  return names;
}

/** How long a shell waits for an answer, in milliseconds: a container can fill its directory. */
const offerMs = 2_000;

/**
 * Prints what fits at the end of a command line, for the stubs. It reads directories and does nothing else. It never
 * fails: the shell would show an error in the middle of the line that is being typed.
 *
 * @param args what stands after `--complete`: `--` and the words, as for {@linkcode complete}
 */
export async function printOffer(line: CommandLine, args: readonly string[]): Promise<void> {
  const names = namesOnHost({ env: readEnv });
  try {
    const offer = await Promise.race([complete(line, args.slice(1), names), delay(offerMs)]);
    if (offer) await Deno.stdout.write(new TextEncoder().encode(offerText(offer)));
  } catch {
    // Nothing fits.
  }
}
