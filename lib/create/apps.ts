/** Apps given as `apt:PACKAGE`, `snap:NAME` or `deb:FILE`, and the software of a running container. */

import { basename } from "@std/path";
import { levenshteinDistance } from "@std/text";
import { inputError, ProcessError, UserError } from "../base/errors.ts";
import { unreadable } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { withValues } from "../base/shell_words.ts";
import type { Instance } from "../engine/engine.ts";
import { sha256 } from "../engine/image.ts";
import { exec } from "../engine/exec.ts";
import { packageProgress } from "./package_progress.ts";
import softwareScript from "./software.sh" with { type: "text" };

/** Where an app comes from. */
const sources = ["apt", "snap", "deb"] as const;

/** An app: its name in an archive, or the path of a package on the host. */
export interface AppWord {
  source: typeof sources[number];
  name: string;
}

/** Whether a word of the command line gives such an app. */
export function isAppWord(word: string): boolean {
  return sources.some((source) => word.startsWith(`${source}:`));
}

/** Names of packages (Debian Policy 5.6.1) and of snaps. No hyphen at the end: apt-get would remove that package. */
const names = { apt: /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/, snap: /^[a-z0-9](?:-?[a-z0-9])*$/ } as const;

/**
 * Parses such a word. Reads the first bytes of the file that it names, if any.
 *
 * @throws {UserError} exit code 2 for an invalid name, and for a file that is not a Debian package
 */
export async function readAppWord(word: string): Promise<AppWord> {
  const source = sources.find((source) => word.startsWith(`${source}:`))!;
  const name = word.slice(source.length + 1);
  if (source === "deb") {
    await checkPackageFile(name);
    return { source, name };
  }
  if (names[source].test(name)) return { source, name };
  throw inputError(`"${name}" is not the name of a package`, `For example: ${source}:firefox`);
}

/**
 * Reads the words after `--install NAME`.
 *
 * @throws {UserError} exit code 2 without words, for a word that is not such an app, and as {@linkcode readAppWord}
 */
export async function readAppWords(words: readonly string[]): Promise<AppWord[]> {
  const other = words.find((word) => !isAppWord(word));
  if (words.length > 0 && other === undefined) return await Promise.all(words.map(readAppWord));
  throw inputError(
    other === undefined ? "No app is named to install" : `"${other}" cannot be installed in an existing container`,
    "For example: create.ts --install my-container apt:inkscape, snap:NAME or deb:FILE",
  );
}

/** The start of a Debian package (deb(5)). */
const packageStart = "!<arch>\ndebian-binary";

async function checkPackageFile(path: string): Promise<void> {
  const hint = path.startsWith("~/")
    ? `Write it as deb:"$HOME/${path.slice(2)}": a shell leaves the ~ as it is here`
    : "Name a package of Debian's, for example deb:./app.deb";
  const start = new Uint8Array(packageStart.length);
  try {
    if (!(await Deno.stat(path)).isFile) throw inputError(`"${path}" is not a file`, hint);
    using file = await Deno.open(path);
    await file.read(start);
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(path, error, hint);
  }
  if (new TextDecoder().decode(start) !== packageStart) {
    throw inputError(`"${path}" is not a package of Debian's`, hint);
  }
}

/** A text that identifies a list of apps, for a recipe: package files by their content. Empty without apps. */
export async function describeApps(apps: readonly AppWord[]): Promise<string> {
  const lines = apps.map(async ({ source, name }) => {
    return `${source}:${source === "deb" ? await sha256(await Deno.readFile(name)) : name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

/** The time limit for installing software in a container, in milliseconds. */
const softwareMs = 3_600_000;

/** Exit status of software.sh in a container whose package manager is unknown. */
export const unknownManager = 76;

/** The directory in the container for package files while they are installed. */
const packageDirectory = "/var/cache/gui-container";

/**
 * Upgrades the packages of a running instance, or installs new apps. Shows each step.
 *
 * @returns how many packages are new, according to the container
 * @throws {PackageMissing} when an archive has no such package
 * @throws {ProcessError} when it failed otherwise
 */
export async function changeSoftware(
  host: Host,
  instance: Instance,
  apps: readonly AppWord[] = [],
): Promise<number> {
  const namesOf = (wanted: AppWord["source"]): string[] =>
    apps.flatMap(({ source, name }) => source === wanted ? [name] : []);
  const files = await Promise.all(
    namesOf("deb").map(async (path, index) => {
      // The file's name does not matter: apt shows the package's own.
      const target = `${packageDirectory}/${index + 1}.deb`;
      const write = `mkdir -p ${packageDirectory} && cat >${target}`;
      host.ui.progress(`Copying "${basename(path)}" into "${instance.name}"`);
      await exec(host, instance, ["/bin/sh", "-c", write], () => ({
        stdin: { bytes: Deno.openSync(path).readable, from: path },
        timeoutMs: softwareMs,
      }));
      return target;
    }),
  );
  const script = withValues(softwareScript, {
    unknown: String(unknownManager),
    packages: namesOf("apt").join(" "),
    files: files.join(" "),
    snaps: namesOf("snap").join(" "),
  });
  const show = packageProgress();
  let unnamed = files.length;
  const line = (line: string): void => {
    const name = /^File: ([a-z0-9+.-]{2,60} [\w.+~:-]{1,60})$/.exec(line)?.[1];
    if (name !== undefined && unnamed-- > 0) host.ui.status(`${instance.name}: installing ${name}`);
    else host.ui.progress(`${instance.name}: ${show(line)}`, { plain: "" });
  };
  const changed = exec(host, instance, ["/bin/sh", "-c", script], { output: { line }, timeoutMs: softwareMs });
  const { stdout } = await changed.catch(async (error) => {
    throw error instanceof ProcessError ? await missingIn(host, instance, error) ?? error : error;
  });
  return countIn(stdout);
}

/** How many packages are new, from the end of software.sh's output; 0 if it does not say. */
export function countIn(stdout: string): number {
  return Number(/(?:^|\n)(\d{1,6})\n?$/.exec(stdout)?.[1] ?? 0);
}

/** How much of the end of a failed change's output is shown. */
const maxShown = { lines: 20, characters: 4_000 };

/** The error for a change that failed, with the end of its output, whose content the container controls. */
export function changeError(message: string, hint: string, cause: ProcessError): UserError {
  return new UserError(message, { hint, output: lastOutput(cause), cause });
}

function lastOutput({ stdout, stderr }: ProcessError): string {
  const lines = `${stdout.replace(/\n\d*\n?$/, "")}\n${stderr}`.trim().split("\n");
  return lines.slice(-maxShown.lines).join("\n").slice(-maxShown.characters);
}

/** A package does not exist in a container's archives. The cause is the package manager's error. */
export class PackageMissing extends UserError {
  override name = "PackageMissing";
}

/** The error for a missing package, with the three most similar names of the archives; undefined for other failures. */
async function missingIn(host: Host, instance: Instance, error: ProcessError): Promise<PackageMissing | undefined> {
  const wanted = /Unable to locate package ([a-z0-9][a-z0-9+.-]{1,60})$/m.exec(error.output)?.[1];
  if (wanted === undefined) return undefined;
  // Only names with the same first letter: a mistyped name usually has the right one.
  const { stdout } = await exec(host, instance, ["apt-cache", "pkgnames", wanted[0]!], { okCodes: "any" });
  const near = stdout.split("\n").filter((name) => names.apt.test(name) && Math.abs(name.length - wanted.length) <= 3)
    .map((name) => ({ name, distance: levenshteinDistance(name, wanted) })).filter(({ distance }) => distance <= 4)
    .sort((one, other) => one.distance - other.distance || one.name.localeCompare(other.name))
    .slice(0, 3).map(({ name }) => name);
  return new PackageMissing(`There is no package "${wanted}" in the archives of "${instance.name}"`, {
    hint: near.length > 0
      ? `Did you mean ${near.join(", ")}?`
      : "See https://packages.debian.org, or that of its image",
    output: lastOutput(error).split("\n").filter((line) => line.startsWith("E: ")).join("\n"),
    cause: error,
  });
}
