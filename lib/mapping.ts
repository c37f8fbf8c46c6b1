/** Lending a host file to a running container, and taking it back exactly. */

// @ts-types="./types/std_path.d.ts"
import { basename } from "@std/path";
import { type Acl, formatAcl, grant, readAcl, revoke, sameAcl, writeAcl } from "./acl.ts";
import { addDevices, type Device, type Engine, findInstance, removeDevices } from "./engine.ts";
import { inputError, ProcessError } from "./errors.ts";
import type { Host } from "./host.ts";
import {
  fromRecord,
  type Mapping,
  readRecords,
  removeRecord,
  toRecord,
  withJournalLock,
  writeRecord,
} from "./journal.ts";
import { containerPaths } from "./mounts.ts";
import type { Undo } from "./undo.ts";

/** A file that can be mapped. */
export interface MappableFile {
  /** Its path, absolute and without symbolic links. */
  path: string;
  info: Deno.FileInfo;
}

/**
 * Looks at a file that is to be mapped.
 *
 * @throws {UserError} exit code 2 for what is no readable regular file of the user's own
 */
export async function checkFile(path: string): Promise<MappableFile> {
  let real: string;
  let info: Deno.FileInfo;
  try {
    real = await Deno.realPath(path);
    info = await Deno.stat(real);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw inputError(`There is no file "${path}"`, "Check its path");
    throw inputError(`Cannot look at "${path}": ${error instanceof Error ? error.message : error}`, "Check its path");
  }
  if (!info.isFile) {
    throw inputError(
      `"${path}" is ${info.isDirectory ? "a directory" : "no regular file"}`,
      "Only files can be mapped",
    );
  }
  try {
    (await Deno.open(real)).close();
  } catch {
    throw inputError(`The file "${path}" cannot be read`, "Only what you can read yourself can be mapped");
  }
  return { path: real, info };
}

/** A device name and a path in the container for a file, unlike any other. */
export function newPlace(path: string): { device: string; container: string } {
  const id = [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { device: `map-${id}`, container: `${containerPaths.maps}/${id}-${basename(path)}` };
}

/** How files are mapped. */
export interface MapOptions {
  engine: Engine;
  /** The container's name. */
  instance: string;
  /** The container user's uid on the host. */
  uid: number;
  readOnly: boolean;
  /** The run that will take them back; null when they stay mapped. */
  owner: string | null;
}

/**
 * The records of mappings that do not exist yet, and the ACLs that they need.
 */
async function planMappings(
  files: readonly MappableFile[],
  { engine, instance, uid, readOnly, owner }: MapOptions,
): Promise<Mapping[]> {
  const records = await readRecords(engine.host);
  const mappings: Mapping[] = [];
  for (const { path, info } of files) {
    const current = await readAcl(engine.host, path);
    const others = ofInode([...records, ...mappings], { dev: info.dev, ino: info.ino! });
    // A file that is lent already is given back for good when the last one is done: as it was before the first.
    const first = others[0] && fromRecord(others[0].original);
    const isAsWeLeftIt = first !== undefined && sameAcl(current, withGrants(first, others));
    const original = isAsWeLeftIt ? first : current;
    mappings.push({
      ...newPlace(path),
      engine: engine.cli,
      instance,
      host: path,
      readOnly,
      owner,
      dev: info.dev,
      ino: info.ino!,
      uid,
      mode: info.mode! & 0o7777,
      original: toRecord(original),
      granted: toRecord(withGrants(original, [...(isAsWeLeftIt ? others : []), { uid, readOnly }])),
    });
  }
  return mappings;
}

/** Maps files: all, or none with the undoing of `undo`. The record of each is on disk before it takes effect. */
export async function mapFiles(
  files: readonly MappableFile[],
  options: MapOptions,
  undo: Undo,
): Promise<Mapping[]> {
  const { engine, instance } = options;
  const { host } = engine;
  const mappings = await withJournalLock(host, async () => {
    const planned = await planMappings(files, options);
    for (const mapping of planned) {
      undo.add(
        `restore the permissions of "${mapping.host}"`,
        (cleaning) => withJournalLock(cleaning, () => giveBack(cleaning, mapping)),
      );
      await writeRecord(host, mapping);
      await writeAcl(host, mapping.host, fromRecord(mapping.granted));
    }
    return planned;
  });
  await addDevices(
    engine,
    instance,
    Object.fromEntries(mappings.map((mapping) => [mapping.device, deviceOf(mapping)])),
  );
  return mappings;
}

/**
 * Takes mapped files of one container back: out of the container first, then their permissions. A container or a device
 * that is gone does not keep the permissions from being restored.
 */
export async function unmapFiles(engine: Engine, mappings: readonly Mapping[]): Promise<void> {
  const instance = mappings[0]!.instance;
  const devices = mappings.map(({ device }) => device);
  try {
    await removeDevices(engine, instance, devices);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    const left = (await findInstance(engine, instance))?.devices ?? {};
    const present = devices.filter((device) => device in left);
    if (present.length === devices.length) throw error;
    await removeDevices(engine, instance, present);
  }
  await withJournalLock(engine.host, async () => {
    for (const mapping of mappings) await giveBack(engine.host, mapping);
  });
}

/** The device that shows a file. */
export function deviceOf({ host, container, readOnly }: Pick<Mapping, "host" | "container" | "readOnly">): Device {
  return { type: "disk", source: host, path: container, ...(readOnly ? { readonly: "true" } : {}) };
}

/** Restores ACL and mode of a file, unless it is another one by now, then forgets the record. */
async function giveBack(host: Host, mapping: Mapping): Promise<void> {
  if (await isSameFile(mapping)) await restore(host, mapping);
  else host.ui.warn(`"${mapping.host}" is not the file that was mapped any more; its permissions are left as they are`);
  await removeRecord(host, mapping.device);
}

async function restore(host: Host, mapping: Mapping): Promise<void> {
  const before = fromRecord(mapping.original);
  const others = ofInode(await readRecords(host), mapping).filter(({ device }) => device !== mapping.device);
  const original = withGrants(before, others);
  const granted = withGrants(before, [...others, mapping]);
  const current = await readAcl(host, mapping.host);
  const wanted = revoke(current, { uid: mapping.uid, original, granted });
  if (!sameAcl(current, granted) && formatAcl(current) !== formatAcl(original)) {
    host.ui.warn(
      `The permissions of "${mapping.host}" were changed meanwhile; only the container's entry is taken away`,
    );
  }
  if (!sameAcl(current, wanted)) await writeAcl(host, mapping.host, wanted);
}

function ofInode(mappings: readonly Mapping[], { dev, ino }: Pick<Mapping, "dev" | "ino">): Mapping[] {
  return mappings.filter((mapping) => mapping.dev === dev && mapping.ino === ino);
}

/** The ACL of a file that is lent by all of `mappings`; what they permit one user adds up. */
function withGrants(original: Acl, mappings: readonly Pick<Mapping, "uid" | "readOnly">[]): Acl {
  const permissions = new Map<number, number>();
  for (const { uid, readOnly } of mappings) permissions.set(uid, (permissions.get(uid) ?? 0) | (readOnly ? 4 : 6));
  return [...permissions].reduce((acl, [uid, bits]) => grant(acl, uid, bits), original);
}

async function isSameFile({ host, dev, ino }: Mapping): Promise<boolean> {
  try {
    const info = await Deno.stat(host);
    return info.dev === dev && info.ino === ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
