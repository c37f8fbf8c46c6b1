/**
 * The channel `look`: a session starts with the appearance and language of the host's desktop. Each value must match an
 * allowlist. The session itself leaves out a locale, theme or font that its container lacks: see look/session.sh.
 */

import { join } from "@std/path";
import type { Host } from "../../base/host.ts";
import { hostResources } from "../../base/desktop.ts";
import { oncePer } from "../../base/promises.ts";
import type { Channel } from "../interface.ts";
import lookSh from "./session.sh" with { type: "text" };

/**
 * The values for a session: a name of the tz database, a UTF-8 locale of glibc, `prefer-dark` or `prefer-light`, the
 * font of apps and its size in points, such as `Cantarell 11`, the name of the pointer's theme, and its size in pixels.
 * Undefined where the host has no value, or one that does not match the allowlist.
 */
export type Appearance = Readonly<
  Record<"timeZone" | "locale" | "colorScheme" | "font" | "cursorTheme" | "cursorSize", string | undefined>
>;

export const channel: Channel = {
  session: { parts: [lookSh], values: async ({ host }) => appearanceValues(await appearanceAtStart(host)) },
  serve({ host }, { send }) {
    let scheme: string | undefined;
    const tell = (now = scheme): void => {
      scheme = now;
      if (scheme !== undefined) send({ scheme });
    };
    appearanceAtStart(host).then(({ colorScheme }) => tell(colorScheme ?? "default"));
    const monitor = ["gsettings", "monitor", "org.gnome.desktop.interface", "color-scheme"];
    const line = (line: string): void => tell(changedScheme.exec(line)?.[1]);
    const running = host.start(["setpriv", "--pdeathsig", "TERM", ...monitor], { detached: true, output: { line } });
    return { ready: () => tell(), end: () => running.kill("SIGTERM") };
  },
};

const listSettings = ["gsettings", "list-recursively", "org.gnome.desktop.interface"];

/** How long gsettings may take, in milliseconds. */
const settingMs = 5_000;

/**
 * Reads the appearance and language of the host. GTK's apps read GSettings first on a Wayland desktop, and otherwise
 * their file of settings, which is all that counts on an X desktop without a settings daemon. Never rejects.
 *
 * @param options where the host's time zone and GTK's settings are, for a test
 */
export async function hostAppearance(
  host: Host,
  { localtime = "/etc/localtime", settings = gtkSettingsFile(host) }: { localtime?: string; settings?: string } = {},
): Promise<Appearance> {
  const isWayland = host.env("WAYLAND_DISPLAY") !== undefined;
  const [gsettings, resources, gtk, link] = await Promise.all([
    host.run(listSettings, { looksOnly: true, timeoutMs: settingMs }).then(({ stdout }) => stdout, () => ""),
    isWayland ? "" : hostResources(host),
    Deno.readTextFile(settings).catch(() => ""),
    Deno.readLink(localtime).catch(() => ""),
  ]);
  const gnome = (key: string): string | undefined =>
    new RegExp(`^org\\.gnome\\.desktop\\.interface ${key} '?([^'\\\\\\n]*)'?$`, "m").exec(gsettings)?.[1];
  const file = (key: string): string | undefined => new RegExp(`^${key}[ \\t]*=[ \\t]*(.*?)\\s*$`, "m").exec(gtk)?.[1];
  /** The values for the pointer's theme or size that count before those of all settings. */
  const pointer = (name: "theme" | "size"): (string | undefined)[] => [
    host.env(`XCURSOR_${name.toUpperCase()}`),
    new RegExp(`^Xcursor\\.${name}:[ \\t]*(.*?)\\s*$`, "m").exec(resources)?.[1],
  ];
  /** The values in the order in which they count. */
  const inOrder = <T>(values: [fromSettings: T, fromFile: T]): T[] => isWayland ? values : values.reverse();
  const both = (key: string, fileKey: string): (string | undefined)[] => inOrder([gnome(key), file(fileKey)]);
  const isDark = /^(?:1|true)$/i.test(file("gtk-application-prefer-dark-theme") ?? "");
  return {
    timeZone: first(zone, host.env("TZ")?.replace(/^:/, "") ?? link),
    locale: localeOf(host.env("LC_ALL") ?? host.env("LC_MESSAGES") ?? host.env("LANG")),
    colorScheme: first(
      scheme,
      ...inOrder([gnome("color-scheme"), isDark ? "prefer-dark" : undefined]),
      ...both("gtk-theme", "gtk-theme-name").map((theme) => darkName.test(theme ?? "") ? "prefer-dark" : undefined),
    ),
    font: first(font, ...both("font-name", "gtk-font-name")),
    cursorTheme: first(cursorTheme, ...pointer("theme"), ...both("cursor-theme", "gtk-cursor-theme-name")),
    cursorSize: first(cursorSize, ...pointer("size"), ...both("cursor-size", "gtk-cursor-theme-size")),
  };
}

/** {@linkcode hostAppearance}, read once for a host. */
const appearanceAtStart = oncePer((host: Host) => hostAppearance(host));

function gtkSettingsFile(host: Host): string {
  return join(host.env("XDG_CONFIG_HOME") ?? join(host.env("HOME") ?? "/", ".config"), "gtk-3.0", "settings.ini");
}

/** A name of the tz database, alone or after its directory. */
const zone = /^(?:\/?(?:[\w.-]+\/)*zoneinfo\/)?((?:[A-Za-z][\w+-]{0,31})(?:\/[A-Za-z][\w+-]{0,31}){0,2})$/;
const scheme = /^(prefer-(?:dark|light))$/;
const changedScheme = /^color-scheme: '(default|prefer-dark|prefer-light)'$/;
const font = /^([\p{L}\p{N}][\p{L}\p{M}\p{N} ,.+_-]{0,62} \d{1,2}(?:\.\d{1,2})?)$/u;
const cursorTheme = /^(\w[\w .+-]{0,62})$/;
const cursorSize = /^([89]|[1-9]\d|1\d\d|2[0-4]\d|25[0-6])$/;

/** The name of a theme that is dark, such as `Adwaita-dark` and `Mint-Y-Dark-Aqua`. */
const darkName = /(?:^|[^a-z])dark(?![a-z])/i;

/** The pattern's group in the first value that matches. */
function first(pattern: RegExp, ...values: readonly (string | undefined)[]): string | undefined {
  return values.map((value) => pattern.exec(value ?? "")?.[1]).find((match) => match !== undefined);
}

/** The UTF-8 locale with the same language, country and modifier; undefined for `C` and the like. */
function localeOf(value: string | undefined): string | undefined {
  const [, language, modifier = ""] =
    /^([a-z]{2,3}(?:_[A-Z]{2})?)(?:\.[\w-]{1,16})?(@[a-z]{1,16})?$/.exec(value ?? "") ?? [];
  return language === undefined ? undefined : `${language}.UTF-8${modifier}`;
}

export function appearanceValues(
  { timeZone, locale, colorScheme, font, cursorTheme, cursorSize }: Appearance,
): Record<string, string> {
  return {
    time_zone: timeZone ?? "",
    locale: locale ?? "",
    cursor_theme: cursorTheme ?? "",
    cursor_size: cursorSize ?? "",
    colour_scheme: colorScheme ?? "",
    gtk_settings: keyFile("Settings", {
      "gtk-font-name": font,
      "gtk-cursor-theme-name": cursorTheme,
      "gtk-cursor-theme-size": cursorSize,
      "gtk-application-prefer-dark-theme": colorScheme && (colorScheme === "prefer-dark" ? "1" : "0"),
    }),
    schema_defaults: keyFile("org.gnome.desktop.interface", {
      "color-scheme": colorScheme && `'${colorScheme}'`,
      "font-name": font && `'${font}'`,
      "cursor-theme": cursorTheme && `'${cursorTheme}'`,
      "cursor-size": cursorSize,
    }),
  };
}

/** A key file with one group; empty when it would have no key. */
function keyFile(group: string, values: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(values).flatMap(([key, value]) => value === undefined ? [] : [`${key}=${value}\n`]);
  return lines.length === 0 ? "" : `[${group}]\n${lines.join("")}`;
}
