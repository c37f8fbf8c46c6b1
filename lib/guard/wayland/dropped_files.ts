/**
 * Host files that the user drops on a container's window, or pastes there. The guard reads the host's list through the
 * app's own pipe, and the app gets a list of the paths at which the files are lent to it. A drop is the user's consent,
 * and its list is read once. A paste is not, since an app may read the clipboard at any time: the user is asked, once
 * for each content of the clipboard, however often it is read. An app that reads only before the drop gets a second
 * drag (`second_drag.ts`).
 *
 * How a container could abuse this, and what happens. It asks while the files are dragged over its window, asks twice,
 * or through another object: it gets nothing, or `/dev/null`. It writes its own list into that pipe: the guard reads
 * only what the host sends. It drags its own list within its window: that has another type on the host
 * (`WaylandSession.outerType`). It does not read, or closes the pipe: the guard does not wait, and sends nothing more
 * about a closed pipe. It reads the clipboard without a paste, or endlessly: there is one question for each list, whose
 * answer holds until something else is copied, and files that the user agreed to are lent again at most every few
 * seconds.
 */

import type { Crossings } from "../crossings.ts";
import { type OpenClipboard, type PipeReader, readPipe } from "./carrying.ts";
import type { Descriptor } from "./descriptors.ts";

/** The type of a list of files. */
export const listType = "text/uri-list";

/** Types that a browser offers besides the list when a link is dragged: such a list names no files. */
export const linkTypes: ReadonlySet<string> = new Set(["text/html", "text/x-moz-url"]);

/** The longest list, in bytes. */
export const maxListBytes = 2 ** 16;

/** How long the host may take to send its list, in milliseconds. */
const listMs = 10_000;

/**
 * How often an app gets an empty line while its files are being lent, and for how long, in milliseconds: Qt 6 gives up
 * on a pipe that is silent for a second, and its app gets no files. Its windows freeze while it waits.
 */
const emptyLines = { everyMs: 300, forMs: 10_000 };

/** How long the result of lending pasted files is reused, in milliseconds: later, files may have changed. */
const againMs = 5_000;

/** The beginning of each answer of a run: without it, nobody has answered. */
export const answerMark = "lent\n";

/**
 * How the user has given files; `again`: pasted once more, after the user agreed to the same list; `out`: files of the
 * container that were dragged out of a window.
 */
export type Given = "dropped" | "pasted" | "again" | "out";

/**
 * Lends the files of the host's list; for pasted files, it asks the user first. Resolves to the list for the app, or to
 * "" if the user says no; rejects if nobody answers, or lending fails.
 */
export type LendList = (list: string, how: Given) => Promise<string>;

/** Writes a text into a pipe of the app, whose reader takes what the host sends; undefined closes it. */
export type Answer = (pipe: Descriptor, text: string | undefined) => void;

/** The files that the user gives to the apps of a session. */
export class GivenFiles {
  readonly #busy = new Set<Given>();
  #pasted: { list: string; isAgreed: boolean; lent: Promise<string>; untilMs: number } | undefined;

  /** `crossings`: where a list of links, which names no files, counts as text. */
  constructor(
    private readonly host: { lend: LendList; clipboard: OpenClipboard; crossings: Crossings; now(): number },
  ) {}

  /** Must be called when something else is copied. */
  forget(): void {
    this.#pasted = undefined;
  }

  /**
   * Reads what the host sends through an app's pipe; the app gets none of it. Resolves to the list, or to "" if it does
   * not end.
   */
  read(pipe: Descriptor): Promise<string> {
    return readList((reader) => void (pipe.reader = reader));
  }

  /** Lends the files of a list that was read before the drop. Resolves to the list for the app; "": it gets none. */
  async lendDropped(list: string): Promise<string> {
    if (this.#busy.has("dropped")) return "";
    this.#busy.add("dropped");
    const lent = await this.#lentFor(list, "dropped");
    this.#busy.delete("dropped");
    return lent;
  }

  /**
   * Reads what the host sends through an app's pipe, and gives the app a list of lent files instead.
   *
   * @param answer writes a piece of that list into the pipe; undefined: its end
   * @returns whether it does so: it serves one list of each kind at a time, however many the container asks for
   */
  take(pipe: Descriptor, how: "dropped" | "pasted", answer: Answer): boolean {
    if (this.#busy.has(how) || pipe.writers.size === 0) return false;
    this.#busy.add(how);
    const mayPass = (): boolean => how === "dropped" || this.host.clipboard.in;
    this.read(pipe).then(async (list) => {
      if (mayPass()) {
        let stills = emptyLines.forMs / emptyLines.everyMs;
        const still = setInterval(() => stills-- > 0 && answer(pipe, "\r\n"), emptyLines.everyMs);
        const lent = await this.#lentFor(list, how);
        clearInterval(still);
        answer(pipe, mayPass() ? lent : "");
      }
      this.#busy.delete(how);
      answer(pipe, undefined);
    });
    return true;
  }

  /** The list that an app gets in place of the host's. */
  async #lentFor(list: string, how: "dropped" | "pasted"): Promise<string> {
    if (areLinks(list)) {
      const { length: bytes } = new TextEncoder().encode(list);
      const { clipboard, crossings } = this.host;
      if (bytes > maxListBytes || !clipboard.in || !crossings.mayCross()) return "";
      crossings.add({ direction: "in", type: "text/plain", times: 1, bytes });
      return list;
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

/** Reads a list as {@linkcode readPipe} does; resolves to "" if it does not end. */
export async function readList(start: (reader: PipeReader) => (() => void) | void): Promise<string> {
  return await readPipe(start, { maxBytes: maxListBytes, limitMs: listMs }) ?? "";
}

/** Whether a list names only web addresses. */
function areLinks(list: string): boolean {
  const lines = linesOf(list);
  return lines.length > 0 && lines.every((line) => /^https?:\/\/[!-~]+$/i.test(line));
}

/** The lines of a list, without its comments. */
export function linesOf(list: string): string[] {
  return list.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
}
