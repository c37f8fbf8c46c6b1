/**
 * What a profile gives away: one table, profile_risks.json, of the keys that are harmless and of those that give
 * something of the host to the container. A key that is not in the table is not known to be harmless.
 *
 * It follows what LXD and Incus refuse in a restricted project (`restricted.*` in their documentation of projects; the
 * list of keys is in `project/permissions.go` of either) and what their documentation says of options and devices.
 */

import table from "./profile_risks.json" with { type: "json" };
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
 * What gives something away: `config.KEY`, or `TYPE.KEY` for a key of a device. A `*` at the end stands for any rest,
 * and of several keys that fit the longest one counts. `TYPE.type` is the device itself. Here are those whose values
 * matter; all others are in the table.
 *
 * Of the harmless ones there, parseProfile() refuses all harmful values of `security.privileged`. The guest socket
 * (`security.devlxd`, `security.guestapi`) shows root in the container the instance's own configuration, and is open by
 * default. Most limits of the kernel are there to be lowered, and high already for the root of a container
 * (setrlimit(2)).
 */
const risky: Readonly<Record<string, Gives | Risk>> = {
  ...table.risky,
  "config.limits.disk.priority": {
    gives: "lets the container read and write before the host's own programs",
    // The engines make 100 of it, the weight of all that have none (cgroup v2).
    unless: (value) => /^[01]?$/.test(value),
  },
  "config.security.devlxd.images": unlessOff("lets root in the container copy images of the host"),
  "config.security.devlxd.management.volumes": unlessOff("lets the container manage storage volumes of the host"),
  "config.security.guestapi.images": unlessOff("lets root in the container copy images of the host"),
  "config.security.nesting": unlessOff(
    "lets root in the container mount and make containers: more of the host's kernel is open to attack",
  ),
  "config.security.syscalls.deny_default": { gives: filtersLess, unless: isOn },
  "config.security.syscalls.intercept.*": unlessOff(
    "has the engine carry out system calls of the container as root on the host",
  ),
  "config.snapshots.pattern": {
    gives: "is a template, by which LXD before 5.21.4 and 6.5 reads any file of the host (CVE-2025-54287)",
    unless: isPlainPattern,
  },
  "config.snapshots.schedule": {
    gives: "has the engine make snapshots by itself, which may fill the host's disk",
    unless: (value) => value === "" || value === "@never",
  },
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
  "proxy.type": (_, { bind, listen, connect }) =>
    !bind || bind === "host"
      ? `opens "${listen}" on the host, which leads into the container`
      : `lets the container connect to "${connect}" as if it were a program of the host`,
  "unix-block.type": hostHardware,
  "unix-char.type": hostHardware,
};

/** All keys, the longest first. */
const known = [...table.harmless, ...Object.keys(risky)].sort((a, b) => b.length - a.length);

const deviceTypes: ReadonlySet<string> = new Set(known.map((key) => key.split(".")[0]!));

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
