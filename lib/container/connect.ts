/** Getting at a container for a session: running, with an address or a way around the network, and with pinned host keys. */

import type { Engine } from "../engine/engine.ts";
import { exec, execArgv, instanceAddress, startInstance } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import type { Mounts } from "./mounts.ts";
import { findOurs } from "./ours.ts";
import type { SshTarget } from "./ssh.ts";
import { exists } from "../base/files.ts";

/** Longest wait for the network of a container that was just started, in milliseconds. */
const networkTimeoutMs = 60_000;

/**
 * Waits in the container until it has its network and sshd: systemd's own jobs end then. Just after the start there is
 * no systemd to ask yet. Ubuntu 24.04 starts sshd by its socket.
 */
const awaitNetworkScript = `
until systemctl is-system-running 2>/dev/null | grep -qvx offline; do sleep 0.05; done
systemctl start network-online.target
systemctl start ssh.socket 2>/dev/null || systemctl start ssh.service
`;

/** The same in a container without a network: waits until users may log in. */
const awaitLoginScript = `
until systemctl is-system-running 2>/dev/null | grep -qvx offline; do sleep 0.05; done
systemctl start systemd-user-sessions.service
`;

/** Serves one SSH connection on its stdin and stdout, as root in the container. sshd wants its directory to be there. */
const sshdScript = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i";

/**
 * Starts the container if need be, and tells how to reach it.
 *
 * @throws {UserError} when there is none, or when create did not make it
 */
export async function reachContainer(engine: Engine, name: string, mounts: Mounts): Promise<SshTarget> {
  const { host } = engine;
  const instance = host.dryRun ? undefined : await findOurs(engine, name, { withState: true });
  if (instance) {
    if (!await exists(mounts.knownHosts)) {
      throw new UserError(`The host keys of "${name}" are not pinned: there is no ${mounts.knownHosts}`, {
        hint: "Make the container with create.ts, or set $GUI_CONTAINER_MOUNTS to where create.ts put its directories",
      });
    }
    if (instance.status === "Running" && instance.ipv4) return { name, address: instance.ipv4, mounts };
  }
  const hasNetwork = instance?.hasNetwork ?? true;
  if (instance?.status !== "Running") {
    host.ui.status(`Starting "${name}"`);
    await startInstance(engine, name);
  }
  const script = hasNetwork ? awaitNetworkScript : awaitLoginScript;
  await exec(engine, name, ["/bin/sh", "-c", script], { timeoutMs: networkTimeoutMs });
  return await sshTarget(engine, name, { mounts, hasNetwork });
}

/** Where SSH finds a running container: its address, or by way of the engine when it has no network. */
export async function sshTarget(
  engine: Engine,
  name: string,
  { mounts, hasNetwork }: { mounts: Mounts; hasNetwork: boolean },
): Promise<SshTarget> {
  if (hasNetwork) return { name, address: await instanceAddress(engine, name), mounts };
  return { name, address: name, mounts, proxy: execArgv(engine, name, ["/bin/sh", "-c", sshdScript]) };
}
