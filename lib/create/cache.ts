/** Cached images: containers with their software, kept as local images for the next container of the same recipe. */

import type { Host } from "../base/host.ts";
import { format } from "@std/fmt/bytes";
import generalizeScript from "./generalize.sh" with { type: "text" };
import type { Engine, Instance } from "../engine/engine.ts";
import { deleteImage, type Image, imageHash, listImages, publish, sha256 } from "../engine/image.ts";
import { exec } from "../engine/exec.ts";
import { runKey } from "../container/managed.ts";

/** What a cached image was made from, as two properties of the image. Each is a SHA-256 in hexadecimal. */
export interface Recipe {
  /** Over the base image's fingerprint, the profile and the user-data. An image with this property can be used. */
  recipe: string;
  /**
   * Over the base image's name, the profile and the user-data. An image with only this was made from an older base
   * image.
   */
  source: string;
}

const recipeKey = "user.gui-container.recipe";
const sourceKey = "user.gui-container.source";

/** The recipe of an image and a profile, which holds the user-data. */
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

/** The cached images of a recipe, and those that only have the same source. */
export async function cachedImages(host: Host, engine: Engine, { recipe, source }: Recipe): Promise<Image[]> {
  return (await listImages(host, engine)).filter(({ properties }) =>
    properties[recipeKey] === recipe || properties[sourceKey] === source
  );
}

/** After how many days a cached image is made again, with the software of that day. */
const maxCachedDays = 30;

/**
 * The image of {@linkcode cachedImages} to make a container from: the oldest that is fresh enough. Runs at the same time
 * may each have made one, and all take the same.
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
 * Makes a cached image of an instance, which it stops.
 *
 * @returns the fingerprint; in a dry run a shell variable
 */
export async function cacheInstance(
  host: Host,
  instance: Instance,
  { recipe, run }: { recipe: Recipe; run: string },
): Promise<string> {
  await exec(host, instance, ["/bin/sh", "-c", generalizeScript]);
  return await publish(host, instance, {
    description: `${instance.name}, kept by create.ts --cache`,
    [recipeKey]: recipe.recipe,
    [sourceKey]: recipe.source,
    [runKey]: run,
  });
}

/** How long removing replaced images may take, in milliseconds. */
const removingDeadlineMs = 60_000;

/**
 * Removes those of {@linkcode cachedImages} that `used` replaces: those of older base images, those of the same recipe
 * made at the same time, and those that did not work. The container is made by then, so a signal does not stop this,
 * and a failure is only a warning.
 *
 * @param options `used`: the fingerprint of the image that stays
 */
export async function removeReplaced(
  host: Host,
  engine: Engine,
  { images, used }: { images: readonly Image[]; used: string },
): Promise<void> {
  const cleaner = host.forCleanup(AbortSignal.timeout(removingDeadlineMs));
  try {
    for (const { fingerprint } of images) if (fingerprint !== used) await deleteImage(cleaner, engine, fingerprint);
  } catch (error) {
    host.ui.warn(
      `A cached image that is no longer needed could not be removed: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** One line about a cached image: its day and its size on disk. */
export function describeCached({ fingerprint, created_at, size }: Image): string {
  const day = created_at.slice(0, "2026-12-31".length);
  return `Using the cached image ${fingerprint.slice(0, 12)} of ${day}, ${format(size, { binary: true })} on disk`;
}
