// Apps by their words, with a key of create.ts's own: in a new container, and in one that is there.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exists } from "../../lib/base/files.ts";
import { join } from "@std/path";
import { attempt, inContainer, mountsRoot, root, script, sh } from "./run.ts";
import { nothingLeft, testOnIncus } from "./sessions.ts";
import { type EngineName, removeContainer } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-apps-${engine}`;

/** Calls `act` with the path of a package that has a program of its name. */
async function withPackage(name: string, act: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const [control, program] = [join(directory, name, "DEBIAN/control"), join(directory, name, "usr/bin", name)];
    for (const path of [control, program]) await Deno.mkdir(join(path, ".."), { recursive: true });
    const fields = { Package: name, Version: "1.5", Architecture: "all", Maintainer: "A <a@b.c>", Description: name };
    const text = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`).join("");
    await Deno.writeTextFile(control, text);
    await Deno.writeTextFile(program, `#!/bin/sh\necho "${name} runs"\n`, { mode: 0o755 });
    const path = join(directory, `its file's "name".deb`);
    await sh(["dpkg-deb", "--root-owner-group", "--build", join(directory, name), path]);
    await act(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

testOnIncus("create.ts NAME deb:FILE needs no key, no profile and no cloud-config", ["user"], async (engine) => {
  const name = nameOn(engine);
  await removeContainer(engine, name);
  try {
    await withPackage("first-app", async (path) => {
      const made = await script("create", engine, ["--image=gui-lab", name, `deb:${path}`]);
      assertEquals(made.code, 0, made.stderr);
      assertMatch(made.stdout, /^took: +\d+ s$/m);
      assertMatch(made.stdout, /^next: .*attach.ts .*APP$/m);
      assertMatch(made.stdout, /^menu: .*create.ts .*--export /m);
    });
    const config = await Deno.readTextFile(join(mountsRoot, name, "ssh/config"));
    assertMatch(config, /^IdentityFile ".*\/gui-container\/id_ed25519"$/m);
    assertEquals(await inContainer(engine, name, "first-app"), "first-app runs");
    const started = await script("attach", engine, ["--detached", name, "sleep 600"]);
    assertEquals(started.code, 0, started.stderr);
    assertEquals((await script("attach", engine, ["--stop", name, "--all"])).code, 0);
    await nothingLeft(engine, name);

    await withPackage("second-app", async (path) => {
      const more = await script("create", engine, ["--install", name, `deb:${path}`]);
      assertEquals(more.code, 0, more.stderr);
      assertStringIncludes(more.stdout, `${name}: 1 new package`);
      assertStringIncludes(more.stdout, "also in its disposable copies");
    });
    const version = ["dpkg-query", "--show", "--showformat=${Version}", "second-app"];
    assertEquals(await sh([engine, "exec", name, "--", ...version]), "1.5");
  } finally {
    await removeContainer(engine, name);
  }
});

testOnIncus("create.ts NAME apt:TYPO names packages that are there, and leaves nothing", ["user"], async (engine) => {
  const name = `${nameOn(engine)}-typo`;
  const { code, stderr } = await script("create", engine, ["--image=gui-lab", name, "apt:figlte"]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, '"figlte"');
  assertStringIncludes(stderr, "Unable to locate package figlte");
  assertMatch(stderr, /^hint: .*\bfiglet\b/m);
  assertEquals((await attempt([engine, "info", name])).code, 1);
  assertEquals(await exists(join(mountsRoot, name)), false, root);
});
