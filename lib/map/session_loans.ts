/**
 * The files of one session that the user chooses in its dialogs, one after the other. They are lent as copies, so that an
 * app may also put another file in the place of its own, as many do to save: each version comes home as soon as it is
 * whole. A large file is lent itself, if its container is on this machine. All come back when the session ends.
 */

import { basename, dirname, join } from "@std/path";
import { inputError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { withUndo } from "../base/undo.ts";
import { findOurs } from "../container/ours.ts";
import { scriptLine } from "../container/place.ts";
import { checkDirectory, checkWays, followPath, sharedByMounts } from "../container/source_path.ts";
import { type ContainerUser, hostUidOf, userOf } from "../container/user.ts";
import { type Engine, engineOn, type Instance, labelOf } from "../engine/engine.ts";
import { isSameServer, serverRecord } from "../engine/server_record.ts";
import { listNeighbours } from "../engine/instance.ts";
import { contentOf, isSameContent, openInode } from "./content.ts";
import { bringVersion, keepCopies, lendCopies, lendForSaving, takeBackCopies } from "./copies.ts";
import {
  announcePresence,
  ownIds,
  type Presence,
  readCopy,
  readLoans,
  withJournalLock,
  writeRecords,
} from "./journal.ts";
import { isCopy, isMapping, type LentCopy, type Loan } from "./loan.ts";
import { keepMapped, mapFiles } from "./map.ts";
import type { MappedFile } from "./restore.ts";
import { checkFiles, type FileRules, type SourceFile } from "./source_file.ts";
import { recoverFirst } from "./recover.ts";
import { unmapFiles } from "./unmap.ts";

/** The largest file that is lent as a copy where it could be lent itself. */
const maxCopiedBytes = 64 * 2 ** 20;

/** How long the files may take to come back, in milliseconds. */
const takeBackMs = 60_000;

/** How many files a session may have at once: each costs a record and a look at the end. */
const maxFiles = 256;

/** The files that are lent to the apps of one session. */
export interface SessionLoans {
  /**
   * Lends files, those that are lent already included.
   *
   * @param paths as the user has chosen them
   * @returns their paths in the container
   * @throws {UserError} when one of them cannot be lent. Then none is
   */
  open(paths: readonly string[]): Promise<string[]>;
  /**
   * Gives a file to save to. It is made if it is not there. What is in it does not go to the container.
   *
   * @returns its path in the container, where nothing is yet
   */
  save(path: string): Promise<string>;
  /** Writes back what an app has saved at this path of the container, if the file is one of these and was changed. */
  writeBack(containerPath: string): Promise<void>;
  /** The paths in the container of copies, which may be saved to. */
  copies(): string[];
  /** Takes the files back; or if the session runs on without this run, lets them stay, and says so. */
  end(options: { runsOn: boolean }): Promise<void>;
}

/**
 * The files of a session of a container. Those that an earlier run has let stay there are among them.
 *
 * @param session the session's name
 */
export async function sessionLoans(instance: Instance, session: string): Promise<SessionLoans> {
  const { engine } = instance;
  const { host } = engine;
  const label = labelOf(instance);
  const copies = new Map<string, LentCopy>();
  const mapped: MappedFile[] = [];
  /** Copies whose versions are put beside the user's own: no more than one while the session runs. */
  const parted = new Set<string>();
  let presence: Promise<Presence> | undefined;
  const owner = async (): Promise<string> => (await (presence ??= announcePresence(host))).owner;

  const hasStayed = (loan: Loan): boolean =>
    loan.session === session && loan.instance === instance.name && loan.engine === engine.cli &&
    loan.server !== undefined && isSameServer(loan.server, serverRecord(engine.server)) && loan.owner === null;
  const adopted: Loan[] = [];
  for (const loan of (await readLoans(host)).filter(hasStayed)) adopted.push({ ...loan, owner: await owner() });
  if (adopted.length > 0) await withJournalLock(host, () => writeRecords(host, adopted));
  mapped.push(...adopted.filter(isMapping).map((mapping) => ({ mapping })));
  for (const copy of adopted.filter(isCopy)) copies.set(copy.hostPath, copy);

  /** Checks files, and where they go. */
  const prepare = async (
    act: (rules: FileRules) => Promise<SourceFile[]>,
  ): Promise<{ files: SourceFile[]; user: ContainerUser; uid: number | undefined }> => {
    if (!presence) await recoverFirst(host);
    const [found, instances, ids, shared] = await Promise.all([
      findOurs(instance),
      listNeighbours(engine),
      ownIds(host),
      sharedByMounts(host),
    ]);
    const files = await act({ user: ids, shared });
    await checkWays(files, instances);
    const user = userOf(found);
    return { files, user, uid: await hostUidOf(found, user) };
  };

  /** The copy of a file that is lent already, if the file has not changed since then. */
  const lentAlready = async ({ path }: SourceFile): Promise<LentCopy | undefined> => {
    const known = copies.get(path);
    const now = known && await readCopy(host, known);
    if (!now?.lent) return undefined;
    using file = await openInode(path, now);
    if (file && isSameContent(await contentOf(file), now.lent)) return now;
    await takeBack(engine, [now]);
    copies.delete(path);
    return undefined;
  };

  const takeBack = async (engine: Engine, ended: readonly LentCopy[]): Promise<void> => {
    for (const finding of await takeBackCopies(engine, ended)) host.ui.warn(finding);
  };

  const checkCount = (count: number): void => {
    if (copies.size + mapped.length + count > maxFiles) {
      throw inputError(`The session has ${maxFiles} files of yours already`, "End it, and start another one");
    }
  };

  return {
    async open(paths) {
      const { files, user, uid } = await prepare((rules) => checkFiles(paths, rules));
      try {
        const places = new Map<string, string>();
        for (const file of files) {
          const device = mapped.find(({ mapping }) => mapping.hostPath === file.path);
          const lent = device?.mapping ?? await lentAlready(file);
          if (lent) places.set(file.path, lent.containerPath);
        }
        const fresh = files.filter(({ path }) => !places.has(path));
        checkCount(fresh.length);
        const sizes = new Map(
          await Promise.all(fresh.map(async ({ path }) => [path, (await Deno.stat(path)).size] as const)),
        );
        const isDirect = ({ path }: SourceFile): boolean => uid !== undefined && sizes.get(path)! > maxCopiedBytes;
        const options = { engine, instance: instance.name, user, readOnly: false, owner: await owner(), session };
        await withUndo(host, async (undo) => {
          for (const copy of await lendCopies(fresh.filter((file) => !isDirect(file)), { ...options, undo })) {
            copies.set(copy.hostPath, copy);
            places.set(copy.hostPath, copy.containerPath);
          }
          const direct = fresh.filter(isDirect);
          if (direct.length === 0) return;
          for (const held of await mapFiles(direct, { ...options, uid: uid!, undo })) {
            mapped.push(held);
            places.set(held.mapping.hostPath, held.mapping.containerPath);
          }
        });
        return files.map(({ path }) => places.get(path)!);
      } finally {
        for (const { path, file } of files) if (!mapped.some(({ mapping }) => mapping.hostPath === path)) file.close();
      }
    },
    async save(path) {
      checkCount(1);
      const { made } = await makeFile(host, path);
      const { files, user } = await prepare((rules) => checkFiles([path], rules));
      const [file] = files as [SourceFile];
      try {
        const known = await lentAlready(file);
        if (known) return known.containerPath;
        const options = { engine, instance: instance.name, user, readOnly: false, owner: await owner(), session };
        const copy = await lendForSaving(file, { ...options, made });
        copies.set(copy.hostPath, copy);
        return copy.containerPath;
      } finally {
        file.file.close();
      }
    },
    async writeBack(containerPath) {
      const copy = [...copies.values()].find((copy) => copy.containerPath === containerPath);
      if (!copy || parted.has(copy.id)) return;
      const { findings, isParted } = await bringVersion(engine, copy);
      if (isParted) parted.add(copy.id);
      for (const finding of findings) host.ui.warn(finding);
    },
    copies: () => [...copies.values()].map(({ containerPath }) => containerPath),
    async end({ runsOn }) {
      const cleaning = engineOn(engine, host.forCleanup(AbortSignal.timeout(takeBackMs)));
      const all = [...copies.values()];
      try {
        if (runsOn) {
          const kept = [...await keepCopies(cleaning.host, all), ...await keepMapped(cleaning, mapped)];
          if (kept.length === 0) return;
          const line = scriptLine(engine, ["map.ts", "--unmap", label]);
          host.ui.status(
            `${kept.length === 1 ? "A file stays" : `${kept.length} files stay`} lent. To end it: ${line}`,
          );
          return;
        }
        await takeBack(cleaning, all);
        for (const finding of await unmapFiles(cleaning, mapped)) host.ui.warn(finding);
      } finally {
        await (await presence)?.end();
      }
    },
  };
}

/**
 * Makes an empty file, if there is none.
 *
 * @throws {UserError} when it cannot be made, or when a container can write where it would be
 */
async function makeFile(host: Host, path: string): Promise<{ made: boolean }> {
  if (await Deno.lstat(path).then(() => true, () => false)) return { made: false };
  const shared = await sharedByMounts(host);
  const { path: directory } = await followPath(dirname(path), shared);
  await checkDirectory(path, directory, shared);
  const target = join(directory, basename(path));
  // It gets the mode that the user's own programs give a new file.
  const { code, stderr } = await host.run(["cp", "--no-clobber", "--no-target-directory", "--", "/dev/null", target], {
    okCodes: "any",
  });
  if (code === 0) return { made: true };
  throw new UserError(`"${path}" cannot be made`, {
    hint: "Choose a directory in which you may write",
    output: stderr,
  });
}
