/** What create puts into a container, and how all of it is taken away again. */

import { join } from "@std/path";
import type { Engine } from "../engine/engine.ts";
import { deleteProfile, type EngineProfile, findProfile } from "../engine/profile.ts";
import { deleteInstance, exec, execArgv, findInstance, type Instance, startInstance } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { containerPaths, containerUid, exists, type Mounts, removeMounts, usedMounts } from "../container/mounts.ts";
import { knownHostsLines, sshUser } from "../container/ssh.ts";

/** The configuration key that marks instances and profiles as made by create. */
export const markKey = "user.gui-container";

/**
 * Has GStreamer write its registry of plugins, which takes a second. Where there is none at the first attach, xpra's sound
 * is not ready when its client asks, and both wait (xpra 6.5.5: 5 s).
 */
const gstreamerScan = 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst; Gst.init(None)';

/**
 * Runs as root in the container, the authorized keys on stdin: keys, the directory of mapped files, and lingering, so
 * that the container user's systemd runs without a login. Prints the public host keys. (runuser stays when the container is
 * stopped meanwhile, which then takes 90 s; setpriv becomes the program.)
 */
const prepareScript = `
set -eu
umask 077
user=${sshUser}
id "$user" >/dev/null
mkdir -p "/home/$user/.ssh" "${containerPaths.maps}"
cat >"/home/$user/.ssh/authorized_keys"
chmod 755 "${containerPaths.maps}"
chown -R "$user:" "/home/$user/.ssh" "${containerPaths.maps}"
loginctl enable-linger "$user"
HOME=/home/$user setpriv --reuid="$user" --regid="$user" --init-groups python3 -c '${gstreamerScan}' </dev/null >/dev/null 2>&1 &
cat /etc/ssh/ssh_host_*_key.pub
`;

/**
 * Prepares a container for attach and map.
 *
 * @returns the lines of a known_hosts file with its host keys
 */
export async function prepareContainer(engine: Engine, name: string, authorizedKeys: string): Promise<string> {
  const text = authorizedKeys.endsWith("\n") ? authorizedKeys : `${authorizedKeys}\n`;
  return await engine.host.value(execArgv(engine, name, ["/bin/sh", "-c", prepareScript]), {
    stdin: { text },
    variable: "KNOWN_HOSTS",
    filter: `| sed -n 's/^\\([^ ]* [^ ]*\\).*/${name} \\1/p'`,
    parse: (stdout) => knownHostsLines(name, stdout),
  });
}

/**
 * Checks that programs are there before anything is touched.
 *
 * @throws {UserError} exit code 127
 */
export async function checkPrograms(host: Host, programs: readonly string[]): Promise<void> {
  // ssh and the acl tools know -V or --version; any answer will do, it is only about being there.
  for (const program of programs) {
    await host.run([program, program === "ssh" ? "-V" : "--version"], {
      okCodes: "any",
      looksOnly: true,
    });
  }
}

/**
 * Removes a container, its profile and its directories.
 *
 * @param options `force`: also with files in the share, or when create did not make the container; `recovered`: there was
 * something until now, so that it is no error when there is nothing
 * @returns what was removed, in words
 * @throws {UserError} exit code 1 when there is nothing to remove, or for what `force` would allow
 */
export async function removeContainer(
  engine: Engine,
  name: string,
  { mounts, force, recovered }: { mounts: Mounts; force: boolean; recovered: boolean },
): Promise<string[]> {
  const { host } = engine;
  const instance = await findInstance(engine, name);
  const profile = await findProfile(engine, name);
  const hasProfile = host.dryRun || profile !== undefined;
  const hasMounts = host.dryRun || await exists(mounts.directory);
  if (!instance && !hasProfile && !hasMounts) {
    if (recovered) return ["what another run has left"];
    throw new UserError(`There is no container "${name}"`, { hint: `${engine.cli} list shows those that are there` });
  }
  if (profile) refuseUsedByOthers(name, profile);
  if (!force) {
    if (!instance && hasMounts && !host.dryRun) {
      throw new UserError(`There is no container "${name}" in ${engine.product}, but its directories are there`, {
        hint: "Should it be in the other engine, name that with --engine; else remove them with --force",
      });
    }
    for (const [what, found] of [["container", instance], ["profile", profile]] as const) {
      if (!found || found.config[markKey]) continue;
      throw new UserError(`The ${what} "${name}" was not made by create.ts`, {
        hint: "To remove it all the same: --force",
      });
    }
    const live = instance?.status === "Running" ? await liveSocket(mounts) : undefined;
    if (live) {
      throw new UserError(`The session "${live}" runs in "${name}"`, {
        hint: `End it with attach.ts --stop ${name} ${live}, or remove it too with --force`,
      });
    }
    const used = await usedMounts({ ...mounts, xpra: mounts.share });
    if (used) {
      throw new UserError(`There are files in "${used}"`, { hint: "Save them, or remove them too with --force" });
    }
  }
  const removed: string[] = [];
  if (instance && hasMounts) await emptyMounts(engine, instance, mounts);
  if (instance || host.dryRun) {
    await deleteInstance(engine, name);
    removed.push("container");
  }
  if (hasProfile) {
    await deleteProfile(engine, name);
    removed.push("profile");
  }
  if (hasMounts) {
    await removeMounts(host, [mounts.directory]);
    removed.push(mounts.directory);
  }
  return removed;
}

/**
 * Checks that no container but the one of its name has a profile.
 *
 * @throws {UserError} with those that have it
 */
export function refuseUsedByOthers(name: string, profile: EngineProfile): void {
  const others = profile.used_by.filter((path) => path.split("?")[0] !== `/1.0/instances/${name}`);
  if (others.length === 0) return;
  throw new UserError(`The profile "${name}" is used by others: ${others.join(", ")}`, {
    hint: "Take it away from them first, or choose another name",
  });
}

/** The name of a session that runs: systemd removes its socket when it ends. */
async function liveSocket(mounts: Mounts): Promise<string | undefined> {
  if (!await exists(mounts.xpra)) return undefined;
  for await (const { name } of Deno.readDir(mounts.xpra)) {
    if ((await Deno.lstat(join(mounts.xpra, name))).isSocket) return name;
  }
  return undefined;
}

/**
 * Removes what is in the shared directories. What the container has closed to the host user can only be removed from within:
 * by its user, who has those directories, with root's way into what root has put deeper down.
 */
async function emptyMounts(engine: Engine, { name, status }: Instance, mounts: Mounts): Promise<void> {
  if (status !== "Running") {
    if (await emptyFromHost(mounts)) return;
    // Where it cannot be started, what removes the directories themselves tells.
    await startInstance(engine, name).catch(() => {});
  }
  await exec(engine, name, [
    "setpriv",
    `--reuid=${containerUid}`,
    "--clear-groups",
    "--inh-caps=+dac_override,+fowner",
    "--ambient-caps=+dac_override,+fowner",
    "find",
    containerPaths.xpra,
    containerPaths.share,
    "-mindepth",
    "1",
    "-delete",
  ], { okCodes: "any" });
}

/** Whether all could be removed. */
async function emptyFromHost({ xpra, share }: Mounts): Promise<boolean> {
  try {
    for (const path of [xpra, share]) {
      if (!await exists(path)) continue;
      for await (const { name } of Deno.readDir(path)) await Deno.remove(join(path, name), { recursive: true });
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
