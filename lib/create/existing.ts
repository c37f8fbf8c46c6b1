/** What there is of a container's name before it is made: refused, or used when the user agrees. */

import { refuseBeingMade } from "./journal.ts";
import { refuseOtherOwner } from "./owner.ts";
import { type Mounts, usedMounts } from "../container/mounts.ts";
import { scriptLine } from "../container/place.ts";
import { type Instance, labelOf } from "../engine/engine.ts";
import { findInstance } from "../engine/instance.ts";
import { findProfile, refuseUsedByOthers, showProfile } from "../engine/profile.ts";
import { inputError, UserError } from "../base/errors.ts";
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
export async function checkExisting(instance: Instance, mounts: Mounts): Promise<string | null> {
  const { engine, name } = instance;
  const { ui } = engine.host;
  const label = labelOf(instance);
  const [found, profile] = await all([findInstance(instance), findProfile(instance)]);
  if (found) {
    throw new UserError(`There is a container "${label}" already`, {
      hint: `Choose another name, or remove it: ${scriptLine(engine, ["create.ts", "--delete", label])}`,
    });
  }
  if (await exists(mounts.directory)) await refuseOtherOwner(instance, mounts);
  if (profile) {
    await refuseBeingMade(name, mounts);
    refuseUsedByOthers(instance, { profile });
    if (!await ui.confirm(`There is a profile "${name}" without a container. Replace what it holds?`)) {
      throw notAgreed(`There is a profile "${name}" already`);
    }
  }
  const used = await usedMounts(mounts.shared);
  if (used && !await ui.confirm(`There are files in "${used}". Share them with the new container?`)) {
    throw notAgreed(`There are files in "${used}" already`);
  }
  return profile ? await showProfile(instance) : null;
}

function notAgreed(message: string): UserError {
  return inputError(message, "Answer yes with --yes to use it, or choose another name");
}
