// create.ts on a real engine: what it makes, that the container can be used, and that --delete leaves nothing.

// @ts-types="../../lib/types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import { runProcess } from "../../lib/process.ts";
import { type EngineName, inContainer, mountsRoot, publicKey, root, script, sh, testOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-create-${engine}`;

testOnEngines(
  "create.ts makes a container of two cloud-configs, and --delete leaves nothing",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    const mounts = join(mountsRoot, name);
    const directory = await Deno.makeTempDir();
    const [one, two] = [join(directory, "one.yaml"), join(directory, "two.yaml")];
    await Deno.writeTextFile(one, "#cloud-config\npackage_update: true\npackages: [sl]\n");
    await Deno.writeTextFile(two, "#cloud-config\npackages: [hello]\n");
    try {
      const made = await script("create", engine, [
        "--image=gui-lab",
        "--json",
        name,
        publicKey,
        join(root, "profiles/gui.yaml"),
        one,
        two,
      ]);
      assertEquals(made.code, 0, made.stderr);
      const result = JSON.parse(made.stdout);
      assertEquals(result.name, name);
      assertEquals(result.engine, engine);
      assertMatch(result.ipv4, /^\d+\.\d+\.\d+\.\d+$/);
      assertEquals(result.mounts, { xpra: join(mounts, "xpra"), share: join(mounts, "share") });

      assertEquals(
        await inContainer(engine, name, "dpkg-query -Wf '${Package} ${Status}\n' sl hello"),
        [
          "hello install ok installed",
          "sl install ok installed",
        ].join("\n"),
      );
      assertMatch(await inContainer(engine, name, "id"), /^uid=1000\(ubuntu\)/);
      assertEquals(
        await sh([engine, "config", "device", "get", name, "share", "path"]),
        "/home/ubuntu/share",
      );

      await inBothDirections(engine, result.hostUid);
      await withPinnedKey(engine, result.ipv4);

      const again = await script("create", engine, [
        "--image=gui-lab",
        name,
        publicKey,
        join(root, "profiles/gui.yaml"),
        one,
      ]);
      assertEquals(again.code, 1);
      assertStringIncludes(again.stderr, `There is a container "${name}" already`);

      const refused = await script("create", engine, ["--delete", name]);
      assertEquals(refused.code, 1, "the share still holds files");
      assertStringIncludes(refused.stderr, "--force");
    } finally {
      await Deno.remove(directory, { recursive: true });
      const deleted = await script("create", engine, ["--delete", "--force", name]);
      assertEquals(deleted.code, 0, deleted.stderr);
    }
    for (const path of [`/1.0/instances/${name}`, `/1.0/profiles/${name}`]) {
      const { code, stderr } = await runProcess([engine, "query", path], { stdin: "null", okCodes: "any" });
      assert(code !== 0 && /not found/i.test(stderr), `${path} is still there`);
    }
    assertEquals(await present(mounts), false);
  },
);

/** A file made on either side is read and written on the other. */
async function inBothDirections(engine: EngineName, hostUid: number): Promise<void> {
  const name = nameOn(engine);
  const mounts = join(mountsRoot, name);
  for (const directory of ["xpra", "share"] as const) {
    const inside = directory === "xpra" ? "/home/ubuntu/.xpra" : "/home/ubuntu/share";
    assertEquals((await Deno.stat(join(mounts, directory))).mode! & 0o777, 0o771);
    await Deno.writeTextFile(join(mounts, directory, "from-host"), "host\n");
    await inContainer(engine, name, `cat ${inside}/from-host && echo app >>${inside}/from-host`);
    assertEquals(await Deno.readTextFile(join(mounts, directory, "from-host")), "host\napp\n");

    await inContainer(engine, name, `echo app >${inside}/from-app`);
    assertEquals((await Deno.stat(join(mounts, directory, "from-app"))).uid, hostUid);
    await Deno.writeTextFile(join(mounts, directory, "from-app"), "host\n", { append: true });
    assertEquals(await inContainer(engine, name, `cat ${inside}/from-app`), "app\nhost");
  }
}

/** ssh finds the pinned key and asks nothing; another key is refused. */
async function withPinnedKey(engine: EngineName, ipv4: string): Promise<void> {
  const name = nameOn(engine);
  const ssh = (knownHosts: string): string[] => [
    "ssh",
    ...["StrictHostKeyChecking=yes", "BatchMode=yes", `HostKeyAlias=${name}`, `UserKnownHostsFile=${knownHosts}`]
      .flatMap((
        option,
      ) => ["-o", option]),
    `ubuntu@${ipv4}`,
    "id -un",
  ];
  assertEquals(await sh(ssh(join(mountsRoot, name, "known_hosts"))), "ubuntu");
  const { code } = await runProcess(ssh("/dev/null"), { stdin: "null", okCodes: "any" });
  assertEquals(code, 255, `${engine}: an unknown key is not accepted`);
}

testOnEngines("create.ts unmakes everything when a step fails", ["user"], async (engine) => {
  const directory = await Deno.makeTempDir();
  const file = join(directory, "broken.yaml");
  await Deno.writeTextFile(file, "#cloud-config\nruncmd: [[sh, -c, 'echo spoken; exit 3']]\n");
  try {
    const failed = await script("create", engine, [
      "--image=gui-lab",
      "e2e-broken",
      publicKey,
      join(root, "profiles/gui.yaml"),
      file,
    ]);
    assertEquals(failed.code, 1);
    assertStringIncludes(failed.stderr, 'cloud-init failed in "e2e-broken"');
    assertStringIncludes(failed.stderr, "spoken", "the end of cloud-init's output is shown");
    assertEquals(failed.stdout, "");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const instances = await sh([engine, "query", "/1.0/instances"]);
  const profiles = await sh([engine, "query", "/1.0/profiles"]);
  assert(!instances.includes("e2e-broken") && !profiles.includes("e2e-broken"));
  assertEquals(await present(join(mountsRoot, "e2e-broken")), false);
});

async function present(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
