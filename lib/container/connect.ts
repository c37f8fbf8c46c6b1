/**
 * Makes a container ready for SSH: it runs, its host keys are pinned, and SSH reaches it at its address or through the
 * engine. A container on another machine is always reached through the engine, so it needs no route.
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
 * The longest wait for a container to boot, in milliseconds. The first boot of an image takes longest: minutes on a
 * slow or busy machine.
 */
const maxBootMs = 300_000;

/**
 * Serves one SSH connection on stdin and stdout, as root in the container. sshd needs its directory. It is one line,
 * not a .sh file: ssh passes it to the user's own shell in ProxyCommand, and not every shell allows quotes across
 * lines.
 */
const serveSsh = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i";

/**
 * Starts a container if it does not run.
 *
 * @param options `found`: its state in the engine, undefined in a dry run; `throughEngine`: SSH reaches it through the
 * engine, whether it has a network or not
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
 * @param options as for {@linkcode bootInstance}
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
  return await sshTarget(host, instance, { user, hasNetwork, address: isReady ? address : undefined });
}

export interface BootOptions {
  /** How long the boot may take, in milliseconds. */
  bootTimeoutMs?: number | undefined;
  /** Glob patterns of its files that the first session will read. */
  preload?: readonly string[] | undefined;
}

/** Waits until the user of a started container can log in. */
export async function awaitBoot(
  host: Host,
  instance: Address,
  { hasNetwork, bootTimeoutMs = maxBootMs, preload = [] }: BootOptions & { hasNetwork: boolean },
): Promise<void> {
  const script = withValues(awaitBootSh, { preload: preload.join(" "), has_network: hasNetwork ? "yes" : "" });
  await exec(host, instance, ["/bin/sh", "-c", script], { timeoutMs: bootTimeoutMs });
}

/**
 * Runs an sh script as the container's user while the container boots, as soon as that user's systemd runs. It goes
 * through the engine, since SSH starts later. If no answer arrives, the script may run a second time.
 *
 * @param options `waits`: false for a script that has nothing to do unless that systemd already runs
 * @throws {UserError} when the answer is incomplete
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

/** How SSH reaches a running container: at its address, or through the engine if no address leads to it. */
export async function sshTarget(host: Host, instance: Address, { user, hasNetwork, address }: {
  user: ContainerUser;
  /** Whether this machine is in the container's network. */
  hasNetwork: boolean;
  /** Its address, if already known. */
  address?: string | undefined;
}): Promise<SshTarget> {
  const { label, mounts } = instance;
  const path = sshConfigPath(mounts);
  // Containers made by older versions lack this file.
  const config = await host.look(true, () => exists(path)) ? path : undefined;
  const target = { mounts, user, name: label, config };
  return hasNetwork
    ? { ...target, address: address ?? await instanceAddress(host, instance) }
    : { ...target, address: instance.name, proxy: execArgv(instance, ["/bin/sh", "-c", serveSsh]) };
}
