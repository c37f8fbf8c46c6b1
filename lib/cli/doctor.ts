/** `--doctor`: makes the checks of a list, prints their findings, and ends with whether the script will work. */

import { chooseEngine, type Engine, type Environment, environmentOf, wantedCli } from "../engine/engine.ts";
import { type InstanceInfo, listInstances } from "../engine/instance.ts";
import { type EngineProfile, findProfile } from "../engine/profile.ts";
import { ExitCode, isNoEngine, isProcessError, orNothing } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { ScriptName } from "../base/programs.ts";
import { once } from "../base/promises.ts";
import { isManaged } from "../container/managed.ts";
import { failureOf, type Finding, type Subject } from "./finding.ts";

/** The engine that the script would use, if it answers, and what it says about itself. */
export interface EngineFacts {
  engine: Engine;
  environment: Environment;
  /** The default profile. */
  profile(): Promise<EngineProfile | undefined>;
  /** The containers that create.ts made. */
  managed(): Promise<InstanceInfo[]>;
}

/** What the checks know from the start. What several of them need is asked once. */
export interface Facts extends Partial<EngineFacts> {
  host: Host;
  /** The script whose `--doctor` it is. */
  script: ScriptName;
  wanted: Engine["cli"] | undefined;
}

export interface DoctorCheck {
  /** The scripts whose users need it. Default: all. */
  scripts?: readonly ScriptName[];
  about?: Subject;
  /** Makes the check. An error counts as a finding that something is broken. */
  find(facts: Facts): Finding[] | Promise<Finding[]>;
}

/** A check that is left out where no engine answers. */
export function onEngine(find: (facts: Facts & EngineFacts) => Promise<Finding[]>): DoctorCheck["find"] {
  return async (facts) => facts.engine === undefined ? [] : await find(facts as Facts & EngineFacts);
}

export interface Diagnosis {
  script: ScriptName;
  /** The checks, in the order in which they are printed. */
  checks: readonly DoctorCheck[];
  /** The last line: whether the script will work. */
  outcome(findings: readonly Finding[], facts: Facts): Finding;
}

/**
 * Makes all checks of a script at the same time, and prints their findings in the order of the list, then the outcome.
 *
 * @param options `wanted`: the engine that the user names
 * @returns the exit code: 1 when something is broken
 */
export async function diagnose(
  host: Host,
  { script, wanted, checks, outcome }: Diagnosis & { wanted: string | undefined },
): Promise<number> {
  const known = await orNothing(engineFacts(host, wanted), (error) => isProcessError(error) || isNoEngine(error));
  const facts: Facts = { host, script, wanted: wantedCli(host, wanted), ...known };
  const made = checks.filter(({ scripts = [script] }) => scripts.includes(script)).map(async ({ find, about }) => {
    const findings = await Promise.try(find, facts).catch((error) => [failureOf(error)]);
    return about === undefined ? findings : findings.map((finding) => ({ about, ...finding }));
  });
  const all = (await Promise.all(made)).flat();
  const findings = [...all, outcome(all, facts)];
  const isBroken = findings.some(({ verdict }) => verdict === "broken");
  host.ui.result(findings.map(describe).join("\n"), { ok: !isBroken, findings });
  return isBroken ? ExitCode.failed : 0;
}

async function engineFacts(host: Host, wanted: string | undefined): Promise<EngineFacts> {
  const engine = await chooseEngine(host, { engine: wanted });
  return {
    engine,
    environment: await environmentOf(host, engine),
    profile: once(() => findProfile(host, { engine, name: "default" })),
    managed: once(async () => (await listInstances(host, engine)).filter(isManaged)),
  };
}

function describe({ verdict, what, hint }: Finding): string {
  const line = `${verdict.padEnd(6)}  ${what}`;
  return hint === undefined ? line : `${line}\n${hint.replace(/^/gm, "          ")}`;
}
