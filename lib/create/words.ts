/** The words after NAME on create.ts's command line, told apart by form and content. Each file is read once. */

import { inputError, type UserError } from "../base/errors.ts";
import { hasPrivateKey, publicKeysIn } from "../container/ssh.ts";
import { type AppWord, isAppWord, readAppWord } from "./apps.ts";
import { bundledCloudConfigs, bundledFile, bundledProfiles } from "./bundled.ts";
import { readInput } from "./input_files.ts";
import { type PartFile, typeOfPart } from "./user_data.ts";

/** The files that the words name, and the other apps, in order. */
export interface Words {
  /** AUTHORIZED_KEYS; undefined for create.ts's own key. */
  keys: PartFile | undefined;
  profile: PartFile;
  cloudInit: PartFile[];
  apps: AppWord[];
}

/** A word, its kind, as errors call it, and the file that it names, unless it is an app. */
interface Understood {
  word: string;
  kind: "key" | "profile" | "cloud-config" | "app";
  file?: PartFile;
}

/**
 * Finds the kind of each word. The name of a bundled file always means the bundled file, never a file of that name that
 * a container may have left in its shared directory. A path or a name that ends in `.pub` is a key. For any other path,
 * the content of the file decides.
 *
 * @throws {UserError} exit code 2 for a word that is none of these, and for two keys or two profiles, each with the
 * kinds of the words so far; and as {@linkcode readInput}
 */
export async function readWords(words: readonly string[]): Promise<Words> {
  const found: Understood[] = [];
  for (const word of words) {
    const hasProfile = found.some(({ kind }) => kind === "profile");
    const one = await understand(word, { isFirst: found.length === 0, hasProfile });
    if (!one) throw unknownWord(word, found);
    const other = found.find(({ kind }) => kind === one.kind);
    found.push(one);
    if (other && (one.kind === "key" || one.kind === "profile")) {
      const both = `"${other.word}" and "${word}" are both a ${one.kind}`;
      throw inputError(both, `Leave one of them out${asSentence(found)}`);
    }
  }
  const filesOf = (wanted: Understood["kind"]): PartFile[] =>
    found.flatMap(({ kind, file }) => file && kind === wanted ? [file] : []);
  return {
    keys: filesOf("key")[0],
    profile: filesOf("profile")[0] ?? bundledFile("gui", bundledProfiles.gui!),
    cloudInit: filesOf("cloud-config"),
    apps: await Promise.all(words.filter(isAppWord).map(readAppWord)),
  };
}

async function understand(
  word: string,
  { isFirst, hasProfile }: { isFirst: boolean; hasProfile: boolean },
): Promise<Understood | undefined> {
  if (isAppWord(word)) return { word, kind: "app" };
  for (const [kind, files] of [["profile", bundledProfiles], ["cloud-config", bundledCloudConfigs]] as const) {
    if (Object.hasOwn(files, word)) return { word, kind, file: bundledFile(word, files[word]!) };
  }
  const [isKey, isYaml] = [word.endsWith(".pub"), /\.ya?ml$/.test(word)];
  // A bare name is a misspelt app. A file of that name may have been left here by a container.
  if (!isKey && !isYaml && !word.includes("/")) return undefined;
  const text = await readInput(word);
  const file = { path: word, text };
  if (isKey) return { word, kind: "key", file };
  if (typeOfPart(text) !== undefined) return { word, kind: "cloud-config", file };
  const hasKeys = publicKeysIn(text).length > 0 || hasPrivateKey(text);
  if (!isYaml && (hasKeys || isFirst)) return { word, kind: "key", file };
  return { word, kind: hasProfile ? "cloud-config" : "profile", file };
}

function unknownWord(word: string, before: readonly Understood[]): UserError {
  const names = Object.keys({ ...bundledProfiles, ...bundledCloudConfigs });
  return inputError(
    `Nothing that comes with create.ts is called "${word}"`,
    `Name an app of the image's archive as apt:${word}, a file as ./${word}, or one of ` +
      `${names.filter((name) => name !== "xpra").join(", ")}${asSentence(before)}`,
  );
}

/** The kinds of the words, as a sentence after another. */
function asSentence(found: readonly Understood[]): string {
  if (found.length === 0) return "";
  return `. Understood: ${found.map(({ word, kind }) => `"${word}" as ${kind}`).join(", ")}`;
}
