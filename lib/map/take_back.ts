/** `map.ts --unmap`: takes back recorded loans, whichever run has lent them. */

import { basename, dirname, join, resolve } from "@std/path";
import { ExitCode, inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { findOrphans } from "../container/lend/journal.ts";
import { labelOfLoan, type Loan } from "../container/lend/loan.ts";
import { takeBackRecorded } from "../container/lend/recover.ts";
import type { EngineOptions } from "../container/address.ts";
import { engineClis } from "../engine/engine.ts";
import { parseInstancePath } from "../engine/instance_name.ts";
import { findServer, hasRemote, isSameServer, type ServerRecord, serverRecord } from "../engine/server.ts";
import { showLoans, wantedLoans } from "./list.ts";

/**
 * Takes back all lent files, those of a container, or some of these.
 *
 * @param words `[NAME [FILE...]]` of the command line; a FILE is a path here or in the container
 * @param options `forget`: forget files whose container cannot be reached
 * @returns the exit code
 * @throws {UserError} exit code 2 for a file that is not lent, for an unknown remote, and if the user does not confirm
 * taking back all
 */
export async function takeBack(
  host: Host,
  [word, ...givenPaths]: readonly string[],
  options: EngineOptions & { forget: boolean },
): Promise<number> {
  const paths = await Promise.all(givenPaths.map(recordedPath));
  const all = await wantedLoans(host, options);
  const isAsked = word === undefined ? () => true : await loansTo(host, word, { ...options, all });
  const isNamed = ({ hostPath, containerPath }: Loan, index: number): boolean =>
    hostPath === paths[index] || containerPath === givenPaths[index];
  const wanted = all.filter((loan) =>
    isAsked(loan) && (paths.length === 0 || paths.some((_, index) => isNamed(loan, index)))
  );
  const missing = givenPaths.find((_, index) => !wanted.some((loan) => isNamed(loan, index)));
  if (missing !== undefined) throw inputError(`"${missing}" is not lent to "${word}"`, "See map.ts --list");
  if (word === undefined && wanted.length > 0) await host.look(undefined, () => askForAll(host, wanted));
  const orphans = await findOrphans(host);
  const isOrphan = ({ id }: Loan): boolean => orphans.some((orphan) => orphan.id === id);
  const lost = await takeBackRecorded(host, wanted, { wasKilled: wanted.some(isOrphan), forget: options.forget });
  showLoans(host, wanted);
  return await host.look(0, () => tellTakenBack(host, wanted, lost, word));
}

/**
 * Asks the user to confirm taking back all files, of all containers.
 *
 * @throws {UserError} exit code 2 if the user does not
 */
async function askForAll(host: Host, loans: readonly Loan[]): Promise<void> {
  for (const loan of loans) host.ui.status(`${loan.hostPath}\t${labelOfLoan(loan)}`);
  if (await host.ui.confirm("Take back all of these?")) return;
  throw inputError(
    "Files of all containers would be taken back",
    "Name a container: map.ts --unmap NAME, or add --yes",
  );
}

/**
 * Returns a function that tells whether a file is lent to the container that the user calls `word`. No engine is asked.
 */
async function loansTo(
  host: Host,
  word: string,
  { project, all }: EngineOptions & { all: readonly Loan[] },
): Promise<(loan: Loan) => boolean> {
  const { remote, name } = parseInstancePath(word);
  const servers = new Map<string, ServerRecord>();
  for (const cli of engineClis) {
    // Problems with one engine's remote must not affect files in containers of the other engine.
    const mayHave = remote === undefined
      ? all.some(({ engine }) => engine === cli)
      : await hasRemote(host, cli, remote);
    if (!mayHave) continue;
    servers.set(cli, serverRecord(await findServer(host, { cli, remote, project })));
  }
  if (remote !== undefined && servers.size === 0 && !all.some(({ server }) => server.remote === remote)) {
    throw inputError(`There is no remote "${remote}"`, "See map.ts --list");
  }
  return ({ engine, server, instance }) => {
    // The remote may have been removed from the CLI.
    const meant = servers.get(engine) ?? { remote: remote!, project: project ?? server.project };
    return instance === name && isSameServer(server, meant);
  };
}

/**
 * Tells the user how many files were taken back, and which were not.
 *
 * @param lost the files that were not taken back
 * @param word the container, as the user calls it, if one was named
 * @returns the exit code
 */
export function tellTakenBack(host: Host, loans: readonly Loan[], lost: readonly Loan[], word?: string): number {
  const back = loans.length - lost.length;
  const count = back === 1 ? "1 file is" : `${back} files are`;
  if (lost.length > 0) {
    const names = lost.map(({ hostPath }) => `"${hostPath}"`).join(", ");
    host.ui.status(back === 0 ? `Not taken back: ${names}` : `${count} taken back. Not taken back: ${names}`);
    return ExitCode.failed;
  }
  const none = word === undefined ? "No file is lent" : `No file is lent to "${word}"`;
  host.ui.status([none, "The file is taken back"][back] ?? `${count} taken back`);
  return 0;
}

/** The path under which a file was mapped: absolute, without symbolic links in its directory. The file may be gone. */
async function recordedPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    const directory = await Deno.realPath(dirname(path)).catch(() => resolve(dirname(path)));
    return join(directory, basename(path));
  }
}
