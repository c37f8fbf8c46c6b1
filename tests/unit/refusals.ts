/** What users are told, known by the names in it, and refusals by their exit status, too: the sentences stand in lib. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { UserError } from "../../lib/base/errors.ts";

/** What tells a refusal apart from all others. */
export interface Refusal {
  /** The exit status. */
  code: number;
  /** Values, places and words that the error must have; a text or several. */
  names: string | readonly string[];
  /** The same of the hint, which says what to do. */
  hint?: string | readonly string[];
}

function assertNames(text: string, names: Refusal["names"]): void {
  for (const name of typeof names === "string" ? [names] : names) assertStringIncludes(text, name);
}

/** Fails unless a script has printed no result, one error and one hint, and ended so. */
export function assertRefused(
  { code, stdout, stderr }: { code: number; stdout: string; stderr: string },
  { code: wanted, names, hint = "" }: Refusal,
): void {
  assertEquals([code, stdout], [wanted, ""], stderr);
  const [error, ...errors] = stderr.match(/^error: .+$/gm) ?? [];
  const [advice, ...more] = stderr.match(/^hint: .+$/gm) ?? [];
  assert(error !== undefined && advice !== undefined && errors.length + more.length === 0, stderr);
  assertNames(error, names);
  assertNames(advice, hint);
}

/** Fails unless a call throws such an error, or rejects with it. Returns the error. */
export async function assertRefuses(
  act: () => unknown,
  { code, names, hint = "" }: Refusal,
): Promise<UserError> {
  let thrown: unknown;
  try {
    await act();
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof UserError, `expected a refusal that names ${names}: ${thrown}`);
  assertEquals(thrown.exitCode, code, thrown.message);
  assertNames(thrown.message, names);
  assertNames(thrown.hint, hint);
  return thrown;
}

/** What one line is: `warn`, `status`, …, as in what a recording host keeps, and what must be in it. */
export type Told = readonly [kind: string, ...names: string[]];

/** Fails unless a recording host was told this and no more, in this order. */
export function assertSaid(said: readonly string[], wanted: readonly Told[]): void {
  assertEquals(said.map((line) => line.split(":", 1)[0]), wanted.map(([kind]) => kind), said.join("\n"));
  for (const [index, [, ...names]] of wanted.entries()) assertNames(said[index]!, names);
}
