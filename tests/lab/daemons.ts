/** Programs that outlive the lab's own process, known by an identity that a recycled process id does not have. */

import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { asUser } from "./user.ts";
import { labDir, type LabState, type LabUser, type Part, saveState } from "./state.ts";

/** One process of one boot of one machine. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to its start: field 22 of /proc/PID/stat, see proc_pid_stat(5). */
  startTicks: number;
  bootId: string;
}

/** How a daemon is started. */
export interface DaemonOptions {
  /** Who it runs as; root when absent. */
  user?: LabUser | undefined;
  /** Its environment beyond what the user gets anyway. */
  env?: Record<string, string>;
  /** A file for its standard output alone; the log has it otherwise. */
  stdoutFile?: string;
}

/** Redirects itself, so that nothing of the daemon hangs on our own streams; `$1` is the log, `$2` stdout's file. */
const redirect = 'log=$1 out=$2; shift 2; exec 2>>"$log" >>"$out"; exec "$@"';

/** Starts a daemon, and records it in the state (saved at once). Does not wait for it. */
export function startDaemon(
  state: LabState,
  name: string,
  argv: readonly string[],
  options: DaemonOptions = {},
): ProcessIdentity {
  const identity = launchDaemon(name, argv, options);
  state.processes[name] = identity;
  saveState(state);
  return identity;
}

/** Starts a daemon in a session of its own, without a record. Does not wait for it. */
export function launchDaemon(name: string, argv: readonly string[], options: DaemonOptions = {}): ProcessIdentity {
  const log = daemonLog(name);
  Deno.mkdirSync(join(labDir(), "logs"), { recursive: true });
  Deno.writeTextFileSync(log, `--- ${new Date().toISOString()} ${argv.join(" ")}\n`, { append: true });
  const command = options.user
    ? asUser(options.user, argv, { env: options.env ?? {} })
    : { argv, env: options.env ?? {} };
  const child = startProcess(
    ["sh", "-c", redirect, "sh", log, options.stdoutFile ?? log, ...command.argv],
    { output: "inherit", env: command.env, cwd: "/", detached: true },
  );
  const identity = identify(child.pid);
  if (!identity) throw new Error(`The daemon "${name}" ended at once`);
  return identity;
}

/** Where a daemon's output goes. */
export function daemonLog(name: string): string {
  return join(labDir(), "logs", `${name}.log`);
}

/** The end of a daemon's output, for an error. */
export function logTail(name: string): string {
  try {
    return Deno.readTextFileSync(daemonLog(name)).trimEnd().split("\n").slice(-10).join("\n");
  } catch {
    return "";
  }
}

/** Whether the very process that was recorded still runs. */
export function isAlive(identity: ProcessIdentity | undefined): boolean {
  if (!identity) return false;
  const now = identify(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/**
 * Ends a recorded daemon and what it left in its session, by SIGTERM and, when that is not heard within `graceMs`, by
 * SIGKILL. A process that only has its number is left alone.
 */
export async function stopDaemon(
  state: LabState,
  name: string,
  { graceMs = 5_000 }: { graceMs?: number } = {},
): Promise<boolean> {
  const alive = await endProcess(state.processes[name], { graceMs });
  delete state.processes[name];
  saveState(state);
  return alive;
}

/** As {@linkcode stopDaemon}, for one that the caller has a record of. */
export async function endProcess(
  identity: ProcessIdentity | undefined,
  { graceMs = 5_000 }: { graceMs?: number } = {},
): Promise<boolean> {
  if (!identity || !isAlive(identity)) return false;
  const others = sessionOf(identity);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    kill(identity.pid, signal);
    if (await until(() => !isAlive(identity), { timeoutMs: graceMs })) break;
  }
  for (const other of others.filter(isAlive)) kill(other.pid, "SIGKILL");
  return true;
}

/** Kills these processes and all that come from them, until `left` finds none any more. */
export async function killAll(left: () => Promise<number[]>): Promise<number> {
  const killed = new Set<number>();
  const gone = await until(async () => {
    const pids = await left();
    for (const pid of withDescendants(pids, parents())) {
      kill(pid, "SIGKILL");
      killed.add(pid);
    }
    return pids.length === 0;
  });
  if (!gone) throw new Error(`Processes do not end: ${(await left()).join(", ")}`);
  return killed.size;
}

/** `pids` and all that come from them, given the parent of each process. */
export function withDescendants(pids: readonly number[], parents: ReadonlyMap<number, number>): Set<number> {
  const all = new Set(pids);
  for (let before = -1; before !== all.size;) {
    before = all.size;
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
  }
  return all;
}

/** Polls until `condition` holds; false when the time is over. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 10_000 } = {},
): Promise<boolean> {
  for (const end = Date.now() + timeoutMs; !await condition();) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/** Waits until a daemon answers, and says why not when it does not. */
export async function ready(
  name: string,
  identity: ProcessIdentity,
  answers: () => Promise<boolean>,
  version: string,
  note?: string,
): Promise<Part> {
  const up = await until(async () => !isAlive(identity) || await answers()) && isAlive(identity);
  if (!up) return { missing: `${version} does not come up, see ${daemonLog(name)}: ${logTail(name)}` };
  return note ? { version, note } : { version };
}

/** Whether somebody listens on a Unix socket. */
export async function socketAnswers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

/** The identity of a running process; undefined for none and for one that is only waited for (a zombie). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && stat.state !== "Z" ? { pid, startTicks: stat.startTicks, bootId: bootId() } : undefined;
}

/** What else a running daemon started in its session, such as services that a message bus activated. */
function sessionOf(leader: ProcessIdentity): ProcessIdentity[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === leader.pid || readStat(pid)?.session !== leader.pid) return [];
    return identify(pid) ?? [];
  });
}

/** The parent of each process of the machine. */
function parents(): Map<number, number> {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
  return new Map(pids.flatMap((pid) => {
    const stat = readStat(pid);
    return stat ? [[pid, stat.parent]] : [];
  }));
}

function readStat(pid: number): { state: string; parent: number; session: number; startTicks: number } | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return {
      state: fields[0]!,
      parent: Number(fields[1]),
      session: Number(fields[3]),
      startTicks: Number(fields[19]),
    };
  } catch {
    return undefined;
  }
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

let boot: string | undefined;

function bootId(): string {
  return boot ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}
