/**
 * `create.ts --update [NAME...]`: installs the newest software in containers, and in the origins of their disposable
 * copies.
 */

import { sessionsOf } from "../container/sessions.ts";
import updateScript from "./update.sh" with { type: "text" };
import { explain } from "../cli/script.ts";
import { ExitCode, isFailure, isSystemError, ProcessError, UserError } from "../base/errors.ts";
import { release } from "../base/lock.ts";
import type { Host } from "../base/host.ts";
import { withValues } from "../base/shell_words.ts";
import { withUndo } from "../base/undo.ts";
import {
  beginDisposable,
  copyOfKey,
  type DisposableCopy,
  findLeftovers,
  findRenewed,
  keepRenewed,
  removeDisposable,
  removeDisposables,
} from "../container/disposables.ts";
import { readLoans } from "../container/lend/journal.ts";
import { isLentTo } from "../container/lend/loan.ts";
import { copyOrigin, findOrigin, giveIdentity } from "../container/origin.ts";
import { findManaged, listOwn, unusableError } from "../container/managed.ts";
import { addressCalled, type EngineOptions, scriptLine } from "../container/address.ts";
import { engineLine, type Instance, labelOf } from "../engine/engine.ts";
import { exec, type InstanceInfo, startInstance, stopInstance } from "../engine/instance.ts";
import { deleteSnapshot, findSnapshot, hasCheapSnapshots, takeSnapshot } from "../engine/snapshot.ts";

interface Updated {
  /** `[REMOTE:]NAME`. */
  name: string;
  /** How many packages are new in it, as it says. */
  packages: number;
  /** Whether disposable copies will have them, too. */
  copies: boolean;
  /** The sessions that run on with what they had. */
  sessions: string[];
}

/** How long a container may take to install its software, in milliseconds. */
const updateMs = 3_600_000;

/** How much of what a failed update has printed is shown: its last lines, and characters. */
const maxShown = { lines: 20, characters: 4_000 };

/** Exit status of update.sh in a container whose package manager is unknown. */
const unknownManager = 76;

/** The snapshot of how a container was before an update that failed. */
const before = "before-update";

/**
 * Updates the containers that words of the command line name; without words, all of this user's that have a network.
 *
 * @param options `engineOptionsOf`: the options for the container of a word, or for all
 * @returns the exit code
 * @throws {UserError} when the only one could not be updated
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
  // What an app has made of a file comes back with the next run that uses copies.
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

/** Whether packages can reach it: by a network card, or by the proxy of `gui-internet`. */
function hasNetwork({ hasNetwork, expanded_devices }: InstanceInfo): boolean {
  return hasNetwork || expanded_devices["internet"]?.type === "proxy";
}

function updateLine({ name, packages, copies }: Updated): string {
  const what = packages === 0 ? "up to date" : packages === 1 ? "1 new package" : `${packages} new packages`;
  return `${name}: ${what}${copies ? ", also in its disposable copies" : ""}`;
}

async function update(host: Host, instance: Instance): Promise<Updated> {
  const label = labelOf(instance);
  const found = await host.look(undefined, () => findManaged(host, instance));
  if (found && !hasNetwork(found)) {
    throw new UserError(`"${label}" has no network to get new software by`, {
      hint: "Make it again, with --delete and the line that made it: its software is then the newest",
    });
  }
  if (found && !["Running", "Stopped"].includes(found.status)) throw unusableError(instance, found.status);
  host.ui.progress(`Updating "${label}"`);
  const keeps = await host.look(true, () => hasCheapSnapshots(host, instance));
  // One that is there is of before an earlier update that failed.
  const takes = keeps && !await findSnapshot(host, instance, before);
  if (takes) await takeSnapshot(host, instance, before);
  const isStopped = found?.status === "Stopped";
  let packages: number;
  let sessions: string[] = [];
  try {
    packages = isStopped
      ? await whileRunning(host, instance, () => upgrade(host, instance))
      : await upgrade(host, instance);
    if (found && !isStopped) sessions = await sessionsOf(host, found);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    const isAsBefore = takes && countIn(error.stdout) === 0;
    if (isAsBefore) await deleteSnapshot(host, instance, before);
    throw failure(instance, { error, keeps: keeps && !isAsBefore });
  }
  if (keeps) await deleteSnapshot(host, instance, before);
  for (const session of packages > 0 ? sessions : []) {
    host.ui.status(`The session "${session}" in "${label}" has the old software until its app is started again`);
  }
  return { name: label, packages, copies: await renew(host, instance), sessions };
}

function failure(instance: Instance, { error, keeps }: { error: ProcessError; keeps: boolean }): UserError {
  const { engine } = instance;
  const label = labelOf(instance);
  const again = scriptLine(engine, ["create.ts", "--update", label]);
  const back = engineLine(engine, [...engine.restoreSnapshot.split(" "), label, before]);
  const options = { output: lastOutput(error), cause: error };
  if (error.code === unknownManager) {
    return new UserError(`"${label}" has neither apt-get nor dnf`, { ...options, hint: "Update it by its own means" });
  }
  return new UserError(`The software of "${label}" could not be updated`, {
    ...options,
    hint: `To try again: ${again}${keeps ? `. To have it as it was before, with all of its files: ${back}` : ""}`,
  });
}

/** The end of an update's output, which the container may fill with anything. */
function lastOutput({ stdout, stderr }: ProcessError): string {
  const lines = `${stdout.replace(/\n\d*\n?$/, "")}\n${stderr}`.trim().split("\n");
  return lines.slice(-maxShown.lines).join("\n").slice(-maxShown.characters);
}

/** Starts a stopped instance for what `act` does, and stops it afterwards, whatever happens. */
async function whileRunning<T>(host: Host, instance: Instance, act: () => Promise<T>): Promise<T> {
  const stop = (): Promise<unknown> => stopInstance(host.forCleanup(AbortSignal.timeout(120_000)), instance);
  let hasStarted = false;
  let result: T;
  try {
    await startInstance(host, instance);
    hasStarted = true;
    result = await act();
  } catch (error) {
    await stop().catch(({ message }) => {
      // Why it failed says more than that what has not started cannot be stopped.
      if (hasStarted) host.ui.warn(`"${labelOf(instance)}" could not be stopped again: ${message}`);
    });
    throw error;
  }
  await stop();
  return result;
}

/** Installs the newest software in a running instance. Returns how many packages are new, as the container says. */
async function upgrade(host: Host, instance: Instance): Promise<number> {
  const { ui } = host;
  const script = withValues(updateScript, { unknown: String(unknownManager) });
  const { stdout } = await exec(host, instance, ["/bin/sh", "-c", script], {
    output: { line: (line) => ui.progress(`${instance.name}: ${line.slice(0, 200)}`, { plain: "" }) },
    timeoutMs: updateMs,
  });
  return countIn(stdout);
}

/** How many packages are new, according to the end of update.sh's output; 0 if it does not say. */
function countIn(stdout: string): number {
  return Number(/(?:^|\n)(\d{1,6})\n?$/.exec(stdout)?.[1] ?? 0);
}

/**
 * Renews the origin of a container's disposable copies: a copy of it is brought up to date, and takes its place.
 * Nothing from the container itself gets into it.
 *
 * @returns whether there is an origin
 */
async function renew(host: Host, source: Instance): Promise<boolean> {
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
    await whileRunning(host, instance, () => upgrade(host, instance)).catch((error) => {
      if (!(error instanceof ProcessError)) throw error;
      throw new UserError(`"${label}" is updated, but new disposable copies of it are not`, {
        hint: `They stay as they were. To try again: ${scriptLine(engine, ["create.ts", "--update", label])}`,
        output: lastOutput(error),
        cause: error,
      });
    });
    await keepRenewed(host, copy);
    return copy.name;
  });
  const copies = await findRenewed(host, source, { claim: true });
  for (const { name, lock } of copies) if (name === renewed) release(lock);
  await removeDisposables(host, copies.filter(({ name }) => name !== renewed));
  return true;
}
