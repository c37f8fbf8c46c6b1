/**
 * The journal: a record on disk of each file that is lent, written before it is lent, to take it back also after a
 * crash.
 */

import { join } from "@std/path";
import { inputError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import {
  claimFile,
  isClaimed,
  lockFile,
  readRecord,
  release,
  removeFile,
  syncDirectory,
  writeRecord,
} from "../base/record.ts";
import { isCopy, type LentCopy, type Loan, type Mapping } from "./loan.ts";

/** The sign that a run is alive and will unmap its files: a lock that it holds on a file in the journal's directory. */
export interface Presence {
  /** The name of that file, and the `owner` of the run's mappings. */
  owner: string;
  /** Removes the sign: the run has unmapped its files. */
  end(): Promise<void>;
}

/**
 * Shows other runs that this one is alive. The kernel releases the lock when the process ends, however it ends.
 * (Deno 2.9 does not let a script with scoped permissions look for processes in /proc.)
 */
export async function announcePresence(host: Host): Promise<Presence> {
  const owner = `run-${crypto.randomUUID()}`;
  const path = join(journalDirectory(host), owner);
  // Under the journal's lock: another run that saw the file before it is locked would take this run for dead.
  const file = await withJournalLock(host, () => claimFile(path));
  return {
    owner,
    async end() {
      release(file);
      await removeFile(path);
    },
  };
}

/** Runs by their presence: those that are alive, and those that were killed. To be called under the journal's lock. */
async function listRuns(host: Host): Promise<{ live: string[]; dead: string[] }> {
  const [live, dead]: string[][] = [[], []];
  for (const name of await listFiles(host)) {
    if (name.startsWith("run-")) (await isClaimed(join(journalDirectory(host), name)) ? live : dead)!.push(name);
  }
  return { live: live!, dead: dead! };
}

/**
 * The files whose runs are dead, and these runs. A run that could not remove a device, or fetch a copy, has ended
 * properly, and left a file lent all the same. To be called under the journal's lock.
 */
export async function findOrphans(host: Host): Promise<{ orphans: Loan[]; dead: string[] }> {
  const { live, dead } = await listRuns(host);
  const orphans = (await readLoans(host)).filter(({ owner }) => owner !== null && !live.includes(owner));
  return { dead, orphans };
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
export async function writeRecords(host: Host, loans: readonly Loan[]): Promise<void> {
  await Promise.all(loans.map((loan) => writeRecord(recordPath(host, loan), loan)));
  await syncDirectory(journalDirectory(host));
}

/** The names of the records of copies end otherwise. Versions that do not know them leave them alone. */
function recordPath(host: Host, loan: Loan): string {
  return join(journalDirectory(host), `${loan.id}${isCopy(loan) ? copyEnd : ".json"}`);
}

/** Calls `action` while no other run of map.ts reads or changes records and ACLs. */
export async function withJournalLock<T>(host: Host, action: (lock: Deno.FsFile) => Promise<T>): Promise<T> {
  const directory = journalDirectory(host);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  using file = await lockFile(join(directory, "lock"));
  return await action(file);
}

/** All records, mapped files first. A file that is not a record is left alone, with a warning. */
export async function readLoans(host: Host): Promise<Loan[]> {
  return [...await readMappings(host), ...await readCopies(host)];
}

/** The records of all mapped files. */
export async function readMappings(host: Host): Promise<Mapping[]> {
  return await readAll(host, ".json", { keys: ["uid", "original", "granted"], what: "mapped file" });
}

/** The records of all copies. */
export async function readCopies(host: Host): Promise<LentCopy[]> {
  return await readAll(host, copyEnd, copyRecord);
}

const copyRecord = { keys: ["server", "user", "lent"], what: "lent copy" };

const loanKeys = ["engine", "instance", "id", "hostPath", "containerPath", "ino"];

async function readAll<T extends Loan>(
  host: Host,
  end: string,
  { keys, what }: { keys: readonly string[]; what: string },
): Promise<T[]> {
  const loans: T[] = [];
  for (const name of await listFiles(host)) {
    if (!name.endsWith(end)) continue;
    const path = join(journalDirectory(host), name);
    const loan = await readLoan<T>(path, keys);
    if (loan) loans.push(loan);
    else if (loan === null) host.ui.warn(`"${path}" is not a record of a ${what}; remove it if none is lent`);
  }
  return loans;
}

/** One record; undefined when it was removed meanwhile, null when the file is not a record. */
async function readLoan<T extends Loan>(path: string, keys: readonly string[]): Promise<T | undefined | null> {
  const loan = await readRecord(path) as Record<string, unknown> | undefined | null;
  if (!loan) return loan;
  // The names that 0.1.0 gave them.
  const { device: id, host: hostPath, container: containerPath } = loan;
  const known = { id, hostPath, containerPath, ...loan };
  return [...loanKeys, ...keys].every((key) => (known as typeof loan)[key] !== undefined)
    ? known as unknown as T
    : null;
}

/** Removes the records of mapped files. Those that are gone already are ignored. */
export async function removeRecords(host: Host, mappings: readonly Mapping[]): Promise<void> {
  for (const mapping of mappings) await removeFile(recordPath(host, mapping));
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
 * Writes the records of copies, as {@linkcode writeRecords} does. Takes the journal's lock: another run removes
 * half-written records under it.
 */
export async function writeCopies(host: Host, copies: readonly LentCopy[]): Promise<void> {
  await withJournalLock(host, () => writeRecords(host, copies));
}

/** The record of one copy; undefined when another run has taken the copy back. */
export async function readCopy(host: Host, { id }: Pick<LentCopy, "id">): Promise<LentCopy | undefined> {
  return await readLoan<LentCopy>(join(journalDirectory(host), `${id}${copyEnd}`), copyRecord.keys) ?? undefined;
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
  using _lock = await lockFile(lockPath(host, copy), { signal: host.signal });
  return await underCopyLock(host, copy, action);
}

/** The same, unless another run brings it somewhere just now: then `action` is not called. */
export async function tryWithCopyLock<T>(
  host: Host,
  copy: Pick<LentCopy, "id">,
  action: () => Promise<T>,
): Promise<T | undefined> {
  using lock = await claimFile(lockPath(host, copy));
  return lock && await underCopyLock(host, copy, action);
}

function lockPath(host: Host, { id }: Pick<LentCopy, "id">): string {
  return join(journalDirectory(host), `${id}.lock`);
}

async function underCopyLock<T>(host: Host, copy: Pick<LentCopy, "id">, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } finally {
    if (await readCopy(host, copy) === undefined) await removeFile(lockPath(host, copy));
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
