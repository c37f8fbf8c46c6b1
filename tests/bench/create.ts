/** Rows: making a container. */

import { join } from "@std/path";
import type { Row } from "./row.ts";
import { cloudConfig, engine, image, mounts, publicKey, run, seconds } from "./world.ts";

const light = "#cloud-config\ndisable_root: true\n";
const heavy = "#cloud-config\npackage_update: true\npackages: [sl]\n";

async function ours(name: string, config: string, ...options: string[]): Promise<number> {
  const taken = await seconds(() =>
    run(["./create.ts", "--quiet", "--image", image, ...options, name, publicKey, "profiles/gui.yaml", config])
  );
  await run(["./create.ts", "--quiet", "--delete", "--force", name]);
  return taken;
}

/** Launch and wait: what no way of making a container can do without. */
async function byHand(name: string, userData: string): Promise<number> {
  const taken = await seconds(async () => {
    await run([engine, "launch", image, name, "--config", `user.user-data=${userData}`]);
    await run([engine, "exec", name, "--", "cloud-init", "status", "--wait"]);
  });
  await run([engine, "delete", "--force", name]);
  return taken;
}

/** The original's steps in its order: profile, mounts, launch, wait, devices, keys, and a second boot. */
async function original(name: string, userData: string): Promise<number> {
  const directory = join(mounts, name);
  const taken = await seconds(async () => {
    await run([engine, "profile", "create", name]);
    await run([engine, "profile", "set", name, `user.user-data=${userData}`]);
    await run(["mkdir", "-p", join(directory, "xpra"), join(directory, "share")]);
    await run([engine, "launch", image, name, "--profile", "default", "--profile", name]);
    await run([engine, "exec", name, "--", "cloud-init", "status", "--wait"]);
    for (const [device, target] of [["xpra", "/home/ubuntu/.xpra"], ["share", "/home/ubuntu/share"]] as const) {
      const uid = JSON.parse(await run([engine, "config", "get", name, "volatile.idmap.current"]))[0].Hostid + 1000;
      const source = join(directory, device);
      await run(["setfacl", "-m", `u:${uid}:rwx,d:u:${uid}:rwx`, source]);
      await run([engine, "config", "device", "add", name, device, "disk", `source=${source}`, `path=${target}`]);
    }
    const ssh = ["install", "-d", "-o", "ubuntu", "-g", "ubuntu", "-m", "700", "/home/ubuntu/.ssh"];
    await run([engine, "exec", name, "--", ...ssh]);
    const keys = `${name}/home/ubuntu/.ssh/authorized_keys`;
    await run([engine, "file", "push", publicKey, keys, "--uid=1000", "--gid=1000", "--mode=600"]);
    await run([engine, "restart", name]);
    await run([engine, "exec", name, "--", "cloud-init", "status", "--wait"]);
  });
  await run([engine, "delete", "--force", name]);
  await run([engine, "profile", "delete", name]);
  await run(["rm", "-rf", directory]);
  return taken;
}

/** Removes what a bench that was killed has left. */
async function removeLeftovers(): Promise<void> {
  await run(["./create.ts", "--quiet", "--delete", "--force", "bench-ours"], { okCodes: "any" });
  for (const name of ["bench-original", "bench-floor"]) {
    await run([engine, "delete", "--force", name], { okCodes: "any" });
    await run([engine, "profile", "delete", name], { okCodes: "any" });
    await run(["rm", "-rf", join(mounts, name)]);
  }
}

/** All rows about create.ts. */
export const createRows: readonly Row[] = [
  {
    measures: [{ name: "create, light cloud-config", unit: "s" }],
    needs: ["user", "lxc"],
    rounds: 4,
    before: removeLeftovers,
    ways: {
      original: async () => [await original("bench-original", light)],
      hand: async () => [await byHand("bench-floor", light)],
      ours: async () => [await ours("bench-ours", await cloudConfig("light", light))],
    },
  },
  {
    measures: [{ name: "create again, a package in the recipe, `--cache`", unit: "s" }],
    needs: ["user", "lxc"],
    rounds: 3,
    before: removeLeftovers,
    ways: {
      original: async () => [await original("bench-original", heavy)],
      hand: async () => [await byHand("bench-floor", light)],
      ours: async () => [await ours("bench-ours", await cloudConfig("heavy", heavy), "--cache")],
    },
  },
];
