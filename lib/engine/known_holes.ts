/**
 * Versions of the engines with a known vulnerability that makes a foreign image root on the host, or with
 * a known fault.
 */

import holes from "./known_holes.json" with { type: "json" };
import { isAtLeast } from "../base/programs.ts";
import type { EngineCli } from "./engine.ts";

/**
 * For each engine, the one that was fixed last: a version without it has no older one either, such as CVE-2025-54287
 * and CVE-2026-23953 by a profile. From the CVE records and Debian's changelogs, November 2026. They name no version of
 * Incus 6.0 that is without it.
 *
 * `lets`: what an attacker can do, the rest of a sentence that begins with the engine and its version; `fixed`: the
 * first versions without it, those of the long-term lines, then the one since which all are without it.
 */
type KnownHole = Readonly<typeof holes[EngineCli]>;

/** The vulnerability that a version of an engine has, as it comes from its makers; undefined when none is known. */
export function knownHole(cli: EngineCli, version: string): KnownHole | undefined {
  return isFixed(version, holes[cli].fixed) ? undefined : holes[cli];
}

/**
 * Whether an engine's profile of AppArmor denies mounts to services of systemd 259 (LXD's issue 17073). It is not known
 * since which version of Incus it does not.
 */
export function deniesNewSystemd(cli: EngineCli, version: string): boolean {
  return cli === "lxc" && !isFixed(version, ["5.21.5", "6.7"]);
}

function isFixed(version: string, fixed: KnownHole["fixed"]): boolean {
  const since = fixed.at(-1)!;
  return fixed.some((first) => isAtLeast(version, first) && (first === since || seriesOf(version) === seriesOf(first)));
}

function seriesOf(version: string): string {
  return version.split(".", 2).join(".");
}
