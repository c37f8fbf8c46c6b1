/**
 * What a container says of its apps: their desktop entries, their icons, and which know X only. Its user reads them, by
 * programs that the container may have replaced: an answer counts only as far as it has the expected form, and is
 * bounded in length and time.
 */

import { Buffer } from "node:buffer";
import { basename } from "@std/path";
import findXOnly from "./find_x_only.sh" with { type: "text" };
import listEntries from "./list_entries.sh" with { type: "text" };
import renderIcons from "./render_icons.py" with { type: "text" };
import { isFailure, orNothing } from "../../base/errors.ts";
import { findOnPath } from "../../base/files.ts";
import type { Container } from "../../container/container.ts";
import { type App, isAppId, parseEntry, type Refused } from "./app.ts";
import { pngOf } from "./png.ts";

/** The maximum number of entries, and their maximum size in bytes: LibreOffice's, in all languages, have 40,000. */
const entryLimits = { entries: 200, bytes: 100_000 };

/** A container may answer with all entries that it may have, each as long as it may be, in base64. */
const answerLimits = { timeoutMs: 30_000, maxOutputBytes: 32 * 2 ** 20 };

export interface Apps {
  /** What can be exported, in the order of the ids. */
  apps: App[];
  /** What cannot. */
  refused: Refused[];
  /** There are more than were read. */
  isCut: boolean;
}

/**
 * Reads the entries of a container.
 *
 * @throws {UserError} when the container answers too much or too late
 */
export async function readApps(container: Container): Promise<Apps> {
  const values = { max: `${entryLimits.entries + 1}`, bytes: `${entryLimits.bytes + 1}` };
  const { stdout } = await container.script({ script: listEntries, values, ...answerLimits });
  return parseAnswer(stdout);
}

/** Reads what list_entries.sh, or whatever is in its place, has printed. */
export function parseAnswer(answer: string): Apps {
  const lines = answer.split("\n", entryLimits.entries + 2).filter((line) => line !== "");
  const found = new Map<string, App | Refused | undefined>();
  for (const line of lines.slice(0, entryLimits.entries)) {
    const [, id, encoded] = /^\/(?:[^\t]*\/)?([^\t/]+)\.desktop\t([A-Za-z0-9+/=]*)$/.exec(line) ?? [];
    // Such an id could be neither printed nor asked for.
    if (id === undefined || !isAppId(id) || found.has(id)) continue;
    const bytes = Buffer.from(encoded!, "base64");
    const isLong = bytes.length > entryLimits.bytes;
    found.set(id, isLong ? { id, reason: "is too long" } : parseEntry(id, bytes.toString()));
  }
  const all = [...found.values()].filter((entry) => entry !== undefined)
    .toSorted((one, other) => one.id < other.id ? -1 : 1);
  return {
    apps: all.filter((entry) => "command" in entry),
    refused: all.filter((entry) => "reason" in entry),
    isCut: lines.length > entryLimits.entries,
  };
}

/**
 * Has the container render the icons of apps.
 *
 * @returns a PNG file for each app whose icon could be read
 */
export async function readIcons(container: Container, apps: readonly App[]): Promise<Map<App, Uint8Array>> {
  const withIcon = apps.filter(({ icon }) => icon !== undefined);
  if (withIcon.length === 0) return new Map();
  const argv = ["python3", "-c", renderIcons, ...withIcon.map(({ icon }) => icon!)];
  // What it has rendered counts, even if it then fails.
  const answer = await orNothing(container.run(argv, { okCodes: "any", ...answerLimits }), isFailure);
  const lines = (answer?.stdout ?? "").split("\n", withIcon.length);
  return new Map(withIcon.flatMap((app, index) => {
    const picture = pngOf(lines[index] ?? "");
    return picture ? [[app, picture] as const] : [];
  }));
}

/** Apps that know X only. */
export interface XOnly {
  /** Which of those that were asked about. What a container says of its apps decides over their entries alone. */
  apps: ReadonlySet<App>;
  /** The options of attach.ts that show them best. */
  options: readonly string[];
  /** Why nothing can show them, as the end of a sentence; undefined: something can. */
  why: string | undefined;
}

/** Finds out which apps know X only, and what can show them. Where the container does not say it, none do. */
export async function readXOnly(container: Container, apps: readonly App[]): Promise<XOnly> {
  const programs = apps.map(({ command, program }) => command.find((word) => basename(word) === program) ?? program);
  const limits = { ...answerLimits, maxOutputBytes: 64 * 1024 };
  const asked = container.script({ script: findXOnly, parameters: programs, ...limits });
  const answer = await orNothing(asked, isFailure);
  if (!answer) return { apps: new Set(), options: [], why: undefined };
  const [first = "", ...names] = answer.stdout.split("\n");
  const servers = first.split(" ");
  const lacks = !servers.includes("xpra")
    ? `there is no xpra in "${container.label}"`
    : await findOnPath(container.host, "xpra")
    ? undefined
    : "there is no xpra on this host";
  return {
    apps: new Set(apps.filter((_, index) => names.includes(programs[index]!))),
    options: lacks === undefined ? ["--display=x11"] : [],
    why: servers.includes("Xwayland") ? undefined : lacks,
  };
}
