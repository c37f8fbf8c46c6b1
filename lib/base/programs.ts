/**
 * The programs of the host, in one table: which script may start each of them, its package, and what `--doctor` says.
 * A test compares it with the permissions in the scripts' first lines.
 */

/** One of the scripts. */
export type ScriptName = "create" | "attach" | "map";

/** A program of the host. */
export interface HostProgram {
  /** The scripts that may start it. */
  scripts: readonly ScriptName[];
  /** Its package in Debian and Ubuntu, for hints. Where to get it may follow the name. */
  package?: string;
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

/** The programs, each by its name on `$PATH`, in the order of the scripts' first lines. */
export const programs: Readonly<Record<string, HostProgram>> = {
  "lxc": { scripts: every, package: "lxd" },
  "incus": { scripts: every, package: "incus" },
  "ssh": {
    scripts: ["create", "attach"],
    package: "openssh-client",
    purpose: "starts the sessions in a container",
    versionOption: "-V",
    required: true,
  },
  "ssh-keygen": { scripts: ["attach"], package: "openssh-client" },
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
  "stat": { scripts: ["attach", "map"] },
  "readlink": { scripts: ["attach", "map"] },
  "cp": { scripts: ["attach", "map"] },
  "mv": { scripts: ["attach", "map"] },
  "rm": { scripts: ["attach", "map"] },
  "find": { scripts: ["create", "attach"] },
  "firewall-cmd": { scripts: ["create", "attach"] },
  // Without a package: on a host, cloud-init would run at the next boot.
  "cloud-init": { scripts: ["create"], purpose: "checks a cloud-config before it is used" },
  "update-desktop-database": {
    scripts: ["create"],
    package: "desktop-file-utils",
    purpose: "registers which files exported apps open",
  },
  "bwrap": {
    scripts: ["attach"],
    package: "bubblewrap",
    purpose: "shuts xpra's client in, away from files, network and bus",
  },
  "ln": { scripts: ["attach"] },
  "xpra": { scripts: ["attach"], package: "xpra (see https://github.com/Xpra-org/xpra/wiki/Download)" },
  "xrandr": { scripts: ["attach"], package: "x11-xserver-utils", purpose: "reads the size of the screen" },
  "xrdb": {
    scripts: ["attach"],
    package: "x11-xserver-utils",
    purpose: "reads the size of text",
    versionOption: "-version",
  },
  "gsettings": { scripts: ["attach"], package: "libglib2.0-bin", purpose: "reads the look of the desktop" },
  "waypipe": { scripts: ["attach"], package: "waypipe" },
  "setpriv": { scripts: ["attach"], package: "util-linux" },
  "systemd-run": { scripts: ["attach"], package: "systemd" },
  "pacat": { scripts: ["attach"], package: "pulseaudio-utils", purpose: "plays the app's sound" },
  "zenity": { scripts: ["attach", "map"], package: "zenity", purpose: "shows dialogs" },
  "notify-send": { scripts: ["attach", "map"], package: "libnotify-bin", purpose: "shows errors on the desktop" },
  "xdg-open": { scripts: ["attach"], package: "xdg-utils" },
  "lpstat": { scripts: ["attach"], package: "cups-client" },
  "lp": { scripts: ["attach"], package: "cups-client" },
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
  // In a container.
  "dbus-daemon": { scripts: [], package: "dbus-daemon" },
  "pulseaudio": { scripts: [], package: "pulseaudio" },
  "Xvfb": { scripts: [], package: "xvfb" },
};
