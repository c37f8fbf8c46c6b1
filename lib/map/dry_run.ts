/** What a dry run prints: the commands that map files, and that unmap them. */

import { plannedUserOf } from "../container/user.ts";
import { deviceOf } from "./devices.ts";
import type { Engine } from "../engine/engine.ts";
import { addDevices, instanceHostUid, removeDevices } from "../engine/instance.ts";
import type { Mapping } from "./journal.ts";
import { newPlace } from "./source_file.ts";

/** Prints the commands that map the files at `paths` into a container, and unmap them again. */
export async function printMapping(
  engine: Engine,
  instance: string,
  { paths, readOnly }: { paths: readonly string[]; readOnly: boolean },
): Promise<void> {
  const { host } = engine;
  const user = await plannedUserOf(engine, instance);
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
