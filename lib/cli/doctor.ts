/** How `--doctor` goes through the list of checks, prints what they find, and ends with what will happen. */

import {
  chooseEngine,
  type Engine,
  type EngineCli,
  type Environment,
  environmentOf,
  wantedCli,
} from "../engine/engine.ts";
import type { Device } from "../engine/answer.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { findProfile } from "../engine/profile.ts";
import { ExitCode, isFailure, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { ScriptName } from "../base/programs.ts";
import { once } from "../base/promises.ts";
import { oneLine } from "../base/text.ts";
import { listManaged } from "../container/managed.ts";

/** What a finding is about, where the last line depends on that. */
export type Subject = "container" | "network" | "box" | "xpra" | "x11" | "wayland";

export interface Finding {
  /**
   * `ok`: as it should be. `absent`: missing, but the script can work without it. `risk`: it works with less
   * protection, or may fail. `broken`: the script cannot do its work.
   */
  verdict: "ok" | "absent" | "risk" | "broken";
  /** What was found, in one line. */
  what: string;
  /** Commands that fix it, or a sentence that says how. */
  hint?: string | undefined;
  /** Set where the last line depends on it. */
  about?: Subject;
}

/** A finding that all is as it should be. */
export const ok = (what: string, hint?: string): Finding => ({ verdict: "ok", what, hint });

/** A finding that something is missing without which the script can work. */
export const absent = (what: string, hint?: string): Finding => ({ verdict: "absent", what, hint });

/** A finding that something protects less than it could, or may fail. */
export const risk = (what: string, hint: string): Finding => ({ verdict: "risk", what, hint });

/** A finding that the script cannot do its work. */
export const broken = (what: string, hint?: string): Finding => ({ verdict: "broken", what, hint });

/** The engine that the script would use, which answers, and what it says. */
export interface EngineFacts {
  engine: Engine;
  /** What its server is. */
  environment: Environment;
  /** The devices of its default profile. */
  devices(): Promise<Readonly<Record<string, Device>>>;
  /** The containers that create.ts made. */
  managed(): Promise<InstanceInfo[]>;
}

/** What a check has to go by. What several of them ask is asked once. */
export interface Facts extends Partial<EngineFacts> {
  host: Host;
  /** The script whose `--doctor` it is. */
  script: ScriptName;
  /** The engine that the user asks for. */
  wanted: EngineCli | undefined;
}

/** One line of the list of checks. */
export interface Check {
  /** The scripts whose users need it. Default: all. */
  scripts?: readonly ScriptName[];
  /** What its findings are about. */
  about?: Subject;
  /** What it says. An error counts as a finding that something is broken. */
  find(facts: Facts): Finding[] | Promise<Finding[]>;
}

/** A check that says nothing where no engine answers. */
export function onEngine(find: (facts: Facts & EngineFacts) => Promise<Finding[]>): Check["find"] {
  return async (facts) => isWithEngine(facts) ? await find(facts) : [];
}

function isWithEngine(facts: Facts): facts is Facts & EngineFacts {
  return facts.engine !== undefined;
}

/** What will happen, by all that was found. */
export type Outcome = (findings: readonly Finding[], facts: Facts) => Finding;

/** What `--doctor` of a script is made of. */
export interface Diagnosis {
  script: ScriptName;
  /** The checks, in the order in which they are printed. */
  checks: readonly Check[];
  /** What the last line says. */
  outcome: Outcome;
}

/**
 * Makes all checks of a script at the same time, and prints their findings in the order of the list, then what will
 * happen.
 *
 * @param options `wanted`: the engine that the user asks for
 * @returns the exit code: 1 when something is broken
 */
export async function diagnose(
  host: Host,
  { script, wanted, checks, outcome }: Diagnosis & { wanted: string | undefined },
): Promise<number> {
  const facts: Facts = { host, script, wanted: wantedCli(host, wanted), ...await engineFacts(host, wanted) };
  const made = checks.filter(({ scripts = [script] }) => scripts.includes(script)).map(async ({ find, about }) => {
    const found = await Promise.try(find, facts).catch((error) => [failureOf(error)]);
    return about === undefined ? found : found.map((finding) => ({ about, ...finding }));
  });
  const seen = (await Promise.all(made)).flat();
  const findings = [...seen, outcome(seen, facts)];
  const isBroken = findings.some(({ verdict }) => verdict === "broken");
  host.ui.result(findings.map(describe).join("\n"), { ok: !isBroken, findings });
  return isBroken ? ExitCode.failed : 0;
}

async function engineFacts(host: Host, wanted: string | undefined): Promise<EngineFacts | undefined> {
  try {
    const engine = await chooseEngine(host, { engine: wanted });
    return {
      engine,
      environment: await environmentOf(host, engine),
      devices: once(async () => (await findProfile(host, { engine, name: "default" }))?.devices ?? {}),
      managed: once(() => listManaged(host, engine)),
    };
  } catch (error) {
    if (!isFailure(error) || error instanceof UserError && error.exitCode !== ExitCode.noEngine) throw error;
    return undefined;
  }
}

/** How much of a failed program's output is shown, in UTF-16 code units: a container may have written it. */
const maxOutput = 300;

/**
 * The finding for a check that failed, such as one whose program did not end.
 *
 * @param where after the message about a program, such as "in the container …"
 */
export function failureOf(error: unknown, where?: string): Finding {
  if (!isFailure(error)) throw error;
  if (error instanceof UserError) return broken(error.message, error.hint);
  const message = [error.message, where].filter(Boolean).join(" ");
  const output = oneLine(error.output.trim());
  const shown = output.length > maxOutput ? `${output.slice(0, maxOutput)}…` : output;
  return broken(shown === "" ? message : `${message}: ${shown}`);
}

function describe({ verdict, what, hint }: Finding): string {
  const line = `${verdict.padEnd(6)}  ${what}`;
  return hint === undefined ? line : `${line}\n${hint.replace(/^/gm, "          ")}`;
}
