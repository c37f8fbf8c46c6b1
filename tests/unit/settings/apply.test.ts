// What the settings open, and what the command line may still open.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { channelLine } from "../../../lib/settings/channels.ts";
import { destinationText, parseDestinations } from "../../../lib/channels/destinations.ts";
import { applySettings, limitedChannels, setIn } from "../../../lib/settings/apply.ts";
import { namedDestinations, settingsFor } from "../../../lib/settings/file.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { engineOptions } from "../../../lib/cli/options.ts";
import { bank, file, withFile } from "../settings_file.ts";

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

Deno.test("the settings say whether a history is kept", async () => {
  const kept = async (text: string): Promise<boolean | undefined> => {
    let options: ReturnType<typeof engineOptions>;
    await withFile(`containers:\n  - name: bank\n    ${text}\n`, async (_path, host) => {
      options = engineOptions(applySettings(new Map(), await settingsFor(host, "bank")));
    });
    return options!.keepsHistory;
  };
  assertEquals([await kept("history: off"), await kept("history: on"), await kept("border: red")], [false, true, true]);
  await assertRejects(() => kept("history: never"), UserError, '"never"');
});

Deno.test("for each key of the settings the first entry that matches and has it holds", async () => {
  assertEquals(await lineFor("bank"), `Open channels: none (set in ${file}:4, 5, 12)`);
  assertEquals(
    await lineFor("chat-2"),
    `Open channels: clipboard, look, dialogs, microphone, notifications, printing, tray; asks: links, files (set in ${file}:8, 9, 11, 12)`,
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
    const named = await namedDestinations(host, "links");
    const places = (value: string) =>
      parseDestinations(value, { kind: "links", named }).map((place) => destinationText(place));
    assertEquals(places("ask"), ["on this host", 'in "web"', 'in a copy of "far:web"', 'in a copy of "web"']);
    assertEquals(places("web"), ['in "web"']);
    assertEquals(parseDestinations("ask", { kind: "links", named: ["a", "b", "c", "d", "e"] }).length, 4);
  });
  for (const value of ["web*", "a b", "--join", "", "disposable:", "disposable:web:b:c", "web,bank", "../web"]) {
    const error = assertThrows(() => parseDestinations(value, { kind: "links" }), UserError);
    assertEquals([error.message, error.exitCode], [`Links cannot open in "${value}"`, 2]);
    assertThrows(() => parseDestinations(value, { kind: "files" }), UserError, `"${value}"`);
  }
});
