/**
 * Lends files that the user chooses in the host's dialogs for the apps of a session, drops on their windows, or copies
 * for one to paste. A choice or a drop is consent; before a paste the user is asked. Without one of these, the
 * container learns nothing about the host's files. The container decides when to ask, so a dialog may open while the
 * user is typing: there is one at a time, few wait, and a choice that comes sooner than a person can choose must be
 * confirmed.
 */

import { abortable, delay } from "@std/async";
import { basename, dirname, join } from "@std/path";
import { notify, warnOnDesktop } from "../base/desktop.ts";
import { isMissingProgram, lineOf, UserError } from "../base/errors.ts";
import { scriptLine } from "../container/address.ts";
import { revealInvisible } from "../base/text.ts";
import { createQueue, once } from "../base/promises.ts";
import { onceEach } from "../base/ui.ts";
import { chooseFiles } from "../base/zenity.ts";
import type { Container, Inside } from "../container/container.ts";
import type { SessionLoans } from "../container/lend/loan.ts";
import type { Question } from "../guard/consent.ts";
import { Refusal } from "../guard/faults.ts";
import { rate } from "../guard/rate.ts";
import type { Given } from "../guard/wayland/dropped_files.ts";
import dialogsPy from "./file_dialogs.py" with { type: "text" };
import dialogsSh from "./file_dialogs.sh" with { type: "text" };
import { listOf, pathsIn, refuseHidden } from "./file_list.ts";
import type { ChannelIo, Line, RunIo, Served } from "./io.ts";
import { type FileFilter, filtersIn, isPath, keptName } from "./requests.ts";

/** The dialogs of a run. */
export interface Dialogs {
  /** Shows a dialog, and tells the agent what the user has chosen. */
  ask(request: Wanted): void;
  /** What serves a channel that has dialogs. */
  served(io: ChannelIo): Served<Asking>;
}

/**
 * A request of file_dialogs.py: to choose files, that an earlier one is withdrawn, or that a saved file is complete.
 */
export type Asking = Wanted | { ask: "gone"; id: number } | { ask: "saved"; path: string };

/** A request to choose a directory, one or several files, or where to save a file. */
export type Wanted = Choosing | { ask: "folder"; id: number };

export type Choosing =
  | { ask: "open"; id: number; multiple: boolean; filters: FileFilter[] }
  | { ask: "save"; id: number; name: string; filters: FileFilter[] };

/** The requests of file_dialogs.py. */
export const dialogAsks = {
  folder: (_, id) => ({ ask: "folder", id }),
  open: (line, id) => ({ ask: "open", id, multiple: line.multiple === true, filters: filtersIn(line.filters) }),
  save: (line, id) => ({ ask: "save", id, name: keptName(line.name), filters: filtersIn(line.filters) }),
  gone: (_, id) => ({ ask: "gone", id }),
  saved: ({ path }) => isPath(path) ? { ask: "saved", path } : undefined,
} satisfies Record<string, (line: Line, id: number) => Asking | undefined>;

/** The parts in the container of a channel with dialogs. */
export const dialogAgent = {
  agent: { parts: [dialogsPy], interfaces: ["FileChooser", "Print"] },
  session: { parts: [dialogsSh] },
} as const;

/** How many dialogs may wait, counting the one that is shown. */
const maxWaiting = 4;

/** The rate of dialogs, and of drops and pastes. */
const dialogRate = { burst: 6, perSecond: 0.2 };
const giveRate = { burst: 12, perSecond: 0.2 };

/**
 * How soon a choice must be confirmed, in milliseconds, since the user may have been typing. zenity takes half a second
 * to appear; the portal may first have to start a program.
 */
const soonestMs = 3_000;
const soonestByPortalMs = 6_000;

/** How long a dialog is shown, in milliseconds. */
const shownForMs = 600_000;

/** The pause between writing back two versions of a file that an app keeps saving, in milliseconds. */
const writePauseMs = 1_000;

/** Makes the dialogs of a session; none is shown yet. */
export function createDialogs(container: Container, run: RunIo): Dialogs {
  const { signal: shown, send, tellError: tell, lendingMs = 60_000 } = run;
  const { host, label } = container;
  const lending = new Lending(container, run);
  const inOrder = createQueue();
  const givenInOrder = createQueue();
  const give = createGiving(container, run, { lending, inOrder: givenInOrder });
  const waiting = new Set<{ id: number; gone: AbortController }>();
  const mayShow = rate(dialogRate, run.now);
  const warn = onceEach(host.ui.warn);
  let folder = host.env("HOME") ?? "/";

  const ask = (request: Wanted): void => {
    const { id } = request;
    const isTooMuch = waiting.size >= maxWaiting || !mayShow();
    if (isTooMuch || shown.aborted) {
      send({ id, paths: [] });
      if (isTooMuch) warn(`"${label}" asks for files too often: some dialogs are not shown`);
      return;
    }
    const dialog = { id, gone: new AbortController() };
    waiting.add(dialog);
    const signal = AbortSignal.any([shown, dialog.gone.signal]);
    inOrder(() => show(request, signal)).finally(() => waiting.delete(dialog));
  };

  const show = async (request: Wanted, signal: AbortSignal): Promise<void> => {
    const { id } = request;
    try {
      send({ id, paths: await answer(request, signal) });
    } catch (error) {
      tell(error);
      send(isMissingProgram(error) ? { id, here: true } : { id, paths: [], failed: true });
    }
  };

  /** The paths in the container of the files that the user has chosen. */
  const answer = async (request: Wanted, signal: AbortSignal): Promise<string[]> => {
    if (request.ask === "folder") {
      throw new UserError(`An app of "${label}" asked for a directory, but only files can be lent`, {
        hint: `Put the files into its share: there, they are in ${(await container.boot()).share}`,
      });
    }
    const chosen = await choose(container, run, { request, folder, signal });
    if (chosen.length === 0) return [];
    folder = dirname(chosen[0]!);
    return await lending.lend(chosen, { isNew: request.ask === "save" });
  };

  const end = once(async () => {
    // What is being lent is taken back, too.
    const idle = Promise.all([inOrder, givenInOrder].map((queue) => queue(() => Promise.resolve())));
    await abortable(idle, AbortSignal.timeout(lendingMs)).catch(() => {
      const line = scriptLine(container.engine, ["map.ts", "--unmap", label]);
      host.ui.warn(`A file that "${label}" asked for is still being lent. To take it back: ${line}`);
    });
    await lending.end();
  });
  return {
    ask,
    served: (io) => ({
      take(asking) {
        if (asking.ask === "gone") return waiting.values().find(({ id }) => id === asking.id)?.gone.abort();
        if (asking.ask === "saved") return lending.writeBack(asking.path);
        // The app shows its own: the channel was open when it started.
        return io.closing.aborted ? send({ id: asking.id, here: true }) : ask(asking);
      },
      ready: () => void (io.closing.aborted || lending.resume().catch(tell)),
      gone: () => waiting.forEach(({ gone }) => gone.abort()),
      end,
      give: (list, how) => give(list, how, io),
    }),
  };
}

/** Shows a dialog for files. A choice that comes too soon must be confirmed. */
async function choose(
  { host, label }: Container,
  { now, consent }: RunIo,
  { request, folder, signal }: { request: Choosing; folder: string; signal: AbortSignal },
): Promise<string[]> {
  let startMs = 0;
  let notBeforeMs = soonestMs;
  const paths = await chooseFiles(host, {
    from: join(folder, request.ask === "save" ? request.name || "unnamed" : "/"),
    isNew: request.ask === "save",
    optionsFrom(isPortals) {
      startMs = now();
      notBeforeMs = isPortals ? soonestByPortalMs : soonestMs;
      return chooserOptions(label, request);
    },
    signal,
    timeoutMs: shownForMs,
  });
  if (paths.length === 0 || now() - startMs >= notBeforeMs) return paths;
  return await consent.request(quickQuestion(label, paths), signal) === true ? paths : [];
}

/** Makes the function that lends the files that the user drops on windows, or copies for an app to paste. */
function createGiving(
  container: Container,
  { consent, signal: shown, now, tellError: tell }: RunIo,
  { lending, inOrder }: { lending: Lending; inOrder: ReturnType<typeof createQueue> },
): (list: string, how: Given, io: ChannelIo) => Promise<string> {
  const { host, label } = container;
  const mayGive = rate(giveRate, now);

  /** Whether the user agrees to lend files that an app is about to paste. */
  const mayPaste = async (files: readonly string[], signal: AbortSignal): Promise<boolean> => {
    if (files.length === 0) return false;
    if (consent.isClosed("dialogs")) {
      tell(new Error(`Files ${givenTo(label, "pasted")} are not lent: you have refused it for this session`));
      return false;
    }
    const agreed = await consent.request(pasteQuestion(files), signal);
    shown.throwIfAborted();
    return agreed !== false && !signal.aborted;
  };

  return async (list, how, { closing, ending }) => {
    const given = givenTo(label, how);
    const filesIn = async (): Promise<string[]> => {
      const files = pathsIn(list, given);
      const inside = await container.boot();
      await refuseHidden(files.filter((path) => !sharedPath(path, container, inside)), given);
      return files;
    };
    const lendFiles = async (): Promise<string> => {
      const files = await filesIn();
      shown.throwIfAborted();
      if (files.length === 0 || closing.aborted) return "";
      const lent = listOf(await lending.lend(files));
      if (how === "again") return lent;
      const action = how === "dropped" ? "Dropped on" : "Pasted into";
      const line = `${action} "${label}" and lent to it: ${namesOf(files).join(", ")}`;
      host.ui.status(line);
      notify(host, { title: label, body: line }).catch(() => {});
      return lent;
    };
    try {
      shown.throwIfAborted();
      if (!mayGive()) throw new Refusal("they come too often");
      if (how === "pasted" && !await mayPaste(await filesIn(), ending)) return "";
      return await inOrder(lendFiles);
    } catch (error) {
      if (error instanceof Refusal) tell(new Error(`Files ${given} are not lent: ${error.message}`));
      else if (how !== "dropped") tell(error);
      else if (error !== shown.reason && !host.signal.aborted) warnOnDesktop(host, label, messageOf(error));
      throw error;
    }
  };
}

/** The files that a run lends to its session. */
class Lending {
  #loans: Promise<SessionLoans> | undefined;
  /** The files that are being written back, and whether each has changed since that began. */
  readonly #writing = new Map<string, boolean>();

  constructor(private readonly container: Container, private readonly run: RunIo) {}

  /** Watches the files that earlier runs have lent to the session. */
  async resume(): Promise<void> {
    for (const path of (await this.#begin()).copies()) this.run.send({ watch: path });
  }

  /** Lends files, except those that are in the container's share. Returns their paths in the container. */
  async lend(files: readonly string[], { isNew = false } = {}): Promise<string[]> {
    const inside = await this.container.boot();
    const inShare = files.map((path) => sharedPath(path, this.container, inside));
    const others = files.filter((_, index) => inShare[index] === undefined);
    if (others.length === 0) return inShare as string[];
    const loans = await this.#begin();
    const paths = isNew ? [await loans.save(others[0]!)] : await loans.open(others);
    for (const path of paths) if (!path.startsWith(`${inside.share}/`)) this.run.send({ watch: path });
    return inShare.map((path) => path ?? paths.shift()!);
  }

  /** Writes a file back that an app has saved, and again if the app saves it meanwhile. */
  async writeBack(path: string): Promise<void> {
    const loans = await this.#begun();
    if (!loans?.copies().includes(path)) return;
    const isWriting = this.#writing.has(path);
    this.#writing.set(path, true);
    if (isWriting) return;
    const { signal, tellError } = this.run;
    while (this.#writing.get(path) && !signal.aborted) {
      this.#writing.set(path, false);
      await loans.writeBack(path).catch(tellError);
      await delay(writePauseMs, { signal }).catch(() => {});
    }
    this.#writing.delete(path);
  }

  async end(): Promise<void> {
    await (await this.#begun())?.end({ runsOn: await this.run.runsOn() });
  }

  #begin(): Promise<SessionLoans> {
    return this.#loans ??= this.container.loans(this.run.session);
  }

  async #begun(): Promise<SessionLoans | undefined> {
    return await this.#loans?.catch(() => undefined);
  }
}

/** The message of an error, for the desktop. */
export function messageOf(error: unknown): string {
  return isMissingProgram(error) ? lineOf(error) : (error as Error).message;
}

/** The path in the container of a file in its share; undefined for any other file. */
function sharedPath(path: string, { mounts, crossesNetwork }: Container, { share }: Inside): string | undefined {
  if (crossesNetwork || !path.startsWith(`${mounts.share}/`) || path.split("/").includes("..")) return undefined;
  return join(share, path.slice(mounts.share.length));
}

/**
 * zenity's options for a dialog. GNOME shows the beginning of the title, and no title when a file is saved (Nautilus
 * 50): so the filter's name begins with the container's, too. The title has no brackets around that name, as those of
 * the container's windows have.
 */
export function chooserOptions(container: string, request: Choosing): string[] {
  const isSaving = request.ask === "save";
  const filters = isSaving || request.filters.length > 0 ? [...request.filters, allFiles] : [];
  return [
    `--title=${container}: ${isSaving ? "where may it save?" : "what may it open and change?"} (gui-container)`,
    ...(isSaving ? ["--save", "--confirm-overwrite"] : request.multiple ? ["--multiple"] : []),
    ...filters.map(({ label, patterns }) =>
      `--file-filter=${isSaving ? `${container}: ` : ""}${label} | ${patterns.join(" ")}`
    ),
  ];
}

const allFiles: FileFilter = { label: "All files", patterns: ["*"] };

/** The names of the files, of the first few if there are many. */
function namesOf(paths: readonly string[]): string[] {
  const names = paths.slice(0, 8).map((path) => revealInvisible(basename(path)).slice(0, 100));
  return [...names, ...(paths.length > names.length ? ["…"] : [])];
}

/** What was done with files, for a sentence that begins with "Files". */
export function givenTo(container: string, how: Given): string {
  return how === "dropped" ? `dropped on "${container}"` : `pasted into "${container}"`;
}

/** The question before files are pasted, with their directories and names. */
function pasteQuestion(files: readonly string[]): Question {
  const places = Map.groupBy(files, dirname);
  const text = [...places].map(([place, paths]) => `${paths.map((path) => basename(path)).join(", ")} in ${place}`);
  return {
    channel: "dialogs",
    what: "read and change the files that you have copied",
    why: "You may have pasted them, or an app may be reading the clipboard. Your answer holds until\n" +
      "you copy something else. If nothing appears after a yes, paste again.",
    details: [["Files", text.join("; ")]],
    isForOnce: true,
  };
}

/** The question about a choice that came sooner than a person can read. */
function quickQuestion(container: string, paths: readonly string[]): Question {
  return {
    channel: "dialogs",
    what: "have what was chosen",
    asks: `That was quick: did you choose this for "${container}"?`,
    details: [["Files", namesOf(paths).join(", ")]],
    isForOnce: true,
  };
}
