import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { bundledCloudConfigs, bundledProfiles } from "../../../lib/create/bundled.ts";
import { parsePart, type PartFile } from "../../../lib/create/user_data.ts";
import { exists } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { parseProfile } from "../../../lib/create/profile_file.ts";
import { isMap, parseYaml } from "../../../lib/base/yaml.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** Names and texts of the YAML files and scripts of a directory. */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(join(root, directory))) {
    const stem = /^(.*)\.(?:yaml|sh)$/.exec(name)?.[1];
    if (stem === undefined) continue;
    files[stem] = await Deno.readTextFile(join(root, directory, name));
  }
  return files;
}

Deno.test("every profile and cloud-config that comes with the scripts is bundled, but for the template", async () => {
  const { "your-own-app": _, ...cloudConfigs } = await filesOf("examples/cloud-config");
  assertEquals({ ...bundledCloudConfigs }, cloudConfigs);
  assertEquals({ ...bundledProfiles }, await filesOf("profiles"));
});

/** Reads what some words name, in a Deno that works in this directory: all tests have one working directory. */
async function readIn(
  directory: string,
  words: readonly string[],
): Promise<PartFile[]> {
  const program = `
    import { readWords } from ${JSON.stringify(new URL("../../../lib/create/words.ts", import.meta.url))};
    const results = await Promise.all(${JSON.stringify(words)}.map((word) => readWords([word])));
    console.log(JSON.stringify(results.map(({ keys, profile }) => keys ?? profile)));`;
  const argv = [Deno.execPath(), "eval", "--config", join(root, "deno.json"), program];
  return JSON.parse((await runProcess(argv, { cwd: directory })).stdout);
}

Deno.test("readWords() takes a bare name for the bundled file, although the working directory has a file of that name", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // As a container could leave them in the directory that it shares.
    await Deno.writeTextFile(join(directory, "gui"), "mine: 1\n");
    await Deno.writeTextFile(join(directory, "gui.yaml"), "mine: 2\n");
    const [bundled, file, path] = await readIn(directory, ["gui", "gui.yaml", "./gui"]);
    assertEquals<unknown>(bundled, { path: "gui.yaml", text: bundledProfiles.gui! });
    assertEquals([file!.text, path!.text], ["mine: 2\n", "mine: 1\n"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("each bundled profile is one, and holds all that the base holds", () => {
  const base = parseProfile("gui.yaml", bundledProfiles.gui!);
  for (const [name, text] of Object.entries(bundledProfiles)) {
    const profile = parseProfile(`${name}.yaml`, text);
    assertEquals({ ...profile.config, ...base.config }, profile.config, name);
    assert(profile.description.length > 0);
  }
});

Deno.test("each cloud-config is one, upgrades itself, and names whole keys for the archives of others", async () => {
  const { xpra: _, ...cloudConfigs } = await filesOf("examples/cloud-config");
  for (const [name, text] of Object.entries(cloudConfigs)) {
    assertEquals(parsePart({ path: `${name}.yaml`, text }).type, "text/cloud-config");
    const data = parseYaml(name, text) as {
      packages: string[];
      runcmd: string[];
      apt?: { sources?: unknown };
    };
    assert(data.packages.includes("unattended-upgrades"), name);
    assertEquals([...data.packages].sort(), name === "your-own-app" ? [...data.packages].sort() : data.packages, name);
    // What its user installs later comes as from anywhere else.
    assertMatch(data.runcmd.at(-1) ?? "", /^sed .*Install-Recommends.*94cloud-init-config$/, name);
    const sources = data.apt?.sources ?? {};
    assert(isMap(sources));
    for (const source of Object.values(sources) as { source: string; key?: string; keyid?: string }[]) {
      assert(/^deb \[[^\]]*\bsigned-by=\$KEY_FILE\] https:\/\//.test(source.source), source.source);
      assert(
        /^[0-9A-F]{40}$/.test(source.keyid ?? "") || source.key?.startsWith("-----BEGIN PGP PUBLIC KEY BLOCK-----"),
      );
      // Its packages are upgraded too.
      const host = new URL(/https:\S+/.exec(source.source)![0]).hostname;
      assertStringIncludes(text, `"site=${host}"`);
      // Nobody has installed it from there here, and it says so.
      assertMatch(text, /Checked by schema only: no test installs it|No test reaches/);
    }
  }
});

Deno.test("LibreOffice is installed where the distribution has no front end for KDE, and then asked for none", async () => {
  const text = bundledCloudConfigs.libreoffice!;
  const { packages, runcmd } = parseYaml("libreoffice", text) as { packages: string[]; runcmd: string[] };
  assert(packages.includes("libreoffice-gtk3") && !packages.some((name) => /kf6|qt6/.test(name)), packages.join());
  const directory = await Deno.makeTempDir();
  try {
    const setting = join(directory, "libreoffice.conf");
    for (const code of [0, 100]) {
      await Deno.writeTextFile(join(directory, "apt-get"), `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
      await Deno.writeTextFile(setting, "");
      // A command that fails would undo all of the container.
      await runProcess(["sh", "-c", runcmd[0]!.replace("/etc/environment.d/libreoffice.conf", setting)], {
        env: { PATH: `${directory}:${Deno.env.get("PATH")}` },
      });
      assertEquals(await exists(setting), code === 0);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the fingerprint beside the text of a key is the key's own", async () => {
  const key = /^( +)-----BEGIN PGP[^]*?-----END PGP PUBLIC KEY BLOCK-----$/m.exec(bundledCloudConfigs.firefox!)!;
  const armored = key[0].replaceAll(new RegExp(`^${key[1]}`, "gm"), "");
  const bytes = Uint8Array.from(
    atob(armored.split("\n\n")[1]!.replace(/\n=.*[^]*/, "").replace(/\s/g, "")),
    (c) => c.charCodeAt(0),
  );
  // The first packet: a version 4 key in the old format, with a length of two bytes (RFC 4880, sections 4.2 and 12.2).
  assertEquals(bytes[0], 0xc6);
  const length = bytes[1]! < 192 ? bytes[1]! : ((bytes[1]! - 192) << 8) + bytes[2]! + 192;
  const start = bytes[1]! < 192 ? 2 : 3;
  const body = bytes.slice(start, start + length);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-1", new Uint8Array([0x99, length >> 8, length & 255, ...body])),
  );
  const fingerprint = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();
  assertStringIncludes(
    bundledCloudConfigs.firefox!.replaceAll(" ", ""),
    `Fingerprint${fingerprint}`,
  );
});
