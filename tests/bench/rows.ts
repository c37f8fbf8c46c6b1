/** The rows of the bench: each the same work by the original's sequence of steps, by hand as fast as can be, and by us. */

// @ts-types="../../lib/types/std_path.d.ts"
import { fromFileUrl, join } from "@std/path";
import { runProcess, startProcess } from "../../lib/process.ts";
import type { PartName } from "../lab/state.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const engine = "lxc";
const image = "gui-lab";
const home = Deno.env.get("HOME")!;
const mounts = Deno.env.get("GUI_CONTAINER_MOUNTS") ?? join(home, "container_mounts");
const key = join(home, ".ssh", "id_ed25519.pub");
const light = "#cloud-config\ndisable_root: true\n";
const heavy = "#cloud-config\npackage_update: true\npackages: [sl]\n";

/** One way to do the work of a row. */
export interface Column {
  name: string;
  /** Does it once, tidies up, and returns the seconds that the work took. */
  run(): Promise<number>;
}

/** One row. */
export interface Row {
  name: string;
  needs: readonly PartName[];
  before?(): Promise<void>;
  after?(): Promise<void>;
  columns: readonly Column[];
}

async function run(...argv: string[]): Promise<string> {
  return (await runProcess(argv, { stdin: "null", cwd: root })).stdout;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

async function cloudConfig(name: string, text: string): Promise<string> {
  const path = join(home, `bench-${name}.yaml`);
  await Deno.writeTextFile(path, text);
  return path;
}

async function ours(name: string, config: string, ...options: string[]): Promise<number> {
  const taken = await seconds(() =>
    run("./create.ts", "--quiet", "--image", image, ...options, name, key, "profiles/gui.yaml", config)
  );
  await run("./create.ts", "--quiet", "--delete", "--force", name);
  return taken;
}

/** Launch and wait: what no way of making a container can do without. */
async function floor(name: string, userData: string): Promise<number> {
  const taken = await seconds(async () => {
    await run(engine, "launch", image, name, "--config", `user.user-data=${userData}`);
    await run(engine, "exec", name, "--", "cloud-init", "status", "--wait");
  });
  await run(engine, "delete", "--force", name);
  return taken;
}

/** The original's steps in its order: profile, mounts, launch, wait, devices, keys, and a second boot. */
async function original(name: string, userData: string): Promise<number> {
  const directory = join(mounts, name);
  const taken = await seconds(async () => {
    await run(engine, "profile", "create", name);
    await run(engine, "profile", "set", name, "user.user-data", userData);
    await run("mkdir", "-p", join(directory, "xpra"), join(directory, "share"));
    await run(engine, "launch", image, name, "--profile", "default", "--profile", name);
    await run(engine, "exec", name, "--", "cloud-init", "status", "--wait");
    for (const path of ["xpra", "share"]) {
      const uid = JSON.parse(await run(engine, "config", "get", name, "volatile.idmap.current"))[0].Hostid + 1000;
      await run("setfacl", "-m", `u:${uid}:rwx,d:u:${uid}:rwx`, join(directory, path));
      const target = path === "xpra" ? "/home/ubuntu/.xpra" : "/home/ubuntu/share";
      await run(
        engine,
        "config",
        "device",
        "add",
        name,
        path,
        "disk",
        `source=${join(directory, path)}`,
        `path=${target}`,
      );
    }
    await run(
      engine,
      "exec",
      name,
      "--",
      "install",
      "-d",
      "-o",
      "ubuntu",
      "-g",
      "ubuntu",
      "-m",
      "700",
      "/home/ubuntu/.ssh",
    );
    await run(
      engine,
      "file",
      "push",
      key,
      `${name}/home/ubuntu/.ssh/authorized_keys`,
      "--uid=1000",
      "--gid=1000",
      "--mode=600",
    );
    await run(engine, "restart", name);
    await run(engine, "exec", name, "--", "cloud-init", "status", "--wait");
  });
  await run(engine, "delete", "--force", name);
  await run(engine, "profile", "delete", name);
  await run("rm", "-rf", directory);
  return taken;
}

/** Command to first window, then the end of the session. */
async function firstWindow(name: string, ...options: string[]): Promise<number> {
  const startMs = performance.now();
  const attach = startProcess(["./attach.ts", "--quiet", ...options, name, "xclock"], { stdin: "null", cwd: root });
  const taken = await windowAfter(startMs, `xclock \\[${name}\\]`);
  await run("./attach.ts", "--quiet", "--stop", name, "--all");
  await attach.ended;
  return taken;
}

/** The original's attach: xpra's own start over SSH, asking once a second whether it is there, then the client. */
async function originalWindow(name: string): Promise<number> {
  const startMs = performance.now();
  // A display and a socket by chance, as the original had them.
  const display = 100 + Math.floor(Math.random() * 1_000);
  const socket = join(mounts, name, "xpra", `bench-${display}`);
  const { state } = JSON.parse(await run(engine, "query", `/1.0/instances/${name}?recursion=1`));
  const address = Object.values<{ addresses: { family: string; scope: string; address: string }[] }>(state.network)
    .flatMap(({ addresses }) => addresses).find(({ family, scope }) => family === "inet" && scope === "global")!
    .address;
  const ssh = [
    "ssh",
    "-o",
    `UserKnownHostsFile=${join(mounts, name, "known_hosts")}`,
    "-o",
    `HostKeyAlias=${name}`,
    `ubuntu@${address}`,
  ];
  await run(
    ...ssh,
    `xpra start :${display} --start-child=xclock --exit-with-children=yes --bind=/home/ubuntu/.xpra/bench-${display} --socket-permissions=660 --mdns=no </dev/null >/dev/null 2>&1`,
  );
  for (let tries = 0; tries < 30; tries++) {
    const { code } = await runProcess(["xpra", "version", `socket:${socket}`], { stdin: "null", okCodes: "any" });
    if (code === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  const client = startProcess(["xpra", "attach", `socket:${socket}`, "--title=@title@ [original]"], { stdin: "null" });
  const taken = await windowAfter(startMs, "xclock \\[original\\]");
  await run(...ssh, `xpra stop :${display} </dev/null >/dev/null 2>&1; rm -f .xpra/bench-${display}`);
  client.kill("SIGTERM");
  await client.ended;
  return taken;
}

async function windowAfter(startMs: number, title: string): Promise<number> {
  const find = ["xdotool", "search", "--onlyvisible", "--name", title];
  for (let tries = 0; tries < 1_500; tries++) {
    if ((await runProcess(find, { stdin: "null", okCodes: "any" })).code === 0) {
      return (performance.now() - startMs) / 1000;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`No window "${title}"`);
}

const attachNeeds = ["user", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;
const makeBench = async (): Promise<void> => {
  await runProcess(["./create.ts", "--delete", "--force", "bench"], { stdin: "null", cwd: root, okCodes: "any" });
  await run(
    "./create.ts",
    "--quiet",
    "--yes",
    "--image",
    image,
    "bench",
    key,
    "profiles/gui.yaml",
    await cloudConfig("light", light),
  );
};
const removeBench = async (): Promise<void> => {
  await run("./create.ts", "--quiet", "--delete", "--force", "bench");
};

/** All rows, in the order of the table. */
export const rows: readonly Row[] = [
  {
    name: "create, light cloud-config",
    needs: ["user"],
    columns: [
      { name: "the original's sequence", run: () => original("bench-original", light) },
      { name: "by hand", run: () => floor("bench-floor", light) },
      { name: "create.ts", run: async () => await ours("bench-ours", await cloudConfig("light", light)) },
    ],
  },
  {
    name: "create again, a package in the recipe",
    needs: ["user"],
    columns: [
      { name: "the original's sequence", run: () => original("bench-original", heavy) },
      { name: "by hand", run: () => floor("bench-floor", light) },
      {
        name: "create.ts --cache",
        run: async () => await ours("bench-ours", await cloudConfig("heavy", heavy), "--cache"),
      },
    ],
  },
  {
    name: "attach to first window, sound closed",
    needs: attachNeeds,
    before: makeBench,
    after: removeBench,
    columns: [
      { name: "the original's sequence", run: () => originalWindow("bench") },
      { name: "attach.ts", run: () => firstWindow("bench", "--deny", "sound") },
    ],
  },
  {
    name: "attach to first window, sound open",
    needs: [...attachNeeds, "sound"],
    before: makeBench,
    after: removeBench,
    columns: [{ name: "attach.ts", run: () => firstWindow("bench") }],
  },
];
