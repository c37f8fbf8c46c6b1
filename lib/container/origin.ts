/**
 * The origin of a container's disposable copies: the snapshot that create.ts took at its end, or a copy of it that
 * `create.ts --update` has updated, whichever is newer.
 */

import bootCopy from "./boot_copy.sh" with { type: "text" };
import type { Host } from "../base/host.ts";
import { findRenewed, pristine } from "./disposables.ts";
import { mountDevices } from "./mounts.ts";
import { inTurn } from "../base/lock.ts";
import { idsLockPath, type Mounts } from "./paths.ts";
import { copyOfKey, findManaged } from "./managed.ts";
import { type ContainerUser, plannedUser, userOf } from "./user.ts";
import { all } from "../base/promises.ts";
import { withValues } from "../base/shell_words.ts";
import type { Instance } from "../engine/engine.ts";
import { findInstance, protectionKey } from "../engine/instance.ts";
import type { Device } from "../engine/answer.ts";
import { pushFile } from "../engine/instance_files.ts";
import { copyInstance, findSnapshot, type Snapshot } from "../engine/snapshot.ts";

export interface Origin extends Snapshot {
  /** The container's name. */
  source: string;
  /** The snapshot or the instance: its name for the engine. */
  path: string;
  user: ContainerUser;
  /** The cluster member that the container is on, from which it may be moved; "none" without a cluster. */
  location: string;
}

/**
 * Finds the origin of a container's copies; undefined if there is none.
 *
 * @throws {UserError} when there is no such container
 */
export async function findOrigin(host: Host, source: Instance): Promise<Origin | undefined> {
  const { engine } = source;
  const path = `${source.name}/${pristine}`;
  const planned = { source: source.name, path, created_at: "", user: plannedUser, location: "none", devices: {} };
  return await host.look<Origin | undefined>(planned, async () => {
    const [instance, snapshot, renewed] = await all([
      findManaged(host, source),
      findSnapshot(host, source, pristine),
      findRenewed(host, source, { claim: false }),
    ]);
    const known = { source: source.name, user: userOf(instance), location: instance.location };
    const found = await all(renewed.map(({ name }) => findInstance(host, { engine, name })));
    const origins = [
      ...(snapshot ? [{ ...snapshot, path }] : []),
      ...found.flatMap((copy) => copy?.config[copyOfKey] === source.name ? [{ ...copy, path: copy.name }] : []),
    ];
    // An origin from the future, made while the clock was wrong, counts as the oldest.
    const madeMs = ({ created_at }: Snapshot): number =>
      Date.parse(created_at) > Date.now() ? 0 : Date.parse(created_at);
    const [newest] = origins.sort((a, b) => madeMs(b) - madeMs(a));
    return newest && { ...known, path: newest.path, created_at: newest.created_at, devices: newest.devices };
  });
}

/**
 * Makes the instance of a copy, without starting it.
 *
 * @param mounts the directories that it shares with this machine; undefined where it shares none
 */
export async function copyOrigin(
  host: Host,
  copy: Instance,
  { origin, mounts }: { origin: Origin; mounts: Mounts | undefined },
): Promise<void> {
  const options = {
    source: origin.path,
    // The engine must not start it again after a power cut.
    config: { [copyOfKey]: origin.source, "boot.autostart": "false", [protectionKey]: "false" },
    devices: copyDevices(origin, mounts),
  };
  await inTurn(host, { path: idsLockPath(host), act: () => copyInstance(host, copy, options) });
}

/** The SSH host key of a copy: the contents of its two files. */
export interface HostKey {
  privateKey: string;
  publicKey: string;
}

/**
 * Gives a copy an identity of its own before its first start. It pushes only two files, since each takes time. One of
 * them, boot_copy.sh, makes at boot whatever else systemd needs.
 *
 * @param hostKey replaces the host keys of the origin; undefined to keep those
 */
export async function giveIdentity(host: Host, instance: Instance, hostKey?: HostKey): Promise<void> {
  const id = `${crypto.randomUUID().replaceAll("-", "")}\n`;
  const inLine = (text = ""): string => text.replaceAll("\n", "\\n");
  const values = { key: inLine(hostKey?.privateKey), public_key: inLine(hostKey?.publicKey) };
  const path = "/etc/systemd/system-generators/cloud-init-generator";
  await all([
    pushFile(host, instance, { path: "/etc/machine-id", mode: "0444", stdin: { text: id } }),
    // Readable for root alone: it holds the private key.
    pushFile(host, instance, { path, mode: "0700", stdin: { text: `#!/bin/sh\n${withValues(bootCopy, values)}` } }),
  ]);
}

/**
 * The devices of a copy, which replace the container's. Only the root disk and network cards stay: other devices share
 * files of the host, or ports that only one instance can use. Devices of profiles stay.
 *
 * @param mounts the directories that it shares with this machine; undefined where it shares none
 */
export function copyDevices(
  { devices, user, location }: Pick<Origin, "devices" | "user" | "location">,
  mounts: Mounts | undefined,
): Record<string, Device> {
  const others = Object.entries(devices).filter(([, { type, path }]) =>
    !(type === "none" || type === "nic" || type === "disk" && path === "/")
  );
  return {
    ...Object.fromEntries(others.map(([name]) => [name, { type: "none" }])),
    ...(mounts ? mountDevices(mounts, user, { mayMove: location !== "none" }) : {}),
  };
}
