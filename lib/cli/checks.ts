/** The checks of `--doctor`: the engine and what it isolates by, the programs, the file system, the containers. */

import type { Check, Finding } from "./doctor.ts";
import { type Engine, engineCalled, type EngineCli, engineClis, serverState } from "../engine/engine.ts";
import { findProfile } from "../engine/profile.ts";
import { exec, type Instance } from "../engine/instance.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { listOurs } from "../container/ours.ts";
import { packages } from "../base/process.ts";

/** Longest time that a program may take to say its version, in milliseconds. */
export const versionTimeoutMs = 10_000;

/** The runtime that the script runs on. */
export function checkRuntime(): Promise<Finding[]> {
  return Promise.resolve([{ verdict: "ok", what: `Deno ${Deno.version.deno}` }]);
}

/** Both engines, who may use the chosen one, and what it reports of the kernel. */
export async function checkEngine(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  const findings = await Promise.all(engineClis.map((cli) => checkServer(host, cli)));
  const chosen = findings.find(({ cli }) => cli === engine?.cli);
  if (!chosen?.answers) {
    // None answers, or the one that was asked for does not: one of those that are installed is at fault.
    const culprit = chosen ?? findings.find(({ installed }) => installed) ?? findings[0]!;
    culprit.finding.verdict = "broken";
  }
  return [...findings.map(({ finding }) => finding), ...(chosen?.answers ? await checkIsolation(engine!) : [])];
}

async function checkServer(
  host: Host,
  cli: EngineCli,
): Promise<{ cli: EngineCli; installed: boolean; answers: boolean; finding: Finding }> {
  const engine = engineCalled(host, cli);
  try {
    const { version } = await serverState(engine);
    const finding: Finding = { verdict: "ok", what: `${engine.product} ${version} answers` };
    return { cli, installed: true, answers: true, finding };
  } catch (error) {
    if (!(error instanceof UserError) && !(error instanceof ProcessError)) throw error;
    const installed = error instanceof ProcessError || error.output !== "";
    return {
      cli,
      installed,
      answers: false,
      finding: { verdict: "absent", what: error.message, ...(error instanceof UserError ? { mend: error.hint } : {}) },
    };
  }
}

async function checkIsolation(engine: Engine): Promise<Finding[]> {
  const { product, group, cli } = engine;
  const { restricted, warnings } = await serverState(engine);
  const findings: Finding[] = [
    restricted ? { verdict: "ok", what: `You may use a project of your own in ${product}, and no other` } : {
      verdict: "risk",
      what: `Whoever may use ${product} can be root on this host, and so can each program that you run`,
      mend: `See who is in the group, and take out who does not have to be: getent group ${group}`,
    },
  ];
  const appArmor = warnings.find((warning) => /AppArmor support has been disabled/.test(warning));
  findings.push(
    appArmor === undefined ? { verdict: "ok", what: `${product} confines containers with AppArmor` } : {
      verdict: "risk",
      what: `There is no AppArmor to confine containers with: ${appArmor.replace(/^.*?: /, "")}`,
      mend: "Boot a kernel that has it, with the options: apparmor=1 security=apparmor; install the package apparmor",
    },
  );
  const profile = await findProfile(engine, "default");
  const kinds = Object.values(profile?.devices ?? {});
  if (!kinds.some(({ type, path }) => type === "disk" && path === "/")) {
    findings.push({
      verdict: "broken",
      what: `The default profile of ${product} has no root disk: no container can be made`,
      mend: engine.init,
    });
  }
  if (!kinds.some(({ type }) => type === "nic")) {
    findings.push({
      verdict: "broken",
      what: `The default profile of ${product} has no network card: containers get no address`,
      mend: `${cli} network create lxdbr0\n${cli} profile device add default eth0 nic network=lxdbr0 name=eth0`,
    });
  }
  return findings;
}

/** A program that the script starts. */
export interface ProgramSpec {
  /** Its name, as it is found on `$PATH`. */
  program: string;
  /** The option that makes it say its version. */
  versionOption?: string;
  /** What it is for. */
  purpose: string;
  /** The script does its work without it. */
  optional?: boolean;
}

/** A check for one program, by having it say its version. */
export function checkProgram(spec: ProgramSpec): Check {
  return async (host) => {
    try {
      const { stdout, stderr } = await host.run([spec.program, spec.versionOption ?? "--version"], {
        okCodes: "any",
        looksOnly: true,
        timeoutMs: versionTimeoutMs,
      });
      const version = `${stdout}\n${stderr}`.match(/\d+\.\d+[\w.]*/)?.[0];
      return [{ verdict: "ok", what: `${spec.program}${version ? ` ${version}` : ""}: ${spec.purpose}` }];
    } catch (error) {
      if (!(error instanceof UserError) || error.exitCode !== ExitCode.missingProgram) throw error;
      return [{
        verdict: spec.optional ? "absent" : "broken",
        what: `${spec.program} is not installed: ${spec.purpose}`,
        ...(packages[spec.program] ? { mend: `sudo apt install ${packages[spec.program]}` } : {}),
      }];
    }
  };
}

/** The programs of all three scripts, for {@linkcode checkProgram}. */
export const programs = {
  ssh: { program: "ssh", versionOption: "-V", purpose: "starts the sessions in a container" },
  setfacl: { program: "setfacl", purpose: "lets the container user at shared files" },
  getfacl: { program: "getfacl", purpose: "reads what is to be restored" },
  // Without a line that installs it: on a host, it would run there at the next boot.
  cloudInit: { program: "cloud-init", purpose: "checks a cloud-config before it is used", optional: true },
  xrandr: { program: "xrandr", purpose: "tells the size of the screen", optional: true },
  xrdb: { program: "xrdb", versionOption: "-version", purpose: "tells the size of letters", optional: true },
  pacat: { program: "pacat", purpose: "plays the app's sound", optional: true },
  zenity: { program: "zenity", purpose: "shows dialogs", optional: true },
  notifySend: { program: "notify-send", purpose: "tells errors on the desktop", optional: true },
} as const satisfies Record<string, ProgramSpec>;

/** The containers that create made: their id maps, and for each that runs seccomp. */
export async function checkContainers(_host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const ours = await listOurs(engine);
  const sharing = sharedIdMaps(ours);
  const findings: Finding[] = ours.filter(({ config }) => firstHostId(config) === undefined && hasIdMap(config)).map(
    ({ name }) => ({
      verdict: "risk",
      what: `The container "${name}" is privileged: root in it is root on this host`,
      mend: 'Make it anew with the profile gui, or with security.privileged: "false" in its own',
    }),
  );
  if (sharing.length > 0) {
    findings.push({
      verdict: "risk",
      what: `What is shared with one of these containers is open to the others, which have the same host ids: ${
        sharing.join(", ")
      }`,
      mend: 'Make them anew with the profile gui, or with security.idmap.isolated: "true" in their own',
    });
  } else if (ours.length > 1) findings.push({ verdict: "ok", what: "No two containers have the same host ids" });
  const running = ours.filter(({ status }) => status === "Running");
  const unfiltered: string[] = [];
  for (const { name } of running) {
    const { stdout } = await exec(engine, name, ["grep", "^Seccomp:", "/proc/1/status"], {
      okCodes: "any",
    });
    if (!/\b2\b/.test(stdout)) unfiltered.push(name);
  }
  if (unfiltered.length > 0) {
    findings.push({
      verdict: "risk",
      what: `The system calls of these containers are not filtered by seccomp: ${unfiltered.join(", ")}`,
      mend: "Boot a kernel with seccomp, and see whether their profile switches the filter off: " +
        `${engine.cli} config show --expanded ${unfiltered[0]}`,
    });
  } else if (running.length > 0) {
    findings.push({ verdict: "ok", what: "seccomp filters the system calls of all containers that run" });
  }
  return findings;
}

/** The names of the containers whose first host id another one has too. */
export function sharedIdMaps(instances: readonly Pick<Instance, "name" | "config">[]): string[] {
  const groups = Map.groupBy(instances, ({ config }) => firstHostId(config));
  return [...groups].flatMap(([first, group]) =>
    first === undefined || group.length < 2 ? [] : group.map((i) => i.name)
  );
}

function hasIdMap(config: Instance["config"]): boolean {
  return "volatile.idmap.next" in config;
}

/** The host's id for root in the container; undefined where that is root itself. */
function firstHostId(config: Instance["config"]): number | undefined {
  const map = JSON.parse(config["volatile.idmap.next"] ?? "[]") as { Isuid: boolean; Hostid: number; Nsid: number }[];
  return map.find(({ Isuid, Nsid }) => Isuid && Nsid === 0)?.Hostid;
}
