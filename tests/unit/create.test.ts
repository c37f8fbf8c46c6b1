// create.ts as it is typed, where no engine is needed: it refuses before it touches anything.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { assertRefused } from "./refusals.ts";
import { testWith } from "./samples.ts";

const script = fromFileUrl(new URL("../../create.ts", import.meta.url));

/** A directory for $PATH with an LXD that answers, whatever this machine has. */
const engine = await Deno.makeTempDir();
await Deno.writeTextFile(join(engine, "lxc"), "#!/bin/sh\necho {}\n", { mode: 0o755 });
Deno.test.afterAll(() => Deno.remove(engine, { recursive: true }));
const withEngine = { PATH: `${engine}:${Deno.env.get("PATH")}` };

/** Runs a test with files for the command line, and a directory for the mounts that is not there. */
async function withFiles(test: (words: string[], mounts: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const files = { key: "ssh-ed25519 AAAA\n", "p.yaml": "config:\n  raw.lxc: x\n", "c.yaml": "#cloud-config\na: b\n" };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(directory, name), text);
    await test(["box", ...Object.keys(files).map((name) => join(directory, name))], join(directory, "mounts"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("create.ts tells wrong input by exit status 2, an error and a hint, and touches nothing", async () => {
  await withFiles(async (words, mounts) => {
    const run = (...args: string[]): Promise<ProcessResult> =>
      runProcess([script, ...args], { okCodes: "any", env: { ...withEngine, GUI_CONTAINER_MOUNTS: mounts } });
    const cases = [
      { args: words, names: ["/p.yaml:2:3: ", '"config.raw.lxc"'], hint: "--trust-profile" },
      { args: ["--engine=docker", ...words], names: '"docker"', hint: "lxc or incus" },
      { args: ["--no-such", ...words], names: '"--no-such"', hint: "create.ts --help" },
      { args: ["--delete"], names: ["--delete", "NAME"], hint: "create.ts --delete" },
    ];
    const results = await Promise.all(cases.map(({ args }) => run(...args)));
    for (const [index, { names, hint }] of cases.entries()) assertRefused(results[index]!, { code: 2, names, hint });
    assertEquals(await Deno.lstat(mounts).catch(() => undefined), undefined);
  });
});

testWith(
  ["ssh", "setfacl", "getfacl"],
  "create.ts names the engine or the program that is missing before it touches anything: 125 and 127",
  async () => {
    const tools = ["deno", "ssh", "setfacl", "getfacl"];
    await withFiles(async ([name, key, , part], mounts) => {
      const bin = await Deno.makeTempDir();
      try {
        for (
          const { lacks = "", options = ["--engine=incus"], ...refusal } of [
            { options: [], code: 125, names: ["LXD", "Incus"], hint: "snap install lxd" },
            { code: 125, names: '"incus"', hint: "--engine=lxc" },
            { lacks: "ssh", code: 127, names: '"ssh"', hint: "openssh-client" },
            { lacks: "setfacl", code: 127, names: '"setfacl"', hint: "acl" },
          ]
        ) {
          for (const tool of tools) {
            await Deno.remove(join(bin, tool)).catch(() => {});
            if (tool === lacks) continue;
            const { stdout } = await runProcess(["/bin/sh", "-c", `command -v ${tool}`]);
            await Deno.symlink(stdout.trim(), join(bin, tool));
          }
          const env = { GUI_CONTAINER_MOUNTS: mounts, GUI_CONTAINER_ENGINE: "", PATH: bin };
          const argv = [script, ...options, name!, key!, "gui", part!];
          assertRefused(await runProcess(argv, { okCodes: "any", env }), refusal);
          assertEquals(await Deno.lstat(mounts).catch(() => undefined), undefined);
        }
      } finally {
        await Deno.remove(bin, { recursive: true });
      }
    });
  },
);

/** Runs a program in namespaces of its own, with another file system mounted on a directory. */
function onFileSystem(type: string, directory: string, argv: readonly string[]): Promise<ProcessResult> {
  const mount = 'mount -t "$1" none "$2" && shift 2 && exec "$@"';
  return runProcess(
    ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", mount, "sh", type, directory, ...argv],
    { okCodes: "any", env: { ...withEngine, GUI_CONTAINER_MOUNTS: directory } },
  );
}

testWith(
  ["ssh", "setfacl", "getfacl", "unshare"],
  "create.ts names a file system without ACLs",
  () =>
    withFiles(async ([name, key, , part], mounts) => {
      await Deno.mkdir(mounts);
      const look = 'create=$1; shift; "$create" "$@"; code=$?; ls -A "$GUI_CONTAINER_MOUNTS"; exit "$code"';
      const args = ["--engine=lxc", name!, key!, "gui", part!];
      const refused = await onFileSystem("ramfs", mounts, ["/bin/sh", "-c", look, "sh", script, ...args]);
      assertRefused(refused, { code: 1, names: [`"${mounts}"`, "ACLs"], hint: "$GUI_CONTAINER_MOUNTS" });
      assertEquals(/^ {4}setfacl: .*: Operation not supported$/m.test(refused.stderr), true, refused.stderr);
    }),
);
