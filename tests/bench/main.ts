/**
 * `deno task bench [--only ROW] [--json]`: what the scripts cost beside the same work done in other ways, in one run,
 * in turns. Prints a Markdown table, or with `--json` every sample. Runs in the lab, as its user.
 */

import { parseArgs } from "node:util";
import { fromFileUrl, join } from "@std/path";
import { ProcessError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { labState, missingParts } from "../lab/state.ts";
import { todayVariable } from "../lab/today.ts";
import { attachRows } from "./attach.ts";
import { createRows } from "./create.ts";
import { disposableRows } from "./disposable.ts";
import { feelRows } from "./feel.ts";
import { idleRows } from "./idle.ts";
import { mapRows } from "./map.ts";
import { type Figure, type Row, todayDesktops, waylandWays, ways } from "./row.ts";
import { markdownTable } from "./table.ts";
import { todayRows } from "./today.ts";
import { waylandRows } from "./wayland.ts";
import { removeContainer } from "./world.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** A table: its columns, and its rows in their order. */
interface Table {
  /** What is before the names of its rows on the command line and in messages. */
  name: string;
  ways: Readonly<Record<string, string>>;
  rows: readonly Row<string>[];
}

/** Those of the host that this runs on. */
const tables: readonly Table[] = Deno.env.get(todayVariable)
  ? [{ name: "today", ways: todayDesktops, rows: todayRows }]
  : [
    { name: "X", ways, rows: [...createRows, ...attachRows, ...disposableRows, ...feelRows, ...idleRows, ...mapRows] },
    { name: "Wayland", ways: waylandWays, rows: waylandRows },
  ];

async function measure(table: Table, only: string | undefined): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of table.rows) {
    const name = `${table.name}: ${row.measures.map((measure) => measure.name).join("; ")}`;
    if (only !== undefined && !name.includes(only)) continue;
    const missing = missingParts("lxc", ...row.needs);
    if (missing) {
      say(`${name}: left out, ${missing}`);
      continue;
    }
    await row.before?.();
    try {
      figures.push(...await measureRow(name, row));
    } finally {
      await row.after?.();
    }
  }
  return figures;
}

/** Ways take turns, so that a slow moment of the machine meets all of them. */
async function measureRow(name: string, row: Row<string>): Promise<Figure[]> {
  const ways = Object.entries(row.ways) as [string, NonNullable<Row["ways"]["ours"]>][];
  const figures = ways.flatMap(([way]) => row.measures.map((measure): Figure => ({ ...measure, way, samples: [] })));
  for (let round = 0; round < row.rounds; round++) {
    const warmUp = round === 0 && row.rounds > 1;
    for (const [way, run] of ways) {
      const results = await run();
      const ofWay = figures.filter((figure) => figure.way === way);
      say(`${name}, ${way}: ${results.flat().map((value) => value.toFixed(2)).join(" ")}${warmUp ? " (warm-up)" : ""}`);
      if (!warmUp) results.forEach((samples, index) => ofWay[index]!.samples.push(...[samples].flat()));
    }
  }
  return figures;
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

function machine(): string {
  const { parts } = labState();
  const version = (part: "lxc" | "xpra" | "imageXpra"): string => {
    const known = parts[part];
    return "version" in known ? known.version : "none";
  };
  const processor = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return [
    `${navigator.hardwareConcurrency} cores (${processor})`,
    `Linux ${Deno.osRelease()}`,
    `LXD ${version("lxc")}`,
    `xpra ${version("xpra")} on the host, ${version("imageXpra")} in the container`,
    `Deno ${Deno.version.deno}`,
    new Date().toISOString().slice(0, 10),
  ].join(", ");
}

/** The options on the command line; undefined where there is anything else on it. */
function readOptions(): { "only"?: string; "json"?: boolean; "in-lab"?: boolean } | undefined {
  const known = { "only": { type: "string" }, "json": { type: "boolean" }, "in-lab": { type: "boolean" } } as const;
  try {
    return parseArgs({ args: Deno.args, options: known }).values;
  } catch {
    return undefined;
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) {
    say("Usage: deno task bench [--only ROW] [--json]");
    return 2;
  }
  if (!options["in-lab"]) {
    const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
    await runProcess([...lab, "up"], { output: "inherit" });
    const inside = ["deno", "run", "-A", "tests/bench/main.ts", "--in-lab", ...Deno.args];
    const hosts = missingParts("today") ? [[]] : [[], ["--host", "today"]];
    for (const host of hosts) await runProcess([...lab, "run", ...host, "--", ...inside], { output: "inherit" });
    return 0;
  }
  const startMs = performance.now();
  const measured: (Table & { figures: Figure[] })[] = [];
  try {
    for (const table of tables) {
      const figures = await measure(table, options.only);
      if (figures.length > 0) measured.push({ ...table, figures });
    }
  } finally {
    await removeContainer();
  }
  // The rows that are asked for may be those of another host.
  if (measured.length === 0) return 0;
  say(`Took ${((performance.now() - startMs) / 60_000).toFixed(1)} minutes`);
  const text = options.json
    ? JSON.stringify({ machine: machine(), tables: measured.map(({ name, figures }) => ({ name, figures })) })
    : `${
      measured.map(({ figures, ways }) => markdownTable(figures, ways)).join("\n\n")
    }\n\nMedians, with 5th and 95th percentile. ${machine()}.`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  say(error instanceof ProcessError ? `${error.message}\n${error.output}` : String(error));
  Deno.exit(1);
}
