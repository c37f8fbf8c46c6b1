/**
 * The history of a container: what passed between it and this host, in files that no container sees. The code that lets
 * something pass writes the line, never the container. How a container would abuse that, and what stops it:
 *
 * - It repeats something cheap, to push out the lines of what it did before. Each kind of line has files of its own, so
 *   it pushes out no other kind. Each kind has a maximum number of lines per hour; after that, whatever needs such a
 *   line is refused: the container loses that channel first. Clipboard transfers are added up first (`crossings.ts`).
 * - It chooses names and addresses that make a line look like another, or control a terminal: a line is JSON, and its
 *   texts have no invisible characters, no line ends, and a maximum length.
 * - It fills the disk, so that nothing can be written: once a line could not be written, whatever needs a line is
 *   refused. Lines about what has already happened wait.
 * - It never ends an action, hoping that only ends are recorded: an action that takes time has a line at its start.
 */

import { dirname, join } from "@std/path";
import { exists, ifThere, readDirectory, removeFile, writeAll } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { parseTable } from "../base/json_file.ts";
import { lockFile } from "../base/lock.ts";
import { revealInvisible } from "../base/text.ts";
import { stateDirectory } from "./paths.ts";

/** An event for the history. The container chooses names, addresses and types of data. */
export type Happening =
  | {
    kind: "session";
    what: "starts" | "is shown again" | "goes on with less" | "ends" | "runs on";
    session: string;
    channels?: string;
  }
  /**
   * `direction`: into or out of the container. `times`, `bytes`: totals of the half minute from `time`; default: now.
   */
  | { kind: "clipboard"; direction: "in" | "out"; type: string; times: number; bytes: number; time?: string }
  /** A file of the host. `readOnly`: the container has a copy, or may only read it. */
  | { kind: "file"; what: "lent"; path: string; readOnly: boolean }
  | { kind: "file"; what: "back"; path: string; changed: boolean }
  /** A new version of one of its files. `path`: where it was saved; `where`: the container that made it. */
  | { kind: "file"; what: "saved"; path: string; bytes: number; where: string }
  /** A file from the container, saved in the user's downloads, or opened in the container `where`. */
  | { kind: "download"; name: string; bytes: number; where?: string }
  /** `where`: "on this host", or another container. `failed`: the host could not do what an earlier line says. */
  | { kind: "link"; host: string; where: string; failed?: true }
  | { kind: "print"; name: string; bytes: number; printer: string }
  | { kind: "microphone"; what: "on" }
  | { kind: "microphone"; what: "off"; seconds: number }
  /** By a key of the user's. `what`: what for, and which key. */
  | { kind: "signature"; what: string; failed?: true }
  /** `about`: the name of the host or file. */
  | { kind: "question"; channel: string; about: string; answer: string };

export type HappeningKind = Happening["kind"];

/** A line of a history. `copy`: the disposable copy in which it happened. */
export type HistoryLine = Happening & { time: string; copy?: string };

/** How many lines of each kind a run may write per hour. Actions that only the user can cause have no limit. */
const maxLines: Readonly<Record<HappeningKind, number>> = {
  session: Infinity,
  clipboard: 1_000,
  file: Infinity,
  download: 300,
  link: 300,
  print: 100,
  microphone: 300,
  signature: 300,
  question: 300,
};

const kinds = Object.keys(maxLines) as readonly HappeningKind[];

/** The maximum size of a file, in bytes. Each kind has two files: the newest lines, and those before them. */
const maxFileBytes = 2 ** 20;

/** The maximum length of a text in a line, in UTF-16 code units. The middle of a longer text is cut out. */
const maxText = 300;

/** The reason given when something is refused because no line is left for it. */
export const historyIsFull = "the history is full: it takes no more such lines this hour, or the disk is full";

/** A container's history, for a run to write to. */
export interface History {
  /** The container's name on this host, and the run's disposable copy, if any; undefined if no history is kept. */
  readonly keptAs: { name: string; copy?: string } | undefined;
  /** Queues a line. Returns false if no line of its kind is left: then the caller must refuse the event. */
  add(happening: Happening): boolean;
  /** Adds a line for what has already happened, even beyond the limit: the caller must limit how often. */
  note(happening: Happening): void;
  /** Whether no line of this kind is left. */
  isFull(kind: HappeningKind): boolean;
  /** Summarizes what this run has added: "2 links opened, 1 file lent". */
  summary(): string;
  /** Waits until all lines are in their files. */
  written(): Promise<void>;
}

/** The directory of all histories. */
function historyDirectory(host: Pick<Host, "env">): string {
  return join(stateDirectory(host), "history");
}

/**
 * The history of a container.
 *
 * @param keptAs as for {@linkcode History.keptAs}
 * @param now milliseconds since 1970
 */
export function openHistory(host: Host, keptAs: History["keptAs"], now: () => number = Date.now): History {
  if (keptAs === undefined) {
    const nothing = Promise.resolve();
    const limits = { add: () => true, note() {}, isFull: () => false };
    return { keptAs: undefined, ...limits, summary: () => "", written: () => nothing };
  }
  const { name, copy } = keptAs;
  const added: Happening[] = [];
  /** How many lines of each kind this run has written, by kind and hour. */
  const counts = new Map<string, number>();
  const waiting: HistoryLine[] = [];
  let writing: Promise<void> | undefined;
  let isBroken = false;
  let latest = 0;
  const countOf = (kind: HappeningKind, more = 0): number => {
    if (!kinds.includes(kind)) throw new TypeError(`There is no kind "${kind}"`);
    const key = `${kind} ${Math.floor(now() / 3_600_000)}`;
    const count = (counts.get(key) ?? 0) + more;
    counts.set(key, count);
    return count;
  };
  const writeAllWaiting = async (): Promise<void> => {
    try {
      for (let line; (line = waiting[0]) !== undefined; waiting.shift()) {
        const { kind } = line;
        await host.look(undefined, () => append(host, pathOf(join(historyDirectory(host), name), kind), line));
        isBroken = false;
      }
    } catch (error) {
      if (!isBroken) {
        const why = error instanceof Error ? error.message : error;
        host.ui.warn(
          `The history of "${name}" cannot be written, so what it must record is refused: ${why}`,
        );
      }
      isBroken = true;
    } finally {
      writing = undefined;
    }
  };
  const write = (): void => void (waiting.length > 0 && (writing ??= writeAllWaiting()));
  const isFull = (kind: HappeningKind): boolean => {
    const count = countOf(kind);
    if (maxLines[kind] === Infinity) return false;
    // Tries again to write the line that failed.
    if (isBroken) write();
    return isBroken || count >= maxLines[kind];
  };
  const note = (happening: Happening): void => {
    countOf(happening.kind, 1);
    added.push(happening);
    // Readers sort the lines of all kinds by their time, so no two may have the same.
    latest = Math.max(now(), latest + 1);
    const time = new Date(latest).toISOString();
    waiting.push(bounded({ time, ...happening, ...copy === undefined ? {} : { copy } }));
    write();
  };
  return {
    keptAs,
    isFull,
    note,
    add: (happening) => !isFull(happening.kind) && (note(happening), true),
    summary: () => summaryOf(added),
    async written() {
      while (writing) await writing;
    },
  };
}

/**
 * Moves the lines that a guard has left in a file to their histories: each line names its own. Only one run at a time
 * may do this.
 *
 * @param path may be missing; the guard may still write to it
 */
export async function takeLeftLines(host: Pick<Host, "env" | "signal">, path: string): Promise<void> {
  const taken = `${path}.taken`;
  // A run that was killed may have left it.
  if (!await exists(taken)) await ifThere(Deno.rename(path, taken));
  const text = await ifThere(Deno.readTextFile(taken));
  if (text === undefined) return;
  for (const left of text.split("\n")) {
    const [ahead = "", name] = nameAhead.exec(left) ?? [];
    const line = name === undefined ? undefined : parseHistoryLine(`{${left.slice(ahead.length)}`);
    if (line) await append(host, pathOf(join(historyDirectory(host), name!), line.kind), line);
  }
  await removeFile(taken);
}

/** The start of each line that a guard leaves: the name of the history it belongs to. */
const nameAhead = /^\{"name":"([\w:.-]+)",/;

/** The path of a kind's file: the newest lines, or those before them. */
function pathOf(directory: string, kind: HappeningKind, isOld = false): string {
  return join(directory, `${kind}${isOld ? ".old" : ""}.jsonl`);
}

/** Appends a line to a file that only the user can open, without fsync. Several runs may do so at once. */
async function append({ signal }: Pick<Host, "signal">, path: string, line: HistoryLine): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  using file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  // A full disk, or a power cut, may have left the start of a line.
  await writeAll(file, new TextEncoder().encode(`\n${JSON.stringify(line)}\n`));
  if ((await file.stat()).size <= maxFileBytes) return;
  using _turn = await lockFile(join(dirname(path), "lock"), { signal });
  const now = await ifThere(Deno.stat(path));
  if (now && now.size > maxFileBytes) await Deno.rename(path, path.replace(/\.jsonl$/, ".old.jsonl"));
}

/** Makes the invisible characters of a line visible, and cuts its texts to the maximum length. */
function bounded(line: HistoryLine): HistoryLine {
  const entries = Object.entries(line).map(([key, value]) => [key, typeof value === "string" ? shown(value) : value]);
  return Object.fromEntries(entries) as HistoryLine;
}

function shown(text: string): string {
  const cut = text.length > maxText ? `${text.slice(0, maxText / 2)}…${text.slice(-maxText / 2)}` : text;
  return revealInvisible(cut.toWellFormed());
}

/** Summarizes lines: "2 links opened, 1 file lent". */
function summaryOf(added: readonly Happening[]): string {
  const sum = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
  const crossings = added.filter((one) => one.kind === "clipboard");
  const clipboard = (["in", "out"] as const).flatMap((direction) => {
    const bytes = sum(crossings.filter((one) => one.direction === direction).map((one) => one.bytes));
    return bytes === 0 ? [] : [`${bytes} bytes ${direction} by the clipboard`];
  });
  const seconds = sum(added.flatMap((one) => one.kind === "microphone" && one.what === "off" ? [one.seconds] : []));
  const counted = ([
    ["file lent", "files lent", (one) => one.kind === "file" && one.what === "lent"],
    ["file received", "files received", (one) => one.kind === "download"],
    ["link opened", "links opened", (one) => one.kind === "link"],
    ["document printed", "documents printed", (one) => one.kind === "print"],
    ["signature", "signatures", (one) => one.kind === "signature"],
  ] as [string, string, (one: Happening) => boolean][]).flatMap(([one, several, isMeant]) => {
    // What could not be done has two lines: they cancel out.
    const count = sum(added.filter(isMeant).map((one) => "failed" in one ? -1 : 1));
    return count === 0 ? [] : [`${count} ${count === 1 ? one : several}`];
  });
  const heard = added.some((one) => one.kind === "microphone") ? [`your microphone for ${seconds} s`] : [];
  return [...clipboard, ...counted, ...heard].join(", ") || "nothing of this host";
}

/** The names of the containers that have a history. */
export async function keptHistories(host: Pick<Host, "env">): Promise<string[]> {
  return (await readDirectory(historyDirectory(host))).map(({ name }) => name).sort();
}

/** Reads the lines of a history, oldest first. Skips lines that cannot be parsed. */
export async function readHistory(host: Pick<Host, "env">, name: string): Promise<HistoryLine[]> {
  const directory = join(historyDirectory(host), name);
  const paths = kinds.flatMap((kind) => [true, false].map((isOld) => pathOf(directory, kind, isOld)));
  const texts = await Promise.all(paths.map((path) => ifThere(Deno.readTextFile(path))));
  const lines = texts.flatMap((text) => (text ?? "").split("\n").flatMap((line) => parseHistoryLine(line) ?? []));
  return lines.sort((one, other) => one.time < other.time ? -1 : one.time > other.time ? 1 : 0);
}

/** Parses a line; undefined unless it is in the form that this module writes. */
export function parseHistoryLine(text: string): HistoryLine | undefined {
  const line = parseTable(text) as HistoryLine | undefined;
  const { kind, time } = line ?? {};
  if (!kinds.some((known) => known === kind) || typeof time !== "string") return undefined;
  return Number.isNaN(Date.parse(time)) ? undefined : bounded(line!);
}
