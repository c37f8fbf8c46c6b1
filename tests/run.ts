/**
 * Runs the tests: brings the lab up, runs the gate here and end-to-end tests as the lab's user, several at once, and adds
 * up. `deno task test` is a short run, `deno task test all` runs all. Ends with a line "N passed, N failed, N skipped";
 * exit status 1 when a test failed or a part could not be run.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { hostPackages, missingPackages, xpraRuntimePackages } from "./lab/packages.ts";
import { labDir, type SeatName, seatNames } from "./lab/state.ts";
import { failuresIn } from "./failures.ts";
import { type Job, jobsOf, type RunName, runNames } from "./plan.ts";
import { duration, endLine, openTimes, outcomeOf } from "./progress.ts";
import { runQueue } from "./queue.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
const logs = join(labDir(), "logs", "tests");

/** How long a job may take, in seconds: a test that waits for ever holds up no others. */
const maxJobSeconds = 1_500;

const total = { passed: 0, failed: 0 };
const failures: string[] = [];
const skipped: string[] = [];
/** What stands at the end, too, where a long log is read first. */
const errors: string[] = [];
const seconds = new Map<string, number>();
const times = openTimes();

/** Runs a job, keeps what it prints in a file, and adds it to the total. */
async function runJob({ name, argv }: Job, seat: SeatName): Promise<void> {
  const start = performance.now();
  const log = join(logs, `${name.replaceAll(" ", "_")}.log`);
  Deno.writeTextFileSync(log, "");
  const printed: string[] = [];
  const { code } = await runProcess(["timeout", "--kill-after=30", `${maxJobSeconds}`, ...argv(seat)], {
    cwd: root,
    env: { NO_COLOR: "1" },
    okCodes: "any",
    output: {
      line(line) {
        printed.push(line);
        Deno.writeTextFileSync(log, `${line}\n`, { append: true });
      },
    },
  });
  const took = Math.round((performance.now() - start) / 1000);
  const outcome = outcomeOf(printed, code);
  seconds.set(name, took);
  if (outcome.failed === 0) times.note(name, took);
  total.passed += outcome.passed;
  total.failed += outcome.failed;
  skipped.push(...outcome.skipped.map((line) => `${name}: ${line}`));
  failures.push(...outcome.failures.map((line) => `${name}: ${line}`));
  errors.push(...failuresIn(printed));
  const left = jobs.filter(({ name }) => !seconds.has(name));
  const leftSeconds = left.reduce((sum, { name }) => sum + times.secondsOf(name), 0) / seats.length;
  if (outcome.failed > 0) say(`=== ${name}, at seat ${seat}\n${printed.join("\n")}`);
  say(endLine(name, outcome, { seconds: took, left: left.length, leftSeconds }));
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
async function announceRun(run: RunName): Promise<void> {
  const missing = await missingPackages([...hostPackages, ...xpraRuntimePackages]).catch(() => []);
  const minutes = { short: [6, 12], all: [30, 40], e2e: [30, 40] }[run][missing.length > 0 ? 1 : 0];
  say(`Tests on real engines and desktops, in about ${minutes} minutes on two cores. What they make is kept for the`);
  say(`next run. What each one prints is in ${logs}`);
  if (missing.length > 0) {
    say(`First, this installs ${missing.length} Debian packages and what they depend on, builds xpra and container`);
    say("images, and starts LXD and Incus.");
  }
  say("`deno task lab down --purge` removes all of that but the packages, and lists those.");
}

/** What the command line asks for. */
function runAskedFor([name = "short", ...rest]: readonly string[]): RunName {
  const run = runNames.find((known) => known === name);
  if (run !== undefined && rest.length === 0) return run;
  say(`error: Unknown "${[name, ...rest].join(" ")}"\nhint: deno task test, deno task test all, deno task test:e2e`);
  Deno.exit(2);
}

const run = runAskedFor(Deno.args);
const start = performance.now();
await announceRun(run);
Deno.mkdirSync(labDir(), { recursive: true });
await Deno.remove(logs, { recursive: true }).catch(() => {});
Deno.mkdirSync(logs, { recursive: true });
await inLab("up");
const comes = { today: Promise.resolve<unknown>(undefined), xpra5: Promise.resolve<unknown>(undefined) };
if (run !== "short") {
  // It is made on its own, in minutes in which nothing else has to wait for it.
  comes.today = inLab("today", "up");
  await inLab("cluster", "up");
  comes.xpra5 = inLab("xpra5");
}
for (const choice of [[], ["--incus", "6"]]) {
  await inLab("run", ...choice, "--", "deno", "run", "-A", "tests/e2e/sweep.ts");
}
// What takes longest begins first, so that it is not left over at the end.
const jobs = jobsOf(run, comes).sort((one, other) => times.secondsOf(other.name) - times.secondsOf(one.name));
// Without root there is one desktop, the user's own.
const seats = Deno.uid() === 0 ? seatNames : ["1"] as const;
await runQueue<Job, SeatName>(jobs, { seats, run: runJob });
say(`\nSeconds of each, of ${duration((performance.now() - start) / 1000)} in all:`);
for (const [name, took] of [...seconds].sort(([, a], [, b]) => b - a)) say(`${took} s`.padStart(7) + `  ${name}`);
for (const text of errors) say(text);
for (const line of skipped) say(`Skipped: ${line}`);
for (const failure of failures) say(`Failed: ${failure}`);
if (run === "short") say("These were chosen tests. All of them: deno task test all");
say(`${total.passed} passed, ${total.failed} failed, ${skipped.length} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
