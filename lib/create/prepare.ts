/** What create puts into a container: keys, the directory of mapped files, and a user that lingers. */

import prepareScript from "./prepare.sh" with { type: "text" };
import type { Engine } from "../engine/engine.ts";
import { execArgv } from "../engine/instance.ts";
import type { Host } from "../base/host.ts";
import { containerPaths, containerUser } from "../container/ours.ts";
import { knownHostsLines } from "../container/ssh.ts";
import { withValues } from "../base/shell_words.ts";

/**
 * Prepares a container for attach and map.
 *
 * @returns the lines of a known_hosts file with its host keys
 */
export async function prepareContainer(engine: Engine, name: string, authorizedKeys: string): Promise<string> {
  const text = authorizedKeys.endsWith("\n") ? authorizedKeys : `${authorizedKeys}\n`;
  const script = withValues(prepareScript, { user: containerUser.name, maps: containerPaths.maps });
  return await engine.host.value(execArgv(engine, name, ["/bin/sh", "-c", script]), {
    stdin: { text },
    variable: "KNOWN_HOSTS",
    filter: `| awk '{ print "${name}", $1, $2 }'`,
    parse: (stdout) => knownHostsLines(name, stdout),
  });
}

/**
 * Checks that programs are there before anything is touched.
 *
 * @throws {UserError} exit code 127
 */
export async function checkPrograms(host: Host, programs: readonly string[]): Promise<void> {
  // ssh and the acl tools know -V or --version; any answer will do, it is only about being there.
  for (const program of programs) {
    await host.run([program, program === "ssh" ? "-V" : "--version"], {
      okCodes: "any",
      looksOnly: true,
    });
  }
}
