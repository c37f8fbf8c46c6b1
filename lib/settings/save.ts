/** `--save`: keeps options for a container, in a file whose entries come before the user's own. */

import { dirname, join } from "@std/path";
import { inputError } from "../base/errors.ts";
import { replaceFile, writeAll } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { lockFile } from "../base/lock.ts";
import { quoteWords } from "../base/shell_words.ts";
import { channelNamesOf, parseChannels } from "./channels.ts";
import { applySettings } from "./apply.ts";
import {
  checkSetting,
  listKeys,
  optionOf,
  readSettings,
  settingKeys,
  settingsFor,
  settingsPaths,
  shortened,
} from "./file.ts";

/** The options that are settings, by their keys. */
export function givenSettings(options: ReadonlyMap<string, string>): Map<string, string> {
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
  given: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [key, value] of given) checkSetting(host, key, value);
  if (settingsPaths(host).length === 0) throw inputError("$HOME is not set", "Set it: the settings are kept below it");
  await settingsFor(host, word);
}

/**
 * Keeps options for a container, in place of those that were kept before.
 *
 * @param word `[REMOTE:]NAME`
 * @throws {UserError} exit code 2
 */
export async function saveSettings(host: Host, word: string, given: ReadonlyMap<string, string>): Promise<void> {
  await checkSaving(host, word, given);
  const [path] = settingsPaths(host) as [string];
  await host.change(`write ${quoteWords([path])}`, async () => {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    using _turn = await lockFile(join(dirname(path), "config.yaml.lock"), { signal: host.signal });
    const saved = await readSettings(host, path);
    const old = saved.find(({ name }) => name === word)?.settings;
    const entry = entryText(word, await settingsToKeep(host, word, { given, old: [...old?.keys() ?? []] }));
    const others = saved.filter(({ name }) => name !== word).map(({ name, settings }) =>
      entryText(name, new Map([...settings].map(([key, { value }]) => [key, value])))
    );
    const text = ["# Kept by --save. What is set here comes before config.yaml.", "containers:", entry, ...others, ""];
    await replaceFile(path, (file) => writeAll(file, new TextEncoder().encode(text.join("\n"))));
    host.ui.status(`Kept in ${shortened(host, path)}:\n${entry}`);
  });
}

/**
 * The settings to keep. The next run must open the same channels as this one: when the options change one list of
 * channels, all of them are kept.
 *
 * @param options `old`: the keys that were kept before
 */
async function settingsToKeep(
  host: Pick<Host, "env">,
  word: string,
  { given, old }: { given: ReadonlyMap<string, string>; old: readonly string[] },
): Promise<Map<string, string>> {
  const settings = await settingsFor(host, word);
  const options = new Map([...given].map(([key, value]) => [optionOf(key), value]));
  const { values, atMost } = applySettings(options, settings);
  const lists = given.has("preset") || listKeys.some((key) => given.has(key)) ? listKeys : [];
  const keys = new Set<string>([...given.keys(), ...old, ...lists.filter((key) => settings.has(key))]);
  return new Map(
    settingKeys.filter((key) => keys.has(key)).map((key) => {
      const value = key === "at-most" ? atMost?.value : values.get(optionOf(key));
      const channels = (): string => channelNamesOf(new Set(parseChannels(value ?? ""))).join(",");
      return [key, listKeys.includes(key) ? channels() : value!];
    }),
  );
}

function entryText(name: string, settings: ReadonlyMap<string, string>): string {
  const lines = [...settings].map(([key, value]) =>
    `    ${key}: ${listKeys.includes(key) ? `[${value.replaceAll(",", ", ")}]` : JSON.stringify(value)}`
  );
  return [`  - name: ${JSON.stringify(name)}`, ...lines].join("\n");
}
