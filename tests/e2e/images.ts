/** Images that tests make of the lab's, by an alias of their own, and that stay for later runs. */

import { runProcess } from "../../lib/base/process.ts";
import { shortHash } from "../lab/files.ts";
import { recipeProperty } from "../lab/image.ts";
import { sh } from "./run.ts";
import type { EngineName } from "./world.ts";

/** What an image is made by, as root in a container of the lab's image. */
interface Recipe {
  script: string;
  /** Whether it keeps the templates of the lab's image. */
  templates: boolean;
  /** Whether it has all that the lab's image has. */
  whole?: boolean;
}

/**
 * A quarter of the lab's image is left, so that keeping a container of it takes seconds: windows and sound are gone, and
 * libraries that no program of a machine needs.
 */
const slim = `
rm -rf /usr/local/lib/* /usr/lib/file /usr/libexec/gcc /usr/lib/*-linux-gnu/gstreamer-1.0 /usr/lib/*-linux-gnu/lapack
cd /usr/share
rm -rf X11 doc fonts ghostscript gtk-3.0 i18n icons locale man poppler sounds
needed=$({
  dpkg-query --show --showformat '\${Priority} \${Package}\\n' | awk '$1 ~ /^(required|important)$/ { print $2 }'
  echo acl cloud-init dbus-daemon openssh-client openssh-server openssl sqv sudo
  echo libpam-systemd libpython3.13-stdlib python3.13-minimal
} | xargs dpkg --listfiles | grep -E '/(s?bin|systemd|openssh|methods)/|[.]so' | xargs ldd 2>/dev/null |
  awk '$3 ~ /^\\// { print $3 }' | sort -u | xargs realpath)
find /usr/lib/*-linux-gnu -maxdepth 1 -type f -size +400k ! -name 'libnss_*' | grep -vxF "$needed" | xargs rm
`;

/**
 * What Ubuntu 25.10 and newer have and Debian 13 has not, out of Debian's archive: the newest cloud-init, which makes the
 * user and has its network by netplan, systemd-networkd and systemd-resolved; uutils, but for the programs that are GNU's
 * in Ubuntu, too; sudo-rs; and a package "firefox" that only asks for a snap, with an epoch that is ahead of all others.
 *
 * What apt fetches by https is in a directory at the root, by the name of the host, such as Mozilla's archive. Its package
 * has a version that Mozilla's has had, and shows a terminal.
 */
const ubuntu = `
export DEBIAN_FRONTEND=noninteractive
sources=/etc/apt/sources.list.d
sed '/^$/,$d; s/^Suites: .*/Suites: forky bookworm/' $sources/0000debian.sources >$sources/others.sources
printf 'Package: *\\nPin: release n=forky\\nPin-Priority: 100\\n' >/etc/apt/preferences.d/forky
printf 'Acquire::%s;\\n' 'Check-Valid-Until "false"' 'Languages "none"' >/etc/apt/apt.conf.d/90ubuntu
apt-get update -qq
# Ubuntu 24.04's waypipe is the one of Debian 12, which tests put in the place of the newer one.
apt-get clean
apt-get install -qq --download-only --no-install-recommends --allow-downgrades waypipe/bookworm >/dev/null 2>&1
for package in /var/cache/apt/archives/*.deb; do dpkg -x "$package" /opt/waypipe-0.8; done
apt-get install -qq --no-install-recommends -o DPkg::Options::=--force-unsafe-io -o DPkg::Options::=--force-confold \\
  cloud-init/forky sudo-rs/forky rust-coreutils/forky libc6/forky libc-bin/forky libc-l10n/forky locales/forky \\
  netplan.io systemd-resolved libnss-resolve gnupg unattended-upgrades ifupdown- isc-dhcp-client- >/dev/null 2>&1
rm -r $sources/others.sources /etc/apt/preferences.d/forky /opt/waypipe-0.8/usr/share
systemctl enable --quiet systemd-networkd

for program in /usr/lib/cargo/bin/coreutils/*; do
  case \${program##*/} in cp | mv | rm) continue ;; esac
  for place in /usr/bin /usr/sbin; do
    [ ! -e "$place/\${program##*/}" ] || ln -sf "$program" "$place/"
  done
done
ln -sf /usr/lib/cargo/bin/sudo /usr/bin/sudo

userdel --remove ubuntu 2>/dev/null
rm /etc/sudoers.d/90-cloud-init-users
sed -i 's/^datasource_list:.*/datasource_list: [LXD, NoCloud, None]/' /etc/cloud/cloud.cfg.d/90_gui-lab.cfg

# A package: its directory, its version; its program "firefox" comes by the standard input.
package() {
  mkdir -p /tmp/firefox/DEBIAN /tmp/firefox/usr/bin "$1"
  cat >/tmp/firefox/usr/bin/firefox
  chmod 755 /tmp/firefox/usr/bin/firefox
  printf '%s\\n' 'Package: firefox' "Version: $2" 'Architecture: all' 'Maintainer: lab <root@localhost>' \\
    'Description: firefox' >/tmp/firefox/DEBIAN/control
  dpkg-deb --build -Znone /tmp/firefox "$1/firefox.deb" >/dev/null
  {
    dpkg-deb --field "$1/firefox.deb"
    echo "Filename: \${3:-.}/firefox.deb"
    echo "Size: $(stat -c %s "$1/firefox.deb")"
    echo "SHA256: $(sha256sum "$1/firefox.deb" | cut -d ' ' -f 1)"
  } >"$1/Packages"
}
package /opt/gui-lab-archive 1:1snap1-0ubuntu8 <<'END'
#!/bin/sh
echo "Command '$0' requires the firefox snap to be installed." >&2
exit 1
END
mozilla=dists/mozilla/main/binary-$(dpkg --print-architecture)
package "/packages.mozilla.org/apt/$mozilla" 145.0~build1 "$mozilla" <<'END'
#!/bin/sh
exec foot -T "Mozilla Firefox $*" sleep 600
END
cat >>/etc/apt/apt.conf.d/90ubuntu <<'END'
Dir::Bin::Methods::https "copy";
Acquire::AllowInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
END

rm -rf /usr/share/doc /usr/share/man /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
cloud-init clean --logs --seed
`;

/** Programs of many toolkits: see `programs.test.ts`. */
const toolkits = `
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends alacritty featherpad fltk1.3-games galculator gtk-3-examples gtk-4-examples \\
  jedit libelementary-bin libforms-bin libsdl2-tests mesa-utils nedit qt5ct qt6ct tkcon xchm xfe yad zenity >/dev/null 2>&1
apt-get clean
cloud-init clean --logs --seed
`;

/**
 * `e2e-small` is no more than that; `e2e-socket` reads its user-data from the engine's socket alone, and has the
 * NoCloud seed of another container; `e2e-bare` is as the cloud images of images:, without an SSH server, and its user
 * is called "debian"; `e2e-no-archive` reaches no archive of packages; `gui-lab-ubuntu` is the lab's image as Ubuntu's
 * are.
 */
const recipes: Readonly<
  Record<"e2e-small" | "e2e-socket" | "e2e-bare" | "e2e-no-archive" | "e2e-toolkits" | "gui-lab-ubuntu", Recipe>
> = {
  "gui-lab-ubuntu": {
    script: ubuntu,
    templates: true,
    whole: true,
  },
  "e2e-toolkits": {
    script: toolkits,
    templates: true,
    whole: true,
  },
  "e2e-small": {
    script: "cloud-init clean --logs --seed",
    templates: true,
  },
  "e2e-no-archive": {
    script: `
echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >/etc/apt/apt.conf.d/99no-archive
cloud-init clean --logs --seed
`,
    templates: true,
  },
  "e2e-socket": {
    script: `
sed -i 's/^datasource_list:.*/datasource_list: [LXD]/' /etc/cloud/cloud.cfg.d/90_gui-lab.cfg
cloud-init clean --logs
test -e /var/lib/cloud/seed/nocloud/user-data
`,
    templates: false,
  },
  "e2e-bare": {
    script: `
dpkg --purge openssh-server openssh-sftp-server
userdel --remove ubuntu
rm /etc/sudoers.d/90-cloud-init-users
sed -i 's/name: ubuntu/name: debian/' /etc/cloud/cloud.cfg.d/90_gui-lab.cfg
cloud-init clean --logs --seed
`,
    templates: true,
  },
};

/** The property that holds the hash of what it is made by and of the lab's image. */
const madeOf = "gui-lab-made-of";

/**
 * Makes an image, unless one that is made so is there.
 *
 * @param options `remote`: where, with a colon; `env`: in which that is known
 */
export async function makeImage(
  engine: EngineName,
  alias: keyof typeof recipes,
  { remote = "", env = {} }: { remote?: string; env?: Record<string, string> } = {},
): Promise<void> {
  const { script, templates, whole = false } = recipes[alias];
  const run = (...args: string[]): Promise<string> => sh([engine, ...args], { env });
  const [base, image] = [`${remote}gui-lab`, `${remote}${alias}`];
  const setup = `${whole ? "" : slim}\n${script}\n: >/etc/machine-id\nrm -f /etc/ssh/ssh_host_*`;
  const recipe = shortHash(`${setup}${templates}${await run("image", "get-property", base, recipeProperty)}`);
  if (await run("image", "get-property", image, madeOf).catch(() => "") === recipe) return;
  await runProcess([engine, "image", "delete", image], { env, okCodes: "any" });
  const name = `${remote}e2e-${alias}-source`;
  try {
    await run("launch", base, name);
    await run("exec", name, "--", "cloud-init", "status", "--wait");
    await run("exec", name, "--", "/bin/sh", "-ec", setup);
    if (!templates) {
      const metadata = await run("config", "metadata", "show", name);
      await sh([engine, "config", "metadata", "edit", name], {
        env,
        stdin: { text: `${metadata.split("\ntemplates:")[0]}\ntemplates: {}\n` },
      });
    }
    await run("stop", "--force", name);
    const to = remote ? [remote] : [];
    await run("publish", name, ...to, "--alias", alias, "--compression", "none", `${madeOf}=${recipe}`);
  } finally {
    await runProcess([engine, "delete", "--force", name], { env, okCodes: "any" });
  }
}

/** Imports an image that cannot be started, with these properties. */
export async function plantImage(engine: EngineName, properties: Readonly<Record<string, string>>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/rootfs/etc`, { recursive: true });
    // No two alike: an image is known by its hash.
    await Deno.writeTextFile(`${directory}/rootfs/etc/planted`, crypto.randomUUID());
    const creation_date = Math.floor(Date.now() / 1000);
    const metadata = { architecture: Deno.build.arch, creation_date, properties };
    await Deno.writeTextFile(`${directory}/metadata.yaml`, JSON.stringify(metadata));
    await sh(["tar", "-C", directory, "-cf", `${directory}/image.tar`, "metadata.yaml", "rootfs"]);
    await sh([engine, "image", "import", `${directory}/image.tar`]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
