// Containers that are not as Ubuntu's images are: a user with another name, other ids and another home; an image
// without an ordinary user; a bridge with IPv6 only; and a container of an older create.ts.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { userKey } from "../../lib/container/user.ts";
import { mapDevices, startMap, withDirectory } from "./lending.ts";
import { mountsRoot, publicKey, root, script, sh, startScript } from "./run.ts";
import { needed } from "./sessions.ts";
import { windowWith } from "./windows.ts";
import { type EngineName, removeContainer, testOnEngines } from "./world.ts";

/** What create.ts makes of a cloud-config and a profile, as `--json` tells it. */
async function make(
  engine: EngineName,
  name: string,
  { cloudConfig, profile, options = [] }: { cloudConfig: string; profile?: string; options?: readonly string[] },
): Promise<{ address: string; ipv4: string | null; user: Record<string, unknown>; hostUid: number }> {
  await removeContainer(engine, name);
  const directory = await Deno.makeTempDir();
  try {
    const [file, profileFile] = [join(directory, "test.yaml"), join(directory, "profile.yaml")];
    await Deno.writeTextFile(file, `#cloud-config\n${cloudConfig}\n`);
    if (profile !== undefined) await Deno.writeTextFile(profileFile, profile);
    const args = [
      "--image=gui-lab",
      "--json",
      ...options,
      name,
      publicKey,
      profile === undefined ? "gui" : profileFile,
    ];
    const { code, stdout, stderr } = await script("create", engine, [...args, file]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A key of the container's configuration; empty when it is not set. */
const keyOf = (engine: EngineName, name: string, key: string): Promise<string> =>
  sh([engine, "config", "get", name, key]);

/** Has a user of a container log in with fish, of the lab's own packages. */
async function giveFish(engine: EngineName, name: string, user: string): Promise<void> {
  const libraries = await sh(["ldd", "/usr/bin/fish"]);
  for (const path of ["/usr/bin/fish", /\/\S*libpcre2-32\S*/.exec(libraries)![0]]) {
    await sh([engine, "file", "push", "--mode=755", await Deno.realPath(path), `${name}${path}`]);
  }
  await sh([engine, "exec", name, "--", "usermod", "--shell", "/usr/bin/fish", user]);
}

testOnEngines(
  "a user with another name, uid, gid, home and shell gets apps, shared directories and lent files",
  needed,
  async (engine) => {
    const name = `e2e-user-${engine}`;
    const home = "/srv/people/alice";
    // What the file says of the same user adds up; the name is the option's.
    const cloudConfig = JSON.stringify({
      bootcmd: [["mkdir", "-p", "/srv/people"]],
      user: { name: "mallory", uid: "4321", homedir: home, primary_group: "users", no_user_group: true },
    });
    const { share } = { share: join(mountsRoot, name, "share") };
    try {
      const made = await make(engine, name, { cloudConfig, options: ["--user=alice"] });
      assertEquals(made.user, { name: "alice", uid: 4321, gid: 100, home });
      assertEquals(await keyOf(engine, name, userKey), `alice:4321:100:${home}`);
      assertEquals(await sh([engine, "config", "device", "get", name, "xpra", "path"]), `${home}/.xpra`);
      await giveFish(engine, name, "alice");

      // A window; the app is alice, in her home, and both sides read and write what the other makes.
      await Deno.writeTextFile(join(share, "from-host"), "host\n");
      const report = "id -un; id -u; id -g; pwd; cat share/from-host; echo app >>share/from-host";
      const app = `xterm -T "it's alice" -e sh -c '{ ${report}; } >share/report; read -r line'`;
      const attach = startScript("attach", engine, ["--session=hers", name, app]);
      const window = await windowWith(`\\[${name}\\] it's alice`);
      assertEquals(await Deno.readTextFile(join(share, "report")), `alice\n4321\n100\n${home}\nhost\n`);
      assertEquals(await Deno.readTextFile(join(share, "from-host")), "host\napp\n");

      // A lent file: hers alone, below her home.
      await withDirectory(async (directory) => {
        const file = join(directory, "letter");
        await Deno.writeTextFile(file, "text\n", { mode: 0o600 });
        const map = await startMap(engine, ["--yes", name, file]);
        const { container } = map.lent[0]!;
        assertMatch(container, /^\/srv\/people\/alice\/maps\/[0-9a-f]{10}\/letter$/);
        const asUser = (uid: number, shell: string): Promise<string> =>
          sh([engine, "exec", name, `--user=${uid}`, `--group=${uid}`, "--", "/bin/sh", "-c", shell, "sh", container]);
        assertEquals(await asUser(4321, 'echo more >>"$1"; cat "$1"'), "text\nmore");
        assertEquals(await asUser(1000, 'cat "$1" 2>/dev/null || echo refused'), "refused");
        const unmapped = await map.enter();
        assertEquals(unmapped.code, 0, unmapped.stderr);
        assertEquals(await mapDevices(engine, name), []);
      });

      // Words with quotes and backslashes, read by fish on their way to the app.
      const words = ["sh", "-c", 'printf "%s\\n" "$@" >share/words', "sh", "it's", "\\", "a\\'b\\\\", "$HOME", ""];
      const worded = await script("attach", engine, ["--session=words", name, "--", ...words]);
      assertEquals(worded.code, 0, worded.stderr);
      assertEquals(await Deno.readTextFile(join(share, "words")), words.slice(4).map((word) => `${word}\n`).join(""));

      await sh(["xdotool", "windowactivate", "--sync", window, "key", "Return"]);
      const ended = await attach.ended;
      assertEquals(ended.code, 0, ended.stderr);

      // What she has closed to the host is removed as her.
      await sh([engine, "exec", name, "--user=4321", "--", "sh", "-c", `mkdir -m 700 ${home}/share/closed`]);
    } finally {
      const deleted = await script("create", engine, ["--delete", "--force", name]);
      assertEquals(deleted.code, 0, deleted.stderr);
    }
    assert(!await Deno.stat(share).then(() => true, () => false));
  },
  ["lxc"],
);

testOnEngines(
  "on a bridge with IPv6 only, in an image without an ordinary user; and as an older create.ts has made it",
  needed,
  async (engine) => {
    const name = `e2e-six-${engine}`;
    const bridge = "guilabtest6";
    const removeBridge = () => runProcess([engine, "network", "delete", bridge], { okCodes: "any" });
    await removeContainer(engine, name);
    await removeBridge();
    try {
      await sh([
        engine,
        "network",
        "create",
        bridge,
        "ipv4.address=none",
        "ipv6.address=fd42:6715::1/64",
        "ipv6.nat=true",
      ]);
      const network = "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: ipv6_slaac}]}]\n";
      const profile = JSON.stringify({
        config: { "user.network-config": network },
        devices: { eth0: { type: "nic", network: bridge, name: "eth0" } },
      });
      const cloudConfig = "users: []\nruncmd: [[userdel, --remove, ubuntu]]";
      const made = await make(engine, name, { cloudConfig, profile });
      assertMatch(made.address, /^fd42:6715:/);
      assertEquals(made.ipv4, null);
      assertEquals(made.user, { name: "ubuntu", uid: 1000, gid: 1000, home: "/home/ubuntu" });

      // Without the key, as it was before there was one; and just started.
      await sh([engine, "config", "unset", name, userKey]);
      await sh([engine, "stop", name]);
      const attached = await script("attach", engine, ["--detached", "--session=six", name, "xclock"]);
      assertEquals(attached.code, 0, attached.stderr);
      assertStringIncludes(attached.stderr, `Starting "${name}"`);
      assertStringIncludes((await script("attach", engine, ["--list", name])).stdout, "six");
      await withDirectory(async (directory) => {
        const file = join(directory, "letter");
        await Deno.writeTextFile(file, "text\n");
        const { code, stdout, stderr } = await script("map", engine, ["--no-wait", name, file]);
        assertEquals(code, 0, stderr);
        assertStringIncludes(stdout, "\t/home/ubuntu/maps/");
        assertEquals((await script("map", engine, ["--unmap", name])).code, 0);
      });
    } finally {
      await removeContainer(engine, name);
      await removeBridge();
    }
  },
  ["incus"],
);

Deno.test("create.ts refuses a user that is none, before anything is touched", async () => {
  for (const user of ["root", "-x", "a b"]) {
    const args = ["--dry-run", `--user=${user}`, "box", publicKey, "gui", join(root, "examples/cloud-config/vlc.yaml")];
    const { code, stdout, stderr } = await script("create", "lxc", args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, "the container's user");
  }
});
