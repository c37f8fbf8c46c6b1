/** A file that is held open: its handle always leads to the same inode, whatever is at its path later. */

import type { Stats } from "node:fs";
import { orNothing, UserError } from "../../base/errors.ts";
import type { Held } from "../../base/hold.ts";
import type { Host } from "../../base/host.ts";
import { type Acl, readAcls } from "./acl.ts";

/** A held file, until it is closed or its scope ends. */
export interface HeldFile extends Omit<Held, "stat"> {
  stat(): FileState;
}

export type FileState =
  & InodeId
  & Pick<Stats, "isFile" | "isDirectory" | "uid" | "gid" | "mode" | "nlink" | "size" | "mtimeMs">;

/** Identifies an inode, even if its number is reused later. */
export interface InodeId {
  dev: number;
  /** Its inode number. */
  ino: number;
  /** Its birth time, in milliseconds since 1970; null if the file system does not store it. */
  bornMs: number | null;
}

/**
 * Holds the file at `path`.
 *
 * @returns undefined if there is none, or if it is inaccessible
 */
export async function holdFile(path: string): Promise<HeldFile | undefined> {
  // Loaded here, while waiting for an engine: it needs node:fs, which takes 10 ms to load.
  const { hold } = await import("../../base/hold.ts");
  return await orNothing(Promise.try(hold, path), isOutOfReach);
}

/** Whether an error means that a path does not exist, or is inaccessible to the user. */
export function isOutOfReach(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes((error as { code?: string }).code ?? "");
}

/** Whether two ids are of the same inode. The birth time decides, if known: device numbers may change at a reboot. */
export function isSameInode(a: InodeId, b: InodeId): boolean {
  if (a.ino !== b.ino) return false;
  return a.bornMs !== null && b.bornMs !== null ? a.bornMs === b.bornMs : a.dev === b.dev;
}

/** Opens the file at `path` for reading if it is this inode; otherwise undefined. */
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

/** Reads the ACLs of files, in order, through their handles. */
export async function readHeldAcls(host: Host, files: readonly HeldFile[]): Promise<Acl[]> {
  if (files.length === 0) return [];
  const [acls] = await Promise.all([readAcls(host, files.map(({ handle }) => handle)), checkHandles(host, files)]);
  return acls;
}

/**
 * Checks that handles lead other programs to the same inodes. If the runtime's descriptors were not the kernel's, they
 * would lead to other files.
 */
export async function checkHandles(host: Host, files: readonly HeldFile[]): Promise<void> {
  const { stdout } = await host.run(["stat", "-L", "-c", "%d %i", "--", ...files.map(({ handle }) => handle)]);
  // Both sides round numbers above 2^53, as on mergerfs and some NFS.
  const seen = stdout.trimEnd().split("\n").map((line) => line.split(" ").map(Number).join(" "));
  if (seen.join() === files.map((file) => file.stat()).map(({ dev, ino }) => `${dev} ${ino}`).join()) return;
  throw new UserError("This Deno does not let other programs use its open files", {
    hint: "Update it to 2.9 or later: deno upgrade",
  });
}
