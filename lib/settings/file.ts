/**
 * The settings of containers: those that a person writes into `$XDG_CONFIG_HOME/gui-container/config.yaml`, and those
 * that `--save` keeps beside it. Their entries have patterns, as in ssh_config(5): each key is taken from the first
 * entry that matches and has it. No container can write there.
 */

import { channels, openedKinds } from "../channels/table.ts";
import { dirname, isAbsolute, join } from "@std/path";
import { inputError, UserError } from "../base/errors.ts";
import { ifThere } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { readJson } from "../base/json_file.ts";
import { quoteWords } from "../base/shell_words.ts";
import type { DisposableRecord } from "../container/disposables.ts";
import { disposableRecordPath, mountsIn } from "../container/paths.ts";
import { wantedCli } from "../engine/engine.ts";
import { parseBorder } from "./border_option.ts";
import { parseDestinations } from "../channels/destinations.ts";
import { askedChannels, openChannels } from "./channels.ts";
import { wantedDisplay } from "./request.ts";

/** Checks a value as it stands on a command line, where the names of a list have commas between them. */
type SettingCheck = (value: string, host: Pick<Host, "env">) => unknown;

/** The keys of an entry, each with what checks its value. `allow`, `deny` and `ask` are lists. */
const settingChecks: Readonly<Record<string, SettingCheck>> = {
  "preset": (preset) => openChannels({ preset }),
  "allow": (allow) => openChannels({ allow }),
  "deny": (deny) => openChannels({ deny }),
  "ask": (ask) => askedChannels({ ask }),
  "at-most": (preset) => openChannels({ preset }),
  "display": (display, host) => wantedDisplay(host, display),
  "border": parseBorder,
  "engine": (engine, host) => wantedCli(host, engine),
  "project": () => {},
  ...Object.fromEntries(openedKinds.map((kind) => [kind, (value: string) => parseDestinations(value, { kind })])),
  ...Object.fromEntries(channels.flatMap(({ name, setting }) => setting ? [[name, matching(setting)]] : [])),
  "history": matching([/^(?:on|off)$/, "history: off"]),
};

function matching([pattern, example]: readonly [RegExp, string]): SettingCheck {
  return (value) => {
    if (!pattern.test(value)) throw inputError(`"${value}" does not fit here`, `Write ${example}`);
  };
}

/** All keys, in the order in which they are shown. */
export const settingKeys: readonly string[] = Object.keys(settingChecks);

/** The option of attach.ts with the meaning of a key. */
export function optionOf(key: string): string {
  return openedKinds.includes(key) ? `${key}-to` : key;
}

/** The keys whose values are lists of channels. */
export const listKeys: readonly string[] = ["allow", "deny", "ask"];

export interface Setting {
  /** As on a command line. */
  value: string;
  /** Where it is written: the path and the line, with `~` for the home directory. */
  from: string;
}

export type Settings = ReadonlyMap<string, Setting>;

export interface Entry {
  /** The pattern: `*` stands for any characters, `?` for one. */
  name: string;
  settings: Settings;
  /** Where it is written. */
  from: string;
}

/**
 * Checks a value as it stands on a command line.
 *
 * @throws {UserError} exit code 2
 */
export function checkSetting(host: Pick<Host, "env">, key: string, value: string): void {
  settingChecks[key]!(value, host);
}

/**
 * The files with settings, in the order in which they count: that of `--save`, and the user's. None when neither
 * `$XDG_CONFIG_HOME` nor `$HOME` is set.
 */
export function settingsPaths(host: Pick<Host, "env">): string[] {
  const [config, home] = [host.env("XDG_CONFIG_HOME"), host.env("HOME")];
  const directory = config !== undefined && isAbsolute(config) ? config : home && join(home, ".config");
  return directory ? ["saved.yaml", "config.yaml"].map((name) => join(directory, "gui-container", name)) : [];
}

/**
 * The settings that hold for a container.
 *
 * @param word `[REMOTE:]NAME`, as the user has typed it
 * @throws {UserError} exit code 2 for a file that others can write, and for one with an error, whichever entry has it
 */
export async function settingsFor(host: Pick<Host, "env">, word: string): Promise<Settings> {
  const settings = new Map<string, Setting>();
  const entries = await readEntries(host);
  const words = entries.length === 0 ? [] : [word, ...await sourceOf(host, word)];
  for (const entry of entries) {
    if (!words.some((word) => matches(entry.name, word))) continue;
    for (const [key, setting] of entry.settings) if (!settings.has(key)) settings.set(key, setting);
  }
  return settings;
}

/** The values of `links` or `files` in all entries, of which the user can choose one when asked. */
export async function namedDestinations(host: Pick<Host, "env">, kind: string): Promise<string[]> {
  return (await readEntries(host)).flatMap(({ settings }) => settings.get(kind)?.value ?? []);
}

/** The origin of a disposable copy; none for any other container. */
async function sourceOf(host: Pick<Host, "env">, word: string): Promise<string[]> {
  if (!/^[\w.:-]{1,200}$/.test(word)) return [];
  const record = await readJson(disposableRecordPath(mountsIn(host, word)));
  const source = (record as Partial<DisposableRecord> | null | undefined)?.source;
  return source === undefined ? [] : [word.replace(/[^:]*$/, source)];
}

/**
 * Whether a pattern matches a container. A pattern without a remote matches on all remotes, so that no spelling of a
 * container's name gets around an entry.
 */
export function matches(pattern: string, word: string): boolean {
  const text = pattern.includes(":") ? word : word.slice(word.lastIndexOf(":") + 1);
  const expression = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(text);
}

/**
 * Where the entries for exactly this container are written. They outlive it, and hold for the next one of its name.
 *
 * @param word `[REMOTE:]NAME`
 */
export async function ownEntries(host: Pick<Host, "env">, word: string): Promise<string[]> {
  const own = (await readEntries(host)).filter(({ name }) => !/[*?]/.test(name) && matches(name, word));
  return own.map(({ from }) => from);
}

async function readEntries(host: Pick<Host, "env">): Promise<Entry[]> {
  return (await Promise.all(settingsPaths(host).map((path) => readSettings(host, path)))).flat();
}

/** The entries of a file; none where there is no file. */
export async function readSettings(host: Pick<Host, "env">, path: string): Promise<Entry[]> {
  const text = await ifThere(Deno.readTextFile(path));
  if (text === undefined) return [];
  await checkWriters(host, path);
  return await parseSettings(host, { path, text });
}

/** Checks that nobody but the user and root can write to the file, or put another one in its place. */
async function checkWriters(host: Pick<Host, "env">, path: string): Promise<void> {
  const home = host.env("HOME");
  const owners = [0, home === undefined ? undefined : (await Deno.stat(home)).uid];
  for (const one of new Set([path, dirname(path), await Deno.realPath(path)])) {
    const { mode, uid } = await Deno.stat(one);
    if ((mode! & 0o022) === 0 && owners.includes(uid!)) continue;
    throw inputError(
      `Others can change "${one}", which says what containers may do`,
      `Run: chmod go-w ${quoteWords([one])}`,
    );
  }
}

/**
 * The entries of a file.
 *
 * @throws {UserError} exit code 2, its message starting `path:line:column:`
 */
export async function parseSettings(
  host: Pick<Host, "env">,
  { path, text }: { path: string; text: string },
): Promise<Entry[]> {
  // Most users have no such file, and need not wait for the parser.
  const { isMap, locateKey, parseYaml } = await import("../base/yaml.ts");
  const data = parseYaml(path, text) ?? {};
  const fail = (message: string, hint: string, ...keys: (string | number)[]): never => {
    const { line, column } = locateKey(text, keys);
    throw inputError(`${path}:${line}:${column}: ${message}`, hint);
  };
  const check = (act: () => unknown, ...keys: (string | number)[]): void => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      fail(error.message, error.hint, ...keys);
    }
  };
  if (!isMap(data)) return fail("This is not a map", 'Begin with "containers:"');
  const other = Object.keys(data).find((key) => key !== "containers");
  if (other !== undefined) fail(`Unknown key "${other}"`, 'Use "containers", a list', other);
  const entries = data.containers ?? [];
  if (!Array.isArray(entries)) return fail('"containers" is not a list', 'Write entries as "- name: NAME"');
  return entries.map((entry: unknown, index) => {
    const at = ["containers", index];
    const fromOf = (...keys: string[]): string => `${shortened(host, path)}:${locateKey(text, [...at, ...keys]).line}`;
    const wrong = (message: string, hint: string, ...keys: string[]): never => fail(message, hint, ...at, ...keys);
    if (!isMap(entry)) return wrong("This entry is not a map", 'Write "- name: NAME", and its settings below');
    const { name, ...rest } = entry;
    if (typeof name !== "string" || !/^[\w.*?:-]+$/.test(name)) {
      return wrong("This entry has no pattern", 'Write "- name: NAME", where * stands for any characters', "name");
    }
    const settings = new Map<string, Setting>();
    for (const [key, value] of Object.entries(rest)) {
      if (!settingKeys.includes(key)) {
        return wrong(`Unknown key "${key}"`, `Use ${["name", ...settingKeys].join(", ")}`, key);
      }
      const isList = listKeys.includes(key);
      const isNames = Array.isArray(value) && value.every((name) => typeof name === "string" && !name.includes(","));
      if (isList ? !isNames : typeof value !== "string" || value === "") {
        return wrong(
          `"${key}" is not a ${isList ? "list of channels" : "text"}`,
          `Write ${key}: ${isList ? "[links]" : "TEXT"}`,
          key,
        );
      }
      const written = isList ? (value as string[]).join(",") : value as string;
      check(() => checkSetting(host, key, written), ...at, key);
      settings.set(key, { value: written, from: fromOf(key) });
    }
    const [allow, deny, ask] = listKeys.map((key) => settings.get(key)?.value);
    check(() => askedChannels({ allow, deny, ask }), ...at, "ask");
    return { name, settings, from: fromOf() };
  });
}

/** A path with `~` for the home directory. */
export function shortened(host: Pick<Host, "env">, path: string): string {
  const home = host.env("HOME");
  return home && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
