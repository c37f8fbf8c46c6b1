/** The words after NAME on the command line of create.ts: each of them is what it looks like. */

import { inputError, type UserError } from "../base/errors.ts";
import { hasPrivateKey, publicKeysIn } from "../container/ssh.ts";
import { type AppWord, isAppWord, readAppWord } from "./apps.ts";
import { bundledCloudConfigs, bundledProfiles } from "./bundled.ts";
import { readInput } from "./input_files.ts";
import { typeOfPart } from "./user_data.ts";

/** What the words ask for. */
export interface Words {
  /** AUTHORIZED_KEYS: a file; undefined for the key of create.ts itself. */
  keys: string | undefined;
  /** PROFILE: a file, or the name of a bundled one. */
  profile: string;
  /** Each CLOUD_INIT: a file, or the name of a bundled one. */
  cloudInit: string[];
  /** The other apps, in their order. */
  apps: AppWord[];
}

/** What a word may be, as errors name it. */
type Kind = "key" | "profile" | "cloud-config" | "app";

/**
 * Tells the words apart. A path or a name that ends in `.pub` is a key; then come the names of bundled profiles and
 * cloud-configs; any other word is a file, and what is in that decides.
 *
 * @throws {UserError} exit code 2, which says how each word was understood, for a word that is nothing of this, and for
 * two keys or two profiles
 */
export async function readWords(words: readonly string[]): Promise<Words> {
  const found: { word: string; kind: Kind }[] = [];
  for (const word of words) {
    const kind = await kindOf(word, { isFirst: found.length === 0, hasProfile: found.some(is("profile")) });
    if (kind === undefined) throw unknownWord(word, found);
    found.push({ word, kind });
  }
  const wordsOf = (kind: Kind): string[] => found.filter(is(kind)).map(({ word }) => word);
  for (const kind of ["key", "profile"] as const) {
    const [one, other] = wordsOf(kind);
    if (other === undefined) continue;
    throw inputError(
      `"${one}" and "${other}" are both a ${kind}`,
      `Leave one of them out. ${understood(found)}`,
    );
  }
  return {
    keys: wordsOf("key")[0],
    profile: wordsOf("profile")[0] ?? "gui",
    cloudInit: wordsOf("cloud-config"),
    apps: await Promise.all(wordsOf("app").map(readAppWord)),
  };
}

const is = (kind: Kind) => (one: { kind: Kind }): boolean => one.kind === kind;

async function kindOf(
  word: string,
  { isFirst, hasProfile }: { isFirst: boolean; hasProfile: boolean },
): Promise<Kind | undefined> {
  if (isAppWord(word)) return "app";
  if (word.endsWith(".pub")) return "key";
  if (Object.hasOwn(bundledProfiles, word)) return "profile";
  if (Object.hasOwn(bundledCloudConfigs, word)) return "cloud-config";
  // A file called like an app, or as a bundled one is misspelt, may be one that a container has left here.
  if (!word.includes("/") && !/\.ya?ml$/.test(word)) return undefined;
  const text = await readInput(word);
  if (typeOfPart(text) !== undefined) return "cloud-config";
  if (/\.ya?ml$/.test(word)) return hasProfile ? "cloud-config" : "profile";
  if (publicKeysIn(text).length > 0 || hasPrivateKey(text) || isFirst) return "key";
  return hasProfile ? "cloud-config" : "profile";
}

function unknownWord(word: string, before: readonly { word: string; kind: Kind }[]): UserError {
  const names = Object.keys({ ...bundledProfiles, ...bundledCloudConfigs });
  return inputError(
    `Nothing that comes with create.ts is called "${word}"`,
    `Name an app of the image's archive as apt:${word}, a file as ./${word}, or one of ` +
      `${names.filter((name) => name !== "xpra").join(", ")}. ${understood(before)}`,
  );
}

/** How the words were understood, as a sentence. */
function understood(found: readonly { word: string; kind: Kind }[]): string {
  if (found.length === 0) return "";
  return `Understood: ${found.map(({ word, kind }) => `"${word}" as ${kind}`).join(", ")}`;
}
