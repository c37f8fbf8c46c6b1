/** What a suite of others comes to: the result of each of its tests, beside a list of those that may differ. */

/** How a test has ended, and why it has not passed, in a line. */
export interface Result {
  isPassed: boolean;
  said: string;
}

/** The results, by the names of the tests. */
export type Results = Map<string, Result>;

/** A suite that others have written. */
export interface Suite {
  /** What it tests, in a few words. */
  about: string;
  /** Whether it takes seconds only, and is in the gate. */
  isFast?: boolean;
  /** The suite whose list it has; by default, one of its own. */
  listOf?: string;
  /**
   * Gets it, and runs it.
   *
   * @throws {Missing} when this machine has not got what it needs
   */
  run(): Promise<Results>;
}

/** A suite cannot be run here: why, in its message. */
export class Missing extends Error {}

/** A line of a list: what may differ. */
interface Line {
  /** The beginning of a test's name, or of what it said. */
  start: string;
  reason: string;
  /** It does not always differ. */
  isRare: boolean;
}

/**
 * Reads a list: a line is `START: REASON`, or with "sometimes" before it for what does not always differ. Lines with `#` and
 * empty ones say nothing.
 */
function readList(text: string): Line[] {
  return text.split("\n").filter((line) => line.trim() && !line.startsWith("#")).map((line) => {
    const [, rare, start, reason] = /^(sometimes )?(\S.*?): (\S.*)$/.exec(line) ?? [];
    if (!start || !reason) throw new Error(`No reason in the line "${line}" of a list`);
    return { start, reason, isRare: rare !== undefined };
  });
}

/** Results beside the list: how many passed, how many differ as the list says, and what else there is. */
export function judge(results: Results, list: string): { passed: number; listed: number; failures: string[] } {
  const lines = readList(list).map((line) => ({ ...line, count: 0 }));
  const failures: string[] = [];
  let [passed, listed] = [0, 0];
  for (const [name, { isPassed, said }] of results) {
    if (isPassed) {
      passed++;
      continue;
    }
    const line = lines.find(({ start }) => name.startsWith(start) || said.startsWith(start));
    if (line) line.count++, listed++;
    else failures.push(`${name}: ${said}`);
  }
  for (const { start, isRare, count } of lines) {
    if (count === 0 && !isRare) failures.push(`"${start}" is on the list, and nothing differs so any more`);
  }
  return { passed, listed, failures };
}
