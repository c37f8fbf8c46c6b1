/**
 * Files that the user drops on a window of the container's. The drop is the consent: the host's list is read then, once,
 * by the guard, through the app's own pipe, and the app gets a list of the places where the files are lent to it.
 *
 * What the container could do, and what comes of it: it asks while the files are dragged over its window, asks twice, or
 * by another object: it gets nothing. It writes a list of its own into that pipe: only what the host sends is read. It
 * drags a list of its own within its window: the host knows that by another name (`WaylandSession.outerType`). It does not
 * read, or closes the pipe: the guard waits for nobody, and says nothing more about a pipe that an end has closed.
 */

import type { Descriptor } from "./descriptors.ts";

/** What a list of files is called. */
export const listType = "text/uri-list";

/** How long a list may be, in bytes. */
export const maxListBytes = 2 ** 16;

/** How long the host may take for its list, in milliseconds. */
const listMs = 10_000;

/**
 * How often an app is sent an empty line while its files are lent, in milliseconds: Qt 6 gives up a pipe that has been
 * silent for a second, and its app hears of no files.
 */
const stillMs = 300;

/** Lends the files of the host's list. Resolves to the list for the app, or to nothing. */
export type LendList = (list: string) => Promise<string>;

export interface DroppedFiles {
  /**
   * Takes what the host sends through an app's pipe, and gives the app something else in its place.
   *
   * @param answer gives the app a piece of that; undefined: there is no more
   * @returns whether it does: there is one list at a time, whatever the container asks for
   */
  take(pipe: Descriptor, answer: (piece: string | undefined) => void): boolean;
}

/** No files are dropped yet. */
export function createDroppedFiles(lend: LendList): DroppedFiles {
  let isBusy = false;
  return {
    take(pipe, answer) {
      if (isBusy || pipe.writers.size === 0) return false;
      isBusy = true;
      const bytes = new Uint8Array(maxListBytes + 1);
      let length = 0;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => resolve(false), listMs);
      pipe.reader = {
        take(more) {
          const fitting = more.subarray(0, bytes.length - length);
          bytes.set(fitting, length);
          length += fitting.length;
        },
        end: resolve,
      };
      const work = async (): Promise<void> => {
        const isWhole = await promise;
        clearTimeout(timer);
        const list = isWhole ? new TextDecoder().decode(bytes.subarray(0, length)) : "";
        if (list !== "") {
          const still = setInterval(() => answer("\r\n"), stillMs);
          answer(await lend(list).catch(() => ""));
          clearInterval(still);
        }
        isBusy = false;
        answer(undefined);
      };
      work();
      return true;
    },
  };
}
