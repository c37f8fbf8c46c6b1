/**
 * POSIX access control lists of files, as values: read from `getfacl -cnpE`, changed, and written for `setfacl`. All
 * ids are numbers. Rules: acl(5), and POSIX.1e draft 17 for what the mask does.
 */

import { isProcessError, type ProcessError } from "../../base/errors.ts";
import { mapSome } from "../../base/promises.ts";
import type { Host } from "../../base/host.ts";

/** What an entry permits: the bits read 4, write 2, execute 1. */
export type PermissionBits = number;

/** The bits in letters, by their number. */
const letters = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];

/**
 * The access ACL of a file, as it is on record: what each entry permits, by the name that the entry has for `setfacl`.
 * `u:` is the owner, `u:1000` a named user, `g:` the owning group, `g:100` a named group, `o:` everybody else. `m:` is
 * the mask, the most that any entry but those of owner and other permits; it may be missing without named entries.
 */
export type Acl = Readonly<Record<string, PermissionBits>>;

/**
 * Reads the access entries of `getfacl -cnpE`; default entries of a directory are left out.
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
 * The ACL in the short text form that `setfacl --set` takes. Entries are in the order in which the kernel keeps them,
 * so that equal ACLs give equal texts.
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
 * Gives the user `uid` the `permissions`, and nobody else more than before: where the mask has to be widened for that,
 * each entry that the old mask limited is reduced to what it permitted under it.
 */
export function grant(acl: Acl, [uid, permissions]: readonly [uid: number | string, PermissionBits]): Acl {
  const mask = acl["m:"] ?? acl["g:"]!;
  const reduced = Object.entries(acl).filter(isMasked).map(([name, bits]) => [name, bits & mask]);
  return { ...acl, ...Object.fromEntries(reduced), [`u:${uid}`]: permissions, "m:": mask | permissions };
}

/** A change that was made to an ACL by {@linkcode grant}, for one user or several. */
export interface Grant {
  uids: readonly (number | string)[];
  /** The ACL before. */
  original: Acl;
  /** The ACL that was set. */
  granted: Acl;
}

/**
 * Undoes a grant. If nobody else has changed the ACL since, or it is undone, the result is exactly `original`.
 * Otherwise the users' entries are removed, or are again the ones that were there, as `setfacl -x` does it, but for a
 * mask that would grow by that. Others get what they get now.
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
  // Without named entries, chmod is for the group again (acl(5)).
  if (masked.length === 1) return { ...entries, "g:": entries["g:"]! & mask };
  return { ...entries, "m:": masked.reduce((all, [, bits]) => all | bits, 0) & mask };
}

/**
 * The ACL that a file would have if the file that it has replaced had not been granted to anybody. Editors copy the ACL
 * to the new file, or the mode alone, whose group bits are the mask where there is one.
 *
 * @param made the grant on the file that was replaced
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

/** The access ACLs of files, in their order, by one call. */
export async function readAcls(host: Host, paths: readonly string[]): Promise<Acl[]> {
  const { stdout } = await host.run(["getfacl", "-cnpE", "--", ...paths]);
  const acls = stdout.split("\n\n").filter((text) => text.trim() !== "").map(parseAcl);
  if (acls.length !== paths.length) throw new SyntaxError(`${acls.length} ACLs of ${paths.length} files`);
  return acls;
}

/** A new access ACL for the file at an absolute path. */
export type AclChange = readonly [path: string, acl: Acl];

/** Replaces the access ACLs of files, some at once. Returns the error for each that cannot be replaced. */
export async function writeAcls(
  host: Host,
  changes: readonly (AclChange | undefined)[],
): Promise<(ProcessError | undefined)[]> {
  const act = async (change: AclChange | undefined): Promise<ProcessError | undefined> => {
    if (!change) return undefined;
    const [path, acl] = change;
    // A caller looks for a message in English.
    const written = host.run(["setfacl", "--set", formatAcl(acl), path], { env: { LC_ALL: "C" } });
    return await written.then(() => undefined, (error) => isProcessError(error) ? error : Promise.reject(error));
  };
  return await mapSome(changes, { atOnce: 8, act });
}
