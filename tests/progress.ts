/** What a job of a run of the tests has come to, how long each takes, and what is said of that. */

import { join } from "@std/path";
import { labDir } from "./lab/state.ts";

/** How a job has ended. */
export interface Outcome {
  passed: number;
  failed: number;
  /** The tests that were not run, each with the reason. */
  skipped: string[];
  /** The tests that have failed; without one, why the job counts as failed. */
  failures: string[];
}

/** Reads what `deno test`, a task that ends with it or `deno task strangers` has printed. */
export function outcomeOf(printed: readonly string[], code: number): Outcome {
  const outcome: Outcome = { passed: 0, failed: 0, skipped: [], failures: [] };
  for (const line of printed) {
    // "ok | 3 passed (2 steps) | 0 failed | 1 ignored (4s)"
    const [, passed, rest] = /^(?:ok|FAILED) \| (\d+) passed(.*)$/.exec(line) ?? [];
    if (passed !== undefined) {
      outcome.passed += Number(passed);
      outcome.failed += Number(/ \| (\d+) failed/.exec(rest!)?.[1] ?? 0);
    }
    // The last line of suites of others. What differs there as a list says is not to pass.
    const [, count, failed] = /^(\d+) passed, (\d+) failed, \d+ skipped$/.exec(line) ?? [];
    outcome.passed += Number(count ?? 0);
    outcome.failed += Number(failed ?? 0);
    const [, test, reason] = /^(?:\S+\.ts => )?(\S.*?)(?: \(skipped: (.*)\))? \.\.\. ignored\b/.exec(line) ?? [];
    if (test !== undefined) outcome.skipped.push(`${test}: ${reason ?? "see there"}`);
    if (/^\S.* \.\.\. FAILED/.test(line)) outcome.failures.push(line);
  }
  if (code !== 0 && outcome.failed === 0) {
    outcome.failures.push(code === 124 ? "took too long" : `exit status ${code}`);
    outcome.failed++;
  }
  return outcome;
}

/** About how many seconds a job takes beside others on two cores, where no earlier run says so. */
const usualSeconds: Readonly<Record<string, number>> = {
  "deno task check:tests": 240,
  "deno task check:code": 40,
  examples: 500,
  create_remote: 450,
  create_internet: 400,
  create_cache: 350,
  ends: 330,
  wayland: 300,
  dialogs: 280,
  readme: 260,
  create: 250,
  create_faults: 240,
  attach: 200,
  links: 200,
  software: 190,
  create_update: 180,
  map_faults: 170,
  look: 160,
  attach_channels: 150,
  attach_ends: 150,
  attach_remote: 150,
  map_remote: 140,
  attach_native: 140,
  "wayland on Incus": 90,
  "create_update on LXD": 90,
  "attach on LXD": 70,
  "hostile_xpra on LXD": 60,
  "dialogs on LXD": 60,
  "create on LXD": 60,
};

/** How long jobs take, in seconds, by earlier runs. */
export interface Times {
  secondsOf(name: string): number;
  /** Keeps what it took now. */
  note(name: string, seconds: number): void;
}

/** The times that the lab's directory keeps. */
export function openTimes(file = join(labDir(), "times.json")): Times {
  const known = readTimes(file);
  return {
    secondsOf: (name) => known[name] ?? usualSeconds[name] ?? 40,
    note(name, seconds) {
      known[name] = seconds;
      try {
        Deno.writeTextFileSync(`${file}.new`, JSON.stringify({ ...readTimes(file), [name]: seconds }, null, 2) + "\n");
        Deno.renameSync(`${file}.new`, file);
      } catch (error) {
        // Whoever is not root reads root's.
        if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      }
    },
  };
}

function readTimes(file: string): Record<string, number> {
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return {};
    throw error;
  }
}

/** The line for a job that has ended. */
export function endLine(
  name: string,
  { passed, failed, skipped }: Outcome,
  { seconds, left, leftSeconds }: { seconds: number; left: number; leftSeconds: number },
): string {
  const counts = [`${passed} passed`, failed && `${failed} FAILED`, skipped.length && `${skipped.length} skipped`];
  const rest = left === 0 ? "the last one" : `${left} left, about ${duration(leftSeconds)}`;
  return `${seconds} s`.padStart(7) + `  ${name}: ${counts.filter(Boolean).join(", ")} (${rest})`;
}

/** Seconds in the unit that fits. */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(10, Math.round(seconds / 10) * 10)} s` : `${Math.round(seconds / 60)} min`;
}
