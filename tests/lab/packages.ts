/** The Debian packages that the host needs, and how they get there. */

import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { saveState } from "./state.ts";
import { announce, type Lab } from "./steps.ts";

/** The release that the lab is made on, and its image of. */
export const release = "trixie";

/** What builds an image. */
export const imageBuildPackages = [
  ...["mmdebstrap", "squashfs-tools", "debian-archive-keyring", "util-linux", "mount", "tar", "gzip"],
] as const;

/** Everything but xpra: engines, image building, desktop, and the tools that tests use. */
export const hostPackages = [
  // engines
  ...["lxd", "lxd-client", "incus-base", "acl", "dnsmasq-base", "nftables", "iproute2", "btrfs-progs", "uidmap"],
  ...imageBuildPackages,
  // desktop
  ...["xvfb", "xauth", "openbox", "dbus-daemon", "dbus-bin", "pulseaudio", "pulseaudio-utils", "dunst"],
  ...["fonts-dejavu-core", "xkb-data", "x11-xkb-utils"],
  // Wayland desktop
  ...["sway", "xwayland"],
  // other compositors: with security-context-v1 as sway; without it, and with screen capture for all, or for none
  ...["labwc", "cage", "weston"],
  // what tests use
  ...["xdotool", "imagemagick", "x11-utils", "x11-apps", "x11-xserver-utils", "xterm", "xclip", "xinput", "sox"],
  ...[
    "zenity",
    "libnotify-bin",
    "xdg-utils",
    "openssh-client",
    "procps",
    "bubblewrap",
    "python3-numpy",
    "python3-xlib",
    "ca-certificates",
    "shellcheck",
  ],
  ...["waypipe", "wayland-utils", "wl-clipboard", "grim", "foot", "wtype"],
  // what makes and checks the Debian package
  ...["debhelper", "help2man", "lintian", "man-db"],
  // what some distributions have in place of GNU's coreutils
  "rust-coreutils",
  ...["zsh", "fish", "desktop-file-utils", "libgtk-3-bin", "libglib2.0-bin", "vim-tiny"],
] as const;

/** What the demo needs of it: one engine, a Wayland desktop, and what attach.ts starts there. */
export const demoPackages = [
  ...["incus-base", "acl", "dnsmasq-base", "nftables", "iproute2", "btrfs-progs", "uidmap"],
  ...imageBuildPackages,
  ...["sway", "xwayland", "dbus-daemon", "dbus-bin", "pulseaudio", "pulseaudio-utils", "python3"],
  ...["fonts-dejavu-core", "xkb-data", "waypipe", "bubblewrap", "grim", "wl-clipboard", "zenity", "libnotify-bin"],
  ...["xdg-utils", "openssh-client", "procps", "ca-certificates"],
] as const;

/** What xpra's wheel needs at run time, on the host and in the image. */
export const xpraRuntimePackages = [
  ...["libx11-6", "libxcomposite1", "libxdamage1", "libxtst6", "libxkbfile1", "libxres1", "libxrandr2", "libxpresent1"],
  ...["libdrm2", "libgtk-3-0t64", "liblz4-1", "libbrotli1", "libxxhash0", "libqrencode4", "libturbojpeg0", "libwebp7"],
  ...["libvpx9", "libx264-164", "libyuv0", "libwayland-client0", "libavif16", "libproc2-0"],
  ...[
    "python3-gi",
    "python3-gi-cairo",
    "python3-cairo",
    "gir1.2-gtk-3.0",
    "python3-pil",
    "python3-dbus",
    "python3-xdg",
  ],
  ...["python3-netifaces", "python3-setproctitle", "python3-rencode", "python3-lz4", "python3-cryptography"],
  ...["gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-plugins-bad", "gstreamer1.0-pulseaudio"],
  ...["gir1.2-gstreamer-1.0", "python3-gst-1.0", "python3-pip"],
] as const;

/** What building xpra's wheel needs. */
export const xpraBuildPackages = [
  ...["pkgconf", "gcc", "g++", "libc6-dev", "libx11-dev", "libxcomposite-dev", "libxdamage-dev", "libxtst-dev"],
  ...["libxkbfile-dev", "libxres-dev", "libxrandr-dev", "libxpresent-dev", "libdrm-dev", "libgtk-3-dev"],
  ...["python3-dev", "python3-setuptools", "python3-pip", "python3-wheel", "python3-cairo-dev", "python-gi-dev"],
  ...["cython3", "libsystemd-dev", "libpam0g-dev", "libproc2-dev", "liblz4-dev", "libbrotli-dev", "libxxhash-dev"],
  ...["libqrencode-dev", "libturbojpeg0-dev", "libwebp-dev", "libvpx-dev", "libx264-dev", "libyuv-dev"],
  ...["libwayland-dev", "libavif-dev"],
] as const;

/** What building the wheel of xpra 5 needs besides. */
export const xpra5BuildPackages = [
  ...["libavutil-dev", "libavcodec-dev", "libswscale-dev", "libavformat-dev", "libavfilter-dev", "libavdevice-dev"],
  ...["pandoc"],
] as const;

/** apt's and dpkg's environment: nothing asks. */
const unattended = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };

/** Those of `packages` that are not installed. */
export async function missingPackages(packages: readonly string[]): Promise<string[]> {
  // Exit status 1: some of them are not known to dpkg at all.
  const { stdout } = await runProcess(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", ...packages], {
    okCodes: [0, 1],
  });
  const installed = new Set(
    stdout.split("\n").filter((line) => line.endsWith(" installed")).map((l) => l.split(" ")[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

/** Why those of `packages` that are missing cannot be installed; undefined when they can, or when none is missing. */
export async function whyNotInstallable(packages: readonly string[]): Promise<string | undefined> {
  try {
    const missing = await missingPackages(packages);
    if (missing.length === 0) return undefined;
    const named = missing.length > 8 ? [...missing.slice(0, 8), `and ${missing.length - 8} more`] : missing;
    if (Deno.uid() !== 0) return `Only root can install what is missing: ${named.join(" ")}`;
    const archive = /^URIs:\s*(\S+)/m.exec(await debianSources(release))![1]!;
    return await archiveAnswers(archive)
      ? undefined
      : `${archive} does not answer, and these packages are missing: ${named.join(" ")}`;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** Whether an archive of Debian's answers within seconds; apt asks, as it is set up. */
async function archiveAnswers(uri: string): Promise<boolean> {
  const patience = ["http", "https"].flatMap((scheme) => ["-o", `Acquire::${scheme}::Timeout=5`]);
  const index = `${uri.replace(/\/$/, "")}/dists/${release}/Release`;
  const place = await Deno.makeTempFile();
  try {
    const argv = ["/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=0", ...patience, "download-file", index, place];
    return (await runProcess(argv, { okCodes: "any", timeoutMs: 10_000 })).code === 0;
  } catch {
    return false;
  } finally {
    await Deno.remove(place).catch(() => {});
  }
}

/** Installs those of `packages` that are missing and can be had, and records them. */
export async function installPackages(lab: Lab, packages: readonly string[]): Promise<string> {
  const missing = await missingPackages(packages);
  if (missing.length === 0) return `all ${packages.length} there`;
  const reason = await whyNotInstallable(missing);
  if (reason) return reason;
  announce(lab, `installing ${missing.length} packages`);
  lab.state.made.packages = [...new Set([...lab.state.made.packages ?? [], ...missing])].sort();
  saveState(lab.state);
  await aptUpdate();
  await runProcess(
    [
      ...["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"],
      // Each file of a package would be written to the disk before the next one.
      ...["-o", "DPkg::Options::=--force-unsafe-io", ...missing],
    ],
    { env: unattended },
  );
  return `installed ${missing.length}`;
}

let updated = false;

/** Fetches the package lists, once a run. */
async function aptUpdate(): Promise<void> {
  if (updated) return;
  await runProcess(["apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=300"], { env: unattended });
  updated = true;
}

/** The host's apt sources that are Debian's own, as one file in deb822 format; other people's stay out of the image. */
export async function debianSources(release: string): Promise<string> {
  const stanzas: string[] = [];
  const directory = "/etc/apt/sources.list.d";
  const names = [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name)).sort();
  for (const file of ["/etc/apt/sources.list", ...names]) {
    const text = await Deno.readTextFile(file).catch(() => "");
    if (file.endsWith(".sources")) stanzas.push(...debianStanzas(text, release));
    else if (file.endsWith(".list")) stanzas.push(...debianStanzas(oneLineToDeb822(text), release));
  }
  if (stanzas.length > 0) return stanzas.join("\n\n") + "\n";
  throw new UserError(`The host's apt knows no archive of Debian ${release}`, {
    hint: `Add one to /etc/apt/sources.list.d, with ${release} as its suite`,
  });
}

/** Those stanzas of a deb822 sources file that name binary packages of `release` in an archive of Debian. */
export function debianStanzas(text: string, release: string): string[] {
  return text.split(/\n\s*\n/).map(withoutComments).filter((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}:(.*)$`, "im").exec(stanza)?.[1]?.trim() ?? "";
    return field("Types").split(/\s+/).includes("deb") &&
      /\/debian(-security)?\/?(\s|$)|\/\/(\w+\.)*debian\.org\//.test(field("URIs")) &&
      field("Suites").split(/\s+/).every((suite) => suite === release || suite.startsWith(`${release}-`)) &&
      !/^yes$/i.test(field("Trusted")) && !/^no$/i.test(field("Enabled")) &&
      (field("Signed-By") === "" || field("Signed-By").includes("debian-archive"));
  });
}

/** The archive of `release` among such stanzas, with its backports in place of it; undefined when it is not there. */
export function backportsSource(stanzas: string, release: string): string | undefined {
  const suites = /^Suites:.*$/im;
  const archive = stanzas.split("\n\n").find((stanza) => suites.exec(stanza)?.[0].split(/\s+/).includes(release));
  return archive?.trim().replace(suites, `Suites: ${release}-backports`).concat("\n");
}

/** The lines `deb [options] URI suite component…` of a sources.list, each as a deb822 stanza. */
export function oneLineToDeb822(text: string): string {
  return text.split("\n").flatMap((line) => {
    const [, options = "", uri, suite, components] =
      /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line) ?? [];
    if (!uri || !suite) return [];
    const keyring = /signed-by=(\S+)/.exec(options)?.[1];
    const trusted = /trusted=(\S+)/.exec(options)?.[1];
    return [stanza(uri, [suite], { components: components!.trim(), keyring, trusted })];
  }).join("\n\n");
}

/** The settings of the host's apt that decide whether it takes the archive at all; an image needs the same ones. */
export async function aptOptions(): Promise<string[]> {
  const { stdout } = await runProcess(["apt-config", "dump", "Acquire::Check-Valid-Until", "Acquire::Check-Date"]);
  return stdout.trim().split("\n").filter((line) => /^Acquire::Check-(Valid-Until|Date) ".+";$/.test(line))
    .map((line) => line.slice(0, -1));
}

function stanza(
  uri: string,
  suites: readonly string[],
  { components = "main", keyring = "/usr/share/keyrings/debian-archive-keyring.gpg", trusted }: {
    components?: string;
    keyring?: string | undefined;
    trusted?: string | undefined;
  } = {},
): string {
  return [
    "Types: deb",
    `URIs: ${uri}`,
    `Suites: ${suites.join(" ")}`,
    `Components: ${components}`,
    `Signed-By: ${keyring}`,
    ...(trusted ? [`Trusted: ${trusted}`] : []),
  ].join("\n");
}

function withoutComments(text: string): string {
  return text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).join("\n");
}
