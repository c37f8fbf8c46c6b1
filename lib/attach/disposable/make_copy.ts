/**
 * How a disposable copy of a container is made: from the snapshot that create.ts has taken. It shares nothing with the
 * container that it is a copy of: it has host ids, directories on the host, SSH host keys and a machine id of its own.
 */

import { join } from "@std/path";
import { UserError } from "../../base/errors.ts";
import { exists } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { all } from "../../base/settle.ts";
import { quoteWords } from "../../base/shell_words.ts";
import { withUndo } from "../../base/undo.ts";
import { beginCopy, type Copy, copyKey, pristine, removeCopy } from "../../container/copies.ts";
import { hostNameOf, makeMounts, mountDevices, type Mounts, mountsOf, shareMounts } from "../../container/mounts.ts";
import { findOurs } from "../../container/ours.ts";
import { recordOf, writeContainerRecord } from "../../container/record.ts";
import { knownHostsLines, pinHostKeys, sshConfigPath } from "../../container/ssh.ts";
import { type ContainerUser, plannedUser, userOf } from "../../container/user.ts";
import { type Engine, engineArgv } from "../../engine/engine.ts";
import { type Device, instanceHostUid, protectionKey } from "../../engine/instance.ts";
import { pushFile, removeFiles } from "../../engine/instance_files.ts";
import { copyInstance, findSnapshot } from "../../engine/snapshot.ts";
import { labelOf } from "../../engine/server.ts";

/** What copies are made of. */
export interface Origin {
  /** The container's name. */
  source: string;
  /** The snapshot, as the engine knows it. */
  path: string;
  /** The container's user. */
  user: ContainerUser;
  /** The member of a cluster that has the container, which may be moved; "none" where there is no cluster. */
  location: string;
  /** The devices of its own, without those of its profiles. */
  devices: Readonly<Record<string, Device>>;
}

/**
 * What copies of a container are made of.
 *
 * @throws {UserError} when there is no such container, or no snapshot of it
 */
export async function findOrigin(engine: Engine, source: string): Promise<Origin> {
  const path = `${source}/${pristine}`;
  if (engine.host.dryRun) {
    return { source, path, user: plannedUser, location: "none", devices: {} };
  }
  const [instance, snapshot] = await Promise.all([
    findOurs(engine, source),
    findSnapshot(engine, source, pristine),
  ]);
  const user = userOf(engine, instance);
  const known = { source, path, user, location: instance.location };
  const onServer = labelOf(engine.server, source);
  const take = engineArgv(engine, [...engine.snapshot.split(" "), onServer, pristine]);
  if (snapshot) {
    const days = ageInDays(snapshot.createdAt, Date.now());
    if (days > freshDays) {
      const update = engineArgv(engine, ["exec", onServer, "--", "unattended-upgrade"]);
      const remove = engineArgv(engine, engine.deleteSnapshot(onServer, pristine));
      engine.host.ui.warn(
        `What copies of "${source}" are made of is ${days} days old, and has had no updates since. If the container holds ` +
          `nothing private, renew it: ${[update, remove, take].map(quoteWords).join(" && ")}`,
        { security: true },
      );
    }
    return { ...known, devices: snapshot.devices };
  }
  throw new UserError(`"${source}" has no snapshot of how it was made`, {
    hint: `Take one, of which all copies will be made: ${quoteWords(take)}`,
  });
}

/** How long a snapshot may be without updates before the user is told. */
const freshDays = 30;

/** How many whole days ago an ISO 8601 date is. */
export function ageInDays(date: string, nowMs: number): number {
  return Math.floor((nowMs - Date.parse(date)) / 86_400_000);
}

/**
 * The devices of a copy in place of those that the container has of its own. Only the root disk and network cards stay:
 * others share files of the host's, or ports that only one can have. What profiles give stays.
 *
 * @param mounts the directories that it shares with this machine; undefined where it is remote
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

/** Makes a copy, which has not started. If a step fails, all is undone. */
export async function makeCopy(engine: Engine, origin: Origin): Promise<Copy> {
  return await withUndo(engine.host, async (undo) => {
    const copy = await beginCopy(engine, origin.source);
    undo.add(`remove the copy "${copy.name}"`, (cleaner) => removeCopy(cleaner, copy));
    await fill(engine, origin, copy);
    return copy;
  });
}

/** Makes the instance of a copy with all that is its own. */
async function fill(engine: Engine, origin: Origin, copy: Copy): Promise<void> {
  const { host } = engine;
  const { name, mounts } = copy;
  const shared = engine.server.isLocal;
  await makeMounts(host, mounts, { shared });
  await writeContainerRecord(host, mounts, recordOf(engine, origin));
  const [key] = await all([
    makeHostKey(host, mounts),
    copyInstance(engine, origin.path, {
      name,
      // After a power cut, the engine must not start it again.
      config: { [copyKey]: origin.source, "boot.autostart": "false", [protectionKey]: "false" },
      devices: copyDevices(origin, shared ? mounts : undefined),
    }),
  ]);
  const share = async (): Promise<void> => {
    await shareMounts(host, mounts, await instanceHostUid(engine, name, origin.user.uid, { isStarted: false }));
  };
  await all([
    ...(shared ? [share()] : []),
    giveIdentity(engine, copy, key),
    copySshSettings(host, mountsOf(host, origin.source, engine.server), mounts),
  ]);
}

/** A host key of sshd, as texts. */
interface HostKey {
  secret: string;
  public: string;
}

/** Makes a host key. No file with it stays on the host. */
async function makeHostKey(host: Host, { directory }: Mounts): Promise<HostKey> {
  const path = join(directory, "host_key");
  await host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]);
  const read = async (path: string, placeholder: string): Promise<string> =>
    host.dryRun
      ? `${await host.value(["cat", path], { placeholder, parse: String })}\n`
      : await Deno.readTextFile(path);
  const key = { secret: await read(path, "HOST_KEY"), public: await read(`${path}.pub`, "PUBLIC_HOST_KEY") };
  await host.change(`rm ${quoteWords([path, `${path}.pub`])}`, async () => {
    for (const file of [path, `${path}.pub`]) await Deno.remove(file);
  });
  return key;
}

/**
 * Gives a copy that has not started its own host key and machine id, in place of those of its origin, and pins the key.
 * Keeps cloud-init from running: it would take the copy for a new machine, and install all software again.
 */
async function giveIdentity(engine: Engine, { name, mounts }: Copy, key: HostKey): Promise<void> {
  const alias = hostNameOf(engine.server, name);
  const push = (path: string, mode: string, text: string): Promise<void> =>
    pushFile(engine, `${name}${path}`, { mode, stdin: { text }, makeDirectories: true });
  await all([
    push("/etc/ssh/ssh_host_ed25519_key", "0600", key.secret),
    push("/etc/ssh/ssh_host_ed25519_key.pub", "0644", key.public),
    push("/etc/machine-id", "0444", `${crypto.randomUUID().replaceAll("-", "")}\n`),
    push("/etc/cloud/cloud-init.disabled", "0644", ""),
    removeFiles(engine, name, [
      ...["dsa", "ecdsa", "rsa"].flatMap((type) => ["", ".pub"].map((end) => `/etc/ssh/ssh_host_${type}_key${end}`)),
      "/var/lib/dbus/machine-id",
    ]),
    pinHostKeys(
      engine.host,
      mounts,
      engine.host.dryRun ? `${alias} ${key.public}` : knownHostsLines(alias, key.public),
    ),
  ]);
}

/** Lets ssh offer the same keys to a copy as to the container. */
async function copySshSettings(host: Host, source: Mounts, mounts: Mounts): Promise<void> {
  const [from, to] = [sshConfigPath(source), sshConfigPath(mounts)];
  if (!host.dryRun && !await exists(from)) return;
  await host.change(`cp ${quoteWords([from, to])}`, () => Deno.copyFile(from, to));
}
