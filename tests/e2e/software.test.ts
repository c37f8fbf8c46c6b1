// What attach.ts needs comes into a container by itself: from Debian's archive and from xpra's, or as much as can be had.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { attachSoftware, attachSoftwarePath, bundledProfiles } from "../../lib/create/bundled.ts";
import { userKey } from "../../lib/container/user.ts";
import { makeImage } from "./images.ts";
import { attempt, publicKey, root, script, sh, startScript } from "./run.ts";
import { needed } from "./sessions.ts";
import { desktop, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { windowWith } from "./windows.ts";
import { type EngineName, removeContainer, testOnEngines } from "./world.ts";

/** A shell command that leaves the lab's image as one that was made for no purpose of ours: but for xpra itself. */
const strip = "dpkg --purge openssh-server openssh-sftp-server waypipe xvfb";

/** Runs `test` with files of these names and texts. */
async function withFiles(
  texts: Readonly<Record<string, string>>,
  test: (path: (name: string) => string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(join(directory, name), text);
    await test((name) => join(directory, name));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A shell command as root in a container: its exit status and what it prints. */
async function asRoot(engine: EngineName, name: string, shell: string): Promise<{ code: number; stdout: string }> {
  return await attempt([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-c", shell]);
}

testOnEngines(
  "files of the user's make a container that can be attached to; without xpra's archive, over Wayland",
  waylandParts,
  async (engine) => {
    const name = `e2e-unasked-${engine}`;
    const app = `#cloud-config
bootcmd:
  - rm -f /usr/local/bin/xpra*
  - ${strip}
  - echo 127.0.0.1 xpra.org >>/etc/hosts
packages: [hello]
`;
    await removeContainer(engine, name);
    try {
      await withFiles({ "profile.yaml": bundledProfiles.gui!, "app.yaml": app }, async (path) => {
        const { code, stderr } = await script("create", engine, [
          ...["--image=gui-lab", "--yes", "--cache", name, publicKey, path("profile.yaml"), path("app.yaml")],
        ]);
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, `"${name}" is not kept as an image`);
        assertMatch(
          stderr,
          new RegExp(
            `There is no xpra in "${name}": attach\\.ts can show windows on a Wayland desktop, by waypipe, and on no other\\. ` +
              `xpra\\.org could not be reached, .* To try again: ${engine} exec ${name} -- ${attachSoftwarePath}\n`,
          ),
        );
      });
      assertStringIncludes((await asRoot(engine, name, "hello")).stdout, "Hello");
      assertEquals((await asRoot(engine, name, "apt-get update -q --error-on=any")).code, 0, "apt works as before");
      const running = startScript("attach", engine, [name, "foot -T unasked sleep 600"], { env: desktop() });
      await windowCalled(`[${name}] unasked`);
      await script("attach", engine, ["--stop", name, "--all"]);
      assertEquals((await running.ended).code, 0);

      // The line that it says is good for that.
      const again = await asRoot(engine, name, attachSoftwarePath);
      assertEquals(again.code, 0);
      assertStringIncludes(again.stdout, "There is no xpra for this container: https://xpra.org cannot be reached");
    } finally {
      await removeContainer(engine, name);
    }
  },
  ["lxc"],
);

/**
 * As root in a container of the lab's image: makes an archive as xpra.org is one, signed by a new key, of the image's xpra,
 * which it takes away.
 */
const makeArchive = `#!/bin/sh
set -eu
${strip}
mkdir -p /tmp/deb/DEBIAN /opt/archive/dists/trixie/main
python3 -c '
from importlib.metadata import distribution
for file in distribution("xpra").files: print(file.locate().resolve())
' >/tmp/files
tar --create --files-from=/tmp/files | tar --extract --directory=/tmp/deb
xargs -d '\\n' rm -f </tmp/files
cat >/tmp/deb/DEBIAN/control <<END
Package: xpra-server
Provides: xpra-x11, xpra-codecs
Version: 6.5.5-r0-1
Architecture: $(dpkg --print-architecture)
Maintainer: the lab <root@localhost>
Description: the xpra of the lab's image
END
cd /opt/archive
dpkg-deb --build -Znone /tmp/deb xpra.deb
packages=main/binary-$(dpkg --print-architecture)/Packages
mkdir "dists/trixie/\${packages%/*}"
{
  dpkg-deb --field xpra.deb
  echo "Filename: xpra.deb"
  echo "Size: $(stat -c %s xpra.deb)"
  echo "SHA256: $(sha256sum xpra.deb | cut -d ' ' -f 1)"
} >"dists/trixie/$packages"
cd dists/trixie
printf 'Origin: lab\\nSuite: trixie\\nCodename: trixie\\nComponents: main\\nArchitectures: %s\\nDate: %s\\nSHA256:\\n %s %s %s\\n' \\
  "$(dpkg --print-architecture)" "$(date -Ru)" "$(sha256sum "$packages" | cut -d ' ' -f 1)" "$(stat -c %s "$packages")" "$packages" >Release
export GNUPGHOME=/root/gnupg
mkdir -m 700 "$GNUPGHOME"
for user in other@example.org xpra@example.org; do
  gpg --batch --quiet --passphrase '' --quick-generate-key "$user" ed25519 sign never
done
gpg --batch --yes --local-user xpra@example.org --clearsign --output InRelease Release
gpg --export --armor >/opt/archive/xpra.asc
gpg --with-colons --list-keys xpra@example.org | awk -F: '$1 == "fpr" { print $10 }' >/root/fingerprint
chmod -R a+rX /opt
# Of GnuPG, only gpg comes to xpra's key.
dpkg --purge gpg-agent
`;

testOnEngines("xpra comes from its archive, signed by its key alone, and shows a window", needed, async (engine) => {
  const name = `e2e-archive-${engine}`;
  /** The script that create.ts adds, with another archive. */
  const software = (fingerprint: string): string =>
    attachSoftware.text.replace("=https://xpra.org", "=copy:/opt/archive").replace(
      /^fingerprint=.*/m,
      `fingerprint=${fingerprint}`,
    );
  const files = {
    "app.yaml": '#cloud-config\napt:\n  conf: APT::Install-Recommends "false";\npackages: [gpg, gpg-agent]\n',
    "make-archive": makeArchive,
    "software": software("$(cat /root/fingerprint)"),
  };
  await removeContainer(engine, name);
  try {
    await withFiles(files, async (path) => {
      const { code, stderr } = await script("create", engine, [
        ...["--image=gui-lab", "--yes", "--bare", name, publicKey, "gui"],
        ...Object.keys(files).map(path),
      ]);
      assertEquals([code, /There is/.test(stderr)], [0, false], stderr);
    });
    assertStringIncludes((await asRoot(engine, name, "apt-cache policy xpra-server")).stdout, "copy:/opt/archive");
    const running = startScript("attach", engine, [name, 'xterm -T "from the archive" -e sleep 600']);
    await windowWith(`\\[${name}\\] from the archive`, { timeoutMs: 120_000 });
    await script("attach", engine, ["--stop", name, "--all"]);
    assertEquals((await running.ended).code, 0);

    // The archive is there, and signed by a key that comes with it, but by another one than the script knows.
    await asRoot(engine, name, "apt-get purge -y -q xpra-server; rm /etc/apt/sources.list.d/xpra.list; apt-get update");
    const { stdout } = await asRoot(engine, name, software((await otherKey(engine, name)).trim()));
    assertStringIncludes(stdout, "There is no xpra for this container");
    assert((await asRoot(engine, name, "command -v xpra; ls /etc/apt/sources.list.d/xpra.list")).code !== 0);
  } finally {
    await removeContainer(engine, name);
  }
}, ["lxc"]);

async function otherKey(engine: EngineName, name: string): Promise<string> {
  const list = "gpg --homedir /root/gnupg --with-colons --list-keys other@example.org";
  return (await asRoot(engine, name, `${list} | awk -F: '$1 == "fpr" { print $10 }'`)).stdout;
}

testOnEngines(
  "an image without an SSH server gets one; the apps run as the image's own user",
  ["user"],
  async (engine) => {
    const name = `e2e-bare-${engine}`;
    await removeContainer(engine, name);
    try {
      await makeImage(engine, "e2e-bare");
      // It ends with a command by SSH.
      const made = await script("create", engine, [
        ...["--image=e2e-bare", name, publicKey, "gui", join(root, "examples/cloud-config/xpra.sh")],
      ]);
      assertEquals(made.code, 0, made.stderr);
      assertEquals(await sh([engine, "config", "get", name, userKey]), "debian:1000:1000:/home/debian");
    } finally {
      await removeContainer(engine, name);
    }
  },
  ["incus"],
);
