// create.ts --update on a real engine: newer packages in a container, and in what disposable copies are made of.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { inContainer, mountsRoot, script, sh } from "./run.ts";
import { needed, testOnIncus } from "./sessions.ts";
import { desktop, waylandParts } from "./wayland_desktop.ts";
import { type EngineName, shareContainer, testOnEngines } from "./world.ts";

/** A script that offers a package in an archive of the container's own, in this version. */
const offer = `#!/bin/sh -e
# Its arguments: the version, and what the package does when it is installed.
mkdir -p /opt/newer/deb/DEBIAN
cd /opt/newer
printf 'Package: newer\\nVersion: %s\\nArchitecture: all\\nMaintainer: A <a@b.c>\\nDescription: newer\\n' "$1" >deb/DEBIAN/control
printf '#!/bin/sh\\n%s\\n' "\${2:-true}" >deb/DEBIAN/postinst
chmod 755 deb/DEBIAN/postinst
dpkg-deb --build deb "$1.deb"
{
  dpkg-deb --field "$1.deb"
  printf 'Filename: ./%s.deb\\nSize: %s\\nSHA256: %s\\n' "$1" "$(stat --format=%s "$1.deb")" "$(sha256sum <"$1.deb" | cut -d' ' -f1)"
} >Packages
`;

/** Version 1 is installed, version 2 is in the archive, and no other archive is there that might have newer packages. */
const cloudInit = `#cloud-config
${
  JSON.stringify({
    write_files: [{ path: "/opt/offer", permissions: "0755", content: offer }],
    runcmd: [
      "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*",
      "echo 'deb [trusted=yes] file:/opt/newer ./' >/etc/apt/sources.list.d/newer.list",
      "/opt/offer 1",
      "dpkg --install /opt/newer/1.deb",
      "/opt/offer 2",
    ],
  })
}
`;

const nameOn = shareContainer("update", { cloudInit });

async function asRoot(engine: EngineName, name: string, shell: string): Promise<string> {
  return await sh([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-c", shell]);
}

const version = "dpkg-query --show --showformat='${Version} ${db:Status-Status}' newer";

/** The copies of the container that there are, with their states. */
async function copies(engine: EngineName): Promise<{ name: string; status: string }[]> {
  const all = JSON.parse(await sh([engine, "query", "/1.0/instances?recursion=1"])) as {
    name: string;
    status: string;
    config: Record<string, string>;
  }[];
  return all.filter(({ config }) => config["user.gui-container.copy-of"] === nameOn(engine))
    .map(({ name, status }) => ({ name, status }));
}

/** A file in an instance that does not run. */
async function fileIn(engine: EngineName, name: string, path: string): Promise<string> {
  const { stdout } = await runProcess([engine, "file", "pull", `${name}${path}`, "-"], { okCodes: "any" });
  return stdout;
}

async function snapshots(engine: EngineName): Promise<string[]> {
  const paths = JSON.parse(await sh([engine, "query", `/1.0/instances/${nameOn(engine)}/snapshots`])) as string[];
  return paths.map((path) => path.split("/").at(-1)!).toSorted();
}

testOnEngines(
  "create.ts --update brings a container up to date, and its disposable copies without what it has become",
  [...needed, ...waylandParts],
  async (engine) => {
    const name = nameOn(engine);
    await inContainer(engine, name, "touch private");
    const started = await script("attach", engine, [name, "sleep 600", "--detached"]);
    assertEquals(started.code, 0, started.stderr);
    const first = await script("create", engine, ["--update", name]);
    assertEquals(
      [first.code, first.stdout],
      [0, `${name}: 1 new package, also in its disposable copies\n`],
      first.stderr,
    );
    assertStringIncludes(first.stderr, `"sleep" in "${name}"`);
    assertEquals(await asRoot(engine, name, version), "2 installed");
    const [copy, ...others] = await copies(engine);
    assertEquals([copy?.status, others, await snapshots(engine)], ["Stopped", [], ["made"]]);
    assertMatch(await fileIn(engine, copy!.name, "/var/lib/dpkg/status"), /Package: newer\n[^]*?\nVersion: 2\n/);
    assertEquals(await fileIn(engine, copy!.name, "/home/ubuntu/private"), "");
    assertStringIncludes(await fileIn(engine, copy!.name, "/home/ubuntu/.ssh/authorized_keys"), "ssh-");

    // A copy is made of it, as a disposable container: the newest software, and nothing private.
    const app = `${version} | grep -q "^2 " && test ! -e private`;
    const used = await script("attach", engine, ["--disposable", name, "--", "sh", "-c", app], { env: desktop() });
    assertEquals(used.code, 0, used.stderr);
    assertEquals((await copies(engine)).map(({ name }) => name), [copy!.name]);

    // Stopped, it is started for that, and stopped again. What was renewed before goes.
    await script("attach", engine, ["--stop", name, "--all"]);
    await sh([engine, "stop", name]);
    const second = await script("create", engine, ["--update", "--json", name]);
    assertEquals(second.code, 0, second.stderr);
    assertEquals(JSON.parse(second.stdout), [{ name, packages: 0, copies: true, sessions: [] }]);
    const { status } = JSON.parse(await sh([engine, "query", `/1.0/instances/${name}`]));
    const [next, ...rest] = await copies(engine);
    assertEquals([status, next?.status, rest], ["Stopped", "Stopped", []]);
    assert(next!.name !== copy!.name);
    await sh([engine, "start", name]);
  },
);

testOnIncus(
  "an update that fails says so with the end of its output, and how to have the container as it was",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await asRoot(engine, name, "apt-get update -q; apt-get install -q -y newer");
    await asRoot(engine, name, "echo 'deb [trusted=yes] file:/nowhere ./' >/etc/apt/sources.list.d/nowhere.list");
    const without = await script("create", engine, ["--update", name]);
    assertEquals([without.code, /before-update/.test(without.stderr)], [1, false], without.stderr);
    assertStringIncludes(without.stderr, "/nowhere");
    assertEquals(await snapshots(engine), ["made"], "nothing is new, so nothing is kept");

    await asRoot(engine, name, "rm /etc/apt/sources.list.d/nowhere.list; /opt/offer 3 'echo it breaks; exit 1'");
    const renewed = await copies(engine);
    const failed = await script("create", engine, ["--update", name]);
    assertEquals([failed.code, failed.stdout], [1, ""], failed.stderr);
    assertMatch(failed.stderr, new RegExp(`^error: .*"${name}"`, "m"));
    assertStringIncludes(failed.stderr, "    it breaks\n");
    assert(failed.stderr.split("\n").length < 30, failed.stderr);
    assertEquals([await snapshots(engine), await copies(engine)], [["before-update", "made"], renewed]);
    const [, back] = /with all of its files: (.*)$/m.exec(failed.stderr)!;
    assertMatch(await asRoot(engine, name, version), /^3 half-configured/);

    // Mended, another run finishes what was left halfway.
    await asRoot(engine, name, "sed -i 's/exit 1/exit 0/' /var/lib/dpkg/info/newer.postinst");
    const again = await script("create", engine, ["--update", name]);
    assertEquals(again.code, 0, again.stderr);
    assertEquals([await asRoot(engine, name, version), await snapshots(engine)], ["3 installed", ["made"]]);

    await asRoot(engine, name, "/opt/offer 4 'exit 1'");
    assertEquals((await script("create", engine, ["--update", name])).code, 1);
    await sh(["/bin/sh", "-c", back!]);
    assertEquals(await asRoot(engine, name, version), "3 installed");
    await sh([engine, "query", "--request", "DELETE", "--wait", `/1.0/instances/${name}/snapshots/before-update`]);
  },
);

testOnEngines(
  "a hostile container's package manager steers no terminal, fills no memory, and does not reach its copies",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await asRoot(
      engine,
      name,
      `printf '#!/bin/sh\\nyes "$(printf "\\\\033]0;owned\\\\007\\\\302\\\\2332J%%0300d")" | head -c 5000000\\nexit 1\\n' >/usr/local/bin/apt-get; chmod 755 /usr/local/bin/apt-get`,
    );
    const failed = await script("create", engine, ["--update", name]);
    assertEquals(failed.code, 1);
    assertStringIncludes(failed.stderr, "]0;owned");
    // deno-lint-ignore no-control-regex
    assert(!/[\x1b\x07\u009b]/.test(failed.stderr), "control characters");
    assert(failed.stderr.length < 10_000, `${failed.stderr.length}`);

    // It says that it succeeded, and counts as it likes.
    await asRoot(engine, name, "printf '#!/bin/sh\\nexit 0\\n' >/usr/local/bin/apt-get");
    await asRoot(
      engine,
      name,
      "printf '#!/bin/sh\\necho 99999999999999; exit 0\\n' >/usr/local/bin/awk; chmod 755 /usr/local/bin/awk",
    );
    const { code, stdout } = await script("create", engine, ["--update", name]);
    assertEquals([code, stdout], [0, `${name}: up to date, also in its disposable copies\n`]);
    const [copy] = await copies(engine);
    assertEquals(await fileIn(engine, copy!.name, "/usr/local/bin/apt-get"), "", "the copy has none of that");
    assertEquals([...Deno.readDirSync(join(mountsRoot, copy!.name))].map(({ name }) => name).toSorted(), [
      "disposable.json",
      "renewed",
    ]);
  },
  ["lxc"],
);
