/** Says what the lab does while it does it, and how long each step took. */

import { ProcessError, UserError } from "../../lib/base/errors.ts";
import type { Ui } from "../../lib/base/ui.ts";
import { type LabState, labState, type Part, type PartName, saveState } from "./state.ts";

/** The lab at work: its state, and where its messages go. */
export interface Lab {
  readonly ui: Ui;
  readonly state: LabState;
}

/** A lab with the state as it is on disk. */
export function openLab(ui: Ui): Lab {
  return { ui, state: labState() };
}

/** Does one step and says how long it took. What it returns is what was done, in a few words. */
export async function step(lab: Lab, name: string, action: () => Promise<string>): Promise<void> {
  const start = performance.now();
  const outcome = await action();
  lab.ui.status(`${seconds(performance.now() - start)}  ${name}: ${outcome}`);
}

/** Announces a part of a step that takes long. */
export function announce(lab: Lab, text: string): void {
  lab.ui.status(`${" ".repeat(8)}  ${text} …`);
}

/**
 * Brings up one part of the lab. What cannot be had is recorded as missing, with the reason; the rest of the lab goes
 * on without it.
 */
export async function partStep(lab: Lab, part: PartName, action: () => Promise<Part>): Promise<void> {
  const start = performance.now();
  const outcome = await action().catch(explain);
  lab.state.parts[part] = outcome;
  saveState(lab.state);
  const took = seconds(performance.now() - start);
  if ("missing" in outcome) lab.ui.warn(`${took}  ${part}: missing: ${outcome.missing}`);
  else lab.ui.status(`${took}  ${part}: ${describePart(outcome)}`);
}

/** A part in a few words. */
export function describePart(part: Part): string {
  if ("missing" in part) return `missing: ${part.missing}`;
  return part.note ? `${part.version} (${part.note})` : part.version;
}

function explain(error: unknown): Part {
  if (error instanceof ProcessError) {
    const lastLine = error.output.split("\n").at(-1);
    return { missing: lastLine ? `${error.message}: ${lastLine}` : error.message };
  }
  if (error instanceof UserError) return { missing: `${error.message}. ${error.hint}` };
  return { missing: error instanceof Error ? error.message : String(error) };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`.padStart(8);
}
