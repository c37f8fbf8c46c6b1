/** What the lab's image is made of. Any change here makes `up` build a new one. */

import { xpraRuntimePackages } from "./packages.ts";

/** Packages of the image, beyond the smallest Debian that has apt. */
export const imagePackages = [
  // a machine
  ...["systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "cloud-init", "openssh-server", "iproute2"],
  ...["netbase", "ifupdown", "isc-dhcp-client", "sudo", "ca-certificates", "acl", "procps", "locales", "xdg-utils"],
  // windows and sound
  ...["xvfb", "xauth", "x11-apps", "x11-utils", "x11-xserver-utils", "x11-xkb-utils", "xkb-data", "xterm", "xclip"],
  ...["xinput", "xdotool", "fonts-dejavu-core", "pulseaudio", "pulseaudio-utils", "libnotify-bin", "sox"],
  // the apps' own dialogs
  "xdg-desktop-portal",
  // the same on Wayland: weston for its weston-simple-shm, mpv for a video, wlrctl and fuzzel for what a sandbox
  // forbids
  ...["waypipe", "foot", "wl-clipboard", "wayland-utils", "wtype", "grim", "wlrctl", "fuzzel"],
  ...["weston", "mpv"],
  // the same for apps that know only X
  ...["xwayland", "libdecor-0-plugin-1-cairo", "openbox"],
  ...xpraRuntimePackages,
].sort();

/** Those of the demo's image: a machine, and what create.ts would add for windows on Wayland. */
export const demoImagePackages = [
  ...["systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "cloud-init", "openssh-server", "iproute2"],
  ...["netbase", "ifupdown", "isc-dhcp-client", "sudo", "ca-certificates", "acl", "procps", "xdg-utils", "xclip"],
  ...["fonts-dejavu-core", "pulseaudio", "waypipe", "foot", "xdg-desktop-portal", "python3-gi", "gir1.2-gtk-3.0"],
  ...["librsvg2-common", "xwayland", "libdecor-0-plugin-1-cairo", "openbox", "xterm"],
].sort();

/** Files that are put into the image as they are, by path. */
export const imageFiles: Readonly<Record<string, string>> = {
  "/etc/cloud/cloud.cfg.d/90_gui-lab.cfg": `\
# The engines' templates write the seed. Nothing else is asked, so nothing is waited for.
datasource_list: [NoCloud, None]
# RSA keys take up to a second to make.
ssh_genkeytypes: [ed25519, ecdsa]
# As in Ubuntu's images.
system_info:
  default_user:
    name: ubuntu
    gecos: Ubuntu
    lock_passwd: true
    groups: [adm, cdrom, dip, sudo]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
`,
  "/etc/sudoers.d/90-cloud-init-users": "ubuntu ALL=(ALL) NOPASSWD:ALL\n",
  "/etc/default/locale": "LANG=C.UTF-8\n",
};

/**
 * An archive of the image's own, for packages of archives that may be out of reach: Mozilla's firefox is Debian's
 * firefox-esr there. Where Mozilla's can be reached, its version comes
 * before this one, which is the first that libc6 does not break.
 */
const standInArchive = `
mkdir -p /opt/gui-lab-archive /tmp/firefox/DEBIAN
cat >/tmp/firefox/DEBIAN/control <<END
Package: firefox
Version: 91
Architecture: all
Depends: firefox-esr
Maintainer: gui-container's lab <root@localhost>
Description: Debian's firefox-esr, where Mozilla's firefox cannot be reached
END
cd /opt/gui-lab-archive
dpkg-deb --build /tmp/firefox firefox.deb
rm -r /tmp/firefox
{
  dpkg-deb --field firefox.deb
  echo "Filename: firefox.deb"
  echo "Size: $(stat -c %s firefox.deb)"
  echo "SHA256: $(sha256sum firefox.deb | cut -d ' ' -f 1)"
} >Packages
echo "deb [trusted=yes] file:/opt/gui-lab-archive ./" >/etc/apt/sources.list.d/gui-lab.list
`;

/** Run as root inside the image by a POSIX shell, after its files are there. */
export const imageSetup = `\
set -eu
useradd --create-home --shell /bin/bash --uid 1000 --comment Ubuntu --groups adm,cdrom,dip,sudo ubuntu
chmod 440 /etc/sudoers.d/90-cloud-init-users

# What each container must have of its own. An empty machine-id is filled in at boot without the presets of a first boot.
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /var/lib/dbus/machine-id
: >/etc/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id

# Of no use in a container that lives for minutes.
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \\
  man-db.timer systemd-tmpfiles-clean.timer getty@tty1.service console-getty.service systemd-pstore.service
# Fails where the host has no modules to load, and the whole system then counts as degraded.
systemctl mask --quiet systemd-modules-load.service
${standInArchive}`;

/** Run last. Marks the image as up to date, else each first boot spends half a second on ldconfig and the like. */
export const imageFinish = `\
touch /etc/.updated /var/.updated
`;

/** Installs xpra's wheel, which the setup finds in the image's /root, and compiles it: its users cannot write there. */
export const wheelSetup = `\
set -eu
python3 -m pip install --quiet --break-system-packages --no-deps --no-index /root/*.whl
rm /root/*.whl
python3 -m compileall -q /usr/local/lib/python3*/dist-packages/xpra
`;

/** One file that an engine writes into an instance. */
export interface ImageTemplate {
  /** The occasions. */
  when: readonly string[];
  /** The template's file beside the image's metadata. */
  file: string;
  text: string;
  /** What the template sees as `properties`. */
  properties?: Readonly<Record<string, string>>;
}

/** Templates that the engines fill in when they make or start an instance (image format: "templates"). */
export const imageTemplates: Readonly<Record<string, ImageTemplate>> = {
  "/var/lib/cloud/seed/nocloud/meta-data": {
    when: ["create", "copy"],
    file: "meta-data.tpl",
    text: `\
#cloud-config
instance-id: {{ config_get("volatile.cloud-init.instance-id", instance.name) }}
local-hostname: {{ instance.name }}
{{ config_get("user.meta-data", "") }}
`,
  },
  "/var/lib/cloud/seed/nocloud/user-data": {
    when: ["create", "copy"],
    file: "user-data.tpl",
    text: seed("user-data"),
    properties: { default: "#cloud-config\n{}\n" },
  },
  "/var/lib/cloud/seed/nocloud/vendor-data": {
    when: ["create", "copy"],
    file: "vendor-data.tpl",
    text: seed("vendor-data"),
    properties: { default: "#cloud-config\n{}\n" },
  },
  // Without it the container waits for minutes on an answer by DHCPv6.
  "/var/lib/cloud/seed/nocloud/network-config": {
    when: ["create", "copy"],
    file: "network-config.tpl",
    text: seed("network-config"),
    properties: {
      default: "version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n      - type: dhcp\n",
    },
  },
  "/etc/hostname": { when: ["create", "copy", "rename"], file: "hostname.tpl", text: "{{ instance.name }}\n" },
  "/etc/hosts": {
    when: ["create", "copy", "rename"],
    file: "hosts.tpl",
    text: `\
127.0.0.1 localhost
127.0.1.1 {{ instance.name }}
::1 localhost ip6-localhost ip6-loopback
`,
  },
};

/**
 * The instance's key of either spelling, the newer one first, and nothing around it: a MIME document must not change.
 */
function seed(key: string): string {
  return `{%- if config_get("cloud-init.${key}", "") == "" -%}{{ config_get("user.${key}", properties.default) }}` +
    `{%- else -%}{{ config_get("cloud-init.${key}", "") }}{%- endif -%}`;
}
