/** Reads and checks a request to make a container: the words and files of create.ts's command line. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { type Arguments, parseDuration } from "../cli/options.ts";
import { type Address, addressCalled, type EngineOptions } from "../container/address.ts";
import { checkUserName } from "../container/user.ts";
import { parseInstancePath } from "../engine/instance_name.ts";
import type { ExportRequest } from "./export/export.ts";
import { menuOf } from "./export/menu.ts";
import { type Keys, readKeys, readProfile, readUserData, type Software } from "./input_files.ts";
import { parseHosts } from "./internet/proxy_config.ts";
import { type Proxy, proxyFor } from "./internet/proxy.ts";
import { bundledCloudConfigs, bundledProfiles } from "./bundled.ts";
import { readWords } from "./words.ts";
import type { AppWord } from "./apps.ts";
import { internetKey, type Profile, userDataKey } from "./profile_file.ts";

export interface Request {
  /** The container, which does not exist yet. */
  container: Address;
  /** The keys that may log in; undefined for the scripts' own key. */
  keys: Keys | undefined;
  /** The profile, including the user-data. */
  profile: Profile;
  /** The image; undefined for the engine's default. */
  image: string | undefined;
  /** The proxy of a container that can reach only the Internet; undefined for all others. */
  proxy: Omit<Proxy, "engine"> | undefined;
  user: string | undefined;
  /** The time limit for cloud-init, in milliseconds. */
  timeoutMs: number;
  /** The cluster member, or `@GROUP`, to make it on. */
  target: string | undefined;
  /** Whether to keep it as an image for later containers of the same recipe. */
  cache: boolean;
  /** Which software for attach.ts is installed. */
  software: Software;
  /** Apps to install once cloud-init has ended. */
  apps: AppWord[];
  keepFailed: boolean;
  /** The apps to put into the menu at the end; undefined without `--export`. */
  exports: ExportRequest | undefined;
}

/**
 * Reads the command line and the files that it names.
 *
 * @throws {UserError} exit code 2 for a mistake in it, or in a file
 */
export async function readCreateRequest(
  host: Host,
  { engine, project, ...args }: Arguments<string> & EngineOptions,
): Promise<Request> {
  const { positionals, flags, values } = args;
  const end = flags.get("export");
  const [word, ...words] = positionals.slice(0, end);
  // The module is loaded only if needed.
  const exports = end === undefined
    ? undefined
    : (await import("./export/export.ts")).readExport(positionals.slice(end), args);
  const example = "For example: create.ts my-container firefox";
  if (word === undefined) throw inputError("NAME is missing", example);
  parseInstancePath(word);
  const isBundled = [bundledProfiles, bundledCloudConfigs].some((files) => Object.hasOwn(files, word));
  if (words.length === 0 && isBundled) throw inputError(`NAME is missing before "${word}"`, example);
  const { keys: keysFile, profile: profileFile, cloudInit, apps } = await readWords(words);
  const container = await addressCalled(host, { word, engine, project });
  if (exports) menuOf(host, container.hostName);
  const image = values.get("image");
  if (image?.startsWith("-")) {
    throw inputError(`"${image}" is not an image`, "Name one as the engine does: ubuntu:24.04");
  }
  const user = values.get("user");
  if (user !== undefined) checkUserName(user);
  const target = values.get("target");
  if (target !== undefined && !/^@?[A-Za-z0-9][\w.-]*$/.test(target)) {
    throw inputError(`"${target}" is not a member of a cluster`, "Name a member, or a group of members as @GROUP");
  }
  const keys = keysFile && await readKeys(host, keysFile);
  const software = flags.has("bare") ? "none" : flags.has("without-xpra") ? "wayland" : "all";
  const profile = readProfile(host, profileFile, { trusted: flags.has("trust-profile") });
  const hosts = values.get("allow-hosts");
  const hasProxy = internetKey in profile.config;
  if (hosts !== undefined && !hasProxy) {
    throw inputError(
      "The option --allow-hosts can only be used with the profile gui-internet",
      "Leave it out, or name gui-internet as PROFILE",
    );
  }
  const userData = readUserData(host, cloudInit, { user, software });
  return {
    container,
    keys,
    proxy: hasProxy ? await proxyFor(hosts === undefined ? [] : parseHosts(hosts), image) : undefined,
    profile: { ...profile, config: { ...profile.config, [userDataKey]: userData } },
    image,
    user,
    timeoutMs: parseDuration(values.get("timeout") ?? "20m"),
    target,
    cache: flags.has("cache"),
    software,
    apps,
    keepFailed: flags.has("keep-failed"),
    exports,
  };
}
