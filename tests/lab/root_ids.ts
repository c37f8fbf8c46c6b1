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

const files = { uids: "/etc/subuid", gids: "/etc/subgid" } as const;

/** Root's ranges in such a file, and which of them LXD's package has added to another. */
export function rootRanges(text: string): { count: number; added: string | undefined } {
  const ranges = text.split("\n").map((line) => line.split(":"));
  const ofRoot = ranges.filter(([name]) => name === "root");
  // The package gives the same ids to a user of its own.
  const added = ofRoot.find(([, first, count]) =>
    ranges.some(([name, ...range]) => name === "_lxd" && range[0] === first && range[1] === count)
  );
  if (ofRoot.length < 2 || added === undefined) return { count: ofRoot.length, added: undefined };
  const [first, count] = added.slice(1).map(Number) as [number, number];
  return { count: ofRoot.length, added: `${first}-${first + count - 1}` };
}

/**
 * Takes back the second range where the lab has installed LXD, and restarts the engines' daemons, which read the files at
 * their start. Any other second range is somebody's, and only named.
 */
export async function mendRootIds(lab: Lab): Promise<void> {
  const isOurs = lab.state.made.packages?.includes("lxd");
  let isMended = false;
  for (const [kind, file] of Object.entries(files)) {
    const { count, added } = rootRanges(exists(file) ? Deno.readTextFileSync(file) : "");
    if (count < 2) continue;
    if (isOurs && added) {
      await runProcess(["usermod", `--del-sub${kind}`, added, "root"]);
      lab.ui.status(
        `          ${file}: root's ids ${added} of LXD's package are taken back, since Incus gave it others`,
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
