/** The lab's image: a Debian with systemd, cloud-init, sshd and xpra, built once for each recipe and kept. */

import { createHash } from "node:crypto";
import { basename, join } from "@std/path";
import { exists, shortHash } from "./files.ts";
import { imageFiles, imageFinish, imagePackages, imageSetup, imageTemplates, wheelSetup } from "./image_recipe.ts";
import { aptOptions, debianSources, release } from "./packages.ts";
import { buildMetadata, buildRoot, changeRoot, packRoot } from "./root.ts";
import { labDir, type XpraSource } from "./state.ts";
import { announce, type Lab } from "./steps.ts";
import { xpraOrgSource } from "./xpra.ts";

/** The alias under which both engines have the image. */
export const imageAlias = "gui-lab";

/** The image property that holds the hash of its recipe. */
export const recipeProperty = "gui-lab-recipe";

/** The image property that holds the version of its xpra; absent when it has none. */
export const xpraProperty = "gui-lab-xpra";

/** The image as two files, as the engines import it. */
export interface ImageFiles {
  metadata: string;
  rootfs: string;
  /** What the engines call the image: SHA-256 over both files, one after the other. */
  fingerprint: string;
}

/**
 * The image's files: those of an earlier run when the recipe is still the same, else new ones. One with a wheel of xpra
 * is the one without, and the wheel.
 *
 * @param recipe `packages`: all but xpra; `xpra`: where that comes from
 */
export async function ensureImageFiles(
  lab: Lab,
  { packages = imagePackages, xpra }: { packages?: readonly string[]; xpra: XpraSource | undefined },
): Promise<ImageFiles> {
  const sources = await debianSources(release);
  const options = await aptOptions();
  const recipe = shortHash(JSON.stringify({
    imageFiles,
    imageFinish,
    packages,
    imageSetup,
    imageTemplates,
    wheelSetup,
    sources,
    options,
    xpra,
  }));
  const directory = join(labDir(), "images");
  const files = {
    metadata: join(directory, `${recipe}.metadata.tar.gz`),
    rootfs: join(directory, `${recipe}.squashfs`),
  };
  const fingerprintFile = join(directory, `${recipe}.fingerprint`);
  if (exists(fingerprintFile)) {
    await Deno.utime(fingerprintFile, new Date(), new Date());
    return { ...files, fingerprint: await Deno.readTextFile(fingerprintFile) };
  }
  // Of its own for each run: what a killed run started may still be writing to its own.
  const work = join(directory, `work-${Deno.pid}`);
  if (xpra?.kind === "wheel") {
    const base = await ensureImageFiles(lab, { packages, xpra: undefined });
    announce(lab, "building the image with xpra");
    Deno.mkdirSync(work, { recursive: true });
    await changeRoot(work, { packed: base.rootfs, file: xpra.file, setup: wheelSetup + imageFinish });
  } else {
    announce(lab, "building the image, which takes a minute or two");
    Deno.mkdirSync(work, { recursive: true });
    await buildRoot(work, {
      release,
      packages: [...packages, ...(xpra ? ["xpra"] : [])],
      sources,
      moreSources: xpra?.kind === "xpra.org" ? [await xpraOrgSource(work, release)] : [],
      options,
      setup: imageSetup + imageFinish,
    });
  }
  await packRoot(join(work, "root"), files.rootfs);
  await buildMetadata(join(work, "metadata"), {
    file: files.metadata,
    release,
    properties: {
      description: `Debian ${release} with cloud-init and xpra, made by gui-container's lab`,
      [recipeProperty]: recipe,
      ...(xpra ? { [xpraProperty]: xpra.version } : {}),
    },
  });
  const fingerprint = await hashFiles([files.metadata, files.rootfs]);
  await Deno.remove(work, { recursive: true });
  // Last: this file says that the others are whole.
  await Deno.writeTextFile(fingerprintFile, fingerprint);
  return { ...files, fingerprint };
}

/** How many images are kept: that of the demo, and the tests' with and without xpra. */
const keptImages = 3;

/** Removes the files of all images but those that were used last, and what a killed run has left. */
export async function removeOldImages(): Promise<void> {
  const directory = join(labDir(), "images");
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const recipes = names.filter((name) => name.endsWith(".fingerprint")).map((name) => basename(name, ".fingerprint"));
  const usedMs = (recipe: string): number => Deno.statSync(join(directory, `${recipe}.fingerprint`)).mtime!.getTime();
  const kept = recipes.toSorted((one, other) => usedMs(other) - usedMs(one)).slice(0, keptImages);
  for (const name of names) {
    if (!kept.includes(name.split(".")[0]!)) await Deno.remove(join(directory, name), { recursive: true });
  }
}

async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(2 ** 20);
    for (let length; (length = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, length));
  }
  return hash.digest("hex");
}
