/** What this machine may do of what the lab needs. Found out in less than a second, before anything is installed. */

import { runProcess } from "../../lib/base/process.ts";
import { exists } from "./files.ts";
import { hostPackages, whyNotInstallable, xpraRuntimePackages } from "./packages.ts";

/** Where it stands what works with less, and how a container of Docker has it all. */
export const whereToRead = 'tests/lab/README.md, "Machines that are containers"';

/** What a machine lacks, each in a sentence that says what needs it. */
export interface Lacks {
  /** It is not root's to change. */
  root?: string;
  /** The kernel does not let it have containers, whoever asks. */
  containers?: string;
  /** Debian packages are missing and cannot be had. */
  packages?: string;
}

/** Why any part is missing where there can be no containers; `lab up` says it at length. */
export const noContainers = "this machine can have no containers";

let lacks: Promise<Lacks> | undefined;

/** What this machine lacks: found out once for each process. */
export function machineLacks(): Promise<Lacks> {
  return lacks ??= findLacks();
}

/** Why it is no failure when parts of the lab are missing on this machine; undefined when it can have all. */
export async function whyIncomplete(): Promise<string | undefined> {
  const { root, containers, packages } = await machineLacks();
  return root ?? (containers && noContainers) ?? packages;
}

async function findLacks(): Promise<Lacks> {
  const root = Deno.uid() === 0 ? undefined : "Only root can make the lab";
  const [containers, packages] = root ? [] : await Promise.all([
    findNoContainers(),
    whyNotInstallable([...hostPackages, ...xpraRuntimePackages]),
  ]);
  return { ...(root && { root }), ...(containers && { containers }), ...(packages && { packages }) };
}

/** What the engines do first, in namespaces of its own that are gone at once. */
const trials: readonly { what: string; argv: readonly string[] }[] = [
  {
    what: "mount file systems (CAP_SYS_ADMIN)",
    argv: ["unshare", "--mount", "--", "mount", "-t", "tmpfs", "none", "/mnt"],
  },
  {
    // The kernel refuses both where the machine's own are covered in part: mount_too_revealing(), fs/namespace.c.
    what: "mount /proc and /sys in a container (in Docker: --privileged; in LXD and Incus: security.nesting)",
    argv: [
      ...["unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "--", "sh", "-c"],
      "mount -t proc none /proc && mount -t sysfs none /sys",
    ],
  },
];

async function findNoContainers(): Promise<string | undefined> {
  const tried = await Promise.all(
    trials.map(async ({ what, argv }) =>
      await runProcess(argv, { timeoutMs: 5_000 }).then(() => undefined, () => what)
    ),
  );
  const ids = Deno.readTextFileSync("/proc/self/uid_map");
  const reasons = [
    ...tried,
    canMakeGroups() ? undefined : "make cgroups (in Docker: --privileged)",
    findsGroups(Deno.readTextFileSync("/proc/1/cgroup"), exists) ? undefined : "see its cgroups (--cgroupns=private)",
    canSetForwarding() ? undefined : "set up networks (CAP_NET_ADMIN, /proc/sys)",
    hasIds(ids, readSubordinateIds())
      ? undefined
      : "give a container the user ids that packages of Incus and LXD plan for",
  ].filter((reason) => reason !== undefined);
  return reasons.length > 0 ? `This machine has no containers, since it may not ${reasons.join(", nor ")}` : undefined;
}

/** Whether there is a hierarchy of cgroups in which a group can be made; it is removed at once. */
function canMakeGroups(): boolean {
  const top = "/sys/fs/cgroup";
  const hierarchies = [top, ...subdirectories(top)].filter((path) => {
    try {
      return Deno.statSync(`${path}/cgroup.procs`).isFile;
    } catch {
      return false;
    }
  });
  return hierarchies.some((path) => {
    const group = `${path}/gui-container-lab-${Deno.pid}`;
    try {
      Deno.mkdirSync(group);
      Deno.removeSync(group);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Whether the cgroups that processes are in are those that are mounted. Docker mounts those of the container, and without a
 * namespace for them, names are those of the machine around it: instances then do not start.
 *
 * @param groups /proc/1/cgroup, see cgroups(7)
 */
export function findsGroups(groups: string, exists: (path: string) => boolean): boolean {
  const top = "/sys/fs/cgroup";
  const isUnified = exists(`${top}/cgroup.controllers`);
  return groups.trim().split("\n").every((line) => {
    const [, names = "", path = ""] = /^\d+:(?:name=)?([^:]*):(.*)$/.exec(line) ?? [];
    const mount = names !== "" ? `${top}/${names}` : isUnified ? top : `${top}/unified`;
    return !exists(mount) || exists(mount + path);
  });
}

function subdirectories(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => isDirectory ? [`${path}/${name}`] : []);
  } catch {
    return [];
  }
}

/** Whether routes can be set up: the setting for that is written as it is. */
function canSetForwarding(): boolean {
  const setting = "/proc/sys/net/ipv4/ip_forward";
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
  const netAdmin = 12n;
  try {
    Deno.writeTextFileSync(setting, Deno.readTextFileSync(setting));
    return (BigInt(`0x${capabilities}`) >> netAdmin & 1n) === 1n;
  } catch {
    return false;
  }
}

/** The first ids that a package of Debian's gives to root: LXD's ten million, from 100000 on. */
const idsOfPackages = { first: 100_000, count: 10_000_001 };

/**
 * Whether ids for containers are there.
 *
 * @param map /proc/self/uid_map: the ids that this machine has, should it be a container
 * @param subordinate root's in /etc/subuid; those that the packages will give where it has none
 */
export function hasIds(map: string, subordinate = idsOfPackages): boolean {
  return map.trim().split("\n").some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return inside <= subordinate.first && subordinate.first + subordinate.count <= inside + count;
  });
}

function readSubordinateIds(): { first: number; count: number } | undefined {
  try {
    const [, first, count] = /^root:(\d+):(\d+)$/m.exec(Deno.readTextFileSync("/etc/subuid")) ?? [];
    return first === undefined ? undefined : { first: Number(first), count: Number(count) };
  } catch {
    return undefined;
  }
}
