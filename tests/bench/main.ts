/**
 * `deno task bench [--only ROW] [--json]`: what the scripts cost beside the same work done in other ways, in one run, in
 * turns. Prints a Markdown table, or with `--json` every sample. Runs in the lab, as its user.
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { ProcessError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { labState, missingParts } from "../lab/state.ts";
import { attachRows } from "./attach.ts";
import { createRows } from "./create.ts";
import { feelRows } from "./feel.ts";
import { idleRows } from "./idle.ts";
import { mapRows } from "./map.ts";
import type { Figure, Row, Way } from "./row.ts";
import { markdownTable } from "./table.ts";
import { removeContainer } from "./world.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** All rows, in the order of the table. */
const rows: readonly Row[] = [...createRows, ...attachRows, ...feelRows, ...idleRows, ...mapRows];

async function measure(only: string | undefined): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of rows) {
    const name = row.measures.map((measure) => measure.name).join("; ");
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
async function measureRow(name: string, row: Row): Promise<Figure[]> {
  const ways = Object.entries(row.ways) as [Way, NonNullable<Row["ways"][Way]>][];
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

async function main(): Promise<number> {
  if (!Deno.args.includes("--in-lab")) {
    const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
    await runProcess([...lab, "up"], { output: "inherit" });
    const inside = ["deno", "run", "-A", "tests/bench/main.ts", "--in-lab", ...Deno.args];
    const { code } = await runProcess([...lab, "run", "--", ...inside], {
      output: "inherit",
      okCodes: "any",
    });
    return code;
  }
  const args = parseArgs([...Deno.args], { string: ["only"], boolean: ["json", "in-lab"] });
  const startMs = performance.now();
  const figures = await measure(args.only as string | undefined).finally(removeContainer);
  say(`Took ${((performance.now() - startMs) / 60_000).toFixed(1)} minutes`);
  const text = args.json
    ? JSON.stringify({ machine: machine(), figures })
    : `${markdownTable(figures)}\n\nMedians, with 5th and 95th percentile. ${machine()}.`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  say(error instanceof ProcessError ? `${error.message}\n${error.output}` : String(error));
  Deno.exit(1);
}
