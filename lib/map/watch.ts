/** Following mapped files: when an editor puts a new file in an old one's place, the container gets the new one. */

import { dirname } from "@std/path";
import { ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { holdFile, isSameInode } from "./held_file.ts";
import type { Mapping } from "./loan.ts";
import { type MapOptions, mapReplacement } from "./map.ts";
import type { Prompter } from "./prompter.ts";
import type { MappedFile } from "./restore.ts";
import { checkFile, type FileRules, type SourceFile } from "./source_file.ts";

/** How long after an event the files are looked at, in milliseconds: an editor saves in several steps. */
const delayMs = 150;

/** How long a file may be missing before that is told, in milliseconds. */
const missingMs = 2_000;

/**
 * Watches mapped files until `signal` aborts. Gives the container each file that replaces one of them. Tells the user
 * when a new file cannot be mapped, which the container then does not get, and when a file is gone.
 *
 * @param options `mapped`: the files; each new one takes the old one's place in this array. `rules`: by what the new
 * files are judged
 */
export async function followReplacements(
  host: Host,
  prompter: Prompter,
  { mapped, options, rules, signal }: {
    mapped: Required<MappedFile>[];
    options: MapOptions;
    rules: FileRules;
    signal: AbortSignal;
  },
): Promise<void> {
  /** The inodes that are not mapped and were told of, by their paths. */
  const refused = new Map<string, number>();
  const { instance } = options;
  const onReplaced = async (path: string): Promise<void> => {
    const index = mapped.findIndex(({ mapping }) => mapping.hostPath === path);
    let file: SourceFile | undefined;
    try {
      file = await checkFile(path, rules);
      if (refused.get(path) === file.state.ino) return file.file.close();
      const old = mapped[index]!;
      const replacement = await mapReplacement(file, { ...options, old });
      if (replacement) {
        mapped[index] = replacement;
        old.file.close();
        host.ui.status(`"${path}" was replaced; "${instance}" has the new file now`);
      } else {
        refused.set(path, file.state.ino);
        host.ui.status(`"${path}" was replaced, but had already been taken back from "${instance}"`);
      }
    } catch (error) {
      if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
      if (file) refused.set(path, file.state.ino);
      await prompter.tell(`"${path}" was replaced, and "${instance}" keeps the old file: ${error.message}`);
    }
  };
  try {
    await watchFiles(() => mapped.map(({ mapping }) => mapping), {
      signal,
      onReplaced,
      onGone: (path) => prompter.tell(`"${path}" is gone, but "${instance}" still has the file`),
    });
  } catch (error) {
    await prompter.tell(
      `Replacements of lent files will not be noticed: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/**
 * Watches the directories of files until `signal` aborts. Calls `onReplaced` for each path where another inode is
 * found, and `onGone` once for each path where there is no file any more, one call at a time.
 *
 * @param files called at each look, since it is the new inode that is expected once a file was replaced
 */
async function watchFiles(
  files: () => readonly Mapping[],
  { signal, onReplaced, onGone }: {
    signal: AbortSignal;
    onReplaced: (path: string) => Promise<void>;
    onGone: (path: string) => Promise<void>;
  },
): Promise<void> {
  const directories = [...new Set(files().map(({ hostPath }) => dirname(hostPath)))];
  using watcher = Deno.watchFs(directories, { recursive: false });
  let isClosed = false;
  const stop = (): void => {
    if (!isClosed) watcher.close();
    isClosed = true;
  };
  signal.addEventListener("abort", stop, { once: true });
  /** When a file was first found missing, by its path; Infinity once that is told. */
  const missing = new Map<string, number>();
  let looking = Promise.resolve();
  let failure: unknown;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      looking = looking.then(look).catch((error) => {
        failure ??= error;
        stop();
      });
    }, delayMs);
  };
  const look = async (): Promise<void> => {
    for (const file of files()) {
      if (signal.aborted) return;
      const held = await holdFile(file.hostPath);
      const isExpected = held && isSameInode(held.stat(), file);
      held?.close();
      if (held) missing.delete(file.hostPath);
      if (held && !isExpected) await onReplaced(file.hostPath);
      if (!held) await lookForMissing(file.hostPath);
    }
  };
  const lookForMissing = async (path: string): Promise<void> => {
    const since = missing.get(path) ?? performance.now();
    missing.set(path, since);
    if (since === Infinity) return;
    if (performance.now() - since < missingMs) return schedule();
    missing.set(path, Infinity);
    await onGone(path);
  };
  // Something may have happened before the watch began.
  schedule();
  try {
    for await (const { kind } of watcher) if (kind !== "access") schedule();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await looking;
  }
  if (failure !== undefined) throw failure;
}
