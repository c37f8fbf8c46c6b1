/** Which sessions a container has, by name. It may lie: a name counts only when it passes the rule for names. */

import { exists, readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import type { Instance } from "../engine/engine.ts";
import { outputOf } from "../engine/exec.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { isSessionName } from "./names.ts";
import { mountsOf } from "./paths.ts";
import { formatUser, parseUser, ubuntuUser, userKey } from "./user.ts";

const maxSessions = 100;

/**
 * The names of the sessions of a container, by their sockets, sorted: as many as may be.
 *
 * @param sockets of the container's mounts
 */
export async function sessionNames(sockets: string): Promise<string[]> {
  // A socket is none of these, as are a pipe and a device: Deno does not tell them apart.
  const others = (await readDirectory(sockets)).filter((one) => !(one.isFile || one.isDirectory || one.isSymlink));
  return others.map(({ name }) => name).filter(isSessionName).slice(0, maxSessions).sort();
}

/**
 * The apps that have run in a container, sorted: the names of its sessions, by their logs. A session that the user has
 * named counts by that name.
 *
 * @param sockets as for {@linkcode sessionNames}
 */
export async function appNames(sockets: string): Promise<string[]> {
  const logs = (await readDirectory(sockets)).filter(({ isFile }) => isFile);
  const names = logs.map(({ name }) => /^(.+?)(?:-\d+)?\.log$/.exec(name)?.[1] ?? "");
  return [...new Set(names)].filter(isSessionName).sort();
}

/**
 * The names of the sessions that a container seems to have, for lists and warnings: as {@linkcode runningSessions},
 * unless its directory is on this host, and has no socket. One that cannot be asked has those of its sockets.
 */
export async function sessionsOf(
  host: Host,
  instance: Instance & Pick<InstanceInfo, "config" | "status">,
): Promise<string[]> {
  const { sockets } = mountsOf(host, instance);
  const seen = await exists(sockets) ? await sessionNames(sockets) : undefined;
  if (seen && (seen.length === 0 || instance.status !== "Running")) return seen;
  // A container that was killed leaves sockets.
  return await runningSessions(host, instance) ?? seen ?? [];
}

/**
 * The names of the sessions that run in a container, by their directories, which its systemd removes. Undefined when
 * the container does not answer.
 */
export async function runningSessions(
  host: Host,
  instance: Instance & Pick<InstanceInfo, "config">,
): Promise<string[] | undefined> {
  const user = parseUser(instance.config[userKey] ?? formatUser(ubuntuUser));
  if (!user) return undefined;
  const text = await outputOf(host, instance, ["/bin/sh", "-c", `ls /run/user/${user.uid} || true`]);
  const names = text?.matchAll(/^gui-container-([\w.-]+)$/gm).map(([, name]) => name!).filter(isSessionName);
  return names && [...new Set(names)].slice(0, maxSessions).sort();
}
