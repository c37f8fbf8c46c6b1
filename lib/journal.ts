/** The record of mapped files, on disk before a mapping takes effect, so that a crash can be put right. One file each. */

// @ts-types="./types/std_path.d.ts"
import { join } from "@std/path";
import type { Acl } from "./acl.ts";
import { inputError } from "./errors.ts";
import type { Host } from "./host.ts";
import { quoteWord } from "./words.ts";

/** One mapped file. */
export interface Mapping {
  engine: string;
  /** The container's name. */
  instance: string;
  /** The device of the container that shows the file. */
  device: string;
  /** The file on the host, without symbolic links. */
  host: string;
  /** The same file in the container. */
  container: string;
  readOnly: boolean;
  /** The {@linkcode Presence} of the run that waits to take it back; null when it stays until `--unmap`. */
  owner: string | null;
  /** Which inode was given: a file that replaces it must not get its ACL. */
  dev: number;
  ino: number;
  /** The container user's uid on the host. */
  uid: number;
  /** Mode bits before. */
  mode: number;
  /** The access ACL before, and the one that was set. */
  original: AclRecord;
  granted: AclRecord;
}

/** A run that waits to take files back, seen by others through the lock that it holds on a file. */
export interface Presence {
  /** The file's name in the journal's directory: the `owner` of its mappings. */
  owner: string;
  /** The run has taken everything back. */
  end(): Promise<void>;
}

/**
 * Shows other runs that this one lives. The kernel gives the lock up when the process ends, however it ends. (Deno 2.9
 * lets no script under scoped permissions read /proc, where a process could be asked for by its id.)
 */
export async function announcePresence(host: Host): Promise<Presence> {
  const directory = journalDirectory(host);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const owner = `run-${crypto.randomUUID()}`;
  const path = join(directory, owner);
  const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
  await file.lock(true);
  return {
    owner,
    async end() {
      file.close();
      await Deno.remove(path);
    },
  };
}

/** Whether the run that was to take a file back is gone: killed, or the machine was started anew. */
export async function isOrphan(host: Host, { owner }: Mapping): Promise<boolean> {
  if (owner === null) return false;
  try {
    using file = await Deno.open(join(journalDirectory(host), owner), { write: true });
    return await file.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Removes what {@linkcode announcePresence} of a run that was killed has left. */
export async function forgetPresence(host: Host, owner: string): Promise<void> {
  await Deno.remove(join(journalDirectory(host), owner)).catch(() => {});
}

/** An {@linkcode Acl} as JSON: maps become lists of pairs. */
export interface AclRecord extends Omit<Acl, "users" | "groups" | "mask"> {
  users: [number, number][];
  groups: [number, number][];
  mask: number | null;
}

/** An ACL as it goes to disk. */
export function toRecord(acl: Acl): AclRecord {
  return { ...acl, users: [...acl.users], groups: [...acl.groups], mask: acl.mask ?? null };
}

/** An ACL as it comes from disk. */
export function fromRecord(record: AclRecord): Acl {
  return { ...record, users: new Map(record.users), groups: new Map(record.groups), mask: record.mask ?? undefined };
}

/**
 * The directory of the records: `$XDG_STATE_HOME/gui-container/mappings`, by default below `~/.local/state` (XDG Base
 * Directory Specification).
 *
 * @throws {UserError} exit code 2 when neither variable is set
 */
export function journalDirectory(host: Host): string {
  const home = host.env("HOME");
  const state = host.env("XDG_STATE_HOME") ?? (home && join(home, ".local", "state"));
  if (!state) throw inputError("Neither $XDG_STATE_HOME nor $HOME is set", "Set one of them");
  return join(state, "gui-container", "mappings");
}

/** Writes a record: whole or not at all, readable by nobody else. */
export async function writeRecord(host: Host, mapping: Mapping): Promise<void> {
  const directory = journalDirectory(host);
  const path = join(directory, `${mapping.device}.json`);
  const text = JSON.stringify(mapping);
  await host.change(
    `mkdir -p -m 700 ${quoteWord(directory)} && printf %s ${quoteWord(text)} >${quoteWord(path)}`,
    async () => {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      using file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode: 0o600 });
      await file.write(new TextEncoder().encode(text));
      await file.sync();
      await Deno.rename(`${path}.new`, path);
    },
  );
}

/** Runs `action` while no other run of map.ts reads or changes records and ACLs. */
export async function withJournalLock<T>(host: Host, action: () => Promise<T>): Promise<T> {
  if (host.dryRun) return await action();
  const directory = journalDirectory(host);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  using file = await Deno.open(join(directory, "lock"), { write: true, create: true, mode: 0o600 });
  await file.lock(true);
  return await action();
}

/** All records, in no order. */
export async function readRecords(host: Host): Promise<Mapping[]> {
  const directory = journalDirectory(host);
  const mappings: Mapping[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (name.endsWith(".json")) mappings.push(JSON.parse(await Deno.readTextFile(join(directory, name))));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return mappings;
}

/** Removes a record. */
export async function removeRecord(host: Host, device: string): Promise<void> {
  const path = join(journalDirectory(host), `${device}.json`);
  await host.change(`rm -f ${quoteWord(path)}`, () => Deno.remove(path));
}
