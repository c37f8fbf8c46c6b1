/** Follows mapped files: when an editor replaces a file, the container gets the new one. */

import type { Host } from "../base/host.ts";
import { abortable, delay } from "@std/async";
import { dirname } from "@std/path";
import { isFailure } from "../base/errors.ts";
import { holdFile, isSameInode } from "../container/lend/held_file.ts";
import { isMapping, type Loan, type Mapping } from "../container/lend/loan.ts";
import { mapReplacement } from "../container/lend/mappings.ts";
import { checkFile, type FileRules, type SourceFile } from "../container/lend/source_file.ts";
import type { Instance } from "../engine/engine.ts";

/** How long after an event the files are looked at, in milliseconds: an editor saves in several steps. */
const delayMs = 150;

/** How long a file may be missing before the user is warned, in milliseconds. */
const missingMs = 2_000;

export interface FollowOptions {
  /** What is lent. Each new file takes the old one's place in this array; copies need no following. */
  loans: Loan[];
  /** What decides whether a new file can be lent. */
  rules: FileRules;
  tell(text: string): Promise<void>;
  signal: AbortSignal;
}

/**
 * Watches mapped files until the signal aborts. Gives the container each file that replaces one of them. Tells the user
 * when a new file cannot be mapped, which the container then does not get, and when a file is gone.
 */
export async function followReplacements(
  host: Host,
  container: Instance,
  { loans, rules, tell, signal }: FollowOptions,
): Promise<void> {
  const { ui } = host;
  /** The inodes that are not mapped and that the user was warned of, by path. */
  const refused = new Map<string, number>();
  const onReplaced = async (old: Mapping): Promise<void> => {
    const { hostPath: path, instance } = old;
    let file: SourceFile | undefined;
    try {
      file = await checkFile(path, rules);
      if (refused.get(path) === file.state.ino) return file.file.close();
      const replacement = await mapReplacement(host, container, { old, source: file });
      if (replacement) {
        loans[loans.indexOf(old)] = replacement;
        old.file?.close();
        ui.status(`"${path}" was replaced; "${instance}" has the new file now`);
      } else {
        refused.set(path, file.state.ino);
        ui.status(`"${path}" was replaced, but had already been taken back from "${instance}"`);
      }
    } catch (error) {
      if (!isFailure(error)) throw error;
      if (file) refused.set(path, file.state.ino);
      await tell(`"${path}" was replaced, and "${instance}" keeps the old file: ${error.message}`);
    }
  };
  /** When a file was first found missing, by its path; Infinity once the user is warned. */
  const missing = new Map<string, number>();
  /** Returns whether a file is to be looked at again soon. */
  const onMissing = async ({ hostPath: path, instance }: Mapping): Promise<boolean> => {
    const since = missing.get(path) ?? performance.now();
    missing.set(path, since);
    if (since === Infinity) return false;
    if (performance.now() - since < missingMs) return true;
    missing.set(path, Infinity);
    await tell(`"${path}" is gone, but "${instance}" still has the file`);
    return false;
  };
  const look = async (): Promise<boolean> => {
    let isSoon = false;
    for (const mapping of loans.filter(isMapping)) {
      if (signal.aborted) return false;
      using held = await holdFile(mapping.hostPath);
      if (!held) isSoon = await onMissing(mapping) || isSoon;
      else {
        missing.delete(mapping.hostPath);
        if (!isSameInode(held.stat(), mapping)) await onReplaced(mapping);
      }
    }
    return isSoon;
  };
  try {
    const paths = loans.filter(isMapping).map(({ hostPath }) => dirname(hostPath));
    if (paths.length > 0) await lookAtChanges([...new Set(paths)], { signal, look });
  } catch (error) {
    await tell(`Replacements of lent files will not be noticed: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Calls `look` at first, and after changes in these directories, until the signal aborts.
 *
 * @param options `look`: returns whether it is to be called again without a change
 * @throws the error of `look`
 */
async function lookAtChanges(
  directories: string[],
  { signal, look }: { signal: AbortSignal; look: () => Promise<boolean> },
): Promise<void> {
  const watcher = Deno.watchFs(directories, { recursive: false });
  let changed = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const { kind } of watcher) if (kind !== "access") changed.resolve();
  })();
  // Something may have happened before the watch began.
  changed.resolve();
  try {
    for (;;) {
      await abortable(Promise.race([changed.promise, watching]), signal);
      changed = Promise.withResolvers();
      await delay(delayMs, { signal });
      if (await look()) changed.resolve();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    watcher.close();
  }
}
