/**
 * An ordinary kernel: Debian's user-mode-linux, which boots as a process over this machine's root. It has what the
 * lab's own kernel may lack: AppArmor or SELinux in force, cgroup v2 and nothing else, conntrack. The scripts run in it
 * as on any host.
 */

import { fromFileUrl, join } from "@std/path";
import { ExitCode, UserError } from "../../lib/base/errors.ts";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { showCheckout } from "./checkout.ts";
import { exists, shortHash } from "./files.ts";
import { imageAlias } from "./image.ts";
import { missingPackages } from "./packages.ts";
import { labDir, type LabUser } from "./state.ts";
import { announce, type Lab } from "./steps.ts";
import { ensureDenoPackages } from "./user.ts";

/** What the root of the ordinary kernel has besides this machine's; unpacked, not installed. */
const rootPackages = [
  ...["kmod", "libkmod2", "apparmor", "libapparmor1", "apparmor-profiles", "ebtables"],
  ...["iptables", "libip4tc2", "libip6tc2", "libxtables12", "libnftnl11"],
];

/** Which of the kernel's security modules is in force. */
export const securityModules = ["apparmor", "selinux"] as const;

/** Its memory. */
const memory = "4G";

/** Its only cable, which leads to this machine by an address of its own. */
const cable = { device: "guilab-uml", host: "198.18.8.1/30", guest: "198.18.8.2" };

/** As many mappings as the memory of one machine may have: one for each of its pages. */
const maxMappings = ["/proc/sys/vm/max_map_count", "1048576"] as const;

const umlDir = (): string => join(labDir(), "uml");

/**
 * Boots it, runs `steps`, and shows what they print.
 *
 * @param options `steps`: words of the names of those to run; none for all
 * @returns the exit code
 */
export async function bootUml(
  lab: Lab,
  { steps, security }: { steps: readonly string[]; security: typeof securityModules[number] },
): Promise<number> {
  const user = lab.state.user;
  if (user === undefined) throw new UserError("The lab has no user", { hint: "deno task lab up makes it" });
  Deno.mkdirSync(labDir(), { recursive: true });
  using lock = Deno.openSync(join(labDir(), "uml.lock"), { create: true, write: true });
  await lock.lock(true);
  await unpack(lab);
  if (security === "selinux") await ensurePolicy(lab);
  const disk = await ensureDisk(lab);
  const { place: checkout } = await showCheckout(user);
  await ensureDenoPackages(lab.state, checkout);
  await using undo = new AsyncDisposableStack();
  undo.defer(await setMaxMappings());
  await layCable(undo);
  const boot: string[] = [];
  let outcome: string | undefined;
  let isUp = false;
  const kernel = startProcess(kernelArgv({ disk, checkout, user, steps, security }), {
    // Its memory is a file, in a directory of which it asks that programs may be run from it.
    env: { TMPDIR: "/dev/shm" },
    output: {
      line: (line) => {
        const text = line.trimEnd();
        if (isUp) lab.ui.result(text, undefined);
        else boot.push(text);
        isUp ||= text === "up";
        if (!/^\d+ passed, \d+ failed$/.test(text)) return;
        outcome = text;
        // Nothing of it is kept: it needs no shutdown.
        kernel.kill("SIGKILL");
      },
    },
  });
  undo.defer(() => kernel.kill("SIGKILL"));
  await kernel.ended;
  if (outcome === undefined) {
    throw new UserError("The kernel ended before its steps", {
      hint: "Look at what it printed",
      output: isUp ? "" : boot.join("\n"),
    });
  }
  return outcome.endsWith(", 0 failed") ? 0 : ExitCode.failed;
}

function kernelArgv(
  { disk, checkout, user, steps, security }: {
    disk: string;
    checkout: string;
    user: LabUser;
    steps: readonly string[];
    security: string;
  },
): string[] {
  const init = fromFileUrl(new URL("uml_init.sh", import.meta.url));
  return [
    // Others share this machine's processors.
    ...["nice", "-n", "5", join(umlDir(), "kernel/usr/bin/linux.uml"), `mem=${memory}`],
    ...["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", `ubd0=${disk}`],
    ...[`vec0:transport=tap,ifname=${cable.device}`, "con0=null,fd:1", "con=null", "console=tty0", "loglevel=1"],
    ...[`lsm=yama,${security}`, "init=/bin/sh", "--", init, umlDir(), checkout, user.home, security, ...steps],
  ];
}

/** What is fetched, by the directory where it is unpacked. */
const packages = {
  kernel: ["user-mode-linux"],
  root: rootPackages,
  // The libraries that it needs are part of any Debian.
  policy: ["selinux-policy-default", "policycoreutils", "selinux-utils"],
};

/** Fetches the kernel and the packages, once. */
async function unpack(lab: Lab): Promise<void> {
  const recipe = shortHash(JSON.stringify(packages));
  const recipeFile = join(umlDir(), "recipe");
  if (exists(recipeFile) && Deno.readTextFileSync(recipeFile) === recipe) return;
  announce(lab, "fetching an ordinary kernel");
  await Deno.remove(umlDir(), { recursive: true }).catch(() => {});
  for (const [name, names] of Object.entries(packages)) {
    const archives = join(umlDir(), "archives", name);
    Deno.mkdirSync(archives, { recursive: true });
    const download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", ...names];
    await runProcess(download, { cwd: archives, env: { LC_ALL: "C.UTF-8" } });
    for (const { name: file } of Deno.readDirSync(archives)) {
      await runProcess(["dpkg-deb", "--extract", join(archives, file), join(umlDir(), name)]);
    }
  }
  // Last: this file says that all is whole.
  Deno.writeTextFileSync(recipeFile, recipe);
}

/** Compiles the policy for SELinux, once. */
async function ensurePolicy(lab: Lab): Promise<void> {
  const selinux = join(umlDir(), "selinux");
  if (exists(selinux)) return;
  announce(lab, "compiling a policy for SELinux");
  await runScript("uml_policy.sh", { packages: join(umlDir(), "policy"), selinux: `${selinux}.new` });
  await Deno.rename(`${selinux}.new`, selinux);
}

/** Runs a script of this directory as root, in namespaces of its own: what it mounts and starts is gone with it. */
async function runScript(name: string, values: Record<string, string>): Promise<void> {
  await runProcess([
    ...["unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child"],
    ...["env", ...Object.entries(values).map(([name, value]) => `${name}=${value}`)],
    ...["sh", fromFileUrl(new URL(name, import.meta.url))],
  ], { timeoutMs: 600_000 });
}

/** The disk, with Incus's state, the image among it: a copy that belongs to this run alone. */
async function ensureDisk(lab: Lab): Promise<string> {
  const images = join(labDir(), "images");
  const recipe = exists(images)
    ? [...Deno.readDirSync(images)].map(({ name }) => /^(.*)\.fingerprint$/.exec(name)?.[1]).find(Boolean)
    : undefined;
  const missing = await missingPackages(["incus", "btrfs-progs"]);
  if (!recipe || missing.length > 0) {
    throw new UserError("The lab has no image of Incus's", { hint: "deno task lab up makes it" });
  }
  const pristine = join(umlDir(), `${recipe}.disk`);
  if (!exists(pristine)) {
    announce(lab, "making its disk");
    const disk = `${pristine}.new`;
    await Deno.writeFile(disk, new Uint8Array());
    await Deno.truncate(disk, 16 * 2 ** 30);
    await runScript("uml_disk.sh", {
      disk,
      metadata: join(images, `${recipe}.metadata.tar.gz`),
      rootfs: join(images, `${recipe}.squashfs`),
      alias: imageAlias,
    });
    await Deno.rename(disk, pristine);
  }
  const copy = join(umlDir(), "disk");
  await runProcess(["cp", "--sparse=always", pristine, copy]);
  return copy;
}

/** Sets the limit of mappings, and gives back what sets it as it was. */
async function setMaxMappings(): Promise<() => Promise<void>> {
  const [path, most] = maxMappings;
  const before = (await Deno.readTextFile(path)).trim();
  if (Number(before) >= Number(most)) return async () => {};
  await Deno.writeTextFile(path, most);
  return () => Deno.writeTextFile(path, before);
}

/** Connects it to this machine, and by this machine's address to what is beyond. */
async function layCable(undo: AsyncDisposableStack): Promise<void> {
  const { device, host, guest } = cable;
  const remove = async () => {
    await runProcess(["ip", "link", "delete", device], { okCodes: "any" });
    await runProcess(["nft", "delete", "table", "ip", device], { okCodes: "any" });
  };
  await remove();
  undo.defer(remove);
  await runProcess(["ip", "tuntap", "add", "dev", device, "mode", "tap"]);
  await runProcess(["ip", "address", "add", host, "dev", device]);
  await runProcess(["ip", "link", "set", device, "up"]);
  const rule = `add chain ip ${device} out { type nat hook postrouting priority srcnat; }\n` +
    `add rule ip ${device} out ip saddr ${guest} masquerade\n`;
  await runProcess(["nft", "-f", "-"], { stdin: { text: `add table ip ${device}\n${rule}` } });
}
