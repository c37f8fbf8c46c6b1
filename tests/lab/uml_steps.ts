/**
 * What is to work under an ordinary kernel (see uml.ts): run there, by root. Prints a line for each step, and last
 * "N passed, N failed". The arguments are words of the names of the steps to run; none for all.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, type ProcessResult } from "../../lib/base/errors.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { checkoutDir } from "./checkout.ts";
import { ensureDesktop, userRuntimeDir } from "./desktop.ts";
import { desktopEnvironment, type DesktopName, labState } from "./state.ts";
import { openLab, partStep } from "./steps.ts";
import { until } from "./daemons.ts";
import { asUser } from "./user.ts";
import { ensureUserManager, joinManagedGroups, managerRuntimeDir } from "./user_manager.ts";
import { ensureWayland } from "./wayland.ts";

const user = labState().user!;
const mounts = join(user.home, "container_mounts");
const container = "ordinary";

/** A program takes 25 ms to start here, 1.5 ms elsewhere. */
const patienceMs = 300_000;

const [security, ...wanted] = Deno.args;
const isAppArmor = security === "apparmor";

function userCommand(argv: readonly string[], desktop: DesktopName): [string[], ProcessOptions] {
  const own = desktopEnvironment(labState(), desktop);
  // Where the manager is that makes scopes; the compositor's socket is elsewhere then.
  const wayland = own["WAYLAND_DISPLAY"] && join(userRuntimeDir(), own["WAYLAND_DISPLAY"]);
  const env = {
    ...own,
    ...(wayland ? { WAYLAND_DISPLAY: wayland } : {}),
    XDG_RUNTIME_DIR: managerRuntimeDir(),
    GUI_CONTAINER_ENGINE: "incus",
    NO_COLOR: "1",
  };
  const command = asUser(user, argv, { env });
  return [command.argv, { env: command.env, cwd: checkoutDir(), timeoutMs: patienceMs }];
}

/** Runs a command line as the lab's user. */
async function asLabUser(
  argv: readonly string[],
  { desktop = "wayland", ...options }: ProcessOptions & { desktop?: DesktopName } = {},
): Promise<ProcessResult> {
  const [command, own] = userCommand(argv, desktop);
  return await runProcess(command, { ...own, ...options });
}

async function asRoot(argv: readonly string[], options: ProcessOptions = {}): Promise<string> {
  return (await runProcess(argv, { timeoutMs: patienceMs, ...options })).stdout;
}

async function inContainer(name: string, shell: string, options: ProcessOptions = {}): Promise<string> {
  return await asRoot(["incus", "exec", name, "--mode=non-interactive", "--", "sh", "-ec", shell], options);
}

async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  assert(await until(condition, { timeoutMs: patienceMs }), `${what}: not within ${patienceMs / 1000} s`);
}

/** The titles of the windows on a desktop. */
async function titles(desktop: DesktopName): Promise<string> {
  const argv = desktop === "wayland" ? ["swaymsg", "-t", "get_tree"] : ["xwininfo", "-root", "-tree"];
  const env = desktopEnvironment(labState(), desktop);
  const { stdout } = await asLabUser(["env", `XDG_RUNTIME_DIR=${env["XDG_RUNTIME_DIR"]}`, ...argv], { desktop });
  return stdout;
}

/** Runs attach.ts until its window is there, then `look`; ends the session, and returns what attach.ts printed. */
async function showing(
  args: readonly string[],
  { desktop = "wayland", title, look = async () => {} }: {
    desktop?: DesktopName;
    title: string;
    look?: (attach: RunningProcess) => Promise<void>;
  },
): Promise<void> {
  const [argv, options] = userCommand(["./attach.ts", ...args], desktop);
  const attach = startProcess(argv, options);
  let over: ProcessResult | undefined;
  attach.ended.then((result) => over = result);
  try {
    await eventually(`A window "${title}"`, async () => over !== undefined || (await titles(desktop)).includes(title));
    if (over !== undefined) throw new ProcessError(over);
    await look(attach);
  } finally {
    await asLabUser(["./attach.ts", "--stop", container, "--all"], { okCodes: "any" });
    attach.kill("SIGTERM");
    await attach.ended;
  }
}

/** What the kernel has said since it started, of what was denied or killed. */
async function kernelSays(pattern: RegExp): Promise<string[]> {
  return (await asRoot(["dmesg"])).split("\n").filter((line) => pattern.test(line));
}

async function create(name: string, profile: string): Promise<void> {
  const nothing = "/tmp/nothing.yaml";
  await Deno.writeTextFile(nothing, "#cloud-config\ndisable_root: true\n");
  const key = join(user.home, ".ssh/id_ed25519.pub");
  await asLabUser(["./create.ts", "--image=gui-lab", "--yes", name, key, profile, nothing]);
}

/** The process of the container's init. */
async function initOf(name: string): Promise<string> {
  return /^PID: (\d+)$/m.exec(await asRoot(["incus", "info", name]))![1]!;
}

/** Replaces a program of the host's while `action` runs. */
async function withProgram(path: string, text: string, action: () => Promise<void>): Promise<void> {
  await Deno.writeTextFile(path, text, { mode: 0o755 });
  await action().finally(() => Deno.remove(path));
}

/** Takes memory until it is killed, in large pieces: a fault for each page takes long here. */
const eats = `import mmap
taken = []
while True: taken.append(mmap.mmap(-1, 2 ** 26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))`;

/** In place of waypipe: takes memory where it is a client. */
const eater = `#!/bin/sh
case " $* " in *" client "*) ;; *) exec /usr/bin/waypipe "$@" ;; esac
exec python3 -c '${eats}'
`;

/** As Ubuntu 24.04 treats a program without a profile of its own: it has no capability in its user namespace. */
const denying = `abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(attach_disconnected,mediate_deleted) {
  file rwlkmix /{**,},
  network, unix, ptrace, signal, mount, umount, pivot_root, userns, dbus,
  audit deny capability,
}
`;

/** Loads a profile while `action` runs. */
async function withProfile(file: string, action: () => Promise<void>): Promise<void> {
  await asRoot(["apparmor_parser", "--replace", file]);
  await action().finally(() => asRoot(["apparmor_parser", "--remove", file]));
}

const steps: Record<string, () => Promise<void>> = {
  "the kernel: security, cgroup v2 alone, conntrack": async () => {
    assertMatch(await Deno.readTextFile("/sys/kernel/security/lsm"), new RegExp(`\\b${security}\\b`));
    const mounted = await Deno.readTextFile("/proc/mounts");
    assertMatch(mounted, / cgroup2 /);
    assert(!/ cgroup /.test(mounted), mounted);
    await Deno.stat("/proc/sys/net/netfilter/nf_conntrack_max");
    if (!isAppArmor) return await Deno.writeTextFile("/sys/fs/selinux/enforce", "1");
    // As its service does at boot.
    await Deno.writeTextFile("/etc/apparmor.d/local/usr.bin.man", "");
    await asRoot(["apparmor_parser", "--replace", "/etc/apparmor.d"]);
  },
  "Incus: its DNS server is confined": async () => {
    for (
      const argv of [["dbus-daemon", "--system", "--nofork"], ["/usr/libexec/incus/incusd", "--group", "incus-admin"]]
    ) {
      startProcess(argv, { output: "discard", detached: true });
    }
    await asRoot(["incus", "admin", "waitready"]);
    const dnsmasq = (await asRoot(["pgrep", "-o", "dnsmasq"])).trim();
    if (isAppArmor) assertMatch(await Deno.readTextFile(`/proc/${dnsmasq}/attr/current`), /^incus_dnsmasq.*enforce/);
  },
  "the user's desktops": async () => {
    // systemd limits memory where it may.
    await Deno.writeTextFile("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids +cpu");
    const lab = openLab(terminalUi({ signal: AbortSignal.any([]), quiet: true }));
    await ensureDesktop(lab);
    await ensureWayland(lab);
    await partStep(lab, "userManager", () => ensureUserManager(lab, user));
    for (const part of ["display", "sound", "userManager", "wayland"] as const) {
      assert("version" in lab.state.parts[part], JSON.stringify(lab.state.parts[part]));
    }
    joinManagedGroups();
  },
  "attach.ts --doctor": async () => {
    const { stdout, stderr } = await asLabUser(["./attach.ts", "--doctor"]);
    assertMatch(stdout + stderr, /bubblewrap makes sandboxes[^]*Windows are shown over Wayland/);
    // Its disk comes from a kernel without AppArmor, and so does a warning.
    assertEquals(stdout.includes("cannot confine containers"), !isAppArmor, stdout);
  },
  "create.ts: a container under its profile": async () => {
    await create(container, "gui-limits");
    const label = await Deno.readTextFile(`/proc/${await initOf(container)}/attr/current`);
    if (isAppArmor) assertMatch(label, new RegExp(`^incus-${container}_.*enforce`));
  },
  "limits: a program in the container takes too much memory": async () => {
    const { code } = await runProcess(["incus", "exec", container, "--", "python3", "-c", eats], { okCodes: "any" });
    assertEquals(code, 137);
    assertEquals((await kernelSays(new RegExp(`Killed process.*python3`))).length, 1);
  },
  "Wayland: a window, from a box with a limit": async () => {
    await showing([container, "foot"], {
      title: `[${container}] foot`,
      look: async () => {
        const waypipe = (await asRoot(["pgrep", "-o", "-x", "waypipe"])).trim();
        const group = /^0::(.*)$/m.exec(await Deno.readTextFile(`/proc/${waypipe}/cgroup`))![1]!;
        const limit = Number(await Deno.readTextFile(`/sys/fs/cgroup${group}/memory.max`));
        const { total } = Deno.systemMemoryInfo();
        assert(Math.abs(limit - total / 4) < total / 100, `${group}: ${limit} of ${total}`);
      },
    });
  },
  "limits: a client takes too much memory": async () => {
    await withProgram("/usr/local/bin/waypipe", eater, async () => {
      const { code, stderr } = await asLabUser(["./attach.ts", container, "foot"], { okCodes: "any" });
      assertEquals(code, 1, stderr);
    });
    assertEquals((await kernelSays(/Memory cgroup out of memory.*task_memcg=.*\.scope|oom-kill:.*\.scope/)).length, 1);
  },
  "X: a window": async () => {
    await showing(["--display=x11", container, "xterm"], { desktop: "x11", title: `[${container}] xterm` });
  },
  "map.ts: a file is lent, written there, and taken back": async () => {
    const file = join(user.home, "letter.txt");
    await asLabUser(["sh", "-c", 'echo mine >"$1"', "sh", file]);
    const { stdout } = await asLabUser(["./map.ts", "--no-wait", container, file]);
    const inside = stdout.trimEnd().split("\t")[1]!;
    assertEquals(
      await inContainer(container, `su ubuntu -c 'echo theirs >>${inside}; cat ${inside}'`),
      "mine\ntheirs\n",
    );
    await asLabUser(["./map.ts", "--unmap", container]);
    assertEquals(await Deno.readTextFile(file), "mine\ntheirs\n");
  },
  "Ubuntu's profile of bubblewrap": async () => {
    if (!isAppArmor) return;
    await withProfile("/usr/share/apparmor/extra-profiles/bwrap-userns-restrict", async () => {
      await showing([container, "foot"], {
        title: `[${container}] foot`,
        look: async () => {
          const waypipe = (await asRoot(["pgrep", "-o", "-x", "waypipe"])).trim();
          assertMatch(await Deno.readTextFile(`/proc/${waypipe}/attr/current`), /bwrap.*unpriv_bwrap/);
        },
      });
      await showing(["--display=x11", container, "xterm"], { desktop: "x11", title: `[${container}] xterm` });
    });
  },
  "no capability in a user namespace: the hint": async () => {
    if (!isAppArmor) return;
    const file = "/tmp/denying";
    await Deno.writeTextFile(file, denying);
    await withProfile(file, async () => {
      for (const args of [[container, "foot"], ["--doctor"]]) {
        const { code, stdout, stderr } = await asLabUser(["./attach.ts", ...args], { okCodes: "any" });
        assert(code !== 0, stdout + stderr);
        assertMatch(stdout + stderr, /bubblewrap cannot make the sandbox[^]*apparmor/i);
      }
    });
  },
  "a disposable copy": async () => {
    await showing(["--disposable", container, "foot sh -c 'sleep 5'"], {
      title: `[${container}-`,
      look: async (attach) => {
        await attach.ended;
      },
    });
    assertEquals(await asRoot(["incus", "list", "--format=csv", "--columns=n"]), `${container}\n`);
  },
  "gui-internet: the world is reached, the host is not": async () => {
    const alone = "alone";
    await create(alone, "gui-internet");
    // A sink for stray queries, which IANA calls globally reachable, is the other container here.
    const world = "192.31.196.1";
    const address =
      /198\.18\.9\.\d+/.exec(await asRoot(["incus", "list", container, "--format=csv", "--columns=4"]))![0];
    await inContainer(container, `ip address add ${world}/32 dev eth0`);
    await asRoot(["ip", "route", "add", `${world}/32`, "via", address]);
    const server = startProcess([
      ...["incus", "exec", container, "--mode=non-interactive", "--", "python3", "-m", "http.server", "80"],
    ]);
    const status = async (url: string): Promise<string> =>
      await inContainer(
        alone,
        `python3 -c 'import sys, urllib.request as r
try: print(r.build_opener(r.ProxyHandler({"http": "http://127.0.0.1:3128"})).open(sys.argv[1], timeout=60).status)
except r.HTTPError as error: print(error.status)' ${url}`,
      );
    await eventually("The world", async () => (await status(`http://${world}/`)) === "200\n");
    // Incus's DNS server listens there.
    assertEquals(await status("http://198.18.9.1:53/"), "403\n");
    assertEquals(await status(`http://${address}/`), "403\n");
    assertEquals(await inContainer(alone, "ls /sys/class/net"), "lo\n");
    server.kill("SIGKILL");
    await asLabUser(["./create.ts", "--delete", "--force", alone]);
  },
  "create.ts --delete leaves nothing": async () => {
    await asLabUser(["./create.ts", "--delete", "--force", container]);
    assertEquals(await asRoot(["incus", "list", "--format=csv", "--columns=n"]), "");
    assertEquals(await asRoot(["incus", "profile", "list", "--format=csv", "--columns=n"]), "default\n");
    const left = [...Deno.readDirSync(mounts)].map(({ name }) => name).filter((name) => !name.startsWith("."));
    assertEquals(left, []);
    if (isAppArmor) {
      const profiles = await Deno.readTextFile("/sys/kernel/security/apparmor/profiles");
      assert(!profiles.includes(`incus-${container}`), profiles);
    }
  },
};

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** What was denied, each kind once, with how often. */
async function denials(): Promise<string[]> {
  const pattern = isAppArmor ? /apparmor="DENIED"/ : /avc: +denied.*permissive=0/;
  const kinds = (await kernelSays(pattern)).map((line) =>
    line.replace(/^.*?audit\([^)]*\): |^\[[^\]]*\] /, "").replace(/\b(pid|peer_pid|ino|fsuid|ouid)=\S+ ?/g, "")
  );
  const counts = Map.groupBy(kinds, (kind) => kind);
  return [...counts].map(([kind, all]) => `${all.length} × ${kind}`);
}

const counts = { passed: 0, failed: 0 };
await Deno.remove(mounts, { recursive: true }).catch(() => {});
for (const [name, step] of Object.entries(steps)) {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
  const startedMs = performance.now();
  const failure = await step().then(() => undefined, (error) => error instanceof Error ? error : new Error(`${error}`));
  counts[failure ? "failed" : "passed"]++;
  const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`.padStart(8);
  say(`${took}  ${failure ? "FAILED" : "ok    "}  ${name}`);
  if (failure) say(failure instanceof ProcessError ? `${failure.message}\n${failure.output}` : `${failure.message}`);
}
for (const line of await denials()) say(`denied: ${line}`);
say(`${counts.passed} passed, ${counts.failed} failed`);
