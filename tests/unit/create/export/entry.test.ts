// Entries of the menu: what of the container is in them.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { checkSessionName } from "../../../../lib/container/names.ts";
import { type App, parseEntry } from "../../../../lib/create/export/app.ts";
import { entryName, entryText, sortOptions } from "../../../../lib/create/export/entry.ts";
import { writer } from "../../menus.ts";
import { testWith } from "../../samples.ts";

const options = {
  container: "my-box",
  hostName: "my-box",
  opener: `/home/me/it's a "checkout" for 5$ \`x\` \\ 100%/open-in-container`,
  env: { GUI_CONTAINER_MOUNTS: "/a b" },
  attachOptions: ["--engine=lxc", "--preset=isolated"],
  xpraOptions: ["--title=@title@, not to be trusted; $HOME"],
};

function appOf(text: string): App {
  const app = parseEntry("writer", text);
  assert(app && "command" in app);
  return app;
}

Deno.test("entryText() puts the container's name in front, and nothing of the container's behind Exec but plain words", () => {
  const plain = { ...options, opener: "/x/open-in-container", env: {}, xpraOptions: ["--opengl=no"] };
  assertEquals(
    entryText(appOf(writer), "/icons/writer.png", plain),
    `[Desktop Entry]
Type=Application
Name=[my-box] Writer
Name[de]=[my-box] Schreiber
GenericName=[my-box] Word Processor
Comment=Write & read
Keywords=text;letter;
Icon=/icons/writer.png
Categories=Office;
MimeType=text/rtf;x-scheme-handler/office;
Exec=/x/open-in-container --engine=lxc --preset=isolated my-box "office --writer" --opengl=no -- %u
Terminal=false
StartupNotify=true
StartupWMClass=my-box.office
X-GuiContainer-Name=my-box
`,
  );
  const bare = entryText(appOf(writer.replace(" %U", "")), undefined, plain);
  assert(!/Icon=|MimeType=|%u/.test(bare));
  const launched = { ...appOf(writer.replace("office", "env A=b office")), mimeTypes: [] };
  const env = entryText(launched, undefined, plain);
  assertStringIncludes(env, '--session=office my-box "env A=b office --writer" --opengl=no -- %u\n');
  assert(!env.includes("MimeType="));
});

Deno.test("entryText() names the session after the app, not after what starts it", () => {
  const plain = { ...options, opener: "open", env: {}, attachOptions: [], xpraOptions: [] };
  for (
    const [id, exec, named] of [
      ["firefox-esr", "/usr/bin/firefox --new", undefined],
      ["writer", "libreoffice --writer", undefined],
      ["firefox", "env A=b /snap/bin/firefox", "firefox"],
      ["writer", "/usr/bin/env A=b office", "office"],
      ["org.gnome.gedit", "/usr/bin/flatpak run org.gnome.gedit", "gedit"],
      ["org.gnome.Maps.", "env A=b flatpak run org.gnome.Maps", "Maps"],
      ["hplip", "python3 /usr/share/hplip/toolbox.py", "hplip"],
      ["gramps", "/usr/bin/python3.13 -m gramps", "gramps"],
      ["notepad++", "wine notepad.exe", "notepad-"],
      ["notepad-plus-plus", "env A=b notepad++", "notepad-"],
      ["notepad-plus-plus", "notepad++", "notepad-"],
    ]
  ) {
    const app = parseEntry(id!, writer.replace("office --writer", exec!)) as App;
    const [, found] = /--session=(\S+) my-box/.exec(entryText(app, undefined, plain)) ?? [];
    assertEquals([exec, found], [exec, named]);
    if (named !== undefined) checkSessionName(named);
  }
});

Deno.test("an entry that starts a copy opens no links, which would lead from copy to copy, and says what it is", () => {
  const sort = (...words: string[]): string[] => [...sortOptions(words).attachOptions];
  const copy = ["--disposable", "--preset=trusted", "--deny=sound", "--deny=tray"];
  const { attachOptions } = sortOptions(copy);
  assertEquals(attachOptions, ["--disposable", "--preset=trusted", "--deny=sound,tray,links"]);
  assertEquals(sort("--preset=trusted", "--allow=links"), ["--preset=trusted", "--allow=links"]);
  for (const opening of ["--allow=links", "--ask=files,links", "--allow=sound,links:20m", "--links-to=host"]) {
    assertThrows(() => sort("--disposable", opening), UserError, `"${opening}"`);
  }
  const launched = appOf(writer.replace("office", "env A=b office"));
  const text = entryText(launched, undefined, { ...options, opener: "open", env: {}, attachOptions, xpraOptions: [] });
  assertStringIncludes(text, "\nName=[copy of my-box] Writer\n");
  assertStringIncludes(text, `Exec=open ${attachOptions.join(" ")} my-box "env A=b office --writer" -- %u\n`);
});

testWith(
  ["desktop-file-validate", "gio"],
  "entries are valid, and a desktop reads the words of Exec as they are",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const opener = join(directory, `it's a "checkout" for 5$ \`x\` \\ 100%`, "open-in-container");
      await Deno.mkdir(join(opener, ".."));
      const words = join(directory, "words");
      const program =
        `#!/bin/sh\nprintf '%s\\0' "$GUI_CONTAINER_MOUNTS" "$@" >'${words}.new'; mv '${words}.new' '${words}'\n`;
      await Deno.writeTextFile(opener, program, { mode: 0o755 });
      const path = join(directory, entryName("my-box", "writer"));
      await Deno.writeTextFile(path, entryText(appOf(writer), "/icons/a\\b.png", { ...options, opener }));
      const { stdout } = await runProcess(["desktop-file-validate", path], { okCodes: "any" });
      assertEquals(stdout, "");
      await runProcess(["gio", "launch", path, "https://example.org/?q='$(id)'"]);
      while (!await Deno.stat(words).catch(() => undefined)) await new Promise((resolve) => setTimeout(resolve, 20));
      assertEquals((await Deno.readTextFile(words)).split("\0").slice(0, -1), [
        "/a b",
        ...options.attachOptions,
        "my-box",
        "office --writer",
        ...options.xpraOptions,
        "--",
        "https://example.org/?q='$(id)'",
      ]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
