/**
 * `create.ts --delete NAME`: removes a container, its disposable copies, its profile, its entries in the menu and its
 * directories.
 */

import { engineLine } from "../engine/engine.ts";
import { deleteProfile, type EngineProfile, findProfile, refuseUsedByOthers } from "../engine/profile.ts";
import { findInstance, type InstanceInfo, protectionKey } from "../engine/instance.ts";
import { deleteInstance } from "../engine/lifecycle.ts";
import { isFailure, orNothing, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { claimDisposables, removeDisposables } from "../container/disposables.ts";
import { emptyMounts, removeMounts, usedMounts } from "../container/mounts.ts";
import { sessionsOf } from "../container/sessions.ts";
import { isManaged, markKey, noContainer } from "../container/managed.ts";
import { type Address, addressCalled, type EngineOptions, scriptLine } from "../container/address.ts";
import { removeUnusedProxy } from "./internet/proxy.ts";
import { readLoans } from "../container/lend/journal.ts";
import { isCopy, isCopyOut, isLentTo, isMapping, labelOfLoan, type LentCopy } from "../container/lend/loan.ts";
import { forgetAccess, takeBackRecorded } from "../container/lend/recover.ts";
import { serverRecord } from "../engine/server.ts";
import { unexportApps } from "./export/unexport.ts";
import { menuOf } from "./export/menu.ts";
import { recoverCreation } from "./creation.ts";
import { refuseOtherOwner, shares } from "./existing.ts";

/**
 * Removes the container that the command line names, and lists what was removed.
 *
 * @param options `force`: see {@linkcode removeContainer}
 * @throws {UserError} as {@linkcode removeContainer}
 */
export async function deleteNamed(
  host: Host,
  { word, force, ...options }: EngineOptions & { word: string; force: boolean },
): Promise<void> {
  const address = await addressCalled(host, { word, ...options });
  const recovered = await recoverCreation(host, address);
  const removed = await removeContainer(host, address, { force, recovered });
  host.ui.result(`Removed: ${removed.join(", ")}`, { name: address.label, removed });
}

/**
 * Takes back the files that are lent to a container, and removes it, its disposable copies, its profile, its entries in
 * the menu and its directories.
 *
 * @param options `force`: even if a session runs, a copy is in use, the share contains files, changes to a lent copy of
 * a file would be lost, or create.ts did not make the container. `recovered`: this run has just removed what a killed
 * run had left, so finding nothing else is not an error
 * @returns what was removed, in words
 * @throws {UserError} exit code 1 when there is nothing to remove, when `force` is needed, for a container that the
 * engine protects, and for directories of another container
 */
export async function removeContainer(
  host: Host,
  instance: Address,
  { force, recovered }: { force: boolean; recovered: boolean },
): Promise<string[]> {
  const { engine, label, mounts } = instance;
  const planned = { ...instance, status: "Stopped", config: { [markKey]: "1" }, devices: {}, used_by: [] };
  type Found = Pick<InstanceInfo, "engine" | "name" | "status" | "config" | "devices">;
  const found = await host.look<Found | undefined>(planned, () => findInstance(host, instance));
  const profile = await host.look<EngineProfile | undefined>(planned, () => findProfile(host, instance));
  const hasMounts = await host.look(true, () => exists(mounts.directory));
  if (!found && !profile && !hasMounts) {
    if (recovered) return ["what another run has left"];
    throw await noContainer(host, instance);
  }
  const protection = found?.config[protectionKey] ?? profile?.config[protectionKey] ?? "";
  if (found && /^(true|1|yes|on)$/i.test(protection)) {
    const allow = engineLine(engine, ["config", "set", label, `${protectionKey}=false`]);
    throw new UserError(`The container "${label}" is protected from being removed`, { hint: `To allow it: ${allow}` });
  }
  const isOwner = found !== undefined && (shares(found, mounts) || !engine.server.isLocal);
  if (hasMounts && !isOwner) await refuseOtherOwner(host, instance);
  const copies = await claimDisposables(host, instance, { force });
  const borrowers = [{ name: instance.name, engine: engine.cli, server: serverRecord(engine.server) }, ...copies];
  const lent = await host.look([], async () => (await readLoans(host)).filter((loan) => isLentTo(loan, borrowers)));
  if (profile) refuseUsedByOthers(instance, { profile, copies: copies.map((copy) => copy.name) });
  if (!force) {
    if (!found && hasMounts) {
      throw new UserError(`There is no container "${label}" in ${engine.product}, but its directories are there`, {
        hint: "If it is on another server, name that; if not, remove the directories with --force",
      });
    }
    for (const [what, made] of [["container", found], ["profile", profile]] as const) {
      if (!made || isManaged(made)) continue;
      throw new UserError(`The ${what} "${label}" was not made by create.ts`, { hint: "To remove it anyway: --force" });
    }
    const [live] = found?.status === "Running" ? await sessionsOf(host, found) : [];
    if (live) {
      const stop = scriptLine(engine, ["attach.ts", "--stop", label, live]);
      throw new UserError(`The session "${live}" runs in "${label}"`, {
        hint: `End it with ${stop}, or remove it too with --force`,
      });
    }
    const out = lent.filter(isCopyOut);
    if (out.length > 0) throw notBackError(instance, out);
    const used = await usedMounts([mounts.share]);
    if (used) {
      throw new UserError(`There are files in "${used}"`, { hint: "Save them, or remove them too with --force" });
    }
  }
  const mapped = lent.filter(isMapping);
  try {
    await takeBackRecorded(host, mapped);
    const paths = mapped.map(({ hostPath }) => `"${hostPath}"`).join(", ");
    if (paths) host.ui.status(`No longer lent: ${paths}`);
  } catch (error) {
    if (!force || !isFailure(error)) throw error;
    host.ui.warn(`Not all files are taken back: ${error.message}. The next run that lends files tries it again`);
  }
  await forgetAccess(host, lent.filter(isCopy));
  const removed = (await removeDisposables(host, copies)).map((copy) => `copy "${copy}"`);
  if (found) {
    if (await exists(mounts.sockets)) await emptyMounts(host, found);
    await deleteInstance(host, instance);
    removed.push("container");
  }
  const proxy = profile && await removeUnusedProxy(host, instance, profile);
  if (proxy !== undefined) removed.push(`proxy "${proxy}"`);
  if (profile) {
    await deleteProfile(host, instance);
    removed.push("profile");
  }
  // If there can be no menu, nothing was exported.
  const menu = await orNothing(Promise.try(menuOf, host, instance.hostName), isFailure);
  if (menu) removed.push(...await unexportApps(menu));
  // Last, since it may fail: the container may have made them inaccessible.
  if (hasMounts) {
    await removeMounts(host, [mounts.directory]);
    removed.push(mounts.directory);
  }
  return removed;
}

/** The error for lent copies of the user's files that may have been changed in the container. */
function notBackError({ engine, label }: Address, copies: readonly LentCopy[]): UserError {
  const names = copies.map(({ hostPath }) => `"${hostPath}"`).join(", ");
  const lines = new Set(copies.map((copy) => scriptLine(engine, ["map.ts", "--unmap", labelOfLoan(copy)])));
  return new UserError(`Copies of your files in "${label}" have not come back: ${names}`, {
    hint: `Take them back: ${[...lines].join("; ")}. To lose what was changed in them: --force`,
  });
}
