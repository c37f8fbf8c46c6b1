/**
 * The journal: a record on disk of each file that is lent, written before it is lent, to take it back also after a
 * crash.
 */

import { abortable } from "@std/async";
import { join } from "@std/path";
import type { Acl } from "./acl.ts";
import { inputError, UserError } from "../base/errors.ts";
import type { ServerRecord } from "../engine/server_record.ts";
import type { InodeId } from "./held_file.ts";
import type { Host } from "../base/host.ts";
import { quoteWord } from "../base/shell_words.ts";

/** What a record says of the container that a file is lent to. */
export interface Borrower {
  /** The engine's CLI. */
  engine: string;
  /** The server that has the container. Older versions have not recorded it. */
  server?: ServerRecord;
  /** The container's name. */
  instance: string;
}

/** The record of one mapped file. It names the inode, so that a file that replaces it does not get its ACL. */
export interface Mapping extends InodeId, Borrower {
  /** The device of the container that shows the file. */
  device: string;
  /** The file on the host, without symbolic links. */
  host: string;
  /** The same file in the container. */
  container: string;
  /** The container may read it, not write. */
  readOnly: boolean;
  /** The {@linkcode Presence} of the run that waits and will unmap it; null when it stays mapped until `--unmap`. */
  owner: string | null;
  /** The container user's uid on the host. */
  uid: number;
  /** The mode bits before it was mapped. */
  mode: number;
  /** The ACL is restored already; the device, or its mount point, may still be there. */
  restored?: boolean;
  /** The access ACL before the first of all mappings that the inode has now. */
  original: AclRecord;
  /** The access ACL that was set for this mapping. */
  granted: AclRecord;
}

/** What is in a file: as much of it as is needed to tell whether it has changed. */
export interface Content {
  /** Its size, in bytes. */
  size: number;
  /** Its SHA-256, in hexadecimal. */
  sha256: string;
}

/** The record of a file that is lent as a copy. */
export interface LentCopy extends InodeId, Borrower {
  /** The name of the record. */
  id: string;
  /** The file on the host, without symbolic links. */
  host: string;
  /** The copy in the container. */
  container: string;
  /** The container's user, as `formatUser` writes it. */
  user: string;
  /** The copy does not come back. */
  readOnly: boolean;
  /** As in {@linkcode Mapping}. */
  owner: string | null;
  /** What both sides had in common last; null until the copy is whole. */
  lent: Content | null;
  /** What the container had made of it is on disk here, or it has made nothing of it: the copy may go. */
  isSafe?: boolean;
}

/** The sign that a run is alive and will unmap its files: a lock that it holds on a file in the journal's directory. */
export interface Presence {
  /** The name of that file, and the `owner` of the run's mappings. */
  owner: string;
  /** Removes the sign: the run has unmapped its files. */
  end(): Promise<void>;
}

/**
 * Shows other runs that this one is alive. The kernel releases the lock when the process ends, however it ends.
 * (Looking for a process in /proc is no way: Deno 2.9 lets no script with scoped permissions read there.)
 */
export async function announcePresence(host: Host): Promise<Presence> {
  const owner = `run-${crypto.randomUUID()}`;
  const path = join(journalDirectory(host), owner);
  // Under the journal's lock: another run that saw the file before it is locked would take this run for dead.
  const file = await withJournalLock(host, async () => {
    const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
    await file.lock(true);
    return file;
  });
  return {
    owner,
    async end() {
      file.close();
      await removeFile(path);
    },
  };
}

/** Runs by their presence: those that are alive, and those that were killed. To be called under the journal's lock. */
export async function listRuns(host: Host): Promise<{ live: string[]; dead: string[] }> {
  const [live, dead]: string[][] = [[], []];
  for (const name of await listFiles(host)) {
    if (name.startsWith("run-")) (await isLocked(join(journalDirectory(host), name)) ? live : dead)!.push(name);
  }
  return { live: live!, dead: dead! };
}

async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { write: true });
    return !await file.tryLock(true);
  } catch (error) {
    // The run has just ended.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Removes what killed runs have left in the journal besides records: their presence, half-written records, and the locks
 * of copies that are on record no more.
 */
export async function forgetRuns(host: Host, dead: readonly string[]): Promise<void> {
  await withJournalLock(host, async () => {
    const names = await listFiles(host);
    const isLeft = (name: string): boolean =>
      name.endsWith(".new") || name.endsWith(".lock") && !names.includes(name.replace(/\.lock$/, copyEnd));
    for (const name of [...dead, ...names.filter(isLeft)]) await removeFile(join(journalDirectory(host), name));
  });
}

/** An {@linkcode Acl} as JSON, which has no maps. */
export interface AclRecord extends Omit<Acl, "users" | "groups" | "mask"> {
  /** Pairs of uid and permissions. */
  users: [number, number][];
  /** Pairs of gid and permissions. */
  groups: [number, number][];
  /** Null where there is none. */
  mask: number | null;
}

/** An ACL as it is written to disk. */
export function toRecord(acl: Acl): AclRecord {
  return { ...acl, users: [...acl.users], groups: [...acl.groups], mask: acl.mask ?? null };
}

/** An ACL as it was read from disk. */
export function fromRecord(record: AclRecord): Acl {
  return { ...record, users: new Map(record.users), groups: new Map(record.groups), mask: record.mask ?? undefined };
}

/**
 * The directory of the records: `$XDG_STATE_HOME/gui-container/mappings`, by default below `~/.local/state` (XDG Base
 * Directory Specification).
 *
 * @throws {UserError} exit code 2 when neither variable is set
 */
function journalDirectory(host: Host): string {
  const home = host.env("HOME");
  const state = host.env("XDG_STATE_HOME") ?? (home && join(home, ".local", "state"));
  if (!state) throw inputError("Neither $XDG_STATE_HOME nor $HOME is set", "Set one of them");
  return join(state, "gui-container", "mappings");
}

/** The ids of a user of the host. */
export interface UserIds {
  /** The user's id. */
  uid: number;
  /** The id of the user's own group. */
  gid: number;
}

/**
 * The user's own ids: those of the files that this process makes. Makes the directory of the records, for this user
 * alone.
 *
 * @throws {UserError} when the directory is another user's
 */
export async function ownIds(host: Host): Promise<UserIds> {
  return await withJournalLock(host, async (lock) => {
    const { uid, gid } = await lock.stat();
    const directory = await Deno.stat(journalDirectory(host));
    if (directory.uid !== uid) {
      throw new UserError(`The directory "${journalDirectory(host)}" is not yours`, {
        hint: "Set $XDG_STATE_HOME to a directory of your own",
      });
    }
    if (directory.mode! & 0o077) await Deno.chmod(journalDirectory(host), 0o700);
    return { uid: uid!, gid: gid! };
  });
}

/** Writes records, each whole or not at all, readable by nobody else; they are on disk when this returns. */
export async function writeRecords(host: Host, mappings: readonly Mapping[]): Promise<void> {
  await writeTexts(
    host,
    mappings.map((mapping) => ({ name: `${mapping.device}.json`, text: JSON.stringify(mapping) })),
  );
}

async function writeTexts(host: Host, files: readonly { name: string; text: string }[]): Promise<void> {
  const directory = journalDirectory(host);
  await Promise.all(files.map(async ({ name, text }) => {
    const path = join(directory, name);
    await host.change(`write ${quoteWord(path)}`, async () => {
      using file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode: 0o600 });
      const bytes = new TextEncoder().encode(text);
      for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
      await file.sync();
      await Deno.rename(`${path}.new`, path);
    });
  }));
  using opened = await Deno.open(directory);
  await opened.sync();
}

/** Calls `action` while no other run of map.ts reads or changes records and ACLs. */
export async function withJournalLock<T>(host: Host, action: (lock: Deno.FsFile) => Promise<T>): Promise<T> {
  const directory = journalDirectory(host);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  using file = await Deno.open(join(directory, "lock"), { write: true, create: true, mode: 0o600 });
  await file.lock(true);
  return await action(file);
}

/** All records, in no order. A file that is no record is left alone, with a warning. */
export async function readRecords(host: Host): Promise<Mapping[]> {
  const mappings: Mapping[] = [];
  for (const name of await listFiles(host)) {
    if (!name.endsWith(".json")) continue;
    const path = join(journalDirectory(host), name);
    const mapping = await readRecord<Mapping>(path, mappingKeys);
    if (mapping) mappings.push(mapping);
    else if (mapping === null) host.ui.warn(`"${path}" is not a record of a mapped file; remove it if none is mapped`);
  }
  return mappings;
}

const mappingKeys = ["engine", "instance", "device", "host", "container", "ino", "uid", "original", "granted"];

const copyKeys = ["engine", "server", "instance", "id", "host", "container", "ino", "user", "lent"];

/** One record; undefined when it was removed meanwhile, null when the file is no record. */
async function readRecord<T>(path: string, keys: readonly string[]): Promise<T | undefined | null> {
  try {
    const record = JSON.parse(await Deno.readTextFile(path));
    return keys.every((key) => record?.[key] !== undefined) ? record : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Removes records. Those that are gone already are ignored. */
export async function removeRecords(host: Host, mappings: readonly Mapping[]): Promise<void> {
  for (const { device } of mappings) {
    const path = join(journalDirectory(host), `${device}.json`);
    await host.change(`rm -f ${quoteWord(path)}`, () => removeFile(path));
  }
}

/** What the names of the records of copies end in. Older versions do not know them, and leave them alone. */
const copyEnd = ".copy";

/** The files of a copy that are in the journal besides its record. */
export interface CopyFiles {
  /** What comes from the container, while it comes. */
  part: string;
  /** What has come from the container, whole. */
  back: string;
  /** The host file's old content, whole, kept until the new one is on disk. */
  old: string;
}

/** The paths of the files of a copy. */
export function copyFiles(host: Host, { id }: Pick<LentCopy, "id">): CopyFiles {
  const path = (end: string): string => join(journalDirectory(host), `${id}.${end}`);
  return { part: path("part"), back: path("back"), old: path("old") };
}

/**
 * Writes the records of copies, as {@linkcode writeRecords} does those of mapped files. Takes the journal's lock: another
 * run removes half-written records under it.
 */
export async function writeCopies(host: Host, copies: readonly LentCopy[]): Promise<void> {
  const texts = copies.map((copy) => ({ name: `${copy.id}${copyEnd}`, text: JSON.stringify(copy) }));
  await withJournalLock(host, () => writeTexts(host, texts));
}

/** The records of all copies, in no order. A file that is no record is left alone, with a warning. */
export async function readCopies(host: Host): Promise<LentCopy[]> {
  const copies: LentCopy[] = [];
  for (const name of await listFiles(host)) {
    if (!name.endsWith(copyEnd)) continue;
    const path = join(journalDirectory(host), name);
    const copy = await readRecord<LentCopy>(path, copyKeys);
    if (copy) copies.push(copy);
    else if (copy === null) host.ui.warn(`"${path}" is not a record of a lent copy; remove it if none is lent`);
  }
  return copies;
}

/** The record of one copy; undefined when another run has taken the copy back. */
export async function readCopy(host: Host, { id }: Pick<LentCopy, "id">): Promise<LentCopy | undefined> {
  return await readRecord<LentCopy>(join(journalDirectory(host), `${id}${copyEnd}`), copyKeys) ?? undefined;
}

/**
 * Removes all that the journal has of a copy: the old content first, which means that a writing is not done, then its
 * other files, also half-written ones, then the record, then the lock.
 */
export async function forgetCopy(host: Host, { id }: Pick<LentCopy, "id">): Promise<void> {
  await removeFile(copyFiles(host, { id }).old);
  const last = [`${id}${copyEnd}`, `${id}.lock`];
  const names = (await listFiles(host)).filter((name) => name.startsWith(`${id}.`) && !last.includes(name));
  for (const name of [...names, ...last]) await removeFile(join(journalDirectory(host), name));
}

/** Calls `action` while no other run brings this copy anywhere. Waits for that, unless the host is to stop. */
export async function withCopyLock<T>(host: Host, copy: Pick<LentCopy, "id">, action: () => Promise<T>): Promise<T> {
  using file = await openCopyLock(host, copy);
  await abortable(file.lock(true), host.signal);
  return await underCopyLock(host, copy, action);
}

/** The same, unless another run brings it somewhere just now: then `action` is not called. */
export async function tryWithCopyLock<T>(
  host: Host,
  copy: Pick<LentCopy, "id">,
  action: () => Promise<T>,
): Promise<T | undefined> {
  using file = await openCopyLock(host, copy);
  return await file.tryLock(true) ? await underCopyLock(host, copy, action) : undefined;
}

function lockPath(host: Host, { id }: Pick<LentCopy, "id">): string {
  return join(journalDirectory(host), `${id}.lock`);
}

async function openCopyLock(host: Host, copy: Pick<LentCopy, "id">): Promise<Deno.FsFile> {
  return await Deno.open(lockPath(host, copy), { write: true, create: true, mode: 0o600 });
}

async function underCopyLock<T>(host: Host, copy: Pick<LentCopy, "id">, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } finally {
    if (await readCopy(host, copy) === undefined) await removeFile(lockPath(host, copy));
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function listFiles(host: Host): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(journalDirectory(host)))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
