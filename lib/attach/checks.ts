/** What only `attach.ts --doctor` checks: xpra, the display, and the programs in the containers. */

import lookInside from "./look_inside.sh" with { type: "text" };
import { checksOf, versionTimeoutMs } from "../cli/checks.ts";
import { absent, broken, diagnose, type Finding, ok, risk, tellFailure } from "../cli/doctor.ts";
import type { Engine, Instance } from "../engine/engine.ts";
import { exec } from "../engine/instance.ts";
import { ExitCode, ifInstalled, ProcessError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { isClaimed } from "../base/record.ts";
import type { Host } from "../base/host.ts";
import { copyRecordPath, creationRecordPath, mountsOf } from "../container/paths.ts";
import { listOurs } from "../container/ours.ts";
import { all } from "../base/settle.ts";
import { tryBox } from "./box/box.ts";
import { installHint, programs } from "../base/programs.ts";
import { installHere, installLines, isTooOld, knownVulnerability, parseXpraVersion } from "./x11/xpra_version.ts";

/** Checks what attach.ts needs. Returns the exit code. */
export async function diagnoseAttach(host: Host, wanted: string | undefined): Promise<number> {
  return await diagnose(host, {
    wanted,
    checks: checksOf("attach", [checkBox, checkXpra, checkDisplay, checkAttachable, checkWindows]),
  });
}

/** What is missing without xpra, where windows can be shown on Wayland. */
const withoutXpra = "windows are shown on Wayland only, and cannot be left and shown again";

/** Whether windows can be shown on a Wayland desktop of this host's. */
async function hasWayland(host: Host): Promise<boolean> {
  return host.env("WAYLAND_DISPLAY") !== undefined && (await checkDisplay(host))[0]?.verdict === "ok";
}

/** Checks that the host has an xpra that is current enough and has no known vulnerability. */
export async function checkXpra(host: Host): Promise<Finding[]> {
  try {
    const found = await ifInstalled(
      host.run(["xpra", "--version"], { looksOnly: true, timeoutMs: versionTimeoutMs }),
    );
    if (found) return [judgeXpra(found.stdout, "on this host", installHere())];
  } catch (error) {
    if (error instanceof ProcessError) return [broken(`xpra does not work: ${error.message}`, installHere())];
    throw error;
  }
  const what = "There is no xpra on this host";
  return [await hasWayland(host) ? absent(`${what}: ${withoutXpra}`, installHere()) : broken(what, installHere())];
}

/** Checks that bubblewrap makes a box as attach.ts uses it: its kernel or AppArmor may forbid that. */
export async function checkBox(host: Host): Promise<Finding[]> {
  try {
    await tryBox(host);
    return [ok("bubblewrap makes boxes for what reads the container's windows")];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (host.env("WAYLAND_DISPLAY")) return [broken(error.message, error.hint)];
    if (error.exitCode === ExitCode.missingProgram) return [absent(error.message, error.hint)];
    return [broken(error.message, `${error.hint}\nOr --no-box, which runs xpra's client with all of your permissions`)];
  }
}

/** What will happen when an app is run, by what the checks before have found. */
export async function checkWindows(host: Host): Promise<Finding[]> {
  const [display, xpra, box] = await all([checkDisplay(host), checkXpra(host), checkBox(host)]);
  const isUsable = ({ verdict }: Finding): boolean => verdict === "ok" || verdict === "risk";
  const byX = host.env("DISPLAY") !== undefined && xpra.every(isUsable);
  if (box.some(({ verdict }) => verdict === "broken")) {
    return [broken("No window can be shown without a box: see above")];
  }
  if (!host.env("WAYLAND_DISPLAY") || !isUsable(display[0]!)) {
    return [byX ? ok("Windows come over X") : broken("No window can be shown: see above")];
  }
  return [ok(
    byX
      ? "Windows come over Wayland; those of apps that know only X with --display x11"
      : "Windows come over Wayland; apps that know only X have none",
  )];
}

function judgeXpra(stdout: string, where: string, hint: string): Finding {
  const version = parseXpraVersion(stdout);
  if (!version) return broken(`The xpra ${where} does not tell its version`, hint);
  const text = version.join(".");
  if (isTooOld(version)) return broken(`The xpra ${where}, ${text}, is too old`, hint);
  const vulnerability = knownVulnerability(version);
  if (!vulnerability) return ok(`xpra ${text} ${where}`);
  return risk(`The xpra ${where}, ${text}, has a known vulnerability: ${vulnerability.reason}`, hint);
}

/** Checks that there is a display for windows, of X or of Wayland, and what the latter can do. */
export async function checkDisplay(host: Host): Promise<Finding[]> {
  const [display, wayland] = [host.env("DISPLAY"), host.env("WAYLAND_DISPLAY")];
  const x11 = display ? ok(`Windows are shown on the display ${display}`) : wayland
    ? absent(
      "There is no X display: $DISPLAY is not set. Windows that Wayland does not fit cannot be shown",
      "Let the desktop start Xwayland",
    )
    : broken(
      "There is no display to show windows on: neither $DISPLAY nor $WAYLAND_DISPLAY is set",
      "Run it in a desktop session",
    );
  return wayland ? [await judgeWayland(host, wayland), x11] : [x11];
}

async function judgeWayland(host: Host, display: string): Promise<Finding> {
  const options = { looksOnly: true, okCodes: "any", timeoutMs: versionTimeoutMs } as const;
  const found = await ifInstalled(host.run(["waypipe", "--version"], options));
  if (!found) return absent("waypipe is not installed: without it, windows are shown by X", installHint("waypipe"));
  const [, version = "", isOld] = /^waypipe ((0\.[0-8]\b)?\S*)/.exec(found.stdout) ?? [];
  return ok(
    `Windows are shown on the Wayland display ${display}, by a guard` +
      (isOld
        ? `; waypipe ${version} makes no security context, which is a second wall where the desktop has them`
        : ""),
  );
}

/** The programs that a session needs in its container besides xpra, and what is missing without each. */
const sessionPrograms = [
  { program: "Xvfb", without: "no app can be shown", verdict: "broken" },
  { program: "dbus-daemon", without: "no app can be shown", verdict: "broken" },
  { program: "pulseaudio", without: "its apps are not heard", verdict: "absent" },
  { program: "xclip", without: "nothing can be carried by --copy and --paste in sessions by X", verdict: "absent" },
  { program: "waypipe", without: "its windows are shown by X on a Wayland desktop, too", verdict: "absent" },
] as const;

/** Checks what attach.ts needs of each container: its pinned host keys and, when it runs, the programs in it. */
export async function checkAttachable(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine) return [];
  const [ours, byWayland] = await Promise.all([listOurs(host, engine), hasWayland(host)]);
  const findings = await Promise.all(ours.map(async ({ name, status }): Promise<Finding[]> => {
    const mounts = mountsOf(host, { engine, name });
    const { knownHosts } = mounts;
    const isPinned = await exists(knownHosts);
    const isBeingMade = await isClaimed(creationRecordPath(mounts)) ||
      !isPinned && await isClaimed(copyRecordPath(mounts));
    if (isBeingMade) return [ok(`The container "${name}" is being made`)];
    if (!isPinned) {
      return [broken(
        `The host keys of the container "${name}" are not pinned: there is no ${knownHosts}`,
        "Set $GUI_CONTAINER_MOUNTS to where create.ts put its directories",
      )];
    }
    return status === "Running"
      ? await checkInside(host, { engine, name }, { byWayland }).catch((error) => tellFailure(error, inside(name)))
      : [];
  }));
  return findings.flat();
}

/** Where a finding was made. */
function inside(container: string): string {
  return `in the container "${container}"`;
}

async function checkInside(host: Host, instance: Instance, { byWayland }: { byWayland: boolean }): Promise<Finding[]> {
  const { engine, name } = instance;
  const names = sessionPrograms.map(({ program }) => program);
  const { stdout } = await exec(host, instance, ["/bin/sh", "-c", lookInside, "sh", "xpra", ...names], {
    okCodes: "any",
    timeoutMs: versionTimeoutMs,
  });
  const lines = stdout.split("\n");
  const lacks = (program: string): boolean => lines.includes(`no ${program}`);
  const isEnough = byWayland && lacks("xpra") && !lacks("waypipe");
  const what = `There is no xpra in the container "${name}"`;
  const hint = `In the container (${engine.cli} exec ${name} -- bash):\n${installLines}`;
  const xpra = isEnough
    ? absent(`${what}: ${withoutXpra}`, hint)
    : lacks("xpra")
    ? broken(what, hint)
    : judgeXpra(stdout, inside(name), hint);
  const needed = sessionPrograms.filter(({ program }) => lacks(program) && !(isEnough && program === "Xvfb"));
  return [
    xpra,
    ...needed.map(({ program, without, verdict }): Finding => ({
      verdict,
      what: `There is no ${program} in the container "${name}": ${without}`,
      hint: `${engine.cli} exec ${name} -- apt-get install ${programs[program]?.package}`,
    })),
  ];
}
