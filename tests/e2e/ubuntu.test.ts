// A container of an image as Ubuntu 25.10 and newer have it: cloud-init, netplan, uutils, sudo-rs, and Firefox as a snap.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { makeImage } from "./images.ts";
import { startMap, withDirectory } from "./lending.ts";
import { eventually, inContainer, publicKey, root, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { startSway, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { windowWith, withDisplay } from "./windows.ts";
import { type EngineName, removeContainer, shareOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-ubuntu-${engine}`;

shareOnEngines({
  make: async (engine) => {
    await makeImage(engine, "gui-lab-ubuntu");
    await removeContainer(engine, nameOn(engine));
    const args = ["--image=gui-lab-ubuntu", "--yes", nameOn(engine), publicKey, "gui", "firefox"];
    const { code, stderr } = await script("create", engine, args);
    assertEquals(code, 0, stderr);
  },
  remove: (engine) => removeContainer(engine, nameOn(engine)),
});

testOnOneEngine("Firefox is Mozilla's, though Ubuntu's package for the snap is newer", ["user"], async (engine) => {
  const name = nameOn(engine);
  const look = "cat --version; sudo --version; sudo id -un; ls /etc/netplan; apt-cache policy firefox";
  const found = await inContainer(engine, name, look);
  for (
    const text of ["uutils", "sudo-rs 0", "\nroot\n", "\n50-cloud-init.yaml\n", "Installed: 145", " 1:1snap1-0ubuntu8 "]
  ) {
    assertStringIncludes(found, text);
  }
  await inContainer(engine, name, "dpkg -x /opt/gui-lab-archive/firefox.deb snap");
  const { code, stderr } = await script("attach", engine, [name, "snap/usr/bin/firefox"]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "requires the firefox snap to be installed");
});

testOnOneEngine(
  "windows come over Wayland and over X, and so does what is copied",
  [...needed, ...waylandParts],
  async (engine) => {
    const name = nameOn(engine);
    await using sway = await startSway();
    await withDisplay(async (display) => {
      const firefox = startScript("attach", engine, [name, "firefox https://xkcd.com/"], { env: sway.env });
      const xterm = startScript("attach", engine, [name, "xterm -T by-x -e sleep 600"], { env: display });
      await windowCalled(`[${name}] Mozilla Firefox https://xkcd.com/`, sway.env);
      await windowWith(`\\[${name}\\] by-x`, { env: display });
      await inSession(engine, name, "xterm", "printf copied | xclip -selection clipboard >/dev/null 2>&1");
      const copied = await script("attach", engine, ["--session=xterm", "--copy", name], { env: display });
      assertEquals(copied.code, 0, copied.stderr);
      assertEquals(await sh(["xclip", "-o", "-selection", "clipboard"], { env: display }), "copied");
      await script("attach", engine, ["--stop", name, "--all"]);
      for (const { ended } of [firefox, xterm]) assertEquals((await ended).code, 0);
    });
    await nothingLeft(engine, name);
  },
);

testOnOneEngine("links, files and notifications reach the host", waylandParts, async (engine) => {
  const name = nameOn(engine);
  await using sway = await startSway();
  const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-ubuntu-" });
  const told = join(directory, "told");
  for (const program of ["xdg-open", "notify-send"]) {
    await Deno.writeTextFile(join(directory, program), `#!/bin/sh\necho "${program} $*" >>'${told}'\n`, {
      mode: 0o755,
    });
  }
  const env = { ...sway.env, PATH: `${directory}:${Deno.env.get("PATH")}`, XDG_DOWNLOAD_DIR: directory };
  const channels = ["--preset=isolated", "--allow=links,files,notifications", "--session=all"];
  const app = startScript("attach", engine, [...channels, name, "foot -T all sleep 600"], { env });
  try {
    await windowCalled(`[${name}] all`, env);
    const inside = (shell: string): Promise<string> => inSession(engine, name, "all", shell);
    const tells = (text: string): Promise<unknown> =>
      eventually(`"${text}"`, async () => (await Deno.readTextFile(told)).includes(text));
    await inside("xdg-open https://example.org/");
    await tells("xdg-open https://example.org/");
    await inside("notify-send Hello");
    await tells("Hello");
    await inside("echo offer >share/offer.txt; xdg-open share/offer.txt");
    assertEquals(await eventually("the file", () => Deno.readTextFile(join(directory, "offer.txt"))), "offer\n");
  } finally {
    await script("attach", engine, ["--stop", name, "--all"]);
    await app.ended;
    await Deno.remove(directory, { recursive: true });
  }
});

testOnOneEngine("a lent file that is saved by renaming goes over, and comes back", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "letter.txt");
    await Deno.writeTextFile(file, "old\n");
    const run = await startMap(engine, [name, file]);
    await sh(["sh", "-ec", 'echo new >"$1.tmp"; mv "$1.tmp" "$1"', "sh", file]);
    await run.says(`"${name}" has the new file now`);
    await inContainer(engine, name, 'echo more >>"$1"', run.lent[0]!.container);
    assertEquals((await run.enter()).code, 0);
    assertEquals(await Deno.readTextFile(file), "new\nmore\n");
  });
});

testOnOneEngine("windows come by Ubuntu 24.04's waypipe, 0.8, on either end", waylandParts, async (engine) => {
  const name = nameOn(engine);
  const directory = await Deno.makeTempDir({ prefix: "e2e-ubuntu-" });
  await using sway = await startSway();
  const asRoot = `"$1" exec "$2" --mode=non-interactive --`;
  const args = ["sh", engine, name, directory];
  await sh(["sh", "-ec", `${asRoot} tar -C /opt/waypipe-0.8 -cf - usr | tar -C "$3" -xf -`, ...args]);
  const older = [
    ...["bwrap", "--dev-bind", "/", "/", "--overlay-src", "/usr", "--overlay-src", `${directory}/usr`],
    ...["--ro-overlay", "/usr", "--"],
  ];
  const shows = async (argv: readonly string[]): Promise<void> => {
    const app = [name, "foot -T by-waypipe sleep 600"];
    const attach = startProcess([...argv, join(root, "attach.ts"), `--engine=${engine}`, ...app], { env: sway.env });
    await windowCalled(`[${name}] by-waypipe`, sway.env);
    await script("attach", engine, ["--stop", name, "--all"]);
    assertEquals((await attach.ended).code, 0);
    await nothingLeft(engine, name);
  };
  try {
    assertStringIncludes(await sh([...older, "waypipe", "--version"]), "waypipe 0.8.4");
    await shows(older);
    await sh(["sh", "-ec", `${asRoot} cp -r /opt/waypipe-0.8/usr /`, ...args]);
    assertStringIncludes(await inContainer(engine, name, "waypipe --version"), "waypipe 0.8.4");
    await shows(older);
    await shows([]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
