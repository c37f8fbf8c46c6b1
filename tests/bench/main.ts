/**
 * `deno task bench [--only ROW] [--rounds N]`: what the scripts cost beside the same work by hand, in one run, in turns.
 * Prints a Markdown table; with `--json` the figures. Runs in the lab, as its user.
 */

// @ts-types="../../lib/types/std_cli.d.ts"
import { parseArgs } from "@std/cli";
// @ts-types="../../lib/types/std_path.d.ts"
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/process.ts";
import { missingParts } from "../lab/state.ts";
import { rows } from "./rows.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** One measured column of a row, in seconds. */
interface Figure {
  row: string;
  column: string;
  seconds: number[];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}

async function measure(options: { only: string | undefined; rounds: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of rows) {
    if (options.only !== undefined && !row.name.includes(options.only)) continue;
    const missing = missingParts("lxc", ...row.needs);
    if (missing) {
      say(`${row.name}: left out, ${missing}`);
      continue;
    }
    await row.before?.();
    try {
      const taken = row.columns.map((column): Figure => ({ row: row.name, column: column.name, seconds: [] }));
      // The first round warms up and is not counted. Columns take turns, so that a slow moment meets all of them.
      for (let round = 0; round <= options.rounds; round++) {
        for (const [index, column] of row.columns.entries()) {
          const seconds = await column.run();
          say(`${row.name}, ${column.name}: ${seconds.toFixed(2)} s${round === 0 ? " (warm-up)" : ""}`);
          if (round > 0) taken[index]!.seconds.push(seconds);
        }
      }
      figures.push(...taken);
    } finally {
      await row.after?.();
    }
  }
  return figures;
}

/** The table: a line a row, its columns with median, least and most, and ours against the floor. */
function table(figures: readonly Figure[]): string {
  const lines = ["| what | how | median | min | max | × floor |", "| --- | --- | --- | --- | --- | --- |"];
  for (const { row, column, seconds } of figures) {
    const floor = figures.find((other) => other.row === row && other.column === "by hand");
    const ratio = floor ? (median(seconds) / median(floor.seconds)).toFixed(2) : "";
    const [middle, least, most] = [median(seconds), Math.min(...seconds), Math.max(...seconds)];
    lines.push(
      `| ${row} | ${column} | ${middle.toFixed(2)} s | ${least.toFixed(2)} s | ${most.toFixed(2)} s | ${ratio} |`,
    );
  }
  return lines.join("\n");
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function main(): Promise<number> {
  if (!Deno.args.includes("--in-lab")) {
    const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
    await runProcess([...lab, "up"], { stdin: "null", output: "inherit" });
    const inside = ["deno", "run", "-A", "tests/bench/main.ts", "--in-lab", ...Deno.args];
    const { code } = await runProcess([...lab, "run", "--", ...inside], {
      stdin: "null",
      output: "inherit",
      okCodes: "any",
    });
    return code;
  }
  const args = parseArgs([...Deno.args], { string: ["only", "rounds"], boolean: ["json", "in-lab"] });
  const figures = await measure({ only: args.only as string | undefined, rounds: Number(args.rounds ?? 5) });
  const machine = `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`;
  const date = new Date().toISOString().slice(0, 10);
  const text = args.json
    ? JSON.stringify({ machine, date, figures })
    : `${table(figures)}\n\n${machine}, LXD, ${date}; medians of ${args.rounds ?? 5} rounds.`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  return 0;
}

Deno.exit(await main());
