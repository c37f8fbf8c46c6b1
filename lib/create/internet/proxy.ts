/**
 * The proxy of containers that can reach only the Internet. They have no network card, and reach the proxy, in a
 * container of its own, through two devices of the engine. It is made with the first such container, and removed with
 * the last.
 */

import type { Host } from "../../base/host.ts";
import { join } from "@std/path";
import { waitForCloudInit } from "../cloud_init.ts";
import { internetKey, userDataKey } from "../profile_file.ts";
import { hostRanges, proxyPort, proxyUserData, specialRanges } from "./proxy_config.ts";
import useScript from "./use_proxy.py" with { type: "text" };
import { hostNameOf, idsLockPath, mountsRoot } from "../../container/paths.ts";
import { type Engine, engineLine, environmentOf, type Instance, labelOf } from "../../engine/engine.ts";
import { exec } from "../../engine/exec.ts";
import { findInstance, updateInstance } from "../../engine/instance.ts";
import { deleteInstance, launch, maxLaunchMs, startInstance, waitForOperations } from "../../engine/lifecycle.ts";
import type { Device } from "../../engine/answer.ts";
import { listProfiles } from "../../engine/profile.ts";
import { sha256 } from "../../engine/image.ts";
import { causedBy, isFailure, isProcessError, NoEngine, orElse, UserError } from "../../base/errors.ts";
import { exists, removeFile } from "../../base/files.ts";
import { inTurn, lockFile } from "../../base/lock.ts";

/** A proxy, shared by all containers with the same rules and the same image. */
export interface Proxy extends Instance {
  /** The names of the hosts that may be reached; empty for any. */
  hosts: readonly string[];
}

/** The configuration key with the state of a proxy's container: "making by UID", or "ready" when it is complete. */
const stateKey = "user.gui-container.proxy";

/** The exit status of use_proxy.py if the proxy does not answer. */
const noProxy = 75;

/**
 * The proxy of containers with the same rules and the same image. It is made from that image, which may be hostile, so
 * containers of other images do not use it.
 *
 * @param hosts the hosts that may be reached, as `parseHosts` returns them; empty for any
 * @param image the image named on the command line; undefined for the engine's default
 */
export async function proxyFor(hosts: readonly string[], image: string | undefined): Promise<Omit<Proxy, "engine">> {
  const name = "gui-internet-proxy";
  if (hosts.length === 0 && image === undefined) return { name, hosts };
  const hash = await sha256([image ?? "", ...hosts].join());
  return { name: `${name}-${hash.slice(0, 8)}`, hosts };
}

/** The socket between a proxy and its users: on the engine's machine, in a directory that only root can write to. */
function socketOf({ engine: { cli, server: { project } }, name }: Instance): string {
  return `unix:/run/${[name, cli, ...(project === undefined ? [] : [project])].join("-")}.sock`;
}

/** The host's user "nobody", as whom a container's device connects to the proxy's socket. Only this user may. */
const nobody = "65534";

export function proxyDevice(proxy: Proxy): Device {
  return {
    type: "proxy",
    bind: "container",
    listen: `tcp:127.0.0.1:${proxyPort}`,
    connect: socketOf(proxy),
    "security.uid": nobody,
    "security.gid": nobody,
  };
}

/**
 * Refuses a cluster: its members share no sockets.
 *
 * @throws {UserError} exit code 1
 */
export async function refuseCluster(host: Host, engine: Engine): Promise<void> {
  if (!(await environmentOf(host, engine)).server_clustered) return;
  throw new UserError("A container with the Internet only cannot be made in a cluster", {
    hint: "Its proxy would have to be on the same member forever. Choose another profile, or a server of its own",
  });
}

/**
 * Makes the proxy if it is missing, and starts it if it does not run.
 *
 * @param options `image`: the image to make it from; `timeoutMs`: the time limit for its software
 * @throws {UserError} when it cannot be made, or when its name is taken
 */
export async function ensureProxy(
  host: Host,
  proxy: Proxy,
  { image, timeoutMs }: { image: string; timeoutMs: number },
): Promise<void> {
  const { engine, name } = proxy;
  const { ui } = host;
  ui.progress(`Looking for the proxy "${name}"`);
  await withProxyLock(host, proxy, async (uid) => {
    await waitForOperations(host, proxy);
    const found = await findInstance(host, proxy);
    const ranges = [...specialRanges, ...await hostRanges(host, engine)];
    const userData = proxyUserData({ ranges, hosts: proxy.hosts });
    if (found?.config[stateKey] === "ready") {
      if (found.config[userDataKey] !== userData) {
        const remove = engineLine(engine, ["delete", "--force", labelOf(proxy)]);
        ui.warn(
          `The proxy "${name}" was made when this machine had other networks, or by another version of create.ts. ` +
            `To have the next run of create.ts make it again: ${remove}`,
          { security: true },
        );
      }
      if (found.status !== "Running") await startInstance(host, proxy);
      return;
    }
    if (found && found.config[stateKey] === undefined) {
      throw new UserError(`The container "${name}" was not made by create.ts, and its name is needed`, {
        hint: `Give it another name: ${engineLine(engine, ["move", labelOf(proxy), "OTHER"])}`,
      });
    }
    const maker = `making by ${uid}`;
    if (found && found.config[stateKey] !== maker && Date.now() - Date.parse(found.created_at) < timeoutMs) {
      throw new UserError(`The proxy "${name}" is being made by another user's run`, { hint: "Wait until it is made" });
    }
    // Left incomplete by a killed run.
    if (found) await deleteInstance(host, proxy);
    ui.progress(`Making the proxy "${name}"`);
    await makeProxy(host, proxy, { image, timeoutMs, userData, maker });
  });
}

async function makeProxy(
  host: Host,
  proxy: Proxy,
  { image, timeoutMs, userData, maker }: { image: string; timeoutMs: number; userData: string; maker: string },
): Promise<void> {
  const options = {
    image,
    profiles: ["default"],
    config: {
      [stateKey]: maker,
      "security.nesting": "false",
      "security.privileged": "false",
      "security.idmap.isolated": "true",
      "linux.sysctl.net.ipv6.conf.all.disable_ipv6": "1",
      "linux.sysctl.net.ipv6.conf.default.disable_ipv6": "1",
      [userDataKey]: userData,
    },
  };
  await inTurn(host, { path: idsLockPath(host), act: () => launch(host, proxy, options), maxMs: maxLaunchMs });
  try {
    await waitForCloudInit(host, proxy, { timeoutMs });
    // If the image already has squid, it was started with other settings.
    await exec(host, proxy, ["/bin/sh", "-c", "systemctl daemon-reload && systemctl restart squid.service"]);
  } catch (error) {
    if (!isFailure(error) || error instanceof NoEngine) throw error;
    throw new UserError(`The proxy "${proxy.name}" cannot be made: ${error.message}`, {
      hint: `See whether a container of the image "${image}" reaches the distribution's archive by IPv4, for squid`,
      ...causedBy(error),
    });
  }
  const way = {
    type: "proxy",
    bind: "host",
    listen: socketOf(proxy),
    connect: `tcp:127.0.0.1:${proxyPort}`,
    uid: nobody,
    gid: nobody,
    mode: "0600",
  };
  await updateInstance(host, proxy, { devices: { way }, config: { [stateKey]: "ready" } });
}

/**
 * Configures the programs of a container to use its proxy.
 *
 * @throws {UserError} when the proxy does not answer
 */
export async function useProxy(host: Host, instance: Instance, proxy: Proxy): Promise<void> {
  const used = exec(host, instance, ["python3", "-c", useScript, `127.0.0.1:${proxyPort}`]);
  await orElse(used, isProcessError, (error) => {
    if (error.code !== noProxy) throw error;
    const log = ["exec", labelOf(proxy), "--", "journalctl", "--unit=squid"];
    throw new UserError(`The proxy "${proxy.name}" does not answer in "${instance.name}"`, {
      hint: `See what it says: ${engineLine(proxy.engine, log)}`,
      cause: error,
    });
  });
}

/**
 * Removes the proxy that a container uses, if no other container uses it. Must be called before the container's
 * profile, which names the proxy, is removed.
 *
 * @returns its name, if it was removed
 */
export async function removeUnusedProxy(
  host: Host,
  instance: Instance,
  { config: { [internetKey]: name } }: { config: Readonly<Record<string, string>> },
): Promise<string | undefined> {
  if (name === undefined) return undefined;
  const proxy = { engine: instance.engine, name };
  const isUsed = async (): Promise<boolean> =>
    (await listProfiles(host, proxy.engine)).some((other) =>
      other.name !== instance.name && other.config[internetKey] === name
    );
  // Checked without the lock first: a run that is making the proxy holds it for minutes, and has made its profile.
  if (await isUsed()) return undefined;
  return await withProxyLock(host, proxy, async (_uid, lock) => {
    if (await isUsed()) return undefined;
    await waitForOperations(host, proxy);
    if ((await findInstance(host, proxy))?.config[stateKey] === undefined) return undefined;
    await deleteInstance(host, proxy);
    if (lock) await removeFile(lock);
    return name;
  });
}

/**
 * Calls `act`, with the user's uid and the path of the lock, while no other run of the user makes or removes that proxy.
 */
async function withProxyLock<T>(
  host: Host,
  proxy: Instance,
  act: (uid?: number | null, lock?: string) => Promise<T>,
): Promise<T> {
  const root = mountsRoot(host);
  if (!await host.look(false, () => exists(root))) return await act();
  const path = join(root, `.${proxy.engine.cli}-${hostNameOf(proxy)}.lock`);
  using file = await lockFile(path, { signal: host.signal });
  return await act((await file.stat()).uid, path);
}
