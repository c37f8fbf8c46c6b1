/** Options that are kept for a container: an entry at the top of the settings. The rest of the file stays as it is. */

import { dirname } from "@std/path";
import { inputError } from "../../base/errors.ts";
import { ifThere, writeAll } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { lockFile } from "../../base/lock.ts";
import { quoteWords } from "../../base/shell_words.ts";
import { channelNamesOf, parseChannels } from "../session/channels.ts";
import { applySettings } from "./apply.ts";
import {
  checkSetting,
  listKeys,
  optionOf,
  parseSettings,
  readSettingsText,
  type SettingKey,
  settingKeys,
  type Settings,
  settingsPath,
  shortened,
} from "./file.ts";

/** The line above an entry that was written here. */
const mark = "# Kept by --save";

/** Options of a command line that are settings: what it says, by key. */
export function givenSettings(options: ReadonlyMap<string, string>): Map<SettingKey, string> {
  return new Map(settingKeys.flatMap((key) => options.has(optionOf(key)) ? [[key, options.get(optionOf(key))!]] : []));
}

/**
 * Checks that options can be kept for a container.
 *
 * @throws {UserError} exit code 2
 */
export async function checkSaving(
  host: Pick<Host, "env">,
  word: string,
  given: ReadonlyMap<SettingKey, string>,
): Promise<void> {
  for (const [key, value] of given) checkSetting(host, key, value);
  const path = settingsPath(host);
  if (path === undefined) throw inputError("$HOME is not set", "Set it: the settings are kept below it");
  await withEntry(host, await readSettingsText(host, path) ?? "", { word, given });
}

/**
 * Keeps options for a container. What was kept for it before stays, unless it is among them.
 *
 * @param word `[REMOTE:]NAME`
 * @throws {UserError} exit code 2 when no entry can be added to the text
 */
export async function saveSettings(host: Host, word: string, given: ReadonlyMap<SettingKey, string>): Promise<void> {
  await checkSaving(host, word, given);
  const path = settingsPath(host)!;
  await host.change(`write ${quoteWords([path])}`, async () => {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    using _turn = await lockFile(`${path}.lock`, { signal: host.signal });
    const { text, entry } = await withEntry(host, await readSettingsText(host, path) ?? "", { word, given });
    await writeSettings(path, text);
    host.ui.status(`Kept in ${shortened(host, path)}:\n${entry}`);
  });
}

/**
 * Replaces the file in one step; one that is a link, such as into a directory with all of a user's settings, in place:
 * scripts may make no file beside what that leads to. A run that reads it meanwhile ends with an error.
 */
async function writeSettings(path: string, text: string): Promise<void> {
  if (!(await ifThere(Deno.lstat(path)))?.isSymlink) {
    await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
    return await Deno.rename(`${path}.new`, path);
  }
  const bytes = new TextEncoder().encode(text);
  using file = await Deno.open(path, { write: true });
  await writeAll(file, bytes);
  await file.truncate(bytes.length);
}

/**
 * The text of the settings with an entry for a container at the top, and that entry.
 *
 * @throws {UserError} exit code 2 when the text is written so that no entry can be added
 */
export async function withEntry(
  host: Pick<Host, "env">,
  text: string,
  { word, given }: { word: string; given: ReadonlyMap<SettingKey, string> },
): Promise<{ text: string; entry: string }> {
  const isList = (line: string): boolean => /^containers\s*:/.test(line);
  const written = text.trim() === "" ? [] : text.replace(/\n$/, "").split("\n");
  const lines = written.some(isList) ? written : [...written, "containers:"];
  const list = lines.findIndex(isList);
  const first = lines.find((line, index) => index > list && /^\s*-\s/.test(line));
  const indentation = /^\s*/.exec(first ?? "  ")![0];
  const head = [`${indentation}${mark}`, `${indentation}- name: ${quoted(word)}`];
  const from = lines.findIndex((line, index) => line === head[0] && lines[index + 1] === head[1]);
  const below = from < 0 ? [] : lines.slice(from + 2);
  const end = below.findIndex((line) => !line.startsWith(`${indentation}  `));
  const old = from < 0 ? [] : [...head, ...end < 0 ? below : below.slice(0, end)];
  const rest = from < 0 ? lines : lines.toSpliced(from, old.length);
  const [kept] = await parseSettings(host, ["containers:", ...old].join("\n"));
  const settings = withKept(given, kept?.settings ?? new Map());
  const entry = [
    ...head,
    ...settingKeys.filter((key) => settings.has(key)).map((key) => {
      const value = settings.get(key)!;
      const isNames = listKeys.some((one) => one === key);
      return `${indentation}  ${key}: ${isNames ? `[${value.split(",").join(", ")}]` : quoted(value)}`;
    }),
  ];
  const shown = entry.slice(1).join("\n");
  const made = `${rest.toSpliced(list + 1, 0, ...entry).join("\n")}\n`;
  try {
    const [top, ...others] = await plainEntries(host, made);
    const isWhole = `${others}` === `${await plainEntries(host, rest.join("\n"))}`;
    if (isWhole && top === plainEntry(word, (key) => settings.get(key))) {
      return { text: made, entry: shown };
    }
  } catch {
    // What is there is written in another style.
  }
  throw inputError(
    `An entry cannot be added to ${shortened(host, settingsPath(host)!)} without changing the rest of it`,
    `Add it by hand, at the top of "containers:":\n${shown}`,
  );
}

/** The settings to keep: the options, over what was kept before. */
function withKept(given: ReadonlyMap<SettingKey, string>, kept: Settings): Map<SettingKey, string> {
  const options = new Map([...given].map(([key, value]) => [optionOf(key), value]));
  const { values, atMost } = applySettings(options, kept);
  const settings = givenSettings(values);
  if (atMost) settings.set("at-most", atMost.value);
  for (const key of listKeys) {
    const channels = parseChannels(settings.get(key) ?? "");
    if (channels.length > 0) settings.set(key, channelNamesOf(new Set(channels)).join(","));
  }
  return settings;
}

/** The entries of a text, to compare them. */
async function plainEntries(host: Pick<Host, "env">, text: string): Promise<string[]> {
  return (await parseSettings(host, text)).map(({ name, settings }) =>
    plainEntry(name, (key) => settings.get(key)?.value)
  );
}

function plainEntry(name: string, valueOf: (key: SettingKey) => string | undefined): string {
  return JSON.stringify([name, settingKeys.map(valueOf)]);
}

/** A text as YAML has it, in quotes where it could mean something else. */
function quoted(text: string): string {
  return /^[a-z][a-z-]{3,}$/i.test(text) && !/^(?:true|false|null)$/i.test(text) ? text : JSON.stringify(text);
}
