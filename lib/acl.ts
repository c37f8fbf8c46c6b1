/**
 * POSIX access control lists of files, as values: read from `getfacl -cnpE`, changed, written for `setfacl`. All ids are
 * numbers. Rules: acl(5), and POSIX.1e draft 17 for how the mask clips.
 */

import type { Host } from "./host.ts";

/** What an entry permits: the bits read 4, write 2, execute 1. */
export type Permissions = number;

/** The access ACL of a file. */
export interface Acl {
  /** The owner's entry. */
  user: Permissions;
  /** Entries of named users, by uid. */
  users: ReadonlyMap<number, Permissions>;
  /** The owning group's entry. */
  group: Permissions;
  /** Entries of named groups, by gid. */
  groups: ReadonlyMap<number, Permissions>;
  /** Clips all but owner and other; undefined when there are no named entries and none was set. */
  mask: Permissions | undefined;
  /** Everybody else's entry. */
  other: Permissions;
}

/**
 * Reads the access entries of `getfacl -cnpE`; default entries of a directory are left out.
 *
 * @throws {SyntaxError} for a line that is no entry
 */
export function parseAcl(text: string): Acl {
  const users = new Map<number, Permissions>();
  const groups = new Map<number, Permissions>();
  const single: Partial<Record<"user" | "group" | "mask" | "other", Permissions>> = {};
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("default:")) continue;
    const match = /^(user|group|mask|other):(\d*):([r-][w-][x-])$/.exec(line);
    if (!match) throw new SyntaxError(`Not an ACL entry: "${line}"`);
    const [, tag, id, letters] = match as unknown as [string, keyof typeof single, string, string];
    const permissions = fromLetters(letters);
    if (id === "") single[tag] = permissions;
    else if (tag === "user") users.set(Number(id), permissions);
    else groups.set(Number(id), permissions);
  }
  const { user, group, mask, other } = single;
  if (user === undefined || group === undefined || other === undefined) {
    throw new SyntaxError("An ACL without the entries of owner, group and other");
  }
  return { user, users, group, groups, mask, other };
}

/**
 * The ACL in the short text form that `setfacl --set` takes, entries by commas; named ones by id, as the kernel keeps them, so
 * that the same ACL is the same text.
 */
export function formatAcl(acl: Acl): string {
  const named = (tag: "u" | "g", entries: ReadonlyMap<number, Permissions>): string[] =>
    [...entries].sort(([a], [b]) => a - b).map(([id, permissions]) => `${tag}:${id}:${toLetters(permissions)}`);
  return [
    `u::${toLetters(acl.user)}`,
    ...named("u", acl.users),
    `g::${toLetters(acl.group)}`,
    ...named("g", acl.groups),
    ...(acl.mask === undefined ? [] : [`m::${toLetters(acl.mask)}`]),
    `o::${toLetters(acl.other)}`,
  ].join(",");
}

/**
 * Lets the user `uid` have `permissions`, and nobody else more than before. A mask that would clip them is widened;
 * each entry that it clipped is then cut down to what it was worth.
 */
export function grant(acl: Acl, uid: number, permissions: Permissions): Acl {
  const mask = acl.mask ?? acl.group;
  const clip = (entries: ReadonlyMap<number, Permissions>): Map<number, Permissions> =>
    new Map([...entries].map(([id, worth]) => [id, worth & mask]));
  return {
    ...acl,
    users: new Map([...clip(acl.users), [uid, permissions]]),
    group: acl.group & mask,
    groups: clip(acl.groups),
    mask: mask | permissions,
  };
}

/**
 * Takes the entry of `uid` away from `current`. When nothing else was changed since `granted` was set, the result is
 * exactly `original`.
 */
export function revoke(current: Acl, change: { uid: number; original: Acl; granted: Acl }): Acl {
  if (formatAcl(current) === formatAcl(change.granted)) return change.original;
  const users = new Map(current.users);
  const before = change.original.users.get(change.uid);
  if (before === undefined) users.delete(change.uid);
  else users.set(change.uid, before);
  return { ...current, users };
}

/** Whether two ACLs permit the same, written the same. */
export function sameAcl(a: Acl, b: Acl): boolean {
  return formatAcl(a) === formatAcl(b);
}

/** The access ACL of a file. */
export async function readAcl(host: Host, path: string): Promise<Acl> {
  const { stdout } = await host.run(["getfacl", "-cnpE", "--", path], { stdin: "null" });
  return parseAcl(stdout);
}

/** Replaces the access ACL of a file. */
export async function writeAcl(host: Host, path: string, acl: Acl): Promise<void> {
  await host.run(["setfacl", "--set", formatAcl(acl), "--", path], { stdin: "null" });
}

function fromLetters(letters: string): Permissions {
  return (letters[0] === "r" ? 4 : 0) | (letters[1] === "w" ? 2 : 0) | (letters[2] === "x" ? 1 : 0);
}

function toLetters(permissions: Permissions): string {
  return `${permissions & 4 ? "r" : "-"}${permissions & 2 ? "w" : "-"}${permissions & 1 ? "x" : "-"}`;
}
