/**
 * POSIX access control lists of files, as values: parsed from `getfacl -cnpE`, changed, and formatted for `setfacl`.
 * All ids are numeric. The rules are those of acl(5), and of POSIX.1e draft 17 for the mask.
 */

import { isProcessError, type ProcessError } from "../../base/errors.ts";
import { mapSome } from "../../base/promises.ts";
import type { Host } from "../../base/host.ts";

/** The permissions of an entry, as bits: read 4, write 2, execute 1. */
export type PermissionBits = number;

/** The permissions as letters, indexed by their bits. */
const letters = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];

/**
 * The access ACL of a file, also as records store it: the permissions of each entry, by the entry's tag in `setfacl`.
 * `u:` is the owner, `u:1000` a named user, `g:` the owning group, `g:100` a named group, `o:` others. `m:` is the
 * mask, which limits all entries except owner and others; it may be missing if there are no named entries.
 */
export type Acl = Readonly<Record<string, PermissionBits>>;

/**
 * Parses the access entries of `getfacl -cnpE`; skips the default entries of a directory.
 *
 * @throws {SyntaxError} for a line that is not an entry
 */
export function parseAcl(text: string): Acl {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("default:"));
  const acl = Object.fromEntries(lines.map((line) => {
    const [, tag, id, bits] = /^(user|group|mask|other):(\d*):([r-][w-][x-])$/.exec(line) ?? [];
    if (bits === undefined) throw new SyntaxError(`Not an ACL entry: "${line}"`);
    return [`${tag![0]}:${id}`, letters.indexOf(bits)];
  }));
  if (["u:", "g:", "o:"].every((name) => name in acl)) return acl;
  throw new SyntaxError("An ACL without the entries of owner, group and other");
}

/**
 * Formats an ACL in the short text form for `setfacl --set`. Entries are in the kernel's order, so equal ACLs give
 * equal texts.
 */
export function formatAcl(acl: Acl): string {
  const rank = (name: string): number => "ugmo".indexOf(name[0]!) * 2 ** 32 + Number(name.slice(2));
  return Object.entries(acl).sort(([a], [b]) => rank(a) - rank(b)).map(([name, bits]) => `${name}:${letters[bits]}`)
    .join();
}

/** Whether the mask limits an entry. */
function isMasked([name]: [string, PermissionBits]): boolean {
  return !["u:", "m:", "o:"].includes(name);
}

/**
 * Grants `permissions` to the user `uid`, without giving anybody else more than before: if the mask must be widened,
 * each masked entry is first reduced to its effective permissions.
 */
export function grant(acl: Acl, [uid, permissions]: readonly [uid: number | string, PermissionBits]): Acl {
  const mask = acl["m:"] ?? acl["g:"]!;
  const reduced = Object.entries(acl).filter(isMasked).map(([name, bits]) => [name, bits & mask]);
  return { ...acl, ...Object.fromEntries(reduced), [`u:${uid}`]: permissions, "m:": mask | permissions };
}

/** A change made to an ACL by {@linkcode grant}, for one or several users. */
export interface Grant {
  uids: readonly (number | string)[];
  /** The ACL before. */
  original: Acl;
  /** The ACL that was set. */
  granted: Acl;
}

/**
 * Undoes a grant. If nobody else has changed the ACL since, or the grant is already undone, the result is exactly
 * `original`. Otherwise the users' entries are removed, as by `setfacl -x`, or restored to the former ones, but the
 * mask never grows. Everybody else keeps their present effective permissions.
 */
export function revoke(current: Acl, { uids, original, granted }: Grant): Acl {
  if (sameAcl(current, granted) || sameAcl(current, original)) return original;
  const { "m:": mask, ...entries }: Record<string, PermissionBits> = current;
  if (mask === undefined) return current;
  for (const name of uids.map((uid) => `u:${uid}`).filter((name) => name in current)) {
    if (name in original) entries[name] = original[name]! & (original["m:"] ?? 7);
    else delete entries[name];
  }
  const masked = Object.entries(entries).filter(isMasked);
  // Without named entries there is no mask, and the mode's group bits are the owning group's again (acl(5)).
  if (masked.length === 1) return { ...entries, "g:": entries["g:"]! & mask };
  return { ...entries, "m:": masked.reduce((all, [, bits]) => all | bits, 0) & mask };
}

/**
 * Removes a grant that was copied from a replaced file. Editors copy the old file's ACL to the new one, or only its
 * mode, in which the group bits are the mask, if there is one.
 *
 * @param made the grant on the replaced file
 */
export function withoutCopiedGrant(current: Acl, made: Grant): Acl {
  const { uids, original, granted } = made;
  if (uids.some((uid) => `u:${uid}` in current)) return revoke(current, made);
  const mode = { "u:": granted["u:"]!, "g:": granted["m:"]!, "o:": granted["o:"]! };
  return sameAcl(current, mode) ? { ...current, "g:": original["m:"] ?? original["g:"]! } : current;
}

export function sameAcl(a: Acl, b: Acl): boolean {
  return formatAcl(a) === formatAcl(b);
}

/** Reads the access ACLs of files, in order, by one call of getfacl. */
export async function readAcls(host: Host, paths: readonly string[]): Promise<Acl[]> {
  const { stdout } = await host.run(["getfacl", "-cnpE", "--", ...paths]);
  const acls = stdout.split("\n\n").filter((text) => text.trim() !== "").map(parseAcl);
  if (acls.length !== paths.length) throw new SyntaxError(`${acls.length} ACLs of ${paths.length} files`);
  return acls;
}

/** A new access ACL for the file at an absolute path. */
export type AclChange = readonly [path: string, acl: Acl];

/** Sets the access ACLs of files, several at once. Returns an error for each that cannot be set. */
export async function writeAcls(
  host: Host,
  changes: readonly (AclChange | undefined)[],
): Promise<(ProcessError | undefined)[]> {
  const act = async (change: AclChange | undefined): Promise<ProcessError | undefined> => {
    if (!change) return undefined;
    const [path, acl] = change;
    // A caller parses the message, so it must be in English.
    const written = host.run(["setfacl", "--set", formatAcl(acl), path], { env: { LC_ALL: "C" } });
    return await written.then(() => undefined, (error) => isProcessError(error) ? error : Promise.reject(error));
  };
  return await mapSome(changes, { atOnce: 8, act });
}
