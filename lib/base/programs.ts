/**
 * The programs of the host, in one table: which script may start each of them, its package, and what `--doctor` says.
 * `deno task permissions` writes the permissions in the scripts' first lines by it.
 */

import { distribution, type Family, installCommand } from "./distribution.ts";

export type ScriptName = "create" | "attach" | "map";

export interface HostProgram {
  scripts: readonly ScriptName[];
  /** Its package in Debian and Ubuntu, for hints. */
  package?: string;
  /** What other distributions call the package, where that differs. */
  packageIn?: Partial<Record<Family, string>>;
  /** What the scripts use it for, for `--doctor`, which does not check a program without it. */
  purpose?: string;
  /** Set when the scripts do not work without it. */
  required?: true;
  /** The option that prints its version. Default: `--version`. */
  versionOption?: string;
  /** The kind of display on which it is used. Default: both. */
  display?: "x11" | "wayland";
}

const every: readonly ScriptName[] = ["create", "attach", "map"];

const openssh = {
  package: "openssh-client",
  packageIn: { fedora: "openssh-clients", suse: "openssh-clients", arch: "openssh" },
};
const glib = { package: "libglib2.0-bin", packageIn: { fedora: "glib2", suse: "glib2-tools", arch: "glib2" } };

/** The programs, each by its name on `$PATH`, in the order of the scripts' first lines. */
export const programs: Readonly<Record<string, HostProgram>> = {
  "lxc": { scripts: every, package: "lxd" },
  "incus": { scripts: every, package: "incus" },
  "ssh": {
    scripts: ["create", "attach"],
    ...openssh,
    purpose: "starts the sessions in a container",
    versionOption: "-V",
    required: true,
  },
  "ssh-keygen": { scripts: ["create", "attach"], ...openssh },
  "setfacl": {
    scripts: every,
    package: "acl",
    purpose: "gives the container user access to shared files",
    required: true,
  },
  "getfacl": {
    scripts: every,
    package: "acl",
    purpose: "reads the access rights that are restored later",
    required: true,
  },
  "stat": { scripts: every },
  "readlink": { scripts: ["attach", "map"] },
  "cp": { scripts: every },
  "mv": { scripts: every },
  "rm": { scripts: every },
  "find": { scripts: ["create", "attach"] },
  "firewall-cmd": { scripts: ["create", "attach"] },
  "ss": { scripts: ["create", "attach"], package: "iproute2" },
  "update-desktop-database": {
    scripts: ["create"],
    package: "desktop-file-utils",
    purpose: "registers which files exported apps open",
  },
  "bwrap": { scripts: ["attach"], package: "bubblewrap" },
  "ln": { scripts: ["attach"] },
  "xpra": { scripts: ["attach"], package: "xpra" },
  "xrandr": {
    scripts: ["attach"],
    package: "x11-xserver-utils",
    packageIn: { fedora: "xrandr", suse: "xrandr", arch: "xorg-xrandr" },
    purpose: "reads the size of the screen",
  },
  "xrdb": {
    scripts: ["attach"],
    package: "x11-xserver-utils",
    packageIn: { fedora: "xrdb", suse: "xrdb", arch: "xorg-xrdb" },
    purpose: "reads the size of text",
    versionOption: "-version",
  },
  "gsettings": { scripts: ["attach"], ...glib, purpose: "reads the look of the desktop" },
  "waypipe": { scripts: ["attach"], package: "waypipe" },
  "setpriv": { scripts: ["attach"], package: "util-linux" },
  "systemd-run": { scripts: ["attach"], package: "systemd" },
  "pacat": {
    scripts: ["attach"],
    package: "pulseaudio-utils",
    packageIn: { arch: "libpulse" },
    purpose: "plays the app's sound",
  },
  "zenity": { scripts: ["attach", "map"], package: "zenity", purpose: "shows dialogs" },
  "gdbus": { scripts: ["attach", "map"], ...glib },
  "notify-send": {
    scripts: ["attach", "map"],
    package: "libnotify-bin",
    packageIn: { fedora: "libnotify", suse: "libnotify-tools", arch: "libnotify" },
    purpose: "shows errors on the desktop",
  },
  "xdg-open": { scripts: ["attach"], package: "xdg-utils" },
  "lpstat": { scripts: ["attach"], package: "cups-client", packageIn: { arch: "cups" } },
  "lp": { scripts: ["attach"], package: "cups-client", packageIn: { arch: "cups" } },
  "xclip": {
    scripts: ["attach"],
    package: "xclip",
    purpose: "carries text by --copy and --paste",
    versionOption: "-version",
    display: "x11",
  },
  "wl-copy": {
    scripts: ["attach"],
    package: "wl-clipboard",
    purpose: "carries text by --copy and --paste on Wayland",
    display: "wayland",
  },
  "wl-paste": { scripts: ["attach"], package: "wl-clipboard" },
  // A module of Python's, for icons in the tray.
  "gi": {
    scripts: [],
    package: "python3-gi",
    packageIn: { fedora: "python3-gobject", suse: "python3-gobject", arch: "python-gobject" },
  },
  // In a container.
  "dbus-daemon": { scripts: [], package: "dbus-daemon" },
  "pulseaudio": { scripts: [], package: "pulseaudio" },
  "Xvfb": { scripts: [], package: "xvfb" },
  // With its frame on GNOME, and a window manager.
  "Xwayland": { scripts: [], package: "xwayland libdecor-0-plugin-1-cairo openbox" },
};

/** How to install a program on this host, or on one of another distribution. Undefined where nobody can tell. */
export function installHint(name: string, { family } = distribution()): string | undefined {
  const { package: debian, packageIn = {} } = programs[name] ?? {};
  if (debian === undefined) return undefined;
  return installCommand((family && packageIn[family]) ?? debian, family);
}

/** Whether a version is `first` or a later one, by the numbers in it. */
export function isAtLeast(version: string, first: string): boolean {
  return version.localeCompare(first, "en", { numeric: true }) >= 0;
}
