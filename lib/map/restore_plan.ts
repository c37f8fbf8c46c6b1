/** How each mapped file gets its former permissions back: decided from the records and from what was found. */

import { type Acl, type AclChange, sameAcl, withoutCopiedGrant } from "./acl.ts";
import { grantOf, isOnRecord, isRestored, ofInode, planRevoke } from "./grants.ts";
import { type FileState, isSameInode } from "./held_file.ts";
import type { Mapping } from "./loan.ts";

/** A file that was found. */
export interface FoundFile {
  /** The path of its handle, which leads to this very inode. */
  handle: string;
  /** What the inode is now. */
  state: FileState;
  /** Its ACL, or why that cannot be read. */
  acl: Acl | Error;
}

/** What has become of one mapped file. */
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
  /** Why the step cannot be taken. */
  failure?: Error;
  /** What the user should know. */
  findings: string[];
  /** The mappings whose files need nothing more. */
  done: Mapping[];
}

/** A file that was found for a mapping. */
interface FoundMapping {
  mapping: Mapping;
  file: FoundFile;
}

/**
 * Plans how mapped files are restored when their mappings end. An inode that was mapped gets its ACL back, wherever it
 * is now. Of a file that has replaced it, only a copied grant is removed. The mappings of one inode end in one step.
 *
 * @param records all mappings on record; nothing is done for those that other runs have ended already
 * @param observed `files`: what has become of the files whose mappings end; `ownUid`: the user's own
 */
export function planRestore(
  records: readonly Mapping[],
  { files, ownUid }: { files: readonly ObservedFile[]; ownUid: number },
): RestoreStep[] {
  const restored = files.map(({ mapping }) => mapping).filter((mapping) => isRestored(records, mapping));
  const ending = files.filter(({ mapping }) => isOnRecord(records, mapping));
  const staying = records.filter(({ id }) => !ending.some(({ mapping }) => mapping.id === id));
  const inodes = groupByInode(ending.flatMap((observed) => {
    const { mapping, file } = observed;
    return file && !planWithoutChange(observed, ownUid) ? [{ mapping, file }] : [];
  }));
  const replacements = groupByInode(
    ending.flatMap(({ mapping, replacement }) =>
      replacement && ofInode(records, replacement.state).length === 0 ? [{ mapping, file: replacement }] : []
    ),
  );
  return [
    { findings: [], done: restored },
    ...ending.flatMap((observed) => [
      ...(planWithoutChange(observed, ownUid) ?? []),
      ...replacements.filter(([first]) => first.mapping === observed.mapping).flatMap(planReplacement),
    ]),
    ...inodes.map((found) => planInode(found, staying)),
  ];
}

/** The step for an inode that is lost or out of reach; undefined for one that can be changed. */
function planWithoutChange({ mapping, file }: ObservedFile, ownUid: number): [RestoreStep] | undefined {
  const done = [mapping];
  if (!file) return [{ findings: [lostFile(mapping)], done }];
  if (ownUid !== 0 && file.state.uid !== ownUid) return [{ findings: [foreignFile(mapping)], done }];
  if (file.state.links === 0) return [{ findings: [], done }];
  return undefined;
}

/** The step for an inode some of whose mappings end. */
function planInode(found: readonly [FoundMapping, ...FoundMapping[]], staying: readonly Mapping[]): RestoreStep {
  const [{ mapping: first, file: { handle, state, acl } }] = found;
  if (acl instanceof Error) return { failure: acl, findings: [], done: [] };
  const ending = mappingsOf(found);
  const { wanted, isChanged } = planRevoke(acl, { ending, staying: ofInode(staying, first) });
  return {
    ...(sameAcl(acl, wanted) ? {} : { change: { path: handle, acl: wanted } }),
    findings: [
      ...(isChanged ? [changedPermissions(first)] : []),
      ...(first.mode & ~state.mode & 0o6000 ? [lostSetId(first)] : []),
    ],
    done: [...ending],
  };
}

/** The step for a file that has replaced a mapped one: it may have got a copy of its ACL or of its mode. */
function planReplacement(found: readonly [FoundMapping, ...FoundMapping[]]): RestoreStep[] {
  const [{ file: { handle, acl } }] = found;
  // It belongs to somebody else, or is not a file: there is no grant of ours on it.
  if (acl instanceof Error) return [];
  const mappings = mappingsOf(found);
  const wanted = mappings.reduce((acl, mapping) => withoutCopiedGrant(acl, grantOf([mapping])), acl);
  const isCopy = !sameAcl(acl, wanted);
  const findings = [...new Set(mappings.map(({ hostPath }) => hostPath))].map((path) => replacedFile(path, isCopy));
  return [{ ...(isCopy ? { change: { path: handle, acl: wanted }, isOptional: true } : {}), findings, done: [] }];
}

function mappingsOf([first, ...others]: readonly [FoundMapping, ...FoundMapping[]]): readonly [Mapping, ...Mapping[]] {
  return [first.mapping, ...others.map(({ mapping }) => mapping)];
}

function groupByInode(all: readonly FoundMapping[]): [FoundMapping, ...FoundMapping[]][] {
  const groups: [FoundMapping, ...FoundMapping[]][] = [];
  for (const found of all) {
    const group = groups.find(([{ file }]) => isSameInode(file.state, found.file.state));
    if (group) group.push(found);
    else groups.push([found]);
  }
  return groups;
}

function changedPermissions({ hostPath }: Mapping): string {
  return `The permissions of "${hostPath}" were changed meanwhile; only the container's entry was removed`;
}

function lostSetId({ hostPath }: Mapping): string {
  return `"${hostPath}" has lost a set-ID bit: Linux clears it when an unprivileged process writes to it`;
}

function replacedFile(path: string, isCopy: boolean): string {
  const what = isCopy
    ? "the copy of the container's permissions was removed from the new file"
    : "the file that is there now was not lent";
  return `"${path}" was replaced meanwhile; ${what}`;
}

function foreignFile({ hostPath, uid }: Mapping): string {
  return `"${hostPath}" belongs to somebody else now, who can remove the container's entry: setfacl -x u:${uid} FILE`;
}

function lostFile({ hostPath, ino, uid }: Mapping): string {
  const command = `find DIRECTORY -inum ${ino} -exec setfacl -x u:${uid} {} +`;
  return `The file that was mapped as "${hostPath}" is not there any more. ` +
    `If it was moved, end its loan there: ${command}`;
}
