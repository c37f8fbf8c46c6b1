/** A file held by its inode: what is done to its handle is done to that very file, whatever becomes of its path. */

import { closeSync, fstatSync, openSync } from "node:fs";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";

/** A file that is held. */
export interface HeldFile {
  /** A path by which other programs find the inode, as long as this process runs and holds it. */
  readonly handle: string;
  /** What the inode is now. */
  stat(): FileState;
  /** Lets go of it. */
  close(): void;
}

/** What {@linkcode HeldFile.stat} tells. */
export interface FileState extends InodeId {
  /** A regular file. */
  isFile: boolean;
  /** A directory. */
  isDirectory: boolean;
  /** Its owner. */
  uid: number;
  /** Its group. */
  gid: number;
  /** Permission bits, set-id and sticky bits included. */
  mode: number;
  /** How many names it has: 0 when it was deleted. */
  links: number;
}

/** What tells an inode from any other, also from one that gets its number later. */
export interface InodeId {
  /** The number of its file system. */
  dev: number;
  /** Its number in there. */
  ino: number;
  /** When it was made, in milliseconds of the epoch; null where the file system does not know. */
  bornMs: number | null;
}

/** The flags `O_PATH` and `O_NOFOLLOW` of open(2) on Linux: to hold a file, not to read it, which needs no permission. */
const holdFlags = 0o10000000 | 0o400000;

/**
 * Holds the file at `path`.
 *
 * @returns undefined when there is none, or when it cannot be reached
 */
export function holdFile(path: string): HeldFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, holdFlags);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((error as { code?: string }).code ?? "")) return undefined;
    throw error;
  }
  return {
    // Deno 2.9: what node:fs calls a descriptor is the kernel's.
    handle: `/proc/${Deno.pid}/fd/${fd}`,
    stat() {
      const info = fstatSync(fd);
      return {
        isFile: info.isFile(),
        isDirectory: info.isDirectory(),
        dev: info.dev,
        ino: info.ino,
        bornMs: info.birthtimeMs > 0 ? info.birthtimeMs : null,
        uid: info.uid,
        gid: info.gid,
        mode: info.mode & 0o7777,
        links: info.nlink,
      };
    },
    close: () => closeSync(fd),
  };
}

/** Whether two are one inode. Device numbers may change when the machine starts anew: the time of birth tells more. */
export function isSameInode(a: InodeId, b: InodeId): boolean {
  if (a.ino !== b.ino) return false;
  return a.bornMs !== null && b.bornMs !== null ? a.bornMs === b.bornMs : a.dev === b.dev;
}

/**
 * Checks that other programs find the inodes by the handles, before anything is done to them: a runtime whose descriptors
 * are not the kernel's would hand out another file's.
 */
export async function checkHandles(host: Host, files: readonly HeldFile[]): Promise<void> {
  const { stdout } = await host.run(["stat", "-L", "-c", "%d %i", "--", ...files.map(({ handle }) => handle)]);
  const expected = files.map((file) => file.stat()).map(({ dev, ino }) => `${dev} ${ino}\n`).join("");
  if (stdout !== expected) {
    throw new UserError("This Deno does not let other programs use its open files", {
      hint: "Update it to 2.9 or later: deno upgrade",
    });
  }
}

/**
 * Whether a file is at `path` itself, and not elsewhere through symbolic links: as its handle tells, which others cannot
 * change in between.
 */
export async function isAt(host: Host, file: HeldFile, path: string): Promise<boolean> {
  const { stdout } = await host.run(["stat", "-c", "%N", "--", file.handle], {
    env: { QUOTING_STYLE: "literal" },
  });
  return stdout === `${file.handle} -> ${path}\n`;
}
