/** What only `attach.ts --doctor` checks: xpra, the display, and the programs in the containers. */

import lookInside from "./look_inside.sh" with { type: "text" };
import { versionTimeoutMs } from "../cli/checks.ts";
import { type Finding, tellFailure } from "../cli/doctor.ts";
import type { Engine } from "../engine/engine.ts";
import { exec } from "../engine/instance.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { mountsOf } from "../container/mounts.ts";
import { listOurs } from "../container/ours.ts";
import { packages } from "../base/process.ts";
import { installLines, isTooOld, knownVulnerability, parseXpraVersion } from "./xpra_version.ts";

/** Checks that the host has an xpra that is current enough and has no known vulnerability. */
export async function checkXpra(host: Host): Promise<Finding[]> {
  try {
    const { stdout } = await host.run(["xpra", "--version"], {
      looksOnly: true,
      timeoutMs: versionTimeoutMs,
    });
    return [judgeXpra(stdout, "on this host")];
  } catch (error) {
    if (error instanceof ProcessError) {
      return [{ verdict: "broken", what: `xpra does not work: ${error.message}`, mend: installLines }];
    }
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.missingProgram) throw error;
    return [{ verdict: "broken", what: "There is no xpra on this host", mend: installLines }];
  }
}

function judgeXpra(stdout: string, where: string): Finding {
  const version = parseXpraVersion(stdout);
  if (!version) return { verdict: "broken", what: `The xpra ${where} does not tell its version`, mend: installLines };
  const text = version.join(".");
  if (isTooOld(version)) {
    return { verdict: "broken", what: `The xpra ${where}, ${text}, is too old`, mend: installLines };
  }
  const vulnerability = knownVulnerability(version);
  if (!vulnerability) return { verdict: "ok", what: `xpra ${text} ${where}` };
  return {
    verdict: "risk",
    what: `The xpra ${where}, ${text}, has a known vulnerability: ${vulnerability.reason}`,
    mend: installLines,
  };
}

/** Checks that there is a display for windows. */
export function checkDisplay(host: Host): Promise<Finding[]> {
  const display = host.env("DISPLAY");
  return Promise.resolve<Finding[]>([
    display ? { verdict: "ok", what: `Windows are shown on the display ${display}` } : {
      verdict: "broken",
      what: "There is no display to show windows on: $DISPLAY is not set",
      mend: "Run it in a desktop session; on Wayland, one with Xwayland",
    },
  ]);
}

/** The programs that a session needs in its container besides xpra, and what is missing without each. */
const sessionPrograms = [
  { program: "Xvfb", without: "no app can be shown", verdict: "broken" },
  { program: "dbus-daemon", without: "no app can be shown", verdict: "broken" },
  { program: "pulseaudio", without: "its apps are not heard", verdict: "absent" },
] as const;

/** Checks what attach.ts needs of each container: its pinned host keys and, when it runs, the programs in it. */
export async function checkAttachable(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const ours = await listOurs(engine);
  const findings = await Promise.all(ours.map(async ({ name, status }): Promise<Finding[]> => {
    const { knownHosts } = mountsOf(host, name);
    if (!await exists(knownHosts)) {
      return [{
        verdict: "broken",
        what: `The host keys of the container "${name}" are not pinned: there is no ${knownHosts}`,
        mend: "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories",
      }];
    }
    return status === "Running"
      ? await checkInside(engine, name).catch((error) => tellFailure(error, inside(name)))
      : [];
  }));
  return findings.flat();
}

/** Where a finding was made. */
function inside(container: string): string {
  return `in the container "${container}"`;
}

async function checkInside(engine: Engine, name: string): Promise<Finding[]> {
  const names = sessionPrograms.map(({ program }) => program);
  const { stdout } = await exec(engine, name, ["/bin/sh", "-c", lookInside, "sh", "xpra", ...names], {
    okCodes: "any",
    timeoutMs: versionTimeoutMs,
  });
  const lines = stdout.split("\n");
  const lacks = (program: string): boolean => lines.includes(`no ${program}`);
  const xpra: Finding = lacks("xpra")
    ? {
      verdict: "broken",
      what: `There is no xpra in the container "${name}"`,
      mend: `In the container (${engine.cli} exec ${name} -- bash):\n${installLines}`,
    }
    : judgeXpra(stdout, inside(name));
  return [
    xpra,
    ...sessionPrograms.filter(({ program }) => lacks(program)).map(({ program, without, verdict }): Finding => ({
      verdict,
      what: `There is no ${program} in the container "${name}": ${without}`,
      mend: `${engine.cli} exec ${name} -- apt-get install ${packages[program]}`,
    })),
  ];
}
