/** What the lab has, what it lacks and why, and what it made: one JSON file that root writes and anyone reads. */

import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import type { ProcessIdentity } from "./daemons.ts";
import type { Lacks } from "./machine.ts";

/** The engines, by the name of their CLI. */
export const engineNames = ["lxc", "incus"] as const;

/** An engine, by the name of its CLI. */
export type EngineName = typeof engineNames[number];

/** The lab's own engines: those of Debian 13, and Incus 7 of its backports. */
export const labEngineNames = [...engineNames, "incus7"] as const;

/** One of the lab's own engines. */
export type LabEngine = typeof labEngineNames[number];

/** The versions of Incus that `incus` may mean in the lab. */
export const incusNames = ["6", "7"] as const;

/** A version of Incus that `incus` may mean in the lab. */
export type IncusName = typeof incusNames[number];

/** The desktops of the lab's user. */
export const desktopNames = ["x11", "wayland"] as const;

/** A desktop of the lab's user. */
export type DesktopName = typeof desktopNames[number];

/**
 * The seats of the lab's user: each has desktops, a bus and a sound server of its own, so that somebody may type at each.
 * The first is the lab's own; each other one is a lab in a directory of its own that has nothing else. Whole runs take no
 * more than four: somebody can test at the others meanwhile.
 */
export const seatNames = ["1", "2", "3", "4", "5", "6"] as const;

/** A seat of the lab's user. */
export type SeatName = typeof seatNames[number];

/** The variable that names the seat of a program that runs in the lab. */
export const seatVariable = "GUI_CONTAINER_LAB_SEAT";

/** The parts of the lab that a test may need. */
export const partNames = [
  "user",
  "display",
  "windowManager",
  "bus",
  "sound",
  "notifications",
  "userManager",
  "wayland",
  "xpra",
  "lxc",
  "incus",
  "incus7",
  "imageXpra",
  "xpra5",
  "cluster",
  "far",
  "lxdfar",
  "today",
] as const;

/** A part of the lab that a test may need. */
export type PartName = typeof partNames[number];

/** Parts that `lab up` does not make, each with the command that does. */
export const partsOnRequest: Readonly<Partial<Record<PartName, string>>> = {
  xpra5: "deno task lab xpra5",
  cluster: "deno task lab cluster up",
  far: "deno task lab cluster up",
  lxdfar: "deno task lab cluster up",
  today: "deno task lab today up",
};

/**
 * A part that is there, with its version and what is worth knowing about it; or why it is not: `cannot` where it could not
 * be made because this machine cannot have it.
 */
export type Part = { version: string; note?: string } | { missing: string; cannot?: true };

/** The ordinary user that the tests run as. */
export interface LabUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** What the lab changed on an engine. Only this is ever taken away again. */
export interface EngineRecord {
  /** The engine had no database when the lab first started it: all of its state is the lab's. */
  stateMade: boolean;
  pool?: string;
  network?: string;
  /** Devices of the default profile. */
  profileDevices: string[];
  /** Fingerprints of the images. */
  images: string[];
  /** A container of the image has booted. */
  booted?: boolean;
}

/** What is known of the servers of `lab cluster`. */
export interface ClusterRecord {
  /** The third byte of their network, 198.18.N.0/24. */
  subnet: number;
  /** The process that does as root what tests ask of it. */
  control?: ProcessIdentity;
}

/** The whole state. */
export interface LabState {
  parts: Record<PartName, Part>;
  user?: LabUser;
  /** What the machine lacked when the lab was last brought up. */
  lacks?: Lacks;
  /** Variables that make a program use the lab's display, bus and sound. */
  env: Record<string, string>;
  /** Those that are different on the Wayland desktop, see {@linkcode desktopEnvironment}. */
  waylandEnv: Record<string, string>;
  /** Daemons that the lab started, by name. */
  processes: Record<string, ProcessIdentity>;
  engines: Partial<Record<LabEngine, EngineRecord>>;
  /** The other servers: the cluster and those that stand alone. */
  cluster?: ClusterRecord;
  /** What the image of Debian testing that LXD has was made of. */
  today?: { recipe: string };
  /** Things outside of the state directory that the lab made, and takes away when it is purged; the packages stay. */
  made: { user?: boolean; hostXpra?: "pip"; xpraRepository?: string[]; packages?: string[] };
  /** Where xpra for the image comes from, once found. */
  xpraSource?: XpraSource;
  /** Answers that take long to find, each with the key that it is valid for. */
  known: Record<string, { key: string; value: string }>;
}

/** Where an xpra comes from: packages of a repository, or a wheel that was built here. */
export type XpraSource =
  | { kind: "debian" | "xpra.org"; version: string }
  | { kind: "wheel"; version: string; file: string };

/** A state in which nothing is there yet. */
function emptyState(): LabState {
  return {
    parts: missingEverywhere("the lab is not up"),
    env: {},
    waylandEnv: {},
    processes: {},
    engines: {},
    made: {},
    known: {},
  };
}

/** Every part as missing, for a reason that is one for those that `lab up` makes. */
export function missingEverywhere(reason: string): Record<PartName, Part> {
  const entries = partNames.map((name): [PartName, Part] => {
    const command = partsOnRequest[name];
    return [name, { missing: command ? `it is not made (${command})` : `${reason} (deno task lab up)` }];
  });
  return Object.fromEntries(entries) as Record<PartName, Part>;
}

/** Where the lab keeps its state, its logs and what is slow to make: `$GUI_CONTAINER_LAB_DIR`, or a fixed place. */
export function labDir(): string {
  const chosen = Deno.env.get("GUI_CONTAINER_LAB_DIR");
  if (chosen) return chosen;
  const system = "/var/lib/gui-container-lab";
  if (Deno.uid() === 0 || readState(system)?.user?.uid === Deno.uid()) return system;
  const home = Deno.env.get("HOME") ?? "/nonexistent";
  return join(Deno.env.get("XDG_STATE_HOME") || join(home, ".local/state"), "gui-container-lab");
}

/** The lab as it was last seen by `up`. Without one every part is missing, with that reason. */
export function labState(): LabState {
  return readState(labDir()) ?? emptyState();
}

/** The directory of a seat: {@linkcode labDir} for a lab that has its desktops and nothing else. */
export function seatDir(seat: string): string {
  return seat === seatNames[0] ? labDir() : join(labDir(), "seats", seat);
}

/** As {@linkcode labState}, of a seat; by default of the one that we run at. */
export function seatState(seat: string = Deno.env.get(seatVariable) ?? seatNames[0]): LabState {
  return readState(seatDir(seat)) ?? emptyState();
}

/**
 * The variables that make a program use one of the desktops, with the bus and the sound that both have in common.
 *
 * @example
 * ```ts
 * await runProcess(["grim", file], { env: desktopEnvironment(seatState(), "wayland") });
 * ```
 * @throws {UserError} when the lab has no such desktop
 */
export function desktopEnvironment(state: LabState, desktop: DesktopName): Record<string, string> {
  if (desktop === "x11") return state.env;
  const part = state.parts.wayland;
  if ("missing" in part) {
    throw new UserError(`The lab has no Wayland desktop: ${part.missing}`, { hint: "deno task lab up tries again" });
  }
  return { ...state.env, ...state.waylandEnv };
}

/** Where Incus 7 is kept: `root` has its programs, `state` is what its daemon keeps. */
export function incus7Dir(): string {
  return join(labDir(), "incus7");
}

/** The variables that make `incus` mean Incus 7, client and daemon, for a user with `path` as PATH. */
export function incus7Environment(path: string): Record<string, string> {
  return { PATH: `${join(incus7Dir(), "root/usr/bin")}:${path}`, INCUS_SOCKET: incus7Socket() };
}

function incus7Socket(): string {
  return join(incus7Dir(), "state/unix.socket");
}

/**
 * The variables that make `incus` and `lxc` know the servers of `lab cluster`: the remotes `m1`, `m2` and `m3` (one
 * cluster) and `far` for Incus, `lxdfar` for LXD. What is local is the lab's engine, as ever.
 *
 * @example
 * ```ts
 * await runProcess(["incus", "list", "m1:"], { env: clusterEnvironment() });
 * ```
 */
export function clusterEnvironment(): Record<string, string> {
  return { INCUS_CONF: join(clusterDir(), "clients/incus"), LXD_CONF: join(clusterDir(), "clients/lxc") };
}

/** As {@linkcode clusterEnvironment}, and what is local for `incus` is this member of the cluster. */
export function memberEnvironment(member: "m1" | "m2" | "m3"): Record<string, string> {
  return { ...clusterEnvironment(), INCUS_SOCKET: join(clusterDir(), member, "unix.socket") };
}

/** Where the servers of `lab cluster` keep their state. */
export function clusterDir(): string {
  return join(labDir(), "cluster");
}

/**
 * Why a test that needs `parts` has to be skipped; undefined when all of them are there. "incus" is the one that `incus`
 * means in our environment, see {@linkcode incus7Environment}.
 *
 * @example
 * ```ts
 * const reason = missingParts("lxc", "xpra", "imageXpra");
 * ```
 */
export function missingParts(...parts: readonly PartName[]): string | undefined {
  const state = labState();
  const reasons = parts.flatMap((name) => {
    const part = state.parts[name === "incus" && Deno.env.get("INCUS_SOCKET") === incus7Socket() ? "incus7" : name];
    return "missing" in part ? [`no ${name}: ${part.missing}`] : [];
  });
  return reasons.length > 0 ? reasons.join("; ") : undefined;
}

/** Writes the state, whole or not at all. */
export function saveState(state: LabState): void {
  const file = join(labDir(), "state.json");
  Deno.mkdirSync(labDir(), { recursive: true });
  Deno.writeTextFileSync(`${file}.new`, JSON.stringify(state, null, 2) + "\n", { mode: 0o644 });
  Deno.renameSync(`${file}.new`, file);
}

/** Keeps other runs out while `action` changes the lab: two at once would make everything twice. */
export async function withLock<T>(action: () => Promise<T>, options: { waiting: () => void }): Promise<T> {
  Deno.mkdirSync(labDir(), { recursive: true });
  using file = Deno.openSync(join(labDir(), "lock"), { create: true, write: true });
  if (!file.tryLockSync(true)) {
    options.waiting();
    await file.lock(true);
  }
  return await action();
}

function readState(dir: string): LabState | undefined {
  try {
    const empty = emptyState();
    const state = JSON.parse(Deno.readTextFileSync(join(dir, "state.json")));
    // A part that is newer than the state has not been looked at.
    return { ...empty, ...state, parts: { ...empty.parts, ...state.parts } };
  } catch (error) {
    // A file that a power cut left half written says no more than a missing one.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
