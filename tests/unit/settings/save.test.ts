// What --save writes, and what then holds.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { applySettings, setIn } from "../../../lib/settings/apply.ts";
import { settingsFor } from "../../../lib/settings/file.ts";
import { saveSettings } from "../../../lib/settings/save.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { bank, file, withFile } from "../settings_file.ts";

/** Calls `test` with a host, what reads the entries that `--save` has written, and the path of the user's own file. */
async function withSaved(
  text: string,
  test: (host: Host, saved: () => Promise<string>, path: string) => Promise<void>,
): Promise<void> {
  await withFile(text, async (path, host) => {
    const saved = async () =>
      (await Deno.readTextFile(join(path, "../saved.yaml"))).replace(/^[^]*?\ncontainers:\n/, "");
    await test(host, saved, path);
  });
}

Deno.test("--save keeps options in a file of its own, with what it kept before", async () => {
  await withSaved(bank, async (host, saved, path) => {
    await saveSettings(host, "mail", new Map([["preset", "isolated"]]));
    await saveSettings(host, "mail", new Map([["border", "#00ff00"]]));
    await saveSettings(host, "null", new Map([["display", "x11"]]));
    assertEquals(
      await saved(),
      `  - name: "null"
    display: "x11"
  - name: "mail"
    preset: "isolated"
    allow: []
    border: "#00ff00"
`,
    );
    assertEquals(await Deno.readTextFile(path), bank);
    const names = [...Deno.readDirSync(join(path, ".."))].map(({ name }) => name).sort();
    assertEquals(names, ["config.yaml", "config.yaml.lock", "saved.yaml"]);
    assertEquals((await Deno.stat(join(path, "../saved.yaml"))).mode! & 0o777, 0o600);
    const place = file.replace("config.yaml", "saved.yaml");
    assertEquals((await settingsFor(host, "mail")).get("preset"), { value: "isolated", from: `${place}:6` });
    assertEquals((await settingsFor(host, "null")).get("display"), { value: "x11", from: `${place}:4` });
    assertEquals((await settingsFor(host, "bank")).get("preset")?.from, `${file}:4`);
  });
});

Deno.test("--save has written to disk what it says it has kept, and keeps what was there where it cannot", async () => {
  await withSaved("", async (host, saved) => {
    const { sync } = Deno.FsFile.prototype;
    const synced: unknown[] = [];
    try {
      // A file at first, in which all is by then, and last the directory, in which that is.
      Deno.FsFile.prototype.sync = async function () {
        const { isFile } = await this.stat();
        synced.push(isFile ? "file" : await saved());
        await sync.call(this);
      };
      await saveSettings(host, "mail", new Map([["border", "#00ff00"]]));
      assertEquals(synced, ["file", '  - name: "mail"\n    border: "#00ff00"\n']);
      Deno.FsFile.prototype.sync = () => Promise.reject(new Error("Input/output error"));
      await assertRejects(() => saveSettings(host, "mail", new Map([["border", "#ff0000"]])), Error, "Input/output");
      assertEquals(await saved(), '  - name: "mail"\n    border: "#00ff00"\n');
    } finally {
      Deno.FsFile.prototype.sync = sync;
    }
  });
});

Deno.test("what --save has kept holds as in the run that kept it: a channel is in one list, and a preset replaces others", async () => {
  await withSaved("# None yet.\n", async (host, saved) => {
    const save = async (...given: [string, string][]): Promise<string> => {
      await saveSettings(host, "bank", new Map(given));
      return (await saved()).replace('  - name: "bank"\n', "").replaceAll(/^ +/gm, "");
    };
    assertEquals(
      await save(["allow", "microphone,links"], ["deny", "sound"]),
      "allow: [microphone, links]\ndeny: [sound]\n",
    );
    assertEquals(await save(["ask", "links"]), "allow: [microphone]\ndeny: [sound]\nask: [links]\n");
    assertEquals(await save(["allow", "sound"]), "allow: [sound, microphone]\ndeny: []\nask: [links]\n");
    assertEquals(await save(["preset", "isolated"]), 'preset: "isolated"\nallow: []\ndeny: []\nask: []\n');
  });
});

Deno.test("what the user's own entries deny stays denied after --save, and what a preset closes stays closed", async () => {
  // The second one is as earlier releases kept options.
  const text = `containers:
  - name: chat
    deny: [files]
  # Kept by --save
  - name: bank
    allow: [printing]
  - name: "*"
    deny: [sound]
`;
  await withSaved(text, async (host) => {
    const held = async (word: string, given: [string, string][]) => {
      const kept = new Map(given);
      const now = applySettings(kept, await settingsFor(host, word)).values;
      await saveSettings(host, word, kept);
      const next = applySettings(new Map(), await settingsFor(host, word));
      for (const key of ["preset", "allow", "deny", "ask"]) assertEquals(next.values.get(key), now.get(key), key);
      return next;
    };
    const { values, from } = await held("chat", [["deny", "links"]]);
    assertEquals(values.get("deny"), "links,files");
    assertStringIncludes(setIn(from), `saved.yaml:4)`);
    assertEquals((await held("bank", [["preset", "isolated"]])).values.get("allow"), undefined);
    await saveSettings(host, "bank", new Map([["border", "red"]]));
    const { values: bank } = applySettings(new Map(), await settingsFor(host, "bank"));
    assertEquals([bank.get("allow"), bank.get("preset"), bank.get("border")], [undefined, "isolated", "red"]);
  });
});

Deno.test("--save refuses a value that cannot hold, and adds nothing to a file with an error", async () => {
  await withSaved(bank, async (host, saved) => {
    await assertRejects(() => saveSettings(host, "mail", new Map([["preset", "closed"]])), UserError, '"closed"');
    await saveSettings(host, "mail", new Map([["preset", "isolated"]]));
    const path = join(host.env("HOME")!, ".config/gui-container/saved.yaml");
    await Deno.writeTextFile(path, "containers:\n  - name: mail\n    presets: isolated\n");
    const error = await assertRejects(() => saveSettings(host, "mail", new Map([["border", "red"]])), UserError);
    assertStringIncludes(error.message, 'saved.yaml:3:5: Unknown key "presets"');
    assertStringIncludes(await saved(), "presets: isolated");
  });
});
