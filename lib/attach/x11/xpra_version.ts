/**
 * Checks the version of xpra at either end: missing, too old, or with a vulnerability that a hostile container could
 * exploit.
 */

import { ExitCode, ifInstalled, UserError } from "../../base/errors.ts";
import { distribution } from "../../base/distribution.ts";
import type { Host } from "../../base/host.ts";
import { oncePer } from "../../base/promises.ts";
import { isAtLeast } from "../../base/programs.ts";
import { absent, broken, failureOf, type Finding, ok, risk } from "../../cli/finding.ts";

/** How long xpra may take to report its version, in milliseconds. */
const answerMs = 30_000;

/** The oldest supported major version: the long-term one. */
const oldest = 5;

/**
 * What a hostile server can do to a client, by major version, and the first version with the fix. From xpra's release
 * notes of 6.5.3, 6.5.1 and 5.1.6.
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

/** The version in the output of `xpra --version`, such as `xpra v6.5.5-r0`: `6.5.5`. Undefined if there is none. */
export function parseXpraVersion(text: string): string | undefined {
  const [, version, patch = ".0"] = /\bv?(\d+\.\d+)(\.\d+)?/.exec(text) ?? [];
  return version && version + patch;
}

/**
 * Judges a version of xpra: too old, or with a known vulnerability of its client.
 *
 * @param printed the output of `xpra --version`
 * @param where "on this host", or the container
 */
export function judgeXpra(printed: string, where: string, hint: string): Finding {
  const version = parseXpraVersion(printed);
  if (!version) return absent(`The xpra ${where} does not report its version`, hint);
  if (parseInt(version) < oldest) return broken(`The xpra ${where}, ${version}, is too old`, hint);
  const known = vulnerabilities[parseInt(version)];
  if (!known || isAtLeast(version, known.fixedIn)) return ok(`xpra ${version} ${where}`);
  const what = `The xpra ${where}, ${version}, has a known vulnerability: ${known.reason}`;
  return risk(`${what}. Install ${known.fixedIn} or later`, hint);
}

/** Judges the host's xpra, once. */
export const findClient: (host: Host) => Promise<Finding> = oncePer(async (host) => {
  const [where, hint] = ["on this host", installHere()];
  try {
    const asked = host.run(["xpra", "--version"], { looksOnly: true, timeoutMs: answerMs });
    const found = await ifInstalled(asked);
    return found ? judgeXpra(found.stdout, where, hint) : broken(`There is no xpra ${where}`, hint);
  } catch (error) {
    return { ...failureOf(error, where), hint };
  }
});

/**
 * Checks the host's xpra. Warns about a known vulnerability.
 *
 * @param why why Wayland cannot show this, as the end of a sentence; undefined if there is only X, or the user wants X
 * @throws {UserError} with exit code 127 when xpra is missing, too old or broken
 */
export async function checkClient(host: Host, why?: string): Promise<void> {
  const { verdict, what } = await findClient(host);
  if (verdict === "broken") throw noUsableXpra(what, { why, install: installHere() });
  if (verdict === "risk") host.ui.warn(what, { security: true });
}

/**
 * The commands that install a current xpra on Debian and Ubuntu, from xpra's own repository. Derivatives such as Mint
 * give the name of Ubuntu's release.
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

/** The releases for which xpra.org has packages, as in examples/cloud-config/xpra.sh. */
const packagedFor = ["jammy", "noble", "resolute", "bookworm", "trixie", "forky"];

/**
 * The error for an xpra that is missing, too old or broken.
 *
 * @param what the problem, and where
 * @param options `why`: as for {@linkcode checkClient}; `install`: how to install another one; by default, in a
 * container
 */
export function noUsableXpra(
  what: string,
  { why, install = installLines }: { why?: string | undefined; install?: string } = {},
): UserError {
  return new UserError(why === undefined ? what : `${what}, and Wayland cannot show this: ${why}`, {
    hint: `Install version ${oldest} or later there; on Debian and Ubuntu with the lines above`,
    output: install,
    exitCode: ExitCode.missingProgram,
  });
}
