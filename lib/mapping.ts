/** Lending a host file to a running container, and taking it back exactly. */

// @ts-types="./types/std_path.d.ts"
import { basename } from "@std/path";
import { formatAcl, grant, readAcl, revoke, sameAcl, writeAcl } from "./acl.ts";
import { addDevices, type Device, type Engine, removeDevices } from "./engine.ts";
import { inputError } from "./errors.ts";
import type { Host } from "./host.ts";
import { fromRecord, type Mapping, removeRecord, toRecord, writeRecord } from "./journal.ts";
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

/**
 * The records of mappings that do not exist yet, and the ACLs that they need.
 *
 * @param options `uid`: the container user's on the host
 */
export async function planMappings(
  files: readonly MappableFile[],
  { engine, instance, uid, readOnly }: { engine: Engine; instance: string; uid: number; readOnly: boolean },
): Promise<Mapping[]> {
  const mappings: Mapping[] = [];
  for (const { path, info } of files) {
    const original = await readAcl(engine.host, path);
    mappings.push({
      ...newPlace(path),
      engine: engine.cli,
      instance,
      host: path,
      readOnly,
      dev: info.dev,
      ino: info.ino!,
      uid,
      mode: info.mode! & 0o7777,
      original: toRecord(original),
      granted: toRecord(grant(original, uid, readOnly ? 4 : 6)),
    });
  }
  return mappings;
}

/** Maps files: all, or none with the undoing of `undo`. The record of each is on disk before it takes effect. */
export async function mapFiles(engine: Engine, mappings: readonly Mapping[], undo: Undo): Promise<void> {
  const { host } = engine;
  for (const mapping of mappings) {
    undo.add(`restore the permissions of "${mapping.host}"`, (cleaning) => giveBack(cleaning, mapping));
    await writeRecord(host, mapping);
    await writeAcl(host, mapping.host, fromRecord(mapping.granted));
  }
  const devices = Object.fromEntries(mappings.map((mapping) => [mapping.device, deviceOf(mapping)]));
  await addDevices(engine, mappings[0]!.instance, devices);
}

/** Takes mapped files back: out of the container first, then their permissions. */
export async function unmapFiles(engine: Engine, mappings: readonly Mapping[]): Promise<void> {
  await removeDevices(engine, mappings[0]!.instance, mappings.map(({ device }) => device));
  for (const mapping of mappings) await giveBack(engine.host, mapping);
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
  const original = fromRecord(mapping.original);
  const granted = fromRecord(mapping.granted);
  const current = await readAcl(host, mapping.host);
  const wanted = revoke(current, { uid: mapping.uid, original, granted });
  if (!sameAcl(current, granted) && formatAcl(current) !== formatAcl(original)) {
    host.ui.warn(
      `The permissions of "${mapping.host}" were changed meanwhile; only the container's entry is taken away`,
    );
  }
  if (!sameAcl(current, wanted)) await writeAcl(host, mapping.host, wanted);
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
