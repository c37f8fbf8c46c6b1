/**
 * Gets the suites: packages of Debian, npm and PyPI, and repositories, at pinned versions, each into a directory of its own
 * in the lab's directory, and builds there.
 */

import { basename, join } from "@std/path";
import { ProcessError, UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { exists, shortHash } from "../lab/files.ts";
import { xpraBuildPackages } from "../lab/packages.ts";
import { labDir } from "../lab/state.ts";
import { pipEnvironment } from "../lab/xpra.ts";
import { Missing } from "./suite.ts";

/** How long an archive may take, in milliseconds. */
const timeoutMs = 300_000;
/** How long it may take to build a repository, in milliseconds. */
const buildMs = 1_200_000;

/** The files of a Debian package, which is not installed. */
export function debianFiles(name: string, version: string): Promise<string> {
  return once(`${name}_${version}`, async (cwd) => {
    await runProcess(["apt-get", "download", "-q", `${name}=${version}`], { cwd, timeoutMs });
    await runProcess(["sh", "-c", "dpkg-deb -x ./*.deb . && rm ./*.deb"], { cwd });
  });
}

/** A repository at a commit, in which `build` is run. */
export function gitSource(address: string, commit: string, build: string): Promise<string> {
  return once(`${basename(address)}_${commit.slice(0, 12)}`, async (cwd) => {
    const script = 'git init -q && git fetch -q --depth 1 "$0" "$1" && git checkout -q FETCH_HEAD';
    await runProcess(["sh", "-ec", script, address, commit], { cwd, timeoutMs });
    await runProcess(["sh", "-ec", build], { cwd, timeoutMs: buildMs });
  });
}

/** The files of a package of npm's registry. */
export function npmFiles(name: string, version: string): Promise<string> {
  return once(`${name}-${version}`, async (cwd) => {
    await runProcess(["npm", "pack", "--silent", `${name}@${version}`], { cwd, timeoutMs });
    await runProcess(["sh", "-c", "tar --no-same-owner --warning=no-unknown-keyword -xzf ./*.tgz && rm ./*.tgz"], {
      cwd,
    });
  }).then((directory) => join(directory, "package"));
}

/** A source package of PyPI. pip asks it for its dependencies, for which it must be able to build. */
export async function pypiSource(name: string, version: string): Promise<string> {
  await installed(...xpraBuildPackages);
  const options = ["--no-deps", "--no-build-isolation", "--no-binary", name, "--dest", "."];
  return await once(`${name}-${version}`, async (cwd) => {
    const argv = ["/usr/bin/python3", "-m", "pip", "download", "-q", ...options, `${name}==${version}`];
    await runProcess(argv, { cwd, env: pipEnvironment, timeoutMs });
    await runProcess(["sh", "-c", "tar --no-same-owner --strip-components=1 -xzf ./*.tar.gz && rm ./*.tar.gz"], {
      cwd,
    });
  });
}

/** The version of xpra here. */
export async function installedXpra(): Promise<string> {
  const { stdout } = await runProcess(["xpra", "--version"]);
  const version = /xpra v?(\d+(?:\.\d+)+)/.exec(stdout)?.[1];
  if (!version) throw new Missing("xpra does not say its version");
  return version;
}

/** Installs packages of Debian at these versions, written `NAME=VERSION`. */
export async function installed(...packages: string[]): Promise<void> {
  const names = packages.map((each) => each.split("=")[0]!);
  const { stdout } = await runProcess([
    "dpkg-query",
    "-W",
    "-f",
    "${Package}=${Version} ${db:Status-Status}\n",
    ...names,
  ], {
    okCodes: "any",
  });
  const isThere = (each: string): boolean =>
    stdout.split("\n").some((line) => line.endsWith(" installed") && line.startsWith(each));
  if (packages.every(isThere)) return;
  await orMissing(() =>
    runProcess(["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs,
    })
  );
}

/** What a source in C of ours becomes, by the options of the compiler. */
export async function built(source: string, options: string): Promise<string> {
  const text = await Deno.readTextFile(source);
  const name = basename(source, ".c");
  const directory = await once(`${name}_${shortHash(options + text)}`, async (cwd) => {
    await runProcess(["cc", ...options.split(" "), "-O1", "-Wall", "-o", name, source], { cwd });
  });
  return join(directory, name);
}

/** A directory that is made whole, and then kept. */
async function once(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(labDir(), "strangers", name);
  if (exists(directory)) return directory;
  const fresh = `${directory}.new`;
  await orMissing(async () => {
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
    await Deno.mkdir(fresh, { recursive: true });
    await make(fresh);
  });
  await Deno.rename(fresh, directory);
  return directory;
}

/** Does what needs an archive: without it, a suite is missing. */
async function orMissing(get: () => Promise<unknown>): Promise<void> {
  try {
    await get();
  } catch (error) {
    if (error instanceof ProcessError) throw new Missing(`${error.message}: ${error.output.trim().split("\n").at(-1)}`);
    if (error instanceof UserError || error instanceof Deno.errors.PermissionDenied) throw new Missing(error.message);
    throw error;
  }
}
