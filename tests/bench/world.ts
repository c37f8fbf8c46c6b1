/** What the rows of the bench have in common: running programs, their container, and looking at the display. */

import { fromFileUrl, join } from "@std/path";
import { type ProcessOptions, runProcess, startProcess } from "../../lib/base/process.ts";

/** The checkout. */
export const root = fromFileUrl(new URL("../..", import.meta.url));

/** The engine that is measured. */
export const engine = "lxc";

/** The image that all containers are made of. */
export const image = "gui-lab";

/** The lab user's home. */
export const home = Deno.env.get("HOME")!;

/** Where the scripts put their directories. */
export const mounts = Deno.env.get("GUI_CONTAINER_MOUNTS") ?? join(home, "container_mounts");

/** The lab user's public key. */
export const publicKey = join(home, ".ssh", "id_ed25519.pub");

/** Runs a program in the checkout and gives back what it prints. */
export async function run(argv: readonly string[], options: Partial<ProcessOptions> = {}): Promise<string> {
  return (await runProcess(argv, { cwd: root, ...options })).stdout;
}

/** The seconds that some work takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Writes a cloud-config file into the user's home, where create.ts can read it. */
export async function cloudConfig(name: string, text: string): Promise<string> {
  const path = join(home, `bench-${name}.yaml`);
  await Deno.writeTextFile(path, text);
  return path;
}

/** The container of all rows about sessions, with the programs that they show. */
export const container = "bench-attach";

let made = false;

/** Makes the container, once a run. */
export async function makeContainer(): Promise<void> {
  if (made) return;
  const packages = "#cloud-config\npackages: [mpv, ffmpeg, python3-xlib, glmark2-es2-wayland]\n";
  await runProcess(["./create.ts", "--quiet", "--delete", "--force", container], {
    cwd: root,
    okCodes: "any",
  });
  const config = await cloudConfig("session", packages);
  await run(["./create.ts", "--quiet", "--yes", "--image", image, container, publicKey, "profiles/gui.yaml", config]);
  made = true;
}

/** Removes what {@linkcode makeContainer} made. */
export async function removeContainer(): Promise<void> {
  if (made) await run(["./create.ts", "--quiet", "--delete", "--force", container]);
  made = false;
}

/** The container's IPv4 address. */
export async function address(): Promise<string> {
  const { state } = JSON.parse(await run([engine, "query", `/1.0/instances/${container}?recursion=1`]));
  const networks = Object.values<{ addresses: { family: string; scope: string; address: string }[] }>(state.network);
  const found = networks.flatMap(({ addresses }) => addresses)
    .find(({ family, scope }) => family === "inet" && scope === "global");
  if (!found) throw new Error(`"${container}" has no address`);
  return found.address;
}

/** A look at the display or the sound server that goes on while something else happens. */
export interface Probe<T> {
  /** What it saw. */
  seen: Promise<T>;
}

/** Starts `probe.py`, and waits until it looks. */
export async function probe<T>(...args: string[]): Promise<Probe<T>> {
  const ready = Promise.withResolvers<void>();
  const line = (text: string): void => {
    if (text === "ready") ready.resolve();
  };
  const running = startProcess(["/usr/bin/python3", join(root, "tests/bench/probe.py"), ...args], {
    output: { line },
  });
  const seen = running.ended.then(({ code, stdout, stderr }): T => {
    if (code !== 0) throw new Error(`probe.py ${args.join(" ")}: ${stderr}`);
    return JSON.parse(stdout.trim().split("\n").at(-1)!);
  });
  await Promise.race([ready.promise, seen]);
  return { seen };
}
