// The profiles and cloud-configs that come with the scripts, for real: limits that hold, a container without a network,
// and each app that Debian has with its window. What is of others' archives is checked by cloud-init's schema.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { parsePart } from "../../lib/create/user_data.ts";
import { attempt, eventually, inContainer, mountsRoot, publicKey, root, script, sh, startScript } from "./run.ts";
import { inSession, needed } from "./sessions.ts";
import { painted, windowWith } from "./windows.ts";
import { type EngineName, removeContainer, testOnEngines } from "./world.ts";

/** Runs create.ts for a container of that name, in place of one that a killed run has left. */
async function create(
  engine: EngineName,
  name: string,
  profile: string,
  ...cloudInit: string[]
): Promise<ProcessResult> {
  await removeContainer(engine, name);
  return await script("create", engine, ["--image=gui-lab", "--yes", "--json", name, publicKey, profile, ...cloudInit]);
}

/** Gives `test` a container, and takes it away afterwards. */
async function withContainer(
  engine: EngineName,
  [name, profile, ...cloudInit]: [name: string, profile: string, ...cloudInit: string[]],
  test: (made: { name: string; ipv4: string | null }) => Promise<void>,
): Promise<void> {
  const made = await create(engine, name, profile, ...cloudInit);
  assertEquals(made.code, 0, made.stderr);
  try {
    await test(JSON.parse(made.stdout));
  } finally {
    await removeContainer(engine, name);
  }
}

/** Runs a shell script as root in a container. */
async function asRoot(engine: EngineName, name: string, shell: string, ...args: string[]): Promise<ProcessResult> {
  return await attempt([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-c", shell, "sh", ...args]);
}

/** A cloud-config that asks for nothing. */
const nothing = await Deno.makeTempFile({ suffix: ".yaml" });
await Deno.writeTextFile(nothing, "#cloud-config\ndisable_root: true\n");
globalThis.addEventListener("unload", () => Deno.removeSync(nothing));

/** Whether the engine says that it sets no limits: Incus 7.0.2 on a host with cgroup v1. */
async function ignoresLimits(engine: EngineName): Promise<boolean> {
  return (await sh([engine, "query", "/1.0/warnings?recursion=1"])).includes("memory limits will be ignored");
}

testOnEngines("gui-limits: limits hold, or it is told that they do not", ["user"], async (engine) => {
  if (await ignoresLimits(engine)) {
    const name = `e2e-limits-${engine}`;
    const { stderr } = await create(engine, name, "gui-limits", nothing);
    await removeContainer(engine, name);
    for (const key of ["memory", "cpu", "processes"]) assertStringIncludes(stderr, `"limits.${key}" has no effect`);
    return;
  }
  await withContainer(engine, [`e2e-limits-${engine}`, "gui-limits", nothing], async ({ name }) => {
    const eater = await asRoot(engine, name, "head -c 3G /dev/zero | tail");
    assertEquals([eater.code, eater.stdout.length], [137, 0], "what takes 3 GiB of memory is killed");

    const forks = await asRoot(
      engine,
      name,
      `python3 -c '
import os, signal
children = []
try:
    while len(children) < 2500:
        child = os.fork()
        if child == 0: signal.pause()
        children.append(child)
except BlockingIOError: print(len(children))
for child in children: os.kill(child, 9)
'`,
    );
    assert(Number(forks.stdout) > 1000 && Number(forks.stdout) < 2000, forks.stdout + forks.stderr);

    assert(Number((await asRoot(engine, name, "nproc")).stdout) <= 2);
    await sh([engine, "config", "set", name, "limits.cpu=1"]);
    // The engine hands out processors anew whenever one of its containers starts or ends.
    await eventually("one processor", async () => (await asRoot(engine, name, "nproc")).stdout === "1\n");
  });
});

testOnEngines("gui-gpu: the container user may use the host's GPU, or its lack is told", ["user"], async (engine) => {
  const name = `e2e-gpu-${engine}`;
  const hasGpu = await Deno.stat("/dev/dri").then(() => true, () => false);
  const made = await create(engine, name, "gui-gpu", nothing);
  try {
    if (hasGpu) {
      assertEquals(made.code, 0, made.stderr);
      await inContainer(engine, name, "for card in /dev/dri/card*; do exec 3<>$card; done");
    } else {
      // The profile was loaded, and is gone again.
      assertEquals(made.code, 1);
      assertStringIncludes(made.stderr, "Failed to detect requested GPU device");
      const { code } = await runProcess([engine, "profile", "show", name], { okCodes: "any" });
      assertEquals(code, 1);
    }
  } finally {
    await removeContainer(engine, name);
  }
});

testOnEngines("gui-offline: root in the container reaches nobody, and attach.ts works", needed, async (engine) => {
  const neighbour = `e2e-online-${engine}`;
  await withContainer(engine, [neighbour, "gui", nothing], async ({ ipv4: address }) => {
    // The network is there while software is installed, which comes before these commands.
    const online = await Deno.makeTempFile({ suffix: ".yaml" });
    const command = ["bash", "-c", `: </dev/tcp/${address}/22 && touch /opt/online`];
    await Deno.writeTextFile(online, `#cloud-config\n${JSON.stringify({ runcmd: [command] })}\n`);
    await withContainer(engine, [`e2e-offline-${engine}`, "gui-offline", online], async ({ name, ipv4 }) => {
      assertEquals(ipv4, null);
      assertEquals((await asRoot(engine, name, "ls /opt/online")).code, 0);

      const gateway = address!.replace(/\.\d+$/, ".1");
      const reach = `
        ip link show eth0 >/dev/null 2>&1 || { ip link add eth0 type dummy; ip addr add 198.51.100.1/24 dev eth0; ip link set eth0 up; }
        ip route show default | grep -q . || ip route add default dev eth0
        for address; do
          ping -c 1 -W 3 "$address" >/dev/null 2>&1 && echo "$address" &
          timeout 3 bash -c ": </dev/tcp/$address/22" 2>/dev/null && echo "$address" &
        done; wait`;
      const targets = [address!, gateway];
      const reached = async (from: string): Promise<string> =>
        (await asRoot(engine, from, `export PATH=$PATH:/usr/sbin; ${reach}`, ...targets)).stdout;
      assertEquals(await reached(name), "");
      assertStringIncludes(await reached(neighbour), `${address}\n`, "the same words find what can be reached");

      // It is the same for one that was started anew.
      await sh([engine, "stop", name]);
      const attach = startScript("attach", engine, [name, "--preset=trusted", 'xterm -T "offline" -e sleep 600']);
      await windowWith(`\\[${name}\\] offline`);
      assertEquals(await reached(name), "");
      // The host's browser would reach them.
      await inSession(engine, name, "xterm", `xdg-open 'http://${gateway}/?secret'`);
      await windowWith(`may ${name} open a link`);
      await script("attach", engine, ["--stop", name, "--all"]);
      assertEquals((await attach.ended).code, 0);
    });
  });
});

testOnEngines("every example is valid for cloud-init's schema", ["user"], async (engine) => {
  await withContainer(engine, [`e2e-schema-${engine}`, "gui", nothing], async ({ name }) => {
    const examples = join(root, "examples/cloud-config");
    const share = join(mountsRoot, name, "share");
    for await (const { name: file } of Deno.readDir(examples)) {
      await Deno.copyFile(join(examples, file), join(share, file));
    }
    await Deno.writeTextFile(join(share, "wrong.yaml"), "#cloud-config\npackages: hello\nruncmd: true\n");
    assertEquals(
      await inContainer(
        engine,
        name,
        'cd share; for f in *.yaml; do cloud-init schema -c "$f" >/dev/null 2>&1 || echo "$f"; done',
      ),
      "wrong.yaml",
    );

    // cloud-init's own examples, as far as they are cloud-configs: what its YAML parser takes, we take.
    const shown = JSON.parse(
      await inContainer(
        engine,
        name,
        `exec python3 -c '
import glob, json, yaml
examples = {path: open(path).read() for path in glob.glob("/usr/share/doc/cloud-init/examples/cloud-config*")}
print(json.dumps([[path, text] for path, text in examples.items() if text.startswith("#cloud-config") and yaml.safe_load(text)]))'`,
      ),
    ) as [path: string, text: string][];
    assert(shown.length > 20, `${shown.length} examples`);
    for (const [path, text] of shown) parsePart({ path, text });
  });
}, ["lxc"]);

/**
 * The examples whose packages are in Debian: on which engine each is tried, and the app that it is for. The tests of
 * README.md do the same for firefox-debian, those of the desktop entries for vlc.
 */
const apps: Readonly<Record<string, { engine: EngineName; app: string; title: string }>> = {
  "chromium": { engine: "lxc", app: "chromium --no-first-run about:version", title: "Chromium" },
  "gimp": { engine: "incus", app: "gimp", title: "(Welcome to GIMP|GNU Image Manipulation Program)" },
  "libreoffice": { engine: "lxc", app: "libreoffice --calc", title: "LibreOffice Calc" },
  "your-own-app": { engine: "lxc", app: "mousepad", title: "Mousepad" },
};

/** As root in a container: installs a package of which an archive, marked as that for security, has a newer version. */
const offerNewer = `
mkdir -p /opt/newer/deb/DEBIAN
cd /opt/newer
for version in 1 2; do
  printf 'Package: newer\\nVersion: %s\\nArchitecture: all\\nMaintainer: A <a@b.c>\\nDescription: newer\\n' $version >deb/DEBIAN/control
  dpkg-deb --build deb $version.deb
done
dpkg --install 1.deb
hash() { sha256sum <"$1" | cut -d' ' -f1; }
size() { stat --format=%s "$1"; }
{ dpkg-deb --field 2.deb; printf 'Filename: ./2.deb\\nSize: %s\\nSHA256: %s\\n' "$(size 2.deb)" "$(hash 2.deb)"; } >Packages
codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
printf 'Origin: Debian\\nLabel: Debian-Security\\nCodename: %s-security\\nSHA256:\\n %s %s Packages\\n' \\
  "$codename" "$(hash Packages)" "$(size Packages)" >Release
echo 'deb [trusted=yes] file:/opt/newer ./' >/etc/apt/sources.list.d/newer.list
dpkg-query --show --showformat='\${Version}' newer`;

for (const [example, { engine, app, title }] of Object.entries(apps)) {
  testOnEngines(`the example ${example} is installed and shows its window`, needed, async (engine) => {
    const file = example === "your-own-app" ? join(root, "examples/cloud-config/your-own-app.yaml") : example;
    await withContainer(engine, [`e2e-${example}-${engine}`, "gui", file], async ({ name }) => {
      const attach = startScript("attach", engine, [name, app]);
      const window = await windowWith(`\\[${name}\\] .*${title}`, { timeoutMs: 120_000 });
      await painted(window);
      const { stdout } = await asRoot(engine, name, "apt-config dump --format '%v ' APT::Periodic::Unattended-Upgrade");
      assertEquals(stdout, "1 ", "it upgrades itself");
      if (example === "libreoffice") {
        const { stdout } = await asRoot(engine, name, "cat /proc/[0-9]*/maps | grep -c libvclplug_kf6");
        assert(Number(stdout) > 0, "its dialogs for files are the host's");
      }
      if (example === "your-own-app") {
        assertEquals((await asRoot(engine, name, offerNewer)).stdout.split("\n").at(-1), "1", "before the daily job");
        // What the timers start, which are masked in the lab's image.
        const daily = "systemctl start apt-daily.service; systemctl start apt-daily-upgrade.service";
        const { stdout } = await asRoot(engine, name, `${daily}; dpkg-query --show --showformat='\${Version}' newer`);
        assertEquals(stdout, "2", "after it");
      }
      await script("attach", engine, ["--stop", name, "--all"]);
      assertEquals((await attach.ended).code, 0);
    });
  }, [engine]);
}
