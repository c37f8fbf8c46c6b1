/** Snapshots of instances, and copies of a snapshot or an instance. */

import type { Host } from "../base/host.ts";
import { type Device, devicesIn, listIn, tableIn, textIn, textsIn } from "./answer.ts";
import { apiPath, ifFound, type Instance, query, request, run } from "./engine.ts";

export interface Snapshot {
  /** When it was taken, ISO 8601. */
  created_at: string;
  /** The instance's own devices at that time. */
  devices: Readonly<Record<string, Device>>;
}

/** The snapshot of an instance; undefined when there is none of that name. */
export async function findSnapshot(
  host: Host,
  { engine, name: instance }: Instance,
  name: string,
): Promise<Snapshot | undefined> {
  const answer = await query(host, engine, `/1.0/instances/${instance}/snapshots/${name}`);
  if (answer === undefined) return undefined;
  const { created_at: created, devices } = tableIn(answer);
  return { created_at: textIn(created), devices: devicesIn(devices) };
}

/** Takes a snapshot of an instance's disk, running or not, which stays until the instance is removed. */
export async function takeSnapshot(host: Host, { engine, name: instance }: Instance, name: string): Promise<void> {
  // The date keeps "snapshots.expiry" of a profile from removing it.
  const snapshot = { name, stateful: false, expires_at: "0001-01-01T00:00:00Z" };
  await request(host, engine, { method: "POST", path: `/1.0/instances/${instance}/snapshots`, data: snapshot });
}

/** Removes a snapshot of an instance. Nothing happens when it is gone already. */
export async function deleteSnapshot(host: Host, { engine, name: instance }: Instance, name: string): Promise<void> {
  const path = apiPath(engine, `/1.0/instances/${instance}/snapshots/${name}`);
  await ifFound(run(host, engine, ["query", "--request", "DELETE", "--wait", path]));
}

/**
 * Whether a snapshot of an instance takes neither time nor space at first. In a storage pool of plain directories it is
 * a full copy.
 */
export async function hasCheapSnapshots(host: Host, { engine, name: instance }: Instance): Promise<boolean> {
  const pools = listIn(await query(host, engine, "/1.0/storage-pools?recursion=1")).map(tableIn);
  const path = `/1.0/instances/${instance}`;
  const pool = pools.find(({ used_by: users }) => textsIn(users).some((user) => user.split("?")[0] === path));
  return pool !== undefined && pool.driver !== "dir";
}

/**
 * Makes an instance as a copy of another one, with the same profiles. It does not run.
 *
 * @param options `source`: an instance, or a snapshot as `INSTANCE/SNAPSHOT`; `config` and `devices` replace the
 * source's own
 */
export async function copyInstance(host: Host, { engine, name }: Instance, { source, ...changes }: {
  source: string;
  config: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Device>>;
}): Promise<void> {
  const origin = { type: "copy", source, instance_only: true };
  await request(host, engine, { method: "POST", path: "/1.0/instances", data: { name, ...changes, source: origin } });
}
