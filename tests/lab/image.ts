/** The lab's image: a Debian with systemd, cloud-init, sshd and xpra, built once for each recipe and kept. */

import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists, shortHash } from "./files.ts";
import {
  imageFiles,
  imageFinish,
  imagePackages,
  imageSetup,
  imageTemplates,
  release,
  wheelSetup,
} from "./image_recipe.ts";
import { aptOptions, debianSources } from "./packages.ts";
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

/** The image's files: those of an earlier run when the recipe is still the same, else new ones. */
export async function ensureImageFiles(lab: Lab, xpra: XpraSource | undefined): Promise<ImageFiles> {
  const sources = await debianSources(release);
  const options = await aptOptions();
  const recipe = shortHash(JSON.stringify({
    imageFiles,
    imageFinish,
    imagePackages,
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
  if (exists(fingerprintFile)) return { ...files, fingerprint: await Deno.readTextFile(fingerprintFile) };
  announce(lab, "building the image, which takes about two minutes");
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  // Of its own for each run: what a killed run started may still be writing to its own.
  const work = join(directory, `work-${Deno.pid}`);
  Deno.mkdirSync(work, { recursive: true });
  await buildRoot({ work, sources, options, xpra });
  await runProcess(
    ["mksquashfs", join(work, "root"), files.rootfs, "-comp", "zstd", "-Xcompression-level", "1"]
      .concat("-noappend", "-quiet", "-no-progress"),
  );
  await buildMetadata(join(work, "metadata"), { file: files.metadata, recipe, xpra });
  const fingerprint = await hashFiles([files.metadata, files.rootfs]);
  await Deno.remove(work, { recursive: true });
  // Last: this file says that the others are whole.
  await Deno.writeTextFile(fingerprintFile, fingerprint);
  return { ...files, fingerprint };
}

async function buildRoot(
  { work, sources, options, xpra }: {
    work: string;
    sources: string;
    options: readonly string[];
    xpra: XpraSource | undefined;
  },
): Promise<void> {
  const sourcesFile = join(work, "debian.sources");
  await Deno.writeTextFile(sourcesFile, sources);
  const overlay = join(work, "overlay");
  for (const [path, text] of Object.entries(imageFiles)) {
    await Deno.mkdir(dirname(join(overlay, path)), { recursive: true });
    await Deno.writeTextFile(join(overlay, path), text);
  }
  const setup = join(work, "setup.sh");
  await Deno.writeTextFile(setup, imageSetup + (xpra?.kind === "wheel" ? wheelSetup : "") + imageFinish);
  // mmdebstrap hands hooks to a shell; the paths come in through the environment.
  const hooks = ['cp -r --no-preserve=ownership "$LAB_OVERLAY/." "$1"', 'chroot "$1" sh -s <"$LAB_SETUP"'];
  const extra: string[] = [];
  if (xpra?.kind === "wheel") hooks.unshift('cp "$LAB_WHEEL" "$1/root/"');
  if (xpra?.kind === "xpra.org") extra.push(await xpraOrgSource(work, release));
  // With mounts of its own: mmdebstrap 1.5.7 makes all private, and engines then add no device to a running container.
  await runProcess(
    [
      ...["unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--quiet"],
      `--include=${[...imagePackages, ...(xpra && xpra.kind !== "wheel" ? ["xpra"] : [])].join(",")}`,
      ...options.map((option) => `--aptopt=${option}`),
      ...hooks.map((hook) => `--customize-hook=${hook}`),
      ...[release, join(work, "root"), sourcesFile, ...extra],
    ],
    {
      env: { LAB_OVERLAY: overlay, LAB_SETUP: setup, LAB_WHEEL: xpra?.kind === "wheel" ? xpra.file : "", LC_ALL: "C" },
    },
  );
}

/** The metadata is YAML, of which JSON is a part. */
async function buildMetadata(
  directory: string,
  { file: archive, recipe, xpra }: { file: string; recipe: string; xpra: XpraSource | undefined },
): Promise<void> {
  await Deno.mkdir(join(directory, "templates"), { recursive: true });
  const templates = Object.entries(imageTemplates).map(([path, { when, file, properties }]) => [
    path,
    { when, template: file, properties: properties ?? {} },
  ]);
  const metadata = {
    architecture: Deno.build.arch,
    creation_date: Math.floor(Date.now() / 1000),
    properties: {
      description: `Debian ${release} with cloud-init and xpra, made by gui-container's lab`,
      os: "debian",
      release,
      variant: "cloud",
      [recipeProperty]: recipe,
      ...(xpra ? { [xpraProperty]: xpra.version } : {}),
    },
    templates: Object.fromEntries(templates),
  };
  await Deno.writeTextFile(join(directory, "metadata.yaml"), JSON.stringify(metadata, null, 2) + "\n");
  for (const { file, text } of Object.values(imageTemplates)) {
    await Deno.writeTextFile(join(directory, "templates", file), text);
  }
  await runProcess(["tar", "-czf", archive, "-C", directory, "--", "metadata.yaml", "templates"]);
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
