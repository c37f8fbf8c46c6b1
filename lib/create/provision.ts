/** Launches a container with its software, from an image, or from a cached image that already has the software. */

import type { Host } from "../base/host.ts";
import { cachedImages, cacheInstance, chooseCached, describeCached, type Recipe, removeReplaced } from "./cache.ts";
import { isProcessError, orElse } from "../base/errors.ts";
import { changeError, changeSoftware } from "./apps.ts";
import { inTurn } from "../base/lock.ts";
import { idsLockPath } from "../container/paths.ts";
import { waitForCloudInit } from "./cloud_init.ts";
import { runKey } from "../container/managed.ts";
import type { Instance } from "../engine/engine.ts";
import type { Image } from "../engine/image.ts";
import { exec } from "../engine/exec.ts";
import { findInstance } from "../engine/instance.ts";
import { deleteInstance, launch, maxLaunchMs } from "../engine/lifecycle.ts";
import { userDataKey } from "./profile_file.ts";
import type { Request } from "./read_request.ts";
import { userConfig } from "./user_data.ts";

export interface Provisioning extends Pick<Request, "timeoutMs" | "user" | "target" | "software" | "apps"> {
  /** The image, local or on a remote. */
  image: string;
  /** The container's own configuration: marks of the run that makes it. */
  marks: Readonly<Record<string, string>> & { readonly [runKey]: string };
  /** The recipe of its cached images, and the existing ones; undefined if none is to be used or kept. */
  cache: { recipe: Recipe; images: Image[] } | undefined;
}

/**
 * Makes a container with its software, from a cached image if it has a recipe. If no cached image works, one is made
 * first.
 *
 * @returns a function that removes the cached images that the one in use replaces; undefined if none is in use
 */
export async function provision(
  host: Host,
  instance: Instance,
  { cache, ...provisioning }: Provisioning,
): Promise<(() => Promise<void>) | undefined> {
  const launchAndInstall = async (): Promise<void> => {
    await launchAndWait(host, instance, provisioning);
    if (provisioning.apps.length === 0) return;
    await orElse(changeSoftware(host, instance, provisioning.apps), isProcessError, (error) => {
      const hint = "To look around in the container, run create.ts again with --keep-failed";
      throw changeError(`The apps could not be installed in "${instance.name}"`, hint, error);
    });
  };
  if (!cache) {
    await launchAndInstall();
    return undefined;
  }
  const { engine } = instance;
  const { ui, signal } = host;
  const { marks, user, software } = provisioning;
  const { recipe } = cache;
  let { images } = cache;
  const launchFrom = async (used: string): Promise<() => Promise<void>> => {
    // The image has the software, and cloud-init would take long to find that out. So it only makes a new identity
    // (host keys, host name), and the user.
    const config = { ...marks, [userDataKey]: userConfig(user) };
    await launchAndWait(host, instance, { ...provisioning, image: used, marks: config });
    return () => removeReplaced(host, engine, { images, used });
  };
  const unusable: string[] = [];
  for (let cached; (cached = chooseCached(images, { recipe, unusable }));) {
    ui.status(describeCached(cached));
    try {
      return await launchFrom(cached.fingerprint);
    } catch (error) {
      signal.throwIfAborted();
      ui.warn(`The cached image cannot be used, and is made again: ${error instanceof Error ? error.message : error}`);
      unusable.push(cached.fingerprint);
      if (await findInstance(host, instance)) await deleteInstance(host, instance);
      images = await cachedImages(host, engine, recipe);
    }
  }
  await launchAndInstall();
  // Software that could not be installed this time would be missing in the image forever.
  const find = ["/bin/sh", "-c", "command -v xpra || true"];
  if (software === "all" && (await exec(host, instance, find, { planned: "xpra" })).stdout === "") {
    ui.warn(`"${instance.name}" is not kept as an image, since xpra could not be installed in it`);
    return undefined;
  }
  ui.progress("Keeping the container as an image");
  const made = await cacheInstance(host, instance, { recipe, run: marks[runKey] });
  await deleteInstance(host, instance);
  // A concurrent run may have made the same image: all use the oldest.
  images = await cachedImages(host, engine, recipe);
  const kept = chooseCached(images, { recipe, unusable });
  if (kept) ui.status(describeCached(kept));
  return await launchFrom(kept?.fingerprint ?? made);
}

/**
 * Launches a container with the profile of its name, and waits until cloud-init has installed its software. Shows
 * cloud-init's warnings.
 */
async function launchAndWait(
  host: Host,
  instance: Instance,
  { image, marks, timeoutMs, target }: Pick<Provisioning, "image" | "marks" | "timeoutMs" | "target">,
): Promise<void> {
  const { name } = instance;
  const { ui } = host;
  ui.progress(`Launching "${name}" from ${image}`);
  const options = { image, profiles: ["default", name], config: marks, target };
  await inTurn(host, { path: idsLockPath(host), act: () => launch(host, instance, options), maxMs: maxLaunchMs });
  for (const warning of await waitForCloudInit(host, instance, { timeoutMs })) ui.warn(`cloud-init: ${warning}`);
}
