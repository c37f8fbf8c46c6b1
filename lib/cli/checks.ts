/** The checks of `--doctor`: the engine and what it isolates by, the programs, the file system, the containers. */

import type { Check, Finding } from "./doctor.ts";
import { type Engine, engineCalled, type EngineCli, serverState } from "../engine/engine.ts";
import { findProfile } from "../engine/profile.ts";
import { exec, type Instance, listInstances } from "../engine/instance.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { listRuns } from "../map/journal.ts";
import { checkAclSupport, containerPaths, exists, mountsOf } from "../container/mounts.ts";
import { packages } from "../base/process.ts";
import { installLines, isTooOld, knownHole, parseXpraVersion } from "../attach/xpra_version.ts";

/** Longest time that a program may take to say its version, in milliseconds. */
const versionTimeoutMs = 10_000;

/** The runtime that the script runs on. */
export function checkRuntime(): Promise<Finding[]> {
  return Promise.resolve([{ verdict: "ok", what: `Deno ${Deno.version.deno}` }]);
}

/** Both engines, who may use the chosen one, and what it reports of the kernel. */
export async function checkEngine(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  const findings = await Promise.all((["lxc", "incus"] as const).map((cli) => checkServer(host, cli)));
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

/** Whether there can be ACLs where create puts the directories. */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsOf(host, "doctor");
  const place = mounts.directory.slice(0, -"/doctor".length);
  try {
    await checkAclSupport(host, mounts);
    return [{ verdict: "ok", what: `ACLs can be set in ${place}` }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ verdict: "broken", what: error.message, mend: error.hint }];
  }
}

/** xpra on the host: there, not too old, without known holes. */
export async function checkXpra(host: Host): Promise<Finding[]> {
  try {
    const { stdout } = await host.run(["xpra", "--version"], {
      looksOnly: true,
      timeoutMs: versionTimeoutMs,
    });
    return [judgeXpra(stdout, "on this host")];
  } catch (error) {
    if (error instanceof ProcessError) {
      return [{ verdict: "broken", what: `xpra does not work: ${error.message}`, mend: installLines }];
    }
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.missingProgram) throw error;
    return [{ verdict: "broken", what: "There is no xpra on this host", mend: installLines }];
  }
}

function judgeXpra(stdout: string, where: string): Finding {
  const version = parseXpraVersion(stdout);
  if (!version) return { verdict: "broken", what: `The xpra ${where} does not tell its version`, mend: installLines };
  const text = version.join(".");
  if (isTooOld(version)) {
    return { verdict: "broken", what: `The xpra ${where}, ${text}, is too old`, mend: installLines };
  }
  const hole = knownHole(version);
  if (!hole) return { verdict: "ok", what: `xpra ${text} ${where}` };
  return { verdict: "risk", what: `The xpra ${where}, ${text}, has a known hole: ${hole.reason}`, mend: installLines };
}

/** Whether there is a display for windows. */
export function checkDisplay(host: Host): Promise<Finding[]> {
  const display = host.env("DISPLAY");
  return Promise.resolve<Finding[]>([
    display ? { verdict: "ok", what: `Windows are shown on the display ${display}` } : {
      verdict: "broken",
      what: "There is no display to show windows on: $DISPLAY is not set",
      mend: "Run it in a desktop session; on Wayland, one with Xwayland",
    },
  ]);
}

/** The containers that create made: their id maps, and for each that runs seccomp. */
export async function checkContainers(_host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const ours = (await listInstances(engine)).filter(isOurs);
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

/** The programs of a session in a container, besides xpra, and what is without each. */
const sessionPrograms = [
  { program: "Xvfb", without: "no app can be shown", verdict: "broken" },
  { program: "dbus-daemon", without: "no app can be shown", verdict: "broken" },
  { program: "pulseaudio", without: "its apps are not heard", verdict: "absent" },
] as const;

/** What attach needs of each container that create made: the pinned host keys, and in those that run its programs. */
export async function checkAttachable(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const ours = (await listInstances(engine)).filter(isOurs);
  const findings = await Promise.all(ours.map(async ({ name, status }): Promise<Finding[]> => {
    const { knownHosts } = mountsOf(host, name);
    if (!await exists(knownHosts)) {
      return [{
        verdict: "broken",
        what: `The host keys of the container "${name}" are not pinned: there is no ${knownHosts}`,
        mend: "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories",
      }];
    }
    return status === "Running" ? await checkInside(engine, name) : [];
  }));
  return findings.flat();
}

async function checkInside(engine: Engine, name: string): Promise<Finding[]> {
  const look = 'for program; do command -v "$program" >/dev/null || echo "no $program"; done; xpra --version';
  const names = sessionPrograms.map(({ program }) => program);
  const { stdout } = await exec(engine, name, ["/bin/sh", "-c", look, "sh", "xpra", ...names], {
    okCodes: "any",
    timeoutMs: versionTimeoutMs,
  });
  const lines = stdout.split("\n");
  const lacks = (program: string): boolean => lines.includes(`no ${program}`);
  const xpra: Finding = lacks("xpra")
    ? {
      verdict: "broken",
      what: `There is no xpra in the container "${name}"`,
      mend: `In the container (${engine.cli} exec ${name} -- bash):\n${installLines}`,
    }
    : judgeXpra(stdout, `in the container "${name}"`);
  return [
    xpra,
    ...sessionPrograms.filter(({ program }) => lacks(program)).map(({ program, without, verdict }): Finding => ({
      verdict,
      what: `There is no ${program} in the container "${name}": ${without}`,
      mend: `${engine.cli} exec ${name} -- apt-get install ${packages[program]}`,
    })),
  ];
}

/** Files that a run which was killed has lent. */
export async function checkLeftovers(host: Host): Promise<Finding[]> {
  const { dead } = await listRuns(host);
  if (dead.length === 0) return [];
  return [{
    verdict: "risk",
    what: "A run of map.ts that was killed has left files in a container",
    mend: "map.ts --recover",
  }];
}

/** By the directory that create shares with each. */
function isOurs({ devices }: Instance): boolean {
  return devices.xpra?.path === containerPaths.xpra;
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
