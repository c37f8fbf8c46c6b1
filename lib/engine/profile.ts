/** Profiles as the engine keeps them. */

import type { Host } from "../base/host.ts";
import { configIn, type Device, devicesIn, listIn, tableIn, textIn, textsIn } from "./answer.ts";
import { type Engine, type Instance, labelOf, query, request, run } from "./engine.ts";
import type { OnServer } from "./server.ts";
import { isProcessError, orElse, UserError } from "../base/errors.ts";

export interface EngineProfile {
  config: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Device>>;
  /** API paths of what uses it: instances, as `/1.0/instances/NAME`. */
  used_by: readonly string[];
}

/** The profile of this name; undefined when there is none. */
export async function findProfile(host: Host, { engine, name }: Instance): Promise<EngineProfile | undefined> {
  const answer = await query(host, engine, `/1.0/profiles/${name}`);
  return answer === undefined ? undefined : profileIn(answer);
}

export async function listProfiles(host: Host, engine: Engine): Promise<(EngineProfile & { name: string })[]> {
  return listIn(await query(host, engine, "/1.0/profiles?recursion=1"))
    .map((json) => ({ ...profileIn(json), name: textIn(tableIn(json).name) }));
}

function profileIn(json: unknown): EngineProfile {
  const { config, devices, used_by: users } = tableIn(json);
  return { config: configIn(config), devices: devicesIn(devices), used_by: textsIn(users) };
}

/** The profile as YAML, as {@linkcode setProfile} takes it. */
export async function showProfile(host: Host, profile: Instance): Promise<string> {
  return (await run(host, profile.engine, ["profile", "show", labelOf(profile)], { looksOnly: true })).stdout;
}

/**
 * Makes a profile with a configuration in one call, so that its marks are there even when the run ends right after. The
 * rest follows by {@linkcode setProfile}, which takes any size.
 *
 * @throws {UserError} when there is one of that name
 */
export async function createProfile(
  host: Host,
  { engine, name }: Instance,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const made = request(host, engine, { method: "POST", path: "/1.0/profiles", data: { name, config } });
  await orElse(made, isProcessError, (error) => {
    if (!/already exists/i.test(error.stderr)) throw error;
    throw new UserError(`A profile named "${name}" already exists`, {
      hint: "Another program has just made it: choose another name, or run it again to be asked about the profile",
      cause: error,
    });
  });
}

/** Replaces all that a profile holds. `yaml` is what `lxc profile edit` takes. */
export async function setProfile(host: Host, profile: Instance, yaml: string): Promise<void> {
  await run(host, profile.engine, ["profile", "edit", labelOf(profile)], { stdin: { text: yaml } });
}

export async function deleteProfile(host: Host, profile: Instance): Promise<void> {
  await run(host, profile.engine, ["profile", "delete", labelOf(profile)]);
}

/**
 * Refuses a profile that is used by anything but the container of the same name. A project without profiles of its own
 * (`features.profiles`) has those of the default project.
 *
 * @param options `copies`: instances that may use it, too
 * @throws {UserError} names the users
 */
export function refuseUsedByOthers(
  { engine: { cli, server: { project = "default" } }, name }: OnServer & { engine: { cli: string } },
  { profile, copies = [] }: { profile: EngineProfile; copies?: readonly string[] },
): void {
  const own = [name, ...copies].map((instance) => `/1.0/instances/${instance}`);
  const others = profile.used_by.filter((path) => {
    const [pathname = "", query] = path.split("?");
    return !own.includes(pathname) || (new URLSearchParams(query).get("project") ?? "default") !== project;
  });
  if (others.length === 0) return;
  throw new UserError(`The profile "${name}" is used by others: ${others.join(", ")}`, {
    hint: `Remove it from them first (${cli} profile remove INSTANCE ${name}), or choose another name`,
  });
}
