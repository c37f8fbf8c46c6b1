/**
 * The files that the user chooses in the dialogs of one session. They are lent as copies, so that an app may replace
 * them, as many apps do to save; each version is written back as soon as it is complete. A large file is itself lent,
 * if the container is on this machine. All files are taken back when the session ends.
 */

import { basename, join } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { checkRoom, isThere } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { once } from "../../base/promises.ts";
import { serverRecord } from "../../engine/server.ts";
import type { Container } from "../container.ts";
import { findNeighbourhood } from "../managed.ts";
import { scriptLine } from "../address.ts";
import { checkWays, followDirectory, sharedByMounts } from "../source_path.ts";
import { contentOf, isSameContent } from "./content.ts";
import { bringVersion } from "./lent_copies.ts";
import { openInode } from "./held_file.ts";
import { announcePresence, ownIds, readCopy, readLoans, withJournalLock, writeRecords } from "./journal.ts";
import { keepFiles, takeFilesBack } from "./lend.ts";
import { isCopy, isLentTo, isMapping, type LentCopy, type Loan, type SessionLoans } from "./loan.ts";
import { recoverEnded, recoverFirst, takeBackAtEnd } from "./recover.ts";
import { checkFiles, type LendRequest, type SourceFile } from "./source_file.ts";

/** The maximum size of a file that is lent as a copy where it could itself be lent, in bytes. */
const maxCopiedBytes = 64 * 2 ** 20;

/** The maximum number of files of a session: each costs a record, and a check at the end. */
const maxFiles = 256;

/** The parts of a session's container that lending files needs. */
type Borrower = Pick<Container, "host" | "engine" | "label" | "lend" | "name">;

/** A session that files are lent to. */
interface Session {
  container: Borrower;
  name: string;
  /** Its loans, newest last. */
  loans: Loan[];
  /** Returns the `owner` of its loans. The first call announces to other runs that this run is alive. */
  owner(): Promise<string>;
  /** Takes back the files of killed runs and ended sessions, once. */
  recover(): Promise<void>;
}

/**
 * The files of a session of a container, including those that an earlier run has let stay lent.
 *
 * @param name the session's name
 */
export async function sessionLoans(container: Borrower, name: string): Promise<SessionLoans> {
  const { host, engine } = container;
  const loans: Loan[] = [];
  const presence = new AsyncDisposableStack();
  const owner = once(async () => presence.use(await announcePresence(host)).owner);
  const session: Session = { container, name, loans, owner, recover: once(() => recoverFirst(host)) };
  /** Copies that both sides have changed. Only one version of each is put beside the user's file. */
  const conflicts = new Set<string>();
  const isHere = (loan: Loan): boolean =>
    isLentTo(loan, [{ name: container.name, engine: engine.cli, server: serverRecord(engine.server) }]);
  const hasStayed = (loan: Loan): boolean => isHere(loan) && loan.session === name && loan.owner === null;
  const records = await readLoans(host);
  if (records.some(hasStayed)) {
    const ours = { owner: await owner() };
    await withJournalLock(host, async () => {
      // Another run may have taken some back meanwhile.
      loans.push(...(await readLoans(host)).filter(hasStayed).map((loan) => ({ ...loan, ...ours })));
      await writeRecords(host, loans);
    });
  }
  await recoverEnded(host, records.filter((loan) => isHere(loan) && loan.session !== name));

  const savable = (): LentCopy[] => loans.filter(isCopy).filter(({ readOnly }) => !readOnly);
  return {
    open: (paths, { readOnly = false, handed = false } = {}) =>
      lendMore(session, paths, {
        readOnly,
        maxCopiedBytes: readOnly ? Infinity : maxCopiedBytes,
        ...(handed ? { handed } : {}),
      }),
    async save(path) {
      checkCount(session, 1);
      const saving = await makeFile(host, path);
      try {
        const [place] = await lendMore(session, [path], { readOnly: false, saving });
        return place!;
      } catch (error) {
        // It may not be on record: nobody else removes it.
        const remove = ["find", path, "-maxdepth", "0", "-type", "f", "-empty", "-delete"];
        if (saving.made) await host.forCleanup(AbortSignal.timeout(10_000)).run(remove, { okCodes: "any" });
        throw error;
      }
    },
    async writeBack(containerPath) {
      const copy = savable().find((loan) => loan.containerPath === containerPath);
      if (!copy || conflicts.has(copy.id)) return;
      if (await bringVersion(host, container, copy)) conflicts.add(copy.id);
    },
    copies: () => savable().map(({ containerPath }) => containerPath),
    async end({ runsOn }) {
      const act = async (host: Host): Promise<void> => {
        // Another run that showed the session may have let some stay meanwhile.
        if (!runsOn) {
          return void await takeFilesBack(host, container, [...loans, ...(await readLoans(host)).filter(hasStayed)]);
        }
        const { length } = await keepFiles(host, container, loans);
        if (length === 0) return;
        const line = scriptLine(engine, ["map.ts", "--unmap", container.label]);
        host.ui.status(`${length === 1 ? "A file stays" : `${length} files stay`} lent. To end it: ${line}`);
      };
      try {
        await takeBackAtEnd(host, { instance: container, loans, act });
      } finally {
        await presence.disposeAsync();
      }
    },
  };
}

function checkCount({ loans }: Session, count: number): void {
  if (loans.length + count <= maxFiles) return;
  throw inputError(`The session already has ${maxFiles} of your files`, "End it, and start another one");
}

/** Lends files to a session, all or none. Returns their paths in the container. */
async function lendMore(
  session: Session,
  paths: readonly string[],
  request: Pick<LendRequest, "maxCopiedBytes" | "saving" | "handed" | "readOnly">,
): Promise<string[]> {
  const { container, loans } = session;
  const { host } = container;
  await session.recover();
  const [{ neighbours }, user, shared] = await Promise.all([
    findNeighbourhood(host, container),
    ownIds(host),
    sharedByMounts(host),
  ]);
  const files = await checkFiles(paths, { user, shared });
  try {
    await checkWays(files, neighbours);
    const places = new Map<string, string>();
    for (const file of files) {
      const mapped = request.readOnly || request.saving
        ? undefined
        : loans.find((loan) => isMapping(loan) && loan.hostPath === file.path);
      const lent = mapped ?? await copyOf(session, file, request);
      if (lent) places.set(file.path, lent.containerPath);
    }
    const fresh = files.filter(({ path }) => !places.has(path));
    checkCount(session, fresh.length);
    const options = { ...request, owner: await session.owner(), session: session.name };
    for (const loan of await container.lend(fresh, options)) {
      loans.push(loan);
      places.set(loan.hostPath, loan.containerPath);
    }
    return files.map(({ path }) => places.get(path)!);
  } finally {
    // A file that is itself lent stays held.
    const held = loans.filter(isMapping).map((loan) => loan.file);
    for (const { file } of files) if (!held.includes(file)) file.close();
  }
}

/** The copy of a file that is already lent in the same way, if the file has not changed since. */
async function copyOf(
  { container, loans }: Session,
  { path }: SourceFile,
  { readOnly }: Pick<LendRequest, "readOnly">,
): Promise<LentCopy | undefined> {
  const { host } = container;
  const known = loans.find((loan) => isCopy(loan) && loan.hostPath === path && loan.readOnly === readOnly);
  if (!known) return undefined;
  const now = await readCopy(host, known);
  if (now?.lent) {
    using file = await openInode(path, now);
    if (file && isSameContent(await contentOf(file), now.lent)) return now;
    await takeFilesBack(host, container, [now]);
  }
  loans.splice(loans.indexOf(known), 1);
  return undefined;
}

/**
 * Makes an empty file, unless it exists.
 *
 * @throws {UserError} when it cannot be made, or when a container can write to its directory
 */
async function makeFile(host: Host, path: string): Promise<{ made: boolean }> {
  await checkRoom(host, path);
  if (await isThere(path)) return { made: false };
  const target = join(await followDirectory(host, path), basename(path));
  // cp gives it the usual mode of the user's new files.
  const { code, stderr } = await host.run(["cp", "--no-clobber", "--no-target-directory", "--", "/dev/null", target], {
    okCodes: "any",
  });
  if (code === 0) return { made: true };
  throw new UserError(`"${path}" cannot be made`, {
    hint: "Choose a directory in which you may write",
    output: stderr,
  });
}
