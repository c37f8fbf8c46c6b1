/** The checks that `--doctor` makes for every script: the engine, how it isolates, the programs, and the containers. */

import { absent, broken, type Finding, type HostCheck, ok, risk } from "./doctor.ts";
import {
  checkInstalled,
  type Engine,
  engineCalled,
  type EngineCli,
  engineClis,
  environmentOf,
  type Instance,
  warningsOf,
} from "../engine/engine.ts";
import { knownHole } from "../engine/known_holes.ts";
import { findProfile } from "../engine/profile.ts";
import { exec, type InstanceInfo } from "../engine/instance.ts";
import { ifInstalled, isFailure, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { listOurs } from "../container/ours.ts";
import { installHint, programs, type ScriptName } from "../base/programs.ts";

/** How long `--doctor` waits for a program, on the host or in a container, in milliseconds. */
export const versionTimeoutMs = 10_000;

/** All checks of a script: those that every script has, then its own. */
export function checksOf(script: ScriptName, own: readonly HostCheck[]): HostCheck[] {
  const runtime: HostCheck = () => Promise.resolve([ok(`Deno ${Deno.version.deno}`)]);
  return [runtime, checkEngine, ...checkPrograms(script), checkContainers, ...own];
}

/** Checks whether each engine answers; for the chosen one, also who may use it, AppArmor, and its default profile. */
export async function checkEngine(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  const servers = await Promise.all(engineClis.map((cli) => checkServer(host, cli)));
  const chosen = servers.find(({ cli }) => cli === engine?.cli);
  if (engine && chosen?.finding.verdict === "ok") {
    return [...servers.map(({ finding }) => finding), ...await checkIsolation(host, engine)];
  }
  // No engine answers, or the chosen one does not. Blame an installed engine, if there is one.
  const culprit = chosen ?? servers.find(({ isInstalled }) => isInstalled) ?? servers[0]!;
  culprit.finding.verdict = "broken";
  return servers.map(({ finding }) => finding);
}

async function checkServer(
  host: Host,
  cli: EngineCli,
): Promise<{ cli: EngineCli; isInstalled: boolean; finding: Finding }> {
  const engine = engineCalled(cli);
  try {
    await checkInstalled(host, engine);
    const { server_version: version } = await environmentOf(host, engine);
    return { cli, isInstalled: true, finding: ok(`${engine.product} ${version} answers`) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const isInstalled = error instanceof ProcessError || error.output !== "";
    return { cli, isInstalled, finding: absent(error.message, error instanceof UserError ? error.hint : undefined) };
  }
}

async function checkIsolation(host: Host, engine: Engine): Promise<Finding[]> {
  const { product, group, cli } = engine;
  const environment = await environmentOf(host, engine);
  const version = environment.server_version;
  const warnings = await warningsOf(host, engine, environment);
  const hole = knownHole(cli, version);
  const changelog = `/usr/share/doc/${product.toLowerCase()}/changelog.Debian.gz`;
  const appArmor = warnings?.find((warning) => /AppArmor support has been disabled/.test(warning));
  const devices = Object.values((await findProfile(host, { engine, name: "default" }))?.devices ?? {});
  return [
    warnings === undefined ? ok(`You may use only a project of your own in ${product}`) : risk(
      `Everyone who may use ${product} can be root on this host, and so can each program that they run`,
      `List the members of the group, and remove those who do not need it: getent group ${group}`,
    ),
    hole && risk(
      `${product} ${version} ${hole.lets} (${hole.cve}), unless your distribution has repaired that version`,
      `Use ${new Intl.ListFormat("en", { type: "disjunction" }).format([...hole.fixed, "later"])}. ` +
        `Debian has repaired yours if this prints a line: zgrep ${hole.cve} ${changelog}`,
    ),
    appArmor === undefined ? ok(`${product} confines containers with AppArmor`) : risk(
      `${product} cannot confine containers with AppArmor: ${appArmor.replace(/^.*?: /, "")}`,
      "Boot a kernel with AppArmor and the options apparmor=1 security=apparmor, and install the package apparmor",
    ),
    devices.some(({ type, path }) => type === "disk" && path === "/") ? undefined : broken(
      `The default profile of ${product} has no root disk: containers cannot be made`,
      engine.init,
    ),
    devices.some(({ type }) => type === "nic") ? undefined : broken(
      `The default profile of ${product} has no network card: containers get no address`,
      `${cli} network create lxdbr0\n${cli} profile device add default eth0 nic network=lxdbr0 name=eth0`,
    ),
  ].filter((finding) => finding !== undefined);
}

/** The checks for the programs of one script that have a purpose in the table of programs. */
export function checkPrograms(script: ScriptName): HostCheck[] {
  const ofScript = Object.entries(programs).filter(([, { scripts, purpose }]) => purpose && scripts.includes(script));
  return ofScript.map(([name]) => checkProgram(name));
}

/** A check that runs one program for its version. */
export function checkProgram(name: string): HostCheck {
  const { purpose, versionOption = "--version", required, display } = programs[name]!;
  return async (host) => {
    if (display && display !== (host.env("WAYLAND_DISPLAY") ? "wayland" : "x11")) return [];
    const options = { okCodes: "any", looksOnly: true, timeoutMs: versionTimeoutMs } as const;
    const found = await ifInstalled(host.run([name, versionOption], options));
    if (!found) {
      return [(required ? broken : absent)(`${name} is not installed: ${purpose}`, installHint(name))];
    }
    const version = `${found.stdout}\n${found.stderr}`.match(/\d+\.\d+[\w.]*/)?.[0];
    return [ok(`${name}${version ? ` ${version}` : ""}: ${purpose}`)];
  };
}

/** Checks the containers that create made: that no two share host ids, and that seccomp filters those that run. */
export async function checkContainers(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const ours = await listOurs(host, engine);
  const privileged = ours.filter(({ config }) => "volatile.idmap.next" in config && firstHostId(config) === undefined);
  const sharing = sharedIdMaps(ours);
  const running = ours.filter(({ status }) => status === "Running").map(({ name }) => name);
  const filtered = await Promise.all(running.map((name) => isFiltered(host, { engine, name })));
  const unfiltered = running.filter((_, index) => !filtered[index]);
  const findings = privileged.map(({ name }) =>
    risk(
      `The container "${name}" is privileged: root in it is root on this host`,
      'Make it again with the profile gui, or with security.privileged: "false" in its own profile',
    )
  );
  if (sharing.length > 0) {
    findings.push(risk(
      `These containers have the same host ids, and so access to each other's shared files: ${sharing.join(", ")}`,
      'Make them again with the profile gui, or with security.idmap.isolated: "true" in their own profiles',
    ));
  } else if (ours.length > 1) findings.push(ok("No two containers have the same host ids"));
  if (unfiltered.length > 0) {
    findings.push(risk(
      `The system calls of these containers are not filtered by seccomp: ${unfiltered.join(", ")}`,
      "Boot a kernel with seccomp, and check that their profiles do not switch the filter off: " +
        `${engine.cli} config show --expanded ${unfiltered[0]}`,
    ));
  } else if (running.length > 0) findings.push(ok("seccomp filters the system calls of all running containers"));
  return findings;
}

/**
 * Whether seccomp filters a container's first process, as the container says. One that does not answer counts as
 * unfiltered.
 */
async function isFiltered(host: Host, instance: Instance): Promise<boolean> {
  const argv = ["grep", "^Seccomp:", "/proc/1/status"];
  try {
    const { stdout } = await exec(host, instance, argv, { okCodes: "any", timeoutMs: versionTimeoutMs });
    return /\b2\b/.test(stdout);
  } catch (error) {
    if (error instanceof ProcessError) return false;
    throw error;
  }
}

/** The names of the containers that share their first host id with another one. */
export function sharedIdMaps(instances: readonly Pick<InstanceInfo, "name" | "config">[]): string[] {
  const groups = Map.groupBy(instances, ({ config }) => firstHostId(config));
  return [...groups].flatMap(([first, group]) =>
    first === undefined || group.length < 2 ? [] : group.map((i) => i.name)
  );
}

/** The host id of the container's root; undefined for a privileged container, whose root is the host's. */
function firstHostId(config: InstanceInfo["config"]): number | undefined {
  const map = JSON.parse(config["volatile.idmap.next"] ?? "[]") as { Isuid: boolean; Hostid: number; Nsid: number }[];
  return map.find(({ Isuid, Nsid }) => Isuid && Nsid === 0)?.Hostid;
}
