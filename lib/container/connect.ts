/**
 * How a container is made ready for SSH: it runs, it has an address or a way around the network, its host keys are
 * pinned. One that is on another machine is reached through the engine, too: no route to it is needed.
 */

import awaitBoot from "./await_boot.sh" with { type: "text" };
import { basename } from "@std/path";
import { type Engine, engineArgv, nameOn } from "../engine/engine.ts";
import { exec, execArgv, instanceAddress, isHere, startInstance } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { labelOf, type Mounts } from "./mounts.ts";
import { findOurs } from "./ours.ts";
import { adviceOptions } from "./place.ts";
import { type ContainerUser, plannedUser, userOf } from "./user.ts";
import { quoteWord, quoteWords, withValues } from "../base/shell_words.ts";
import { sshConfigPath, type SshTarget } from "./ssh.ts";
import { exists } from "../base/files.ts";

/** Longest wait for a container that was just started, in milliseconds. */
const longestBootMs = 60_000;

/**
 * Serves one SSH connection on stdin and stdout, as root in the container. sshd needs its directory. This is one line
 * and no .sh file: ssh hands it to the user's own shell as part of its ProxyCommand, and not every shell has quotes
 * across lines.
 */
const serveSsh = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i";

/**
 * Starts the container if it does not run.
 *
 * @returns how SSH reaches it
 * @throws {UserError} when there is no such container, when create.ts did not make it, or when its host keys are not
 * pinned
 */
export async function reachContainer(
  engine: Engine,
  name: string,
  mounts: Mounts,
  { bootTimeoutMs = longestBootMs }: { bootTimeoutMs?: number } = {},
): Promise<SshTarget> {
  const { host } = engine;
  const label = labelOf(engine.server, name);
  const instance = host.dryRun ? undefined : await findOurs(engine, name, { withState: engine.server.isLocal });
  const user = instance ? userOf(engine, instance) : plannedUser;
  const elsewhere = !(instance ? await isHere(engine, instance) : engine.server.isLocal);
  if (instance) {
    if (!await exists(mounts.knownHosts)) {
      const read = engineArgv(engine, [
        "exec",
        nameOn(engine, name),
        "--",
        "sh",
        "-c",
        "cat /etc/ssh/ssh_host_*_key.pub",
      ]);
      const pin = `sed 's/^/${basename(mounts.directory)} /' >${quoteWord(mounts.knownHosts)}`;
      throw new UserError(`The host keys of "${label}" are not pinned: there is no ${mounts.knownHosts}`, {
        hint:
          "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories, or, if you trust the container, pin them: " +
          `${quoteWords(read)} | ${pin}`,
      });
    }
    if (instance.status === "Running" && elsewhere) return await sshTarget(engine, name, { mounts, user, elsewhere });
    if (instance.status === "Running" && instance.address) {
      const options = adviceOptions(engine);
      return await withConfig(host, { name: label, options, address: instance.address, user, mounts, elsewhere });
    }
  }
  const hasNetwork = !elsewhere && (instance?.hasNetwork ?? true);
  if (instance?.status !== "Running") {
    host.ui.status(`Starting "${label}"`);
    await startInstance(engine, name);
  }
  const script = withValues(awaitBoot, { has_network: hasNetwork ? "yes" : "" });
  await exec(engine, name, ["/bin/sh", "-c", script], { timeoutMs: bootTimeoutMs });
  return await sshTarget(engine, name, { mounts, user, elsewhere, hasNetwork });
}

/**
 * How SSH reaches a running container: at its address, or through the engine when it has no network or is elsewhere.
 */
export async function sshTarget(
  engine: Engine,
  name: string,
  { mounts, user, elsewhere, hasNetwork = false, address }: {
    mounts: Mounts;
    user: ContainerUser;
    elsewhere: boolean;
    hasNetwork?: boolean;
    /** Its address, where that is known already. */
    address?: string | undefined;
  },
): Promise<SshTarget> {
  const target = { mounts, user, elsewhere, name: labelOf(engine.server, name), options: adviceOptions(engine) };
  return await withConfig(
    engine.host,
    hasNetwork && !elsewhere
      ? { ...target, address: address ?? await instanceAddress(engine, name) }
      : { ...target, address: name, proxy: execArgv(engine, name, ["/bin/sh", "-c", serveSsh]) },
  );
}

/** The target with the file of ssh's settings, where create.ts has written one. */
async function withConfig(host: Host, target: SshTarget): Promise<SshTarget> {
  const config = sshConfigPath(target.mounts);
  return host.dryRun || await exists(config) ? { ...target, config } : target;
}
