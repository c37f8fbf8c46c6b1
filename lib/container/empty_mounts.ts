/** What a container and its user have put into the directories that it shares, and how it is removed. */

import type { Host } from "../base/host.ts";
import { exec, type InstanceInfo, startInstance } from "../engine/instance.ts";
import { ProcessError } from "../base/errors.ts";
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
  try {
    await exec(host, instance, [
      "setpriv",
      `--reuid=${user.uid}`,
      "--clear-groups",
      "--inh-caps=+dac_override,+fowner",
      "--ambient-caps=+dac_override,+fowner",
      ...removal([sockets, share]),
    ], { okCodes: "any", timeoutMs });
  } catch (error) {
    // The container answers too much or too late. It is deleted anyway; removeMounts() reports what is left.
    if (!(error instanceof ProcessError)) throw error;
  }
}

/** Removes what the host user may remove. Returns whether that was everything. */
async function emptyFromHost(host: Host, instance: Instance): Promise<boolean> {
  const { sockets, share } = mountsOf(host, instance);
  try {
    await host.run(removal([sockets, share]), { output: { line: () => {} }, timeoutMs });
    return true;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return false;
  }
}

/** The command that removes all that is in directories. */
function removal(directories: readonly string[]): string[] {
  return ["find", ...directories, "-mindepth", "1", "-delete"];
}
