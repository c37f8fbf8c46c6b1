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

export interface GivenFiles {
  /**
   * Takes what the host sends through an app's pipe, of which the app gets nothing. Resolves to the list; to nothing if
   * that has no end.
   */
  read(pipe: Descriptor): Promise<string>;
  /** Lends a list that was read before it was dropped. Resolves to the list for the app; empty: it gets none. */
  lendDropped(list: string): Promise<string>;
  /**
   * Takes what the host sends through an app's pipe, and gives the app something else in its place.
   *
   * @param options `answer`: gives the app a piece of that; undefined: there is no more; `mayPass`: whether files may still
   * be given
   * @returns whether it does: there is one list of each kind at a time, whatever the container asks for
   */
  take(
    pipe: Descriptor,
    options: {
      how: "dropped" | "pasted";
      answer: (piece: string | undefined) => void;
      mayPass: () => boolean;
    },
  ): boolean;
  /** To be called when something else is copied. */
  forget(): void;
}

/**
 * Makes the files of a session; none are given yet.
 *
 * @param options `passText`: whether a list of links may pass, which are no files, as so many bytes of text
 */
export function createGivenFiles(
  { lend, passText, now }: { lend: LendList; passText(bytes: number): boolean; now: () => number },
): GivenFiles {
  const busy = new Set<Given>();
  let pasted: { list: string; isAgreed: boolean; lent: Promise<string>; untilMs: number } | undefined;
  const lendPasted = (list: string): Promise<string> => {
    const known = pasted?.list === list ? pasted : undefined;
    if (known && now() < known.untilMs) return known.lent;
    const isAgreed = known?.isAgreed ?? false;
    const fresh = pasted = { list, isAgreed, lent: lend(list, isAgreed ? "again" : "pasted"), untilMs: Infinity };
    const askLater = (): number => fresh.untilMs = now() + againMs;
    fresh.lent.then((answer) => {
      fresh.isAgreed = answer !== "";
      if (fresh.isAgreed) askLater();
    }, askLater);
    return fresh.lent;
  };
  /** What an app gets in the place of the host's list. */
  const lentFor = async (list: string, how: "dropped" | "pasted"): Promise<string> => {
    if (areLinks(list)) {
      const { length } = new TextEncoder().encode(list);
      return length <= maxListBytes && passText(length) ? list : "";
    }
    if (list === "") return "";
    return await (how === "pasted" ? lendPasted(list) : lend(list, how)).catch(() => "");
  };
  return {
    forget: () => void (pasted = undefined),
    read: readFrom,
    async lendDropped(list) {
      if (busy.has("dropped")) return "";
      busy.add("dropped");
      const lent = await lentFor(list, "dropped");
      busy.delete("dropped");
      return lent;
    },
    take(pipe, { how, answer, mayPass }) {
      if (busy.has(how) || pipe.writers.size === 0) return false;
      busy.add(how);
      const work = async (): Promise<void> => {
        const list = await readFrom(pipe);
        if (mayPass()) {
          let stills = stillForMs / stillMs;
          const still = setInterval(() => stills-- > 0 && answer("\r\n"), stillMs);
          const lent = await lentFor(list, how);
          clearInterval(still);
          answer(mayPass() ? lent : "");
        }
        busy.delete(how);
        answer(undefined);
      };
      work();
      return true;
    },
  };
}

/** Reads a list as {@linkcode readPipe} does; returns an empty text for one without an end. */
export async function readList(start: (reader: PipeReader) => (() => void) | void): Promise<string> {
  return await readPipe(start, { maxBytes: maxListBytes, limitMs: listMs }) ?? "";
}

function readFrom(pipe: Descriptor): Promise<string> {
  return readList((reader) => void (pipe.reader = reader));
}

/** Whether a list names addresses of the web, and nothing else. */
function areLinks(list: string): boolean {
  const lines = list.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return lines.length > 0 && lines.every((line) => /^https?:\/\/[!-~]+$/i.test(line));
}
