import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { readWords as readFiles, type Words } from "../../../lib/create/words.ts";

const publicKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"x".repeat(43)} me@host`;

/** What the words ask for, each file by its path. */
async function readWords(words: readonly string[]): Promise<Record<keyof Words, unknown>> {
  const { keys, profile, cloudInit, apps } = await readFiles(words);
  return { keys: keys?.path, profile: profile.path, cloudInit: cloudInit.map(({ path }) => path), apps };
}

/** Calls `act` in a directory with these files. */
async function withFiles(files: Record<string, string>, act: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(directory, name), text);
    await act(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("readWords() takes the bundled profile gui and no key where neither is named", async () => {
  assertEquals(await readWords(["firefox", "vlc"]), {
    keys: undefined,
    profile: "gui.yaml",
    cloudInit: ["firefox.yaml", "vlc.yaml"],
    apps: [],
  });
  assertEquals((await readWords([])).profile, "gui.yaml");
});

Deno.test("readWords() takes each word for what it looks like, in any order", async () => {
  await withFiles({ "my.pub": `${publicKey}\n` }, async (directory) => {
    const keys = join(directory, "my.pub");
    assertEquals(await readWords(["apt:krita", "gimp", keys, "gui-offline", "snap:a-b"]), {
      keys,
      profile: "gui-offline.yaml",
      cloudInit: ["gimp.yaml"],
      apps: [{ source: "apt", name: "krita" }, { source: "snap", name: "a-b" }],
    });
  });
});

Deno.test("readWords() tells files apart by what is in them", async () => {
  await withFiles({
    "keys": `# mine\n${publicKey}\n`,
    "profile.yaml": "config: {}\n",
    "app.yaml": "#cloud-config\npackages: [vlc]\n",
    "app.sh": "#!/bin/sh\n",
  }, async (directory) => {
    const [keys, profile, app, script] = ["keys", "profile.yaml", "app.yaml", "app.sh"].map((name) =>
      join(directory, name)
    ) as [string, string, string, string];
    const { keys: file } = await readFiles([keys]);
    assertEquals(file, { path: keys, text: `# mine\n${publicKey}\n` });
    const expected = { keys, profile, cloudInit: [app, script], apps: [] };
    assertEquals(await readWords([keys, profile, app, script]), expected);
    assertEquals(await readWords([app, script, profile, keys]), expected);
    assertEquals((await readWords([profile])).keys, undefined);
  });
});

Deno.test("readWords() takes YAML without a first line for a cloud-config, once there is a profile", async () => {
  await withFiles({ "app.yaml": "packages: [vlc]\n" }, async (directory) => {
    const app = join(directory, "app.yaml");
    assertEquals((await readWords(["gui", app])).cloudInit, [app]);
    assertEquals((await readWords([app])).profile, app);
  });
});

Deno.test("readWords() takes no file without its directory but what is called as a key or as YAML", async () => {
  // All tests have one working directory, with a file of this name: as the first word it would be a key, else a profile.
  assert((await Deno.stat("LICENSE")).isFile);
  for (const words of [["LICENSE"], ["vlc", "LICENSE"]]) {
    const error = await assertRejects(() => readWords(words), UserError, 'is called "LICENSE"');
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("readWords() refuses a bare name that is nothing, and takes what looks like a path for one", async () => {
  for (const word of ["no-such", "constructor", "__proto__", "", "your-own-app"]) {
    const error = await assertRejects(() => readWords([word]), UserError, `is called "${word}"`);
    assertEquals(error.exitCode, 2);
    assertStringIncludes(error.hint, "gui, gui-gpu, gui-internet, gui-limits, gui-offline, chromium, firefox,");
    assertMatch(error.hint, /, vlc$/);
  }
  for (const word of ["./gui", "profiles/no-such", "no-such.yaml", "gui.yml"]) {
    await assertRejects(() => readWords([word]), UserError, `There is no file "${word}"`);
  }
});

Deno.test("readWords() says how it understood the words before the one that is nothing", async () => {
  await withFiles({ "my.pub": `${publicKey}\n` }, async (directory) => {
    const keys = join(directory, "my.pub");
    const { hint } = await assertRejects(() => readWords([keys, "gui", "firefux"]), UserError, '"firefux"');
    for (const part of ["apt:firefux", `"${keys}" as key`, '"gui" as profile', "libreoffice"]) {
      assertStringIncludes(hint, part);
    }
  });
});

Deno.test("readWords() refuses two keys, and two profiles", async () => {
  await withFiles({ "a.pub": `${publicKey}\n`, "b.pub": `${publicKey}\n` }, async (directory) => {
    const keys = ["a.pub", "b.pub"].map((name) => join(directory, name));
    for (const words of [[...keys, "firefox"], ["gui", "gui-offline"]]) {
      const error = await assertRejects(() => readWords(words), UserError, `"${words[1]}"`);
      assertEquals(error.exitCode, 2);
      assertStringIncludes(error.message, `"${words[0]}"`);
    }
  });
  await assertRejects(() => readWords(["no-such.pub"]), UserError, 'There is no file "no-such.pub"');
});
