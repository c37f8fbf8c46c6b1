/** Warns of limits in a profile that the engine does not enforce on its host. The engine itself does not say so. */

import type { Host } from "../base/host.ts";
import { type Engine, environmentOf, warningsOf } from "../engine/engine.ts";

/** What an engine's warning says of each kind of limit. */
const ignoredLimits: Readonly<Record<string, RegExp>> = {
  "limits.memory": /memory limits will be ignored/,
  "limits.cpu": /CPU pinning will be ignored/,
  "limits.processes": /process limits will be ignored/,
};

/**
 * Warns of each limit in a profile's `config` that has no effect: Incus 7.0.2 takes limits on a host with cgroup v1,
 * and does nothing about them. A user who may not see the engine's warnings hears nothing.
 */
export async function warnOfLimits(
  host: Host,
  engine: Engine,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const keys = Object.keys(ignoredLimits).filter((key) => Object.hasOwn(config, key));
  if (keys.length === 0) return;
  const warnings = await environmentOf(host, engine).then((environment) => warningsOf(host, engine, environment)).catch(
    () => {},
  );
  for (const key of keys) {
    const warning = warnings?.find((warning) => ignoredLimits[key]!.test(warning));
    if (warning) host.ui.warn(`"${key}" has no effect on this host: ${engine.product} says "${warning}"`);
  }
}
