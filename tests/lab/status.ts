/** What is there: parts and their versions, daemons, sizes. */

import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { describeServers } from "./cluster.ts";
import { isAlive } from "./daemons.ts";
import { answers, engineRecord, query } from "./engines.ts";
import { labDir, type LabEngine, labEngineNames, type LabState } from "./state.ts";
import { describePart, type Lab } from "./steps.ts";

/** The status as text, one part or thing a line. */
export async function statusText(lab: Lab): Promise<string> {
  const { state } = lab;
  const rows: [string, string][] = Object.entries(state.parts).map(([name, part]) => [name, describePart(part)]);
  for (const engine of labEngineNames) {
    if (!("version" in state.parts[engine])) continue;
    rows.push([`${engine} instances`, await answers(engine) ? await describeInstances(engine) : "does not answer"]);
    const pool = engineRecord(lab, engine).pool;
    if (pool && await answers(engine)) rows.push([`${engine} pool`, await describePool(engine, pool)]);
  }
  for (const name of Object.keys(state.processes)) rows.push([`daemon ${name}`, describeDaemon(state, name)]);
  rows.push(...await describeServers(lab));
  rows.push(
    ...await Promise.all(
      ["images", "wheels", "incus7", "cluster", "today", "uml", "logs"].map(async (name): Promise<[string, string]> => {
        const path = join(labDir(), name);
        return [path, await size(path)];
      }),
    ),
  );
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => name.padEnd(width) + text).join("\n");
}

function describeDaemon(state: LabState, name: string): string {
  const identity = state.processes[name];
  return isAlive(identity) ? `running, process ${identity!.pid}` : "not running: deno task lab up starts it again";
}

async function describeInstances(engine: LabEngine): Promise<string> {
  const instances = await query<{ name: string; status: string }[]>(engine, "/1.0/instances?recursion=1") ?? [];
  return instances.map(({ name, status }) => `${name} (${status.toLowerCase()})`).join(", ") || "none";
}

async function describePool(engine: LabEngine, pool: string): Promise<string> {
  const resources = await query<{ space: { used: number; total: number } }>(
    engine,
    `/1.0/storage-pools/${pool}/resources`,
  );
  return resources ? `${mebibytes(resources.space.used)} of ${mebibytes(resources.space.total)} used` : "not there";
}

async function size(path: string): Promise<string> {
  const { code, stdout } = await runProcess(["du", "-sm", "--", path], { okCodes: [0, 1] });
  return code === 0 ? `${stdout.split("\t")[0]} MiB` : "nothing yet";
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
