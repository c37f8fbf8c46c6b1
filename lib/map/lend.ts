/** `map.ts [NAME [FILE...]]`: lends files to a container until the user takes them back. */

import { hasDisplay, isUnattended } from "../base/desktop.ts";
import { ExitCode, inputError, isFailure, NoEngine, orNothing, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/promises.ts";
import { withUndo } from "../base/undo.ts";
import { announcePresence, ownIds } from "../container/lend/journal.ts";
import { keepFiles, takeFilesBack } from "../container/lend/lend.ts";
import type { Loan } from "../container/lend/loan.ts";
import { runningSessions } from "../container/sessions.ts";
import { recoverFirst, takeBackAtEnd } from "../container/lend/recover.ts";
import { checkFiles, type FileRules, type SourceFile } from "../container/lend/source_file.ts";
import { copyOfKey, findManaged, findNeighbourhood, listOwn, unusableError } from "../container/managed.ts";
import { type Address, addressOf, type EngineOptions, findAddress } from "../container/address.ts";
import { checkWays, sharedByMounts } from "../container/source_path.ts";
import { type Instance, labelOf } from "../engine/engine.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { startInstance } from "../engine/lifecycle.ts";
import { showLoans } from "./list.ts";
import { type Prompter, terminalPrompter } from "./prompter.ts";
import { tellTakenBack } from "./take_back.ts";
import { followReplacements } from "./watch.ts";

export interface LendWords extends EngineOptions {
  /** `[NAME [FILE...]]`: the user is asked for missing words. */
  words: readonly string[];
  /** Whether the container may only read the files. */
  readOnly: boolean;
  /** Whether the run returns at once, and leaves the files lent. */
  stays: boolean;
  /** How long the files stay lent, in milliseconds; undefined: until the user ends it. */
  forMs: number | undefined;
  /** Whether files are taken back without a question while sessions run. */
  yes: boolean;
}

/**
 * Lends files, and takes them back at the end.
 *
 * @returns the exit code
 */
export async function lend(host: Host, request: LendWords): Promise<number> {
  const prompter = await host.look(false, async () => hasDisplay(host.env) && await isUnattended())
    ? (await import("./dialogs.ts")).dialogPrompter(host)
    : terminalPrompter(host);
  const chosen = await chooseLending(host, prompter, request);
  if (!chosen) return ExitCode.failed;
  const { address, files, rules } = chosen;
  const found = await host.look(undefined, async () => {
    const [found] = await all([neighbourhoodOf(host, address), recoverFirst(host)]);
    return found;
  });
  await checkWays(files, found?.neighbours ?? []);
  const instance = found && await startStopped(host, found.instance);
  const { containerAt } = await import("../container/resolve.ts");
  const options = { listed: instance, keepsHistory: request.keepsHistory };
  await using container = await containerAt(host, address, options);
  await using presence = await announcePresence(host);
  const { readOnly, stays } = request;
  const loans = await container.lend(files, { readOnly, owner: presence.owner });
  for (const { hostPath } of loans.filter((loan) => loan.readOnly && !readOnly)) {
    host.ui.status(`"${hostPath}" is lent read-only, since you may not write it`);
  }
  if (stays) {
    const kept = await withUndo(host, async (undo) => {
      undo.add("take the files back", (cleaner) => takeFilesBack(cleaner, container, loans));
      return await keepFiles(host, container, loans);
    });
    showLoans(host, kept);
    return 0;
  }
  let lost: Loan[];
  try {
    showLoans(host, loans);
    await host.look(undefined, () => untilUserEnds(host, prompter, { ...request, instance: instance!, loans, rules }));
  } finally {
    // Even after a signal.
    lost = await takeAllBack(host, prompter, { instance: container, loans });
  }
  const code = await host.look(0, () => tellTakenBack(host, loans, lost));
  // A signal may have come while they were taken back.
  host.signal.throwIfAborted();
  return code;
}

/** Asks the engine about the container. If it does not exist, or create.ts did not make it, that is a usage error. */
async function neighbourhoodOf(host: Host, instance: Instance): ReturnType<typeof findNeighbourhood> {
  return await findNeighbourhood(host, instance).catch((error) => {
    throw error instanceof UserError && !(error instanceof NoEngine) ? inputError(error.message, error.hint) : error;
  });
}

/** Starts a container if it is stopped. Returns the engine's info about it then. */
async function startStopped(host: Host, instance: InstanceInfo): Promise<InstanceInfo> {
  if (instance.status === "Running") return instance;
  if (instance.status !== "Stopped") throw unusableError(instance, instance.status);
  host.ui.status(`Starting "${labelOf(instance)}"`);
  await startInstance(host, instance);
  return await findManaged(host, instance);
}

/** The container and the files, from the command line or the user's answers; undefined if the user closes a dialog. */
async function chooseLending(
  host: Host,
  prompter: Prompter,
  { words: [givenWord, ...givenPaths], ...options }: LendWords,
): Promise<{ address: Address; files: SourceFile[]; rules: FileRules } | undefined> {
  const named = givenWord === undefined ? undefined : await findAddress(host, { word: givenWord, ...options });
  const rules = { user: await ownIds(host), shared: await sharedByMounts(host) };
  const givenFiles = await checkFiles(givenPaths, rules);
  const address = named ?? await chooseContainer(host, prompter, options);
  if (!address) return undefined;
  const files = givenFiles.length > 0 ? givenFiles : await checkFiles(await prompter.chooseFiles(address.label), rules);
  return files.length === 0 ? undefined : { address, files, rules };
}

/**
 * Asks for one of the user's containers, or of their copies that run: later copies may be made of one that is stopped.
 *
 * @returns undefined if the dialog is closed
 */
async function chooseContainer(host: Host, prompter: Prompter, options: EngineOptions): Promise<Address | undefined> {
  const own = await host.look([], async () => {
    const isOffered = ({ config, status }: InstanceInfo): boolean => !config[copyOfKey] || status === "Running";
    const found = (await listOwn(host, options)).filter(isOffered);
    if (found.length > 0) return found;
    throw new UserError("You have no containers to lend files to", { hint: "Make one: create.ts --help" });
  });
  const isOne = new Set(own.map(({ engine }) => engine.cli)).size <= 1;
  const kindOf = ({ config }: InstanceInfo): string => config[copyOfKey] ? ", a disposable copy" : "";
  const names = own.map((one) => labelOf(one) + kindOf(one) + (isOne ? "" : ` (${one.engine.product})`));
  const name = await prompter.chooseContainer(names);
  const chosen = name === undefined ? undefined : own[names.indexOf(name)];
  return chosen && addressOf(host, chosen);
}

/** Waits until the user or the time limit of `--for` ends the lending. */
async function untilUserEnds(
  host: Host,
  prompter: Prompter,
  { instance, loans, rules, forMs, yes }: Pick<LendWords, "forMs" | "yes"> & {
    instance: InstanceInfo;
    loans: Loan[];
    rules: FileRules;
  },
): Promise<void> {
  const over = new AbortController();
  // Not AbortSignal.timeout(), which does not keep the process alive after the end of stdin.
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs);
  const until = timer === undefined ? {} : { signal: over.signal };
  const waiting = new AbortController();
  const following = followReplacements(host, instance, { loans, rules, tell: prompter.tell, signal: waiting.signal });
  try {
    while (await prompter.untilAsked(loans, until)) {
      const sessions = yes ? [] : await orNothing(runningSessions(host, instance), isFailure) ?? [];
      if (sessions.length === 0) break;
      const [what, verb] = sessions.length === 1 ? ["session", "runs"] : ["sessions", "run"];
      const where = `${sessions.join(", ")} still ${verb} in "${labelOf(instance)}"`;
      const warning = `The ${what} ${where}: what an app there has not saved will be lost`;
      if (await prompter.confirm(warning, until)) break;
    }
  } finally {
    clearTimeout(timer);
    waiting.abort();
    await following;
  }
}

/** Takes the files of this run back, even after a signal, and reports findings. Returns the files that are lost. */
async function takeAllBack(
  host: Host,
  prompter: Prompter,
  { instance, loans }: { instance: Instance; loans: readonly Loan[] },
): Promise<Loan[]> {
  const findings: string[] = [];
  const tell = (finding: string): void => void findings.push(finding);
  const act = (cleaner: Host): Promise<Loan[]> => takeFilesBack(cleaner, instance, loans, { tell });
  try {
    return await takeBackAtEnd(host, { instance, loans, act });
  } finally {
    for (const finding of findings) await (host.signal.aborted ? host.ui.warn(finding) : prompter.tell(finding));
  }
}
