/** The ordinary user that the tests run as: root would make tests of permissions meaningless. */

import { dirname, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists, shortHash } from "./files.ts";
import { callerEnvironment } from "./environment.ts";
import type { LabState, LabUser, Part } from "./state.ts";

const userName = "gui-lab";

/** The groups that may use the engines. */
const engineGroups = ["lxd", "incus-admin"];

/** Makes the user with its key and its own copy of Deno, where they are not there yet. */
export async function ensureUser(state: LabState): Promise<Part> {
  if (Deno.uid() !== 0) {
    const home = Deno.env.get("HOME") ?? "/";
    const name = Deno.env.get("USER") ?? String(Deno.uid());
    state.user = { name, uid: Deno.uid()!, gid: Deno.gid()!, home };
    return { version: name, note: "not root: the lab uses the current user" };
  }
  let user = await findUser(userName);
  if (!user) {
    await runProcess(["useradd", "--create-home", "--shell", "/bin/bash", "--comment", "gui-container lab", userName]);
    state.made.user = true;
    user = (await findUser(userName))!;
  }
  state.user = user;
  await joinGroups(user);
  await ensureKey(user);
  await ensureDeno(user);
  await ensureClients(user);
  return { version: `uid ${user.uid}`, note: user.home };
}

/** Where the user's own programs are. */
function userBin(user: LabUser): string {
  return join(user.home, ".local/bin");
}

/** The user's PATH. */
export function userPath(user: LabUser): string {
  return `${userBin(user)}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** The command line and environment that run `argv` as `user`, with nothing of the caller's environment but `env`. */
export function asUser(
  user: LabUser,
  argv: readonly string[],
  { env }: { env: Record<string, string> },
): { argv: string[]; env: Record<string, string> } {
  const all: Record<string, string> = {
    HOME: user.home,
    USER: user.name,
    LOGNAME: user.name,
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    PATH: userPath(user),
    DENO_DIR: denoDir(user),
    ...env,
  };
  // Values travel in the environment, not in the command line, where everybody could read them.
  const foreign = Object.keys(Deno.env.toObject()).filter((name) => !(name in all));
  return {
    argv: [
      ...["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups"],
      ...["--inh-caps=-all", "--ambient-caps=-all", "--"],
      ...["env", ...foreign.map((name) => `--unset=${name}`), "--", ...argv],
    ],
    env: all,
  };
}

/** Runs a short command as the user and gives back what it printed. */
export async function runAsUser(
  user: LabUser,
  argv: readonly string[],
  { env = {}, cwd = user.home, timeoutMs = 30_000 }: {
    env?: Record<string, string>;
    cwd?: string;
    timeoutMs?: number;
  } = {},
): Promise<string> {
  const command = Deno.uid() === 0 ? asUser(user, argv, { env }) : { argv, env };
  return (await runProcess(command.argv, { env: command.env, cwd, timeoutMs })).stdout;
}

function denoDir(user: LabUser): string {
  return join(user.home, ".cache/deno");
}

async function findUser(name: string): Promise<LabUser | undefined> {
  const { code, stdout } = await runProcess(["getent", "passwd", name], { okCodes: [0, 2] });
  if (code !== 0) return undefined;
  const [, , uid, gid, , home] = stdout.trim().split(":");
  return { name, uid: Number(uid), gid: Number(gid), home: home! };
}

async function joinGroups(user: LabUser): Promise<void> {
  const { stdout } = await runProcess(["id", "-Gn", user.name]);
  const have = stdout.trim().split(" ");
  for (const group of engineGroups.filter((group) => !have.includes(group))) {
    // The group comes with the engine's package; without the engine it is not missed.
    await runProcess(["usermod", "--append", "--groups", group, user.name], { okCodes: [0, 6] });
  }
}

async function ensureKey(user: LabUser): Promise<void> {
  const key = join(user.home, ".ssh/id_ed25519");
  if (exists(key) && exists(`${key}.pub`)) return;
  // Where packages cannot be had there may be none of OpenSSH, and then there are no containers either.
  if ((await runProcess(["which", "ssh-keygen"], { okCodes: [0, 1] })).code !== 0) return;
  await Deno.remove(key).catch(() => {});
  await makeOwnDirectory(user, dirname(key), 0o700);
  await runAsUser(user, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", `${user.name}@lab`, "-f", key]);
}

/** Copies the running Deno, which may be in a home that only root can read, and the packages that it has fetched. */
async function ensureDeno(user: LabUser): Promise<void> {
  const source = Deno.execPath();
  const target = join(userBin(user), "deno");
  const [from, to] = [Deno.statSync(source), exists(target) ? Deno.statSync(target) : undefined];
  if (from.size !== to?.size || from.mtime?.getTime() !== to.mtime?.getTime()) {
    await makeOwnDirectory(user, dirname(target), 0o755);
    await Deno.remove(target).catch(() => {});
    await runProcess(["install", "--preserve-timestamps", "--mode=755", "--", source, target]);
  }
}

/** Gives the user the packages that the checkout needs: copies of the caller's, which may be all there is offline. */
export async function ensureDenoPackages(state: LabState, checkout: string): Promise<string> {
  const user = state.user!;
  const lock = await Deno.readTextFile(join(checkout, "deno.lock"));
  const key = `${shortHash(lock)} ${Deno.version.deno}`;
  if (state.known["denoPackages"]?.key === key && exists(denoDir(user))) return "all there";
  const packages = join(Deno.env.get("DENO_DIR") || join(Deno.env.get("HOME") ?? "/root", ".cache/deno"), "npm");
  await makeOwnDirectory(user, denoDir(user), 0o755);
  if (exists(packages)) {
    await runProcess(["cp", "-r", "--update=none", "--", packages, denoDir(user)]);
    await runProcess(["chown", "-R", `${user.uid}:${user.gid}`, join(denoDir(user), "npm")]);
  }
  await runAsUser(user, ["deno", "install", "--frozen", "--quiet"], {
    env: callerEnvironment(),
    cwd: checkout,
    timeoutMs: 120_000,
  });
  state.known["denoPackages"] = { key, value: "" };
  return "installed";
}

/** Both clients greet a user at their first run, on stderr, and LXD's makes a key pair: do that now. */
async function ensureClients(user: LabUser): Promise<void> {
  for (const [program, directory] of [["lxc", ".config/lxc"], ["incus", ".config/incus"]] as const) {
    if (exists(join(user.home, directory))) continue;
    await makeOwnDirectory(user, join(user.home, directory), 0o700);
    await runAsUser(user, [program, "remote", "list"]).catch(() => {});
  }
}

async function makeOwnDirectory(user: LabUser, path: string, mode: number): Promise<void> {
  if (exists(path)) return;
  if (path.startsWith(`${user.home}/`)) await makeOwnDirectory(user, dirname(path), 0o755);
  await Deno.mkdir(path, { mode });
  await Deno.chown(path, user.uid, user.gid);
}

/**
 * Removes the user with its home, after ending whatever still runs as it: the user is the lab's, and so is all of that.
 */
export async function removeUser(user: LabUser): Promise<void> {
  await runProcess(["pkill", "-KILL", "-U", String(user.uid)], { okCodes: [0, 1] });
  // Exit status 12: the home was there no longer. userdel warns of a mailbox that there never was.
  await runProcess(["userdel", "--force", "--remove", user.name], { okCodes: [0, 12] });
}
