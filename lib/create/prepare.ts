/**
 * Prepares a container for attach.ts and map.ts: its user, SSH keys and host keys, the directory of mapped files,
 * lingering.
 */

import type { Address } from "../container/address.ts";
import prepareScript from "./prepare.sh" with { type: "text" };
import { exec } from "../engine/exec.ts";
import type { Host } from "../base/host.ts";
import { awaitBoot, sshTarget } from "../container/connect.ts";
import { knownHostsLines, sshScript } from "../container/ssh.ts";
import { type ContainerUser, parseUser, plannedUser, ubuntuUser } from "../container/user.ts";
import { causedBy, ProcessError, UserError } from "../base/errors.ts";
import { withValues } from "../base/shell_words.ts";

/** Exit status of prepare.sh when the user cannot be made. */
const cannotMake = 76;

/**
 * Prepares a running container. Its image may be hostile: the user it reports must be an ordinary one.
 *
 * @param options `authorizedKeys`: the keys that may log in; `wanted`: the name of the user, who is created if missing;
 * by default the image's own ordinary user, or else "ubuntu"
 * @returns the user, and the lines of a known_hosts file with the container's host keys
 * @throws {UserError} when the user is not an ordinary one, or cannot be created
 */
export async function prepareContainer(
  host: Host,
  instance: Address,
  { authorizedKeys, wanted }: { authorizedKeys: string; wanted: string | undefined },
): Promise<{ user: ContainerUser; knownHosts: string }> {
  const { name } = instance;
  const text = authorizedKeys.endsWith("\n") ? authorizedKeys : `${authorizedKeys}\n`;
  const script = withValues(prepareScript, {
    wanted: wanted ?? "",
    otherwise: ubuntuUser.name,
    cannot_make: `${cannotMake}`,
    shared: instance.engine.server.isLocal ? "yes" : "no",
  });
  const { stdout } = await exec(host, instance, ["/bin/sh", "-c", script], { stdin: { text } }).catch((error) => {
    if (!(error instanceof ProcessError && error.code === cannotMake)) throw error;
    throw new UserError(`The user "${wanted ?? ubuntuUser.name}" cannot be made in "${name}"`, {
      hint: "Choose another name with --user: one that no user and no group of the image has",
      ...causedBy(error),
    });
  });
  return await host.look({ user: plannedUser, knownHosts: "<HOST_KEYS>" }, () => {
    const [line, ...keys] = stdout.split("\n");
    const user = parseUser(line!);
    if (user && (wanted === undefined || user.name === wanted)) {
      return { user, knownHosts: knownHostsLines(instance.hostName, keys.join("\n")) };
    }
    const whose = wanted === undefined
      ? `The user that the image of "${name}" has`
      : `"${wanted}", a user of the image,`;
    throw new UserError(`${whose} is not an ordinary user`, {
      hint:
        "Choose another one, or a new one, with --user. Its uid must be from 1000 to 60000, and its home a plain path of up to 40 characters",
    });
  });
}

/** A program that can show a container's windows. */
export type WindowServer = "xpra" | "waypipe";

/**
 * Connects to a prepared container in the way that attach.ts will.
 *
 * @returns its address, null if it is reached through the engine; and which of these programs it has
 * @throws {UserError} when it cannot be reached
 */
export async function testConnection(
  host: Host,
  instance: Address,
  known: Parameters<typeof sshTarget>[2],
): Promise<{ address: string | null; windowServers: WindowServer[] }> {
  // With IPv6 alone, the container gets its address after cloud-init has ended.
  if (known.hasNetwork && known.address === undefined) {
    await host.look(undefined, () => awaitBoot(host, instance, { hasNetwork: true }));
  }
  const target = await sshTarget(host, instance, known);
  const script = "command -v xpra; command -v waypipe; true";
  const { stdout } = await sshScript(host, target, { script, planned: "/usr/bin/xpra\n/usr/bin/waypipe" });
  const has = (program: WindowServer): boolean => stdout.split("\n").some((path) => path.endsWith(`/${program}`));
  return { address: target.proxy ? null : target.address, windowServers: (["xpra", "waypipe"] as const).filter(has) };
}
