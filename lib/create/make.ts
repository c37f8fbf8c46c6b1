/** The steps that make a container, in order. */

import type { Address } from "../container/address.ts";
import type { Host } from "../base/host.ts";
import { join } from "@std/path";
import { UserError } from "../base/errors.ts";
import { removeEmpty, writeText } from "../base/files.ts";
import { all } from "../base/promises.ts";
import { mountDevices, shareMounts } from "../container/mounts.ts";
import { findManaged, markKey, runKey } from "../container/managed.ts";
import { writeContainerRecord } from "../container/record.ts";
import { identityFiles } from "../container/ssh.ts";
import { type ContainerUser, formatUser, userKey } from "../container/user.ts";
import { hostUid } from "../engine/id_map.ts";
import { isHere, updateInstance } from "../engine/instance.ts";
import { createProfile, setProfile } from "../engine/profile.ts";
import { hasCheapSnapshots, takeSnapshot } from "../engine/snapshot.ts";
import { pristine } from "../container/disposables.ts";
import { ensureProxy, proxyDevice, useProxy } from "./internet/proxy.ts";
import { describeApps } from "./apps.ts";
import { cachedImages, recipeOf } from "./cache.ts";
import type { Creation } from "./creation.ts";
import { prepareContainer, testConnection, type WindowServer } from "./prepare.ts";
import { internetKey, profileForSetup, profileYaml, withoutProtection } from "./profile_file.ts";
import { provision, type Provisioning } from "./provision.ts";
import type { Request } from "./read_request.ts";

export interface Made {
  image: string;
  /** The container's address; null without a network. */
  address: string | null;
  user: ContainerUser;
  /** That user's uid on the host; null if the container is on another machine. */
  uid: string | null;
  windowServers: WindowServer[];
  /** The cluster member that it is on; null without a cluster. */
  member: string | null;
  /** Removes the cached images that a newer one replaces. */
  removeReplaced: (() => Promise<void>) | undefined;
}

/** The configuration key that controls what happens to a container when its cluster member is evacuated. */
const evacuateKey = "cluster.evacuate";

/** Makes a container. Its directories on the host already exist. */
export async function make(
  host: Host,
  instance: Address,
  { request, creation }: { request: Request & { keys: NonNullable<Request["keys"]> }; creation: Creation },
): Promise<Made> {
  const { engine, name, mounts } = instance;
  const { timeoutMs, user: wanted } = request;
  const proxy = request.proxy && { engine, ...request.proxy };
  const image = request.image ?? engine.defaultImage;
  const marks = { [markKey]: "1", [runKey]: creation.run };
  const devices = { ...request.profile.devices, ...(proxy ? { internet: proxyDevice(proxy) } : {}) };
  const profile = { ...request.profile, devices };
  const profileMarks = proxy ? { ...marks, [internetKey]: proxy.name } : marks;

  host.ui.progress(`Making the profile "${name}"`);
  const removable = withoutProtection(profile);
  const setup = profileForSetup(removable);
  const makeProfile = async (): Promise<void> => {
    if (creation.profileBefore === null) await createProfile(host, instance, profileMarks);
    await setProfile(host, instance, profileYaml(setup, profileMarks));
  };
  const findCache = async (): Promise<Provisioning["cache"]> => {
    if (!request.cache) return undefined;
    const software = profileYaml(request.profile, {}) + await describeApps(request.apps);
    const recipe = await recipeOf(host, engine, { image, profile: software });
    return { recipe, images: await cachedImages(host, engine, recipe) };
  };
  const [cache] = await all([findCache(), makeProfile()]);
  if (proxy) await ensureProxy(host, proxy, { image, timeoutMs });

  const removeReplaced = await provision(host, instance, { ...request, image, marks, cache });

  if (setup !== removable) {
    host.ui.progress("Removing the devices that the profile disables (type: none)");
    await setProfile(host, instance, profileYaml(removable, profileMarks));
  }

  if (proxy) {
    host.ui.progress("Having the container use its proxy");
    await useProxy(host, instance, proxy);
  }

  host.ui.progress("Sharing directories, keys and host keys");
  const authorizedKeys = request.keys.text;
  const [{ user, knownHosts }, found, isCheap] = await all([
    prepareContainer(host, instance, { authorizedKeys, wanted }),
    host.look(undefined, () => findManaged(host, instance, { withState: engine.server.isLocal })),
    host.look(true, () => hasCheapSnapshots(host, instance)),
  ]);
  const planned = engine.server.isLocal ? "<HOST_UID>" : null;
  const uid = await host.look(planned, async () => await isHere(host, found!) ? `${hostUid(found!, user.uid)}` : null);
  const { location = "none", hasNetwork = setup === removable, address } = found ?? {};
  const member = location === "none" ? null : location;
  if (proxy && hasNetwork) {
    throw new UserError(`The container "${name}" still has a network card, so it would have more than the Internet`, {
      hint:
        "See what the cards of the engine's default profile are called, and give each a device of type none in PROFILE",
    });
  }
  if (uid !== null) await shareMounts(host, { mounts, hostUid: uid });
  else await removeEmpty(mounts.shared.filter((path) => creation.directories.includes(path)));
  const shared = uid === null ? {} : mountDevices(mounts, user, { mayMove: member !== null });
  // By default, an evacuation stops a container that shares directories of its machine instead of moving it.
  const moves = member !== null && uid !== null && profile.config[evacuateKey] === undefined;
  const config = { [userKey]: formatUser(user), ...(moves ? { [evacuateKey]: "migrate" } : {}) };
  await updateInstance(host, found ?? instance, { devices: shared, config });
  await writeText(host, mounts.knownHosts, { text: knownHosts, mode: 0o644 });
  for (const [file, text] of Object.entries(identityFiles(mounts, request.keys.identities))) {
    await writeText(host, join(mounts.ssh, file), { text, mode: 0o600 });
  }
  await writeContainerRecord(host, instance, { user, location });
  const [connection] = await all([
    testConnection(host, instance, { user, address, hasNetwork: hasNetwork && uid !== null }),
    // The snapshot from which disposable copies are made.
    isCheap ? takeSnapshot(host, instance, pristine) : Promise.resolve(),
  ]);
  // The protection comes last: until here, a failure removes the container.
  if (removable !== profile) await setProfile(host, instance, profileYaml(profile, profileMarks));
  return { image, user, uid, member, removeReplaced, ...connection };
}
