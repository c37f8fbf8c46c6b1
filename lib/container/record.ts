/**
 * The record of a container: facts from create.ts that do not change, such as its engine, its server and its user. It
 * lies beside the container's directories, where no container can write. A record is a hint: code that asks the engine
 * compares the two, and the engine wins.
 */

import { dirname } from "@std/path";
import type { Host } from "../base/host.ts";
import { parseTable, readJson, writeJson } from "../base/json_file.ts";
import { lockFile } from "../base/lock.ts";
import { quoteWords } from "../base/shell_words.ts";
import type { Engine, EngineCli } from "../engine/engine.ts";
import { type ServerRecord, serverRecord } from "../engine/server.ts";
import { containerRecordPath, lockPath, type Mounts } from "./paths.ts";
import { type ContainerUser, formatUser } from "./user.ts";

export interface ContainerRecord {
  engine: EngineCli;
  server: ServerRecord;
  /** Its user, as `formatUser` writes it. */
  user: string;
  /** The cluster member that it was made on; "none" without a cluster. */
  location: string;
  /** Its last known address. */
  address?: string;
}

/**
 * Writes the record of a container, replacing an older one.
 *
 * @param container `location`: the cluster member that it was made on, or "none"
 */
export async function writeContainerRecord(
  host: Host,
  { engine, mounts }: { engine: Engine; mounts: Mounts },
  { user, location }: { user: ContainerUser; location: string },
): Promise<void> {
  const { cli, server } = engine;
  const record: ContainerRecord = { engine: cli, server: serverRecord(server), user: formatUser(user), location };
  const path = containerRecordPath(mounts);
  await host.change(`write ${quoteWords([path])}`, () => writeJson(path, record));
}

/** The record of a container; undefined if it is missing or not valid. */
export async function readContainerRecord(mounts: Pick<Mounts, "directory">): Promise<ContainerRecord | undefined> {
  const text = await Deno.readTextFile(containerRecordPath(mounts)).catch(() => "");
  const { engine, server, user, location, address = "" } = (parseTable(text) ?? {}) as Partial<ContainerRecord>;
  const texts = [server?.remote, server?.project, user, location];
  const isRecord = (engine === "lxc" || engine === "incus") && texts.every((text) => typeof text === "string");
  const known = /^[\da-f:.]{2,45}$/i.test(address) ? { address } : {};
  return isRecord ? { engine, server, user, location, ...known } as ContainerRecord : undefined;
}

/** Writes a container's address into its record, if it has a record. */
export async function recordAddress(
  { host, mounts }: { host: Pick<Host, "signal">; mounts: Pick<Mounts, "directory"> },
  address: string,
): Promise<void> {
  using _turn = await lockFile(lockPath(dirname(mounts.directory)), { signal: host.signal });
  const record = await readJson(containerRecordPath(mounts));
  if (record) await writeJson(containerRecordPath(mounts), { ...record, address });
}
