import { assert, assertEquals } from "@std/assert";
import { type Job, jobsOf, type RunName } from "../plan.ts";

const comes = {
  packages: Promise.resolve("packages"),
  wayland: Promise.resolve("wayland"),
  all: Promise.resolve("all"),
  cluster: Promise.resolve("cluster"),
  xpra5: Promise.resolve("xpra5"),
  today: Promise.resolve("today"),
};
const gate = "deno task check:tests";

function jobsIn(run: RunName): Job[] {
  const { gate, endToEnd } = jobsOf(run, comes);
  return [...gate, ...endToEnd];
}

function namesOf(run: RunName): string[] {
  return jobsIn(run).map(({ name }) => name);
}

Deno.test("jobsOf() has the gate beside the end-to-end tests, and a job for each file where all are run", () => {
  const files = [...Deno.readDirSync(new URL("../e2e", import.meta.url))]
    .flatMap(({ name }) => name.endsWith(".test.ts") ? [name.replace(".test.ts", "")] : []);
  const [all, e2e, short] = (["all", "e2e", "short"] as const).map((run) => namesOf(run));
  assertEquals(files.filter((file) => !all!.includes(file)), []);
  assertEquals([all, e2e, short].map((names) => names!.includes(gate)), [true, false, true]);
  assertEquals(new Set(short).size, short!.length);
});

Deno.test("jobsOf() has each job wait for what it needs: the gate for packages, Wayland for an image, X for xpra", async () => {
  const [short, all] = [jobsIn("short"), jobsIn("all")];
  const after = async (jobs: Job[], name: string): Promise<unknown> =>
    await jobs.find((job) => job.name === name)!.after;
  assertEquals(await after(short, "deno task check:code"), undefined);
  assertEquals(await after(short, gate), "packages");
  assertEquals(await after(short, "wayland on Incus"), "wayland");
  assertEquals(await after(short, "attach on LXD"), "all");
  assertEquals(
    await Promise.all(["attach", "attach_remote", "attach_xpra5", "today_attacks"].map((name) => after(all, name))),
    ["all", "cluster", "xpra5", "today"],
  );
});

Deno.test("jobsOf() chooses the tests of a short run by engine and name", () => {
  const jobs = jobsIn("short");
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
