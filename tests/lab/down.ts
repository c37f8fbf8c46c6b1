/** Takes the lab down: what it started, and on request what it made. Nothing else. */

import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "./files.ts";
import { stopCluster } from "./cluster.ts";
import { hideCheckouts, mountPoints, runtimeDir } from "./checkout.ts";
import { isAlive, stopDaemon, until } from "./daemons.ts";
import { stopDesktop } from "./desktop.ts";
import { callSeat } from "./seat.ts";
import {
  answers,
  daemonName,
  engineFacts,
  engineRecord,
  ensureRunning,
  query,
  runAdmin,
  runClient,
  trialName,
} from "./engines.ts";
import { labDir, type LabEngine, labEngineNames, missingEverywhere, saveState, seatDir, seatNames } from "./state.ts";
import { type Lab, step } from "./steps.ts";
import { removeTodayImage } from "./today.ts";
import { removeUser } from "./user.ts";
import { stopWayland } from "./wayland.ts";
import { removeHostXpra } from "./xpra.ts";

/** How long instances and an engine's daemon may take to stop. */
const stopTimeoutMs = 60_000;

/** Stops what the lab started; with `purge` removes all that it made but Debian's packages. */
export async function takeDown(lab: Lab, { purge }: { purge: boolean }): Promise<void> {
  for (const seat of seatNames.filter((seat) => seat !== "1" && exists(seatDir(seat)))) {
    await step(lab, `seat ${seat}`, () => callSeat(seat, ["down", ...(purge ? ["--purge"] : [])]));
  }
  await step(lab, "cluster", () => stopCluster(lab, { purge }));
  if (purge) await step(lab, "today", () => removeTodayImage(lab));
  for (const engine of labEngineNames) {
    await step(lab, engine, () => purge ? purgeEngine(lab, engine) : stopEngine(lab, engine));
  }
  await step(lab, "desktops", async () => `${await stopWayland(lab) + await stopDesktop(lab)} daemons stopped`);
  await step(lab, "checkout", async () => `${await hideCheckouts()} taken away`);
  lab.state.parts = missingEverywhere("the lab is down");
  await Deno.remove(runtimeDir(), { recursive: true }).catch(() => {});
  if (!purge) return saveState(lab.state);
  await step(lab, "xpra", async () => {
    await removeHostXpra(lab.state);
    return lab.state.made.hostXpra ? "removed" : "not the lab's";
  });
  await step(lab, "user", async () => {
    if (!lab.state.made.user || !lab.state.user) return "not the lab's";
    await removeUser(lab.state.user);
    return "removed, with its home";
  });
  await step(lab, "state", async () => {
    await Deno.remove(labDir(), { recursive: true });
    return `${labDir()} removed`;
  });
  const { packages = [] } = lab.state.made;
  if (packages.length > 0) {
    lab.ui.status(`These packages that the lab installed stay: apt-get purge --autoremove ${packages.join(" ")}`);
  }
}

/** Stops an engine that the lab started, with everything that runs in it; one of somebody else's is left alone. */
async function stopEngine(lab: Lab, engine: LabEngine): Promise<string> {
  const name = daemonName(engine);
  const wasAlive = isAlive(lab.state.processes[name]);
  if (!wasAlive) {
    if (!lab.state.engines[engine]?.stateMade || await answers(engine)) return "not started by the lab";
    if (!leftRunning(engine)) return "not running";
    // The daemon was killed and its containers live on: only the daemon knows how to end them.
    const failed = await ensureRunning(lab, engine);
    if (failed) return "missing" in failed ? failed.missing : "";
  }
  if (!lab.state.engines[engine]?.stateMade) {
    // Its instances are its owner's, and live on without the daemon.
    await stopDaemon(lab.state, name, { graceMs: 30_000 });
    return "daemon stopped, instances left alone";
  }
  const stopped = await stopInstances(engine);
  await runAdmin(engine, ["shutdown", "--force", "--timeout", "30"], { okCodes: "any", timeoutMs: stopTimeoutMs });
  await until(() => !isAlive(lab.state.processes[name]), { timeoutMs: 5_000 });
  await stopDaemon(lab.state, name, { graceMs: 10_000 });
  return `stopped, with ${stopped} running instances`;
}

async function stopInstances(engine: LabEngine): Promise<number> {
  const instances = await query<{ name: string; status: string; project: string }[]>(
    engine,
    "/1.0/instances?recursion=1&all-projects=true",
  ) ?? [];
  const running = instances.filter(({ status }) => status !== "Stopped");
  await Promise.all(
    running.map(({ name, project }) =>
      runClient(engine, ["stop", "--force", "--project", project, name], {
        okCodes: "any",
        timeoutMs: stopTimeoutMs,
      })
    ),
  );
  return running.length;
}

/** Whether something of a killed daemon is still there: its bridge, its pool's mount, or a container. */
function leftRunning(engine: LabEngine): boolean {
  const { bridge, dir } = engineFacts[engine];
  return exists(`/sys/class/net/${bridge}`) || mountPoints().some((path) => path.startsWith(`${dir}/`));
}

/** All of an engine whose state is the lab's; else only what the lab added to it. */
async function purgeEngine(lab: Lab, engine: LabEngine): Promise<string> {
  const record = lab.state.engines[engine];
  if (!record) return "not the lab's";
  // Its pool and its bridge are best taken down by itself.
  if (record.pool && !await answers(engine)) await ensureRunning(lab, engine);
  const failures: string[] = [];
  if (await answers(engine)) failures.push(...await removeAdditions(lab, engine));
  if (!record.stateMade) {
    return failures.length > 0 ? `left: ${failures.join("; ")}` : "the lab's additions are removed";
  }
  const stopped = await stopEngine(lab, engine);
  await removeState(engine);
  delete lab.state.engines[engine];
  saveState(lab.state);
  return `${stopped}; its state is removed`;
}

/** Takes back, newest first, what the lab added to an engine. Gives back what could not be removed, and why. */
async function removeAdditions(lab: Lab, engine: LabEngine): Promise<string[]> {
  const record = engineRecord(lab, engine);
  const failures: string[] = [];
  const remove = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await runClient(engine, args, {
      okCodes: "any",
      timeoutMs: stopTimeoutMs,
    });
    if (code !== 0 && !/not found/i.test(stderr)) failures.push(`${args.join(" ")}: ${stderr.trim()}`);
  };
  if (record.stateMade) {
    const instances = await query<{ name: string; project: string }[]>(
      engine,
      "/1.0/instances?recursion=1&all-projects=true",
    ) ?? [];
    for (const { name, project } of instances) await remove("delete", "--force", "--project", project, name);
    // Those that tests published too: the pool keeps a copy of each, and cannot be removed before.
    record.images = (await query<{ fingerprint: string }[]>(engine, "/1.0/images?recursion=1") ?? [])
      .map(({ fingerprint }) => fingerprint);
  } else {
    await remove("delete", "--force", trialName);
  }
  for (const fingerprint of record.images) await remove("image", "delete", fingerprint);
  for (const device of record.profileDevices) await remove("profile", "device", "remove", "default", device);
  if (record.network) await remove("network", "delete", record.network);
  if (record.pool) await remove("storage", "delete", record.pool);
  return failures;
}

/** What is left of an engine that has been stopped: mounts, loop devices, the bridge, its directory's content. */
async function removeState(engine: LabEngine): Promise<void> {
  const { dir, logDir, bridge, table: name } = engineFacts[engine];
  for (const path of mountPoints().filter((path) => path.startsWith(`${dir}/`)).toReversed()) {
    await runProcess(["umount", "--lazy", "--", path], { okCodes: "any" });
  }
  const { stdout } = await runProcess(["losetup", "--json", "--list", "--output", "NAME,BACK-FILE"]);
  const loops = stdout.trim() === ""
    ? []
    : (JSON.parse(stdout) as { loopdevices: { name: string; "back-file": string }[] }).loopdevices;
  for (const { name, "back-file": file } of loops) {
    if (file.startsWith(`${dir}/`)) await runProcess(["losetup", "--detach", name], { okCodes: "any" });
  }
  if (exists(`/sys/class/net/${bridge}`)) {
    await runProcess(["ip", "link", "delete", bridge], { okCodes: "any" });
  }
  // The firewall table of the engine stays, empty; with anything in it, it is not ours.
  const table = await runProcess(["nft", "list", "table", "inet", name], { okCodes: "any" });
  if (table.code === 0 && /^table inet \w+ \{\s*\}\s*$/.test(table.stdout)) {
    await runProcess(["nft", "delete", "table", "inet", name], { okCodes: "any" });
  }
  for (const top of [dir, logDir]) {
    // The directories themselves are the package's.
    for (const { name } of exists(top) ? [...Deno.readDirSync(top)] : []) {
      await Deno.remove(join(top, name), { recursive: true });
    }
  }
}
