/**
 * What a profile gives away: one table of the keys that are harmless and of those that give something of the host to
 * the container. A key that is not in the table is not known to be harmless.
 *
 * It follows what LXD and Incus refuse in a restricted project (`restricted.*` in their documentation of projects; the
 * list of keys is in `project/permissions.go` of either) and what their documentation says of options and devices.
 */

import type { Device } from "./answer.ts";
import type { Engine } from "./engine.ts";
import type { EngineProfile } from "./profile.ts";

/** A key of a profile that gives something of the host away, or that is not known to be harmless. */
export interface ProfileRisk {
  /** The key in the file, from the outermost one inwards. */
  keys: readonly string[];
  /** What it gives away: the rest of a sentence that begins with the key. */
  gives: string;
}

type Gives = string | ((value: string, device: Device) => string);

/** The same, of a key with harmless values. */
interface Risk {
  gives: Gives;
  /** Tells the values that are harmless. */
  unless(value: string, device: Device): boolean;
}

/** Values that the engines take for false. */
const isOff = (value: string): boolean => /^(?:|false|0|no|off)$/i.test(value);
const unlessOff = (gives: string): Risk => ({ gives, unless: isOff });
/** Values that the engines take for true where true is the default. */
const isOn = (value: string): boolean => /^(?:|true|1|yes|on)$/i.test(value);

/**
 * A pattern that names the time of a snapshot, or nothing: `snap-{{ creation_date|date:"2006-01-02" }}`. The engines
 * take it for a whole language of templates (pongo2).
 */
const isPlainPattern = (pattern: string): boolean =>
  /^(?:[^{}]|\{\{ *creation_date *(?:\| *date: *(?:'[^'{}]*'|"[^"{}]*") *)?\}\})*$/.test(pattern);

const filtersLess = "changes the filter that keeps dangerous system calls from the host's kernel";
const hostHardware = (_: string, { source, path }: Device): string =>
  `gives the container the device "${source ?? path}" of the host`;

/**
 * Keys that give nothing away. parseProfile() refuses all harmful values of `security.privileged`. The guest socket
 * (`security.devlxd`, `security.guestapi`) shows root in the container the instance's own configuration, and is open
 * by default.
 */
const harmless = [
  ...keysOf(
    "config",
    `boot.autorestart boot.autostart* boot.stop.priority cloud-init.network-config cloud-init.vendor-data
    cluster.evacuate environment.* limits.cpu* limits.hugepages.* limits.kernel.as
    limits.kernel.core limits.kernel.cpu limits.kernel.data limits.kernel.fsize limits.kernel.locks
    limits.kernel.nofile limits.kernel.nproc limits.memory* limits.processes placement.group security.devlxd
    security.guestapi security.idmap.isolated security.privileged security.protection.* security.syscalls.deny_compat
    snapshots.* user.gui-container.internet user.*`,
  ),
  ...keysOf("disk", "limits.* path pool readonly required size type"),
  ...keysOf(
    "nic",
    `hwaddr ipv4.address ipv6.address limits.* mtu name network nictype parent queue.tx.length security.acls*
    security.ipv4_filtering security.ipv6_filtering security.mac_filtering security.port_isolation`,
  ),
  ..."none.* proxy.* gpu.* infiniband.* pci.* tpm.* unix-block.* unix-char.* unix-hotplug.* usb.*".split(" "),
];

/**
 * What gives something away: `config.KEY`, or `TYPE.KEY` for a key of a device. A `*` at the end stands for any rest,
 * and of several keys that fit the longest one counts. `TYPE.type` is the device itself.
 */
const risky: Readonly<Record<string, Gives | Risk>> = {
  "config.cloud-init.ssh-keys.*": "lets the owner of that SSH key into the container",
  "config.limits.disk.priority": {
    gives: "lets the container read and write before the host's own programs",
    // The engines make 100 of it, the weight of all that have none (cgroup v2).
    unless: (value) => /^[01]?$/.test(value),
  },
  // See setrlimit(2): most limits of the kernel are there to be lowered, and high already for the root of a container.
  "config.limits.kernel.*": "changes how much of the host's kernel the container may take",
  "config.limits.kernel.memlock": "lets the container lock memory, which the host then cannot swap out",
  "config.limits.kernel.nice": "lets the container's programs run before the host's own",
  "config.limits.kernel.rtprio":
    "lets the container's programs run in real time: as long as they like, before all of the host's desktop",
  "config.limits.memory.oom_priority": "chooses which programs the host ends when it runs out of memory",
  "config.linux.kernel_modules*": "loads modules into the host's kernel",
  "config.linux.sysctl.*": "changes settings of the host's kernel",
  "config.nvidia.*": "gives the container the host's NVIDIA driver and libraries",
  "config.raw.apparmor": "changes the AppArmor rules that confine the container",
  "config.raw.idmap": "makes users of the container users of the host",
  "config.raw.lxc": "sets anything for the container: host paths in it, commands run by root on the host",
  "config.raw.qemu*": "sets options of a program that runs on the host",
  "config.raw.seccomp": filtersLess,
  "config.security.bpffs.*": "lets the container load programs into the host's kernel",
  "config.security.delegate_bpf*": "lets the container load programs into the host's kernel",
  "config.security.devlxd.images": unlessOff("lets root in the container copy images of the host"),
  "config.security.devlxd.management.volumes": unlessOff("lets the container manage storage volumes of the host"),
  "config.security.guestapi.images": unlessOff("lets root in the container copy images of the host"),
  "config.security.idmap.*":
    "chooses the container's ids on the host, which may be those of a user or of another container",
  "config.security.nesting": unlessOff(
    "lets root in the container mount and make containers: more of the host's kernel is open to attack",
  ),
  "config.security.selinux.*": "changes the SELinux rules that confine the container",
  "config.security.syscalls.deny_default": { gives: filtersLess, unless: isOn },
  "config.security.syscalls.intercept.*": unlessOff(
    "has the engine carry out system calls of the container as root on the host",
  ),
  "config.security.syscalls.*": filtersLess,
  "config.snapshots.pattern": {
    gives: "is a template, by which LXD before 5.21.4 and 6.5 reads any file of the host (CVE-2025-54287)",
    unless: isPlainPattern,
  },
  "config.snapshots.schedule": {
    gives: "has the engine make snapshots by itself, which may fill the host's disk",
    unless: (value) => value === "" || value === "@never",
  },
  "config.ubuntu_pro.*": "gives the container the host's Ubuntu Pro subscription",
  "config.user.gui-container*": "is a mark by which these scripts know what they have made",
  "config.volatile.*": "sets what the engine keeps for itself, such as the container's ids on the host",
  "disk.source": {
    gives: (source) => `gives the container "${source}" of the host`,
    // The name of a volume in a storage pool of the engine. An empty value is none for the engines, here and below.
    unless: (source, { pool }) => Boolean(pool) && /^\w[\w.-]*$/.test(source),
  },
  "nic.type": {
    gives: (_, { nictype, parent }) =>
      nictype === "physical"
        ? `takes the network card "${parent}" from the host and gives it to the container`
        : `puts the container on the network of the host's "${parent}"; for a network of the engine, name it by "network"`,
    // A network that the engine manages, or a cable that ends on the host without an address.
    unless: (_, { network, nictype }) => Boolean(network) || nictype === "p2p",
  },
  "nic.ipv4.routes*": "has the host send others' traffic to the container",
  "nic.ipv6.routes*": "has the host send others' traffic to the container",
  "proxy.type": (_, { bind, listen, connect }) =>
    !bind || bind === "host"
      ? `opens "${listen}" on the host, which leads into the container`
      : `lets the container connect to "${connect}" as if it were a program of the host`,
  "gpu.type": "lets the container use the host's graphics driver, which is a large part of the kernel",
  "infiniband.type": "gives the container an InfiniBand card of the host",
  "pci.type": "gives the container a PCI device of the host",
  "tpm.type": "runs a TPM emulator for the container on the host",
  "unix-block.type": hostHardware,
  "unix-char.type": hostHardware,
  "unix-hotplug.type": "gives the container devices that are plugged into the host",
  "usb.type": "gives the container USB devices of the host, which may be its keyboard",
};

/** All keys, the longest first. */
const known = [...harmless, ...Object.keys(risky)].sort((a, b) => b.length - a.length);

const deviceTypes: ReadonlySet<string> = new Set(known.map((key) => key.split(".")[0]!));

function keysOf(where: string, keys: string): string[] {
  return keys.split(/\s+/).map((key) => `${where}.${key}`);
}

const unknown = "is not known to be harmless";

/** The risks of a profile, in the order of its keys; none for one that gives nothing of the host away. */
export function profileRisks({ config, devices }: Pick<EngineProfile, "config" | "devices">): ProfileRisk[] {
  const risks: ProfileRisk[] = [];
  const check = (keys: readonly string[], name: string, value: string, device: Device = {}): void => {
    const gives = riskOf(name, value, device);
    if (gives !== undefined) risks.push({ keys, gives });
  };
  for (const [key, value] of Object.entries(config)) check(["config", key], `config.${key}`, value);
  for (const [name, device] of Object.entries(devices)) {
    const { type = "", ...others } = device;
    if (!deviceTypes.has(type)) {
      risks.push({ keys: ["devices", name], gives: unknown });
      continue;
    }
    check(["devices", name], `${type}.type`, type, device);
    for (const [key, value] of Object.entries(others)) check(["devices", name, key], `${type}.${key}`, value, device);
  }
  return risks;
}

/**
 * What an engine's default profile gives away, in words: each container has it, besides its own. The network card there is
 * one that the user has chosen.
 */
export function defaultRisks({ product }: Pick<Engine, "product">, profile: EngineProfile | undefined): string[] {
  if (!profile) return [];
  return profileRisks(profile)
    .filter(({ keys: [where, name] }) => where !== "devices" || profile.devices[name!]!.type !== "nic")
    .map(({ keys, gives }) => `In ${product}'s profile "default", "${keys.join(".")}" ${gives}`);
}

/** What a key with this value gives away; undefined when it is harmless. */
function riskOf(name: string, value: string, device: Device): string | undefined {
  const key = known.find((key) => key.endsWith("*") ? name.startsWith(key.slice(0, -1)) : name === key);
  if (key === undefined) return unknown;
  const risk = risky[key];
  const { gives, unless } = typeof risk === "object" ? risk : { gives: risk };
  if (gives === undefined || unless?.(value, device)) return undefined;
  return typeof gives === "function" ? gives(value, device) : gives;
}
