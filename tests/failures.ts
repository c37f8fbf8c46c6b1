/** What a job of the suite has printed about tests that have failed: it stands at the end of a whole run, too. */

/** Each line begins with this that tells what was there when a test failed. */
export const thereMark = "  there | ";

/** How much of it is shown again: lines of each error, lines of what was there in a file, and columns. */
const [maxErrorLines, maxThereLines, maxColumns] = [6, 40, 240];

/** The first lines of each error, and of what was there. */
export function failuresIn(printed: readonly string[]): string[] {
  const [first, end] = [" ERRORS ", " FAILURES "].map((heading) => printed.indexOf(heading)) as [number, number];
  const errors: string[] = [];
  let shown = 0;
  for (const line of first < 0 ? [] : printed.slice(first + 1, end)) {
    if (/ => \.\/tests\//.test(line)) shown = 0;
    if (line.trim() !== "" && ++shown <= maxErrorLines) errors.push(line);
  }
  const there = printed.filter((line) => line.startsWith(thereMark)).slice(0, maxThereLines);
  return [...errors, ...there].map((line) => line.slice(0, maxColumns));
}
