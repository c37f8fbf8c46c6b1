/** The manual pages of the installed commands, in roff's `man` macros (man(7), groff_man(7)). */

import { ExitCode } from "../lib/base/errors.ts";
import { optionsOf, type ScriptSpec } from "../lib/cli/options.ts";
import { installedName, withInstalledNames } from "./bundle.ts";
import { scripts } from "./compile.ts";

/** What stands in the head and foot of a page. */
export interface Edition {
  /** The package's version. */
  version: string;
  /** When it was made, as `2025-12-31`. */
  date: string;
}

/** A text for roff, which takes none of it for a request, an escape or a typographic sign. */
export function roff(text: string): string {
  const signs: Readonly<Record<string, string>> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
  };
  return text
    .replace(/[\\\-'`^~]/g, (sign) => signs[sign]!)
    .replace(/^\./gm, "\\&.")
    .replace(/\P{ASCII}/gu, (sign) => `\\[u${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
}

/**
 * A paragraph of a help text: lines of a numbered list, lines to type, which are indented, and prose. Each request
 * stands on a line of its own.
 */
function paragraph(lines: readonly string[]): string {
  const blocks: string[] = [];
  let kind = "";
  for (const line of lines) {
    const [, number, item] = /^ {2}(\d+)\. (.*)$/.exec(line) ?? [];
    const next = number !== undefined || kind === "item" && line.startsWith("    ")
      ? "item"
      : line.startsWith("  ")
      ? "typed"
      : "prose";
    const text = roff((item ?? line).trim());
    if (number !== undefined) blocks.push(`.IP ${number}. 4\n${text}`);
    else if (next === kind) blocks[blocks.length - 1] += `\n${text}`;
    else blocks.push(next === "prose" ? `.PP\n${text}` : `.PP\n.RS 4\n.EX\n${text}`);
    kind = next;
  }
  return blocks.map((block) => block.includes("\n.EX\n") ? `${block}\n.EE\n.RE` : block).join("\n");
}

/** A section of a page. An empty one is left out. */
function section(title: string, blocks: readonly string[]): string[] {
  // Behind a heading, the request for a paragraph is one too many.
  return blocks.length === 0 ? [] : [`.SH ${roff(title.toUpperCase())}`, blocks.join("\n").replace(/^\.PP\n/, "")];
}

function page(
  name: string,
  { version, date }: Edition,
  { summary, synopsis, sections }: { summary: string; synopsis: readonly string[]; sections: readonly string[] },
): string {
  const command = `\\fB${roff(name)}\\fR`;
  return [
    `.TH ${roff(name.toUpperCase())} 1 ${date} "gui\\-container ${version}" "User Commands"`,
    ...section("Name", [`${roff(name)} \\- ${roff(summary.charAt(0).toLowerCase() + summary.slice(1))}`]),
    ...section("Synopsis", [synopsis.map((words) => `${command} ${roff(words)}`).join("\n.br\n")]),
    ...sections,
    ...section("See also", [seeAlso(name)]),
    "",
  ].join("\n");
}

function seeAlso(name: string): string {
  const pages = [...scripts.map(installedName), "open-in-container", "lxc", "incus", "xpra", "waypipe"];
  return pages.filter((other) => other !== name).map((other) => `\\fB${roff(other)}\\fR(1)`).join(",\n");
}

/** What the exit statuses of the scripts mean. */
const exitStatuses: readonly (readonly [status: string | number, meaning: string])[] = [
  [0, "Done."],
  [ExitCode.failed, "It could not be done: the engine, the network, cloud-init, the app."],
  [ExitCode.usage, "The command line or a file that it names is wrong; nothing was changed."],
  [ExitCode.noEngine, "The engine cannot be reached: not installed, not running, no permission."],
  [ExitCode.missingProgram, "A program is missing, on the host or in the container."],
  ["130, 143, 129", "Ended by Ctrl-C, SIGTERM, SIGHUP, after cleaning up."],
];

/** A part of the text behind the options in a script's help. */
interface EpiloguePart {
  /** The word or two before a colon that the part starts with, if it does. */
  title: string | undefined;
  text: string;
}

function partOf(text: string): EpiloguePart {
  const [, title, rest] = /^([A-Z]\w*(?: \w+)?):\s(.*)$/s.exec(text) ?? [];
  const body = (rest ?? text).replace(/^ *\n/, "");
  return { title, text: paragraph(`${body.charAt(0).toUpperCase()}${body.slice(1)}`.split("\n")) };
}

/** The manual page of a script, made of what its `--help` is made of. */
export function manPage(spec: ScriptSpec<string>, edition: Edition): string {
  const parts = withInstalledNames(spec.epilogue).trim().split(/\n{2,}/).map(partOf);
  const options = Object.entries(optionsOf(spec)).map(([name, { short, value, help }]) => {
    const flags = [...(short ? [`-${short}`] : []), `--${name}`].map((flag) => `\\fB${roff(flag)}\\fR`).join(", ");
    return `.TP\n${flags}${value ? ` \\fI${roff(value)}\\fR` : ""}\n${roff(withInstalledNames(help))}.`;
  });
  return page(withInstalledNames(spec.name), edition, {
    summary: withInstalledNames(spec.summary).replace(/\.$/, ""),
    synopsis: spec.usage,
    sections: [
      ...section("Description", [
        `${roff(withInstalledNames(spec.summary))}`,
        ...parts.flatMap(({ title, text }) => title === undefined ? [text] : []),
      ]),
      ...section("Options", ["Options come before the first other word.", ...options]),
      ...parts.flatMap(({ title, text }) => title === undefined ? [] : section(title, [text])),
      ...section("Exit status", exitStatuses.map(([status, meaning]) => `.TP\n${status}\n${roff(meaning)}`)),
    ],
  });
}

/**
 * The manual page of a shell script, made of the comment that it begins with. Of that, the first sentence says what the
 * script does, and the indented lines how it is called.
 */
export function manPageOfShell(name: string, text: string, edition: Edition): string {
  const [, comment] = /^#!.*\n((?:#.*\n)+)/.exec(withInstalledNames(text))!;
  const paragraphs = comment!.replace(/^# ?/gm, "").trim().split(/\n{2,}/);
  const isCall = (paragraph: string): boolean => paragraph.startsWith("  ");
  return page(name, edition, {
    summary: /^[^,.:]*/.exec(paragraphs[0]!)![0].replaceAll("\n", " "),
    synopsis: paragraphs.filter(isCall).flatMap((call) => call.split("\n")).map((call) =>
      call.trim().replace(`${name} `, "")
    ),
    sections: section(
      "Description",
      paragraphs.filter((text) => !isCall(text)).map((text) => paragraph(text.replace(/:$/, ".").split("\n"))),
    ),
  });
}
