/** The profile of a container: checks the file PROFILE, and joins it with the user-data. */

import { stringify } from "@std/yaml";
import { protectionKey } from "../engine/instance.ts";
import { inputError } from "../base/errors.ts";
import { isMap, locateKey, parseYaml } from "../base/yaml.ts";

/** A profile, in the engines' format. */
export interface Profile {
  config: Record<string, string>;
  description: string;
  /** Devices by name, each with its keys and values. */
  devices: Record<string, Record<string, string>>;
}

/** The configuration key of the user-data. All images support it; only newer ones support `cloud-init.user-data`. */
export const userDataKey = "user.user-data";

/**
 * The configuration key of a container that can reach only the Internet: "true" in a profile file. In the engine, its
 * value is the name of the proxy's container.
 */
export const internetKey = "user.gui-container.internet";

/**
 * Parses a profile file.
 *
 * @throws {UserError} exit code 2, with file, line and column, for anything but `config`, `devices` and `description`
 */
export function parseProfile(path: string, text: string): Profile {
  const data = parseYaml(path, text);
  const fail = (keys: readonly string[], what: string, hint: string): never => {
    const { line, column } = locateKey(text, keys);
    throw inputError(`${path}:${line}:${column}: ${what}`, hint);
  };
  if (!isMap(data)) return fail([], "A profile is a map", "Write the keys config:, devices: and description:");
  const other = Object.keys(data).find((key) => !["config", "description", "devices"].includes(key));
  if (other !== undefined) {
    fail([other], `Unknown key "${other}" in the profile`, "A profile holds config, devices and description only");
  }
  const { description = "" } = strings({ description: data.description ?? "" }, [], fail);
  const config = strings(data.config ?? {}, ["config"], fail);
  const own = [userDataKey, "cloud-init.user-data"].find((key) => key in config);
  if (own !== undefined) {
    const hint = "Put it in a file and name that as CLOUD_INIT";
    fail(["config", own], `The profile has user-data of its own in "${own}"`, hint);
  }
  if (/^(true|1|yes|on)$/i.test(config["security.privileged"] ?? "")) {
    fail(
      ["config", "security.privileged"],
      "A privileged container cannot be used",
      "Root in it is root on the host: take it out",
    );
  }
  if (config[internetKey] !== undefined && config[internetKey] !== "true") {
    fail(["config", internetKey], `"${internetKey}" has a value other than "true"`, "Take the key out, or correct it");
  }
  const devices = data.devices ?? {};
  if (!isMap(devices)) return fail(["devices"], '"devices" is not a map', "Write one key for each device");
  refuseControlCharacters(Object.keys(devices), ["devices"], fail);
  const taken = ["xpra", "share", "internet"].find((name) => name in devices);
  if (taken !== undefined) {
    const hint = "create.ts adds a device of that name: choose another";
    fail(["devices", taken], `The device name "${taken}" is taken`, hint);
  }
  return {
    config,
    description,
    devices: Object.fromEntries(
      Object.entries(devices).map(([name, device]) => [name, strings(device, ["devices", name], fail)]),
    ),
  };
}

/** The profile with additional configuration, as YAML for `lxc profile edit`. */
export function profileYaml(profile: Profile, config: Readonly<Record<string, string>>): string {
  return stringify({ ...profile, config: { ...profile.config, ...config } }, { lineWidth: -1 });
}

/**
 * The profile while cloud-init installs software: without devices of the type "none". Such a device removes one of the
 * engine's default profile, such as the network card. Returns the same object if there is none.
 */
export function profileForSetup(profile: Profile): Profile {
  const devices = Object.entries(profile.devices);
  const given = devices.filter(([, { type }]) => type !== "none");
  return given.length === devices.length ? profile : { ...profile, devices: Object.fromEntries(given) };
}

/**
 * The profile while a failure would remove the container again: without {@linkcode protectionKey}. Returns the same
 * object if the key is not set.
 */
export function withoutProtection(profile: Profile): Profile {
  if (!(protectionKey in profile.config)) return profile;
  const { [protectionKey]: _, ...config } = profile.config;
  return { ...profile, config };
}

type Fail = (keys: readonly string[], what: string, hint: string) => never;

function strings(data: unknown, keys: readonly string[], fail: Fail): Record<string, string> {
  if (!isMap(data)) return fail(keys, `"${keys.join(".")}" is not a map`, "Write one key a line below it");
  refuseControlCharacters(Object.keys(data), keys, fail);
  for (const [key, value] of Object.entries(data)) {
    const name = [...keys, key].join(".");
    if (typeof value !== "string") {
      const hint = typeof value === "object" ? "Values here are text" : `Put it in quotes: ${key}: "${value}"`;
      fail([...keys, key], `The value of "${name}" is not text`, hint);
    } else if (forbiddenIn(name).test(value)) {
      fail([...keys, key], `The value of "${name}" has a line end or another control character`, hintForControl);
    }
  }
  return data as Record<string, string>;
}

const hintForControl = "Some engines would write what follows into the container's lxc.conf: take it out";

/**
 * Refuses keys with control characters: engines write keys and values line by line into files from which root starts
 * the container (CVE-2026-23953, in LXD and in Incus before 6.0.6 and 6.21).
 */
function refuseControlCharacters(names: readonly string[], keys: readonly string[], fail: Fail): void {
  const name = names.find((name) => /\p{Cc}/u.test(name));
  if (name !== undefined) fail([...keys, name], `A key in "${keys.join(".")}" has a control character`, hintForControl);
}

/** Characters that a key's value must not contain: control characters, except tabs and newlines in texts and files. */
function forbiddenIn(name: string): RegExp {
  return /^(?:description$|config\.(?:cloud-init|raw|user)\.)/.test(name) ? /(?![\t\n])\p{Cc}/u : /\p{Cc}/u;
}
