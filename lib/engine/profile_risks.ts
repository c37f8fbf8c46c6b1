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

/** A key of a profile that gives away something of the host, or that is not known to be harmless. */
export interface ProfileRisk {
  /** The key in the file, from the outermost one inwards. */
  keys: readonly string[];
  /** What it gives away: the rest of a sentence that begins with the key. */
  gives: string;
}

/** Values that are harmless for some keys, by the table's words for them. */
const harmlessValues = {
  /** The engines take these for false. */
  off: /^(?:|false|0|no|off)$/i,
  /** The engines take these for true, the empty one where true is the default. */
  on: /^(?:|true|1|yes|on)$/i,
  never: /^(?:@never)?$/,
  /** The engines turn these into 100, the weight of whatever has none (cgroup v2). */
  usualWeight: /^[01]?$/,
  /**
   * Text and the time of a snapshot: `snap-{{ creation_date|date:"2006-01-02" }}`. The engines read a whole language of
   * templates (pongo2).
   */
  dateTemplate: /^(?:[^{}]|\{\{ *creation_date *(?:\| *date: *(?:'[^'{}]*'|"[^"{}]*") *)?\}\})*$/,
} as const;

/**
 * The keys that give something away: `config.KEY`, or `TYPE.KEY` for a key of a device. A `*` at the end stands for any
 * rest, and of several keys that fit the longest one counts. `TYPE.type` is the device itself.
 *
 * Of the harmless keys, parseProfile() refuses all harmful values of `security.privileged`. The guest socket
 * (`security.devlxd`, `security.guestapi`) shows root in the container the instance's own configuration, and is open by
 * default. Most limits of the kernel are there to be lowered, and high already for the root of a container
 * (setrlimit(2)).
 */
const risky = table.risky as Readonly<
  Record<string, string | { gives: string; unless: keyof typeof harmlessValues }>
>;

const hostHardware = (_: string, { source, path }: Device): string =>
  `gives the container the device "${source ?? path}" of the host`;

/** The same for keys whose risk depends on other keys of the device; undefined where it is harmless. */
const deviceRisks: Readonly<Record<string, (value: string, device: Device) => string | undefined>> = {
  // A volume in a storage pool of the engine is harmless. The engines take an empty value for none, here and below.
  "disk.source": (source, { pool }) =>
    pool && /^\w[\w.-]*$/.test(source) ? undefined : `gives the container "${source}" of the host`,
  "nic.type": (_, { network, nictype, parent }) => {
    // A network that the engine manages, or a cable that ends on the host without an address.
    if (network || nictype === "p2p") return undefined;
    return nictype === "physical"
      ? `takes the network card "${parent}" from the host and gives it to the container`
      : `puts the container on the network of the host's "${parent}"; for a network of the engine, name it by "network"`;
  },
  "proxy.type": (_, { bind, listen, connect }) =>
    !bind || bind === "host"
      ? `opens "${listen}" on the host, which leads into the container`
      : `lets the container connect to "${connect}" as if it were a program of the host`,
  "unix-block.type": hostHardware,
  "unix-char.type": hostHardware,
};

/** All keys, the longest first. */
const known = [...table.harmless, ...Object.keys({ ...risky, ...deviceRisks })].sort((a, b) => b.length - a.length);

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
 * What an engine's default profile gives away, in sentences: each container has that profile besides its own. The
 * network card in it is the user's choice.
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
  const ofDevice = deviceRisks[key];
  if (ofDevice) return ofDevice(value, device);
  const risk = risky[key];
  if (typeof risk !== "object") return risk;
  return harmlessValues[risk.unless].test(value) ? undefined : risk.gives;
}
