/** A file that is held open: its handle leads to this very inode, whatever is at its path later. */

import type { Stats } from "node:fs";
import { orNothing, UserError } from "../../base/errors.ts";
import type { Held } from "../../base/hold.ts";
import type { Host } from "../../base/host.ts";
import { type Acl, readAcls } from "./acl.ts";

/** A file that is held, until it is closed or its scope ends. */
export interface HeldFile extends Omit<Held, "stat"> {
  stat(): FileState;
}

export type FileState =
  & InodeId
  & Pick<Stats, "isFile" | "isDirectory" | "uid" | "gid" | "mode" | "nlink" | "size" | "mtimeMs">;

/** What identifies an inode, also after its number was given to a later one. */
export interface InodeId {
  dev: number;
  /** Its number on the device. */
  ino: number;
  /** When it was made, in milliseconds since 1970; null where the file system does not keep that. */
  bornMs: number | null;
}

/**
 * Holds the file at `path`.
 *
 * @returns undefined when there is none, or when it cannot be reached
 */
export async function holdFile(path: string): Promise<HeldFile | undefined> {
  // Loaded here, while an engine answers: it needs node:fs, which takes 10 ms.
  const { hold } = await import("../../base/hold.ts");
  return await orNothing(Promise.try(hold, path), isOutOfReach);
}

/** Whether an error is that of a path that is gone, or closed to the user. */
export function isOutOfReach(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes((error as { code?: string }).code ?? "");
}

/** Whether two are the same inode. The time of birth decides, if known: device numbers may change at a reboot. */
export function isSameInode(a: InodeId, b: InodeId): boolean {
  if (a.ino !== b.ino) return false;
  return a.bornMs !== null && b.bornMs !== null ? a.bornMs === b.bornMs : a.dev === b.dev;
}

/** Opens the file at `path` for reading if it is this very inode; undefined if it is not, or not there. */
export async function openInode(path: string, inode: InodeId): Promise<Deno.FsFile | undefined> {
  using held = await holdFile(path);
  const state = held?.stat();
  if (!state?.isFile() || !isSameInode(state, inode)) return undefined;
  const file = await Deno.open(path);
  const { dev, ino } = await file.stat();
  if (dev === state.dev && ino === state.ino) return file;
  file.close();
  return undefined;
}

/** The ACLs of files, in their order, read through their handles. */
export async function readHeldAcls(host: Host, files: readonly HeldFile[]): Promise<Acl[]> {
  if (files.length === 0) return [];
  const [acls] = await Promise.all([readAcls(host, files.map(({ handle }) => handle)), checkHandles(host, files)]);
  return acls;
}

/**
 * Checks that other programs find the inodes by the handles. With a runtime whose descriptors are not the kernel's, a
 * handle would lead them to another file.
 */
export async function checkHandles(host: Host, files: readonly HeldFile[]): Promise<void> {
  const { stdout } = await host.run(["stat", "-L", "-c", "%d %i", "--", ...files.map(({ handle }) => handle)]);
  // Both sides round what is above 2^53, as on mergerfs and some NFS.
  const seen = stdout.trimEnd().split("\n").map((line) => line.split(" ").map(Number).join(" "));
  if (seen.join() === files.map((file) => file.stat()).map(({ dev, ino }) => `${dev} ${ino}`).join()) return;
  throw new UserError("This Deno does not let other programs use its open files", {
    hint: "Update it to 2.9 or later: deno upgrade",
  });
}
