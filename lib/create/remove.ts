/** Removing a container, its disposable copies, its profile, its entries in the menu and its directories. */

import type { Engine } from "../engine/engine.ts";
import { deleteProfile, findProfile, refuseUsedByOthers } from "../engine/profile.ts";
import { deleteInstance, findInstance } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { claimCopiesOf, removeCopies } from "../container/copies.ts";
import { emptyMounts } from "../container/empty_mounts.ts";
import { type Mounts, removeMounts, usedMounts } from "../container/mounts.ts";
import { sessionNames } from "../container/names.ts";
import { isOurs } from "../container/ours.ts";
import { unexportApps } from "./export/export.ts";
import { menuIfAny } from "./export/menu.ts";

/**
 * Removes a container, its disposable copies, its profile, its entries in the menu and its directories.
 *
 * @param options `force`: also when a session runs or a copy is in use, when the share holds files, or when create.ts did not make the container.
 * `recovered`: what a killed run had left was removed just now, so it is no error when nothing else is there
 * @returns what was removed, in words
 * @throws {UserError} exit code 1 when there is nothing to remove, or when it takes `force`
 */
export async function removeContainer(
  engine: Engine,
  name: string,
  { mounts, force, recovered }: { mounts: Mounts; force: boolean; recovered: boolean },
): Promise<string[]> {
  const { host } = engine;
  const instance = await findInstance(engine, name);
  const profile = await findProfile(engine, name);
  const hasProfile = host.dryRun || profile !== undefined;
  const hasMounts = host.dryRun || await exists(mounts.directory);
  if (!instance && !hasProfile && !hasMounts) {
    if (recovered) return ["what another run has left"];
    throw new UserError(`There is no container "${name}"`, { hint: `${engine.cli} list shows those that are there` });
  }
  const copies = await claimCopiesOf(engine, name, { force });
  if (profile) refuseUsedByOthers(name, profile, { copies: copies.map((copy) => copy.name) });
  if (!force) {
    if (!instance && hasMounts && !host.dryRun) {
      throw new UserError(`There is no container "${name}" in ${engine.product}, but its directories are there`, {
        hint: "If it is in the other engine, name that with --engine; if not, remove the directories with --force",
      });
    }
    for (const [what, found] of [["container", instance], ["profile", profile]] as const) {
      if (!found || isOurs(found)) continue;
      throw new UserError(`The ${what} "${name}" was not made by create.ts`, {
        hint: "To remove it all the same: --force",
      });
    }
    // A running session has a socket; systemd removes that when the session ends.
    const [live] = instance?.status === "Running" ? await sessionNames(mounts.xpra) : [];
    if (live) {
      throw new UserError(`The session "${live}" runs in "${name}"`, {
        hint: `End it with attach.ts --stop ${name} ${live}, or remove it too with --force`,
      });
    }
    const used = await usedMounts({ ...mounts, xpra: mounts.share });
    if (used) {
      throw new UserError(`There are files in "${used}"`, { hint: "Save them, or remove them too with --force" });
    }
  }
  const removed = (await removeCopies(host, copies)).map((copy) => `copy "${copy}"`);
  if (instance && hasMounts) await emptyMounts(engine, instance, mounts);
  if (instance || host.dryRun) {
    await deleteInstance(engine, name);
    removed.push("container");
  }
  if (hasProfile) {
    await deleteProfile(engine, name);
    removed.push("profile");
  }
  const menu = menuIfAny(host, name);
  if (menu) removed.push(...await unexportApps(host, menu, mounts));
  // They come last: the container may have closed them.
  if (hasMounts) {
    await removeMounts(host, [mounts.directory]);
    removed.push(mounts.directory);
  }
  return removed;
}
