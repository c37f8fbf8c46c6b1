/**
 * Checks what already has a new container's name: it is refused, or used if the user agrees. Containers of both
 * engines, or of two projects, may have directories of the same name on this host.
 */

import type { Host } from "../base/host.ts";
import { refuseBeingMade } from "./creation.ts";
import { usedMounts } from "../container/mounts.ts";
import type { Mounts } from "../container/paths.ts";
import { readContainerRecord } from "../container/record.ts";
import { type Address, scriptLine } from "../container/address.ts";
import { type Instance, otherEngine } from "../engine/engine.ts";
import { findInstance, type InstanceInfo, listNeighbours } from "../engine/instance.ts";
import { findProfile, refuseUsedByOthers, showProfile } from "../engine/profile.ts";
import { inputError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { all } from "../base/promises.ts";

/**
 * Refuses the name of an existing container. Asks whether to use an existing profile without a container, and
 * directories that contain files.
 *
 * @returns the profile of that name as YAML, which will be replaced; null if there is none
 * @throws {UserError} exit code 1 for a container, a profile that others use, or directories of another container; 2
 * when the user declines
 */
export async function checkExisting(host: Host, instance: Address): Promise<string | null> {
  const { engine, name, label, mounts } = instance;
  const { ui } = host;
  const [found, profile] = await all([findInstance(host, instance), findProfile(host, instance)]);
  if (found) {
    throw new UserError(`A container named "${label}" already exists`, {
      hint: `Choose another name, or remove it: ${scriptLine(engine, ["create.ts", "--delete", label])}`,
    });
  }
  if (await exists(mounts.directory)) await refuseOtherOwner(host, instance);
  if (profile) {
    await refuseBeingMade(instance);
    refuseUsedByOthers(instance, { profile });
    if (!await ui.confirm(`There is a profile "${name}" without a container. Replace what it holds?`)) {
      throw notAgreed(`A profile named "${name}" already exists`);
    }
  }
  const used = await usedMounts(mounts.shared);
  if (used && !await ui.confirm(`There are files in "${used}". Share them with the new container?`)) {
    throw notAgreed(`"${used}" already holds files`);
  }
  return profile ? await showProfile(host, instance) : null;
}

function notAgreed(message: string): UserError {
  return inputError(message, "Answer yes with --yes to use it, or choose another name");
}

export function shares({ devices }: Pick<InstanceInfo, "devices">, { share }: Pick<Mounts, "share">): boolean {
  return Object.values(devices).some(({ source }) => source === share);
}

/**
 * Refuses directories that belong to a container of the same name in the other engine, or in another project.
 *
 * @throws {UserError} the message names its engine
 */
export async function refuseOtherOwner(host: Host, instance: Address): Promise<void> {
  const { engine, mounts } = instance;
  const other = engine.server.isLocal
    ? (await listNeighbours(host, engine, { mustAnswer: true })).find((found) => shares(found, mounts))
    : await findNamesake(instance);
  if (!other) return;
  const name = other.name === instance.name
    ? "Name its engine with --engine, or its project with --project"
    : `If it was called "${instance.name}", rename it back`;
  throw new UserError(
    `The directories in "${mounts.directory}" belong to another container "${other.name}", of ${other.engine.product}`,
    { hint: `${name}; for a new container, choose another name` },
  );
}

/** The other engine's container of that name, on a remote of the same name, according to the directories' record. */
async function findNamesake({ engine, name, mounts }: Address): Promise<Instance | undefined> {
  const record = await readContainerRecord(mounts);
  return record && record.engine !== engine.cli ? { engine: otherEngine(engine), name } : undefined;
}
