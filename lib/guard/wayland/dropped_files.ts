/**
 * Files that the user drops on a window of the container's, or has copied, for an app to paste. The guard reads the
 * host's list, through the app's own pipe, and the app gets a list of the places where the files are lent to it. A drop
 * is the consent, and its list is read once. A paste is none, since an app may read the clipboard at any time: the user
 * is asked, once for what is on the clipboard, however often that is read. An app that reads before the drop, and never
 * again, is shown the drag once more (`second_drag.ts`).
 *
 * What the container could do, and what comes of it: it asks while the files are dragged over its window, asks twice,
 * or by another object: it gets nothing, or `/dev/null`. It writes a list of its own into that pipe: only what the host
 * sends is read. It drags a list of its own within its window: the host knows that by another name
 * (`WaylandSession.outerType`). It does not read, or closes the pipe: the guard waits for nobody, and says nothing more
 * about a pipe that an end has closed. It reads what is copied without a paste, or without an end: one question for
 * each list, whose answer stays so until something else is copied, and files that have been agreed to are lent again
 * every few seconds at most.
 */

import { type PipeReader, readPipe } from "./carrying.ts";
import type { Descriptor } from "./descriptors.ts";

/** The type of a list of files. */
export const listType = "text/uri-list";

/** How long a list may be, in bytes. */
export const maxListBytes = 2 ** 16;

/** How long the host may take for its list, in milliseconds. */
const listMs = 10_000;

/**
 * How often an app is sent an empty line while its files are lent, and for how long, in milliseconds: Qt 6 gives up a
 * pipe that has been silent for a second, and its app hears of no files. While it waits, its windows stand still.
 */
const [stillMs, stillForMs] = [300, 10_000];

/** After how long what nobody could lend is asked for again, and what is lent may have changed, in milliseconds. */
const againMs = 5_000;

/** What a run's answer begins with: without it, nobody has answered. */
export const answerMark = "lent\n";

/**
 * How the user has given files; `again`: those of a list that was pasted, and agreed to; `out`: the container's own,
 * which were dragged out of a window.
 */
export type Given = "dropped" | "pasted" | "again" | "out";

/**
 * Lends the files of the host's list, those that are pasted once the user agrees. Resolves to the list for the app, or
 * to nothing where the user says no; rejects where nobody answers, or it fails.
 */
export type LendList = (list: string, how: Given) => Promise<string>;

/** The files that are given in a session. */
export class GivenFiles {
  readonly #busy = new Set<Given>();
  #pasted: { list: string; isAgreed: boolean; lent: Promise<string>; untilMs: number } | undefined;

  /**
   * @param host `lend`: see {@linkcode LendList}; `passText`: whether a list of links may pass, which are no files, as so
   * many bytes of text
   */
  constructor(private readonly host: { lend: LendList; passText(bytes: number): boolean; now: () => number }) {}

  /** Must be called when something else is copied. */
  forget(): void {
    this.#pasted = undefined;
  }

  /**
   * Takes what the host sends through an app's pipe, of which the app gets nothing. Resolves to the list; to nothing if
   * that has no end.
   */
  read(pipe: Descriptor): Promise<string> {
    return readList((reader) => void (pipe.reader = reader));
  }

  /** Lends a list that was read before it was dropped. Resolves to the list for the app; empty: it gets none. */
  async lendDropped(list: string): Promise<string> {
    if (this.#busy.has("dropped")) return "";
    this.#busy.add("dropped");
    const lent = await this.#lentFor(list, "dropped");
    this.#busy.delete("dropped");
    return lent;
  }

  /**
   * Takes what the host sends through an app's pipe, and gives the app something else in its place.
   *
   * @param options `answer`: gives the app a piece of that; undefined: there is no more; `mayPass`: whether files may still
   * be given
   * @returns whether it does: there is one list of each kind at a time, whatever the container asks for
   */
  take(
    pipe: Descriptor,
    { how, answer, mayPass }: {
      how: "dropped" | "pasted";
      answer: (piece: string | undefined) => void;
      mayPass: () => boolean;
    },
  ): boolean {
    if (this.#busy.has(how) || pipe.writers.size === 0) return false;
    this.#busy.add(how);
    this.read(pipe).then(async (list) => {
      if (mayPass()) {
        let stills = stillForMs / stillMs;
        const still = setInterval(() => stills-- > 0 && answer("\r\n"), stillMs);
        const lent = await this.#lentFor(list, how);
        clearInterval(still);
        answer(mayPass() ? lent : "");
      }
      this.#busy.delete(how);
      answer(undefined);
    });
    return true;
  }

  /** What an app gets in the place of the host's list. */
  async #lentFor(list: string, how: "dropped" | "pasted"): Promise<string> {
    if (areLinks(list)) {
      const { length } = new TextEncoder().encode(list);
      return length <= maxListBytes && this.host.passText(length) ? list : "";
    }
    if (list === "") return "";
    return await (how === "pasted" ? this.#lendPasted(list) : this.host.lend(list, how)).catch(() => "");
  }

  #lendPasted(list: string): Promise<string> {
    const { lend, now } = this.host;
    const known = this.#pasted?.list === list ? this.#pasted : undefined;
    if (known && now() < known.untilMs) return known.lent;
    const isAgreed = known?.isAgreed ?? false;
    const fresh = { list, isAgreed, lent: lend(list, isAgreed ? "again" : "pasted"), untilMs: Infinity };
    this.#pasted = fresh;
    const askLater = (): number => fresh.untilMs = now() + againMs;
    fresh.lent.then((answer) => {
      fresh.isAgreed = answer !== "";
      if (fresh.isAgreed) askLater();
    }, askLater);
    return fresh.lent;
  }
}

/** Reads a list as {@linkcode readPipe} does; returns an empty text for one without an end. */
export async function readList(start: (reader: PipeReader) => (() => void) | void): Promise<string> {
  return await readPipe(start, { maxBytes: maxListBytes, limitMs: listMs }) ?? "";
}

/** Whether a list names addresses of the web, and nothing else. */
function areLinks(list: string): boolean {
  const lines = list.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return lines.length > 0 && lines.every((line) => /^https?:\/\/[!-~]+$/i.test(line));
}
