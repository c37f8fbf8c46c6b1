/**
 * Writes the container's version of a file to the host's file, or beside it, depending on the last common content of
 * both sides, and on what each has now. A file is written in place, like a mapped one: its inode, names, owner, mode,
 * ACL and attributes stay. So that an interruption loses nothing, the journal keeps the complete old and new content
 * until all is on disk.
 */

import { basename, dirname, join } from "@std/path";
import { isProcessError, orElse, UserError } from "../../base/errors.ts";
import { exists, isThere, moveFile, naming, syncDirectory, writeAll } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { followDirectory } from "../source_path.ts";
import { contentOf, isSameContent, piecesOf } from "./content.ts";
import { checkHandles, holdFile, isSameInode, openInode } from "./held_file.ts";
import { copyFiles } from "./journal.ts";
import { type Content, labelOfLoan, type LentCopy, type Tell } from "./loan.ts";
import { maxNameBytes, shortName } from "./source_file.ts";

/** How many names are tried for a file that is put beside another. */
const maxNameTries = 1_000;

/** The host's side: the content of the lent file, or that it was replaced by another file, or is gone. */
export type HostSide = Content | "replaced" | "gone";

/**
 * Decides what to do with the container's version. A version that only one side has is never lost.
 *
 * @returns `action`: do nothing on the host, write the version to the file, or put it beside the file; `because`: a
 * message for the user, to follow the file's name, and, for "beside", to precede the version's path
 */
export function planReturn(
  lent: Content,
  { container, here, label }: { container: Content; here: HostSide; label: string },
): { action: "nothing" | "write" | "beside"; because?: string } {
  const isChanged = !isSameContent(container, lent);
  if (here === "gone") {
    return isChanged
      ? { action: "beside", because: `no longer exists; the version from "${label}" is` }
      : { action: "nothing", because: `no longer exists; "${label}" has not changed its copy` };
  }
  if (!isChanged) return { action: "nothing" };
  if (here === "replaced") {
    return { action: "beside", because: `was replaced here and changed in "${label}"; the container's version is` };
  }
  if (isSameContent(here, container)) return { action: "nothing" };
  if (isSameContent(here, lent)) return { action: "write" };
  return { action: "beside", because: `was changed here and in "${label}"; the container's version is` };
}

/** The host's side at the path of a lent file. */
export async function contentHere(copy: LentCopy): Promise<HostSide> {
  using file = await openInode(copy.hostPath, copy);
  if (file) return await contentOf(file);
  return await isThere(copy.hostPath) ? "replaced" : "gone";
}

/**
 * Writes the container's version, which is in the journal, to the host's file, if the file is unchanged.
 *
 * @returns whether it was written. If not, the file is unchanged
 */
export async function writeBack(host: Host, { copy, wanted }: { copy: LentCopy; wanted: Content }): Promise<boolean> {
  const { back, old } = copyFiles(host, copy);
  const writtenMs = await saveOld(copy, old);
  if (writtenMs === undefined) return false;
  const failed = new UserError(`"${copy.hostPath}" was changed while it was written`, {
    hint: "Take it back again: what it had, and what was written, are then put beside it",
  });
  const writing = overwrite(host, copy, { source: back, writtenMs });
  const isWritten = await orElse(writing, isProcessError, async () => {
    // The disk is full, or the file is not writable: its old content is restored.
    const here = await contentHere(copy);
    const isAsLent = typeof here !== "string" && isSameContent(here, copy.lent!);
    if (!isAsLent) await overwrite(host, copy, { source: old });
    if (!await isOnDisk(copy, copy.lent!)) throw failed;
    return false;
  });
  if (!isWritten) {
    await Deno.remove(old);
    return false;
  }
  if (await isOnDisk(copy, wanted)) return true;
  throw failed;
}

/**
 * Saves the file's content in the journal.
 *
 * @returns the file's modification time; undefined if its content is not what was lent
 */
async function saveOld(copy: LentCopy, old: string): Promise<number | undefined> {
  using file = await openInode(copy.hostPath, copy);
  if (!file) return undefined;
  const { mtime } = await file.stat();
  const part = `${old}.part`;
  using kept = await Deno.open(part, { read: true, write: true, create: true, truncate: true, mode: 0o600 });
  for await (const piece of piecesOf(file)) await writeAll(kept, piece);
  if (!isSameContent(await contentOf(kept), copy.lent!)) {
    await Deno.remove(part);
    return undefined;
  }
  await naming(part, kept.sync());
  await moveFile(part, old);
  return mtime!.getTime();
}

/**
 * Writes a file of the journal into the lent inode.
 *
 * @param options `writtenMs`: writes only if nobody has written to the inode since then
 * @returns whether it was written
 */
async function overwrite(
  host: Host,
  copy: LentCopy,
  { source, writtenMs }: { source: string; writtenMs?: number },
): Promise<boolean> {
  using file = await holdFile(copy.hostPath);
  if (!file || !isSameInode(file.stat(), copy)) return false;
  await checkHandles(host, [file]);
  if (writtenMs !== undefined && Math.floor(file.stat().mtimeMs) !== writtenMs) return false;
  await host.run(["cp", "--no-target-directory", "--", source, file.handle]);
  return true;
}

async function isOnDisk(copy: LentCopy, wanted: Content): Promise<boolean> {
  using file = await openInode(copy.hostPath, copy);
  if (!file || !isSameContent(await contentOf(file), wanted)) return false;
  await naming(copy.hostPath, file.sync());
  return true;
}

/**
 * Completes an interrupted write.
 *
 * @returns the container's content; undefined if no write was interrupted
 */
export async function endWriting(host: Host, copy: LentCopy, tell: Tell): Promise<Content | undefined> {
  const files = copyFiles(host, copy);
  if (!await exists(files.old)) return undefined;
  using back = await Deno.open(files.back);
  const content = await contentOf(back);
  // All is done, except that the old content was not removed.
  if (isSameContent(content, copy.lent!)) return content;
  const here = await contentHere(copy);
  if (typeof here !== "string") {
    // A beginning of the new content: overwriting it loses nothing.
    const isTorn = here.size <= content.size && isSameContent(here, await contentOf(back, here.size));
    if (isTorn || isSameContent(here, copy.lent!)) await overwrite(host, copy, { source: files.back });
    if (await isOnDisk(copy, content)) return content;
  }
  const beside = await putBeside(host, copy, { source: files.back, content });
  // Even if another file is in its place by now: the lent file may be half written.
  const before = await putBeside(host, copy, { source: files.old, content: copy.lent!, end: "as-lent" });
  tell(`"${copy.hostPath}" was changed while the container's version was written to it. That version is "${beside}"`);
  tell(`"${copy.hostPath}" as it was when it was lent is "${before}"`);
  return content;
}

/**
 * Puts a file of the journal beside the host's file, under an unused name, readable by nobody else.
 *
 * @returns its path
 * @throws {UserError} when it cannot be put there
 */
export async function putBeside(
  host: Host,
  copy: LentCopy,
  { source, content, end = `from-${copy.instance}` }: { source: string; content: Content; end?: string },
): Promise<string> {
  const directory = dirname(copy.hostPath);
  const failed = (options: { output?: string; cause?: unknown } = {}): UserError => {
    // For example "cp: error writing 'FILE': No space left on device", in the user's language.
    const [, reason] = /: ([^:\n]+)$/.exec(options.output?.trim() ?? "") ?? [];
    const what = `The version of "${copy.hostPath}" from "${labelOfLoan(copy)}" cannot be put beside it`;
    return new UserError(reason === undefined ? what : `${what}: ${reason}`, {
      hint: "Make room in its directory, in which you may write and no container may; then run map.ts --unmap",
      ...options,
    });
  };
  const there = await followDirectory(host, copy.hostPath).catch((cause) => {
    throw failed({ cause });
  });
  if (there !== directory) throw failed();
  const temporary = join(directory, `.${copy.id}.part`);
  const copyTo = ["cp", "--remove-destination", "--no-target-directory", "--", source, temporary];
  const copied = await host.run(copyTo, { okCodes: "any" });
  try {
    if (copied.code !== 0 || !await isFileWith(temporary, content)) throw failed({ output: copied.stderr });
    for (let number = 1; number <= maxNameTries; number++) {
      const suffix = `.${end}${number === 1 ? "" : `-${number}`}`;
      const path = join(directory, shortName(basename(copy.hostPath), maxNameBytes - 2 * suffix.length) + suffix);
      if (!await isThere(path)) {
        await host.run(["mv", "--no-clobber", "--no-target-directory", "--", temporary, path], { okCodes: "any" });
      }
      // An interrupted run may have put it there.
      if (await isFileWith(path, content)) return path;
    }
    throw failed();
  } finally {
    if (await isThere(temporary)) await host.run(["rm", "-f", "--", temporary]);
  }
}

/** Whether a regular file with this content is there. Syncs it to disk. */
async function isFileWith(path: string, content: Content): Promise<boolean> {
  if (!(await Deno.lstat(path).catch(() => undefined))?.isFile) return false;
  using file = await Deno.open(path);
  if (!isSameContent(await contentOf(file), content)) return false;
  await naming(path, file.sync());
  await syncDirectory(dirname(path));
  return true;
}
