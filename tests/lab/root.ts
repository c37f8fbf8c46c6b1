/** A Debian in a directory, and the files that engines import as an image of it. */

import { dirname, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { imageFiles, imageTemplates } from "./image_recipe.ts";

/** What a root is made of, besides {@linkcode imageFiles}. */
export interface RootRecipe {
  release: string;
  packages: readonly string[];
  /** apt's sources in deb822 format. */
  sources: string;
  /** Files with more sources. */
  moreSources?: readonly string[];
  /** apt's settings. */
  options: readonly string[];
  /** Run as root inside of it, by a POSIX shell. */
  setup: string;
}

/** Makes the root in the directory `root` below `work`. */
export async function buildRoot(work: string, recipe: RootRecipe): Promise<void> {
  const { release, packages, sources, moreSources = [], options } = recipe;
  const sourcesFile = join(work, "debian.sources");
  await Deno.writeTextFile(sourcesFile, sources);
  const overlay = join(work, "overlay");
  for (const [path, text] of Object.entries(imageFiles)) {
    await Deno.mkdir(dirname(join(overlay, path)), { recursive: true });
    await Deno.writeTextFile(join(overlay, path), text);
  }
  const setup = join(work, "setup.sh");
  await Deno.writeTextFile(setup, recipe.setup);
  // mmdebstrap hands hooks to a shell; the paths come in through the environment.
  const hooks = ['cp -r --no-preserve=ownership "$LAB_OVERLAY/." "$1"', 'chroot "$1" sh -s <"$LAB_SETUP"'];
  // With mounts of its own: mmdebstrap 1.5.7 makes all private, and engines then add no device to a running container.
  await runProcess(
    [
      ...["unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--quiet"],
      // Each file of a package would be written to the disk before the next one.
      ...["--dpkgopt=force-unsafe-io", `--include=${packages.join(",")}`],
      ...options.map((option) => `--aptopt=${option}`),
      ...hooks.map((hook) => `--customize-hook=${hook}`),
      ...[release, join(work, "root"), sourcesFile, ...moreSources],
    ],
    { env: { LAB_OVERLAY: overlay, LAB_SETUP: setup, LC_ALL: "C" } },
  );
}

/**
 * Unpacks a root into the directory `root` below `work`, and changes it: a POSIX shell runs `setup` inside of it as root,
 * with `file` in `/root`.
 */
export async function changeRoot(
  work: string,
  { packed, file, setup }: { packed: string; file: string; setup: string },
): Promise<void> {
  const root = join(work, "root");
  await runProcess(["unsquashfs", "-quiet", "-no-progress", "-dest", root, packed]);
  await runProcess(["cp", "--", file, join(root, "root/")]);
  await runProcess(["chroot", root, "sh", "-s"], { stdin: { text: setup }, env: { LC_ALL: "C" } });
}

/** Packs a root into a file, but for the paths `leftOut`. */
export async function packRoot(root: string, file: string, leftOut: readonly string[] = []): Promise<void> {
  await runProcess(
    ["mksquashfs", root, file, "-comp", "zstd", "-Xcompression-level", "1", "-noappend", "-quiet", "-no-progress"]
      .concat(leftOut.length > 0 ? ["-e", ...leftOut] : []),
  );
}

/** Writes an image's metadata, by way of a directory. It is YAML, of which JSON is a part. */
export async function buildMetadata(
  directory: string,
  { file: archive, release, properties }: { file: string; release: string; properties: Record<string, string> },
): Promise<void> {
  await Deno.mkdir(join(directory, "templates"), { recursive: true });
  const templates = Object.entries(imageTemplates).map(([path, { when, file, properties }]) => [
    path,
    { when, template: file, properties: properties ?? {} },
  ]);
  const metadata = {
    architecture: Deno.build.arch,
    creation_date: Math.floor(Date.now() / 1000),
    properties: { os: "debian", release, variant: "cloud", ...properties },
    templates: Object.fromEntries(templates),
  };
  await Deno.writeTextFile(join(directory, "metadata.yaml"), JSON.stringify(metadata, null, 2) + "\n");
  for (const { file, text } of Object.values(imageTemplates)) {
    await Deno.writeTextFile(join(directory, "templates", file), text);
  }
  await runProcess(["tar", "-czf", archive, "-C", directory, "--", "metadata.yaml", "templates"]);
}
