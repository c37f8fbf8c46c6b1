/**
 * POSIX access control lists of files, as values: read from `getfacl -cnpE`, changed, written for `setfacl`. All ids are
 * numbers. Rules: acl(5), and POSIX.1e draft 17 for how the mask clips.
 */

import type { Host } from "../base/host.ts";

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

/** What was done to an ACL: `granted` was set in place of `original`, for these users. */
export interface Grant {
  /** The users whose entries are ours. */
  uids: readonly number[];
  /** What there was before. */
  original: Acl;
  /** What was set. */
  granted: Acl;
}

/**
 * Takes the entries of `uids` away from `current`. When nothing else was changed since `granted` was set, the result is
 * exactly `original`. Otherwise what was changed stays, and what was not is as it was in `original`, unless somebody could do
 * more by that than now.
 */
export function revoke(current: Acl, { uids, original, granted }: Grant): Acl {
  if (sameAcl(current, granted)) return original;
  // Nothing is left of ours: "setfacl -b".
  if (current.mask === undefined) return current;
  const ours = new Set(uids);
  const others = (tag: "users" | "groups"): [number, Permissions][] =>
    [...current[tag]].filter(([id]) => tag === "groups" || !ours.has(id));
  const isChanged = (tag: "users" | "groups", [id, worth]: [number, Permissions]): boolean =>
    granted[tag].get(id) !== worth;
  const changed = [
    ...others("users").filter((entry) => isChanged("users", entry)),
    ...others("groups").filter((entry) => isChanged("groups", entry)),
  ];
  const groupChanged = current.group !== granted.group;
  const limit = original.mask ?? original.group;
  const mask = isAsSetfaclMakes(current, granted)
    ? union([...others("users"), ...others("groups")], current.group)
    : mergeBits(limit, granted.mask ?? 0, current.mask) |
      union(changed, groupChanged ? current.group : 0) & current.mask;
  const isNarrow = (mask & ~limit) === 0;
  const entries = (tag: "users" | "groups"): Map<number, Permissions> =>
    new Map([...current[tag]].flatMap(([id, worth]): [number, Permissions][] => {
      const before = original[tag].get(id);
      if (tag === "users" && ours.has(id)) {
        return before === undefined ? [] : [[id, isNarrow ? before : before & limit]];
      }
      // Entries that the old mask clipped were cut down by grant(). Under a mask as narrow they can be whole again.
      return [[id, before !== undefined && isNarrow && granted[tag].get(id) === worth ? before : worth]];
    }));
  const users = entries("users");
  const groups = entries("groups");
  const group = isNarrow && !groupChanged ? original.group : current.group;
  if (original.mask !== undefined || users.size + groups.size > 0) return { ...current, users, groups, group, mask };
  // As it was, there is no mask any more: what chmod has set meanwhile as the group's rights was the mask.
  return { ...current, users, groups, group: groupChanged ? group & mask : mask, mask: undefined };
}

/** Whether entries were changed since and the mask permits just what they all do: `setfacl` makes it so. */
function isAsSetfaclMakes(current: Acl, granted: Acl): boolean {
  return current.mask === union([...current.users, ...current.groups], current.group) &&
    !sameAcl({ ...current, user: granted.user, other: granted.other, mask: granted.mask }, granted);
}

/** What was changed from `granted` to `current`, done to `original`, bit by bit: as `chmod g+x` would have. */
function mergeBits(original: Permissions, granted: Permissions, current: Permissions): Permissions {
  const changed = granted ^ current;
  return original & ~changed | current & changed;
}

/**
 * The ACL that a file would have if the one that it has replaced had not been lent: editors copy the whole ACL to the
 * file that they save, or the mode alone, whose group bits are the mask while there is one.
 */
export function withoutCopy(current: Acl, { uids, original, granted }: Grant): Acl {
  if (uids.some((uid) => current.users.has(uid))) return revoke(current, { uids, original, granted });
  const isCopy = current.mask === undefined && current.user === granted.user && current.other === granted.other &&
    current.group === granted.mask;
  return isCopy ? { ...current, group: original.mask ?? original.group } : current;
}

function union(entries: readonly [number, Permissions][], start: Permissions): Permissions {
  return entries.reduce((all, [, worth]) => all | worth, start);
}

/** Whether two ACLs permit the same, written the same. */
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

/** A new access ACL for a file. */
export interface AclChange {
  /** The file's path, absolute. */
  path: string;
  /** Its new ACL. */
  acl: Acl;
}

/** Replaces the access ACLs of files, by one call. */
export async function writeAcls(host: Host, changes: readonly AclChange[]): Promise<void> {
  if (changes.length === 0) return;
  await host.run(["setfacl", ...changes.flatMap(({ path, acl }) => ["--set", formatAcl(acl), path])], {
    // What it says is told apart.
    env: { LC_ALL: "C" },
  });
}

function fromLetters(letters: string): Permissions {
  return (letters[0] === "r" ? 4 : 0) | (letters[1] === "w" ? 2 : 0) | (letters[2] === "x" ? 1 : 0);
}

function toLetters(permissions: Permissions): string {
  return `${permissions & 4 ? "r" : "-"}${permissions & 2 ? "w" : "-"}${permissions & 1 ? "x" : "-"}`;
}
