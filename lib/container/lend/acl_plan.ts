/**
 * Plans the changes to the ACLs of mapped files, from the records and the present state of the files. Several runs may
 * map one inode into several containers; in the end, each file gets its former permissions back.
 */

import { type Acl, type AclChange, type Grant, grant, revoke, sameAcl, withoutCopiedGrant } from "./acl.ts";
import { type FileState, type InodeId, isSameInode } from "./held_file.ts";
import type { Mapping } from "./loan.ts";

/** Whether a mapping is on record, and its file's ACL not restored yet. */
export function isOnRecord(records: readonly Mapping[], { id }: Pick<Mapping, "id">): boolean {
  return records.some((record) => record.id === id && !record.restored);
}

/** The mappings that currently have a grant in the ACL of an inode. */
export function ofInode(mappings: readonly Mapping[], inode: InodeId): Mapping[] {
  return mappings.filter((mapping) => !mapping.restored && isSameInode(mapping, inode));
}

/** The ACL of a file with the grants of all `mappings`. Grants to the same user add up. */
export function withGrants(original: Acl, mappings: readonly Pick<Mapping, "uid" | "readOnly">[]): Acl {
  const permissions = new Map<Mapping["uid"], number>();
  for (const { uid, readOnly } of mappings) permissions.set(uid, (permissions.get(uid) ?? 0) | (readOnly ? 4 : 6));
  return [...permissions].reduce(grant, original);
}

/** The combined grant of mappings of one inode, at least one. */
function grantOf(mappings: readonly Mapping[]): Grant {
  // All of them have the same original: see planGrant().
  const { original } = mappings[0]!;
  return { uids: mappings.map(({ uid }) => uid), original, granted: withGrants(original, mappings) };
}

/**
 * Plans what a new mapping does to the ACL of its file.
 *
 * @param options `others`: existing mappings of the inode; `replaces`: the mapping of the file that this one has
 * replaced, whose ACL it may have a copy of; `uid`, `readOnly`: the grant of the new mapping
 * @returns the ACL before the first mapping of the inode, and the ACL to set
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

export interface FoundFile {
  /** The path of its handle, which always leads to this inode. */
  handle: string;
  state: FileState;
  acl: Acl;
}

export interface ObservedFile {
  /** The mapping, as the run knows it. */
  mapping: Mapping;
  /** The mapped inode, wherever it is now; undefined if it was not found. */
  file: FoundFile | undefined;
  /** A different inode that is now at the path of the mapped one. */
  replacement: FoundFile | undefined;
}

/** One step of restoring. Its findings and its `done` are valid only once its change has succeeded. */
export interface RestoreStep {
  /** The ACL to set, if the file does not have it. */
  change?: AclChange;
  /** The change may fail without an error: the file was never mapped. */
  isOptional?: boolean;
  findings: string[];
  /** The mappings whose files need nothing further. */
  done: Mapping[];
  /** Their files no longer exist, or belong to somebody else. */
  isLost?: true;
}

/** A file, and the mappings for which it was found, at least one. */
interface FoundMapping {
  file: FoundFile;
  mappings: Mapping[];
}

/**
 * Plans how mapped files are restored when their mappings end. A mapped inode gets its ACL back, wherever it is now.
 * From a file that has replaced it, only a copied grant is removed. The mappings of one inode end in one step.
 *
 * @param records all mappings on record; those that other runs have ended are skipped
 * @param observed `files`: the present state of the files whose mappings end; `ownUid`: the user's own uid
 */
export function planRestore(
  records: readonly Mapping[],
  { files, ownUid }: { files: readonly ObservedFile[]; ownUid: number },
): RestoreStep[] {
  const restored = files.map(({ mapping }) => mapping)
    .filter(({ id }) => records.some((record) => record.id === id && record.restored));
  const ending = files.filter(({ mapping }) => isOnRecord(records, mapping));
  const staying = records.filter(({ id }) => !ending.some(({ mapping }) => mapping.id === id));
  const lost = new Map(ending.flatMap((observed) => {
    const step = planLost(observed, ownUid);
    return step ? [[observed.mapping, step]] : [];
  }));
  const replacements = byInode(ending, "replacement").filter(({ file }) => ofInode(records, file.state).length === 0);
  const inodes = byInode(ending.filter(({ mapping }) => !lost.has(mapping)), "file");
  return [
    { findings: [], done: restored },
    ...lost.values(),
    ...replacements.flatMap((found) => planReplacement(found, found.mappings.some((mapping) => lost.has(mapping)))),
    ...inodes.map((found) => planInode(found, staying)),
  ];
}

/** The step for an inode that is lost or inaccessible; undefined if its ACL can be changed. */
function planLost({ mapping, file, replacement }: ObservedFile, ownUid: number): RestoreStep | undefined {
  const { hostPath, instance, ino, uid } = mapping;
  const lost: Pick<RestoreStep, "done" | "isLost"> = { done: [mapping], isLost: true };
  const what = replacement
    ? `"${hostPath}" was replaced meanwhile; "${instance}" had the old file, which`
    : `The file that was lent as "${hostPath}"`;
  if (!file) {
    const command = `find DIRECTORY -inum ${ino} -exec setfacl -x u:${uid} {} +`;
    return { ...lost, findings: [`${what} no longer exists. If it was moved, end its loan there: ${command}`] };
  }
  if (ownUid !== 0 && file.state.uid !== ownUid) {
    const command = `setfacl -x u:${uid} FILE`;
    const foreign = `"${hostPath}" belongs to somebody else now, who can remove the container's entry: ${command}`;
    return { ...lost, findings: [foreign] };
  }
  return file.state.nlink === 0 ? { ...lost, findings: [`${what} is deleted`] } : undefined;
}

/** The step for an inode when some of its mappings end. */
function planInode({ file: { handle, state, acl }, mappings }: FoundMapping, staying: readonly Mapping[]): RestoreStep {
  const { hostPath, mode, original: first, ...inode } = mappings[0]!;
  const others = ofInode(staying, inode);
  const original = withGrants(first, others);
  const granted = withGrants(first, [...others, ...mappings]);
  const wanted = revoke(acl, { uids: mappings.map(({ uid }) => uid), original, granted });
  const isChanged = !sameAcl(acl, granted) && !sameAcl(acl, original);
  const changed = `The permissions of "${hostPath}" were changed meanwhile; only the container's entry was removed`;
  const lostBit = `"${hostPath}" has lost a set-ID bit: Linux clears it when an unprivileged process writes to it`;
  return {
    ...(sameAcl(acl, wanted) ? {} : { change: [handle, wanted] }),
    findings: [...(isChanged ? [changed] : []), ...(mode & ~state.mode & 0o6000 ? [lostBit] : [])],
    done: mappings,
  };
}

/**
 * The step for a file that has replaced a mapped one, and may have a copy of its ACL or mode.
 *
 * @param isLost the old file no longer exists, and the user is told so
 */
function planReplacement({ file: { handle, acl }, mappings }: FoundMapping, isLost: boolean): RestoreStep[] {
  const wanted = mappings.reduce((acl, mapping) => withoutCopiedGrant(acl, grantOf([mapping])), acl);
  const isCopy = !sameAcl(acl, wanted);
  if (isLost && !isCopy) return [];
  const what = isCopy
    ? "the copy of the container's permissions was removed from the new file"
    : "the file that is there now was not lent";
  const findings = [...new Set(mappings.map(({ hostPath }) => `"${hostPath}" was replaced meanwhile; ${what}`))];
  return [{ ...(isCopy ? { change: [handle, wanted], isOptional: true } : {}), findings, done: [] }];
}

/** The found inodes, each with all mappings for which it was found. */
function byInode(files: readonly ObservedFile[], which: "file" | "replacement"): FoundMapping[] {
  const found = files.flatMap(({ mapping, [which]: file }) => file ? [{ mapping, file }] : []);
  return [...Map.groupBy(found, ({ file: { state: { dev, ino } } }) => `${dev}:${ino}`).values()]
    .map((group) => ({ file: group[0]!.file, mappings: group.map(({ mapping }) => mapping) }));
}
