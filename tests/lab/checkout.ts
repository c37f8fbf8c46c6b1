/** This checkout where the lab's user can reach it, as its own, although it may be root's and in root's home. */

import { basename, dirname, fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { type Listing, makeAlike } from "./copy.ts";
import { exists, shortHash } from "./files.ts";
import { labDir, type LabUser } from "./state.ts";

/** The checkout that this file is part of. */
export function checkoutDir(): string {
  return fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
}

/** Where sockets and mounts of the lab are, gone with the machine's next start. */
export function runtimeDir(): string {
  return labDir() === "/var/lib/gui-container-lab"
    ? "/run/gui-container-lab"
    : `/run/gui-container-lab-${shortHash(labDir())}`;
}

/** How a checkout is shown. */
export interface Shown {
  place: string;
  /** It is a copy: what the user writes there is in the checkout once {@linkcode showCheckout} is called again. */
  isCopy: boolean;
}

/** What is known of a copy: the file {@linkcode recordFile} beside it. */
interface CopyRecord {
  source: string;
  alike: Listing;
}

const recordFile = "copy.json";

/**
 * Shows the checkout to `user`, and gives back the place, in the machine's own mount namespace: engines see the same paths
 * as the user. It is mounted, if that was not done yet, or a copy that is brought up to date.
 */
export async function showCheckout(user: LabUser): Promise<Shown> {
  const source = checkoutDir();
  const directory = join(runtimeDir(), "checkouts", shortHash(source));
  const place = join(directory, basename(source));
  if (isSame(Deno.statSync(source), place)) return { place, isCopy: false };
  if (!exists(join(directory, recordFile))) {
    await unmount(place);
    Deno.mkdirSync(place, { recursive: true });
    if (await mountCheckout(source, { place, user })) return { place, isCopy: false };
    await Deno.remove(place, { recursive: true });
    Deno.mkdirSync(place);
    Deno.chownSync(place, user.uid, user.gid);
  }
  updateCopy(source, { place, record: join(directory, recordFile) });
  return { place, isCopy: true };
}

/**
 * A bind mount in which the files of the checkout's owner are the user's, and the other way round for what the user writes
 * (mount_setattr(2), idmapped mounts): ext4, xfs and btrfs have that, overlayfs does not, and in a container nobody may.
 */
async function mountCheckout(
  source: string,
  { place, user }: { place: string; user: LabUser },
): Promise<boolean> {
  const from = Deno.statSync(source);
  const map = `u:${from.uid}:${user.uid}:1 g:${from.gid}:${user.gid}:1`;
  const argv = ["mount", "--bind", "-o", `X-mount.idmap=${map}`, "--", source, place];
  return (await runProcess(argv, { okCodes: "any" })).code === 0;
}

function updateCopy(source: string, { place, record }: { place: string; record: string }): void {
  using file = Deno.openSync(`${record}.lock`, { create: true, write: true });
  file.lockSync(true);
  const { alike: known } = readRecord(record) ?? { alike: {} };
  const alike = makeAlike([source, place], known);
  Deno.writeTextFileSync(`${record}.new`, JSON.stringify({ source, alike } satisfies CopyRecord));
  Deno.renameSync(`${record}.new`, record);
}

function readRecord(path: string): CopyRecord | undefined {
  return exists(path) ? JSON.parse(Deno.readTextFileSync(path)) : undefined;
}

/** Takes every checkout away: what was written in a copy is in the checkout then, as it is with a mount. */
export async function hideCheckouts(): Promise<number> {
  const top = join(runtimeDir(), "checkouts");
  const mounts = mountPoints().filter((path) => path.startsWith(`${top}/`));
  for (const path of mounts.toReversed()) await unmount(path);
  // Never recursive: whatever is still mounted there is somebody's work.
  for (const path of mounts) {
    await Deno.remove(path).catch(() => {});
    await Deno.remove(dirname(path)).catch(() => {});
  }
  const directories = exists(top) ? [...Deno.readDirSync(top)].map(({ name }) => join(top, name)) : [];
  const copies = directories.filter((directory) => exists(join(directory, recordFile)));
  for (const directory of copies) {
    const record = join(directory, recordFile);
    const { source } = readRecord(record)!;
    if (exists(source)) updateCopy(source, { place: join(directory, basename(source)), record });
    await Deno.remove(directory, { recursive: true });
  }
  await Deno.remove(top).catch(() => {});
  return mounts.length + copies.length;
}

/** Every mount point of the machine, outer ones first. */
export function mountPoints(): string[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").trimEnd().split("\n").map((line) =>
    line.split(" ")[4]!.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))
  );
}

async function unmount(path: string): Promise<void> {
  // Lazily: programs that still run in it keep what they have.
  while (mountPoints().includes(path)) await runProcess(["umount", "--lazy", "--", path]);
}

function isSame(from: Deno.FileInfo, target: string): boolean {
  try {
    const to = Deno.statSync(target);
    return to.dev === from.dev && to.ino === from.ino;
  } catch {
    return false;
  }
}
