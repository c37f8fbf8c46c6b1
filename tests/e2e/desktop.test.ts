// Desktop entries launched as a desktop does it, exported and by hand: a web address and a file, with awkward
// characters.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually, mountsRoot, root, script, sh } from "./run.ts";
import { needed, testOnOneEngine } from "./sessions.ts";
import { painted, windowWith } from "./windows.ts";
import { makeContainer, removeContainer, testOnEngines } from "./world.ts";
import { testWith } from "../unit/samples.ts";

const entries = join(root, "examples/desktop-files");

/** The hand-made entry of the examples, installed for a container of another name. */
async function install(
  entry: string,
  { directory, container }: { directory: string; container: string },
): Promise<string> {
  const text = await Deno.readTextFile(join(entries, `${entry}.desktop`));
  const [, own] = /^Exec=open-in-container (\S+)/m.exec(text)!;
  const path = join(directory, "applications", `${entry}.desktop`);
  await Deno.mkdir(join(directory, "applications"), { recursive: true });
  await Deno.writeTextFile(
    path,
    text.replace(`open-in-container ${own}`, `open-in-container ${container}`)
      .replace(`StartupWMClass=${own}.`, `StartupWMClass=${container}.`),
  );
  return path;
}

/** Launches an entry with an address or a file, as a desktop does it. */
async function launch(entry: string, word: string, env: Record<string, string> = {}): Promise<void> {
  await sh(["gio", "launch", entry, word], { env, output: "inherit" });
}

/** Fails unless a window is one that a dock gathers under an entry. */
async function assertGathers(entry: string, window: string): Promise<void> {
  const [, value] = /^StartupWMClass=(.*)$/m.exec(await Deno.readTextFile(entry))!;
  assertStringIncludes(await sh(["xprop", "-id", window, "WM_CLASS"]), `"${value}"`);
}

testWith(["desktop-file-validate"], "each desktop entry of the examples is valid", async () => {
  const files = [...Deno.readDirSync(entries)].map(({ name }) => name).filter((name) => name.endsWith(".desktop"));
  assert(files.length > 0);
  for (const file of files) assertEquals(await sh(["desktop-file-validate", join(entries, file)]), "");
});

testOnOneEngine(
  "a web address reaches an exported app as one word, and a second one the session that runs; a file is lent",
  needed,
  async (engine) => {
    const container = `e2e-desktop-${engine}`;
    const directory = await Deno.makeTempDir();
    await makeContainer(
      engine,
      container,
      `#cloud-config
write_files:
  - path: /usr/share/applications/browser.desktop
    content: |
      [Desktop Entry]
      Type=Application
      Name=Browser
      Exec=env A=b browser --new %u
      StartupWMClass=Browser-window
  - path: /usr/local/bin/browser
    permissions: "0755"
    content: |
      #!/bin/sh
      for word; do :; done
      printf '%s\\n' "$#" "$word" >>/home/ubuntu/share/words
      exec xterm -class Browser-window -T "a browser" -e sleep 600
`,
    );
    try {
      const env = { XDG_DATA_HOME: directory };
      const exported = await script("create", engine, ["--export", "--json", container, "browser"], { env });
      assertEquals(exported.code, 0, exported.stderr);
      const [{ entry }] = JSON.parse(exported.stdout);
      const words = join(mountsRoot, container, "share/words");
      const addresses = ["https://example.org/?q='$(id)'&x=`id`;%20#it's", "https://example.org/second"];
      await launch(entry, addresses[0]!);
      const window = await windowWith(`\\[${container}\\] a browser`);
      await assertGathers(entry, window);
      assertEquals(await Deno.readTextFile(words), `2\n${addresses[0]}\n`);
      await launch(entry, addresses[1]!);
      await eventually(
        "the second address",
        async () => (await Deno.readTextFile(words)).endsWith(`2\n${addresses[1]}\n`),
      );
      const sessions = JSON.parse((await script("attach", engine, ["--list", "--json", container])).stdout);
      assertEquals(sessions.map(({ session }: { session: string }) => session), ["browser"]);

      // A desktop makes an address of the file's path.
      const file = join(directory, 'it\'s 100% a "page" – é.html');
      await Deno.writeTextFile(file, "");
      await launch(entry, file);
      await eventually(
        "the file in the container",
        async () =>
          /\n2\n\/home\/ubuntu\/maps\/[0-9a-f]{10}\/it's 100% a "page" – é\.html\n$/.test(
            await Deno.readTextFile(words),
          ),
      );
    } finally {
      await script("attach", engine, ["--stop", container, "--all"]);
      await eventually(
        "the file taken back",
        async () => (await script("map", engine, ["--list"])).stdout.includes(directory) ? false : true,
      );
      await removeContainer(engine, container);
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testOnEngines("a file is lent to the app, and taken back when its session ends", needed, async (engine) => {
  const container = `e2e-play-${engine}`;
  const directory = await Deno.makeTempDir();
  const file = join(directory, 'it\'s a "tune" $HOME `id`;.wav');
  await sh(["sox", "-qn", file, "synth", "60", "sine", "440"]);
  await removeContainer(engine, container);
  const made = await script("create", engine, [
    "--image=gui-lab",
    container,
    join(Deno.env.get("HOME")!, ".ssh/id_ed25519.pub"),
    "gui",
    "vlc",
  ]);
  assertEquals(made.code, 0, made.stderr);
  const acl = (): Promise<string> => sh(["getfacl", "-cnpE", "--", file]);
  const before = await acl();
  try {
    // The desktop may be the first to need the container.
    await sh([engine, "stop", container]);
    const entry = await install("containerized-vlc", { directory, container });
    const env = { PATH: `${root}:${entries}:${Deno.env.get("PATH")}`, GUI_CONTAINER_ENGINE: engine };
    await launch(entry, file, env);
    const window = await windowWith(`\\[${container}\\] .*it's a "tune" .HOME .id.;.*VLC media player`, {
      timeoutMs: 60_000,
    });
    await assertGathers(entry, window);
    await painted(window);
    assertStringIncludes((await script("map", engine, ["--list"])).stdout, `${file}\t/home/ubuntu/maps/`);
    await script("attach", engine, ["--stop", container, "--all"]);
    await eventually(
      "the file taken back",
      async () => !(await script("map", engine, ["--list"])).stdout.includes(file),
    );
    assertEquals(await acl(), before);
  } finally {
    await script("map", engine, ["--unmap", container]);
    await removeContainer(engine, container);
    await Deno.remove(directory, { recursive: true });
  }
}, ["incus"]);
