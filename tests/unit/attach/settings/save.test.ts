// What --save writes, and what it leaves alone.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type SettingKey, settingsFor } from "../../../../lib/attach/settings/file.ts";
import { saveSettings, withEntry } from "../../../../lib/attach/settings/save.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { bank, file, host, withFile } from "../../settings_file.ts";

Deno.test("--save puts an entry at the top, keeps what it kept before, and leaves the rest as it is", async () => {
  await withFile(bank, async (path, host) => {
    await saveSettings(host, "mail", new Map([["preset", "isolated"]]));
    await saveSettings(host, "mail", new Map([["border", "#00ff00"], ["allow", "links,clipboard"]]));
    await saveSettings(host, "chat", new Map([["deny", "files"]]));
    assertEquals(
      await Deno.readTextFile(path),
      bank.replace(
        "containers:\n",
        `containers:
  # Kept by --save
  - name: chat
    deny: [files]
  # Kept by --save
  - name: mail
    preset: isolated
    allow: [clipboard, links]
    border: "#00ff00"
`,
      ),
    );
    const names = [...Deno.readDirSync(join(path, ".."))].map(({ name }) => name).sort();
    assertEquals(names, ["config.yaml", "config.yaml.lock"]);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals((await settingsFor(host, "mail")).get("preset"), { value: "isolated", from: `${file}:8` });
  });
  const made = await withEntry(host, "", { word: "null", given: new Map([["display", "x11"]]) });
  assertEquals(made.text, 'containers:\n  # Kept by --save\n  - name: "null"\n    display: "x11"\n');
});

Deno.test("what --save has kept holds as in the run that kept it: a channel is in one list, and a preset replaces others", async () => {
  await withFile("# None yet.\n", async (path, host) => {
    const save = async (...given: [SettingKey, string][]): Promise<string> => {
      await saveSettings(host, "bank", new Map(given));
      return (await Deno.readTextFile(path)).replace(/^[^]*- name: bank\n/, "").replaceAll(/^ +/gm, "");
    };
    assertEquals(
      await save(["allow", "microphone,links"], ["deny", "sound"]),
      "allow: [microphone, links]\ndeny: [sound]\n",
    );
    assertEquals(await save(["ask", "links"]), "allow: [microphone]\ndeny: [sound]\nask: [links]\n");
    assertEquals(await save(["allow", "sound"]), "allow: [sound, microphone]\nask: [links]\n");
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, `${text}    at-most: trusted\n`);
    assertEquals(await save(["preset", "isolated"]), "preset: isolated\nat-most: trusted\n");
    assertStringIncludes(await Deno.readTextFile(path), "# None yet.\ncontainers:\n");
  });
});

Deno.test("--save writes through a link to a file, and makes nothing beside that", async () => {
  await withFile(bank, async (path, host) => {
    const own = join(host.env("HOME")!, "dotfiles");
    await Deno.mkdir(own);
    await Deno.rename(path, join(own, "settings.yaml"));
    await Deno.symlink(join(own, "settings.yaml"), path);
    await saveSettings(host, "mail", new Map([["border", "#00ff00"]]));
    await saveSettings(host, "mail", new Map([["border", "red"]]));
    assertEquals((await settingsFor(host, "mail")).get("border")?.value, "red");
    assertStringIncludes(await Deno.readTextFile(join(own, "settings.yaml")), bank.slice(bank.indexOf("  - name")));
    assertEquals([...Deno.readDirSync(own)].map(({ name }) => name), ["settings.yaml"]);
    assertEquals((await Deno.lstat(path)).isSymlink, true);
  });
});

Deno.test("--save writes nothing where its entry would not be read as meant", async () => {
  for (
    const text of ["containers: [{name: b, preset: isolated}]\n", "containers: []\n", "'containers':\n- name: a\n"]
  ) {
    await withFile(text, async (path, host) => {
      const error = await assertRejects(() => saveSettings(host, "mail", new Map([["preset", "isolated"]])), UserError);
      assertStringIncludes(error.message, "cannot be added");
      assertStringIncludes(error.hint, "  preset: isolated");
      assertEquals(await Deno.readTextFile(path), text);
    });
  }
});
