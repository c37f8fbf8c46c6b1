// The binaries, as far as Deno's runtime for them can be had: `deno compile` downloads it, or takes the one of
// $DENORT_BIN.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import config from "../../../deno.json" with { type: "json" };
import { bundledCloudConfigs, bundledProfiles } from "../../../lib/create/bundled.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { compileArgv, permissionsOf, scripts } from "../../../tools/compile.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** The text of a script. */
function textOf(script: string): Promise<string> {
  return Deno.readTextFile(join(root, `${script}.ts`));
}

/** Compiles a script into a directory. Returns the binary's path, and whether that worked. */
async function compile(
  script: string,
  { directory, env = {} }: { directory: string; env?: Record<string, string> },
): Promise<{ path: string; isMade: boolean; output: string }> {
  const path = join(directory, `gui-${script}`);
  const argv = compileArgv(script, await textOf(script), undefined).map((word, index, all) =>
    all[index - 1] === "--output" ? path : word
  );
  // The gate has checked the types.
  const { code, stderr } = await runProcess(argv.toSpliced(2, 0, "--no-check"), {
    okCodes: "any",
    env,
    timeoutMs: 120_000,
  });
  return { path, isMade: code === 0, output: stderr };
}

Deno.test("permissionsOf() are those of the script's first lines, without the directories", async () => {
  const header = `#!/bin/sh
/*bin/true # Words
set -- "$(command -p readlink -f -- "$0" 2>/dev/null || readlink -f -- "$0")" "$@"
set -- --allow-read "$@"
set -- --allow-write="\${A:-$HOME/a b}" "$@"
set -- --allow-run="x,y$me" "$@"
set -- --allow-env='HOME,LD_*' "$@"
exec deno run --quiet --no-prompt --v8-flags=--x "$@" # */
`;
  assertEquals(
    permissionsOf(header),
    [
      ...["--no-prompt", "--v8-flags=--x", "--allow-read", "--allow-write", "--allow-run=x,y,gui-attach"],
      "--allow-env=HOME,LD_*",
    ],
  );
  for (const script of scripts) {
    const permissions = permissionsOf(await textOf(script));
    for (const name of ["--no-prompt", "--allow-read", "--allow-run=lxc,incus", "--allow-env="]) {
      assert(permissions.some((permission) => permission.startsWith(name)), `${script}: ${name}`);
    }
  }
});

Deno.test("a binary has the bundled files and the script's programs in it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // Any program does for a runtime, as long as nobody runs the result.
    const { path, isMade, output } = await compile("create", { directory, env: { DENORT_BIN: Deno.execPath() } });
    assert(isMade, output);
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(path));
    const inBinary = (text: string): boolean =>
      bytes.includes(new TextDecoder("latin1").decode(new TextEncoder().encode(text)));
    for (const text of [...Object.values(bundledProfiles), ...Object.values(bundledCloudConfigs)]) {
      assert(inBinary(text), text.slice(0, 100));
    }
    const permissions = JSON.parse(/"permissions":(\{.*?\}),"location"/.exec(bytes)![1]!);
    assertEquals(
      permissions.allow_run,
      permissionsOf(await textOf("create"))
        .find((permission) => permission.startsWith("--allow-run="))!.slice("--allow-run=".length).split(","),
    );
    assertEquals([permissions.prompt, permissions.allow_net, permissions.allow_read], [false, null, []]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const directory = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
const first = await compile("create", { directory });

Deno.test({
  name: `binaries run, know the bundled names, and ask for nothing${
    first.isMade ? "" : " (skipped: Deno's runtime for binaries cannot be had; $DENORT_BIN may name one)"
  }`,
  ignore: !first.isMade,
  async fn() {
    for (const script of scripts) {
      const { path, isMade, output } = await compile(script, { directory });
      assert(isMade, output);
      const { stdout } = await runProcess([path, "--version"]);
      assertEquals(stdout, `${script}.ts ${config.version}\n`);
    }
    const key = join(directory, "key.pub");
    await Deno.writeTextFile(
      key,
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFzM5rYqb0Yz1xkz9pJm2oS2QpXhJ0m2x1bB7o8s6b0Q me\n",
    );
    const { stdout } = await runProcess([first.path, "--dry-run", "box", key, "gui", "xpra", "firefox"]);
    assertStringIncludes(stdout, "lxc profile edit box <<<");
  },
});
