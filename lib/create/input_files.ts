/** Reads and checks the files on create.ts's command line: AUTHORIZED_KEYS, PROFILE and CLOUD_INIT. */

import { join, resolve } from "@std/path";
import { attachSoftware, bundledProfiles, waylandSoftware } from "./bundled.ts";
import { parseProfile, type Profile } from "./profile_file.ts";
import { profileRisks } from "../engine/profile_risks.ts";
import { parsePart, type PartFile, userConfig, userData } from "./user_data.ts";
import { hasPrivateKey, type Identity, publicKeysIn } from "../container/ssh.ts";
import { InputError, inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { exists, unreadable } from "../base/files.ts";
import { locateKey } from "../base/yaml.ts";

/** Which software for attach.ts is installed in a container. `wayland`: all but xpra. */
export type Software = "all" | "wayland" | "none";

/** The keys that may log in: the text of AUTHORIZED_KEYS, and each public key in it. */
export interface Keys {
  text: string;
  identities: Identity[];
}

/**
 * Finds the private key of each public key in AUTHORIZED_KEYS. A private key in that file is refused, unless a person
 * at the terminal confirms it.
 *
 * @throws {UserError} exit code 2 for a private key, or without a public key
 */
export async function readKeys(host: Host, { path, text }: PartFile): Promise<Keys> {
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
    // Skips a path that cannot be passed to ssh.
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
 * Parses PROFILE. Keys that give the container access to the host are errors, or, with `trusted`, warnings. A bundled
 * profile is trusted, even as a file.
 *
 * @throws {UserError} exit code 2, with file, line and column of each mistake and each such key
 */
export function readProfile(host: Host, { path, text }: PartFile, { trusted }: { trusted: boolean }): Profile {
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
 * Joins the files of CLOUD_INIT, and the software for attach.ts, into the user-data.
 *
 * @param options `user`: the name of the user that cloud-init makes instead of the image's default user; `software`:
 * which software for attach.ts is added
 * @throws {UserError} exit code 2, with file, line and column
 */
export function readUserData(
  host: Host,
  files: readonly PartFile[],
  { user, software }: { user: string | undefined; software: Software },
): string {
  const isAdded = software !== "none" && !files.some(({ text }) => text === attachSoftware.text);
  const added = isAdded ? [software === "all" ? attachSoftware : waylandSoftware] : [];
  const parts = [...files, ...added].map((file) => parsePart(file, { warn: (message) => host.ui.warn(message) }));
  // First in the list, since the first of several values counts.
  return userData(user === undefined ? parts : [parsePart({ path: "user.yaml", text: userConfig(user) }), ...parts]);
}

/**
 * Reads a text file, without a byte-order mark in front.
 *
 * @throws {UserError} exit code 2 when it is missing, a directory, unreadable, empty, or not UTF-8 text
 */
export async function readInput(path: string): Promise<string> {
  const makeKey = path.endsWith(".pub") ? ", or make a key pair: ssh-keygen -t ed25519" : "";
  const bytes = await Deno.readFile(path).catch((error) => {
    throw unreadable(path, error, `Check its path${makeKey}`);
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw inputError(`"${path}" is not UTF-8 text`, "Name a text file, or convert it with iconv");
  }
  if (text.includes("\0")) throw inputError(`"${path}" is not text but binary data`, "Name a text file");
  if (text.trim() === "") throw inputError(`The file "${path}" is empty`, "Name the file you meant");
  return text;
}
