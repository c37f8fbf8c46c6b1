/**
 * How a container is made ready for SSH: it runs, it has an address or a way around the network, its host keys are
 * pinned. One that is on another machine is reached through the engine, too: no route to it is needed.
 */

import awaitBoot from "./await_boot.sh" with { type: "text" };
import { basename } from "@std/path";
import { type Engine, engineArgv } from "../engine/engine.ts";
import { exec, execArgv, type Instance, instanceAddress, startInstance } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import type { Mounts } from "./mounts.ts";
import type { ContainerUser } from "./user.ts";
import { quoteWord, quoteWords, withValues } from "../base/shell_words.ts";
import { sshConfigPath, type SshTarget } from "./ssh.ts";
import { exists } from "../base/files.ts";
import { labelOf } from "../engine/server.ts";

/** How long a container that was just started is waited for at most, in milliseconds. */
const maxBootMs = 60_000;

/**
 * Serves one SSH connection on stdin and stdout, as root in the container. sshd needs its directory. This is one line
 * and no .sh file: ssh hands it to the user's own shell as part of its ProxyCommand, and not every shell has quotes
 * across lines.
 */
const serveSsh = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i";

/**
 * Starts a container if it does not run.
 *
 * @param instance what the engine says of it; undefined in a dry run
 * @param options `throughEngine`: SSH reaches it through the engine, whether it has a network or not
 * @returns how SSH reaches it
 * @throws {UserError} when its host keys are not pinned
 */
export async function reachInstance(
  engine: Engine,
  instance: Instance | undefined,
  { name, mounts, user, throughEngine, bootTimeoutMs = maxBootMs }: {
    name: string;
    mounts: Mounts;
    user: ContainerUser;
    throughEngine: boolean;
    bootTimeoutMs?: number | undefined;
  },
): Promise<SshTarget> {
  const label = labelOf(engine.server, name);
  if (instance && !await exists(mounts.knownHosts)) {
    const show = ["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"];
    const read = engineArgv(engine, ["exec", labelOf(engine.server, name), "--", ...show]);
    const pin = `sed 's/^/${basename(mounts.directory)} /' >${quoteWord(mounts.knownHosts)}`;
    throw new UserError(`The host keys of "${label}" are not pinned: there is no ${mounts.knownHosts}`, {
      hint:
        "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories, or, if you trust the container, pin them: " +
        `${quoteWords(read)} | ${pin}`,
    });
  }
  const hasNetwork = !throughEngine && (instance?.hasNetwork ?? true);
  const { status, address } = instance ?? {};
  const isReady = status === "Running" && (throughEngine || address !== undefined);
  if (!isReady) await startAndAwait(engine, { name, status, hasNetwork, bootTimeoutMs });
  return await sshTarget(engine, name, { mounts, user, hasNetwork, address: isReady ? address : undefined });
}

/** Starts a container if it does not run, and waits until its user can log in. */
export async function startAndAwait(
  engine: Engine,
  { name, status, hasNetwork, bootTimeoutMs = maxBootMs }: {
    name: string;
    /** As the engine says. */
    status: string | undefined;
    hasNetwork: boolean;
    bootTimeoutMs?: number;
  },
): Promise<void> {
  if (status !== "Running") {
    engine.host.ui.status(`Starting "${labelOf(engine.server, name)}"`);
    await startInstance(engine, name);
  }
  const script = withValues(awaitBoot, { has_network: hasNetwork ? "yes" : "" });
  await exec(engine, name, ["/bin/sh", "-c", script], { timeoutMs: bootTimeoutMs });
}

/** How SSH reaches a running container: at its address, or through the engine when it has none that leads to it. */
export async function sshTarget(
  engine: Engine,
  name: string,
  { mounts, user, hasNetwork, address }: {
    mounts: Mounts;
    user: ContainerUser;
    /** Whether it has a network that this machine is in as well. */
    hasNetwork: boolean;
    /** Its address, where that is known already. */
    address?: string | undefined;
  },
): Promise<SshTarget> {
  const config = sshConfigPath(mounts);
  // A container that was made before there was one has none.
  const settings = engine.host.dryRun || await exists(config) ? { config } : {};
  const target = { mounts, user, name: labelOf(engine.server, name), ...settings };
  return hasNetwork
    ? { ...target, address: address ?? await instanceAddress(engine, name) }
    : { ...target, address: name, proxy: execArgv(engine, name, ["/bin/sh", "-c", serveSsh]) };
}
