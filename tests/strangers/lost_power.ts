/**
 * Lost power: a run is killed at each call that writes to disk, and LazyFS forgets all that was not written to disk by
 * fsync(2). It has the records of what is lent, the files that are lent as copies, the settings, the history and
 * `container.json`; a file that is lent itself needs an ACL, which LazyFS has not got.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { eventually } from "../e2e/run.ts";
import { labState } from "../lab/state.ts";
import { onEngines } from "./in_lab.ts";
import { gitSource, installed } from "./sources.ts";
import { Missing, type Results, type Suite } from "./suite.ts";

const repository = "https://github.com/dsrhaslab/lazyfs";
const commit = "a47a5baea559020f29902662de77764b0cbd62ce";
const build = "for part in libs/libpcache lazyfs; do (cd $part && sh ./build.sh); done";

export const lostPower: Suite = {
  about: "power is lost while a file is lent or taken back, or something is recorded, by LazyFS",
  async run() {
    await installed("strace", "libfuse3-dev", "fuse3", "python3", "g++", "cmake", "make");
    const program = join(await gitSource(repository, commit, build), "lazyfs/build/lazyfs");
    const { user } = labState();
    if (!user || Deno.uid() !== 0) throw new Missing("it needs root, and the lab's user");
    const [uid, gid] = [user.uid, user.gid].map(String) as [string, string];
    const directory = await Deno.makeTempDir({ prefix: "lost_power." });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const path = (name: string): string => join(directory, name);
    for (const name of ["", "root", "mnt"]) {
      await Deno.mkdir(path(name), { recursive: true });
      await Deno.chown(path(name), user.uid, user.gid);
    }
    const config = `[faults]
fifo_path="${path("fifo")}"
fifo_path_completed="${path("done")}"
[cache]
apply_eviction=false
[cache.simple]
custom_size="100mb"
blocks_per_page=1
[filesystem]
log_all_operations=false
logfile=""
`;
    await Deno.writeTextFile(path("config"), config);
    const script = fromFileUrl(new URL("lost_power.py", import.meta.url));
    const argv = ["python3", script, program, path("config"), path("root"), path("mnt"), uid, gid];
    const lazyfs = startProcess(argv, { output: "discard" });
    stack.defer(async () => {
      await runProcess(["umount", "--lazy", path("mnt")], { okCodes: "any" });
      lazyfs.kill("SIGKILL");
      await lazyfs.ended;
    });
    await eventually(
      "LazyFS",
      async () => (await runProcess(["mountpoint", path("mnt")], { okCodes: "any" })).code === 0,
    );
    const results: Results = new Map();
    for (const script of ["failing_loans.ts", "lost_records.ts"]) {
      for (const [name, result] of await onEngines(script, [directory], { engines: ["incus"] })) {
        results.set(name, result);
      }
    }
    return results;
  },
};
