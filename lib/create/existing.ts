/** What there is of a container's name before it is made: refused, or used when the user agrees. */

import { refuseBeingMade } from "./journal.ts";
import { labelOf, type Mounts, usedMounts } from "../container/mounts.ts";
import { scriptLine } from "../container/place.ts";
import { type Engine, otherEngine } from "../engine/engine.ts";
import { findInstance } from "../engine/instance.ts";
import { findProfile, refuseUsedByOthers, showProfile } from "../engine/profile.ts";
import { ExitCode, inputError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { all } from "../base/settle.ts";

/**
 * Refuses a name that a container has. Asks whether to use a profile without a container, and directories with files in
 * them.
 *
 * @returns the profile of that name as YAML, which will be replaced; null when there is none
 * @throws {UserError} exit code 1 for a container, a profile that others use, or directories of another container; 2
 * when the user does not agree
 */
export async function checkExisting(engine: Engine, name: string, mounts: Mounts): Promise<string | null> {
  const { ui } = engine.host;
  const label = labelOf(engine.server, name);
  const [instance, profile] = await all([findInstance(engine, name), findProfile(engine, name)]);
  if (instance) {
    throw new UserError(`There is a container "${label}" already`, {
      hint: `Choose another name, or remove it: ${scriptLine(engine, ["create.ts", "--delete", label])}`,
    });
  }
  if (engine.server.isLocal && await exists(mounts.directory)) await refuseOtherEngines(engine, name, mounts);
  if (profile) {
    await refuseBeingMade(name, mounts);
    refuseUsedByOthers(name, profile);
    if (!await ui.confirm(`There is a profile "${name}" without a container. Replace what it holds?`)) {
      throw notAgreed(`There is a profile "${name}" already`);
    }
  }
  const used = await usedMounts(mounts);
  if (used && !await ui.confirm(`There are files in "${used}". Share them with the new container?`)) {
    throw notAgreed(`There are files in "${used}" already`);
  }
  return profile ? await showProfile(engine, name) : null;
}

function notAgreed(message: string): UserError {
  return inputError(message, "Answer yes with --yes to use it, or choose another name");
}

/** Refuses directories that are shared with a container of the same name on the other engine. */
async function refuseOtherEngines(engine: Engine, name: string, mounts: Mounts): Promise<void> {
  const other = otherEngine(engine);
  const instance = await findInstance(other, name).catch((error) => {
    // An engine that does not answer runs no containers.
    if (error instanceof UserError && error.exitCode === ExitCode.noEngine) return undefined;
    throw error;
  });
  if (!Object.values(instance?.devices ?? {}).some(({ source }) => source === mounts.share)) return;
  throw new UserError(
    `The directories in "${mounts.directory}" belong to the container "${name}" of ${other.product}`,
    { hint: "Choose another name, or set $GUI_CONTAINER_MOUNTS to another directory for one of the engines" },
  );
}
