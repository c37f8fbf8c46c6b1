/** What a dry run prints: the commands that lend files, and that take them back. */

import { plannedUser as user } from "../container/user.ts";
import { type CopyPlace, placeOf, readArgv, removeArgv, sendArgv } from "./copy_transfer.ts";
import { deviceOf } from "./devices.ts";
import type { Engine } from "../engine/engine.ts";
import { addDevices, exec, instanceHostUid, removeDevices } from "../engine/instance.ts";
import { copyFiles, type LentCopy, type Mapping } from "./journal.ts";
import { newPlace } from "./source_file.ts";

/** Prints the commands that map the files at `paths` into a container, and unmap them again. */
export async function printMapping(
  engine: Engine,
  instance: string,
  { paths, readOnly }: { paths: readonly string[]; readOnly: boolean },
): Promise<void> {
  const { host } = engine;
  const uid = await instanceHostUid(engine, instance, user.uid);
  const devices = Object.fromEntries(paths.map((path) => {
    const { device, container } = newPlace(path, user);
    return [device, deviceOf({ host: path, container, readOnly })];
  }));
  await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", ...paths]);
  await addDevices(engine, instance, devices);
  await removeDevices(engine, instance, Object.keys(devices));
  await host.run(["setfacl", "-x", `u:${uid}`, "--", ...paths]);
}

/** Prints the commands that unmap files of one container. */
export async function printUnmapping(engine: Engine, mappings: readonly Mapping[]): Promise<void> {
  await removeDevices(engine, mappings[0]!.instance, mappings.map(({ device }) => device));
  for (const { host: path, uid } of mappings) {
    await engine.host.run(["setfacl", "-x", `u:${uid}`, "--", path]);
  }
}

/** Prints the commands that lend the files at `paths` to a container as copies, and take them back. */
export async function printLending(
  engine: Engine,
  instance: string,
  { paths, readOnly }: { paths: readonly string[]; readOnly: boolean },
): Promise<void> {
  const places = paths.map((path) => ({ path, ...newPlace(path, user), user }));
  for (const { path, ...place } of places) {
    const stdin = { bytes: new ReadableStream<Uint8Array>(), from: path };
    await exec(engine, instance, sendArgv(place, { readOnly }), { stdin });
  }
  for (const { path, device: id, ...place } of places) {
    await printReturn(engine, { instance, id, host: path, readOnly, place });
  }
}

/** Prints the commands that take copies back from one container. */
export async function printTakingBack(engine: Engine, copies: readonly LentCopy[]): Promise<void> {
  for (const { instance, id, host, readOnly, lent, ...copy } of copies) {
    await printReturn(engine, { instance, id, host, readOnly: readOnly || !lent, place: placeOf(copy) });
  }
}

/** Prints how the container's version is written to the host's file if it has changed, and how it is removed. */
async function printReturn(
  engine: Engine,
  { instance, id, host: path, readOnly, place }: {
    instance: string;
    id: string;
    host: string;
    readOnly: boolean;
    place: CopyPlace;
  },
): Promise<void> {
  const { host } = engine;
  if (!readOnly) {
    await exec(engine, instance, readArgv(place, { size: "<SIZE>", sha256: "<SHA256>" }));
    await host.run(["cp", "--no-target-directory", "--", copyFiles(host, { id }).back, path]);
  }
  await exec(engine, instance, removeArgv(place, ""));
}
