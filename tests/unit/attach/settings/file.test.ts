// The settings file: which entry holds, what is refused, what the command line may still open, and what --save writes.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { applySettings, limitedChannels, setIn } from "../../../../lib/attach/settings/apply.ts";
import { matches, namedPlaces, ownEntries, parseSettings, settingsFor } from "../../../../lib/attach/settings/file.ts";
import { saveSettings, withEntry } from "../../../../lib/attach/settings/save.ts";
import { parsePlaces, placeText } from "../../../../lib/attach/session/places.ts";
import { channelLine } from "../../../../lib/attach/session/channels.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { engineOptions } from "../../../../lib/cli/options.ts";
import { recordingHost } from "../../recording_host.ts";

const { host } = recordingHost({ env: { HOME: "/home/me" } });

const bank = `# Mine.
containers:
  - name: bank
    preset: isolated
    at-most: isolated
    border: red
  - name: "chat*"
    ask: [links, files]
    deny: [sound]
  - name: "*"
    preset: trusted
    allow: [microphone]
`;

/** Runs a test with a home directory in which `text` is the settings file. */
async function withFile(
  text: string,
  test: (path: string, host: ReturnType<typeof recordingHost>["host"]) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const path = join(home, ".config/gui-container/config.yaml");
    await Deno.mkdir(join(home, ".config/gui-container"), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    await test(path, recordingHost({ env: { HOME: home } }).host);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** What the channel line says for a container and a command line. */
async function lineFor(word: string, options: Record<string, string> = {}, text = bank): Promise<string> {
  let line = "";
  await withFile(text, async (_path, host) => {
    const given = new Map(Object.entries(options));
    const applied = applySettings(given, await settingsFor(host, word));
    const { open, asks } = limitedChannels(given, applied);
    line = channelLine(open, asks) + setIn(applied.from);
  });
  return line;
}

const file = "~/.config/gui-container/config.yaml";

Deno.test("the settings say whether a history is kept", async () => {
  const kept = async (text: string): Promise<boolean> => {
    let options: ReturnType<typeof engineOptions>;
    await withFile(`containers:\n  - name: bank\n    ${text}\n`, async (_path, host) => {
      options = engineOptions(applySettings(new Map(), await settingsFor(host, "bank")));
    });
    return options!.keepsHistory;
  };
  assertEquals([await kept("history: off"), await kept("history: on"), await kept("border: red")], [false, true, true]);
  await assertRejects(() => kept("history: never"), UserError, '"never" is neither on nor off');
});

Deno.test("for each key of the settings the first entry that matches and has it holds", async () => {
  assertEquals(await lineFor("bank"), `Open channels: none (set in ${file}:4, ${file}:5, ${file}:12)`);
  assertEquals(
    await lineFor("chat-2"),
    `Open channels: clipboard, look, dialogs, microphone, notifications, printing, tray; asks: links, files (set in ${file}:8, ${file}:9, ${file}:11, ${file}:12)`,
  );
  assertEquals(await lineFor("other", {}, ""), "Open channels: clipboard, sound, look, dialogs");
});

Deno.test("an option of the command line comes before the settings, up to at-most", async () => {
  assertEquals(await lineFor("mail", { preset: "isolated" }), "Open channels: none");
  assertStringIncludes(await lineFor("chat", { preset: "desktop" }), `look, dialogs (set in ${file}:9)`);
  assertStringIncludes(await lineFor("chat", { allow: "links" }), "links, printing, tray; asks: files (");
  assertStringIncludes(await lineFor("chat", { ask: "microphone" }), "asks: microphone, links, files (");
  assertStringIncludes(await lineFor("chat", { deny: "look" }), "Open channels: clipboard, dialogs, microphone");
  for (const options of [{ preset: "desktop" }, { allow: "sound" }, { ask: "links" }, { allow: "clipboard" }]) {
    const error = await assertRejects(() => lineFor("bank", options), UserError);
    assertStringIncludes(error.message, 'stays closed: at most the preset "isolated"');
    assertStringIncludes(error.hint, `${file}:5`);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("the settings say where links open, and an option comes before them", async () => {
  const text = `containers:
  - name: web
    links: host
  - name: chat
    links: ask
  - name: mail
    links: web
  - name: "far:*"
    links: disposable:far:web
  - name: "*"
    links: disposable:web
`;
  await withFile(text, async (_path, host) => {
    const valueFor = async (word: string, options: Record<string, string> = {}) =>
      applySettings(new Map(Object.entries(options)), await settingsFor(host, word)).values.get("links-to");
    assertEquals(await valueFor("mail"), "web");
    assertEquals(await valueFor("other"), "disposable:web");
    assertEquals(await valueFor("mail", { "links-to": "host" }), "host");
    const named = await namedPlaces(host, "links");
    const places = (value: string) => parsePlaces(value, { kind: "links", named }).map(placeText);
    assertEquals(places("ask"), ["on this host", 'in "web"', 'in a copy of "far:web"', 'in a copy of "web"']);
    assertEquals(places("web"), ['in "web"']);
    assertEquals(parsePlaces("ask", { kind: "links", named: ["a", "b", "c", "d", "e"] }).length, 4);
    const given = new Map([["links", "web"]] as const);
    assertStringIncludes(
      (await withEntry(host, text, { word: "new", given })).text,
      '  - name: "new"\n    links: "web"\n',
    );
  });
  for (const value of ["web*", "a b", "--join", "", "disposable:", "disposable:web:b:c", "web,bank", "../web"]) {
    const error = assertThrows(() => parsePlaces(value, { kind: "links" }), UserError);
    assertEquals([error.message, error.exitCode], [`Links cannot open in "${value}"`, 2]);
    assertThrows(() => parsePlaces(value, { kind: "files" }), UserError, `Files cannot open in "${value}"`);
  }
});

Deno.test("a pattern matches as in ssh_config, and one without a remote all ways to write the name", () => {
  for (const word of ["bank", "local:bank", "far:bank"]) assertEquals(matches("bank", word), true);
  for (const word of ["bank2", "abank", "BANK"]) assertEquals(matches("bank", word), false);
  assertEquals(matches("far:*", "far:bank"), true);
  assertEquals(matches("far:*", "bank"), false);
  assertEquals(matches("b?nk", "bonk"), true);
  assertEquals(matches("a.b", "axb"), false);
});

Deno.test("a disposable copy has the settings of what it is a copy of", async () => {
  await withFile(bank, async (_path, host) => {
    for (const [copy, source] of [["bank-d1a2b3", "bank"], ["far:chat-1-d00000", "chat-1"]] as const) {
      const directory = join(host.env("HOME")!, "container_mounts", copy);
      await Deno.mkdir(directory, { recursive: true });
      await Deno.writeTextFile(join(directory, "disposable.json"), JSON.stringify({ source }));
      assertEquals(await settingsFor(host, copy), await settingsFor(host, source));
    }
    // That the last cannot be the name of a container, is told later.
    for (const other of ["bank-d11111", "é".repeat(200)]) {
      assertEquals((await settingsFor(host, other)).get("at-most"), undefined);
    }
  });
});

Deno.test("an error in the settings has line and column, whichever entry has it", async () => {
  for (
    const [text, message] of [
      ["containers:\n  - name: bank\n    preset: closed\n", ':3:5: There is no preset "closed"'],
      ["containers:\n  - name: bank\n    presets: isolated\n", ':3:5: Unknown key "presets"'],
      ["containers:\n  - name: b\n  - preset: isolated\n", ":3:3: This entry has no pattern"],
      ["containers:\n  - name: b\n    allow: links\n", ':3:5: "allow" is not a list of channels'],
      ["containers:\n  - name: b\n    allow: [link]\n", ':3:5: There is no channel "link"'],
      ["containers:\n  - name: b\n    allow: [links]\n    ask: [links]\n", ":4:5: The channel"],
      ["containers:\n  - name: b\n    engine: docker\n", ':3:5: There is no engine "docker"'],
      ["containers:\n  - name: b\n    links: web?\n", ':3:5: Links cannot open in "web?"'],
      ["containers:\n  - name: b\n    file: web\n", ':3:5: Unknown key "file"'],
      ["containers:\n  - name: b\n    border: 7\n", ':3:5: "border" is not a text'],
      ["containers: {name: b}\n", ':1:1: "containers" is not a list'],
      ["bank:\n  preset: isolated\n", ':1:1: Unknown key "bank"'],
      ["containers:\n  - name: b\n   preset: isolated\n", ":3:"],
      ["- name: b\n", ":1:1: This is not a map"],
    ] as const
  ) {
    const error = await assertRejects(() => parseSettings(host, text), UserError);
    assertStringIncludes(error.message, `/home/me/.config/gui-container/config.yaml${message}`, text);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("a settings file that others can write is refused", async () => {
  await withFile(bank, async (path, host) => {
    await Deno.chmod(path, 0o620);
    await assertRejects(() => settingsFor(host, "mail"), UserError, "Others can change");
    await Deno.chmod(path, 0o600);
    await settingsFor(host, "mail");
    await Deno.chmod(join(path, ".."), 0o777);
    await assertRejects(() => settingsFor(host, "mail"), UserError, "Others can change");
  });
});

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
    allow: [links, clipboard]
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

Deno.test("entries that name a container are told by their lines, patterns and those of others are not", async () => {
  const text = `${bank}  - name: chat1\n    border: red\n  # Once more.\n  - name: far:bank\n    border: blue\n`;
  await withFile(text, async (_path, host) => {
    for (
      const [word, lines] of [["bank", [3]], ["far:bank", [3, 16]], ["chat1", [13]], ["chat2", []], [
        "other",
        [],
      ]] as const
    ) assertEquals(await ownEntries(host, word), lines.map((line) => `${file}:${line}`), word);
  });
});
