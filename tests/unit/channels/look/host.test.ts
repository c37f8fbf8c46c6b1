// The appearance and language that a session is given: where each value comes from, and that no other word gets through.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Appearance, appearanceValues, channel, hostAppearance } from "../../../../lib/channels/look/host.ts";
import takeAppearance from "../../../../lib/channels/look/session.sh" with { type: "text" };
import { UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { withValues } from "../../../../lib/base/shell_words.ts";
import type { ChannelIo } from "../../../../lib/channels/io.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

/** What a host tells: its environment, the lines of its programs and of GTK's file, and where /etc/localtime leads. */
interface Told {
  env?: Record<string, string>;
  gsettings?: Record<string, string>;
  resources?: string;
  file?: string;
  link?: string;
}

async function appearanceOf({ env = {}, gsettings = {}, resources = "", file, link }: Told): Promise<Appearance> {
  const directory = await Deno.makeTempDir();
  try {
    const [settings, localtime] = [join(directory, "settings.ini"), join(directory, "localtime")];
    if (file !== undefined) await Deno.writeTextFile(settings, file);
    if (link !== undefined) await Deno.symlink(link, localtime);
    const lines = Object.entries(gsettings).map(([key, value]) => `org.gnome.desktop.interface ${key} ${value}\n`);
    const { host } = recordingHost({
      env,
      answer: ([program]) => ({ stdout: program === "gsettings" ? lines.join("") : resources }),
    });
    return await hostAppearance(host, { localtime, settings });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const nothing: Appearance = {
  timeZone: undefined,
  locale: undefined,
  colorScheme: undefined,
  font: undefined,
  cursorTheme: undefined,
  cursorSize: undefined,
};

const gnome = {
  "color-scheme": "'prefer-dark'",
  "cursor-size": "32",
  "cursor-theme": "'Bibata-Modern-Ice'",
  "font-name": "'Cantarell 11'",
  "gtk-theme": "'Adwaita'",
};

const file = `[Settings]
gtk-theme-name = Breeze
gtk-font-name=Noto Sans,  10
gtk-cursor-theme-name=breeze_cursors
gtk-cursor-theme-size=24
gtk-application-prefer-dark-theme=false
`;

Deno.test("hostAppearance() takes what GSettings tells on a Wayland desktop, and what GTK's file tells on an X desktop", async () => {
  assertEquals(await appearanceOf({ env: { WAYLAND_DISPLAY: "wayland-0" }, gsettings: gnome, file }), {
    ...nothing,
    colorScheme: "prefer-dark",
    font: "Cantarell 11",
    cursorTheme: "Bibata-Modern-Ice",
    cursorSize: "32",
  });
  assertEquals(await appearanceOf({ gsettings: { ...gnome, "color-scheme": "'default'" }, file }), {
    ...nothing,
    font: "Noto Sans,  10",
    cursorTheme: "breeze_cursors",
    cursorSize: "24",
  });
  assertEquals(
    (await appearanceOf({ gsettings: gnome, file: "gtk-icon-theme-name=x\n" })).cursorTheme,
    "Bibata-Modern-Ice",
    "where one does not tell it, the other does",
  );
});

Deno.test("hostAppearance() has the pointer from its variables, else from the X resources", async () => {
  const resources = "*foreground:\tblack\nXcursor.size:\t48\nXcursor.theme:\tVanilla-DMZ\nXft.dpi:\t96\n";
  const of = async (told: Told): Promise<unknown[]> => {
    const { cursorTheme, cursorSize } = await appearanceOf(told);
    return [cursorTheme, cursorSize];
  };
  assertEquals(await of({ resources, gsettings: gnome, file }), ["Vanilla-DMZ", "48"]);
  const env = { XCURSOR_THEME: "Adwaita", XCURSOR_SIZE: "16" };
  assertEquals(await of({ resources, gsettings: gnome, file, env }), ["Adwaita", "16"]);
  assertEquals(await of({ resources, env: { XCURSOR_THEME: "../x", XCURSOR_SIZE: "9999" } }), ["Vanilla-DMZ", "48"]);
});

Deno.test("hostAppearance() finds out whether apps are to be dark", async () => {
  const of = async (told: Told): Promise<string | undefined> => (await appearanceOf(told)).colorScheme;
  const scheme = (value: string, theme = "'Adwaita'"): Told => ({
    gsettings: { "color-scheme": value, "gtk-theme": theme },
  });
  assertEquals(await of(scheme("'prefer-dark'")), "prefer-dark");
  assertEquals(await of(scheme("'prefer-light'", "'Adwaita-dark'")), "prefer-light");
  for (const theme of ["Adwaita-dark", "Yaru-blue-dark", "Mint-Y-Dark-Aqua", "Dark"]) {
    assertEquals(await of(scheme("'default'", `'${theme}'`)), "prefer-dark", theme);
    assertEquals(await of({ file: `gtk-theme-name=${theme}\n` }), "prefer-dark", theme);
  }
  for (const theme of ["Adwaita", "Darkness", "Undark"]) {
    assertEquals(await of(scheme("'default'", `'${theme}'`)), undefined, theme);
  }
  for (const value of ["1", "true"]) {
    assertEquals(await of({ file: `gtk-application-prefer-dark-theme=${value}\n` }), "prefer-dark");
  }
});

Deno.test("hostAppearance() has the time zone from $TZ, else from the link", async () => {
  const of = async (told: Told): Promise<string | undefined> => (await appearanceOf(told)).timeZone;
  assertEquals(await of({ link: "/usr/share/zoneinfo/Europe/Berlin" }), "Europe/Berlin");
  assertEquals(
    await of({ link: "../usr/share/zoneinfo/America/Argentina/Buenos_Aires" }),
    "America/Argentina/Buenos_Aires",
  );
  assertEquals(await of({ env: { TZ: ":Asia/Kolkata" }, link: "/usr/share/zoneinfo/UTC" }), "Asia/Kolkata");
  assertEquals(await of({ env: { TZ: "/etc/zoneinfo/Etc/GMT+1" } }), "Etc/GMT+1");
  for (
    const TZ of ["", "/etc/passwd", "../../etc/passwd", "zoneinfo/../x", "CET-1CEST,M3.5.0", "A/B/C/D", "a b", "UTC\n"]
  ) {
    assertEquals(await of({ env: { TZ } }), undefined, TZ);
  }
});

Deno.test("hostAppearance() has the locale by the precedence of its variables, for UTF-8, and none for C", async () => {
  const of = async (env: Record<string, string>): Promise<string | undefined> => (await appearanceOf({ env })).locale;
  const env = { LANG: "en_US.UTF-8", LC_MESSAGES: "fr_FR.utf8", LC_ALL: "de_AT@euro" };
  assertEquals(await of(env), "de_AT.UTF-8@euro");
  assertEquals(await of({ LANG: env.LANG, LC_MESSAGES: env.LC_MESSAGES }), "fr_FR.UTF-8");
  assertEquals(await of({ LANG: env.LANG }), "en_US.UTF-8");
  for (const LANG of ["C", "C.UTF-8", "POSIX", "de_DE.UTF-8;x", "../x", "de_DE.$(x)", "$x", "de_DE.UTF-8\n"]) {
    assertEquals(await of({ LANG }), undefined, LANG);
  }
});

/**
 * What nobody calls a theme, a font or a size, and what would end a line, a quote or a group of the files in the
 * container.
 */
const hostile = [
  ..."'\"\\;$`/[]{}<>|&#=\u202e\u0000\u001b".split("").map((character) => `Sans${character}x 11`),
  "Sans 11\ngtk-modules=x",
  "Sans 11'\n[org.gnome.desktop.a11y]\nx='",
  "../../x 11",
  "-x 11",
  `${"x".repeat(80)} 11`,
  " ",
];

Deno.test("hostAppearance() leaves out a font and a theme with anything strange in its name", async () => {
  for (const word of hostile) {
    const { font, cursorTheme, cursorSize } = await appearanceOf({
      gsettings: { "font-name": `'${word}'`, "cursor-theme": `'${word}'`, "cursor-size": `'${word}'` },
      file: `gtk-font-name=${word}\ngtk-cursor-theme-name=${word}\n`,
      resources: `Xcursor.theme:\t${word}\n`,
      env: { XCURSOR_THEME: word, XCURSOR_SIZE: word },
    });
    for (const found of [font, cursorTheme]) {
      // Of a word with a line end, a first line may be what it says.
      assert(found === undefined || found === "Sans 11", JSON.stringify([word, found]));
    }
    assertEquals(cursorSize, undefined);
  }
  for (const size of ["0", "7", "257", "1e2", "-8", "24.5", "024"]) {
    assertEquals((await appearanceOf({ env: { XCURSOR_SIZE: size } })).cursorSize, undefined, size);
  }
});

Deno.test("a session and its agent get one answer of GSettings", async () => {
  const stdout = "org.gnome.desktop.interface color-scheme 'prefer-dark'\n";
  const { host, calls } = recordingHost({ env: { WAYLAND_DISPLAY: "wayland-0" }, answer: () => ({ stdout }) });
  const box = localBox(host);
  const sent: unknown[] = [];
  channel.serve!(box, { send: (line: unknown) => sent.push(line) } as unknown as ChannelIo);
  const values = await channel.session!.values!(box);
  assertStringIncludes(values["schema_defaults"]!, "color-scheme='prefer-dark'");
  assertEquals(sent, [{ scheme: "prefer-dark" }]);
  assertEquals(calls.filter(([, verb]) => verb === "list-recursively").length, 1);
});

Deno.test("hostAppearance() does without programs, files and links that are not there", async () => {
  const { host } = recordingHost({ answer: () => new UserError("There is no such program", { hint: "" }) });
  assertEquals(await hostAppearance(host, { localtime: "/nowhere", settings: "/nowhere" }), nothing);
});

/**
 * What a session's environment and its directory have after look/session.sh, with what a container has in place of the
 * host's.
 */
async function taken(
  appearance: Partial<Appearance>,
): Promise<{ env: Record<string, string>; files: Record<string, string>; scheme: string | undefined }> {
  const directory = await Deno.makeTempDir();
  try {
    const script = `set -eu\n${withValues(takeAppearance, appearanceValues({ ...nothing, ...appearance }))}\nenv -0`;
    const own = [`PATH=${Deno.env.get("PATH")}`, `RUNTIME_DIRECTORY=${directory}`];
    const { stdout } = await runProcess(["env", "-i", ...own, "/bin/sh", "-c", script]);
    const files: Record<string, string> = {};
    for (const name of ["gtk-3.0/settings.ini", "gtk-4.0/settings.ini", "schemas/zzz_host.gschema.override"]) {
      const text = await Deno.readTextFile(join(directory, "appearance", name)).catch(() => undefined);
      if (text !== undefined) files[name] = text;
    }
    const scheme = await Deno.readTextFile(join(directory, "scheme")).catch(() => undefined);
    const env = Object.fromEntries(stdout.split("\0").filter(Boolean).map((line) => line.split(/=(.*)/s).slice(0, 2)));
    return { env, files, scheme };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("look/session.sh sets what the container has, and leaves out what it lacks", async () => {
  const { env, files, scheme } = await taken({ timeZone: "Nowhere/City", locale: "xx_XX.UTF-8" });
  assertEquals([scheme, env["TZ"], env["LANG"], env["XCURSOR_THEME"], env["XDG_CONFIG_DIRS"], files], [
    ...[undefined, undefined, undefined, undefined, undefined],
    {},
  ]);
  assertEquals((await taken({ timeZone: "Europe" })).env["TZ"], undefined, "a directory is no time zone");
  assertEquals((await taken({ timeZone: "Europe/Berlin" })).env["TZ"], "Europe/Berlin");
});

Deno.test("look/session.sh writes GTK's settings into files of the session's own", async () => {
  const { env, files, scheme } = await taken({
    colorScheme: "prefer-dark",
    font: "Noto Sans, 10",
    cursorTheme: "A b",
    cursorSize: "48",
  });
  assertEquals([env["XCURSOR_THEME"], env["XCURSOR_SIZE"], env["QT_QPA_PLATFORMTHEME"]], ["A b", "48", "gtk3"]);
  assertEquals(scheme, "prefer-dark");
  assert(/^\/.+\/appearance:\/etc\/xdg$/.test(env["XDG_CONFIG_DIRS"]!), env["XDG_CONFIG_DIRS"]);
  const settings = "[Settings]\ngtk-font-name=Noto Sans, 10\ngtk-cursor-theme-name=A b\ngtk-cursor-theme-size=48\n" +
    "gtk-application-prefer-dark-theme=1\n";
  assertEquals(files["gtk-3.0/settings.ini"], settings);
  assertEquals(files["gtk-4.0/settings.ini"], settings);
  assertEquals(
    files["schemas/zzz_host.gschema.override"],
    "[org.gnome.desktop.interface]\ncolor-scheme='prefer-dark'\nfont-name='Noto Sans, 10'\ncursor-theme='A b'\ncursor-size=48\n",
  );
});
