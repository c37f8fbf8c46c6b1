/** `map.ts --unmap`: takes back files that are on record, whoever has lent them. */

import { basename, dirname, join, resolve } from "@std/path";
import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { EngineOptions } from "../container/place.ts";
import { type EngineCli, engineClis } from "../engine/engine.ts";
import { parseInstancePath } from "../engine/instance.ts";
import { findServer, hasRemote } from "../engine/server.ts";
import { engineOfRecord, isSameServer, type ServerRecord, serverRecord } from "../engine/server_record.ts";
import { planTakingBack } from "./dry_run.ts";
import { findOrphans, forgetRuns, withJournalLock } from "./journal.ts";
import { showLoans, wantedLoans } from "./list.ts";
import { isCopy, isMapping, type Loan } from "./loan.ts";
import { unmapFiles } from "./unmap.ts";

/**
 * Takes back all files, those of a container, or some of them.
 *
 * @param words `[NAME [FILE...]]` of the command line
 * @throws {UserError} exit code 2 for a file that is not lent, and for a remote that there is not
 */
export async function takeBack(
  host: Host,
  [word, ...givenPaths]: readonly string[],
  options: EngineOptions & { engine: string | undefined },
): Promise<void> {
  const paths = await Promise.all(givenPaths.map(recordedPath));
  const all = await wantedLoans(host, options);
  const isBorrower = word === undefined ? () => true : await borrowerCalled(host, word, { ...options, all });
  const wanted = all.filter((loan) => isBorrower(loan) && (paths.length === 0 || paths.includes(loan.hostPath)));
  const missing = paths.find((path) => !wanted.some(({ hostPath }) => hostPath === path));
  if (missing !== undefined) throw inputError(`"${missing}" is not mapped into "${word}"`, "See map.ts --list");
  const { orphans, dead } = await withJournalLock(host, () => findOrphans(host));
  const isOrphan = ({ id }: Loan): boolean => orphans.some((orphan) => orphan.id === id);
  await takeBackRecorded(host, wanted, { settle: wanted.some(isOrphan) });
  if (host.dryRun) return;
  await forgetRuns(host, dead);
  showLoans(host, wanted);
  tellTakenBack(host, wanted);
}

/** Whether a file is lent to the container that the user calls `word`. No engine is asked. */
async function borrowerCalled(
  host: Host,
  word: string,
  { project, all }: EngineOptions & { all: readonly Loan[] },
): Promise<(loan: Loan) => boolean> {
  const { remote, name } = parseInstancePath(word);
  const isKnown = remote === undefined || all.some(({ server }) => server?.remote === remote) ||
    (await Promise.all(engineClis.map((cli) => hasRemote(host, cli, remote)))).includes(true);
  if (!isKnown) throw inputError(`There is no remote "${remote}"`, "See map.ts --list");
  const servers = new Map<string, ServerRecord>();
  for (const { engine } of all) {
    if (servers.has(engine) || remote !== undefined && !await hasRemote(host, engine as EngineCli, remote)) continue;
    servers.set(engine, serverRecord(await findServer(host, engine as EngineCli, { remote, project })));
  }
  return ({ engine, server, instance }) => {
    const meant = servers.get(engine);
    if (instance !== name) return false;
    // The CLI has no such remote any more.
    if (!meant) return server?.remote === remote && (project === undefined || server?.project === project);
    // A record of an older version names no server.
    return server ? isSameServer(server, meant) : remote === undefined;
  };
}

/**
 * Takes back files that are on record, from all their containers; reports what was found. An error with one
 * container does not keep the files of the others from being taken back.
 *
 * @param options see {@linkcode unmapFiles}
 * @throws the first error, when all is done
 */
export async function takeBackRecorded(
  host: Host,
  loans: readonly Loan[],
  options: { settle?: boolean } = {},
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (act: () => Promise<readonly string[] | void>): Promise<void> => {
    try {
      for (const finding of await act() ?? []) host.ui.warn(finding);
    } catch (error) {
      failures.push(error);
    }
  };
  const copies = loans.filter(isCopy);
  const lending = copies.length === 0 ? undefined : await import("./copies.ts");
  // First, and whether or not their containers can be reached: files here may be torn.
  for (const copy of host.dryRun ? [] : copies) await attempt(() => lending!.finishWriting(host, copy, options));
  for (const group of Map.groupBy(loans, groupKey).values()) {
    await attempt(async () => {
      const engine = await engineOfRecord(host, group[0]!);
      if (host.dryRun) return await planTakingBack(engine, group);
      return isCopy(group[0]!)
        ? await lending!.takeBackCopies(engine, group.filter(isCopy), options)
        : await unmapFiles(engine, group.filter(isMapping).map((mapping) => ({ mapping })), options);
    });
  }
  if (!host.dryRun) await forgetRuns(host, []);
  if (failures.length > 0) throw failures[0];
}

/** What is taken back together: the files of one container that are lent in one way. */
function groupKey(loan: Loan): string {
  const { engine, server, instance } = loan;
  return JSON.stringify([engine, server?.remote, server?.project, instance, isCopy(loan)]);
}

/** Says how many files were taken back. */
export function tellTakenBack(host: Host, { length }: readonly Loan[]): void {
  host.ui.status(["No file is mapped", "The file is taken back"][length] ?? `${length} files are taken back`);
}

/** The path under which a file was mapped, which may be gone by now: absolute, without symbolic links on the way. */
async function recordedPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    const directory = await Deno.realPath(dirname(path)).catch(() => resolve(dirname(path)));
    return join(directory, basename(path));
  }
}
