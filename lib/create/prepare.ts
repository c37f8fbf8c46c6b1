/** A container prepared for attach.ts and map.ts: SSH keys and host keys, the directory of mapped files, a user that lingers. */

import prepareScript from "./prepare.sh" with { type: "text" };
import type { Engine } from "../engine/engine.ts";
import { answerLimits, execArgv } from "../engine/instance.ts";
import type { Host } from "../base/host.ts";
import type { Mounts } from "../container/mounts.ts";
import { containerPaths, containerUser } from "../container/ours.ts";
import { sshTarget } from "../container/connect.ts";
import { knownHostsLines, sshRun } from "../container/ssh.ts";
import { withValues } from "../base/shell_words.ts";

/**
 * Prepares a running container.
 *
 * @returns the lines of a known_hosts file with its host keys
 */
export async function prepareContainer(engine: Engine, name: string, authorizedKeys: string): Promise<string> {
  const text = authorizedKeys.endsWith("\n") ? authorizedKeys : `${authorizedKeys}\n`;
  const script = withValues(prepareScript, { user: containerUser.name, maps: containerPaths.maps });
  return await engine.host.value(execArgv(engine, name, ["/bin/sh", "-c", script]), {
    ...answerLimits,
    stdin: { text },
    variable: "KNOWN_HOSTS",
    filter: `| awk '{ print "${name}", $1, $2 }'`,
    parse: (stdout) => knownHostsLines(name, stdout),
  });
}

/**
 * Connects to a prepared container as attach.ts will.
 *
 * @returns its address, null when it has no network; and whether xpra is in it
 * @throws {UserError} when it cannot be reached
 */
export async function testConnection(
  engine: Engine,
  name: string,
  { mounts, hasNetwork }: { mounts: Mounts; hasNetwork: boolean },
): Promise<{ address: string | null; hasXpra: boolean }> {
  const target = await sshTarget(engine, name, { mounts, hasNetwork });
  const { stdout } = await sshRun(engine.host, target, ["sh", "-c", "command -v xpra || true"]);
  return { address: hasNetwork ? target.address : null, hasXpra: stdout !== "" };
}

/**
 * Checks that there is an SSH client.
 *
 * @throws {UserError} exit code 127
 */
export async function checkSsh(host: Host): Promise<void> {
  await host.run(["ssh", "-V"], { okCodes: "any", looksOnly: true });
}
