/**
 * Makes a disposable copy of a container. It shares nothing with its source: it has its own host ids, directories on
 * the host, SSH host keys and machine id.
 */

import { join } from "@std/path";
import { UserError } from "../../base/errors.ts";
import { exists, writeText } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { all } from "../../base/promises.ts";
import { quoteWords } from "../../base/shell_words.ts";
import { withUndo } from "../../base/undo.ts";
import { beginDisposable, type DisposableCopy, pristine, removeDisposable } from "../../container/disposables.ts";
import { makeMounts, shareMounts } from "../../container/mounts.ts";
import type { Mounts } from "../../container/paths.ts";
import { copyOrigin, findOrigin, giveIdentity, type HostKey, type Origin } from "../../container/origin.ts";
import { type Address, addressOf, scriptLine } from "../../container/address.ts";
import { findManaged } from "../../container/managed.ts";
import { writeContainerRecord } from "../../container/record.ts";
import { knownHostsLines, sshConfigPath } from "../../container/ssh.ts";
import { engineLine, type Instance, labelOf } from "../../engine/engine.ts";
import { hostUid } from "../../engine/id_map.ts";
import type { InstanceInfo } from "../../engine/instance.ts";

/**
 * The origin of a container's copies. Warns if it has not been updated for a long time.
 *
 * @throws {UserError} when the container or its snapshot does not exist
 */
export async function requireOrigin(host: Host, source: Instance): Promise<Origin> {
  const { engine } = source;
  const origin = await findOrigin(host, source);
  const label = labelOf(source);
  if (!origin) {
    const create = engineLine(engine, [...engine.snapshot.split(" "), label, pristine]);
    throw new UserError(`"${label}" has no snapshot named "${pristine}"`, {
      hint: `Create it, and copies are made of that: ${create}`,
    });
  }
  const days = Math.floor((Date.now() - Date.parse(origin.created_at)) / 86_400_000);
  if (days > freshDays) {
    const update = scriptLine(engine, ["create.ts", "--update", label]);
    host.ui.warn(`New copies of "${label}" have had no updates for ${days} days: ${update}`, {
      security: true,
    });
  }
  return origin;
}

/** After how many days without an update of the origin the user is warned. */
const freshDays = 30;

/**
 * Makes a copy, and returns once its shared directories are ready, so that windows can be prepared meanwhile. If a step
 * fails, all is undone.
 *
 * @param options `lend`: puts files into it before it starts; `max`: as for {@linkcode beginDisposable}; `meanwhile`:
 * called while the engine is at work
 * @returns `made` resolves when it can be started, to the engine's info about it; to undefined in a dry run
 */
export async function makeDisposable(
  host: Host,
  source: Address,
  { origin, lend, max, meanwhile }: {
    origin: Origin;
    lend(copy: Instance): Promise<void>;
    max?: number | undefined;
    meanwhile?(): unknown;
  },
): Promise<DisposableCopy & { address: Address; made: Promise<InstanceInfo | undefined> }> {
  return await withUndo(host, async (undo) => {
    const copy = await beginDisposable(host, source, { max });
    const { mounts } = copy;
    const address = addressOf(host, { engine: source.engine, name: copy.name });
    undo.add(`remove the copy "${copy.name}"`, (cleaner) => removeDisposable(cleaner, copy));
    await makeMounts(host, mounts);
    await writeContainerRecord(host, address, origin);
    const isShared = mounts.shared.length > 0;
    const copying = copyOrigin(host, address, { origin, mounts: isShared ? mounts : undefined });
    meanwhile?.();
    const [hostKey] = await all([
      makeHostKey(host, address),
      copying,
      copySshSettings(host, source.mounts, mounts),
    ]);
    const found = host.look(undefined, () => findManaged(host, address));
    const made = all([
      found,
      giveIdentity(host, address, hostKey),
      lend(address),
    ]).then(([instance]) => instance);
    // Avoids an unhandled rejection.
    made.catch(() => {});
    const share = async (): Promise<void> => {
      if (!isShared) return;
      const instance = await found;
      const uid = await host.look("<HOST_UID>", () => String(hostUid(instance!, origin.user.uid)));
      await shareMounts(host, { mounts, hostUid: uid });
    };
    await share().catch(async (error) => {
      await made.catch(() => {});
      throw error;
    });
    return { ...copy, address, made };
  });
}

async function makeHostKey(host: Host, { hostName, mounts }: Address): Promise<HostKey> {
  const path = join(mounts.directory, "host_key");
  const files = [path, `${path}.pub`];
  await host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]);
  const [privateKey, publicKey] = await host.look(
    ["<HOST_KEY>", "<PUBLIC_HOST_KEY>"],
    () => Promise.all(files.map((file) => Deno.readTextFile(file))),
  ) as [string, string];
  await host.change(`rm ${quoteWords(files)}`, () => all(files.map((file) => Deno.remove(file))));
  await writeText(host, mounts.knownHosts, { text: knownHostsLines(hostName, publicKey), mode: 0o644 });
  return { privateKey, publicKey };
}

/** Makes ssh offer the same keys to a copy as to the container. */
async function copySshSettings(host: Host, source: Mounts, mounts: Mounts): Promise<void> {
  const [from, to] = [sshConfigPath(source), sshConfigPath(mounts)];
  if (!await host.look(true, () => exists(from))) return;
  await host.change(`cp ${quoteWords([from, to])}`, () => Deno.copyFile(from, to));
}
