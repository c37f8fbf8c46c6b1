/** The lab's image: a Debian with systemd, cloud-init, sshd and xpra, built once for each recipe and kept. */

// @ts-types="../../lib/types/std_path.d.ts"
import { dirname, join } from "@std/path";
import { runProcess } from "../../lib/process.ts";
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

/** The image as two files, as the engines import it. */
export interface ImageFiles {
  metadata: string;
  rootfs: string;
  /** Hash of all that went into it. */
  recipe: string;
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
    recipe,
  };
  if (exists(files.metadata) && exists(files.rootfs)) return files;
  announce(lab, "building the image, which takes about two minutes");
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  const work = join(directory, "work");
  Deno.mkdirSync(work, { recursive: true });
  await buildRoot({ work, sources, options, xpra });
  await runProcess(
    ["mksquashfs", join(work, "root"), `${files.rootfs}.new`, "-comp", "zstd", "-Xcompression-level", "1"]
      .concat("-noappend", "-quiet", "-no-progress"),
    { stdin: "null" },
  );
  await buildMetadata(join(work, "metadata"), files);
  await Deno.rename(`${files.rootfs}.new`, files.rootfs);
  await Deno.remove(work, { recursive: true });
  return files;
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
  await runProcess(
    [
      ...["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--quiet"],
      `--include=${[...imagePackages, ...(xpra && xpra.kind !== "wheel" ? ["xpra"] : [])].join(",")}`,
      ...options.map((option) => `--aptopt=${option}`),
      ...hooks.map((hook) => `--customize-hook=${hook}`),
      ...[release, join(work, "root"), sourcesFile, ...extra],
    ],
    {
      stdin: "null",
      env: { LAB_OVERLAY: overlay, LAB_SETUP: setup, LAB_WHEEL: xpra?.kind === "wheel" ? xpra.file : "", LC_ALL: "C" },
    },
  );
}

/** The metadata is YAML, of which JSON is a part. */
async function buildMetadata(directory: string, files: ImageFiles): Promise<void> {
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
      [recipeProperty]: files.recipe,
    },
    templates: Object.fromEntries(templates),
  };
  await Deno.writeTextFile(join(directory, "metadata.yaml"), JSON.stringify(metadata, null, 2) + "\n");
  for (const { file, text } of Object.values(imageTemplates)) {
    await Deno.writeTextFile(join(directory, "templates", file), text);
  }
  await runProcess(["tar", "-czf", files.metadata, "-C", directory, "--", "metadata.yaml", "templates"], {
    stdin: "null",
  });
}
