// The desktop entries of the examples, launched as a desktop does it: a web address and a file, with awkward characters.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needed } from "./sessions.ts";
import {
  type EngineName,
  eventually,
  makeContainer,
  mountsRoot,
  painted,
  removeContainer,
  root,
  script,
  sh,
  testOnEngines,
  windowWith,
} from "./world.ts";

const entries = join(root, "examples/desktop-files");

/** An entry installed for a container of another name, and what launches it. */
async function install(
  entry: string,
  { directory, engine, container }: { directory: string; engine: EngineName; container: string },
): Promise<(word: string) => Promise<void>> {
  const text = await Deno.readTextFile(join(entries, `${entry}.desktop`));
  await Deno.mkdir(join(directory, "applications"), { recursive: true });
  await Deno.writeTextFile(
    join(directory, "applications", `${entry}.desktop`),
    text.replace(/^(Exec=open-in-container) \S+/m, `$1 ${container}`),
  );
  const env = {
    PATH: `${root}:${entries}:${Deno.env.get("PATH")}`,
    XDG_DATA_HOME: directory,
    GUI_CONTAINER_ENGINE: engine,
  };
  return async (word) => void await sh(["gtk-launch", entry, word], { env, output: "inherit" });
}

/** The class of an entry's windows, for a container of another name: that name, a dot, and the app's own class. */
async function windowClass(entry: string, container: string): Promise<string> {
  const text = await Deno.readTextFile(join(entries, `${entry}.desktop`));
  const [, own] = /^Exec=open-in-container (?:--\S+ )*(\S+)/m.exec(text)!;
  const [, value] = /^StartupWMClass=(.*)$/m.exec(text)!;
  assert(value!.startsWith(`${own}.`), value);
  return `${container}${value!.slice(own!.length)}`;
}

Deno.test({
  name: "each desktop entry is valid",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const files = [...Deno.readDirSync(entries)].map(({ name }) => name).filter((name) => name.endsWith(".desktop"));
    assertEquals(files.length, 7);
    for (const file of files) assertEquals(await sh(["desktop-file-validate", join(entries, file)]), "");
  },
});

testOnEngines(
  "a web address reaches the app as one word, and a second one the session that runs",
  needed,
  async (engine) => {
    const container = `e2e-desktop-${engine}`;
    const directory = await Deno.makeTempDir();
    await makeContainer(
      engine,
      container,
      `#cloud-config
write_files:
  - path: /usr/local/bin/firefox
    permissions: "0755"
    content: |
      #!/bin/sh
      for word; do :; done
      printf '%s\\n' "$#" "$word" >>/home/ubuntu/share/words
      exec xterm -class containerized-firefox -T "a browser" -e sleep 600
`,
    );
    try {
      const launch = await install("containerized-firefox", { directory, engine, container });
      const words = join(mountsRoot, container, "share/words");
      const addresses = ["https://example.org/?q='$(id)'&x=`id`;%20#it's", "https://example.org/second"];
      await launch(addresses[0]!);
      const window = await windowWith(`\\[${container}\\] a browser`);
      assertStringIncludes(
        await sh(["xprop", "-id", window, "WM_CLASS"]),
        await windowClass("containerized-firefox", container),
      );
      assertEquals(await Deno.readTextFile(words), `5\n${addresses[0]}\n`);
      await launch(addresses[1]!);
      await eventually(
        "the second address",
        async () => (await Deno.readTextFile(words)).endsWith(`5\n${addresses[1]}\n`),
      );
      const sessions = JSON.parse((await script("attach", engine, ["--list", "--json", container])).stdout);
      assertEquals(sessions.map(({ session }: { session: string }) => session), ["firefox"]);
    } finally {
      await script("attach", engine, ["--stop", container, "--all"]);
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
    const launch = await install("containerized-vlc", { directory, engine, container });
    await launch(file);
    const window = await windowWith(`\\[${container}\\] .*it's a "tune" .HOME .id.;.*VLC media player`, {
      timeoutMs: 60_000,
    });
    assertStringIncludes(
      await sh(["xprop", "-id", window, "WM_CLASS"]),
      `"${await windowClass("containerized-vlc", container)}"`,
    );
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
