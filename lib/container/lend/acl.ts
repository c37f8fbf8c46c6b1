/**
 * POSIX access control lists of files, as values: read from `getfacl -cnpE`, changed, and written for `setfacl`. All
 * ids are numbers. Rules: acl(5), and POSIX.1e draft 17 for what the mask does.
 */

import type { Host } from "../../base/host.ts";

/** What an entry permits: the bits read 4, write 2, execute 1. */
export type Permissions = number;

/** Entries of named users or groups: their ids, each once, and what they are permitted. */
export type Entries = readonly (readonly [id: number, Permissions])[];

/** The access ACL of a file: JSON, as it is on record. */
export interface Acl {
  /** The owner's entry. */
  user: Permissions;
  /** Entries of named users, by uid. */
  users: Entries;
  /** The owning group's entry. */
  group: Permissions;
  /** Entries of named groups, by gid. */
  groups: Entries;
  /** The most that any entry but those of owner and other permits; it may be null without named entries. */
  mask: Permissions | null;
  /** Everybody else's entry. */
  other: Permissions;
}

/**
 * Reads the access entries of `getfacl -cnpE`; default entries of a directory are left out.
 *
 * @throws {SyntaxError} for a line that is not an entry
 */
export function parseAcl(text: string): Acl {
  const users: [number, Permissions][] = [];
  const groups: [number, Permissions][] = [];
  const single: Partial<Record<"user" | "group" | "mask" | "other", Permissions>> = {};
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("default:")) continue;
    const match = /^(user|group|mask|other):(\d*):([r-][w-][x-])$/.exec(line);
    if (!match) throw new SyntaxError(`Not an ACL entry: "${line}"`);
    const [, tag, id, letters] = match as unknown as [string, keyof typeof single, string, string];
    const permissions = fromLetters(letters);
    if (id === "") single[tag] = permissions;
    else (tag === "user" ? users : groups).push([Number(id), permissions]);
  }
  const { user, group, mask = null, other } = single;
  if (user === undefined || group === undefined || other === undefined) {
    throw new SyntaxError("An ACL without the entries of owner, group and other");
  }
  return { user, users, group, groups, mask, other };
}

/**
 * The ACL in the short text form that `setfacl --set` takes. Named entries are in the order of their ids, as the kernel
 * keeps them, so that equal ACLs give equal texts.
 */
export function formatAcl(acl: Acl): string {
  const named = (tag: "u" | "g", entries: Entries): string[] =>
    entries.toSorted(([a], [b]) => a - b).map(([id, permissions]) => `${tag}:${id}:${toLetters(permissions)}`);
  return [
    `u::${toLetters(acl.user)}`,
    ...named("u", acl.users),
    `g::${toLetters(acl.group)}`,
    ...named("g", acl.groups),
    ...(acl.mask === null ? [] : [`m::${toLetters(acl.mask)}`]),
    `o::${toLetters(acl.other)}`,
  ].join(",");
}

/**
 * Gives the user `uid` the `permissions`, and nobody else more than before: where the mask has to be widened for that,
 * each entry that the old mask limited is reduced to what it permitted under it.
 */
export function grant(acl: Acl, [uid, permissions]: Entries[number]): Acl {
  const mask = acl.mask ?? acl.group;
  const reduce = (entries: Entries): Entries => entries.map(([id, bits]) => [id, bits & mask]);
  return {
    ...acl,
    users: [...reduce(acl.users).filter(([id]) => id !== uid), [uid, permissions]],
    group: acl.group & mask,
    groups: reduce(acl.groups),
    mask: mask | permissions,
  };
}

/** A change that was made to an ACL by {@linkcode grant}, for one user or several. */
export interface Grant {
  uids: readonly number[];
  /** The ACL before. */
  original: Acl;
  /** The ACL that was set. */
  granted: Acl;
}

/**
 * Undoes a grant. If nobody else has changed the ACL since, the result is exactly `original`. Otherwise the users'
 * entries are removed, or are again the ones that were there, as `setfacl -x` does it, but for a mask that would grow
 * by that. Others get what they get now.
 */
export function revoke(current: Acl, { uids, original, granted }: Grant): Acl {
  if (sameAcl(current, granted)) return original;
  const users = current.users.flatMap(([id, bits]): Entries => {
    if (!uids.includes(id)) return [[id, bits]];
    const before = permissionsOf(original.users, id);
    return before === undefined ? [] : [[id, before & (original.mask ?? 7)]];
  });
  if (current.mask === null) return current;
  const named = [...users, ...current.groups];
  // Without named entries, chmod is for the group again (acl(5)).
  if (named.length === 0) return { ...current, users, group: current.group & current.mask, mask: null };
  return { ...current, users, mask: named.reduce((all, [, bits]) => all | bits, current.group) & current.mask };
}

/**
 * The ACL that a file would have if the file that it has replaced had not been granted to anybody. Editors copy the ACL
 * to the new file, or the mode alone, whose group bits are the mask where there is one.
 *
 * @param made the grant on the file that was replaced
 */
export function withoutCopiedGrant(current: Acl, made: Grant): Acl {
  const { uids, original, granted } = made;
  if (uids.some((uid) => permissionsOf(current.users, uid) !== undefined)) return revoke(current, made);
  const isCopy = current.mask === null && current.user === granted.user && current.other === granted.other &&
    current.group === granted.mask;
  return isCopy ? { ...current, group: original.mask ?? original.group } : current;
}

function permissionsOf(entries: Entries, wanted: number): Permissions | undefined {
  return entries.find(([id]) => id === wanted)?.[1];
}

export function sameAcl(a: Acl, b: Acl): boolean {
  return formatAcl(a) === formatAcl(b);
}

/** The access ACLs of files, in their order, by one call. */
export async function readAcls(host: Host, paths: readonly string[]): Promise<Acl[]> {
  if (paths.length === 0) return [];
  const { stdout } = await host.run(["getfacl", "-cnpE", "--", ...paths]);
  const acls = stdout.split("\n\n").filter((text) => text.trim() !== "").map(parseAcl);
  if (acls.length !== paths.length) throw new SyntaxError(`${acls.length} ACLs of ${paths.length} files`);
  return acls;
}

/** A new access ACL for the file at an absolute path. */
export type AclChange = readonly [path: string, acl: Acl];

/** Replaces the access ACLs of files, by one call. */
export async function writeAcls(host: Host, changes: readonly AclChange[]): Promise<void> {
  if (changes.length === 0) return;
  await host.run(["setfacl", ...changes.flatMap(([path, acl]) => ["--set", formatAcl(acl), path])], {
    // The caller looks for a message in English.
    env: { LC_ALL: "C" },
  });
}

function fromLetters(letters: string): Permissions {
  return (letters[0] === "r" ? 4 : 0) | (letters[1] === "w" ? 2 : 0) | (letters[2] === "x" ? 1 : 0);
}

function toLetters(permissions: Permissions): string {
  return `${permissions & 4 ? "r" : "-"}${permissions & 2 ? "w" : "-"}${permissions & 1 ? "x" : "-"}`;
}
