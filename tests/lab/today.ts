/**
 * A host of today beside the lab's own: a root of Debian testing, made once, with desktops, waypipe and bubblewrap that
 * are newer than Debian 13's. The host's side of the scripts can run in it, and containers can be made of it.
 */

import { dirname, join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { runtimeDir } from "./checkout.ts";
import { answers, engineFacts, query } from "./engines.ts";
import { exists, shortHash } from "./files.ts";
import { imageFiles, imageFinish, imageSetup, imageTemplates } from "./image_recipe.ts";
import { debianSources, release as hostRelease } from "./packages.ts";
import { buildMetadata, buildRoot, packRoot } from "./root.ts";
import { type EngineName, engineNames, labDir, type LabState, type LabUser, type Part, saveState } from "./state.ts";
import { announce, type Lab } from "./steps.ts";

/** The release that it is made of. */
const release = "forky";

/** The alias of the image of it, which LXD has. */
const todayImage = "gui-lab-today";

/** The options by which create.ts makes a container of it: there is no xpra for it. */
export const todayOptions = [`--image=${todayImage}`, "--bare"];

/** The variable that is set for what runs in it. */
export const todayVariable = "GUI_CONTAINER_LAB_HOST";

/** Packages beyond the smallest Debian that has apt. */
const packages = [
  // desktops, and mocks of logind and the like for GNOME Shell
  ...["gnome-shell", "mutter", "kwin-wayland", "sway", "labwc", "dbus-daemon", "dbus-bin", "python3-dbusmock"],
  ...["gnome-session-bin", "adwaita-icon-theme", "gir1.2-gdm-1.0", "gsettings-desktop-schemas", "libglib2.0-bin"],
  ...["libgl1-mesa-dri", "xkb-data", "fonts-dejavu-core", "grim", "python3-gi", "gir1.2-gdkpixbuf-2.0"],
  // what attach.ts needs on a host
  ...["waypipe", "wayland-utils", "bubblewrap", "openssh-client", "acl", "incus-client", "pulseaudio-utils", "procps"],
  ...["xdg-utils", "zenity", "ca-certificates", "wl-clipboard", "libnotify-bin"],
  // what a container needs
  ...["systemd-sysv", "dbus-user-session", "libpam-systemd", "cloud-init", "openssh-server", "iproute2", "netbase"],
  ...["ifupdown", "dhcpcd-base", "sudo", "locales", "foot", "pulseaudio"],
];

/** The archive's snapshot of testing may be some days older than its date of expiry. */
const options = ['Acquire::Check-Valid-Until "false"'];

/** What of the root is of no use in a container. */
const leftOut = ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"];

/** Files of the host's that the root has as well: who is who, names, and the client of LXD, which testing lacks. */
const sharedFiles = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/usr/bin/lxc"];

const todayDir = (): string => join(labDir(), "today");
const rootDir = (): string => join(todayDir(), "root");
const imageFile = (name: "metadata.tar.gz" | "root.squashfs"): string => join(todayDir(), name);

/**
 * Makes the root and its image if there are none, or those of another recipe: minutes, once, in which nothing else of
 * the lab is touched. A run that does the same already is waited for.
 */
export async function makeTodayRoot(lab: Lab): Promise<void> {
  Deno.mkdirSync(todayDir(), { recursive: true });
  using lock = Deno.openSync(join(todayDir(), "lock"), { create: true, write: true });
  await lock.lock(true);
  const sources = testingSources(await debianSources(hostRelease));
  const setup = imageSetup + imageFinish;
  const recipe = shortHash(JSON.stringify({ packages, sources, setup, imageFiles, imageTemplates, leftOut }));
  const recipeFile = join(todayDir(), "recipe");
  if (exists(recipeFile) && Deno.readTextFileSync(recipeFile) === recipe) return;
  announce(lab, "making a host of Debian testing, which takes about five minutes");
  for (const { name } of [...Deno.readDirSync(todayDir())].filter(({ name }) => name !== "lock")) {
    await Deno.remove(join(todayDir(), name), { recursive: true });
  }
  await buildRoot(todayDir(), { release, packages, sources, options, setup });
  const { stdout } = await runProcess(["dpkg-query", `--admindir=${rootDir()}/var/lib/dpkg`, "-W"]);
  Deno.writeTextFileSync(join(todayDir(), "versions"), stdout);
  await packRoot(rootDir(), imageFile("root.squashfs"), leftOut);
  await buildMetadata(join(todayDir(), "metadata"), {
    file: imageFile("metadata.tar.gz"),
    release,
    properties: { description: `Debian ${release} with waypipe, made by gui-container's lab` },
  });
  // bubblewrap would make directories for its mounts that only root can enter.
  for (const path of [...sharedFiles, ...engineNames.map(socketOf)]) {
    Deno.mkdirSync(join(rootDir(), dirname(path)), { recursive: true });
  }
  // Last: this file says that all is whole.
  Deno.writeTextFileSync(recipeFile, recipe);
}

/** Gives LXD the image, and says what there is. */
export async function findToday(lab: Lab): Promise<Part> {
  if (!exists(join(todayDir(), "recipe"))) return { missing: "it is not made, and that takes root" };
  if ("missing" in lab.state.parts.lxc) return { missing: "there is no LXD for its image" };
  const recipe = Deno.readTextFileSync(join(todayDir(), "recipe"));
  const target = await imageTarget();
  if (target === undefined || lab.state.today?.recipe !== recipe) {
    if (target) await runProcess(["lxc", "image", "delete", target]);
    announce(lab, "lxc: importing the image");
    const files = [imageFile("metadata.tar.gz"), imageFile("root.squashfs")];
    await runProcess(["lxc", "image", "import", ...files, "--alias", todayImage]);
    lab.state.today = { recipe };
    saveState(lab.state);
  }
  const versions = new Map(
    Deno.readTextFileSync(join(todayDir(), "versions")).split("\n").map((line) => line.split("\t") as [string, string]),
  );
  const shown = ["gnome-shell", "kwin-wayland", "sway", "labwc", "waypipe", "bubblewrap"];
  const note = shown.map((name) => `${name} ${versions.get(name)?.replace(/^\d+:|-[^-]*$/g, "")}`).join(", ");
  return { version: `Debian ${release}`, note };
}

async function imageTarget(): Promise<string | undefined> {
  return (await query<{ target: string }>("lxc", `/1.0/images/aliases/${todayImage}`))?.target;
}

/** Takes its image away from LXD, if that answers. The root is in the lab's own directory. */
export async function removeTodayImage(lab: Lab): Promise<string> {
  if (!lab.state.today) return "not made";
  delete lab.state.today;
  const target = await answers("lxc") ? await imageTarget() : undefined;
  if (target) await runProcess(["lxc", "image", "delete", target]);
  return "image removed";
}

/** The sources of the host's release in Debian's archive, with testing in its place. */
export function testingSources(sources: string): string {
  const stanzas = sources.trim().split(/\n{2,}/).filter((stanza) =>
    new RegExp(`^Suites:.*\\s${hostRelease}(\\s|$)`, "m").test(stanza)
  );
  return stanzas.map((stanza) => stanza.replace(/^Suites:.*$/m, `Suites: ${release}`)).join("\n\n") + "\n";
}

/**
 * The variables of what runs in it: those of the lab's sound server. It has no desktop before a test starts one.
 *
 * @throws {UserError} when it is not there
 */
export function todayEnvironment({ parts, env }: LabState): Record<string, string> {
  if ("missing" in parts.today) {
    throw new UserError(`The lab has no host of Debian testing: ${parts.today.missing}`, {
      hint: "deno task lab today up makes it",
    });
  }
  return { PULSE_SERVER: env["PULSE_SERVER"] ?? "", [todayVariable]: release };
}

/**
 * The beginning of a command line that root runs in it, with the lab's home, checkouts, engines and processes at the
 * paths that they have on the host. There is no other file of the host's.
 */
export function enterToday(user: LabUser, { cwd }: { cwd: string }): string[] {
  const bind = (paths: readonly string[]): string[] => paths.filter(exists).flatMap((path) => ["--bind", path, path]);
  return [
    ...["bwrap", "--bind", rootDir(), "/", "--dev-bind", "/dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"],
    ...bind(["/proc", "/sys", user.home, runtimeDir(), ...engineNames.map(socketOf)]),
    ...["--ro-bind", labDir(), labDir(), ...sharedFiles.filter(exists).flatMap((path) => ["--ro-bind", path, path])],
    // Only to become the user.
    ...["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--chdir", cwd, "--"],
  ];
}

/** A command line by which anybody runs one of its programs on this machine, of which it sees `/tmp` only. */
export function fromToday(argv: readonly string[]): string[] {
  return [
    ...["bwrap", "--die-with-parent", "--ro-bind", rootDir(), "/", "--dev", "/dev", "--proc", "/proc"],
    ...["--bind", "/tmp", "/tmp", "--unsetenv", "DBUS_SESSION_BUS_ADDRESS", "--", ...argv],
  ];
}

function socketOf(engine: EngineName): string {
  return join(engineFacts[engine].dir, "unix.socket");
}
