/** Watching over mapped files: editors save by putting a new file in the old one's place. */

import { dirname } from "@std/path";
import { holdFile, type InodeId, isSameInode } from "./held_file.ts";

/** A path and the inode that is expected there. */
export interface WatchedFile extends InodeId {
  /** Its path on the host. */
  host: string;
}

/** How long after something happened the files are looked at, in milliseconds: an editor takes several steps. */
const delayMs = 150;

/** How long a file may be away before that is told, in milliseconds. */
const awayMs = 2_000;

/**
 * Watches the directories of files until `signal` aborts. Calls `onReplaced` for each path where another file is found,
 * and `onGone` once for each where none is any more, one call at a time.
 *
 * @param files asked for each time: what was replaced is another inode from then on
 */
export async function watchFiles(
  files: () => readonly WatchedFile[],
  { signal, onReplaced, onGone }: {
    signal: AbortSignal;
    onReplaced: (path: string) => Promise<void>;
    onGone: (path: string) => Promise<void>;
  },
): Promise<void> {
  const directories = [...new Set(files().map(({ host }) => dirname(host)))];
  using watcher = Deno.watchFs(directories, { recursive: false });
  const stop = (): void => watcher.close();
  signal.addEventListener("abort", stop, { once: true });
  /** When a file was first seen to be away; Infinity once that is told. */
  const away = new Map<string, number>();
  let looking = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      looking = looking.then(look);
    }, delayMs);
  };
  const look = async (): Promise<void> => {
    for (const file of files()) {
      if (signal.aborted) return;
      const held = holdFile(file.host);
      const isExpected = held && isSameInode(held.stat(), file);
      held?.close();
      if (held) away.delete(file.host);
      if (held && !isExpected) await onReplaced(file.host);
      if (!held) await lookAgain(file.host);
    }
  };
  const lookAgain = async (path: string): Promise<void> => {
    const since = away.get(path) ?? performance.now();
    away.set(path, since);
    if (since === Infinity) return;
    if (performance.now() - since < awayMs) return schedule();
    away.set(path, Infinity);
    await onGone(path);
  };
  // What happened before there was a watch.
  schedule();
  try {
    for await (const { kind } of watcher) if (kind !== "access") schedule();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await looking;
  }
}
