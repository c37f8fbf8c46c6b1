/** What all mappings of one inode do to its ACL together: several runs may map a file, into several containers. */

import { type Acl, type Grant, grant, revoke, sameAcl, withoutCopiedGrant } from "./acl.ts";
import { type InodeId, isSameInode } from "./held_file.ts";
import type { Mapping } from "./loan.ts";

/** Whether a mapping is on record, and the ACL of its file not restored yet. */
export function isOnRecord(records: readonly Mapping[], { id }: Pick<Mapping, "id">): boolean {
  return records.some((record) => record.id === id && !record.restored);
}

/** Those of the mappings whose grants are on the ACL of an inode now. */
export function ofInode(mappings: readonly Mapping[], inode: InodeId): Mapping[] {
  return mappings.filter((mapping) => !mapping.restored && isSameInode(mapping, inode));
}

/** The ACL of a file that all of `mappings` grant access to; what they permit one user adds up. */
export function withGrants(original: Acl, mappings: readonly Pick<Mapping, "uid" | "readOnly">[]): Acl {
  const permissions = new Map<number, number>();
  for (const { uid, readOnly } of mappings) permissions.set(uid, (permissions.get(uid) ?? 0) | (readOnly ? 4 : 6));
  return [...permissions].reduce(grant, original);
}

/** What mappings of one inode, at least one, have done to its ACL together. */
export function grantOf(mappings: readonly Mapping[]): Grant {
  // All of them have the same original: see planGrant().
  const { original } = mappings[0]!;
  return { uids: mappings.map(({ uid }) => uid), original, granted: withGrants(original, mappings) };
}

/**
 * What a new mapping does to the ACL of its file.
 *
 * @param options `others`: the mappings that the inode has already; `replaces`: the mapping of the file that this one
 * has replaced, and whose ACL it may have got a copy of; `uid`, `readOnly`: the grant of the new mapping
 * @returns the ACL as it was before the first mapping of the inode, and as it is to be set
 */
export function planGrant(
  current: Acl,
  { others, replaces, uid, readOnly }: Pick<Mapping, "uid" | "readOnly"> & {
    others: readonly Mapping[];
    replaces: Mapping | undefined;
  },
): { original: Acl; granted: Acl } {
  const original = others.length > 0
    ? revoke(current, grantOf(others))
    : replaces
    ? withoutCopiedGrant(current, grantOf([replaces]))
    : current;
  return { original, granted: withGrants(original, [...others, { uid, readOnly }]) };
}

/**
 * What the end of mappings does to the ACL of their file.
 *
 * @param options `ending`: mappings of one inode; `staying`: its other mappings
 * @returns the ACL that is to be set, and whether somebody else has changed it since it was set
 */
export function planRevoke(
  current: Acl,
  { ending, staying }: { ending: readonly Mapping[]; staying: readonly Mapping[] },
): { wanted: Acl; isChanged: boolean } {
  const { uids, original: first } = grantOf(ending);
  const original = withGrants(first, staying);
  const granted = withGrants(first, [...staying, ...ending]);
  return {
    wanted: revoke(current, { uids, original, granted }),
    isChanged: !sameAcl(current, granted) && !sameAcl(current, original),
  };
}
