/**
 * The checks of `--doctor`: for problems that a run does not report, or only after minutes. Only `attach.ts` checks the
 * displays, by a list of its own.
 */

import {
  engineCalled,
  type EngineCli,
  engineClis,
  environmentOf,
  noEngineError,
  warningsOf,
} from "../engine/engine.ts";
import { findHostUid } from "../engine/id_map.ts";
import { deniesNewSystemd, knownHole } from "../engine/known_holes.ts";
import { outputOf } from "../engine/exec.ts";
import { findInstance, type InstanceInfo } from "../engine/instance.ts";
import { defaultRisks } from "../engine/profile_risks.ts";
import { twoRangesHint } from "../engine/lifecycle.ts";
import { bridgeOf, findObstacles } from "../engine/bridge.ts";
import { ifInstalled, isFailure, orNothing, ProcessError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { installHint, isAtLeast, programs } from "../base/programs.ts";
import { type Diagnosis, type DoctorCheck, type EngineFacts, type Facts, onEngine } from "./doctor.ts";
import { absent, broken, failureOf, type Finding, ok, risk } from "./finding.ts";

/** How long `--doctor` waits for a program, on the host or in a container, in milliseconds. */
export const versionTimeoutMs = 60_000;

/** The options for asking a program about its version, or about a setting of the host. */
export const versionOptions = { looksOnly: true, okCodes: "any", timeoutMs: versionTimeoutMs } as const;

/** The checks, in the order in which they are printed. */
export const checks: readonly DoctorCheck[] = [
  { find: () => [ok(`Deno ${Deno.version.deno}`)] },
  { find: findEngines },
  { find: onEngine(findIsolation) },
  { find: onEngine(findDevices) },
  { find: onEngine(findRootRanges) },
  { find: onEngine(findNetwork), scripts: ["create", "attach"], about: "network" },
  { find: findPrograms },
  { find: onEngine(findContainers), about: "container" },
];

/** Whether something is broken for all containers, not just for one of them. */
export function isBlocked(findings: readonly Finding[]): boolean {
  return findings.some(({ verdict, about }) => verdict === "broken" && about !== "container");
}

const createOutcome: Diagnosis["outcome"] = (findings, { engine }) => {
  if (!engine || isBlocked(findings)) return broken("No container can be made: see above");
  const isDoubtful = findings.some(({ verdict, about }) => verdict === "risk" && about === "network");
  return ok(
    `Containers can be made in ${engine.product}` + (isDoubtful ? "; whether they reach the network: see above" : ""),
  );
};

const mapOutcome: Diagnosis["outcome"] = (findings, { engine }) =>
  !engine || isBlocked(findings)
    ? broken("No file can be lent: see above")
    : ok(`Files can be lent to containers of ${engine.product}`);

export const createDiagnosis: Diagnosis = { script: "create", checks, outcome: createOutcome };

export const mapDiagnosis: Diagnosis = { script: "map", checks, outcome: mapOutcome };

/**
 * Whether the installed engines answer. If the script can use none of them, the finding about one of them is `broken`.
 */
async function findEngines({ host, engine, wanted, environment }: Facts): Promise<Finding[]> {
  const servers = (await Promise.all(engineClis.map((cli) => findEngine(host, cli))))
    .filter(({ cli, isInstalled }) => isInstalled || cli === wanted);
  if (servers.length === 0) return [failureOf(noEngineError())];
  const findings = servers.map(({ finding }) => finding);
  if (!engine) {
    (servers.find(({ cli }) => cli === wanted) ?? servers[0]!).finding.verdict = "broken";
  } else if (!engine.server.isLocal) {
    findings.push(ok(`${engine.product} ${environment?.server_version} answers at "${engine.server.remote}"`));
  }
  return findings;
}

async function findEngine(host: Host, cli: EngineCli) {
  const engine = engineCalled(cli);
  try {
    const { server_version: version } = await environmentOf(host, engine);
    return { cli, isInstalled: true, finding: ok(`${engine.product} ${version} answers`) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const isInstalled = error instanceof ProcessError || error.output !== "";
    return { cli, isInstalled, finding: { ...failureOf(error), verdict: "absent" } as Finding };
  }
}

/** Who may use the engine, and how well it isolates containers. */
async function findIsolation({ host, engine, environment, script }: Facts & EngineFacts): Promise<Finding[]> {
  const { product, group, cli } = engine;
  const version = environment.server_version;
  const warnings = await warningsOf(host, engine, environment);
  const hole = knownHole(cli, version);
  const changelog = `/usr/share/doc/${product.toLowerCase()}/changelog.Debian.gz`;
  const appArmor = warnings?.find((warning) => /AppArmor support has been disabled/.test(warning));
  const findings = [
    warnings === undefined ? ok(`You may use only a project of your own in ${product}`) : risk(
      `Everyone who may use ${product} can be root on this host, and so can each program that they run`,
      `List the members of the group, and remove those who do not need it: getent group ${group}`,
    ),
  ];
  if (hole) {
    findings.push(risk(
      `${product} ${version} ${hole.lets} (${hole.cve}), unless your distribution has fixed that version`,
      `Use ${new Intl.ListFormat("en", { type: "disjunction" }).format([...hole.fixed, "later"])}. ` +
        `Debian has fixed yours if this prints a line: zgrep ${hole.cve} ${changelog}`,
    ));
  }
  if (appArmor !== undefined) {
    findings.push(risk(
      `${product} cannot confine containers with AppArmor: ${appArmor.replace(/^.*?: /, "")}`,
      "Boot a kernel with AppArmor and the options apparmor=1 security=apparmor, and install the package apparmor",
    ));
    return findings;
  }
  findings.push(ok(`${product} confines containers with AppArmor`));
  if (script !== "map" && deniesNewSystemd(cli, version)) {
    findings.push(risk(
      `Under AppArmor, services of an image with systemd 259, such as Ubuntu 26.04's, fail in LXD ${version}`,
      "Use LXD 5.21.5, 6.7, or later, or an older image: create.ts --image ubuntu:24.04",
    ));
  }
  return findings;
}

/** Whether the default profile has the devices that a container needs, and what it gives away. */
async function findDevices({ engine, profile }: Facts & EngineFacts): Promise<Finding[]> {
  const { product, cli, init } = engine;
  const standard = await profile();
  const given = Object.values(standard?.devices ?? {});
  const hint = `Remove it there if your containers need none of it: ${cli} profile edit default`;
  const findings = defaultRisks(engine, standard).map((what) => risk(what, hint));
  if (!given.some(({ type, path }) => type === "disk" && path === "/")) {
    findings.push(broken(`The default profile of ${product} has no root disk: containers cannot be made`, init));
  }
  if (!given.some(({ type }) => type === "nic")) {
    findings.push(broken(
      `The default profile of ${product} has no network card: containers get no address`,
      `${cli} network create lxdbr0\n${cli} profile device add default eth0 nic network=lxdbr0 name=eth0`,
    ));
  }
  return findings;
}

async function findRootRanges({ engine, environment }: Facts & EngineFacts): Promise<Finding[]> {
  const hint = isAtLeast(environment.server_version, "7") ? await twoRangesHint(engine) : undefined;
  return hint === undefined ? [] : [broken("Root has two ranges of ids: Incus cannot start containers", hint)];
}

/** Whether containers get an address and reach the network, as far as that can be known without a container. */
async function findNetwork({ host, engine, profile }: Facts & EngineFacts): Promise<Finding[]> {
  const bridge = bridgeOf((await profile())?.devices ?? {});
  if (!engine.server.isLocal || bridge === undefined) return [];
  const obstacles = await findObstacles(host, { engine, bridge });
  if (obstacles.length === 0) return [ok(`As far as a user can see, nothing blocks the bridge ${bridge}`)];
  return obstacles.map(({ what, command, isCertain }) => (isCertain ? broken : risk)(what, command));
}

/**
 * Whether the script's programs are installed, and in which version: those with a purpose in the table of programs.
 * They get no display: xrandr would ask the X server for its version, and hang with it.
 */
async function findPrograms({ host, script }: Facts): Promise<Finding[]> {
  const used = Object.entries(programs).filter(([, { purpose, scripts, display }]) =>
    purpose && scripts.includes(script) &&
    (display === undefined || display === (host.env("WAYLAND_DISPLAY") ? "wayland" : "x11"))
  );
  return await Promise.all(used.map(async ([name, { purpose, versionOption = "--version", required }]) => {
    const without = required ? broken : absent;
    try {
      const answer = await ifInstalled(host.run([name, versionOption], { ...versionOptions, env: { DISPLAY: "" } }));
      if (!answer) return without(`${name} is not installed: ${purpose}`, installHint(name));
      const version = `${answer.stdout}\n${answer.stderr}`.match(/\d+\.\d+[\w.]*/)?.[0];
      return ok(`${name}${version ? ` ${version}` : ""}: ${purpose}`);
    } catch (error) {
      return without(failureOf(error).what);
    }
  }));
}

/** Whether no two of our containers share host ids, and whether seccomp filters those that run. */
async function findContainers({ host, engine, managed }: Facts & EngineFacts): Promise<Finding[]> {
  const all = await managed();
  const privileged = all.filter((one) => "volatile.idmap.next" in one.config && findHostUid(one, 0) === undefined);
  const sharing = sharedIdMaps(all);
  const running = all.filter(({ status }) => status === "Running");
  const filtered = await Promise.all(running.map((instance) => isFiltered(host, instance)));
  const unfiltered = running.filter((_, index) => !filtered[index]).map(({ name }) => name);
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
  } else if (all.length > 1) findings.push(ok("No two containers have the same host ids"));
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
 * Whether seccomp filters a container's first process, according to the container. One that does not answer counts as
 * unfiltered, unless it has stopped.
 */
async function isFiltered(host: Host, instance: InstanceInfo): Promise<boolean> {
  const status = await orNothing(outputOf(host, instance, ["grep", "^Seccomp:", "/proc/1/status"]), isFailure);
  return /\b2\b/.test(status ?? "") || status === undefined && !await isStill(host, instance);
}

/**
 * Whether a container's status is still that of the list. Findings about a container that another run stops or deletes
 * meanwhile mean nothing.
 */
export async function isStill(host: Host, instance: InstanceInfo): Promise<boolean> {
  const now = await orNothing(findInstance(host, instance).then((found) => ({ found })), isFailure);
  return now === undefined || now.found?.status === instance.status;
}

/** The names of the containers that share the host uid of their root with another one. That of privileged ones is 0. */
export function sharedIdMaps(instances: readonly Pick<InstanceInfo, "name" | "config">[]): string[] {
  const groups = Map.groupBy(instances, (one) => findHostUid(one, 0));
  return [...groups].flatMap(([uid, all]) => uid === undefined || all.length < 2 ? [] : all.map(({ name }) => name));
}
