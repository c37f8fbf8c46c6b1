// The settings file: which entry holds, and what is refused.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { matches, ownEntries, parseSettings, settingsFor } from "../../../lib/settings/file.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { bank, file, host, withFile } from "../settings_file.ts";
import { assertRefuses } from "../refusals.ts";

const path = "/home/me/.config/gui-container/config.yaml";

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
    const [text, [place, ...names]] of [
      ["containers:\n  - name: bank\n    preset: closed\n", [":3:5: ", 'preset "closed"']],
      ["containers:\n  - name: bank\n    presets: isolated\n", [":3:5: ", '"presets"']],
      ["containers:\n  - name: b\n  - preset: isolated\n", [":3:3: ", "pattern"]],
      ["containers:\n  - name: b\n    allow: links\n", [":3:5: ", '"allow"', "list"]],
      ["containers:\n  - name: b\n    allow: [link]\n", [":3:5: ", 'channel "link"']],
      ["containers:\n  - name: b\n    allow: [links]\n    ask: [links]\n", [":4:5: ", "channel"]],
      ["containers:\n  - name: b\n    engine: docker\n", [":3:5: ", 'engine "docker"']],
      ["containers:\n  - name: b\n    links: web?\n", [":3:5: ", '"web?"']],
      ["containers:\n  - name: b\n    file: web\n", [":3:5: ", '"file"']],
      ["containers:\n  - name: b\n    border: 7\n", [":3:5: ", '"border"', "text"]],
      ["containers:\n  - name: b\n    sign: id_ed25519.pub\n", [":3:5: ", '"id_ed25519.pub"']],
      ["containers:\n  - name: b\n    sign: SHA256:abc\n", [":3:5: ", '"SHA256:abc"']],
      ["containers: {name: b}\n", [":1:1: ", '"containers"', "list"]],
      ["bank:\n  preset: isolated\n", [":1:1: ", '"bank"']],
      ["containers:\n  - name: b\n   preset: isolated\n", [":3:"]],
      ["- name: b\n", [":1:1: ", "map"]],
    ] as const
  ) {
    await assertRefuses(() => parseSettings(host, { path, text }), { code: 2, names: [`${path}${place}`, ...names] });
  }
});

Deno.test("the engine of a setting is called as --engine calls it", async () => {
  const text = "containers:\n  - name: b\n    engine: lxd\n";
  const [entry] = await parseSettings(host, { path, text });
  assertEquals(entry!.settings.get("engine")?.value, "lxd");
});

Deno.test("what only the settings say of a channel is kept as it is", async () => {
  const keys = ["a", "/"].map((letter) => `SHA256:${letter.repeat(43)}`).join(",");
  const [entry] = await parseSettings(host, { path, text: `containers:\n  - name: b\n    sign: ${keys}\n` });
  assertEquals(entry!.settings.get("sign")?.value, keys);
});

Deno.test("a settings file that others can write is refused", async () => {
  await withFile(bank, async (path, host) => {
    await Deno.chmod(path, 0o620);
    await assertRejects(() => settingsFor(host, "mail"), UserError, "Others");
    await Deno.chmod(path, 0o600);
    await settingsFor(host, "mail");
    await Deno.chmod(join(path, ".."), 0o777);
    await assertRejects(() => settingsFor(host, "mail"), UserError, "Others");
  });
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
