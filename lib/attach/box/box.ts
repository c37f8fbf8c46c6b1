/**
 * The box around a client on the host: bubblewrap (bwrap(1)) shows the client a read-only system, the display, the
 * guard's socket and the file for pixels, and nothing else of the host. So a vulnerability of the client gives no
 * access to the user's files, network and bus.
 */

import { basename, dirname, join } from "@std/path";
import { type ProcessResult, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ProcessOptions, RunningProcess } from "../../base/process.ts";
import { all, oncePer } from "../../base/promises.ts";
import { mountsRoot } from "../../container/paths.ts";
import { seccompFilter } from "./seccomp.ts";

/** Paths in the box, for the client's command line. */
const boxPaths = {
  directory: "/run/gui-container",
  socket: "/run/gui-container/guard",
  xauthority: "/run/gui-container/xauthority",
  home: "/run/gui-container/home",
} as const;

/** The module that Python loads first if it is on its path (see Python's site). */
export const pythonModule = "sitecustomize.py";

export interface BoxOptions {
  /** The guard's socket. In its directory, there may be a module that the client's Python loads first. */
  socket: string;
  /** The file for pixels; undefined if pixels come through the socket. */
  pixels: string | undefined;
  /** Variables of the client's environment, besides those that this module sets. */
  env: Readonly<Record<string, string>>;
  hostEnv(name: string): string | undefined;
}

/** Parts of the system that a client may read, besides `/usr`; missing ones are skipped. The last two are for NixOS. */
const systemPaths = [
  ...["/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"],
  ...["/etc/alternatives", "/etc/fonts", "/etc/gtk-3.0", "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf"],
  ...["/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/xpra", "/var/cache/fontconfig"],
  ...["/nix/store", "/run/current-system"],
];

/** Variables that the client keeps: the language of its texts, and the theme of the pointers that apps name. */
const keptVariables = ["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "XCURSOR_SIZE", "XCURSOR_THEME"];

/** How much address space a client may take, in bytes. On large screens, the allowed windows take a few GiB. */
const clientBytes = 8 * 2 ** 30;

/** How many processes and threads a client may have, counted in its box's user namespace. */
const clientProcesses = 128;

/** Runs a program that the kernel kills first when memory runs out: the container decides how much it takes. */
const limited = `echo 1000 >/proc/self/oom_score_adj; exec prlimit --as=${clientBytes} --nproc=${clientProcesses} "$@"`;

/**
 * The command line of a client in its box. There, it has no network (unless it needs it for the display), no access to
 * the user's home, no bus, and sees no other process.
 *
 * @param clientArgv returns the client's command line, given the paths in the box of the socket and the file for pixels
 */
export function boxedArgv(
  clientArgv: (paths: { socket: string; pixels: string | undefined }) => string[],
  options: BoxOptions,
): string[] {
  const { socket, pixels, hostEnv } = options;
  const display = hostEnv("DISPLAY") ?? "";
  const displaySocket = displaySocketOf(display);
  const home = hostEnv("HOME");
  const xauthority = hostEnv("XAUTHORITY") ?? (home === undefined ? undefined : `${home}/.Xauthority`);
  const inside = {
    socket: boxPaths.socket,
    pixels: pixels === undefined ? undefined : `${boxPaths.directory}/${basename(pixels)}`,
  };
  const env = {
    ...Object.fromEntries(keptVariables.map((name) => [name, hostEnv(name)])),
    ...options.env,
    DISPLAY: display,
    HOME: boxPaths.home,
    XAUTHORITY: boxPaths.xauthority,
    XDG_RUNTIME_DIR: boxPaths.directory,
    PYTHONPATH: boxPaths.directory,
  };
  return [
    ...boxStart(env, [...(displaySocket === undefined ? ["--share-net"] : []), "--die-with-parent"]),
    ...["--dir", boxPaths.home, "--chdir", boxPaths.home],
    ...(displaySocket === undefined ? [] : atSamePath(displaySocket)),
    ...(xauthority === undefined ? [] : ["--ro-bind-try", xauthority, boxPaths.xauthority]),
    ...["--bind", socket, inside.socket],
    ...(pixels === undefined ? [] : ["--bind", pixels, inside.pixels!]),
    ...["--ro-bind-try", join(dirname(socket), pythonModule), `${boxPaths.directory}/${pythonModule}`],
    "--",
    ...["/bin/sh", "-c", limited, "sh"],
    ...clientArgv(inside),
  ];
}

/** The option that binds a path of the host at the same path; by default read-only, and only if it exists. */
function atSamePath(path: string, option = "--ro-bind-try"): string[] {
  return [option, path, path];
}

/**
 * The start of each box's command line: bubblewrap's options for a read-only system without the user's files. More
 * files and the program to run follow.
 *
 * @param env the whole environment except for $PATH
 * @param options further options of bubblewrap
 */
export function boxStart(env: Readonly<Record<string, string | undefined>>, options: readonly string[] = []): string[] {
  const variables = { ...env, PATH: "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin" };
  return [
    "bwrap",
    "--unshare-all",
    "--new-session",
    ...options,
    "--clearenv",
    ...Object.entries(variables).flatMap(([name, value]) => value === undefined ? [] : ["--setenv", name, value]),
    ...atSamePath("/usr", "--ro-bind"),
    ...systemPaths.flatMap((path) => atSamePath(path)),
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", boxPaths.directory],
  ];
}

/**
 * How much memory a box may take if systemd can limit it, in bytes: half of the machine's up to 4 GiB, or a quarter if
 * that is more. waypipe maps each picture twice, and one in 4K has 33 MB.
 */
export function memoryLimit(machineBytes: number): number {
  return Math.floor(Math.max(machineBytes / 4, Math.min(machineBytes / 2, 4 * 2 ** 30)));
}

/**
 * The start of a command line that runs a program in a scope of the user's systemd (systemd-run(1)) with a memory
 * limit. Empty if that cannot make scopes: without a user manager, and for a process that it does not manage.
 */
async function limitedScope(host: Host): Promise<string[]> {
  const scope = (maxBytes: number): string[] => [
    ...["systemd-run", "--user", "--scope", "--quiet", "--collect"],
    ...[`--property=MemoryMax=${maxBytes}`, "--property=MemorySwapMax=0", "--"],
  ];
  // The trial also reads /proc/meminfo, since Deno reads nothing below /proc without all permissions.
  const argv = [...scope(2 ** 30), "cat", "/proc/meminfo"];
  const trial = await host.run(argv, { looksOnly: true, timeoutMs: 10_000 }).catch(() => undefined);
  const [, kib] = /^MemTotal: +(\d+) kB$/m.exec(trial?.stdout ?? "") ?? [];
  return kib === undefined ? [] : scope(memoryLimit(Number(kib) * 2 ** 10));
}

/**
 * The error if bubblewrap could not make a box, judged by its output; undefined if that is not the reason.
 *
 * @param printed the output of a box that has ended
 */
export function boxDenied(printed: string): UserError | undefined {
  if (!/^bwrap: /m.test(printed)) return undefined;
  return new UserError("bubblewrap cannot make the sandbox for the program that shows the container's windows", {
    hint: denials.find(({ says }) => says.test(printed))?.hint ??
      "See whether something forbids user namespaces here: sudo dmesg | grep -i apparmor, and sysctl -a | grep userns",
    output: printed.trim(),
  });
}

/**
 * How to allow user namespaces, by bubblewrap's message. Ubuntu 24.04 has an AppArmor profile for it in a package;
 * later releases load their own, with which a second profile would conflict.
 */
const denials: readonly { says: RegExp; hint: string }[] = [
  { says: /Unknown option/, hint: "Install bubblewrap 0.8 or newer" },
  {
    says: /max_\*_namespaces exceeded/,
    hint: "Allow user namespaces: sudo sysctl user.max_user_namespaces=10000, and the same line in /etc/sysctl.d",
  },
  {
    says: /unprivileged_userns_clone/,
    hint: "Allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1, and the same line in /etc/sysctl.d",
  },
  {
    says: /setting up uid map: Permission denied|Failed RTM_NEWADDR/,
    hint: "AppArmor forbids it. On Ubuntu 24.04, allow it: sudo apt install apparmor-profiles && sudo cp " +
      "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && " +
      "sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict",
  },
];

/**
 * Runs a program in a box like a client's, including the seccomp filter. It has no input.
 *
 * @param argv the box's command line, see {@linkcode boxStart}; by default, it runs an empty script
 * @throws as {@linkcode boxDenied} says, or with exit code 127 when bubblewrap is not installed
 */
export async function tryBox(
  host: Host,
  [program = "", ...options]: readonly string[] = [...boxStart({}), "--", "/bin/sh", "-c", ":"],
): Promise<ProcessResult> {
  // bubblewrap reads the filter from its stdin.
  const argv = [program, ...noNamespaces, "--seccomp", "0", ...options];
  const stdin = { bytes: ReadableStream.from([seccompFilter()]) };
  const result = await host.run(argv, { looksOnly: true, okCodes: "any", timeoutMs: 10_000, stdin });
  const denied = result.code === 0 ? undefined : boxDenied(result.stderr);
  if (denied) throw denied;
  return result;
}

/** Forbids programs in a box to make user namespaces (bubblewrap 0.8). */
const noNamespaces = ["--unshare-user", "--disable-userns"];

/** Starts boxes of this host: see {@linkcode prepareBoxes}. */
export type StartBox = (
  argv: readonly string[],
  streams: Pick<ProcessOptions, "stdin" | "output">,
) => RunningProcess;

/**
 * Finds out whether systemd can limit a box's memory, and writes its seccomp filter to the directory of all containers,
 * which no box and no container sees. Runs once for each host.
 *
 * @throws {UserError} with exit code 127 when bubblewrap is not installed
 */
export const prepareBoxes: (host: Host) => Promise<StartBox> = oncePer((host) =>
  host.look<StartBox>((argv) => host.start(argv), async () => {
    const installed = host.run(["bwrap", "--version"], { looksOnly: true, okCodes: "any" });
    const [scope] = await all([limitedScope(host), installed]);
    const filter = join(mountsRoot(host), ".seccomp");
    await writeFilter(filter);
    // bubblewrap reads the filter from a file descriptor, which only a shell can open for it. bubblewrap gets no
    // environment: as the box's first process, its environment can be read in the box.
    const options = [...noNamespaces, "--seccomp", "9"].join(" ");
    const script = `bwrap=$(command -v "$1") && shift && exec env -i "$bwrap" ${options} "$@" 9<"$0"`;
    const start = ["setpriv", "--pdeathsig", "clear", ...scope, "/bin/sh", "-c"];
    // Detached, so that Ctrl-C does not reach it from the terminal.
    return (argv, streams) => host.start([...start, script, filter, ...argv], { ...streams, detached: true });
  })
);

/** Writes the filter unless it is already there; atomically, since other runs read it. */
async function writeFilter(path: string): Promise<void> {
  const filter = seccompFilter();
  const there = await Deno.readFile(path).catch(() => undefined);
  if (there && there.toHex() === filter.toHex()) return;
  const fresh = `${path}.${crypto.randomUUID()}`;
  await Deno.writeFile(fresh, filter, { mode: 0o600, createNew: true });
  await Deno.rename(fresh, path);
}

/** The socket of a display on this machine (X(7)); undefined for one that is reached over the network. */
export function displaySocketOf(display: string): string | undefined {
  const number = /^(?:unix)?:(\d+)(?:\.\d+)?$/.exec(display)?.[1];
  return number === undefined ? undefined : `/tmp/.X11-unix/X${number}`;
}
