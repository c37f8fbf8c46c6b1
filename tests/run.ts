/**
 * Runs the tests: brings the lab up, runs the gate here and end-to-end tests as the lab's user, several at once, and adds
 * up. `deno task test` is a short run, `deno task test all` runs all. Ends with a line "N passed, N failed, N skipped";
 * exit status 1 when a test failed or a part could not be run.
 */

import { fromFileUrl, join } from "@std/path";
import { UserError } from "../lib/base/errors.ts";
import { runProcess } from "../lib/base/process.ts";
import { terminalUi } from "../lib/base/ui.ts";
import { exists } from "./lab/files.ts";
import { machineLacks, whyIncomplete } from "./lab/machine.ts";
import { hostPackages, missingPackages, xpraRuntimePackages } from "./lab/packages.ts";
import { labDir, labState, partNames, partsOnRequest, type SeatName, seatNames, withLock } from "./lab/state.ts";
import { openLab } from "./lab/steps.ts";
import { type ComingUp, type Rest, startLab, startRest } from "./lab/up.ts";
import { failuresIn } from "./failures.ts";
import { type Comes, type Job, jobsOf, type RunName, runNames } from "./plan.ts";
import { duration, endLine, openTimes, outcomeOf } from "./progress.ts";
import { runQueue } from "./queue.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
const logs = makeLogs();

/** How long a job may take, in seconds: a test that waits for ever holds up no others. */
const maxJobSeconds = 1_500;

const total = { passed: 0, failed: 0 };
const failures: string[] = [];
const skipped: string[] = [];
/** What stands at the end, too, where a long log is read first. */
const errors: string[] = [];
const seconds = new Map<string, number>();
/** When each job that has begun began, in milliseconds. */
const starts = new Map<string, number>();
const times = openTimes();
/** Why the lab did not come up. */
let labError: string | undefined;

/** Runs a job, keeps what it prints in a file, and adds it to the total. */
async function runJob({ name, argv, unneeded, after }: Job, seat: SeatName): Promise<void> {
  if (unneeded?.() || after !== undefined && labError !== undefined) {
    seconds.set(name, 0);
    if (!unneeded?.()) skipped.push(`${name}: the lab did not come up`);
    return;
  }
  const start = performance.now();
  starts.set(name, start);
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
  const now = performance.now();
  const left = jobs.filter(({ name }) => !seconds.has(name)).map(({ name }) =>
    Math.max(0, times.secondsOf(name) - (now - (starts.get(name) ?? now)) / 1000)
  );
  const leftSeconds = Math.max(0, ...left, left.reduce((sum, each) => sum + each, 0) / seats.length);
  if (outcome.failed > 0) say(`=== ${name}\n${printed.join("\n")}`);
  say(endLine(name, outcome, { seconds: took, left: left.length, leftSeconds }));
}

/** A lab that comes up while jobs run that need other parts of it; its steps are told on standard error. */
function bringLabUp(run: RunName): Comes {
  const { made, user } = labState();
  if (Deno.uid() !== 0 && made.user && user?.uid === Deno.uid()) {
    // Root has brought it up, and takes care of it.
    const all = sweep();
    return { packages: all, wayland: all, all, cluster: all, xpra5: all, today: all };
  }
  // What the lab makes must be readable by its user, whatever the caller keeps to itself.
  Deno.umask(0o022);
  const ui = terminalUi({ signal: AbortSignal.any([]) });
  const started = Promise.withResolvers<ComingUp & Rest>();
  const waiting = (): void => ui.status("          waiting for another run that changes the lab …");
  const up = withLock(async () => {
    const lab = openLab(ui);
    const coming = await startLab(lab, { isShort: run === "short" });
    const rest = run === "short"
      ? { cluster: coming.all, xpra5: coming.all, today: coming.all }
      : startRest(lab, coming);
    started.resolve({ ...coming, ...rest });
    await Promise.all(Object.values(rest));
  }, { waiting });
  up.catch((error) => {
    labError = error instanceof Error ? error.message : String(error);
    errors.push(`The lab: ${error instanceof UserError ? `${labError}. ${error.hint}` : labError}`);
    started.reject(error);
  });
  const part = (name: keyof (ComingUp & Rest)): Promise<void> =>
    started.promise.then((parts) => parts[name]).catch(() => {});
  const swept = part("host").then(() => sweep());
  const after = (name: keyof (ComingUp & Rest)): Promise<unknown> => Promise.all([part(name), swept]);
  return {
    packages: part("packages"),
    wayland: after("wayland"),
    all: after("all"),
    cluster: after("cluster"),
    xpra5: after("xpra5"),
    today: after("today"),
  };
}

/** Removes what runs that were killed have left, on both versions of Incus: the demo's container is on 6. */
async function sweep(): Promise<void> {
  if (labError !== undefined) return;
  for (const choice of [[], ["--incus", "6"]]) {
    await runProcess([...lab, "run", ...choice, "--", "deno", "run", "-A", "tests/e2e/sweep.ts"], {
      output: "inherit",
      okCodes: "any",
    });
  }
}

/** The parts of the lab that a run is to have. What is missing without this machine's fault is a failure. */
async function checkParts(run: RunName): Promise<void> {
  if (labError !== undefined) fail(`The lab did not come up: ${labError}`);
  const { parts } = labState();
  for (const name of partNames.filter((name) => run !== "short" || !(name in partsOnRequest) && name !== "incus")) {
    const part = parts[name];
    if ("version" in part) continue;
    const reason = part.cannot ? part.missing : await whyIncomplete();
    if (reason === undefined) fail(`The lab's part "${name}" could not be made: ${part.missing}`);
    else say(`This machine cannot have the lab's part "${name}": ${reason}`);
  }
}

/** An empty directory for what jobs print. */
function makeLogs(): string {
  const directory = join(labDir(), "logs", "tests");
  try {
    if (exists(directory)) Deno.removeSync(directory, { recursive: true });
    Deno.mkdirSync(directory, { recursive: true });
    return directory;
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return Deno.makeTempDirSync({ prefix: "gui-container-tests-" });
  }
}

function fail(text: string): void {
  total.failed++;
  failures.push(text);
}

function say(text: string): void {
  let rest = new TextEncoder().encode(`${text}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}

/** Says what the run does to this machine, and how long it takes. */
async function announceRun(run: RunName): Promise<void> {
  const { root, containers, packages } = await machineLacks();
  const lacks = root ?? containers ?? packages;
  const { made, user } = labState();
  // An ordinary user has what root has made.
  if (lacks !== undefined && (root === undefined || !made.user || user?.uid !== Deno.uid())) {
    say(`${lacks}.`);
    say(`What needs it is skipped. The rest takes a few minutes, and what it prints is in ${logs}`);
    return;
  }
  const missing = lacks ? [] : await missingPackages([...hostPackages, ...xpraRuntimePackages]);
  const minutes = { short: [6, 10], all: [35, 45], e2e: [30, 40] }[run][missing.length > 0 ? 1 : 0];
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
const comes = bringLabUp(run);
// What takes longest begins first, so that it is not left over at the end.
const { gate, endToEnd } = jobsOf(run, comes);
const jobs = [...gate, ...endToEnd];
endToEnd.sort((one, other) => times.secondsOf(other.name) - times.secondsOf(one.name));
// Without root there is one desktop, the user's own.
const seats = Deno.uid() !== 0 ? ["1"] as const : seatNames.slice(0, 4);
// The gate takes no seat, but where all is run: beside four of all files, two cores are so busy that a test's own limits
// are met. It begins first, and its seat is free for others once it has ended.
const queues = run === "all" && seats.length > 1 ? [[...gate, ...endToEnd]] : [gate, endToEnd];
await Promise.all(
  queues.map((queue) => runQueue<Job, SeatName>(queue, { seats: queue === gate ? ["1"] : seats, run: runJob })),
);
await checkParts(run);
say(`\nSeconds of each, of ${duration((performance.now() - start) / 1000)} in all:`);
for (const [name, took] of [...seconds].sort(([, a], [, b]) => b - a)) say(`${took} s`.padStart(7) + `  ${name}`);
for (const text of errors) say(text);
for (const line of skipped) say(`Skipped: ${line}`);
for (const failure of failures) say(`Failed: ${failure}`);
say(`What each has printed is in ${logs}`);
if (run === "short") say("These were chosen tests. All of them: deno task test all");
say(`${total.passed} passed, ${total.failed} failed, ${skipped.length} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
