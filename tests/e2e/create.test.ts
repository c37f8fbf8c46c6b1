// create.ts on a real engine: what it makes, that the container can be used, and that --delete leaves nothing.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { engineNames, missingParts } from "../lab/state.ts";
import { assertRefused } from "../unit/refusals.ts";
import { makeImage } from "./images.ts";
import { inContainer, mountsRoot, publicKey, root, script, sh, startScript } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { type EngineName, makeContainer, testOnEngines, testPart } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-create-${engine}`;

/** Parts of each kind, with letters beyond ASCII; each leaves a file called so in the container. */
const kinds: Readonly<Record<string, string>> = {
  template:
    '## template: jinja\n#cloud-config\nwrite_files:\n- {path: /var/lib/by-template, content: "ü {{ v1.local_hostname }}\\n"}\n',
  boothook: "#cloud-boothook\n#!/bin/sh\necho ü boothook >/var/lib/by-boothook\n",
  script: "#!/bin/sh\necho ü script >/var/lib/by-script\n",
  archive: "#cloud-config-archive\n- |\n  #!/bin/sh\n  echo ü archive >/var/lib/by-archive\n",
};

testOnEngines(
  "create.ts makes a container of two cloud-configs and parts of each kind, and --delete leaves nothing",
  ["user"],
  async (engine, context) => {
    const name = nameOn(engine);
    const mounts = join(mountsRoot, name);
    const directory = await Deno.makeTempDir();
    // An archive is asked on one engine: that takes longer than the rest together.
    const [sl, hello] = engine === "lxc"
      ? ["package_update: true\npackages: [sl]", "packages: [hello]"]
      : ["runcmd: [[touch, /var/lib/sl]]", "runcmd: [[touch, /var/lib/hello]]"];
    const texts = {
      "one.yaml": `#cloud-config\n${sl}\n`,
      "two.yaml": `#cloud-config\n${hello}\nwrite_files:\n- {path: /var/lib/by-two, content: "ü two\\n"}\n`,
      ...kinds,
    };
    const files = Object.keys(texts).map((file) => join(directory, file));
    const make = (...options: string[]): Promise<ProcessResult> =>
      script("create", engine, [...options, "--image=gui-lab", name, publicKey, "gui", ...files]);
    let made = { hostUid: 0, ipv4: "" };
    try {
      for (const [file, text] of Object.entries(texts)) await Deno.writeTextFile(join(directory, file), text);
      await testPart(context, "its result is what was made, and where", async () => {
        const { code, stdout, stderr } = await make("--json");
        assertEquals(code, 0, stderr);
        if (!missingParts(engine, "imageXpra")) assert(!stderr.includes("xpra"), stderr);
        const result = JSON.parse(stdout);
        assertMatch(result.ipv4, /^\d+\.\d+\.\d+\.\d+$/);
        assertEquals([result.name, result.engine, result.address], [name, engine, result.ipv4]);
        assertEquals(result.user, { name: "ubuntu", uid: 1000, gid: 1000, home: "/home/ubuntu" });
        assertEquals(result.mounts, { xpra: join(mounts, "xpra"), share: join(mounts, "share") });
        made = result;
      });
      await testPart(
        context,
        "cloud-init has done what each part says, for both lists of the cloud-configs",
        async () => {
          const installed = engine === "lxc"
            ? "dpkg-query -Wf '${db:Status-Status}\\n' sl hello"
            : "cd /var/lib; for each in sl hello; do test -e $each && echo installed; done";
          assertEquals(await inContainer(engine, name, installed), "installed\ninstalled");
          const written = "cd /var/lib; for kind; do cat by-$kind; done";
          assertEquals(
            (await inContainer(engine, name, written, "two", ...Object.keys(kinds))).split("\n"),
            ["ü two", `ü ${name}`, "ü boothook", "ü script", "ü archive"],
          );
        },
      );
      await testPart(context, "both users read and write in the directories that they share", async () => {
        assertMatch(await inContainer(engine, name, "id"), /^uid=1000\(ubuntu\)/);
        assertEquals(await sh([engine, "config", "device", "get", name, "share", "path"]), "/home/ubuntu/share");
        await inBothDirections(engine, made.hostUid);
      });
      await testPart(context, "ssh asks nothing, and knows the container by its pinned key alone", async () => {
        await withPinnedKey(engine, made.ipv4);
      });
      await testPart(context, "it is not made again, nor removed with files in its share", async () => {
        assertRefused(await make(), { code: 1, names: [`"${name}"`, "exists"] });
        assertRefused(await script("create", engine, ["--delete", name]), {
          code: 1,
          names: join(mounts, "share"),
          hint: "--force",
        });
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
      const deleted = await script("create", engine, ["--delete", "--force", name]);
      assertEquals(deleted.code, 0, deleted.stderr);
    }
    await testPart(context, "--delete --force leaves nothing", async () => {
      for (const path of [`/1.0/instances/${name}`, `/1.0/profiles/${name}`]) {
        const { code, stderr } = await runProcess([engine, "query", path], { okCodes: "any" });
        assert(code !== 0 && /not found/i.test(stderr), `${path} is still there`);
      }
      assertEquals(await present(mounts), false);
    });
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
  const { code } = await runProcess(ssh("/dev/null"), { okCodes: "any" });
  assertEquals(code, 255, `${engine}: an unknown key is not accepted`);
}

testOnEngines("create.ts says at once that an image gets no user-data, and why", ["user"], async (engine) => {
  const directory = await Deno.makeTempDir();
  const [open, closed, file] = ["open", "closed", "plain.yaml"].map((name) => join(directory, name));
  const make = (profile: string): Promise<ProcessResult> =>
    script("create", engine, ["--image=e2e-socket", "e2e-socket", publicKey, profile, file!]);
  try {
    await makeImage(engine, "e2e-socket");
    await Deno.writeTextFile(file!, "#cloud-config\nruncmd: [[touch, /var/lib/by-socket]]\n");
    await Deno.writeTextFile(open!, "config: {}\n");
    await Deno.writeTextFile(closed!, 'config:\n  security.devlxd: "false"\n');
    // cloud-init 25.1 does not know the socket of Incus.
    const startedMs = performance.now();
    const refused = await make(engine === "lxc" ? closed! : open!);
    assertRefused(refused, {
      code: 1,
      names: ['"e2e-socket"', "user-data"],
      hint: engine === "lxc" ? "security.devlxd" : "cloud variant",
    });
    assert(performance.now() - startedMs < 30_000, "it does not wait for --timeout");
    if (engine !== "lxc") return;
    const made = await make(open!);
    assertEquals(made.code, 0, made.stderr);
    assertEquals(await inContainer(engine, "e2e-socket", "ls /var/lib/by-socket"), "/var/lib/by-socket");
  } finally {
    await script("create", engine, ["--delete", "--force", "e2e-socket"]);
    await Deno.remove(directory, { recursive: true });
  }
});

testOnEngines(
  "create.ts copes with any umask, a link to the mounts, names that must be quoted, keys with CR LF, and closed directories",
  ["user"],
  async (engine) => {
    const umask = engine === "lxc" ? "077" : "000";
    const name = `e2e-odd-${engine}`;
    const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: `${name} it's 100 %h; ü` });
    const [file, keys, link] = [`it's\n"x".yaml`, "keys \t", "li nk"].map((name) => join(directory, name));
    const env = { GUI_CONTAINER_MOUNTS: link! };
    try {
      await Deno.mkdir(join(directory, "mounts"));
      await Deno.symlink(join(directory, "mounts"), link!);
      await Deno.writeTextFile(file!, "#cloud-config\r\ndisable_root: true\r\n");
      const [type, base64] = (await Deno.readTextFile(publicKey)).split(" ");
      await Deno.writeTextFile(keys!, `${type} ${base64}\r\n`);
      const made = await runProcess(
        ["/bin/sh", "-c", `umask ${umask}; exec "$@"`, "sh", join(root, "create.ts"), "--engine", engine]
          .concat(["--image=gui-lab", name, keys!, "gui", file!]),
        { okCodes: "any", env },
      );
      assertEquals(made.code, 0, made.stderr);
      const share = join(directory, "mounts", name, "share");
      await inContainer(
        engine,
        name,
        "umask 077; echo app >share/from-app; mkdir -p share/deep; echo x >share/deep/file",
      );
      await sh(["/bin/sh", "-c", `umask ${umask}; cat from-app deep/file; echo host >from-host`], { cwd: share });
      await inContainer(engine, name, "echo app >>share/from-host");
      const others = await sh(["find", join(directory, "mounts", name), "-perm", "/002"]);
      assertEquals(others, "", "nothing is open to everybody");
      await inContainer(engine, name, closeScript);
      if (umask === "000") await sh([engine, "stop", name], { timeoutMs: 30_000 });
      const deleted = await script("create", engine, ["--delete", "--force", name], { env });
      assertEquals(deleted.code, 0, deleted.stderr);
      const left = [...Deno.readDirSync(join(directory, "mounts"))].map(({ name }) => name);
      assertEquals(left.filter((name) => !name.endsWith(".lock")), []);
    } finally {
      await script("create", engine, ["--delete", "--force", name], { env });
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/**
 * What an app could do so that the host user cannot remove its files: directories of its own and of root's, all closed.
 */
const closeScript = `
cd share
mkdir -p closed/deep open
echo app >closed/deep/file
setfacl -R -b closed
chmod 000 closed/deep closed
chmod 1777 open
sudo sh -c 'mkdir open/roots && setfacl -b open/roots && echo root >open/roots/file && chmod 700 open/roots'
`;

testOnOneEngine(
  "create.ts --delete refuses a live session, and with --force ends it",
  ["user", "display", "bus", "xpra", "imageXpra"],
  async (engine) => {
    const name = `e2e-live-${engine}`;
    await makeContainer(engine, name);
    try {
      const attached = await script("attach", engine, ["--detached", "--session=kept", name, "xclock"]);
      assertEquals(attached.code, 0, attached.stderr);
      const refused = await script("create", engine, ["--delete", name]);
      assertRefused(refused, { code: 1, names: ['"kept"', `"${name}"`], hint: `--stop ${name} kept` });
      assertStringIncludes((await script("attach", engine, ["--list", name])).stdout, "kept");

      const client = startScript("attach", engine, ["--preset=isolated", name]);
      const deleted = await script("create", engine, ["--delete", "--force", name]);
      assertEquals(deleted.code, 0, deleted.stderr);
      await client.ended;
      assertEquals(await present(join(mountsRoot, name)), false);
    } finally {
      await script("create", engine, ["--delete", "--force", name]);
    }
  },
);

const enginesHere = engineNames.filter((engine) => missingParts(engine, "user") === undefined);

Deno.test({
  name: "create.ts waits well: tells what goes on, and what it waits for in vain (on both engines at once)",
  ignore: enginesHere.length === 0,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const waits = await Promise.allSettled(enginesHere.flatMap((engine) => [
        toldOnTerminal(engine, directory),
        toldOfTimeout(engine, directory),
        toldOfFailure(engine, directory),
        toldOfNoAddress(engine, directory),
      ]));
      for (const wait of waits) if (wait.status === "rejected") throw wait.reason;
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

/** On a terminal the last line of cloud-init's output is rewritten in place; warnings of cloud-init's and ours stay. */
async function toldOnTerminal(engine: EngineName, directory: string): Promise<void> {
  const name = `e2e-wait-${engine}`;
  const file = join(directory, `${name}.yaml`);
  const speak = "for n in $(seq 12); do echo spoken $n; sleep 0.5; done; rm -f $(command -v xpra)";
  await Deno.writeTextFile(file, `#cloud-config\napt_update: false\nruncmd: [[sh, -c, '${speak}']]\n`);
  const argv = [
    join(root, "create.ts"),
    `--engine=${engine}`,
    "--image=gui-lab",
    "--bare",
    name,
    publicKey,
    "gui",
    file,
  ];
  try {
    const { code, stdout } = await runProcess(["script", "-qec", quoteWords(argv), "/dev/null"], {
      okCodes: "any",
    });
    assertEquals(code, 0, stdout);
    const shown = stdout.replaceAll("\r\x1b[K", "⌫");
    assertMatch(shown, /⌫cloud-init modules:final \d+ s: spoken \d+⌫/);
    const lines = shown.split("\r\n").map((line) => line.split("⌫").at(-1)!);
    assert(!lines.some((line) => line.includes("spoken")), shown);
    const warnings = lines.filter((line) => line.includes("warning:"));
    assertMatch(warnings[0]!, /cloud-init: .*apt_update/);
    assertStringIncludes(
      warnings.at(-1)!,
      `There is no xpra in "${name}": attach.ts can show windows on a Wayland desktop, by waypipe, and on no other. ` +
        "Without --bare, create.ts installs what is missing",
    );
  } finally {
    await script("create", engine, ["--delete", "--force", name]);
  }
}

/** Without a terminal each stage is a line. Still at work is something else than failed. */
async function toldOfTimeout(engine: EngineName, directory: string): Promise<void> {
  const name = `e2e-slow-${engine}`;
  const file = join(directory, `${name}.yaml`);
  await Deno.writeTextFile(file, "#cloud-config\nruncmd: [[sh, -c, 'echo spoken; sleep 120']]\n");
  const args = ["--timeout=45s", "--image=gui-lab", name, publicKey, "gui", file];
  const { code, stdout, stderr } = await script("create", engine, args);
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(stderr, /^cloud-init: modules:final$/m);
  assertMatch(stderr, /^error: cloud-init .* 45 s in "e2e-slow-.*"$/m);
  assertMatch(stderr, /^ {4}spoken$/m);
  assertMatch(stderr, /^hint: .*--timeout/m);
  assertEquals(await present(join(mountsRoot, name)), false);
}

/** What cloud-init could not do, and the end of its output; nothing is left of it. */
async function toldOfFailure(engine: EngineName, directory: string): Promise<void> {
  const name = `e2e-broken-${engine}`;
  const file = join(directory, `${name}.yaml`);
  await Deno.writeTextFile(file, "#cloud-config\nruncmd: [[sh, -c, 'echo spoken; exit 3']]\n");
  const { code, stdout, stderr } = await script("create", engine, ["--image=gui-lab", name, publicKey, "gui", file]);
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(stderr, /^error: cloud-init .*"e2e-broken-.*"/m);
  assertMatch(stderr, /^ {4}spoken$/m);
  assertMatch(stderr, /^hint: .*--keep-failed$/m);
  const instances = await sh([engine, "query", "/1.0/instances"]);
  const profiles = await sh([engine, "query", "/1.0/profiles"]);
  assert(!instances.includes(name) && !profiles.includes(name));
  assertEquals(await present(join(mountsRoot, name)), false);
}

/** On a bridge that gives no address, as where firewalld drops what asks for one, and a firewall-cmd that says so. */
async function toldOfNoAddress(engine: EngineName, directory: string): Promise<void> {
  const name = `e2e-silent-${engine}`;
  const network = `e2e-mute-${engine}`;
  const [profile, file] = [join(directory, `${name}.profile.yaml`), join(directory, "plain.yaml")];
  await Deno.writeTextFile(profile, `devices:\n  eth0:\n    type: nic\n    network: ${network}\n    name: eth0\n`);
  await Deno.writeTextFile(file, "#cloud-config\ndisable_root: true\n");
  await Deno.writeTextFile(join(directory, "firewall-cmd"), "#!/bin/sh\necho FedoraWorkstation\n", { mode: 0o755 });
  const subnet = `198.18.${engine === "lxc" ? 240 : 241}.1/24`;
  await runProcess([engine, "network", "delete", network], { okCodes: "any" });
  await sh([engine, "network", "create", network, `ipv4.address=${subnet}`, "ipv4.dhcp=false", "ipv6.address=none"]);
  try {
    const startedMs = performance.now();
    const args = ["--image=gui-lab", name, publicKey, profile, file];
    const env = { PATH: `${directory}:${Deno.env.get("PATH")}` };
    const { code, stderr } = await script("create", engine, args, { env });
    assertEquals(code, 1, stderr);
    // create.ts waits two minutes for an address; DHCP in the container gives up before.
    assert(performance.now() - startedMs < 150_000, stderr);
    assertStringIncludes(stderr, `The container "${name}" has no address`);
    const command = `sudo firewall-cmd --permanent --zone=trusted --change-interface=${network}`;
    assertMatch(stderr, new RegExp(`hint: firewalld .*: ${command} && sudo firewall-cmd --reload`));
    assertEquals(await present(join(mountsRoot, name)), false);
  } finally {
    await sh([engine, "network", "delete", network]);
  }
}

async function present(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
