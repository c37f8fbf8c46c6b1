/**
 * Files lent as copies, to a container that is on another machine: each is on record first, then it is put there. What
 * the container has made of it comes back at the end, and the copy is removed once that is safe here.
 */

import { delay } from "@std/async";
import { ExitCode, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { moveFile, settleMs } from "../base/record.ts";
import { mapSome } from "../base/settle.ts";
import type { Undo } from "../base/undo.ts";
import { scriptLine } from "../container/place.ts";
import { formatUser } from "../container/user.ts";
import { type Engine, engineLine, engineOn, type Instance, labelOf } from "../engine/engine.ts";
import { findInstance } from "../engine/instance.ts";
import { contentHere, endWriting, putBeside, writeBack } from "./write_back.ts";
import { contentOf, openInode } from "./content.ts";
import { planReturn } from "./copy_plan.ts";
import { type FoundCopy, maxVersion, readBack, removeLentCopy, sendCopy } from "./copy_transfer.ts";
import { copyFiles, forgetCopy, readCopy, tryWithCopyLock, withCopyLock, writeCopies } from "./journal.ts";
import { makeMapsDirectory } from "./devices.ts";
import type { Content, LentCopy } from "./loan.ts";
import { type Lending, type LendOptions, maxUnmapMs } from "./lending.ts";
import { finishUnmap } from "./open_files.ts";
import { newLoan, type SourceFile } from "./source_file.ts";
import { withRemote } from "../engine/server.ts";

/** How many copies are on their way at once: most of the time of a small one is spent waiting. */
const atOnce = 4;

/** The largest file that comes from a container which was asked for nothing but a place to save to, in bytes. */
const maxSaved = 2 * 2 ** 30;

/** How often a copy is read that changes again and again while it is taken back. */
const maxRounds = 5;

/** How much longer taking back may take for each byte of lent copies: as on a link of 2 Mbit/s. */
const msPerByte = 1 / 256;

/** Lends copies of files, which are not looked after: what happens to a file is found out when its copy comes back. */
export function lendAsCopies(files: readonly SourceFile[], options: LendOptions): Lending {
  const { engine } = options;
  const copies: LentCopy[] = [];
  return {
    async lend(undo) {
      copies.push(...await lendCopies(files, { ...options, undo }));
    },
    loans: () => copies,
    keep: () => keepCopies(engine.host, copies),
    follow: () => Promise.resolve(),
    takeBack: (engine) => takeBackCopies(engine, copies),
    deadlineMs: () => maxUnmapMs + copies.reduce((sum, { lent }) => sum + (lent?.size ?? 0), 0) * msPerByte,
  };
}

/**
 * Lends all of the files; on failure, `undo` takes them back. Each is on record before it is put into the container.
 */
export async function lendCopies(
  files: readonly SourceFile[],
  { undo, ...options }: LendOptions & { undo: Undo },
): Promise<LentCopy[]> {
  const { engine } = options;
  const { host } = engine;
  const copies = files.map((file) => newCopy(file, options));
  undo.add("take the files back", async (cleaning) => {
    for (const finding of await takeBackCopies(engineOn(engine, cleaning), copies)) host.ui.warn(finding);
  });
  await writeCopies(host, copies);
  const act = (copy: LentCopy): Promise<LentCopy[]> =>
    withCopyLock(host, copy, async () => {
      host.signal.throwIfAborted();
      // Another run may have taken it back already.
      if (await readCopy(host, copy) === undefined) return [];
      using file = await openInode(copy.hostPath, copy);
      if (!file) throw new UserError(`"${copy.hostPath}" was replaced while it was lent`, { hint: "Try it again" });
      const lent = await sendCopy(engine, copy, file);
      const done = { ...copy, lent, ...(copy.session === undefined ? {} : { maxBytes: maxVersion(lent.size) }) };
      await writeCopies(host, [done]);
      return [done];
    });
  return (await mapSome(copies, { atOnce, act })).flat();
}

/** The record of a file that is to be lent. */
function newCopy(
  file: Pick<SourceFile, "path" | "state">,
  options: LendOptions,
): LentCopy {
  return { ...newLoan(file, options), user: formatUser(options.user), lent: null };
}

/**
 * Gives a file to save to: puts it on record, as if a copy of it were lent, and makes the directory in the container.
 *
 * @param options `made`: the file was made for this, and is removed again when nothing was saved
 */
export async function lendForSaving(
  file: Pick<SourceFile, "path" | "state">,
  { made, ...options }: LendOptions & { made: boolean },
): Promise<LentCopy> {
  const { engine, instance, user } = options;
  const copy = newCopy(file, options);
  using opened = await openInode(copy.hostPath, copy);
  if (!opened) throw new UserError(`"${copy.hostPath}" was replaced while it was lent`, { hint: "Try it again" });
  const record = { ...copy, lent: await contentOf(opened), saving: { made }, maxBytes: maxSaved };
  await writeCopies(engine.host, [record]);
  await makeMapsDirectory({ engine, name: instance }, user);
  return record;
}

/**
 * Brings home what the container has made of a copy, while the copy stays lent. A version that is just being written is
 * left for later.
 *
 * @returns what the user should know, and whether the two sides differ now, since both were changed
 */
export async function bringVersion(
  engine: Engine,
  record: Pick<LentCopy, "id">,
): Promise<{ findings: string[]; isParted: boolean }> {
  const { host } = engine;
  return await withCopyLock(host, record, async () => {
    const nothing = { findings: [], isParted: false };
    const known = await readCopy(host, record);
    if (!known?.lent) return nothing;
    const { copy, findings } = await finishOwnWriting(host, known);
    const files = copyFiles(host, copy);
    const read = async (lent: Content): Promise<FoundCopy | "gone" | "other"> => {
      try {
        return await readBack(engine, copy, { lent, part: files.part });
      } catch (error) {
        await Deno.remove(files.part).catch(() => {});
        throw error;
      }
    };
    const found = await read(copy.lent!);
    if (typeof found === "string" || !found.content) return { findings, isParted: false };
    await moveFile(files.part, files.back);
    const again = await read(found.content);
    if (typeof again === "string" || again.content || again.found !== found.found) return { findings, isParted: false };
    const label = withRemote(engine.server, copy.instance);
    const { isParted, told } = await writeVersion(host, copy, { container: found.content, label });
    const { saving: _, ...rest } = copy;
    await writeCopies(host, [{ ...rest, lent: found.content }]);
    for (const path of [files.old, files.back, files.part]) await Deno.remove(path).catch(() => {});
    return { findings: [...findings, ...told], isParted };
  });
}

/**
 * Writes the version of the container, which is in the journal, to the host's file, or puts it beside it.
 *
 * @returns what the user should know, and whether it is beside the file
 */
async function writeVersion(
  host: Host,
  copy: LentCopy,
  { container, label }: { container: Content; label: string },
): Promise<{ told: string[]; isParted: boolean }> {
  const { action, because } = planReturn(copy.lent!, { container, here: await contentHere(copy), label });
  if (action === "nothing" || action === "write" && await writeBack(host, copy, container)) {
    return { told: [], isParted: false };
  }
  const beside = await putBeside(host, copy, { source: copyFiles(host, copy).back, content: container });
  const why = because ?? `cannot be written now; what "${label}" has made of it is`;
  return { told: [`"${copy.hostPath}" ${why} "${beside}"`], isParted: true };
}

/** Removes a file that was made to save to, if nothing was saved. */
async function removeUnused(host: Host, copy: LentCopy): Promise<void> {
  if (!copy.saving?.made) return;
  const here = await contentHere(copy);
  if (typeof here !== "string" && here.size === 0) await host.run(["rm", "-f", "--", copy.hostPath]);
}

/**
 * Lets copies stay in the container when the run that has lent them ends.
 *
 * @returns those that no other run has taken back meanwhile
 */
export async function keepCopies(host: Host, copies: readonly LentCopy[]): Promise<LentCopy[]> {
  const kept: LentCopy[] = [];
  for (const copy of copies) {
    await withCopyLock(host, copy, async () => {
      const now = await readCopy(host, copy);
      if (!now) return;
      await writeCopies(host, [{ ...now, owner: null }]);
      kept.push(copy);
    });
  }
  return kept;
}

/**
 * Takes back copies from one container. What cannot be taken back now stays there, and on record, for the next time.
 *
 * @param options `settle`: the run that has lent them was killed; a program of it may still write to them. What another
 * run takes back just now is left to that run
 * @returns what was found that the user should know
 * @throws the first error, when all is done that can be done
 */
export async function takeBackCopies(
  engine: Engine,
  copies: readonly LentCopy[],
  { settle = false }: { settle?: boolean } = {},
): Promise<string[]> {
  if (copies.length === 0) return [];
  const { host } = engine;
  const { instance } = copies[0]!;
  const label = withRemote(engine.server, instance);
  const findings: string[] = [];
  const ended: (FoundCopy["inode"] & Pick<LentCopy, "bornMs" | "containerPath">)[] = [];
  const failures: Error[] = [];
  const isThere = await isRunning({ engine, name: instance });
  const withLock = settle ? tryWithCopyLock : withCopyLock;
  const act = async (copy: LentCopy): Promise<void> => {
    try {
      await withLock(host, copy, async () => {
        const now = await readCopy(host, copy);
        if (!now) return;
        const one = await takeCopyBack(engine, now, { settle, isThere });
        findings.push(...one.findings);
        if (one.inode) ended.push({ ...one.inode, bornMs: null, containerPath: copy.containerPath });
      });
    } catch (error) {
      failures.push(error as Error);
    }
  };
  await mapSome(copies, { atOnce, act });
  try {
    for (
      const { containerPath, programs } of ended.length > 0 ? await finishUnmap({ engine, name: instance }, ended) : []
    ) {
      findings.push(
        `${
          programs.join(", ")
        } in "${label}" still has "${containerPath}" open: what is saved there now does not come back`,
      );
    }
  } catch (error) {
    failures.push(error as Error);
  }
  if (failures.length === 0) return findings;
  for (const finding of findings) host.ui.warn(finding);
  const [, ...others] = new Set(failures.map(({ message }) => message));
  for (const message of others) host.ui.warn(message);
  throw failures[0];
}

/**
 * Whether a container is there, running.
 *
 * @throws {UserError} when it is there and does not run: nothing can be taken from it safely
 */
async function isRunning(instance: Instance): Promise<boolean> {
  const { engine } = instance;
  const found = await findInstance(instance);
  if (!found || found.status === "Running") return found !== undefined;
  const label = labelOf(instance);
  throw new UserError(`The files lent to "${label}" stay there: it does not run`, {
    hint: `Start it, then take them back: ${engineLine(engine, ["start", labelOf(instance)])}, then ${
      scriptLine(engine, ["map.ts", "--unmap", label])
    }`,
    exitCode: ExitCode.failed,
  });
}

/**
 * Ends the writing of a copy to its file on the host, if it was cut off. No engine is needed for that.
 *
 * @param options see {@linkcode takeBackCopies}
 * @returns what the user should know
 */
export async function finishWriting(
  host: Host,
  { id }: Pick<LentCopy, "id">,
  { settle = false }: { settle?: boolean } = {},
): Promise<string[]> {
  const withLock = settle ? tryWithCopyLock : withCopyLock;
  return await withLock(host, { id }, async () => {
    const copy = await readCopy(host, { id });
    return copy ? (await finishOwnWriting(host, copy)).findings : [];
  }) ?? [];
}

/** The same, under the copy's lock. Returns the record as it is then, too. */
async function finishOwnWriting(host: Host, copy: LentCopy): Promise<{ copy: LentCopy; findings: string[] }> {
  const written = await endWriting(host, copy);
  if (!written) return { copy, findings: [] };
  const now = { ...copy, lent: written.content };
  await writeCopies(host, [now]);
  await Deno.remove(copyFiles(host, copy).old);
  return { copy: now, findings: written.findings };
}

/** Takes one copy back, under its lock. */
async function takeCopyBack(
  engine: Engine,
  record: LentCopy,
  { settle, isThere }: { settle: boolean; isThere: boolean },
): Promise<{ findings: string[]; inode?: FoundCopy["inode"] }> {
  const { host } = engine;
  const label = withRemote(engine.server, record.instance);
  const files = copyFiles(host, record);
  const { copy: finished, findings } = await finishOwnWriting(host, record);
  let copy = finished;
  const save = async (changes: Partial<LentCopy>): Promise<void> => {
    copy = { ...copy, ...changes };
    await writeCopies(host, [copy]);
  };
  if (!isThere) {
    if (copy.saving) await removeUnused(host, copy);
    else if (copy.lent && !copy.readOnly && !copy.isSafe) {
      findings.push(
        `"${label}" is gone, and with it its copy of "${copy.hostPath}"; that stays as it is here. ` +
          `If the container was renamed or moved, the copy is "${copy.containerPath}" in it`,
      );
    }
    await forgetCopy(host, copy);
    return { findings };
  }
  if (copy.lent === null || copy.readOnly) {
    let removal = await removeLentCopy(engine, copy, "");
    if (settle && copy.lent === null) {
      await delay(settleMs);
      removal = await removeLentCopy(engine, copy, "");
    }
    if (removal === "stuck") findings.push(stuckCopy(copy, label));
    await forgetCopy(host, copy);
    return { findings };
  }
  for (let round = 1; round <= maxRounds; round++) {
    const lent = copy.lent!;
    const found = await readBack(engine, copy, { lent, part: files.part }).catch(async (error) => {
      await Deno.remove(files.part).catch(() => {});
      throw error;
    });
    if (typeof found === "string" && copy.isSafe) {
      await forgetCopy(host, copy);
      return { findings };
    }
    const container = typeof found === "string" ? found : found.content ?? lent;
    const { because } = planReturn(lent, { container, here: await contentHere(copy), label });
    if (typeof found === "string" || typeof container === "string") {
      if (copy.saving) await removeUnused(host, copy);
      else findings.push(`"${copy.hostPath}" ${because}`);
      await forgetCopy(host, copy);
      return { findings };
    }
    if (found.content) {
      await moveFile(files.part, files.back);
      findings.push(...(await writeVersion(host, copy, { container, label })).told);
    } else if (because) {
      findings.push(`"${copy.hostPath}" ${because}`);
    }
    await save({ lent: container, isSafe: true });
    await Deno.remove(files.old).catch(() => {});
    const removal = await removeLentCopy(engine, copy, found.found);
    if (removal === "stuck") findings.push(stuckCopy(copy, label));
    if (removal !== "changed") {
      await forgetCopy(host, copy);
      return { findings, inode: found.inode };
    }
    await save({ isSafe: false });
  }
  throw new UserError(`"${label}" changes its copy of "${copy.hostPath}" again and again`, {
    hint: "Close what writes to it, then run map.ts --unmap",
  });
}

function stuckCopy({ hostPath, containerPath }: LentCopy, label: string): string {
  return `"${label}" does not let its copy of "${hostPath}" be removed: "${containerPath}"`;
}
