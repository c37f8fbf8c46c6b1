/** The names of a container's sessions. The container may lie, so a name counts only if it is valid. */

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
 * The names of a container's sessions, from their sockets, sorted, and at most {@linkcode maxSessions}.
 *
 * @param sockets the directory `sockets` of the container's mounts
 */
export async function sessionNames(sockets: string): Promise<string[]> {
  // Sockets are none of these. Neither are pipes and devices, which Deno does not tell from sockets here.
  const others = (await readDirectory(sockets)).filter((one) => !(one.isFile || one.isDirectory || one.isSymlink));
  return others.map(({ name }) => name).filter(isSessionName).slice(0, maxSessions).sort();
}

/**
 * The apps that have run in a container, sorted: the names of its sessions, from their logs. A session that the user
 * has named is listed by that name.
 *
 * @param sockets as for {@linkcode sessionNames}
 */
export async function appNames(sockets: string): Promise<string[]> {
  const logs = (await readDirectory(sockets)).filter(({ isFile }) => isFile);
  const names = logs.map(({ name }) => /^(.+?)(?:-\d+)?\.log$/.exec(name)?.[1] ?? "");
  return [...new Set(names)].filter(isSessionName).sort();
}

/**
 * The names of a container's sessions, for lists and warnings, where they may be wrong. Like
 * {@linkcode runningSessions}, unless its directory here has no sockets. If it does not answer, the sockets count.
 */
export async function sessionsOf(
  host: Host,
  instance: Instance & Pick<InstanceInfo, "config" | "status">,
): Promise<string[]> {
  const { sockets } = mountsOf(host, instance);
  const seen = await exists(sockets) ? await sessionNames(sockets) : undefined;
  if (seen && (seen.length === 0 || instance.status !== "Running")) return seen;
  // A killed container leaves its sockets behind.
  return await runningSessions(host, instance) ?? seen ?? [];
}

/**
 * The names of the sessions that run in a container, from their runtime directories, which its systemd removes when
 * they end. Undefined if the container does not answer.
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
