/** Mapping files of the host into a running container: put on record first, then access is granted, then devices. */

import { readAcls, sameAcl, writeAcls } from "./acl.ts";
import { deviceOf, removeMapDevices, uninterruptible } from "./devices.ts";
import { type Engine, engineOn } from "../engine/engine.ts";
import { updateInstance } from "../engine/instance.ts";
import { ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import { isOnRecord, ofInode, planGrant } from "./grants.ts";
import { leadsTo, readHeldAcls } from "./held_file.ts";
import type { Host } from "../base/host.ts";
import { readMappings, withJournalLock, writeRecords } from "./journal.ts";
import type { LendOptions } from "./lending.ts";
import { fromRecord, type Mapping, toRecord } from "./loan.ts";
import { type MappedFile, restoreFiles } from "./restore.ts";
import { newLoan, type SourceFile } from "./source_file.ts";
import { type Undo, withUndo } from "../base/undo.ts";
import { unmapFiles } from "./unmap.ts";

/** How files are mapped. */
export interface MapOptions extends LendOptions {
  /** The uid of the container's user on the host. */
  uid: number;
}

/** A file that is to be mapped: at a new place in the container, or at the place of the file that it has replaced. */
type Candidate = SourceFile & { replaces?: Mapping };

/** Maps all of the files; on failure, `undo` unmaps them again. Each is on record before it is mapped. */
export async function mapFiles(
  files: readonly SourceFile[],
  options: MapOptions & { undo: Undo },
): Promise<Required<MappedFile>[]> {
  const { engine, instance } = options;
  const mapped = await grantAccess(files, options);
  const devices = Object.fromEntries(mapped.map(({ mapping }) => [mapping.id, deviceOf(mapping)]));
  await updateInstance({ engine: uninterruptible(engine), name: instance }, { devices });
  engine.host.signal.throwIfAborted();
  return mapped;
}

/**
 * Lets files stay mapped when the run that has mapped them ends. If it is killed before that, they are unmapped.
 *
 * @returns the files that no other run has unmapped meanwhile
 */
export async function keepMapped<T extends MappedFile>(engine: Engine, mapped: readonly T[]): Promise<T[]> {
  const { host } = engine;
  const [kept, lost] = await withJournalLock(host, async () => {
    const records = await readMappings(host);
    const kept = mapped.filter(({ mapping }) => isOnRecord(records, mapping));
    await writeRecords(host, kept.map(({ mapping }) => ({ ...mapping, owner: null })));
    return [kept, mapped.filter((one) => !kept.includes(one))];
  });
  await unmapFiles(engine, lost);
  return kept;
}

/**
 * Gives the container the file that has replaced a mapped one, at the same path in there, and restores the old one.
 *
 * @param options `old`: the mapping of the old file
 * @returns the mapping of the new file; undefined when another run has unmapped the old one
 */
export async function mapReplacement(
  replacement: SourceFile,
  { old, ...options }: MapOptions & { old: Required<MappedFile> },
): Promise<Required<MappedFile> | undefined> {
  const engine = uninterruptible(options.engine);
  const { host } = engine;
  // A container that can write in the file's directory must not choose a file of the user's by a symbolic link.
  if (!await leadsTo(host, replacement.file, old.mapping.hostPath)) {
    throw inputError("a symbolic link leads elsewhere now", "Lend the other file itself");
  }
  return await withUndo(host, async (undo) => {
    const [mapped] = await grantAccess([{ ...replacement, replaces: old.mapping }], { ...options, engine, undo });
    if (!mapped) return undefined;
    await removeMapDevices({ engine, name: options.instance }, [old.mapping.id]);
    await updateInstance({ engine, name: options.instance }, {
      devices: { [mapped.mapping.id]: deviceOf(mapped.mapping) },
    });
    const { failure } = await restoreFiles(host, [old], { forget: true, ignoreReplacement: true });
    if (failure) throw failure;
    return mapped;
  });
}

/**
 * Puts files on record, then grants the container user access to them.
 *
 * @returns the files; none if one of them replaces a file that another run has already unmapped
 */
async function grantAccess(
  files: readonly Candidate[],
  options: MapOptions & { undo: Undo },
): Promise<Required<MappedFile>[]> {
  const { engine, undo } = options;
  const { host } = engine;
  return await withJournalLock(host, async () => {
    const records = await readMappings(host);
    if (files.some(({ replaces }) => replaces && !isOnRecord(records, replaces))) return [];
    const mapped = await planMappings(files, { ...options, records });
    undo.add("take the files back", (cleaning) => unmapFiles(engineOn(engine, cleaning), mapped));
    await writeRecords(host, mapped.map(({ mapping }) => mapping));
    try {
      await writeAcls(
        host,
        mapped.map(({ file, mapping }) => ({ path: file.handle, acl: fromRecord(mapping.granted) })),
      );
    } catch (error) {
      throw error instanceof ProcessError ? await noAclError(error, { host, mapped }) : error;
    }
    return mapped;
  });
}

/** The mappings of files that are not mapped yet, with the ACLs that they need. */
async function planMappings(
  files: readonly Candidate[],
  { records, ...options }: MapOptions & { records: readonly Mapping[] },
): Promise<Required<MappedFile>[]> {
  const { uid, readOnly } = options;
  const acls = await readHeldAcls(options.engine.host, files.map(({ file }) => file));
  return files.map((source, index) => {
    const { file, state, replaces } = source;
    const others = ofInode(records, state);
    const { original, granted } = planGrant(acls[index]!, { others, replaces, uid, readOnly });
    return {
      file,
      mapping: {
        ...newLoan(source, options),
        ...(replaces ? { containerPath: replaces.containerPath } : {}),
        uid,
        mode: state.mode,
        original: toRecord(original),
        granted: toRecord(granted),
      },
    };
  });
}

/** The error when `setfacl` fails. It names files by their handles: finds out which file is meant, and says why. */
async function noAclError(
  error: ProcessError,
  { host, mapped }: { host: Host; mapped: readonly Required<MappedFile>[] },
): Promise<Error> {
  const acls = await readAcls(host, mapped.map(({ file }) => file.handle));
  const refused = mapped.find(({ mapping }, index) => !sameAcl(acls[index]!, fromRecord(mapping.granted)));
  if (!refused) return error;
  const why = /operation not supported/i.test(error.stderr) ? "its file system has no ACLs" : "its ACL cannot be set";
  return new UserError(`"${refused.mapping.hostPath}" cannot be mapped: ${why}`, {
    hint:
      "Copy it to a file system with ACLs that you may write: ext4, xfs, btrfs, tmpfs, or zfs with acltype=posixacl",
    output: error.output.replaceAll(/\/proc\/\d+\/fd\/\d+: /g, ""),
    exitCode: ExitCode.usage,
  });
}
