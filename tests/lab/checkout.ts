/** This checkout where the lab's user can reach it, as its own, although it may be root's and in root's home. */

import { basename, dirname, fromFileUrl, join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { shortHash } from "./files.ts";
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

/**
 * Mounts the checkout for `user`, if that was not done yet, and gives back the place: a bind mount in which the files
 * of the checkout's owner are the user's, and the other way round for what the user writes (mount_setattr(2), idmapped
 * mounts). It is in the machine's own mount namespace, so that engines see the same paths as the user.
 */
export async function mountCheckout(user: LabUser): Promise<string> {
  const source = checkoutDir();
  const target = join(runtimeDir(), "checkouts", shortHash(source), basename(source));
  const from = Deno.statSync(source);
  if (isSame(from, target)) return target;
  await unmount(target);
  Deno.mkdirSync(target, { recursive: true });
  const map = `u:${from.uid}:${user.uid}:1 g:${from.gid}:${user.gid}:1`;
  try {
    await runProcess(["mount", "--bind", "-o", `X-mount.idmap=${map}`, "--", source, target]);
  } catch (cause) {
    throw new UserError(`The checkout "${source}" cannot be shown to the user "${user.name}"`, {
      hint: "Put it on a file system that can be mounted with mapped ids (ext4, xfs, btrfs; Linux 5.19 or newer)",
      cause,
    });
  }
  return target;
}

/** Takes away every mount of a checkout, and the empty directories. */
export async function unmountCheckouts(): Promise<number> {
  const top = join(runtimeDir(), "checkouts");
  const mounts = mountPoints().filter((path) => path.startsWith(`${top}/`));
  for (const path of mounts.toReversed()) await unmount(path);
  // Never recursive: whatever is still mounted there is somebody's work.
  for (const path of mounts) {
    await Deno.remove(path).catch(() => {});
    await Deno.remove(dirname(path)).catch(() => {});
  }
  await Deno.remove(top).catch(() => {});
  return mounts.length;
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
