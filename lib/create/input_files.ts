/** The files that the command line of create.ts names: AUTHORIZED_KEYS, PROFILE and CLOUD_INIT, read and checked. */

import { bundledCloudConfigs, bundledProfiles, readNamed } from "./bundled.ts";
import { parseProfile, type Profile } from "./profile_file.ts";
import { checkSchema } from "./schema.ts";
import { parsePart, userData } from "./user_data.ts";
import { inspectKeys } from "../container/ssh.ts";
import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { readInput } from "../base/input.ts";

/**
 * Reads AUTHORIZED_KEYS. A private key in it is refused, unless a person at the terminal takes it.
 *
 * @throws {UserError} exit code 2 for a private key, or when there is no public one
 */
export async function readAuthorizedKeys(host: Host, path: string): Promise<string> {
  const keys = await readInput(path);
  const { privateKey, publicKey } = inspectKeys(keys);
  const question = `"${path}" holds a PRIVATE key. Put it into the container?`;
  if (privateKey && !await host.ui.confirm(question, { personOnly: true })) {
    throw inputError(`"${path}" holds a private key`, "Name the public one; its file usually ends in .pub");
  }
  if (!publicKey) {
    throw inputError(`There is no public key in "${path}"`, "Make a pair with ssh-keygen and name the .pub file");
  }
  return keys;
}

/**
 * Reads PROFILE: a file, or the name of a bundled one.
 *
 * @throws {UserError} exit code 2, with file, line and column
 */
export async function readProfile(word: string): Promise<Profile> {
  const { path, text } = await readNamed(word, bundledProfiles);
  return parseProfile(path, text);
}

/**
 * Reads CLOUD_INIT: files, or the names of bundled ones. The host's own cloud-init checks the files.
 *
 * @returns the user-data
 * @throws {UserError} exit code 2, with file, line and column
 */
export async function readUserData(host: Host, words: readonly string[]): Promise<string> {
  const parts = await Promise.all(words.map(async (word) => {
    const { path, text, bundled } = await readNamed(word, bundledCloudConfigs);
    const part = parsePart(path, text);
    if (!bundled) await checkSchema(host, path, part);
    return part;
  }));
  return userData(parts);
}
