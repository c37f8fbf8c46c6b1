/**
 * Saves a container's version of a mapped file that was deleted on the host. Removing the device would destroy it, so
 * it is first put at the file's former place, under another name.
 */

import type { Host } from "../../base/host.ts";
import { isFailure, orElse } from "../../base/errors.ts";
import { moveFile, removeFile } from "../../base/files.ts";
import { all } from "../../base/promises.ts";
import { type Instance, labelOf } from "../../engine/engine.ts";
import { findInstance, type InstanceInfo } from "../../engine/instance.ts";
import { formatUser, userOf } from "../user.ts";
import { type FoundCopy, maxVersion, readBack } from "./copy_transfer.ts";
import { copyFiles } from "./journal.ts";
import type { Content, LentCopy, Mapping } from "./loan.ts";
import { isGone } from "./restore.ts";
import { putBeside } from "./write_back.ts";

/**
 * The time limit for the container to send all of them, in milliseconds. After that, the files are taken back without
 * their versions, in the rest of `takeBackMs`.
 */
const maxReadMs = 45_000;

/** A content that no file has, so that {@linkcode readBack} always fetches the file. */
const nothing: Content = { size: -1, sha256: "" };

/** The result of {@linkcode keepLastVersions}. */
export interface Kept {
  findings: string[];
  /** Files whose versions cannot be saved now: they must stay lent. */
  stuck: Mapping[];
  /** The error for the first of them. */
  failure: Error | undefined;
}

/**
 * Saves the container's versions of mapped files that are deleted on the host, and that the container has written to,
 * in their former directories.
 */
export async function keepLastVersions(host: Host, instance: Instance, mapped: readonly Mapping[]): Promise<Kept> {
  const kept: Kept = { findings: [], stuck: [], failure: undefined };
  const writable = mapped.filter(({ readOnly, restored }) => !readOnly && !restored);
  const gone = (await Promise.all(writable.map(async (mapping) => await isGone(mapping) ? [mapping] : []))).flat();
  if (gone.length === 0) return kept;
  const found = await orElse(findInstance(host, instance), isFailure, (error) => error);
  if (found instanceof Error) return { ...kept, stuck: gone, failure: found };
  if (found?.status !== "Running") return kept;
  const reading = host.forCleanup(AbortSignal.any([host.signal, AbortSignal.timeout(maxReadMs)]));
  const act = async (mapping: Mapping): Promise<void> => {
    try {
      kept.findings.push(...await keepLastVersion(host, found, { reading, mapping }));
    } catch (error) {
      host.signal.throwIfAborted();
      // For example a full disk, which the container may have filled. The other files must still be taken back.
      kept.stuck.push(mapping);
      kept.failure ??= error as Error;
    }
  };
  await all(gone.map(act));
  return kept;
}

/**
 * Like {@linkcode keepLastVersions}, for one file. Returns the findings.
 *
 * @throws {UserError} when its version cannot be saved there
 */
async function keepLastVersion(
  host: Host,
  container: InstanceInfo,
  { reading, mapping }: { reading: Host; mapping: Mapping },
): Promise<string[]> {
  const { hostPath, ino, size, writtenMs } = mapping;
  const label = labelOf(container);
  const user = formatUser(userOf(container));
  const copy: LentCopy = { ...mapping, user, lent: nothing, maxBytes: maxVersion(size) };
  const { part, back } = copyFiles(host, copy);
  let found: FoundCopy | "gone" | "other";
  try {
    found = await readBack(reading, container, copy, { lent: nothing, part });
  } catch (error) {
    host.signal.throwIfAborted();
    if (!isFailure(error) && !reading.signal.aborted) throw error;
    const why = isFailure(error) ? error.message : "it took too long";
    return [`"${label}" does not send its version of "${hostPath}", which is lost: ${why}`];
  }
  try {
    // After a restart of the container, something else is at the path.
    if (typeof found === "string" || !found.content || found.ino !== ino) return [];
    if (!isWritten(found.found, writtenMs)) return [];
    await moveFile(part, back);
    const beside = await putBeside(host, copy, { source: back, content: found.content });
    return [`The version of "${hostPath}" from "${label}" is "${beside}"; the file itself is deleted`];
  } finally {
    for (const path of [part, back]) await removeFile(path);
  }
}

/**
 * Whether a file was written to after a time, in milliseconds since 1970.
 *
 * @param found the line of read_copy.sh, with the modification time as in `2026-01-02 03:04:05.123456789 +0100`
 */
export function isWritten(found: string, sinceMs: number): boolean {
  const [, day, time, zone] = / (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d* ([+-]\d{4}) /.exec(found) ?? [];
  // If the time cannot be parsed, the version is kept.
  return day === undefined || !(Date.parse(`${day}T${time}${zone}`) <= Math.floor(sinceMs));
}
