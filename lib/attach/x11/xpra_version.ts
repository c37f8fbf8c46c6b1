/** The version of xpra on either end: missing, too old, or with a vulnerability that a hostile container could use. */

import { ExitCode, ifInstalled, ProcessError, type ProcessResult, UserError } from "../../base/errors.ts";
import { distribution } from "../../base/distribution.ts";
import type { Host } from "../../base/host.ts";
import { oncePer } from "../../base/promises.ts";
import { isAtLeast } from "../../base/version.ts";

/** The first version that is supported: the long-term one. */
const oldest = 5;

/**
 * What a hostile server can do with a client, by its major version, and the first version that has the fix. From xpra's
 * release notes of 6.5.3, 6.5.1 and 5.1.6.
 */
const vulnerabilities: Readonly<Record<number, { fixedIn: string; reason: string }>> = {
  5: {
    fixedIn: "5.1.6",
    reason: "a hostile server can have files written outside of the download directory and any kind of URL opened",
  },
  6: {
    fixedIn: "6.5.3",
    reason: "pointers and sizes that a hostile server gives for the shared memory are not checked",
  },
};

/** The version in what `xpra --version` prints, such as `xpra v6.5.5-r0`: `6.5.5`. Undefined when there is none. */
export function parseXpraVersion(text: string): string | undefined {
  const [, version, patch = ".0"] = /\bv?(\d+\.\d+)(\.\d+)?/.exec(text) ?? [];
  return version && version + patch;
}

/** Whether a version is older than the oldest supported one. */
export function isTooOld(version: string): boolean {
  return parseInt(version) < oldest;
}

/** The known vulnerability of a client of this version; undefined when none is known. */
export function knownVulnerability(version: string): typeof vulnerabilities[number] | undefined {
  const known = vulnerabilities[parseInt(version)];
  return known && !isAtLeast(version, known.fixedIn) ? known : undefined;
}

/** How long it may take to say its version, in milliseconds. */
const versionMs = 30_000;

/** What the host's xpra says of its version, asked once; undefined when there is no xpra. */
export const askVersion: (host: Host) => Promise<ProcessResult | undefined> = oncePer((host) =>
  ifInstalled(host.run(["xpra", "--version"], { looksOnly: true, timeoutMs: versionMs }))
);

/**
 * Checks the host's xpra. Warns of a known vulnerability.
 *
 * @param why why Wayland does not show this, as the end of a sentence; undefined where X is all that there is, or wanted
 * @throws {UserError} with exit code 127 when there is no xpra, or when it is too old or broken
 */
export async function checkClient(host: Host, why?: string): Promise<void> {
  const found = await askVersion(host).catch((error) => {
    throw error instanceof ProcessError
      ? noUsableXpra("on this host", { output: error.output || error.message })
      : error;
  });
  if (!found) throw noUsableXpra("on this host", { why });
  const version = parseXpraVersion(found.stdout);
  if (!version) return;
  if (isTooOld(version)) throw noUsableXpra("on this host", { version });
  const vulnerability = knownVulnerability(version);
  if (vulnerability) {
    const { reason, fixedIn } = vulnerability;
    host.ui.warn(
      `The xpra on this host, ${version}, has a known vulnerability: ${reason}. Install ${fixedIn} or later`,
      { security: true },
    );
  }
}

/**
 * The commands that install a current xpra on Debian and Ubuntu, from xpra's own repository. A distribution that is made
 * from Ubuntu, such as Mint, names the release of Ubuntu.
 */
export const installLines = `\
sudo wget -O /usr/share/keyrings/xpra.asc https://xpra.org/xpra.asc
sudo wget -P /etc/apt/sources.list.d "https://raw.githubusercontent.com/Xpra-org/xpra/master/packaging/repos/$(. /etc/os-release; echo "\${UBUNTU_CODENAME:-$VERSION_CODENAME}")/xpra.sources"
sudo apt-get update && sudo apt-get install xpra`;

export function installHere({ family, codename = "" } = distribution()): string {
  if (family === "debian" && packagedFor.includes(codename)) return installLines;
  return "See https://github.com/Xpra-org/xpra/wiki/Download" +
    (family === "debian" ? `: xpra.org has no packages for "${codename}"` : "");
}

/** The releases for which xpra.org has packages, as examples/cloud-config/xpra.sh says. */
const packagedFor = ["jammy", "noble", "resolute", "bookworm", "trixie", "forky"];

/**
 * The error for an xpra that is missing, too old or broken.
 *
 * @param where "on this host", or in which container
 * @param found what is known of it: its version, an option that it does not know, or what it printed when it failed;
 * none of them when there is no xpra. `why`: as for {@linkcode checkClient}
 */
export function noUsableXpra(
  where: string,
  found: { version?: string; unknownOption?: string; output?: string; why?: string | undefined },
): UserError {
  const what = found.version !== undefined
    ? `The xpra ${where}, ${found.version}, is too old`
    : found.unknownOption !== undefined
    ? `The xpra ${where} is too old: it does not know ${found.unknownOption}`
    : found.output !== undefined
    ? `The xpra ${where} does not work`
    : `There is no xpra ${where}${found.why === undefined ? "" : `, and Wayland cannot show this: ${found.why}`}`;
  return new UserError(what, {
    hint: `Install version ${oldest} or later there; on Debian and Ubuntu with the lines above`,
    output: [found.output?.trimEnd(), where === "on this host" ? installHere() : installLines].filter(Boolean).join(
      "\n",
    ),
    exitCode: ExitCode.missingProgram,
  });
}
