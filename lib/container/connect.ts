/**
 * How a container is made ready for SSH: it runs, it has an address or a way around the network, its host keys are
 * pinned. One that is on another machine is reached through the engine, too: no route to it is needed.
 */

import type { Host } from "../base/host.ts";
import awaitBootSh from "./await_boot.sh" with { type: "text" };
import runEarly from "./run_early.sh" with { type: "text" };
import { basename } from "@std/path";
import { engineLine } from "../engine/engine.ts";
import { exec, execArgv } from "../engine/exec.ts";
import { instanceAddress, type InstanceInfo } from "../engine/instance.ts";
import { startInstance } from "../engine/lifecycle.ts";
import { type ProcessResult, UserError } from "../base/errors.ts";
import type { Address } from "./address.ts";
import type { ContainerUser } from "./user.ts";
import { quoteWord, withValues } from "../base/shell_words.ts";
import { type ScriptOptions, sshConfigPath, type SshTarget } from "./ssh.ts";
import { exists } from "../base/files.ts";
import { isClaimed } from "../base/lock.ts";
import { checkDirectory } from "./mounts.ts";
import { creationRecordPath } from "./paths.ts";

/**
 * The longest wait for a container that was just started, in milliseconds. The first start of an image takes longest, and
 * on a slow or busy machine minutes.
 */
const maxBootMs = 300_000;

/**
 * Serves one SSH connection on stdin and stdout, as root in the container. sshd needs its directory. This is one line
 * and no .sh file: ssh hands it to the user's own shell as part of its ProxyCommand, and not every shell has quotes
 * across lines.
 */
const serveSsh = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i";

/**
 * Starts a container if it does not run.
 *
 * @param options `found`: what the engine says of it, undefined in a dry run; `throughEngine`: SSH reaches it through the engine, whether it has a network or not
 * @throws {UserError} when its host keys are not pinned
 */
export async function bootInstance(
  host: Host,
  instance: Address,
  { found, throughEngine }: { found: InstanceInfo | undefined; throughEngine: boolean },
): Promise<void> {
  const { label, mounts } = instance;
  if (found) await checkDirectory(mounts.directory, instance, { isHere: !throughEngine });
  if (found && !await exists(mounts.knownHosts)) {
    if (await isClaimed(creationRecordPath(mounts))) {
      throw new UserError(`The container "${label}" is still being made`, { hint: "Wait for the run of create.ts" });
    }
    const show = ["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"];
    const read = engineLine(instance.engine, ["exec", label, "--", ...show]);
    const pin = `sed 's/^/${basename(mounts.directory)} /' >${quoteWord(mounts.knownHosts)}`;
    throw new UserError(`The host keys of "${label}" are not pinned: there is no ${mounts.knownHosts}`, {
      hint:
        "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories, or, if you trust the container, pin them: " +
        `${read} | ${pin}`,
    });
  }
  if (found?.status === "Running") return;
  host.ui.status(`Starting "${label}"`);
  await startInstance(host, instance);
}

/**
 * Waits until SSH reaches a container that {@linkcode bootInstance} has started.
 *
 * @param options as there
 * @returns how SSH reaches it
 */
export async function reachInstance(
  host: Host,
  instance: Address,
  { found, user, throughEngine, ...boot }: BootOptions & {
    found: InstanceInfo | undefined;
    user: ContainerUser;
    throughEngine: boolean;
  },
): Promise<SshTarget> {
  const hasNetwork = !throughEngine && (found?.hasNetwork ?? true);
  const { status, address } = found ?? {};
  const isReady = status === "Running" && (throughEngine || address !== undefined);
  if (!isReady) await awaitBoot(host, instance, { ...boot, hasNetwork });
  const target = await sshTarget(host, instance, { user, hasNetwork, address: isReady ? address : undefined });
  return isReady ? { ...target, startedAt: found?.last_used_at } : target;
}

export interface BootOptions {
  /** How long it may take, in milliseconds. */
  bootTimeoutMs?: number | undefined;
  /** Patterns of its files that its first session is going to read. */
  preload?: readonly string[] | undefined;
}

/** Waits until the user of a container that was started can log in. */
export async function awaitBoot(
  host: Host,
  instance: Address,
  { hasNetwork, bootTimeoutMs = maxBootMs, preload = [] }: BootOptions & { hasNetwork: boolean },
): Promise<void> {
  const script = withValues(awaitBootSh, { preload: preload.join(" "), has_network: hasNetwork ? "yes" : "" });
  await exec(host, instance, ["/bin/sh", "-c", script], { timeoutMs: bootTimeoutMs });
}

/**
 * Runs a script for sh as the user of a container that boots, as soon as that user's systemd is there. The engine runs
 * it: SSH comes later. It may run again, when its answer does not arrive.
 *
 * @param options `waits`: false for a script that has nothing to do before that systemd is there
 * @throws {UserError} when the answer does not arrive whole
 * @throws {ProcessError} when the script fails
 */
export async function runAtBoot(
  host: Host,
  instance: Address,
  { user: { uid, gid, home }, script, values = {}, parameters = [], waits, ...options }: ScriptOptions & {
    user: ContainerUser;
    waits: boolean;
  },
): Promise<ProcessResult> {
  const shell = (text: string): string[] => ["/bin/sh", "-c", text, "gui-container"];
  const early = shell(withValues(runEarly, { uid, gid, home, waits: waits ? "yes" : "" }));
  const argv = [...early, ...shell(withValues(script, values)), ...parameters];
  return await exec(host, instance, argv, { timeoutMs: maxBootMs, ...options });
}

/** How SSH reaches a running container: at its address, or through the engine where no address leads to it. */
export async function sshTarget(host: Host, instance: Address, { user, hasNetwork, address }: {
  user: ContainerUser;
  /** Whether it has a network that this machine is in as well. */
  hasNetwork: boolean;
  /** Its address, where that is known already. */
  address?: string | undefined;
}): Promise<SshTarget> {
  const { label, mounts } = instance;
  const config = sshConfigPath(mounts);
  // Containers of older versions lack that file.
  const settings = await host.look(true, () => exists(config)) ? { config } : {};
  const target = { mounts, user, name: label, ...settings };
  return hasNetwork
    ? { ...target, address: address ?? await instanceAddress(host, instance) }
    : { ...target, address: instance.name, proxy: execArgv(instance, ["/bin/sh", "-c", serveSsh]) };
}
