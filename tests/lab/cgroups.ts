/** Room for the cgroups of instances on a machine that is a container, where nothing like systemd has made it. */

import { join } from "@std/path";
import { exists } from "./files.ts";

/**
 * Moves all processes of the machine out of its topmost cgroup, and has that give its controllers to those below. With a
 * process in it, it cannot: cgroups(7), "Cgroups v2 no internal processes rule". A kernel's own topmost cgroup is exempt,
 * and has no type. Without controllers, Incus starts no instance that has a limit.
 */
export function makeRoomForGroups(top = "/sys/fs/cgroup"): void {
  if (!exists(join(top, "cgroup.type")) || exists("/run/systemd/system")) return;
  const leaf = join(top, "gui-container-lab.machine");
  Deno.mkdirSync(leaf, { recursive: true });
  const lines = (name: string): string[] => Deno.readTextFileSync(join(top, name)).split(/\s+/).filter(Boolean);
  // A process may start another one meanwhile.
  for (let tries = 0; tries < 10 && lines("cgroup.procs").length > 0; tries++) {
    for (const pid of lines("cgroup.procs")) tryWrite(join(leaf, "cgroup.procs"), pid);
  }
  for (const name of lines("cgroup.controllers")) tryWrite(join(top, "cgroup.subtree_control"), `+${name}`);
}

/** Writes, unless the kernel refuses it: a process has ended, or a controller has a reason of its own. */
function tryWrite(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch {
    // What needs it says so.
  }
}
