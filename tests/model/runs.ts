/** Runs of a model: random steps from a seed, what breaks a promise, and the few steps that are needed for it. */

import { setImmediate } from "node:timers";
import { chanceFrom } from "../fuzz/random.ts";
import { threadMs } from "./clock.ts";
import { Broken, keep } from "./promises.ts";

/** One step: what happens, and the seed of all that is chance in it, as `popup:4711`. */
export type Step = string;

/** Both ends of a guard, and what has happened there. */
export interface World {
  /** Does a step. @throws {Broken} */
  perform(name: string, seed: number): Promise<void>;
  /** Ends all. */
  end(): Promise<void>;
  /** What has happened, and how often. */
  happened: ReadonlyMap<string, number>;
}

/** A kind of world. */
export interface Model {
  createWorld(seed: number): World;
  /** What happens in it, and how often. */
  steps: Readonly<Record<string, number>>;
  /** Those in which one end says little: none of them may take long. */
  short: readonly string[];
}

/** What a run has come to. */
export interface Outcome {
  /** What was broken, and by which steps. */
  broken?: { error: Broken; steps: Step[] };
  /** What has happened, and how often. */
  happened: ReadonlyMap<string, number>;
}

/** Steps of one run. */
const perRun = 150;
/** How long a short step may take, in milliseconds of this thread. */
const maxMs = 50;

/** Does these steps in a world of this seed. Anything that is thrown breaks a promise. */
export async function replay(
  model: Model,
  { seed, steps }: { seed: number; steps: readonly Step[] },
): Promise<Outcome> {
  let failure: unknown;
  const noteFailure = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    failure ??= event.reason;
  };
  addEventListener("unhandledrejection", noteFailure);
  const world = model.createWorld(seed);
  const { happened } = world;
  try {
    for (const [index, step] of steps.entries()) {
      const [name, chance] = step.split(":") as [string, string];
      try {
        const began = threadMs();
        await world.perform(name, Number(chance));
        if (failure) throw failure;
        const ms = threadMs() - began;
        keep("time", ms <= maxMs || !model.short.includes(name), `${ms} ms for ${name}`);
      } catch (error) {
        const broken = error instanceof Broken ? error : new Broken("order", String(error), { cause: error });
        return { broken: { error: broken, steps: steps.slice(0, index + 1) }, happened };
      }
    }
    return { happened };
  } finally {
    await world.end();
    await new Promise((resolve) => setImmediate(resolve));
    removeEventListener("unhandledrejection", noteFailure);
  }
}

/** The steps of a seed. */
function stepsOf(seed: number, steps: Model["steps"]): Step[] {
  const chance = chanceFrom(seed);
  const weighted = Object.entries(steps).flatMap(([name, weight]) => new Array<string>(weight).fill(name));
  return Array.from({ length: perRun }, () => `${chance.oneOf(weighted)}:${chance.below(2 ** 31)}`);
}

/** Leaves out what is not needed to break the same promise. */
async function shrink(
  model: Model,
  { seed, error, steps }: { seed: number; error: Broken; steps: Step[] },
): Promise<Step[]> {
  let left = steps;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length;) {
      const { broken } = await replay(model, { seed, steps: [...left.slice(0, at), ...left.slice(at + size)] });
      if (broken?.error.promise === error.promise) left = broken.steps;
      else at += size;
    }
  }
  return left;
}

/** Runs a seed. A failure names the steps that repeat it. */
export async function run(model: Model, seed: number): Promise<Outcome> {
  const { broken, happened } = await replay(model, { seed, steps: stepsOf(seed, model.steps) });
  if (!broken) return { happened };
  const { error, steps } = broken;
  if (error.promise !== "time") {
    return { happened, broken: { error, steps: await shrink(model, { seed, error, steps }) } };
  }
  // It may have taken long by chance only.
  const again = await replay(model, { seed, steps });
  return again.broken?.steps.length === steps.length ? { happened, broken } : { happened };
}

/**
 * Runs seeds for so many seconds, or repeats steps, as the arguments say, and ends the program.
 *
 * @param options `file`: what is run
 */
export async function main(model: Model, { file }: { file: string }): Promise<never> {
  const { log } = globalThis.console;
  const [first = "3600", second, ...rest] = Deno.args;
  const report = (seed: number, { broken }: Outcome): boolean => {
    if (!broken) return true;
    log(`seed ${seed}: ${broken.error.promise}: ${broken.error.message}`);
    log(`  deno run -A tests/model/${file} replay ${seed} ${broken.steps.join(" ")}`);
    return false;
  };
  if (first === "replay") {
    const seed = Number(second);
    Deno.exit(report(seed, await replay(model, { seed, steps: rest })) ? 0 : 1);
  }
  const end = Date.now() + Number(first) * 1_000;
  const begin = Number(second ?? Date.now() % 1_000_000_000);
  const happened = new Map<string, number>();
  let failures = 0;
  let seed = begin;
  for (; Date.now() < end; seed++) {
    const outcome = await run(model, seed);
    if (!report(seed, outcome)) failures++;
    for (const [what, count] of outcome.happened) happened.set(what, (happened.get(what) ?? 0) + count);
  }
  log({ seeds: `${begin} to ${seed - 1}`, failures, ...Object.fromEntries(happened) });
  Deno.exit(failures > 0 ? 1 : 0);
}
