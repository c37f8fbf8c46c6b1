/**
 * systemd's user manager for the lab's user, on a machine that systemd has not booted: what gives programs of a desktop
 * scopes with limits of their own. It has a runtime directory of its own, so that only a test that asks for it meets it.
 */

import { join } from "@std/path";
import { runtimeDir } from "./checkout.ts";
import { isAlive, ready, startDaemon } from "./daemons.ts";
import { exists } from "./files.ts";
import type { LabUser, Part } from "./state.ts";
import type { Lab } from "./steps.ts";

const daemon = "userManager";

/** Hierarchies that systemd keeps its units in: cgroup v2, and what it has beside cgroup v1. */
const hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]
  .filter((path) => exists(join(path, "cgroup.procs")));

const groups = hierarchies.map((path) => join(path, "gui-container-lab"));

/** `$XDG_RUNTIME_DIR` of the manager. */
export function managerRuntimeDir(): string {
  return join(runtimeDir(), "user-manager");
}

/** The manager believes that systemd has booted the machine, and logs to its own output. */
const startManager = `
mount --make-rprivate / && mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/system
for group; do [ "$group" = -- ] && break; echo $$ >"$group/cgroup.procs"; done
while [ "$1" != -- ]; do shift; done; shift
exec "$@"`;

/** Starts the manager, unless it runs. */
export async function ensureUserManager({ state }: Lab, user: LabUser): Promise<Part> {
  const version = "systemd --user";
  if (isAlive(state.processes[daemon])) return { version };
  if (exists("/run/systemd/system")) {
    return { missing: "this machine's own systemd would have to start it", cannot: true };
  }
  for (const group of groups) {
    for (const directory of [group, join(group, "run")]) {
      Deno.mkdirSync(directory, { recursive: true });
      Deno.chownSync(directory, user.uid, user.gid);
      for (
        const name of ["cgroup.procs", "cgroup.subtree_control"].map((name) => join(directory, name)).filter(exists)
      ) {
        Deno.chownSync(name, user.uid, user.gid);
      }
    }
  }
  const directory = managerRuntimeDir();
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  Deno.mkdirSync(directory, { mode: 0o700 });
  Deno.chownSync(directory, user.uid, user.gid);
  const manager = ["/lib/systemd/systemd", "--user", "--unit=basic.target"];
  const asUser = ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "env", "-i"];
  const env = ["PATH=/usr/bin:/bin", `HOME=${directory}`, `XDG_RUNTIME_DIR=${directory}`, "SYSTEMD_LOG_TARGET=console"];
  const identity = startDaemon(
    state,
    daemon,
    ["unshare", "--mount", "sh", "-c", startManager, "sh", ...groups, "--", ...asUser, ...env, ...manager],
  );
  const answers = (): Promise<boolean> => Promise.resolve(exists(join(directory, "systemd/private")));
  return await ready(daemon, identity, answers, version);
}

/** Moves this process to where the manager may take over what it starts. */
export function joinManagedGroups(): void {
  // The manager, or what is left of one, may be gone without its groups.
  const files = groups.map((group) => join(group, "run/cgroup.procs"));
  for (const file of files.filter(exists)) Deno.writeTextFileSync(file, `${Deno.pid}`);
}
