/** The host's desktop entry for an app of a container: it starts the app by open-in-container. */

import { basename } from "@std/path";
import { inputError } from "../../base/errors.ts";
import { isXpraOption } from "../../cli/xpra_options.ts";
import { isLauncher, sessionNameOf } from "../../container/names.ts";
import { classOf } from "../../guard/title.ts";
import type { App } from "./app.ts";

/** The key with the name of the container: create.ts did not make an entry without it. */
export const entryMark = "X-GuiContainer-Name";

/** What all entries of an export have in common. */
export interface EntryOptions {
  /** The container's name for the user. */
  container: string;
  /** The container's name on this host, which marks its entries. */
  hostName: string;
  /** The program that starts an app: its path, or its name for `$PATH`. */
  opener: string;
  /** Variables that it needs in its environment. */
  env: Readonly<Record<string, string>>;
  attachOptions: readonly string[];
  xpraOptions: readonly string[];
}

/** The base name of an entry's file. A container's name has no dot: two containers have no entry in common. */
export function entryName(container: string, id: string): string {
  return `gui-container-${container}.${id}.desktop`;
}

/**
 * The text of an entry. The container's name is in front, where no long name can push it out of sight. The app is
 * offered for all of its types.
 *
 * @param icon a name for the host's themes, or a path
 */
export function entryText(app: App, icon: string | undefined, options: EntryOptions): string {
  const texts = [...app.texts].map(([key, text]) => `${key}=${/Name/.test(key) ? shownName(text, options) : text}`);
  return [
    "[Desktop Entry]",
    "Type=Application",
    ...texts,
    ...(icon === undefined ? [] : [`Icon=${escapeValue(icon)}`]),
    ...(app.category === undefined ? [] : [`Categories=${app.category};`]),
    ...(app.opens !== "nothing" && app.mimeTypes.length > 0
      ? [`MimeType=${app.mimeTypes.map((type) => `${type};`).join("")}`]
      : []),
    `Exec=${escapeValue(execOf(app, options))}`,
    "Terminal=false",
    ...(app.notifies ? ["StartupNotify=true"] : []),
    // As the guard of attach.ts shows it.
    `StartupWMClass=${classOf(options.container, app.windowClass)}`,
    `${entryMark}=${options.hostName}`,
    "",
  ].join("\n");
}

export function shownName(
  name: string,
  { container, attachOptions }: Pick<EntryOptions, "container" | "attachOptions">,
): string {
  return `[${attachOptions.includes(inCopy) ? "copy of " : ""}${container}] ${name}`;
}

/** The name of an app's session: that of its program; for one that a launcher starts, the last part of the app's id. */
function sessionOf({ id, program }: App): string {
  return sessionNameOf(isLauncher(program) ? id.split(".").findLast((part) => part !== "")! : program);
}

function execOf(app: App, { container, opener, env, attachOptions, xpraOptions }: EntryOptions): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const session = sessionOf(app);
  // Without that, open-in-container takes the name of the first program. A copy has no other session.
  const isNamed = !attachOptions.includes(inCopy) && session !== basename(app.command[0]!);
  const start = variables.length > 0 ? ["env", ...variables, opener] : [opener];
  const named = isNamed ? [`--session=${session}`] : [];
  const words = [...start, ...attachOptions, ...named, container, app.command.join(" "), ...xpraOptions, "--"];
  return words.map(quoteExec).join(" ") + { address: " %u", file: " %f", nothing: "" }[app.opens];
}

/** A word of an Exec key (Desktop Entry Specification, "The Exec key"). */
function quoteExec(word: string): string {
  const text = word.replaceAll("%", "%%");
  return /^[A-Za-z0-9@+=:,./_-]+$/.test(text) ? text : `"${text.replace(/["`$\\]/g, "\\$&")}"`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\");
}

/** The option of attach.ts that has an entry start its app in a disposable copy. */
export const inCopy = "--disposable";

/** The options of attach.ts that an entry can have. */
const attachNames = "allow ask border deny display disposable files-to links-to no-box preset".split(" ");

/**
 * Separates options for attach.ts from those for xpra.
 *
 * @throws {UserError} exit code 2 for a word that an entry cannot have: open-in-container chooses the session, and splits
 * the options of attach.ts at blanks
 */
export function sortOptions(words: readonly string[]): Pick<EntryOptions, "attachOptions" | "xpraOptions"> {
  const isOfAttach = (word: string): boolean => attachNames.includes(word.slice(2).split("=")[0]!);
  const fits = (word: string): boolean =>
    /^--[a-z][a-z0-9-]*(?:=[^\p{C}]*)?$/u.test(word) && (isOfAttach(word) ? !/[\s*?[]/.test(word) : isXpraOption(word));
  const unfit = words.find((word) => !fits(word));
  if (unfit !== undefined) {
    throw inputError(
      `A menu entry cannot have "${unfit}"`,
      `It can have options of xpra and, without blanks and wildcards, --${attachNames.join(", --")}: each as one word`,
    );
  }
  const attachOptions = words.filter(isOfAttach);
  const xpraOptions = words.filter((word) => !isOfAttach(word));
  return { attachOptions: attachOptions.includes(inCopy) ? withoutLinks(attachOptions) : attachOptions, xpraOptions };
}

/**
 * The options of an entry that starts a copy, which opens no links: where the entry is the default for them, each would
 * lead from copy to copy.
 *
 * @throws {UserError} exit code 2 for options that open them
 */
function withoutLinks(options: readonly string[]): string[] {
  const opening = options.find((option) => /^--(?:links-to=|(?:allow|ask)=(?:.*,)?links(?:[:,]|$))/.test(option));
  if (opening !== undefined) {
    throw inputError(`"${opening}" cannot be used with ${inCopy} in a menu`, "Leave one of them out");
  }
  const denied = options.filter((option) => option.startsWith("--deny=")).map((option) => option.slice(7));
  return [...options.filter((option) => !option.startsWith("--deny=")), `--deny=${[...denied, "links"].join(",")}`];
}
