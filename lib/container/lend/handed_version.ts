/** Fetches new versions of files that were handed over: see `container/handed.ts`. */

import { basename, extname, join } from "@std/path";
import { showOnDesktop } from "../../base/desktop.ts";
import { isProcessError, orElse } from "../../base/errors.ts";
import { freeBytes, removeFile } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { type Instance, labelOf } from "../../engine/engine.ts";
import { keepVersion } from "../downloads.ts";
import { maxHandedBytes, maxVersionBytes, versionOf } from "../handed.ts";
import { type ContainerUser, formatUser } from "../user.ts";
import { nameVersion, readBack, removeLentCopy, sendCopy, TooLarge } from "./copy_transfer.ts";
import { copyFiles } from "./journal.ts";
import type { LentCopy, Tell } from "./loan.ts";

/**
 * Fetches a container's new version of a file that was handed over to it, for the run that waits for it, or, without
 * such a run, into the downloads.
 *
 * @param options `tell`: called with messages for the user
 * @returns "changed": a new version was fetched; "stays": it cannot be fetched, so the copy must stay in the container
 * @throws {UserError} when it cannot be fetched now, but perhaps later
 */
export async function bringHanded(
  host: Host,
  instance: Instance,
  { copy, tell }: { copy: LentCopy; tell: Tell },
): Promise<"changed" | "stays" | undefined> {
  const { hostPath, containerPath, lent } = copy;
  if (!lent) return undefined;
  const { part } = copyFiles(host, copy);
  const label = labelOf(instance);
  const name = basename(hostPath);
  const tellWhat = (what: string): void => {
    const finding = `The version of "${name}" from "${label}" ${what}`;
    tell(finding);
    showOnDesktop(label, finding, { kind: "warning", run: host.run });
  };
  // A quarter of the free space: others may arrive meanwhile, and a move to another disk needs room for two.
  const maxNow = async (received: number): Promise<number> => {
    const room = (await freeBytes(host, part) ?? Infinity) + received;
    return Math.max(maxHandedBytes, Math.min(maxVersionBytes, Math.floor(room / 4)));
  };
  try {
    const found = await readBack(host, instance, copy, { lent, part, maxNow });
    if (found === "other") tellWhat("is lost: it is no longer a regular file");
    if (typeof found === "string" || !found.content) return undefined;
    const version = versionOf(hostPath, label);
    // By cp and mv: map.ts itself has no permission to write there.
    const arriving = `${version}.part`;
    const put = host.run(["cp", "--no-target-directory", "--", part, arriving])
      .then(() => host.run(["mv", "--no-target-directory", "--", arriving, version]));
    await orElse(put, isProcessError, async () => {
      await host.run(["rm", "-f", "--", arriving]);
      // No run waits for it any more, or the disk is full.
      tellWhat(`is here: ${await keepVersion(host, { path: part, name })}`);
    });
    return "changed";
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    tellWhat(`stays there as "${containerPath}": ${error.message}`);
    return "stays";
  } finally {
    await removeFile(part);
  }
}

/**
 * Puts a new version of a file beside it in a container, as the container's user, under an unused name.
 *
 * @param options `path`: the new version on the host; `name`: the file's name, a valid one; `directory`: the file's
 * directory in the container, as reported by it
 * @returns its path there
 * @throws {UserError} when it cannot be put there
 */
export async function putVersion(
  host: Host,
  instance: Instance,
  { path, name, directory, user }: { path: string; name: string; directory: string; user: ContainerUser },
): Promise<string> {
  using file = await Deno.open(path);
  const containerPath = join(directory, `.${crypto.randomUUID()}`);
  const copy = { hostPath: name, containerPath, user: formatUser(user), readOnly: false };
  const end = extname(name);
  const stem = join(directory, name.slice(0, name.length - end.length));
  try {
    await sendCopy(host, instance, { copy, file });
    return `${stem} (${await nameVersion(host, instance, { copy, stem, end })})${end}`;
  } finally {
    await removeLentCopy(host.forCleanup(AbortSignal.timeout(20_000)), instance, { copy, found: "" }).catch(() => {});
  }
}
