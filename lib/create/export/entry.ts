/** The host's desktop entry for an app of a container. It starts the app with open-in-container. */

import { basename } from "@std/path";
import { inputError } from "../../base/errors.ts";
import { isXpraOption } from "../../cli/xpra_options.ts";
import { isLauncher, sessionNameOf } from "../../container/names.ts";
import { classOf } from "../../guard/title.ts";
import type { App } from "./app.ts";

/** The key with the container's name. An entry without it was not made by create.ts. */
export const entryMark = "X-GuiContainer-Name";

/** The options that all entries of an export have in common. */
export interface EntryOptions {
  /** The container's name for the user. */
  container: string;
  /** The container's name on this host, which marks its entries. */
  hostName: string;
  /** The program that starts an app: its path, or a name to find on `$PATH`. */
  opener: string;
  /** Environment variables that it needs. */
  env: Readonly<Record<string, string>>;
  attachOptions: readonly string[];
  xpraOptions: readonly string[];
}

/** The base name of an entry's file. A container's name has no dot, so no two containers share an entry. */
export function entryName(container: string, id: string): string {
  return `gui-container-${container}.${id}.desktop`;
}

/**
 * The text of an entry. The container's name comes first, so that a long app name cannot push it out of sight. The app
 * is offered for all of its types.
 *
 * @param icon a name in the host's icon themes, or a path
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
    // The class that attach.ts's guard gives its windows.
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

/** The name of an app's session: its program's name, or, if a launcher starts it, the last part of the app's id. */
function sessionOf({ id, program }: App): string {
  return sessionNameOf(isLauncher(program) ? id.split(".").findLast((part) => part !== "")! : program);
}

function execOf(app: App, { container, opener, env, attachOptions, xpraOptions }: EntryOptions): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const session = sessionOf(app);
  // By default, open-in-container uses the name of the first program. A disposable copy has only one session.
  const isNamed = !attachOptions.includes(inCopy) && session !== basename(app.command[0]!);
  const start = variables.length > 0 ? ["env", ...variables, opener] : [opener];
  const named = isNamed ? [`--session=${session}`] : [];
  const words = [...start, ...attachOptions, ...named, container, app.command.join(" "), ...xpraOptions, "--"];
  return words.map(quoteExec).join(" ") + { address: " %u", file: " %f", nothing: "" }[app.opens];
}

/** Quotes a word of an Exec key (Desktop Entry Specification, "The Exec key"). */
function quoteExec(word: string): string {
  const text = word.replaceAll("%", "%%");
  return /^[A-Za-z0-9@+=:,./_-]+$/.test(text) ? text : `"${text.replace(/["`$\\]/g, "\\$&")}"`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\");
}

/** The option of attach.ts that makes an entry start its app in a disposable copy. */
export const inCopy = "--disposable";

/** The options of attach.ts that an entry can have. */
const attachNames = "allow ask border deny display disposable files-to links-to no-box preset".split(" ");

/**
 * Separates options of attach.ts from those of xpra.
 *
 * @throws {UserError} exit code 2 for a word that an entry cannot have: open-in-container chooses the session, and
 * splits options of attach.ts at blanks
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
 * The options of an entry that starts a disposable copy, with the channel `links` closed: if the entry is the default
 * for links, each link would open yet another copy.
 *
 * @throws {UserError} exit code 2 for options that open `links`
 */
function withoutLinks(options: readonly string[]): string[] {
  const opening = options.find((option) => /^--(?:links-to=|(?:allow|ask)=(?:.*,)?links(?:[:,]|$))/.test(option));
  if (opening !== undefined) {
    throw inputError(`"${opening}" cannot be used with ${inCopy} in a menu`, "Leave one of them out");
  }
  const denied = options.filter((option) => option.startsWith("--deny=")).map((option) => option.slice(7));
  return [...options.filter((option) => !option.startsWith("--deny=")), `--deny=${[...denied, "links"].join(",")}`];
}
