/** How each mapped file gets its former permissions back: decided from the records and from what was found. */

import { type Acl, type AclChange, sameAcl, withoutCopiedGrant } from "./acl.ts";
import { grantOf, isOnRecord, ofInode, planRevoke } from "./grants.ts";
import type { FileState } from "./held_file.ts";
import type { Mapping } from "./loan.ts";

export interface FoundFile {
  /** The path of its handle, which leads to this very inode. */
  handle: string;
  state: FileState;
  acl: Acl;
}

export interface ObservedFile {
  /** The mapping, as its run knows it. */
  mapping: Mapping;
  /** The inode that was mapped, wherever it is now; undefined when it was not found. */
  file: FoundFile | undefined;
  /** Another inode that is now at the path of the mapped one. */
  replacement: FoundFile | undefined;
}

/** One step of restoring. Its findings are true, and its mappings done, only once the change is made. */
export interface RestoreStep {
  /** The ACL that is to be set, if it is not the right one already. */
  change?: AclChange;
  /** It is not a failure when the change cannot be made: the file was never mapped. */
  isOptional?: boolean;
  findings: string[];
  /** The mappings whose files need nothing more. */
  done: Mapping[];
  /** Their files are not there any more, or are somebody else's. */
  isLost?: true;
}

/** A file, and the mappings for which it was found: at least one. */
interface FoundMapping {
  file: FoundFile;
  mappings: Mapping[];
}

/**
 * Plans how mapped files are restored when their mappings end. An inode that was mapped gets its ACL back, wherever it
 * is now. Of a file that has replaced it, only a copied grant is removed. The mappings of one inode end in one step.
 *
 * @param records all mappings on record; nothing is done for those that other runs have ended already
 * @param observed `files`: the files whose mappings end, as they are now; `ownUid`: the user's own
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

/** The step for an inode that is lost or out of reach; undefined for one that can be changed. */
function planLost({ mapping, file, replacement }: ObservedFile, ownUid: number): RestoreStep | undefined {
  const { hostPath, instance, ino, uid } = mapping;
  const lost: Pick<RestoreStep, "done" | "isLost"> = { done: [mapping], isLost: true };
  const what = replacement
    ? `"${hostPath}" was replaced meanwhile; "${instance}" had the old file, which`
    : `The file that was lent as "${hostPath}"`;
  if (!file) {
    const command = `find DIRECTORY -inum ${ino} -exec setfacl -x u:${uid} {} +`;
    return { ...lost, findings: [`${what} is not there any more. If it was moved, end its loan there: ${command}`] };
  }
  if (ownUid !== 0 && file.state.uid !== ownUid) {
    const command = `setfacl -x u:${uid} FILE`;
    const foreign = `"${hostPath}" belongs to somebody else now, who can remove the container's entry: ${command}`;
    return { ...lost, findings: [foreign] };
  }
  return file.state.nlink === 0 ? { ...lost, findings: [`${what} is deleted`] } : undefined;
}

/** The step for an inode some of whose mappings end. */
function planInode({ file: { handle, state, acl }, mappings }: FoundMapping, staying: readonly Mapping[]): RestoreStep {
  const { hostPath, mode, ...inode } = mappings[0]!;
  const { wanted, isChanged } = planRevoke(acl, { ending: mappings, staying: ofInode(staying, inode) });
  const changed = `The permissions of "${hostPath}" were changed meanwhile; only the container's entry was removed`;
  const lostBit = `"${hostPath}" has lost a set-ID bit: Linux clears it when an unprivileged process writes to it`;
  return {
    ...(sameAcl(acl, wanted) ? {} : { change: [handle, wanted] }),
    findings: [...(isChanged ? [changed] : []), ...(mode & ~state.mode & 0o6000 ? [lostBit] : [])],
    done: mappings,
  };
}

/**
 * The step for a file that has replaced a mapped one: it may have got a copy of its ACL or of its mode.
 *
 * @param isLost the old file is not there any more, and the user is told so
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

/** The inodes that were found, each with all mappings for which it was. */
function byInode(files: readonly ObservedFile[], which: "file" | "replacement"): FoundMapping[] {
  const found = files.flatMap(({ mapping, [which]: file }) => file ? [{ mapping, file }] : []);
  return [...Map.groupBy(found, ({ file: { state: { dev, ino } } }) => `${dev}:${ino}`).values()]
    .map((group) => ({ file: group[0]!.file, mappings: group.map(({ mapping }) => mapping) }));
}
