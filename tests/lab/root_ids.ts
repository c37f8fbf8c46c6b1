/**
 * The ids that root may give to containers, in /etc/subuid and /etc/subgid (subuid(5)). Debian's package of Incus adds a
 * range for root where there is none, that of LXD adds one in any case. Incus 7.0.2 lays two ranges over each other, which
 * the kernel refuses: no container starts.
 */

import { runProcess } from "../../lib/base/process.ts";
import { isAlive, stopDaemon } from "./daemons.ts";
import { daemonName, engineFacts } from "./engines.ts";
import { exists } from "./files.ts";
import { labEngineNames } from "./state.ts";
import type { Lab } from "./steps.ts";

const files = ["/etc/subuid", "/etc/subgid"];

/** How many ranges root has in such a file, and the line of that which LXD's package has added to another. */
export function rootRanges(text: string): { count: number; added: string | undefined } {
  const lines = text.split("\n");
  const ofRoot = lines.filter((line) => line.startsWith("root:"));
  // The package gives the same ids to a user of its own.
  const added = ofRoot.find((line) => lines.includes(line.replace("root:", "_lxd:")));
  return { count: ofRoot.length, added: ofRoot.length > 1 ? added : undefined };
}

/**
 * Takes back the second range where the lab has installed LXD, and restarts the engines' daemons, which read the files at
 * their start. Any other second range is somebody's, and only named.
 */
export async function mendRootIds(lab: Lab): Promise<void> {
  const isOurs = lab.state.made.packages?.includes("lxd");
  let isMended = false;
  for (const file of files.filter(exists)) {
    const text = Deno.readTextFileSync(file);
    const { count, added } = rootRanges(text);
    if (count < 2) continue;
    if (isOurs && added) {
      // usermod takes no range from a user who runs anything.
      Deno.writeTextFileSync(`${file}.new`, text.split("\n").filter((line) => line !== added).join("\n"), {
        mode: 0o644,
      });
      Deno.renameSync(`${file}.new`, file);
      lab.ui.status(
        `          ${file}: "${added}" of LXD's package is taken back, since that of Incus gave root others`,
      );
      isMended = true;
    } else {
      lab.ui.warn(
        `${file} has ${count} ranges for root, with which Incus 7 starts no container. Leave one, and restart the daemons`,
      );
    }
  }
  for (const engine of isMended ? labEngineNames : []) {
    const { unit } = engineFacts[engine];
    if (isAlive(lab.state.processes[daemonName(engine)])) {
      await stopDaemon(lab.state, daemonName(engine), { graceMs: 10_000 });
    } else if (unit && exists("/run/systemd/system")) {
      await runProcess(["systemctl", "try-restart", unit], { okCodes: "any", timeoutMs: 90_000 });
    }
  }
}
