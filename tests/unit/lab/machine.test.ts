import { assert } from "@std/assert";
import { findsGroups, hasIds } from "../../lab/machine.ts";

Deno.test("hasIds() compares what containers are given with what the machine has", () => {
  const all = "         0          0 4294967295\n";
  const ofDocker = "         0     100000      65536\n";
  const ofIncus = "         0    1000000 1000000000\n";
  assert(hasIds(all) && hasIds(ofIncus));
  assert(!hasIds(ofDocker), "as many as a container of the machine's own needs");
  assert(!hasIds(ofIncus, { first: 1_000_000, count: 1_000_000_000 }), "more than there are");
  assert(hasIds(ofIncus, { first: 1_000_000, count: 65_536 }), "the owner has narrowed it");
  assert(!hasIds("0 1000 1\n1 100000 65536\n"), "rootless: two lines");
});

Deno.test("findsGroups() tells names of cgroups that are of the machine around a container", () => {
  const among = (...paths: string[]) => (path: string): boolean => paths.includes(path.replace(/\/$/, ""));
  const v1 = among("/sys/fs/cgroup/pids", "/sys/fs/cgroup/systemd");
  assert(findsGroups("8:pids:/\n1:name=systemd:/\n0::/\n", v1));
  assert(!findsGroups("8:pids:/docker/1f\n", v1));
  assert(
    findsGroups("8:pids:/a\n3:cpuset:/b\n", among("/sys/fs/cgroup/pids", "/sys/fs/cgroup/pids/a")),
    "none of cpuset",
  );
  const v2 = ["/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.controllers"];
  assert(findsGroups("0::/\n", among(...v2)));
  assert(!findsGroups("0::/docker/1f\n", among(...v2)));
  assert(findsGroups("0::/init.scope\n", among(...v2, "/sys/fs/cgroup/init.scope")));
});
