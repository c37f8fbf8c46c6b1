/**
 * `create.ts --update [NAME...]` and `create.ts --install NAME APP...`: upgrades software, or installs more, in
 * containers and in the origins of their disposable copies.
 */

import { join } from "@std/path";
import { sessionsOf } from "../container/sessions.ts";
import { explain } from "../cli/script.ts";
import { ExitCode, isFailure, isProcessError, isSystemError, orElse, ProcessError, UserError } from "../base/errors.ts";
import { ifThere } from "../base/files.ts";
import { lockFile, release } from "../base/lock.ts";
import type { Host } from "../base/host.ts";
import { withUndo } from "../base/undo.ts";
import {
  beginDisposable,
  type DisposableCopy,
  findLeftovers,
  findRenewed,
  keepRenewed,
  removeDisposable,
  removeDisposables,
} from "../container/disposables.ts";
import { mountsOf } from "../container/paths.ts";
import { readLoans } from "../container/lend/journal.ts";
import { isLentTo } from "../container/lend/loan.ts";
import { copyOrigin, findOrigin, giveIdentity } from "../container/origin.ts";
import { copyOfKey, findManaged, listOwn, unusableError } from "../container/managed.ts";
import { addressCalled, type EngineOptions, scriptLine } from "../container/address.ts";
import { engineLine, type Instance, labelOf } from "../engine/engine.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { startInstance, stopInstance } from "../engine/lifecycle.ts";
import { type AppWord, changeError, changeSoftware, countIn, PackageMissing, unknownManager } from "./apps.ts";
import { deleteSnapshot, findSnapshot, hasCheapSnapshots, takeSnapshot } from "../engine/snapshot.ts";

interface Updated {
  /** `[REMOTE:]NAME`. */
  name: string;
  /** How many packages are new in it, according to the container. */
  packages: number;
  /** Whether new disposable copies will have them, too. */
  copies: boolean;
  /** The sessions that still run the old software. */
  sessions: string[];
}

/** The snapshot of a container before its update. It is kept if the update fails. */
const before = "before-update";

/**
 * Updates the containers that the command line names; by default, all of this user's that have a network.
 *
 * @param options `engineOptionsOf`: the options for the container that a word names; without a word, for all
 * @returns the exit code
 * @throws {UserError} when there is only one container, and it could not be updated
 */
export async function updateNamed(
  host: Host,
  { words, engineOptionsOf }: {
    words: readonly string[];
    engineOptionsOf(word: string | undefined): Promise<EngineOptions>;
  },
): Promise<number> {
  const targets = words.length > 0
    ? await Promise.all(words.map(async (word) => addressCalled(host, { word, ...await engineOptionsOf(word) })))
    : await findAll(host, await engineOptionsOf(undefined));
  const leftovers = await findLeftovers(host);
  const loans = leftovers.length > 0 ? await readLoans(host) : [];
  const hasLoans = (copy: DisposableCopy): boolean => loans.some((loan) => isLentTo(loan, [copy]));
  // Skips copies with lent files: the next run that uses copies takes these back.
  for (const { lock } of leftovers.filter(hasLoans)) release(lock);
  await removeDisposables(host, leftovers.filter((copy) => !hasLoans(copy)));
  const updated: Updated[] = [];
  let code = 0;
  for (const target of targets) {
    try {
      updated.push(await update(host, target));
    } catch (error) {
      if (targets.length === 1 || !(isFailure(error) || isSystemError(error))) throw error;
      const explained = explain(error);
      code = explained.exitCode ?? ExitCode.failed;
      host.ui.error(explained);
    }
  }
  host.ui.result(updated.map(updateLine).join("\n"), updated);
  return code;
}

/**
 * Installs apps in the container that the command line names.
 *
 * @throws {UserError} when they could not be installed
 */
export async function installNamed(
  host: Host,
  { word, apps, ...options }: { word: string; apps: readonly AppWord[] } & EngineOptions,
): Promise<void> {
  const updated = await update(host, await addressCalled(host, { word, ...options }), apps);
  host.ui.result(updateLine(updated), updated);
}

/** This user's containers, without copies of them. */
async function findAll(host: Host, options: EngineOptions): Promise<Instance[]> {
  const found: Instance[] = [];
  for (const instance of await listOwn(host, options)) {
    if (instance.config[copyOfKey] !== undefined) continue;
    if (hasNetwork(instance)) found.push(instance);
    else host.ui.status(`"${labelOf(instance)}" has no network: it keeps the software that it has`);
  }
  if (found.length === 0) host.ui.status("You have no containers to update");
  return found;
}

/** Whether it can download packages: by a network card, or by the proxy of `gui-internet`. */
function hasNetwork({ hasNetwork, expanded_devices }: InstanceInfo): boolean {
  return hasNetwork || expanded_devices["internet"]?.type === "proxy";
}

function updateLine({ name, packages, copies }: Updated): string {
  const what = packages === 0 ? "up to date" : packages === 1 ? "1 new package" : `${packages} new packages`;
  return `${name}: ${what}${copies ? ", also in its disposable copies" : ""}`;
}

async function update(host: Host, instance: Instance, apps: readonly AppWord[] = []): Promise<Updated> {
  const label = labelOf(instance);
  const found = await host.look(undefined, () => findManaged(host, instance));
  if (found && !hasNetwork(found)) {
    throw new UserError(`"${label}" has no network, so it cannot be updated`, {
      hint: "Make it again, with --delete and the line that made it: its software is then the newest",
    });
  }
  if (found && !["Running", "Stopped"].includes(found.status)) throw unusableError(instance, found.status);
  host.ui.progress(`Updating "${label}"`);
  // One run at a time: a second one's packages have the same names, and the first one may stop the container.
  const lock = join(mountsOf(host, instance).directory, ".software.lock");
  using _turn = await host.look(undefined, () => ifThere(lockFile(lock, { signal: host.signal })));
  const keeps = await host.look(true, () => hasCheapSnapshots(host, instance));
  // An existing snapshot is from before an earlier update, which failed.
  const takes = keeps && !await findSnapshot(host, instance, before);
  if (takes) await takeSnapshot(host, instance, before);
  const isLent = Object.keys(found?.devices ?? {}).some((name) => /^map-[0-9a-f]{10}$/.test(name));
  if (keeps && isLent) host.ui.warn(`Files are lent to "${label}": restoring "${before}" would lend them again`);
  const isStopped = found?.status === "Stopped";
  let packages: number;
  let sessions: string[] = [];
  try {
    packages = isStopped
      ? await whileRunning(host, found, () => changeSoftware(host, instance, apps))
      : await changeSoftware(host, instance, apps);
    if (found && !isStopped) sessions = await sessionsOf(host, found);
  } catch (error) {
    const cause = error instanceof PackageMissing ? error.cause : error;
    if (!(cause instanceof ProcessError)) throw error;
    const isAsBefore = takes && countIn(cause.stdout) === 0;
    if (isAsBefore) await deleteSnapshot(host, instance, before);
    if (error instanceof PackageMissing) throw error;
    throw failure(instance, { error: cause, apps, keeps: keeps && !isAsBefore });
  }
  if (keeps) await deleteSnapshot(host, instance, before);
  for (const session of packages > 0 ? sessions : []) {
    host.ui.status(`The session "${session}" in "${label}" has the old software until its app is started again`);
  }
  return { name: label, packages, copies: await renew(host, instance, apps), sessions };
}

function failure(
  instance: Instance,
  { error, apps, keeps }: { error: ProcessError; apps: readonly AppWord[]; keeps: boolean },
): UserError {
  const { engine } = instance;
  const label = labelOf(instance);
  const again = lineAgain(instance, apps);
  if (error.code === unknownManager) {
    return changeError(`"${label}" has neither apt-get nor dnf`, "Update it by hand", error);
  }
  const back = engineLine(engine, [...engine.restoreSnapshot.split(" "), label, before]);
  const hint = `To try again: ${again}${keeps ? `. To have it as it was before, with all of its files: ${back}` : ""}`;
  return changeError(`The software of "${label}" could not be updated`, hint, error);
}

/** The command line that tries again. */
function lineAgain(instance: Instance, apps: readonly AppWord[]): string {
  const label = labelOf(instance);
  const words = apps.map(({ source, name }) => `${source}:${name}`);
  return scriptLine(instance.engine, ["create.ts", words.length > 0 ? "--install" : "--update", label, ...words]);
}

/**
 * Starts a stopped instance, calls `act`, and stops it again, unless sessions have been started in it meanwhile. A signal
 * ends `act` only.
 */
async function whileRunning<T>(host: Host, instance: Instance | InstanceInfo, act: () => Promise<T>): Promise<T> {
  const cleaner = (): Host => host.forCleanup(AbortSignal.timeout(120_000));
  await startInstance(cleaner(), instance);
  try {
    return await act();
  } finally {
    // A copy that only this run knows has no status here, and no sessions.
    const [session] = "status" in instance ? await sessionsOf(cleaner(), { ...instance, status: "Running" }) : [];
    if (session !== undefined) host.ui.status(`"${labelOf(instance)}" runs on, with the session "${session}"`);
    else {
      await stopInstance(cleaner(), instance).catch(({ message }) =>
        host.ui.warn(`"${labelOf(instance)}" could not be stopped again: ${message}`)
      );
    }
  }
}

/**
 * Renews the origin of a container's disposable copies: updates a copy of it, which takes its place. Nothing from the
 * container itself gets into it.
 *
 * @returns whether there is an origin
 */
async function renew(host: Host, source: Instance, apps: readonly AppWord[]): Promise<boolean> {
  const { engine } = source;
  const origin = await findOrigin(host, source);
  if (!origin) return false;
  const label = labelOf(source);
  host.ui.progress(`Updating "${label}" for its disposable copies`);
  const renewed = await withUndo(host, async (undo) => {
    const copy = await beginDisposable(host, source);
    undo.add(`remove the copy "${copy.name}"`, (cleaner) => removeDisposable(cleaner, copy));
    const instance = { engine, name: copy.name };
    await copyOrigin(host, instance, { origin, mounts: undefined });
    await giveIdentity(host, instance);
    const changed = whileRunning(host, instance, () => changeSoftware(host, instance, apps));
    await orElse(changed, isProcessError, (error) => {
      const hint = `They stay as they were. To try again: ${lineAgain(source, apps)}`;
      throw changeError(`"${label}" is updated, but new disposable copies of it are not`, hint, error);
    });
    await keepRenewed(host, copy);
    return copy.name;
  });
  const copies = await findRenewed(host, source, { claim: true });
  for (const { name, lock } of copies) if (name === renewed) release(lock);
  await removeDisposables(host, copies.filter(({ name }) => name !== renewed));
  return true;
}
