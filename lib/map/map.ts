/** Lending host files to a running container, and taking them back exactly. */

import { dirname, join } from "@std/path";
import { type Acl, type Grant, grant, readAcls, revoke, sameAcl, withoutCopy, writeAcls } from "./acl.ts";
import { type Engine, engineOn } from "../engine/engine.ts";
import { addDevices, type Device, exec, findInstance, removeDevices } from "../engine/instance.ts";
import { inputError, ProcessError, UserError } from "../base/errors.ts";
import { checkHandles, type HeldFile, holdFile, type InodeId, isAt, isSameInode } from "./held_file.ts";
import type { Host } from "../base/host.ts";
import { finishUnmap } from "./open_files.ts";
import {
  fromRecord,
  type Mapping,
  readRecords,
  removeRecords,
  toRecord,
  withJournalLock,
  writeRecords,
} from "./journal.ts";
import { type MappableFile, newPlace } from "./source_file.ts";
import { type Undo, withUndo } from "../base/undo.ts";
import { containerPaths, containerUser } from "../container/ours.ts";

/** How files are mapped. */
export interface MapOptions {
  /** The engine of the container. */
  engine: Engine;
  /** The container's name. */
  instance: string;
  /** The container user's uid on the host. */
  uid: number;
  /** The container may read the files, not write them. */
  readOnly: boolean;
  /** The run that maps them, and will take them back unless {@linkcode keepLent} says otherwise. */
  owner: string;
}

/** A mapped file, held by the run that has mapped it; without `file` it is looked for. */
export interface Lent {
  /** The record of it. */
  mapping: Mapping;
  /** The file, where this run holds it open. */
  file?: HeldFile;
}

/** A file that is to be mapped: at a new place, or in place of the one that it has replaced. */
export type Candidate = MappableFile & { replaces?: Mapping };

/** Longest time that the engine may take for a change that a signal must not tear, in milliseconds. */
const changeTimeoutMs = 60_000;

/** How often devices are taken away again when somebody else changes the instance at the same time. */
const removeTries = 8;

/** How long after a kill the engine may still carry out what it was last told, in milliseconds. */
const settleMs = 1_000;

/** Maps files: all, or none with the undoing of `undo`. The record of each is on disk before it takes effect. */
export async function mapFiles(files: readonly Candidate[], options: MapOptions, undo: Undo): Promise<Lent[]> {
  const { engine, instance } = options;
  const [lending, made] = await Promise.allSettled([lend(files, options, undo), makeDirectory(engine, instance)]);
  if (lending.status === "rejected") throw lending.reason;
  if (made.status === "rejected") throw made.reason;
  const lent = lending.value;
  const devices = Object.fromEntries(lent.map(({ mapping }) => [mapping.device, deviceOf(mapping)]));
  // The engine would go on alone with a call whose caller was ended: then nobody would know when to take it back.
  await addDevices(untorn(engine), instance, devices);
  engine.host.signal.throwIfAborted();
  return lent;
}

/**
 * Lets files stay mapped when the run that has mapped them ends. Until then they are taken back if it is killed.
 *
 * @returns those that another run has not taken back already
 */
export async function keepLent(engine: Engine, lent: readonly Lent[]): Promise<Lent[]> {
  const { host } = engine;
  const [kept, lost] = await withJournalLock(host, async () => {
    const records = await readRecords(host);
    const kept = lent.filter(({ mapping }) => isOnRecord(records, mapping));
    await writeRecords(host, kept.map(({ mapping }) => ({ ...mapping, owner: null })));
    return [kept, lent.filter((one) => !kept.includes(one))];
  });
  await unmapFiles(engine, lost);
  return kept;
}

/** The directory of the mapped files is the container user's: the engine would make it root's. */
async function makeDirectory(engine: Engine, instance: string): Promise<void> {
  const asUser = ["setpriv", `--reuid=${containerUser.uid}`, `--regid=${containerUser.uid}`, "--clear-groups"];
  await exec(engine, instance, [...asUser, "mkdir", "-p", containerPaths.maps], { okCodes: "any" });
}

/** Writes the records, then sets the ACLs. Nothing is lent in place of what another run has taken back. */
async function lend(files: readonly Candidate[], options: MapOptions, undo: Undo): Promise<Lent[]> {
  const { engine } = options;
  const { host } = engine;
  return await withJournalLock(host, async () => {
    const records = await readRecords(host);
    if (files.some(({ replaces }) => replaces && !isOnRecord(records, replaces))) return [];
    const lent = await planMappings(files, { ...options, records });
    undo.add("take the files back", (cleaning) => unmapFiles(engineOn(engine, cleaning), lent));
    await writeRecords(host, lent.map(({ mapping }) => mapping));
    try {
      await writeAcls(
        host,
        lent.map(({ file, mapping }) => ({ path: file!.handle, acl: fromRecord(mapping.granted) })),
      );
    } catch (error) {
      throw error instanceof ProcessError ? await explainNoAcl(host, lent, error) : error;
    }
    return lent;
  });
}

/** Tells which file cannot have an ACL: `setfacl` names it by its handle. */
async function explainNoAcl(host: Host, lent: readonly Lent[], error: ProcessError): Promise<Error> {
  const acls = await readAcls(host, lent.map(({ file }) => file!.handle));
  const refused = lent.find(({ mapping }, index) => !sameAcl(acls[index]!, fromRecord(mapping.granted)));
  if (!refused) return error;
  const why = /operation not supported/i.test(error.stderr) ? "its file system has no ACLs" : "its ACL cannot be set";
  return inputErrorWith(
    `"${refused.mapping.host}" cannot be mapped: ${why}`,
    error.output.replaceAll(/\/proc\/\d+\/fd\/\d+: /g, ""),
  );
}

function inputErrorWith(message: string, output: string): UserError {
  const hint =
    "Copy it to a file system with ACLs that you may write: ext4, xfs, btrfs, tmpfs, or zfs with acltype=posixacl";
  return new UserError(message, { hint, output, exitCode: inputError("", "").exitCode });
}

/** The records of mappings that do not exist yet, and the ACLs that they need. */
async function planMappings(
  files: readonly Candidate[],
  { engine, instance, uid, readOnly, owner, records }: MapOptions & { records: readonly Mapping[] },
): Promise<Lent[]> {
  const acls = await readHeldAcls(engine.host, files.map(({ file }) => file));
  return files.map(({ path, file, state, replaces }, index) => {
    const others = ofInode(records, state);
    const current = acls[index]!;
    // A file that is lent already is given back for good when the last one is done: as it was before the first.
    const original = others[0]
      ? revoke(current, grantOf(others[0], others))
      : replaces
      ? withoutCopy(current, grantOf(replaces, [replaces]))
      : current;
    return {
      file,
      mapping: {
        ...newPlace(path),
        ...(replaces ? { container: replaces.container } : {}),
        engine: engine.cli,
        instance,
        host: path,
        readOnly,
        owner,
        dev: state.dev,
        ino: state.ino,
        bornMs: state.bornMs,
        uid,
        mode: state.mode,
        original: toRecord(original),
        granted: toRecord(withGrants(original, [...others, { uid, readOnly }])),
      },
    };
  });
}

/** What was done to the ACL of a file by `all` of its mappings together, seen from the one that was first. */
function grantOf(first: Mapping, all: readonly Mapping[]): Grant {
  const original = fromRecord(first.original);
  return { uids: all.map(({ uid }) => uid), original, granted: withGrants(original, all) };
}

/**
 * Gives the container the file that has replaced a mapped one, at the same path in there, and restores the old one.
 *
 * @returns what is mapped now; undefined when another run has taken the old one back
 */
export async function mapReplacement(
  replacement: MappableFile,
  old: Lent,
  options: MapOptions,
): Promise<Lent | undefined> {
  const engine = untorn(options.engine);
  const { host } = engine;
  // Who can write in its directory, as the container itself can in its share, must not choose a file of the user's.
  if (!await isAt(host, replacement.file, old.mapping.host)) {
    throw inputError("a symbolic link leads elsewhere now", "Lend the other file itself");
  }
  return await withUndo(host, async (undo) => {
    const [lent] = await lend([{ ...replacement, replaces: old.mapping }], { ...options, engine }, undo);
    if (!lent) return undefined;
    await takeOut(engine, options.instance, [old.mapping.device]);
    await addDevices(engine, options.instance, { [lent.mapping.device]: deviceOf(lent.mapping) });
    const { failed } = await restoreFiles(host, [old], { forget: true, knowsReplacement: true });
    if (failed) throw failed;
    return lent;
  });
}

/**
 * Takes mapped files of one container back: out of the container, and their permissions. What cannot be done now stays on
 * record for the next time.
 *
 * @param options `settle`: a killed run may have told the engine to add a device just now
 * @returns what was found that the user should know
 */
export async function unmapFiles(
  engine: Engine,
  lent: readonly Lent[],
  { settle = false }: { settle?: boolean } = {},
): Promise<string[]> {
  if (lent.length === 0) return [];
  const { instance } = lent[0]!.mapping;
  const mappings = lent.map(({ mapping }) => mapping);
  const devices = mappings.map(({ device }) => device);
  if (settle && !await areThere(engine, instance, devices)) await new Promise((done) => setTimeout(done, settleMs));
  const failure: Error | undefined = await takeOut(engine, instance, devices).then(() => undefined, (error) => error);
  // Without the engine the container keeps its devices, but it cannot open the files any more.
  const { failed, findings } = await restoreFiles(engine.host, lent, { forget: failure === undefined });
  if (failure ?? failed) throw failure ?? failed;
  const open = await finishUnmap(engine, instance, mappings);
  return [
    ...findings,
    ...open.map(({ container, programs }) =>
      `${programs.join(", ")} in "${instance}" still has "${container}" open, and keeps it until it closes it`
    ),
  ];
}

/**
 * Takes devices away; those that are gone, like the container itself, are no matter. The engines' clients change an
 * instance by its ETag, and give up when somebody else was faster.
 */
async function takeOut(engine: Engine, instance: string, devices: readonly string[]): Promise<void> {
  let left = devices;
  for (let tries = 1;; tries++) {
    try {
      await removeDevices(engine, instance, left);
      return;
    } catch (error) {
      const mayPass = error instanceof ProcessError || error instanceof UserError;
      if (!mayPass || tries === removeTries) throw error;
      engine.host.signal.throwIfAborted();
    }
    await new Promise((done) => setTimeout(done, 20 * tries));
    const there = (await findInstance(engine, instance))?.devices ?? {};
    left = devices.filter((device) => device in there);
    if (left.length === 0) return;
  }
}

async function areThere(engine: Engine, instance: string, devices: readonly string[]): Promise<boolean> {
  const found = await findInstance(engine, instance);
  return found === undefined || devices.every((device) => device in found.devices);
}

/** The device that shows a file. A container must start also when the file is gone. */
export function deviceOf({ host, container, readOnly }: Pick<Mapping, "host" | "container" | "readOnly">): Device {
  return { type: "disk", source: host, path: container, required: "false", ...(readOnly ? { readonly: "true" } : {}) };
}

/** What {@linkcode restoreFiles} has done. */
interface Restored {
  /** Those whose file needs nothing more. */
  done: Mapping[];
  findings: string[];
  /** The first error. */
  failed: Error | undefined;
}

/** The mappings of one inode that end together. */
interface Ending {
  file: HeldFile;
  mappings: Mapping[];
}

/**
 * Restores the ACLs of files, unless another run has done so: of the inodes that were mapped, wherever they are now. Of a
 * file that has taken the place of one, only what was copied to it is taken away.
 *
 * @param options `forget`: the records are not needed any more
 */
async function restoreFiles(
  host: Host,
  lent: readonly Lent[],
  { forget, knowsReplacement = false }: { forget: boolean; knowsReplacement?: boolean },
): Promise<Restored> {
  return await withJournalLock(host, async (lock) => {
    const { uid: own } = await lock.stat();
    const records = await readRecords(host);
    const mine = lent.filter(({ mapping }) => records.some(({ device }) => device === mapping.device));
    const rest = records.filter(({ device }) => !mine.some(({ mapping }) => mapping.device === device));
    const restored: Restored = { done: [], findings: [], failed: undefined };
    const opened: HeldFile[] = [];
    const endings: Ending[] = [];
    for (const { mapping, file } of mine) {
      if (isRestored(records, mapping)) {
        restored.done.push(mapping);
        continue;
      }
      const found = file ?? findInode(mapping);
      if (found && found !== file) opened.push(found);
      if (found && own !== 0 && found.stat().uid !== own) {
        restored.done.push(mapping);
        restored.findings.push(foreignFile(mapping));
      } else if (found && found.stat().links > 0) {
        const same = endings.find((ending) => isSameInode(ending.file.stat(), mapping));
        if (same) same.mappings.push(mapping);
        else endings.push({ file: found, mappings: [mapping] });
      } else {
        restored.done.push(mapping);
        if (!found) restored.findings.push(lostFile(mapping));
      }
      if (!knowsReplacement) await restoreReplacement(host, mapping, { records, restored });
    }
    try {
      await restoreEndings(host, endings, { rest, restored });
    } catch (error) {
      if (!(error instanceof ProcessError)) throw error;
      // One that cannot be restored now must not keep the others from being.
      for (const ending of endings) {
        await restoreEndings(host, [ending], { rest, restored }).catch((error) => void (restored.failed ??= error));
      }
    } finally {
      for (const file of opened) file.close();
    }
    // Before others get the lock: they would take a file for lent whose record is there.
    if (forget) await removeRecords(host, restored.done);
    else await writeRecords(host, restored.done.map((mapping) => ({ ...mapping, restored: true })));
    return restored;
  });
}

async function restoreEndings(
  host: Host,
  endings: readonly Ending[],
  { rest, restored }: { rest: readonly Mapping[]; restored: Restored },
): Promise<void> {
  const acls = await readHeldAcls(host, endings.map(({ file }) => file));
  const findings: string[] = [];
  const changes = endings.flatMap(({ file, mappings }, index) => {
    const [first] = mappings as [Mapping];
    const others = ofInode(rest, first);
    const before = fromRecord(first.original);
    const uids = mappings.map(({ uid }) => uid);
    const original = withGrants(before, others);
    const granted = withGrants(before, [...others, ...mappings]);
    const current = acls[index]!;
    const wanted = revoke(current, { uids, original, granted });
    if (!sameAcl(current, granted) && !sameAcl(current, original)) {
      findings.push(
        `The permissions of "${first.host}" were changed meanwhile; only the container's entry is taken away`,
      );
    }
    if (first.mode & ~file.stat().mode & 0o6000) {
      findings.push(`"${first.host}" is no set-ID file any more: Linux ends that when somebody else writes to it`);
    }
    return sameAcl(current, wanted) ? [] : [{ path: file.handle, acl: wanted }];
  });
  await writeAcls(host, changes);
  restored.findings.push(...findings);
  restored.done.push(...endings.flatMap(({ mappings }) => mappings));
}

/** Another file is where the mapped one was: it may have got a copy of its permissions. */
async function restoreReplacement(
  host: Host,
  mapping: Mapping,
  { records, restored }: { records: readonly Mapping[]; restored: Restored },
): Promise<void> {
  const file = holdFile(mapping.host);
  if (!file) return;
  try {
    const state = file.stat();
    if (isSameInode(state, mapping) || ofInode(records, state).length > 0) return;
    const what = `"${mapping.host}" was replaced meanwhile`;
    const [current] = await readHeldAcls(host, [file]);
    const wanted = withoutCopy(current!, grantOf(mapping, [mapping]));
    if (sameAcl(current!, wanted)) {
      restored.findings.push(`${what}; the file that is there now was not lent`);
    } else {
      await writeAcls(host, [{ path: file.handle, acl: wanted }]);
      restored.findings.push(`${what}; what was copied to the new file of the container's permissions is taken away`);
    }
  } catch (error) {
    // It is somebody else's, or no file: nothing of ours is on it.
    if (!(error instanceof ProcessError)) throw error;
  } finally {
    file.close();
  }
}

function foreignFile({ host, uid }: Mapping): string {
  return `"${host}" belongs to somebody else now, who can take the container's entry away: setfacl -x u:${uid} FILE`;
}

function lostFile({ host, ino, uid }: Mapping): string {
  return `The file that was mapped as "${host}" is not there any more. If it was moved, end its lending where it is now: ` +
    `find DIRECTORY -inum ${ino} -exec setfacl -x u:${uid} {} +`;
}

/** The inode that was mapped: at its path, or under another name in the same directory. */
function findInode(mapping: Mapping): HeldFile | undefined {
  const held = holdFile(mapping.host);
  if (held && isSameInode(held.stat(), mapping)) return held;
  held?.close();
  const directory = dirname(mapping.host);
  try {
    for (const { name, isFile } of Deno.readDirSync(directory)) {
      const path = join(directory, name);
      if (!isFile || Deno.lstatSync(path).ino !== mapping.ino) continue;
      const file = holdFile(path);
      if (file && isSameInode(file.stat(), mapping)) return file;
      file?.close();
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
  }
  return undefined;
}

/** The ACLs of files, read by their handles once these are known to be right. */
async function readHeldAcls(host: Host, files: readonly HeldFile[]): Promise<Acl[]> {
  if (files.length === 0) return [];
  const [acls] = await Promise.all([readAcls(host, files.map(({ handle }) => handle)), checkHandles(host, files)]);
  return acls;
}

/** Those of the mappings that have changed the permissions of an inode. */
function ofInode(mappings: readonly Mapping[], inode: InodeId): Mapping[] {
  return mappings.filter((mapping) => !mapping.restored && isSameInode(mapping, inode));
}

function isOnRecord(records: readonly Mapping[], { device }: Mapping): boolean {
  return records.some((record) => record.device === device && record.restored !== true);
}

function isRestored(records: readonly Mapping[], { device }: Mapping): boolean {
  return records.some((record) => record.device === device && record.restored === true);
}

/** The ACL of a file that is lent by all of `mappings`; what they permit one user adds up. */
function withGrants(original: Acl, mappings: readonly Pick<Mapping, "uid" | "readOnly">[]): Acl {
  const permissions = new Map<number, number>();
  for (const { uid, readOnly } of mappings) permissions.set(uid, (permissions.get(uid) ?? 0) | (readOnly ? 4 : 6));
  return [...permissions].reduce((acl, [uid, bits]) => grant(acl, uid, bits), original);
}

/** The engine, spoken to in a way that a signal does not interrupt. */
function untorn(engine: Engine): Engine {
  return engineOn(engine, engine.host.forCleanup(AbortSignal.timeout(changeTimeoutMs)));
}
