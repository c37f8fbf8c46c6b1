/** Where xpra comes from, for the host and for the image: installed already, Debian, xpra.org, or built from PyPI. */

import { dirname, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "./files.ts";
import { installPackages, xpra5BuildPackages, xpraBuildPackages } from "./packages.ts";
import { labDir, type LabState, type Part, type XpraSource } from "./state.ts";
import { announce, type Lab } from "./steps.ts";

/** The source package that is known to build and to work. */
const sourceVersion = "6.5.5";

/** The same of the LTS line, for the test that attaches to a container that has it. */
const ltsVersion = "5.1.6";

/** Debian's own Python; another one may come first on PATH. */
const python = "/usr/bin/python3";

const repository = "https://xpra.org";

/** pip without the caller's settings, which may point it to other packages. An empty value means unset to pip. */
export const pipEnvironment = {
  // What only a debugger reads takes a sixth of the time.
  CFLAGS: "-g0",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  PIP_FIND_LINKS: "",
  PIP_CONSTRAINT: "",
  PIP_REQUIREMENT: "",
  PIP_NO_INDEX: "",
  PIP_TARGET: "",
  PIP_USER: "",
  PYTHONPATH: "",
  PYTHONDONTWRITEBYTECODE: "",
};

/** xpra on the host: the one that is there, else one from `source`. */
export async function ensureHostXpra(lab: Lab, source: XpraSource | undefined): Promise<Part> {
  const present = await installedVersion(lab.state);
  if (present) return { version: present };
  if (Deno.uid() !== 0) return { missing: "it is not installed, and installing it takes root" };
  if (!source) return { missing: noSource };
  announce(lab, `installing xpra (${source.kind})`);
  if (source.kind === "wheel") {
    await runProcess(
      [python, "-m", "pip", "install", "--break-system-packages", "--no-deps", "--no-index", "--", source.file],
      { env: pipEnvironment },
    );
    lab.state.made.hostXpra = "pip";
  } else {
    if (source.kind === "xpra.org") lab.state.made.xpraRepository = await addRepository();
    await installPackages(lab, ["xpra"]);
  }
  const version = await installedVersion(lab.state);
  return version ? { version } : { missing: `it was installed (${source.kind}) but does not run` };
}

/** Takes the host's xpra away again, if it was the lab that put it there. */
export async function removeHostXpra(state: LabState): Promise<void> {
  if (state.made.hostXpra === "pip") {
    await runProcess([python, "-m", "pip", "uninstall", "--break-system-packages", "--yes", "xpra"], {
      env: pipEnvironment,
    });
  }
  for (const file of state.made.xpraRepository ?? []) await Deno.remove(file).catch(() => {});
}

/** The first source of xpra that can be had without building it; undefined for none. What was found is kept. */
export async function findXpraSource(lab: Lab): Promise<XpraSource | undefined> {
  const known = lab.state.xpraSource;
  if (known && (known.kind !== "wheel" || exists(known.file))) return known;
  return keepSource(lab, keptWheel(sourceVersion) ?? await debianCandidate() ?? await xpraOrgCandidate());
}

/** Builds xpra, in minutes. What was built is kept. */
export async function buildXpraSource(lab: Lab): Promise<XpraSource | undefined> {
  return keepSource(lab, await buildWheel(lab, sourceVersion));
}

function keepSource(lab: Lab, source: XpraSource | undefined): XpraSource | undefined {
  if (source) lab.state.xpraSource = source;
  return source;
}

/** The wheel of xpra 5, built when there is none yet. Nothing but its own test needs it. */
export async function ensureXpra5(lab: Lab): Promise<Part> {
  const wheel = keptWheel(ltsVersion) ?? await buildWheel(lab, ltsVersion, xpra5BuildPackages);
  return wheel ? { version: wheel.version } : { missing: "it is not built yet, and that takes root" };
}

/** The file of the wheel of xpra 5; it is there when the lab has that part. */
export function xpra5Wheel(): string {
  const wheel = keptWheel(ltsVersion);
  if (!wheel) throw new Error(`No wheel of xpra ${ltsVersion} in ${wheelDir()}`);
  return wheel.file;
}

/** Writes xpra.org's apt source and its key below `directory`; gives back the source's file. */
export async function xpraOrgSource(directory: string, release: string): Promise<string> {
  const key = join(directory, "xpra.asc");
  const response = await fetch(`${repository}/xpra.asc`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${repository}/xpra.asc: ${response.status}`);
  await Deno.writeTextFile(key, await response.text());
  const file = join(directory, "xpra.sources");
  const text = `Types: deb\nURIs: ${repository}\nSuites: ${release}\nComponents: main\nSigned-By: ${key}\n`;
  await Deno.writeTextFile(file, text);
  return file;
}

/** Why there is no xpra. */
export const noSource = "neither Debian's archive nor xpra.org has it, and its source package could not be built";

/** The version of the xpra on PATH. Asking it takes a second, so the answer is kept for that very file. */
async function installedVersion(state: LabState): Promise<string | undefined> {
  const { code, stdout } = await runProcess(["which", "xpra"], { okCodes: [0, 1] });
  if (code !== 0) return undefined;
  const path = stdout.trim();
  const key = `${path} ${Deno.statSync(path).mtime?.getTime()}`;
  if (state.known["xpra"]?.key === key) return state.known["xpra"].value;
  const answer = await runProcess([path, "--version"], { okCodes: "any", timeoutMs: 30_000 });
  const version = /xpra v?(\d+\.\d+[\w.-]*)/.exec(answer.stdout)?.[1];
  if (version) state.known["xpra"] = { key, value: version };
  return version;
}

async function debianCandidate(): Promise<XpraSource | undefined> {
  const { stdout } = await runProcess(["apt-cache", "madison", "xpra"], { okCodes: "any" });
  const line = stdout.split("\n").find((line) => /\/debian\b|debian\.org/.test(line) && /Packages/.test(line));
  const version = line?.split("|")[1]?.trim();
  return version && Number.parseInt(version) >= 5 ? { kind: "debian", version } : undefined;
}

async function xpraOrgCandidate(): Promise<XpraSource | undefined> {
  try {
    const response = await fetch(`${repository}/dists/trixie/InRelease`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok ? { kind: "xpra.org", version: response.headers.get("last-modified") ?? "current" } : undefined;
  } catch {
    return undefined;
  }
}

async function addRepository(): Promise<string[]> {
  const file = await xpraOrgSource("/etc/apt/sources.list.d", "trixie");
  await runProcess(["apt-get", "update", "-q"]);
  return [file, "/etc/apt/sources.list.d/xpra.asc"];
}

function wheelDir(): string {
  return join(labDir(), "wheels");
}

function keptWheel(version: string): XpraSource & { kind: "wheel" } | undefined {
  if (!exists(wheelDir())) return undefined;
  const name = [...Deno.readDirSync(wheelDir())].map(({ name }) => name).find((name) =>
    name.startsWith(`xpra-${version}-`) && name.endsWith(".whl")
  );
  return name ? { kind: "wheel", version, file: join(wheelDir(), name) } : undefined;
}

/** Builds a wheel: minutes, once. The flags keep pip from fetching other build tools than Debian's. */
async function buildWheel(
  lab: Lab,
  version: string,
  morePackages: readonly string[] = [],
): Promise<XpraSource & { kind: "wheel" } | undefined> {
  if (Deno.uid() !== 0) return undefined;
  await installPackages(lab, [...xpraBuildPackages, ...morePackages]);
  announce(lab, `building xpra ${version} from its source package, which takes about three minutes`);
  const work = join(labDir(), "build");
  await Deno.mkdir(work, { recursive: true });
  // setuptools reads it from the home directory, and compiles on one processor without it.
  await Deno.writeTextFile(
    join(work, ".pydistutils.cfg"),
    `[build_ext]\nparallel = ${navigator.hardwareConcurrency}\n`,
  );
  try {
    await runProcess(
      [
        ...[python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-binary", "xpra", "--verbose"],
        ...["--wheel-dir", join(work, "wheels"), `xpra==${version}`],
      ],
      {
        output: { line: logger(buildLog()) },
        env: { ...pipEnvironment, TMPDIR: work, HOME: work },
        cwd: work,
      },
    );
    await Deno.mkdir(wheelDir(), { recursive: true });
    for await (const { name } of Deno.readDir(join(work, "wheels"))) {
      await Deno.rename(join(work, "wheels", name), join(wheelDir(), name));
    }
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
  return keptWheel(version);
}

/** The build's output, of which pip prints thousands of lines. */
export function buildLog(): string {
  return join(labDir(), "logs/xpra-build.log");
}

function logger(path: string): (line: string) => void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeTextFileSync(path, "");
  return (line) => Deno.writeTextFileSync(path, `${line}\n`, { append: true });
}
