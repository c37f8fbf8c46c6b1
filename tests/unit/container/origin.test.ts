// What a copy's systemd makes of the one file that is put into it.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { findOrigin, giveIdentity, type HostKey } from "../../../lib/container/origin.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";
import { testWith } from "../samples.ts";

const [keys, early] = ["/etc/ssh/ssh_host_", "/run/systemd/generator.early/"];

const before = {
  [`${keys}rsa_key`]: "the origin's",
  [`${keys}rsa_key.pub`]: "the origin's, which is longer than the new one",
  "/var/lib/dbus/machine-id": "the origin's",
  "/var/lib/dhcp/dhclient.eth0.leases": "the origin's",
};

/** Runs what a copy gets as its systemd does, then systemd-tmpfiles. Returns the texts of all files by their paths. */
async function boot(hostKey: HostKey | undefined): Promise<Record<string, string>> {
  const { host, options, calls } = recordingHost();
  await giveIdentity(host, { engine: engineCalled("lxc"), name: "copy" }, hostKey);
  const { text } = options[calls.findIndex((argv) => argv.at(-1)!.endsWith("-generator"))]!.stdin as { text: string };
  const root = await Deno.makeTempDir();
  const generator = join(root, "generator");
  try {
    for (const [path, text] of Object.entries(before)) {
      await Deno.mkdir(join(root, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await Deno.mkdir(join(root, early), { recursive: true });
    await Deno.writeTextFile(generator, text, { mode: 0o700 });
    await runProcess([generator, "/nowhere", join(root, early.slice(0, -1)), "/nowhere"]);
    const conf = await Deno.readTextFile(join(root, "run/tmpfiles.d/gui-container.conf"));
    const argv = ["systemd-tmpfiles", `--root=${root}`, "--create", "--remove", "--boot", "-"];
    await runProcess(argv, { stdin: { text: conf } });
    return Object.fromEntries(filesIn(root).map((path) => [path.slice(root.length), Deno.readTextFileSync(path)]));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function filesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(join(directory, name)) : [join(directory, name)]
  );
}

testWith(
  ["systemd-tmpfiles"],
  "a copy has its own host key in all files, and neither lease nor machine id of its origin",
  async () => {
    const key = { privateKey: "-----BEGIN KEY-----\na+/=\n-----END KEY-----\n", publicKey: "ssh-ed25519 AAAA\n" };
    const files = await boot(key);
    for (const type of ["ed25519", "ecdsa", "rsa", "dsa"]) {
      assertEquals(files[`${keys}${type}_key`], key.privateKey);
      assertEquals(files[`${keys}${type}_key.pub`], key.publicKey);
    }
    assertEquals(Object.keys(files).filter((path) => path.startsWith("/var")), []);
    const units = ["modprobe@.service", "cloud-init.target", "ssh.service"];
    assertEquals(units.map((unit) => files[early + unit]), ["", "", undefined]);
    assertStringIncludes(files[`${early}systemd-user-sessions.service`]!, "rm -f /run/nologin");
    assertStringIncludes(
      files[`${early}networking.service.d/gui-container.conf`]!,
      "After=systemd-tmpfiles-setup.service",
    );
  },
);

testWith(["systemd-tmpfiles"], "a copy that is brought up to date keeps the host keys of its origin", async () => {
  const files = await boot(undefined);
  assertEquals(Object.keys(files).filter((path) => path.startsWith(keys)).length, 2);
  assertEquals(files[`${keys}rsa_key`], "the origin's");
});

Deno.test("a snapshot that was made while the clock ran ahead gives way to what was brought up to date since", async () => {
  const root = await Deno.makeTempDir();
  try {
    const directory = join(root, "box-d00001");
    await Deno.mkdir(directory);
    const record = { source: "box", engine: "lxc", server: { remote: "local", project: "default" } };
    await Deno.writeTextFile(join(directory, "disposable.json"), JSON.stringify(record));
    await Deno.writeTextFile(join(directory, "renewed"), "true");
    const at = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
    const originOf = async (snapshot: string, renewed: string): Promise<string | undefined> => {
      const copyOf = { "user.gui-container.copy-of": "box", "user.gui-container": "1" };
      const one = { status: "Stopped", config: copyOf, devices: {}, expanded_devices: {} };
      const { host } = recordingHost({
        env: { GUI_CONTAINER_MOUNTS: root },
        answer: (argv) => ({
          stdout: JSON.stringify({ ...one, created_at: /snapshots/.test(argv.at(-1)!) ? snapshot : renewed }),
        }),
      });
      return (await findOrigin(host, { engine: engineCalled("lxc"), name: "box" }))?.path;
    };
    assertEquals(await originOf(at(300), at(-1)), "box-d00001");
    assertEquals(await originOf(at(-1), at(-2)), "box/made");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
