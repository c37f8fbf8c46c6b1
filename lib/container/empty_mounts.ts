/** What a container and its user have put into the directories that it shares, and how it is removed. */

import type { Host } from "../base/host.ts";
import { exec, type InstanceInfo, startInstance } from "../engine/instance.ts";
import { isFailure, isProcessError, orNothing } from "../base/errors.ts";
import type { Instance } from "../engine/engine.ts";
import { mountsOf } from "./paths.ts";
import { containerPaths, parseUser, ubuntuUser, userKey } from "./user.ts";

/** How long the host, then the container, may take to remove it, in milliseconds. It may be millions of files. */
const timeoutMs = 15_000;

/**
 * Removes what is in the shared directories, as far as that is done within half a minute. Only the container can remove
 * what is in a directory that it has closed to the host user: its user owns the shared directories, and two
 * capabilities let that user remove what root has put into them.
 */
export async function emptyMounts(
  host: Host,
  instance: Pick<InstanceInfo, "engine" | "name" | "status" | "config">,
): Promise<void> {
  if (instance.status !== "Running") {
    if (await emptyFromHost(host, instance)) return;
    // Start errors are ignored: if the directories then cannot be removed, removeMounts() reports that.
    await startInstance(host, instance).catch(() => {});
  }
  const user = parseUser(instance.config[userKey] ?? "") ?? ubuntuUser;
  const { sockets, share } = containerPaths(user);
  const capabilities = ["inh", "ambient"].map((set) => `--${set}-caps=+dac_override,+fowner`);
  const argv = ["setpriv", `--reuid=${user.uid}`, "--clear-groups", ...capabilities, ...removal([sockets, share])];
  // Whatever the container answers, it is deleted. removeMounts() reports what is left.
  await orNothing(exec(host, instance, argv, { timeoutMs }), isFailure);
}

/** Removes what the host user may remove. Returns whether that was everything. */
async function emptyFromHost(host: Host, instance: Instance): Promise<boolean> {
  const { sockets, share } = mountsOf(host, instance);
  const removed = host.run(removal([sockets, share]), { output: { line: () => {} }, timeoutMs });
  return await orNothing(removed, isProcessError) !== undefined;
}

/** The command that removes all that is in directories. */
function removal(directories: readonly string[]): string[] {
  return ["find", ...directories, "-mindepth", "1", "-delete"];
}
