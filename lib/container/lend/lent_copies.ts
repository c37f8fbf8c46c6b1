/**
 * Files lent as copies: to a container on another machine, or where an app may replace the file to save it. Each is put
 * on record before it is sent. When it is taken back, the container's version is fetched, and the copy removed once
 * that version is safe on the host.
 */

import { delay } from "@std/async";
import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { moveFile, removeFile } from "../../base/files.ts";
import { graceMs } from "../../base/lock.ts";
import { mapSome } from "../../base/promises.ts";
import { engineLine, type Instance, labelOf } from "../../engine/engine.ts";
import { exec } from "../../engine/exec.ts";
import { findInstance } from "../../engine/instance.ts";
import { scriptLine } from "../address.ts";
import { isDisposableName } from "../names.ts";
import { formatUser } from "../user.ts";
import { contentOf } from "./content.ts";
import { maxVersion, readArgv, readBack, removeLentCopy, sendCopy } from "./copy_transfer.ts";
import { bringHanded } from "./handed_version.ts";
import { openInode } from "./held_file.ts";
import { copyFiles, forgetLoans, lockCopy, noteBack, readCopy, withJournalLock, writeCopies } from "./journal.ts";
import type { Content, LentCopy, TakeBackOptions, Tell } from "./loan.ts";
import { type FileInside, finishUnmap, makeDirectories } from "./open_files.ts";
import { type LendOptions, newLoan, type SourceFile } from "./source_file.ts";
import { contentHere, endWriting, planReturn, putBeside, writeBack } from "./write_back.ts";

/** The number of concurrent transfers: a small one spends most of its time waiting. */
const atOnce = 4;

/** The maximum size of a file that an app saves to a newly chosen place, in bytes. */
const maxSaved = 2 * 2 ** 30;

/** How often to read a copy that keeps changing while it is taken back. */
const maxRounds = 5;

/** Lends all of the files; on failure, `undo` takes them back. Each is on record before it is sent to the container. */
export async function lendCopies(
  host: Host,
  files: readonly Pick<SourceFile, "path" | "state">[],
  options: LendOptions,
): Promise<LentCopy[]> {
  const { instance, user, undo, saving } = options;
  const copies = files.map((file): LentCopy => ({
    ...newLoan(file, options),
    user: formatUser(user),
    lent: null,
    // The limit is fixed here, so that it does not grow each time a file is saved.
    maxBytes: saving ? maxSaved : maxVersion(file.state.size),
    ...(saving ? { saving } : {}),
  }));
  undo.add("take the files back", (cleaning) => takeBackCopies(cleaning, instance, copies));
  await writeCopies(host, copies);
  if (saving) await makeDirectories(host, instance, { user, paths: copies.map((copy) => copy.containerPath) });
  const act = async (copy: LentCopy): Promise<LentCopy[]> => {
    using _lock = await lockCopy(host, copy);
    host.signal.throwIfAborted();
    // Another run may have taken it back already.
    if (await host.look(copy, () => readCopy(host, copy)) === undefined) return [];
    using file = await openInode(copy.hostPath, copy);
    if (!file) throw new UserError(`"${copy.hostPath}" was replaced while it was lent`, { hint: "Try it again" });
    const lent = saving ? await contentOf(file) : await sendCopy(host, instance, { copy, file });
    const done = { ...copy, lent };
    await writeCopies(host, [done]);
    return [done];
  };
  return (await mapSome(copies, { atOnce, act })).flat();
}

/**
 * Fetches the container's version of a copy that stays lent. A version that is still being written is left for later.
 *
 * @returns whether the two sides now conflict, since both were changed: the user is told
 */
export async function bringVersion(host: Host, instance: Instance, record: Pick<LentCopy, "id">): Promise<boolean> {
  using _lock = await lockCopy(host, record);
  const known = await readCopy(host, record);
  if (!known?.lent) return false;
  const copy = await finishOwnWriting(host, known);
  const { part, back, old } = copyFiles(host, copy);
  const found = await readBack(host, instance, copy, { lent: copy.lent!, part });
  if (typeof found === "string" || !found.content) return false;
  await moveFile(part, back);
  const again = await readBack(host, instance, copy, { lent: found.content, part });
  if (typeof again === "string" || again.content || again.found !== found.found) return false;
  const hasConflict = await writeVersion(host, copy, { container: found.content, label: labelOf(instance) });
  const { saving: _, ...rest } = copy;
  await writeCopies(host, [{ ...rest, lent: found.content, isChanged: true }]);
  for (const path of [old, back, part]) await removeFile(path);
  return hasConflict;
}

/**
 * Writes the container's version, which is in the journal if it has changed, to the host's file, or puts it beside the
 * file.
 *
 * @returns whether it is beside the file: the user is told
 */
async function writeVersion(
  host: Host,
  copy: LentCopy,
  { container, label, tell = host.ui.warn }: { container: Content; label: string; tell?: Tell },
): Promise<boolean> {
  const { action, because } = planReturn(copy.lent!, { container, here: await contentHere(copy), label });
  if (action === "nothing" && because) tell(`"${copy.hostPath}" ${because}`);
  if (action === "nothing" || action === "write" && await writeBack(host, { copy, wanted: container })) return false;
  const beside = await putBeside(host, copy, { source: copyFiles(host, copy).back, content: container });
  const why = because ?? `cannot be written now; the version from "${label}" is`;
  tell(`"${copy.hostPath}" ${why} "${beside}"`);
  return true;
}

/** Removes a file that was made for an app to save to, if nothing was saved. */
async function removeUnused(host: Host, copy: LentCopy): Promise<void> {
  if (!copy.saving?.made) return;
  const here = await contentHere(copy);
  if (typeof here !== "string" && here.size === 0) await host.run(["rm", "-f", "--", copy.hostPath]);
}

/**
 * Takes copies back from one container. Those that cannot be taken back now stay there, and on record.
 *
 * @param options `wasKilled`: skips copies that another run is just taking back
 * @returns the loans that have ended although their copies did not come back
 * @throws the first error, after everything possible is done
 */
export async function takeBackCopies(
  host: Host,
  instance: Instance,
  copies: readonly LentCopy[],
  { wasKilled = false, tell = host.ui.warn }: TakeBackOptions = {},
): Promise<LentCopy[]> {
  if (copies.length === 0) return [];
  const lost: LentCopy[] = [];
  const ended: FileInside[] = [];
  const failures: Error[] = [];
  let isThere = await host.look(true, () => isRunning(host, instance));
  const act = async (copy: LentCopy): Promise<void> => {
    try {
      using lock = await lockCopy(host, { id: copy.id, wait: !wasKilled });
      const known = await host.look(copy, () => lock && readCopy(host, copy));
      // Another run is just transferring it, or has taken it back.
      if (!known) return void (lock ?? lost.push(copy));
      const now = await host.look(known, () => finishOwnWriting(host, known, tell));
      const inside = await endCopy(host, instance, now, { wasKilled, isThere, tell });
      const isChanged = (await readCopy(host, now))?.isChanged === true;
      await withJournalLock(host, () => forgetLoans(host, [now]));
      // The run that handed it over waits for this.
      if (now.handed) await host.run(["rm", "-f", "--", now.hostPath]);
      if (isThere) await noteBack(host, copy, isChanged);
      else lost.push(copy);
      if (inside) ended.push(inside);
    } catch (error) {
      // The container may have been deleted meanwhile.
      const isGone = isThere && await findInstance(host, instance).then((found) => !found, () => false);
      if (!isGone) return void failures.push(error as Error);
      isThere = false;
      await act(copy);
    }
  };
  await mapSome(copies, { atOnce, act });
  try {
    const effect = ": what is saved there now does not come back";
    const open = ended.length > 0 ? await finishUnmap(host, instance, { files: ended, effect }) : [];
    for (const finding of open) tell(finding);
  } catch (error) {
    failures.push(error as Error);
  }
  const [, ...others] = new Set(failures.map(({ message }) => message));
  for (const message of others) host.ui.warn(message);
  if (failures.length > 0) throw failures[0];
  return lost;
}

/**
 * Whether a container exists and runs.
 *
 * @throws {UserError} when it exists but does not run: nothing can be taken back from it safely
 */
async function isRunning(host: Host, instance: Instance): Promise<boolean> {
  const found = await findInstance(host, instance);
  if (!found || found.status === "Running") return found !== undefined;
  const label = labelOf(instance);
  const { engine } = instance;
  const lines = [engineLine(engine, ["start", label]), scriptLine(engine, ["map.ts", "--unmap", label])];
  throw new UserError(`The files lent to "${label}" stay there: it is not running`, {
    hint: `Start it, then take them back: ${lines.join(", then ")}`,
  });
}

/**
 * Completes the writing of a copy to its file on the host, if it was interrupted. Needs no engine.
 *
 * @param options see {@linkcode takeBackCopies}
 */
export async function finishWriting(
  host: Host,
  { id }: Pick<LentCopy, "id">,
  { wasKilled = false }: TakeBackOptions,
): Promise<void> {
  using lock = await lockCopy(host, { id, wait: !wasKilled });
  const copy = lock && await readCopy(host, { id });
  if (copy) await finishOwnWriting(host, copy);
}

/** The same, under the copy's lock. Returns the updated record. */
async function finishOwnWriting(host: Host, copy: LentCopy, tell: Tell = host.ui.warn): Promise<LentCopy> {
  const lent = await endWriting(host, copy, tell);
  if (!lent) return copy;
  const now = { ...copy, lent };
  await writeCopies(host, [now]);
  await removeFile(copyFiles(host, copy).old);
  return now;
}

/**
 * Takes one copy back, under its lock. Afterwards its record is no longer needed.
 *
 * @returns the file in the container whose last version was fetched
 */
async function endCopy(
  host: Host,
  instance: Instance,
  record: LentCopy,
  { wasKilled, isThere, tell }: { wasKilled: boolean; isThere: boolean; tell: Tell },
): Promise<FileInside | undefined> {
  const { hostPath, containerPath, readOnly } = record;
  const label = labelOf(instance);
  const remove = async (found: string): Promise<boolean> => {
    const removal = await removeLentCopy(host, instance, { copy: record, found });
    if (removal === "stuck") tell(`"${label}" does not let its copy of "${hostPath}" be removed: "${containerPath}"`);
    return removal !== "changed";
  };
  if (!isThere) {
    if (record.saving) await removeUnused(host, record);
    else if (record.lent && (!readOnly || record.handed)) {
      const here = record.handed ? "" : "; that stays as it is here";
      const gone = `"${label}" is gone, and with it its copy of "${hostPath}"${here}`;
      // A missing disposable copy was removed by another run, not renamed.
      const renamed = `. If the container was renamed or moved, the copy is "${containerPath}" in it`;
      tell(isDisposableName(instance.name) ? gone : gone + renamed);
    }
    return undefined;
  }
  if (record.lent === null || readOnly) {
    if (wasKilled && record.lent === null) {
      await removeLentCopy(host, instance, { copy: record, found: "" });
      await delay(graceMs);
    }
    const became = record.handed &&
      await host.look(undefined, () => bringHanded(host, instance, { copy: record, tell }));
    if (became === "changed") await writeCopies(host, [{ ...record, isChanged: true }]);
    if (became !== "stays") await remove("");
    await removeUnused(host, record);
    return undefined;
  }
  let copy = record;
  for (let round = 1; round <= maxRounds; round++) {
    const lent = copy.lent!;
    const { part, back, old } = copyFiles(host, copy);
    const found = await host.change(
      () => exec(host, instance, readArgv(copy, { size: "<SIZE>", sha256: "<SHA256>" })),
      () => readBack(host, instance, copy, { lent, part }),
    ) ?? { found: "", dev: 0, ino: 0, content: undefined };
    if (typeof found === "string") {
      const became = found === "gone" ? "was removed" : "is no longer a regular file";
      // Only its directory is left.
      if (found === "gone") await remove("");
      if (copy.saving) await removeUnused(host, copy);
      else tell(`"${hostPath}" ${became} in "${label}"; it stays as it is here`);
      return undefined;
    }
    const container = found.content ?? lent;
    if (found.content) await moveFile(part, back);
    await host.change(
      () => host.run(["cp", "--no-target-directory", "--", back, hostPath]),
      () => writeVersion(host, copy, { container, label, tell }),
    );
    copy = { ...copy, lent: container, ...found.content ? { isChanged: true } : {} };
    await writeCopies(host, [copy]);
    await host.look(undefined, () => removeFile(old));
    if (await remove(found.found)) return { ...found, containerPath };
  }
  throw new UserError(`"${label}" changes its copy of "${hostPath}" again and again`, {
    hint: "Close what writes to it, then run map.ts --unmap",
  });
}
