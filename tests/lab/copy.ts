/**
 * Two directories that are kept alike, where one cannot be mounted at the other's place: what was changed in one of them
 * since they were last alike is changed in the other.
 */

import { dirname, join } from "@std/path";
import { lchownSync } from "node:fs";

/** What both directories had when they were alike: each path with what tells its versions apart. */
export interface Listing {
  [path: string]: string;
}

/** What is written whole, and then given its name. */
const unfinished = /^\.gui-container-lab-\d+$/;

/**
 * Makes the directories alike; what is written belongs to the owner of its directory. Of a file that was changed in both, the
 * first one's version stays.
 *
 * @param known what it gave back the last time; nothing, if the second directory is empty
 */
export function makeAlike([first, second]: readonly [string, string], known: Listing): Listing {
  const [ones, others] = [list(first), list(second)];
  const alike: Listing = {};
  const gone: string[] = [];
  for (const path of Object.keys({ ...ones, ...others, ...known }).toSorted()) {
    const [one, other] = [ones[path], others[path]];
    const isSecondNewer = one === known[path];
    const version = isSecondNewer ? other : one;
    const [from, to] = isSecondNewer ? [second, first] : [first, second];
    if (version !== undefined) alike[path] = version;
    if (one === other) continue;
    if (version === undefined) gone.push(join(to, path));
    else copy(join(from, path), { to, path });
  }
  // A directory after what was in it. One in which there is something new stays.
  for (const path of gone.toReversed()) unlessGone(() => Deno.removeSync(path));
  return alike;
}

/** All below a directory that can be copied. */
function list(directory: string): Listing {
  const found: Listing = {};
  const look = (below: string): void => {
    for (const { name } of Deno.readDirSync(join(directory, below))) {
      if (unfinished.test(name)) continue;
      const path = join(below, name);
      unlessGone(() => {
        const { isDirectory, isFile, isSymlink, mode, mtime, size } = Deno.lstatSync(join(directory, path));
        const bits = (mode! & 0o777).toString(8);
        if (isSymlink) found[path] = `link ${Deno.readLinkSync(join(directory, path))}`;
        else if (isFile) found[path] = `file ${bits} ${mtime!.getTime()} ${size}`;
        else if (isDirectory) {
          found[path] = `directory ${bits}`;
          look(path);
        }
      });
    }
  };
  look("");
  return found;
}

/** Copies one file, link, or directory without what is in it. */
function copy(source: string, { to, path }: { to: string; path: string }): void {
  const target = join(to, path);
  const { uid, gid } = Deno.statSync(to);
  unlessGone(() => {
    const { isDirectory, isSymlink, mode, mtime } = Deno.lstatSync(source);
    if (!isDirectory || !isDirectoryAt(target)) unlessGone(() => Deno.removeSync(target, { recursive: true }));
    Deno.mkdirSync(dirname(target), { recursive: true });
    if (isDirectory) {
      Deno.mkdirSync(target, { recursive: true });
      Deno.chmodSync(target, mode! & 0o777);
      return Deno.chownSync(target, uid, gid);
    }
    const temporary = join(to, `.gui-container-lab-${Deno.pid}`);
    if (isSymlink) Deno.symlinkSync(Deno.readLinkSync(source), temporary);
    else {
      Deno.copyFileSync(source, temporary);
      Deno.utimeSync(temporary, mtime!, mtime!);
    }
    lchownSync(temporary, uid!, gid!);
    Deno.renameSync(temporary, target);
  });
}

function isDirectoryAt(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Does it, unless what it is about has gone meanwhile, or is a directory that something was put into. */
function unlessGone(action: () => void): void {
  try {
    action();
  } catch (error) {
    const isFilled = error instanceof Error && "code" in error && error.code === "ENOTEMPTY";
    if (!isFilled && !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
  }
}
