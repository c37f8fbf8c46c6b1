/**
 * Every check: brings the lab up, runs the gate here and the end-to-end tests as the lab's user, and adds up. Ends with a
 * line "N passed, N failed, N skipped"; exit status 1 when a test failed or a part could not be run.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { hostPackages, missingPackages, xpraRuntimePackages } from "./lab/packages.ts";
import { failuresIn } from "./failures.ts";
import { type Queued, runQueue } from "./queue.ts";
import { type IncusName, missingParts, type SeatName, seatNames } from "./lab/state.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];

/** The files whose tests on Incus run on Incus 7, and then on Debian 13's as well; all others run on Incus 7 alone. */
const onBothIncus = ["attach", "create", "disposable", "map"];

/** What is run at one of the lab's seats, while other jobs run at others. */
interface Job extends Queued {
  /** What it is called. */
  name: string;
  /** The command line, which ends with `deno test`. */
  argv(seat: SeatName): string[];
}

/** `deno task check`, beside others. */
const gate: Job = {
  name: "deno task check",
  argv: () => ["env", "DENO_JOBS=1", Deno.execPath(), "task", "check"],
  holds: "gate",
};

/** What takes longest, in this order: it begins first, so that it is not left over at the end. */
const longest = [
  ...[gate.name, "examples", "create_remote", "create_internet", "create_cache", "ends", "wayland", "dialogs"],
  ...["readme", "create", "create_faults", "attach", "links", "software", "create_update", "map_faults", "look"],
  ...["attach_channels", "attach_ends", "attach_remote", "map_remote", "attach_native"],
];

/** Compares jobs for the order in which they begin. */
function byLength(one: Job, other: Job): number {
  const [a, b] = [one, other].map(({ name }) => longest.includes(name) ? longest.indexOf(name) : longest.length);
  return a! - b!;
}

/** The end-to-end tests, a job for each file. */
function endToEnd({ xpra5, today }: { xpra5: Promise<unknown>; today: Promise<unknown> }): Job[] {
  const incus = missingParts("incus7") === undefined ? "7" : "6";
  const files = [...Deno.readDirSync(join(root, "tests/e2e"))]
    .flatMap(({ name }) => name.endsWith(".test.ts") ? [name.replace(".test.ts", "")] : []).sort();
  const jobOf = (file: string, { incus, filter }: { incus: IncusName; filter?: string }): Job => ({
    name: filter ? `${file} on Incus ${incus}` : file,
    argv: (seat) => [
      ...[...lab, "run", "--seat", seat, "--incus", incus],
      ...(file.startsWith("today") && missingParts("today") === undefined ? ["--host", "today"] : []),
      // The gate has checked the types.
      ...["--", "deno", "test", "-A", "--no-check", ...(filter ? ["--filter", filter] : [])],
      `tests/e2e/${file}.test.ts`,
    ],
    // The servers of `lab cluster` are killed and cut off; a container has one directory, whatever server it is on.
    holds: file.endsWith("_remote") ? "cluster" : file,
    ...(file === "attach_xpra5" ? { after: xpra5 } : file.startsWith("today") ? { after: today } : {}),
  });
  const jobs = files.map((file) => jobOf(file, { incus }));
  return incus === "6"
    ? jobs
    : [...jobs, ...onBothIncus.map((file) => jobOf(file, { incus: "6", filter: "/^incus: /" }))];
}

const total = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
/** What stands at the end, too, where a long log is read first. */
const errors: string[] = [];
const seconds = new Map<string, number>();

/** How long a job may take, in seconds: a test that waits for ever holds up no others. */
const maxJobSeconds = 1_500;

/** Runs a job; shows what it printed when it has ended, and adds its summary line to the total. */
async function runJob({ name, argv }: Job, seat: SeatName): Promise<void> {
  const start = performance.now();
  say(`--- seat ${seat}: ${name}`);
  const printed: string[] = [];
  const { code } = await runProcess(["timeout", "--kill-after=30", `${maxJobSeconds}`, ...argv(seat)], {
    cwd: root,
    env: { NO_COLOR: "1" },
    okCodes: "any",
    output: { line: (line) => printed.push(line) },
  });
  const took = Math.round((performance.now() - start) / 1000);
  seconds.set(name, took);
  say(`=== ${name} (seat ${seat}, ${took} s)\n${printed.join("\n")}`);
  const summary = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/;
  let jobFailed = 0;
  for (const line of printed) {
    const [, passed = "0", failed = "0", skipped = "0"] = summary.exec(line) ?? [];
    total.passed += Number(passed);
    jobFailed += Number(failed);
    total.skipped += Number(skipped);
  }
  total.failed += jobFailed;
  for (const line of printed) if (/ \.\.\. FAILED/.test(line)) failures.push(`${name}: ${line}`);
  errors.push(...failuresIn(printed));
  if (code !== 0 && jobFailed === 0) {
    failures.push(`${name}: exit status ${code}`);
    total.failed++;
  }
}

/** Has the lab do something; what cannot be had is missing then, and its tests are skipped. */
function inLab(...args: string[]): Promise<unknown> {
  return runProcess([...lab, ...args], { output: "inherit", okCodes: "any" });
}

function say(text: string): void {
  let rest = new TextEncoder().encode(`${text}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}

/** Says what the run does to this machine, and how long it takes. */
async function announceRun(): Promise<void> {
  say(
    "Tests on real engines and desktops take about 35 minutes on two cores. What they make is kept for the next run.",
  );
  const missing = await missingPackages([...hostPackages, ...xpraRuntimePackages]).catch(() => []);
  if (missing.length > 0) {
    say(`First, in ten minutes more, this installs ${missing.length} Debian packages and what they depend on, builds`);
    say("xpra, container images and a desktop of Debian testing, and starts LXD and Incus.");
  }
  say("`deno task lab down --purge` removes all of that but the packages, and lists those.");
}

const isAll = Deno.args[0] !== "e2e";
await announceRun();
await inLab("up");
// It is made on its own, in minutes in which nothing else has to wait for it.
const today = inLab("today", "up");
await inLab("cluster", "up");
const xpra5 = inLab("xpra5");
for (const choice of [[], ["--incus", "6"]]) {
  await inLab("run", ...choice, "--", "deno", "run", "-A", "tests/e2e/sweep.ts");
}
const jobs = [...(isAll ? [gate] : []), ...endToEnd({ xpra5, today })].sort(byLength);
// Without root there is one desktop, the user's own.
await runQueue(jobs, { seats: Deno.uid() === 0 ? seatNames : ["1"], run: runJob });
for (const [name, took] of [...seconds].sort(([, a], [, b]) => b - a)) say(`${took} s`.padStart(7) + `  ${name}`);
for (const text of errors) say(text);
for (const failure of failures) say(`Failed: ${failure}`);
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
