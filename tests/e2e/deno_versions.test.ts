// The scripts start by their own first lines with the oldest Deno that README.md names and with the newest, and work
// with the oldest. An older one gets one line that says so. npm has them all.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { inContainer, publicKey, root, script, sh, startScript } from "./run.ts";
import { needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { windowWith } from "./windows.ts";
import { removeContainer } from "./world.ts";
import config from "../../deno.json" with { type: "json" };

const scripts = ["create", "attach", "map"] as const;

const directory = await Deno.makeTempDir({ prefix: "e2e-deno-" });
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

/** The oldest version that the README names. */
async function oldest(): Promise<string> {
  const readme = await Deno.readTextFile(join(root, "README.md"));
  return /\[Deno\]\(\S+\)\s(\d+\.\d+\.\d+) or newer/.exec(readme)![1]!;
}

/** The environment in which `deno` is this version, or the newest of a range of versions, as npm has it. */
async function withDeno(version: string): Promise<{ env: Record<string, string>; version: string }> {
  const prefix = join(directory, version);
  await Deno.mkdir(prefix, { recursive: true });
  await sh(["npm", "install", "--no-audit", "--no-fund", "--prefix", prefix, `deno@${version}`], { cwd: prefix });
  const env = { PATH: `${join(prefix, "node_modules/.bin")}:${Deno.env.get("PATH")}`, NO_COLOR: "1" };
  const [, found] = /^deno (\S+)/.exec(await sh(["deno", "-V"], { env }))!;
  return { env, version: found! };
}

/** A version of Deno, and the environment that has it. */
type Version = Awaited<ReturnType<typeof withDeno>>;

try {
  testVersions(await withDeno(await oldest()), { latest: await withDeno("2"), tooOld: await withDeno("2.8") });
} catch (error) {
  const reason = String(error).split("\n")[0];
  Deno.test({ name: `scripts run on other versions of Deno (skipped: ${reason})`, ignore: true, fn: () => {} });
}

function testVersions(old: Version, { latest, tooOld }: { latest: Version; tooOld: Version }): void {
  Deno.test("the README names the oldest Deno that the scripts take", () => {
    assertEquals([old.version, tooOld.version.slice(0, 4)], ["2.9.0", "2.8."]);
    assert(latest.version !== old.version, latest.version);
  });

  for (const { env, version } of [old, latest]) {
    Deno.test(`each script starts on Deno ${version} by its own first lines`, async () => {
      for (const name of scripts) {
        const { code, stdout, stderr } = await script(name, "lxc", ["--version"], { env });
        assertEquals([code, stdout, stderr], [0, `${name}.ts ${config.version}\n`, ""]);
      }
    });
  }

  Deno.test(`Deno ${tooOld.version} gets an error and what to do`, async () => {
    for (const name of scripts) {
      const { code, stdout, stderr } = await script(name, "lxc", ["--version"], { env: tooOld.env });
      const expected = `error: Deno 2.9.0 or newer is needed. \`deno -V\` says: deno ${tooOld.version}\n` +
        "hint: Get it from https://deno.com, or run: deno upgrade\n";
      assertEquals([code, stdout, stderr], [127, "", expected]);
    }
  });

  testOnOneEngine(
    `Deno ${old.version} makes a container, shows a window of it and lends it a file`,
    needed,
    async (engine) => {
      const [name, { env }] = [`e2e-old-deno-${engine}`, old];
      const file = join(directory, "lent");
      await Deno.writeTextFile(file, "lent text");
      await removeContainer(engine, name);
      const cloudConfig = join(directory, "nothing.yaml");
      await Deno.writeTextFile(cloudConfig, "#cloud-config\ndisable_root: true\n");
      const made = await script("create", engine, ["--image=gui-lab", name, publicKey, "gui", cloudConfig], { env });
      assertEquals(made.code, 0, made.stderr);
      const attach = startScript("attach", engine, [name, "xclock"], { env });
      await windowWith(`\\[${name}\\] xclock`);
      const { stdout, stderr } = await script("map", engine, ["--no-wait", name, file], { env });
      assertEquals(await inContainer(engine, name, 'cat "$1"', stdout.trim().split("\t")[1] ?? stderr), "lent text");
      assertEquals((await script("map", engine, ["--unmap", name], { env })).code, 0);
      assertEquals((await script("attach", engine, ["--stop", name, "--all"], { env })).code, 0);
      assertEquals((await attach.ended).code, 0);
      await nothingLeft(engine, name);
      await removeContainer(engine, name);
    },
  );
}
