/** Watches mapped files: when an editor replaces a file, the container gets the new one. */

import type { Host } from "../base/host.ts";
import { delay } from "@std/async";
import { isFailure } from "../base/errors.ts";
import { holdFile, isSameInode } from "../container/lend/held_file.ts";
import { isMapping, type Loan, type Mapping } from "../container/lend/loan.ts";
import { mapReplacement } from "../container/lend/mappings.ts";
import { checkFile, type FileRules, type SourceFile } from "../container/lend/source_file.ts";
import type { Instance } from "../engine/engine.ts";

/** How often the files are checked, in milliseconds: inotify does not report changes that others make over NFS. */
const lookMs = 1_000;

/** After how many checks in a row without the file the user is warned: an editor saves in several steps. */
const maxMissing = 2;

export interface FollowOptions {
  /** The loans. Each replacement takes the old loan's place in this array; copies are not watched. */
  loans: Loan[];
  /** The rules by which a new file can be lent. */
  rules: FileRules;
  tell(text: string): Promise<void>;
  signal: AbortSignal;
}

/**
 * Checks mapped files until the signal aborts, and gives the container each file that replaces one of them. Tells the
 * user when a new file cannot be mapped, so that the container keeps the old one, and when a file is gone.
 */
export async function followReplacements(
  host: Host,
  container: Instance,
  { loans, rules, tell, signal }: FollowOptions,
): Promise<void> {
  const { ui } = host;
  /** The inodes that could not be mapped, and that the user was told about, by path. */
  const refused = new Map<string, number>();
  const onReplaced = async (old: Mapping): Promise<void> => {
    const { hostPath: path, instance } = old;
    let file: SourceFile | undefined;
    try {
      file = await checkFile(path, rules);
      if (refused.get(path) === file.state.ino) return file.file.close();
      const replacement = await mapReplacement(host, container, { old, source: file, tell });
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
  /** How often in a row each file was missing, by path. */
  const missing = new Map<string, number>();
  const look = async (): Promise<void> => {
    for (const mapping of loans.filter(isMapping)) {
      const { hostPath: path, instance } = mapping;
      using held = await holdFile(path);
      const times = held ? 0 : (missing.get(path) ?? 0) + 1;
      missing.set(path, times);
      if (times === maxMissing) await tell(`"${path}" is gone, but "${instance}" still has the file`);
      if (held && !isSameInode(held.stat(), mapping)) await onReplaced(mapping);
      if (signal.aborted) return;
    }
  };
  try {
    while (!signal.aborted && loans.some(isMapping)) {
      await look();
      await delay(lookMs, { signal }).catch(() => {});
    }
  } catch (error) {
    await tell(`Replacements of lent files will not be noticed: ${error instanceof Error ? error.message : error}`);
  }
}
