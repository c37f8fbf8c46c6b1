import { assert, assertEquals } from "@std/assert";
import { jobsOf } from "../plan.ts";

const comes = { today: Promise.resolve(), xpra5: Promise.resolve() };
const gate = "deno task check";

Deno.test("jobsOf() has the gate beside the end-to-end tests, and a job for each file where all are run", () => {
  const files = [...Deno.readDirSync(new URL("../e2e", import.meta.url))]
    .flatMap(({ name }) => name.endsWith(".test.ts") ? [name.replace(".test.ts", "")] : []);
  const [all, e2e, short] = (["all", "e2e", "short"] as const).map((run) => jobsOf(run, comes).map(({ name }) => name));
  assertEquals(files.filter((file) => !all!.includes(file)), []);
  assertEquals([all, e2e, short].map((names) => names!.includes(gate)), [true, false, true]);
  assertEquals(new Set(short).size, short!.length);
});

Deno.test("jobsOf() chooses the tests of a short run by engine and name", () => {
  const jobs = jobsOf("short", comes);
  const filterOf = (name: string): RegExp => {
    const argv = jobs.find((job) => job.name === name)!.argv("1");
    return new RegExp(argv[argv.indexOf("--filter") + 1]!.slice(1, -1));
  };
  const test = "incus: attach.ts shows a window over Wayland, keys reach the app, and it ends clean";
  assert(filterOf("wayland on Incus").test(test));
  assert(!filterOf("wayland on Incus").test(test.replace("incus", "lxc")));
  assert(!filterOf("wayland on Incus").test("incus: attach.ts, Wayland: no question outlives its session"));
  assert(filterOf("hostile on LXD").test("lxc: hostile: an sshd"));
});
