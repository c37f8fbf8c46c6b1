/** The files that the command line of create.ts names: AUTHORIZED_KEYS, PROFILE and CLOUD_INIT, read and checked. */

import { join, resolve } from "@std/path";
import { attachSoftware, bundledCloudConfigs, bundledFile, bundledProfiles, waylandSoftware } from "./bundled.ts";
import { parseProfile, type Profile } from "./profile_file.ts";
import { profileRisks } from "../engine/profile_risks.ts";
import { parsePart, type PartFile, userConfig, userData } from "./user_data.ts";
import { hasPrivateKey, publicKeysIn } from "../container/ssh.ts";
import { InputError, inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { exists } from "../base/files.ts";
import { locateKey } from "../base/yaml.ts";

/** Which software for attach.ts a container gets; `wayland`: all but xpra. */
export type Software = "all" | "wayland" | "none";

/** A public key that may log in, and where its private key is. */
export interface Identity {
  /** The type and the key. */
  publicKey: string;
  /** Undefined when no file with it is known: it may be in an agent. */
  privateKeyPath: string | undefined;
}

/**
 * Reads AUTHORIZED_KEYS. A private key in it is refused, unless a person at the terminal takes it.
 *
 * @throws {UserError} exit code 2 for a private key, or when there is no public one
 */
export async function readAuthorizedKeys(host: Host, path: string): Promise<{ text: string; identities: Identity[] }> {
  const text = await readInput(path, { hint: "Check its path, or make a key pair: ssh-keygen -t ed25519" });
  const question = `"${path}" holds a PRIVATE key. Put it into the container?`;
  if (hasPrivateKey(text) && !await host.ui.confirm(question, { personOnly: true })) {
    throw inputError(`"${path}" holds a private key`, "Name the public one; its file usually ends in .pub");
  }
  const publicKeys = publicKeysIn(text);
  if (publicKeys.length === 0) {
    throw inputError(`There is no public key in "${path}"`, "Make a pair with ssh-keygen and name the .pub file");
  }
  const home = host.env("HOME");
  const candidates = [
    ...(path.endsWith(".pub") ? [resolve(path)] : []),
    ...(home === undefined ? [] : usualKeys.map((name) => join(home, ".ssh", name))),
  ];
  const privateKeys = new Map<string, string>();
  for (const publicPath of candidates) {
    const privatePath = publicPath.slice(0, -".pub".length);
    // A path that cannot be passed to ssh.
    if (/["\\\n]/.test(privatePath) || !await exists(privatePath)) continue;
    const [publicKey] = publicKeysIn(await Deno.readTextFile(publicPath).catch(() => ""));
    if (publicKey !== undefined && !privateKeys.has(publicKey)) privateKeys.set(publicKey, privatePath);
  }
  const identities = publicKeys.map((publicKey) => ({ publicKey, privateKeyPath: privateKeys.get(publicKey) }));
  return { text, identities };
}

/** The files that ssh-keygen writes public keys to by default (ssh(1), "FILES"). */
const usualKeys = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub", "id_ed25519_sk.pub", "id_ecdsa_sk.pub"];

/**
 * Reads PROFILE: a file, or the name of a bundled one. A file whose keys give something of the host away is refused, or
 * with `trusted` each of them is a warning. A bundled profile is trusted, also as a file.
 *
 * @throws {UserError} exit code 2, with file, line and column of each mistake and each such key
 */
export async function readProfile(host: Host, word: string, { trusted }: { trusted: boolean }): Promise<Profile> {
  const { path, text } = await readNamed(word, bundledProfiles);
  const profile = parseProfile(path, text);
  if (Object.values(bundledProfiles).includes(text)) return profile;
  const risks = profileRisks(profile).map(({ keys, gives }) => {
    const { line, column } = locateKey(text, keys);
    return `${path}:${line}:${column}: "${keys.join(".")}" ${gives}`;
  });
  if (!trusted && risks.length > 0) {
    throw new InputError(risks[0]!, {
      hint: "Take it out, or add --trust-profile if you trust whoever wrote the profile",
      output: risks.slice(1).join("\n"),
    });
  }
  for (const risk of risks) host.ui.warn(risk, { security: true });
  return profile;
}

/**
 * Reads CLOUD_INIT: files, or the names of bundled ones.
 *
 * @param options `user`: the name of the user that cloud-init makes, in place of the image's own; `software`: what is
 * added of what attach.ts needs
 * @returns the user-data
 * @throws {UserError} exit code 2, with file, line and column
 */
export async function readUserData(
  host: Host,
  words: readonly string[],
  { user, software }: { user: string | undefined; software: Software },
): Promise<string> {
  const files = await Promise.all(words.map((word) => readNamed(word, bundledCloudConfigs)));
  if (software !== "none" && !files.some(({ text }) => text === attachSoftware.text)) {
    files.push(software === "all" ? attachSoftware : waylandSoftware);
  }
  const parts = files.map((file) => parsePart(file, { warn: (message) => host.ui.warn(message) }));
  // The first of several values counts.
  return userData(user === undefined ? parts : [parsePart({ path: "user.yaml", text: userConfig(user) }), ...parts]);
}

/**
 * Reads the file that a word of the command line names: a bundled one of that name, else the one at that path. So a file
 * called `gui`, which a container may have left in the directory that it shares, is never taken for the bundled one.
 *
 * @throws {UserError} as {@linkcode readInput}
 */
export async function readNamed(word: string, files: typeof bundledProfiles): Promise<PartFile> {
  return Object.hasOwn(files, word) ? bundledFile(word, files[word]!) : { path: word, text: await readInput(word) };
}

/**
 * Reads a text file.
 *
 * @throws {UserError} exit code 2 when it is missing, a directory, unreadable, empty, or not UTF-8 text
 */
export async function readInput(path: string, { hint = "Check its path" } = {}): Promise<string> {
  const bytes = await Deno.readFile(path).catch((error) => {
    throw unreadable(path, error, hint);
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw inputError(`"${path}" is not UTF-8 text`, "Name a text file, or convert it with iconv");
  }
  if (text.includes("\0")) throw inputError(`"${path}" is not text but binary data`, "Name a text file");
  if (text.trim() === "") throw inputError(`The file "${path}" is empty`, "Name the file you meant");
  return text;
}

/** The error for a file that cannot be read; `hint`: what to do where it is missing. */
export function unreadable(path: string, error: unknown, hint: string): InputError {
  if (error instanceof Deno.errors.NotFound) return inputError(`There is no file "${path}"`, hint);
  if (error instanceof Deno.errors.IsADirectory) return inputError(`"${path}" is a directory`, "Name a file");
  return error instanceof Deno.errors.PermissionDenied
    ? inputError(`The file "${path}" may not be read`, "Check its permissions")
    : inputError(`Cannot read "${path}": ${error instanceof Error ? error.message : error}`, "Check its path");
}
