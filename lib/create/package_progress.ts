/** Turns the output of apt into numbered steps: `Unpacking libreoffice-core (61 of 214)`. */

/** The lines that begin a step, with the package's name. */
const steps: readonly (readonly [verb: string, line: RegExp])[] = [
  ["Downloading", /^Get:\d+ \S+ \S+ \S+ (\S+) /],
  ["Unpacking", /^Unpacking (\S+) /],
  ["Setting up", /^Setting up (\S+) /],
];

/** Returns a function that takes one line at a time, and returns the text to show for it. */
export function packageProgress(): (line: string) => string {
  let total = "";
  const counts = new Map<string, number>();
  return (line) => {
    const found = /^(\d{1,6}) upgraded, (\d{1,6}) newly installed/.exec(line);
    if (found) {
      total = ` of ${Number(found[1]) + Number(found[2])}`;
      counts.clear();
    }
    for (const [verb, step] of steps) {
      const name = step.exec(line)?.[1];
      if (name === undefined) continue;
      const count = (counts.get(verb) ?? 0) + 1;
      counts.set(verb, count);
      return `${verb} ${name.replace(/:\w+$/, "")} (${count}${total})`.slice(0, 200);
    }
    return line.slice(0, 200);
  };
}
