/** Cached images: containers with their software, kept as local images for later containers of the same recipe. */

import type { Host } from "../base/host.ts";
import { format } from "@std/fmt/bytes";
import generalizeScript from "./generalize.sh" with { type: "text" };
import type { Engine, Instance } from "../engine/engine.ts";
import { deleteImage, type Image, imageHash, listImages, publish, sha256 } from "../engine/image.ts";
import { exec } from "../engine/exec.ts";
import { stopInstance } from "../engine/lifecycle.ts";
import { runKey } from "../container/managed.ts";

/** What a cached image was made from, in two properties of the image. Each is a SHA-256 in hexadecimal. */
export interface Recipe {
  /** The hash of the base image's fingerprint, the profile and the user-data. If equal, the image can be used. */
  recipe: string;
  /**
   * The hash of the base image's name, the profile and the user-data. If only this property is equal, the image was
   * made from an older base image.
   */
  source: string;
}

const recipeKey = "user.gui-container.recipe";
const sourceKey = "user.gui-container.source";

/** The recipe of an image and a profile, which includes the user-data. */
export async function recipeOf(
  host: Host,
  engine: Engine,
  { image, profile }: { image: string; profile: string },
): Promise<Recipe> {
  return {
    recipe: await imageHash(host, engine, { image, text: profile }),
    source: await sha256(`${image}\n${profile}`),
  };
}

/** The cached images with the same recipe, and those with only the same source. */
export async function cachedImages(host: Host, engine: Engine, { recipe, source }: Recipe): Promise<Image[]> {
  return (await listImages(host, engine)).filter(({ properties }) =>
    properties[recipeKey] === recipe || properties[sourceKey] === source
  );
}

/** The maximum age of a cached image, in days. After that it is made again, with newer software. */
const maxCachedDays = 30;

/**
 * Chooses the image of {@linkcode cachedImages} to make a container from: the oldest that is not too old. Concurrent
 * runs may each have made one; so all choose the same.
 *
 * @param options `unusable`: fingerprints of images that did not work
 */
export function chooseCached(
  images: readonly Image[],
  { recipe: { recipe }, unusable = [] }: { recipe: Recipe; unusable?: readonly string[] },
): Image | undefined {
  const freshMs = Date.now() - maxCachedDays * 86_400_000;
  const age = ({ created_at, fingerprint }: Image): string => `${created_at} ${fingerprint}`;
  return images.filter(({ properties }) => properties[recipeKey] === recipe)
    .filter(({ fingerprint }) => !unusable.includes(fingerprint))
    .filter(({ created_at }) => Date.parse(created_at) > freshMs)
    .sort((a, b) => age(a) < age(b) ? -1 : 1)[0];
}

/**
 * Makes a cached image from an instance. Stops the instance.
 *
 * @returns its fingerprint; in a dry run, a shell variable
 */
export async function cacheInstance(
  host: Host,
  instance: Instance,
  { recipe, run }: { recipe: Recipe; run: string },
): Promise<string> {
  await exec(host, instance, ["/bin/sh", "-c", generalizeScript]);
  await stopInstance(host, instance);
  return await publish(host, instance, {
    description: `${instance.name}, kept by create.ts --cache`,
    [recipeKey]: recipe.recipe,
    [sourceKey]: recipe.source,
    [runKey]: run,
  });
}

/** The time limit for removing replaced images, in milliseconds. */
const removingDeadlineMs = 60_000;

/**
 * Removes the {@linkcode cachedImages} that `used` replaces: images made from older base images, images of the same
 * recipe from concurrent runs, and images that did not work. The container is complete by then, so a signal does not
 * stop this, and a failure is only a warning.
 *
 * @param options `used`: the fingerprint of the image to keep
 */
export async function removeReplaced(
  host: Host,
  engine: Engine,
  { images, used }: { images: readonly Image[]; used: string },
): Promise<void> {
  const cleaner = host.forCleanup(AbortSignal.timeout(removingDeadlineMs));
  for (const { fingerprint } of images.filter((image) => image.fingerprint !== used)) {
    await deleteImage(cleaner, engine, fingerprint).catch(({ message }) => {
      host.ui.warn(`A cached image that is no longer needed could not be removed: ${message}`);
    });
  }
}

/** Describes a cached image in one line: its date and its size on disk. */
export function describeCached({ fingerprint, created_at, size }: Image): string {
  const day = created_at.slice(0, "2026-12-31".length);
  return `Using the cached image ${fingerprint.slice(0, 12)} of ${day}, ${format(size, { binary: true })} on disk`;
}
