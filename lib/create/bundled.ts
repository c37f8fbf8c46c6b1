/** The profiles and cloud-configs that come with the scripts, by name. A compiled binary holds them too. */

import chromium from "../../examples/cloud-config/chromium.yaml" with { type: "text" };
import firefoxDebian from "../../examples/cloud-config/firefox-debian.yaml" with { type: "text" };
import firefox from "../../examples/cloud-config/firefox.yaml" with { type: "text" };
import gimp from "../../examples/cloud-config/gimp.yaml" with { type: "text" };
import inputMethod from "../../examples/cloud-config/input-method.yaml" with { type: "text" };
import libreoffice from "../../examples/cloud-config/libreoffice.yaml" with { type: "text" };
import slack from "../../examples/cloud-config/slack.yaml" with { type: "text" };
import typora from "../../examples/cloud-config/typora.yaml" with { type: "text" };
import vlc from "../../examples/cloud-config/vlc.yaml" with { type: "text" };
import xpra from "../../examples/cloud-config/xpra.yaml" with { type: "text" };
import guiGpu from "../../profiles/gui-gpu.yaml" with { type: "text" };
import guiLimits from "../../profiles/gui-limits.yaml" with { type: "text" };
import guiOffline from "../../profiles/gui-offline.yaml" with { type: "text" };
import gui from "../../profiles/gui.yaml" with { type: "text" };
import { inputError } from "../base/errors.ts";
import { readInput } from "../base/input.ts";
import { exists } from "../base/files.ts";

/** Bundled files of one kind. */
export interface BundledFiles {
  /** The argument of the command line that names one. */
  kind: "PROFILE" | "CLOUD_INIT";
  /** Their texts, by name without `.yaml`. */
  files: Readonly<Record<string, string>>;
}

/** The files of `profiles/`. */
export const bundledProfiles: BundledFiles = {
  kind: "PROFILE",
  files: { gui, "gui-gpu": guiGpu, "gui-limits": guiLimits, "gui-offline": guiOffline },
};

/** The files of `examples/cloud-config/`, without the template. */
export const bundledCloudConfigs: BundledFiles = {
  kind: "CLOUD_INIT",
  files: {
    chromium,
    firefox,
    "firefox-debian": firefoxDebian,
    gimp,
    "input-method": inputMethod,
    libreoffice,
    slack,
    typora,
    vlc,
    xpra,
  },
};

/** A file that the command line names, read. */
export interface NamedFile {
  /** Its path; for a bundled file its name and `.yaml`. */
  path: string;
  /** Its text. */
  text: string;
  /** Whether it comes with the scripts. */
  bundled: boolean;
}

/**
 * Reads the file that a word of the command line names: a path, or the bare name of a bundled file. A file in the
 * working directory comes before a bundled one of the same name.
 *
 * @throws {UserError} exit code 2 for a bare name that is neither (the hint lists the bundled ones), and as
 * {@linkcode readInput}
 */
export async function readNamed(word: string, { kind, files }: BundledFiles): Promise<NamedFile> {
  if (word.includes("/") || /\.ya?ml$/.test(word) || await exists(word)) {
    return { path: word, text: await readInput(word), bundled: false };
  }
  const text = Object.hasOwn(files, word) ? files[word] : undefined;
  if (text === undefined) {
    throw inputError(
      `There is no file "${word}", and no ${kind} comes with that name`,
      `Name a file, or one of ${Object.keys(files).sort().join(", ")}`,
    );
  }
  return { path: `${word}.yaml`, text, bundled: true };
}
