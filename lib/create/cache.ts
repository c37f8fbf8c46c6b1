/** Provisioned containers kept as local images: the next container of the same recipe starts from one. */

import { createHash } from "node:crypto";
import generalizeScript from "./generalize.sh" with { type: "text" };
import { type Engine, engineOn } from "../engine/engine.ts";
import { deleteImage, findImages, type Image, imageHash, publish } from "../engine/image.ts";
import { exec } from "../engine/instance.ts";
import { userDataKey } from "./profile_file.ts";
import { runKey } from "../container/ours.ts";

/** What a cached image was made from; each a property of the image, SHA-256 in hexadecimal. */
export interface Recipe {
  /** The fingerprint of the base image, profile and user-data: an image that has it can be used. */
  recipe: string;
  /** The name of the base image, profile and user-data: an image that has only this was made from an older base. */
  source: string;
}

const recipeKey = "user.gui-container.recipe";
const sourceKey = "user.gui-container.source";

/**
 * The configuration of an instance from a cached image. Its user-data is done in the image already: what cloud-init would
 * do again, package lists above all, takes longer than the rest. Identity (host keys, host name) cloud-init makes anew.
 */
export const cachedInstanceConfig: Readonly<Record<string, string>> = { [userDataKey]: "#cloud-config\n{}\n" };

/** The recipe of an image and a profile, which holds the user-data. */
export async function recipeOf(
  engine: Engine,
  { image, profile }: { image: string; profile: string },
): Promise<Recipe> {
  return {
    recipe: await imageHash(engine, image, profile),
    source: createHash("sha256").update(`${image}\n${profile}`).digest("hex"),
  };
}

/**
 * The cached image of a recipe; of several that were made at once, the one that all runs agree on: the oldest.
 *
 * @param unusable fingerprints of those that were tried in vain
 */
export async function findCached(
  engine: Engine,
  { recipe }: Recipe,
  unusable: readonly string[] = [],
): Promise<Image | undefined> {
  const age = ({ created_at, fingerprint }: Image): string => `${created_at} ${fingerprint}`;
  return (await findImages(engine, { [recipeKey]: recipe }))
    .filter(({ fingerprint }) => !unusable.includes(fingerprint))
    .sort((a, b) => age(a) < age(b) ? -1 : 1)[0];
}

/** Makes an image of a provisioned instance, which is stopped for it. Returns its fingerprint, as a word for a command line. */
export async function cacheInstance(
  engine: Engine,
  name: string,
  { recipe, run }: { recipe: Recipe; run: string },
): Promise<string> {
  await exec(engine, name, ["/bin/sh", "-c", generalizeScript]);
  return await publish(engine, name, {
    description: `${name}, kept by create.ts --cache`,
    [recipeKey]: recipe.recipe,
    [sourceKey]: recipe.source,
    [runKey]: run,
  });
}

/** Longest time that removing replaced images may take, in milliseconds. */
const removingDeadlineMs = 60_000;

/**
 * Removes the images that one of this recipe replaces: of older base images, made at once with it, or of no use. The
 * container is made by then: a signal does not stop it, and what cannot be removed is only told.
 */
export async function removeReplaced(engine: Engine, recipe: Recipe, used: string): Promise<void> {
  const { host } = engine;
  const cleaner = engineOn(engine, host.forCleanup(AbortSignal.timeout(removingDeadlineMs)));
  try {
    for (const { fingerprint, properties } of await findImages(cleaner, {})) {
      if (fingerprint === used) continue;
      if (properties?.[recipeKey] !== recipe.recipe && properties?.[sourceKey] !== recipe.source) continue;
      await deleteImage(cleaner, fingerprint);
    }
  } catch (error) {
    host.ui.warn(`A cached image that was replaced is still there: ${error instanceof Error ? error.message : error}`);
  }
}

/** One line on a cached image: its age, and what it costs on disk. */
export function describeCached({ fingerprint, created_at, size }: Image): string {
  const minutes = Math.round((Date.now() - Date.parse(created_at)) / 60_000);
  const age = minutes < 60
    ? `${minutes} min`
    : minutes < 48 * 60
    ? `${Math.round(minutes / 60)} h`
    : `${Math.round(minutes / 1440)} days`;
  return `Using the cached image ${fingerprint.slice(0, 12)}, ${age} old, ${Math.round(size / 2 ** 20)} MiB on disk`;
}
