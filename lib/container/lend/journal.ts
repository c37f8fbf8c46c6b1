/**
 * The journal: a record on disk of each lent file, written before it is lent, so that it can be taken back even after a
 * crash.
 */

import { join } from "@std/path";
import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { ifThere, removeFile } from "../../base/files.ts";
import { readJson, writeJson } from "../../base/json_file.ts";
import { claimFile, isClaimed, lockFile, release } from "../../base/lock.ts";
import { openHistory } from "../history.ts";
import { stateDirectory } from "../paths.ts";
import type { FileState } from "./held_file.ts";
import { isCopy, isMapping, type LentCopy, type Loan, type Mapping } from "./loan.ts";

/** The sign that a run is alive and will take its files back: a locked file in the journal. */
export interface Presence extends AsyncDisposable {
  /** The name of that file, and the `owner` of the run's loans. */
  owner: string;
}

/**
 * Shows other runs that this one is alive. The kernel releases the lock when the process ends, even if it is killed.
 * (Deno 2.9 does not let a script with scoped permissions look for processes in /proc.)
 */
export async function announcePresence(host: Host): Promise<Presence> {
  const owner = `run-${crypto.randomUUID()}`;
  const path = pathOf(host, owner);
  // Under the journal's lock: another run that saw the file before it is locked would think that this run was killed.
  const file = await withJournalLock(host, () => claimFile(path));
  return {
    owner,
    async [Symbol.asyncDispose]() {
      release(file);
      await removeFile(path);
    },
  };
}

/**
 * The loans whose runs have ended: killed, or unable to remove a device or fetch a copy. Also removes other files that
 * killed runs have left in the journal: their presence, half-written records, and locks of copies that are no longer on
 * record.
 */
export async function findOrphans(host: Host): Promise<Loan[]> {
  return await withJournalLock(host, async () => {
    const names = await listFiles(host);
    const isLeft = async (name: string): Promise<boolean> =>
      name.endsWith(".new") || name.startsWith("run-") && !await isClaimed(pathOf(host, name)) ||
      name.endsWith(".lock") && !names.includes(name.replace(/lock$/, "json"));
    for (const name of names) if (await isLeft(name)) await removeFile(pathOf(host, name));
    const alive = await listFiles(host);
    return (await readLoans(host)).filter(({ owner }) => owner !== null && !alive.includes(owner));
  }) ?? [];
}

/** The directory of the records. */
function journalDirectory(host: Host): string {
  return join(stateDirectory(host), "mappings");
}

function pathOf(host: Host, name: string): string {
  return join(journalDirectory(host), name);
}

async function listFiles(host: Host): Promise<string[]> {
  const entries = await ifThere(Array.fromAsync(Deno.readDir(journalDirectory(host))));
  return (entries ?? []).map(({ name }) => name);
}

/**
 * The user's own ids, as of files that this process makes; undefined in a dry run. Makes the directory of the records,
 * accessible to this user alone.
 *
 * @throws {UserError} when the directory is another user's
 */
export async function ownIds(host: Host): Promise<Pick<FileState, "uid" | "gid"> | undefined> {
  return await withJournalLock(host, async (lock) => {
    const { uid, gid } = await lock.stat();
    const path = journalDirectory(host);
    const directory = await Deno.stat(path);
    if (directory.uid !== uid) {
      throw new UserError(`The directory "${path}" is not yours`, {
        hint: "Set $XDG_STATE_HOME to a directory of your own",
      });
    }
    if (directory.mode! & 0o077) await Deno.chmod(path, 0o700);
    return { uid: uid!, gid: gid! };
  });
}

/**
 * Calls `action` while no other run reads or changes records and ACLs. A dry run calls `plan` instead, and returns
 * undefined. All changes to the journal need this lock, or the lock of a copy.
 */
export async function withJournalLock<T>(
  host: Host,
  action: (lock: Deno.FsFile) => Promise<T>,
  plan: () => Promise<unknown> = async () => {},
): Promise<T | undefined> {
  return await host.change(plan, async () => {
    await Deno.mkdir(journalDirectory(host), { recursive: true, mode: 0o700 });
    using file = await lockFile(pathOf(host, "lock"), { signal: host.signal });
    return await action(file);
  });
}

/** The keys that every record must have, besides those of its kind. */
const keys = ["engine", "server", "instance", "id", "hostPath", "containerPath", "ino"];

/**
 * Writes records atomically, readable by nobody else, and syncs them to disk. The caller must hold the journal's lock,
 * under which other runs remove half-written records.
 */
export async function writeRecords(host: Host, loans: readonly Loan[]): Promise<void> {
  await Promise.all(loans.map((loan) => writeJson(pathOf(host, `${loan.id}.json`), { ...loan, file: undefined })));
}

/** Writes records of copies. Takes the journal's lock itself: the caller needs only the copy's lock. */
export async function writeCopies(host: Host, copies: readonly LentCopy[]): Promise<void> {
  await withJournalLock(host, () => writeRecords(host, copies));
}

/**
 * Lets files stay lent when their run ends. If the run is killed earlier, they are taken back.
 *
 * @returns the records of those that no other run has taken back meanwhile, in order
 */
export async function letStay(host: Host, loans: readonly Loan[]): Promise<Loan[]> {
  return await withJournalLock(host, async () => {
    const records = (await readLoans(host)).filter((loan) => !isMapping(loan) || !loan.restored);
    const kept = loans.flatMap(({ id }) => records.find((record) => record.id === id) ?? []);
    await writeRecords(host, kept.map((loan) => ({ ...loan, owner: null })));
    return kept;
  }) ?? [...loans];
}

/** The files that are not records, and of which the user has been warned. */
const warnedOf = new Set<string>();

/** Reads all records. Ignores a file that is not a record, or is one of version 0.2.0 or older, with a warning. */
export async function readLoans(host: Host): Promise<Loan[]> {
  const names = (await listFiles(host)).filter((name) => /\.(json|copy)$/.test(name));
  return (await Promise.all(names.map((name) => readLoan(host, name)))).filter((loan) => loan !== undefined);
}

export async function readMappings(host: Host): Promise<Mapping[]> {
  return (await readLoans(host)).filter(isMapping);
}

/** Reads the record of one copy; undefined if another run has taken the copy back. */
export async function readCopy(host: Host, { id }: Pick<LentCopy, "id">): Promise<LentCopy | undefined> {
  return await readLoan(host, `${id}.json`) as LentCopy | undefined;
}

/** Reads one record; undefined if it was removed, or is not from this version: then the user is warned once. */
async function readLoan(host: Host, name: string): Promise<Loan | undefined> {
  const path = pathOf(host, name);
  const loan = await readJson(path) as Loan | undefined | null;
  // Older versions wrote copies to *.copy files, and used other keys for ACLs.
  const isOurs = loan && name.endsWith(".json") && keys.every((key) => key in loan) &&
    (isCopy(loan) ? "user" in loan && "maxBytes" in loan : "u:" in (loan.original ?? {}));
  if (isOurs || loan === undefined) return loan;
  const instead = "Take its file back with the version that lent it; if none is lent, delete it";
  if (!warnedOf.has(path)) host.ui.warn(`"${path}" was not written by this version. ${instead}`);
  warnedOf.add(path);
  return undefined;
}

/**
 * The paths of a copy's files in the journal besides its record. `part`: the container's version while it arrives;
 * `back`: the container's complete version; `old`: the host file's complete old content, kept until the new content is
 * on disk.
 */
export function copyFiles(host: Host, { id }: Pick<LentCopy, "id">): Record<"part" | "back" | "old", string> {
  return { part: pathOf(host, `${id}.part`), back: pathOf(host, `${id}.back`), old: pathOf(host, `${id}.old`) };
}

/**
 * Removes loans from the journal. Removes a copy's old content first, since its presence means an unfinished write,
 * then its other files, even half-written ones, then the record, then the lock. The caller must hold the journal's
 * lock: another run may be about to write the record again.
 */
export async function forgetLoans(host: Host, loans: readonly Pick<Loan, "id">[]): Promise<void> {
  const names = await listFiles(host);
  for (const { id } of loans) {
    await removeFile(copyFiles(host, { id }).old);
    const last = [`${id}.json`, `${id}.lock`];
    const others = names.filter((name) => name.startsWith(`${id}.`) && !last.includes(name));
    for (const name of [...others, ...last]) await removeFile(pathOf(host, name));
  }
}

/** Records in the history of the loan that this run has taken its file back. */
export async function noteBack(host: Host, { hostPath: path, history: keptAs }: Loan, changed: boolean): Promise<void> {
  const history = openHistory(host, keptAs);
  history.add({ kind: "file", what: "back", path, changed });
  await history.written();
}

/**
 * Locks a copy against other runs until the end of the value's scope.
 *
 * @param options `wait`: waits for another run that has locked it, until the host's signal aborts; if false, returns
 * undefined in that case
 */
export async function lockCopy(
  host: Host,
  { id, wait = true }: Pick<LentCopy, "id"> & { wait?: boolean },
): Promise<Disposable | undefined> {
  const path = pathOf(host, `${id}.lock`);
  const file = await host.look(undefined, () => wait ? lockFile(path, { signal: host.signal }) : claimFile(path));
  return file && { [Symbol.dispose]: () => release(file) };
}
