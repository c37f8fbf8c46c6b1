/**
 * The checks that `attach.ts --doctor` adds to all scripts': how windows can be shown, and what each container lacks.
 */

import lookInside from "./look_inside.sh" with { type: "text" };
import { type Diagnosis, type DoctorCheck, type EngineFacts, type Facts, onEngine } from "../cli/doctor.ts";
import { absent, broken, failureOf, type Finding, ok } from "../cli/finding.ts";
import { checks, isBlocked, isStill, versionOptions, versionTimeoutMs } from "../cli/doctor_checks.ts";
import { findInstance, type InstanceInfo, noAddressError } from "../engine/instance.ts";
import { ExitCode, ifInstalled, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { installHint, programs } from "../base/programs.ts";
import { isClaimed } from "../base/lock.ts";
import { addressOf } from "../container/address.ts";
import { creationRecordPath, disposableRecordPath, mountsOf } from "../container/paths.ts";
import { containerAt } from "../container/resolve.ts";
import { KeysRefused } from "../container/ssh.ts";
import { CannotShow } from "./display/display.ts";
import { tryContext } from "./wayland/client.ts";
import { tryBox } from "./box/box.ts";
import { hostScreen, requireDisplay } from "./x11/screen.ts";
import { findClient, installLines, judgeXpra } from "./x11/xpra_version.ts";

const displayChecks: readonly DoctorCheck[] = [
  { find: findBox, about: "box" },
  { find: findXpra, about: "xpra" },
  { find: findWayland, about: "wayland" },
  { find: findX11, about: "x11" },
  { find: onEngine(findAttachable), about: "container" },
];

const outcome: Diagnosis["outcome"] = (findings, { engine }) => {
  const has = (subject: Finding["about"]): boolean =>
    findings.some(({ about, verdict }) => about === subject && (verdict === "ok" || verdict === "risk"));
  const isBoxBroken = findings.some(({ about, verdict }) => about === "box" && verdict === "broken");
  const byWayland = has("wayland") && has("box");
  const byX = has("x11") && has("xpra") && !isBoxBroken;
  const isOther = findings.filter(({ about }) => !["box", "xpra", "wayland", "x11"].includes(about ?? ""));
  if (!engine || isBlocked(isOther)) return broken("No app can be run: see above");
  if (!byWayland) return byX ? ok("Windows are shown over X") : broken("No window can be shown: see above");
  const line = "Windows are shown over Wayland; those of apps that know only X in one window";
  return ok(byX ? `${line}, or each by --display x11` : line);
};

export const attachDiagnosis: Diagnosis = { script: "attach", checks: [...checks, ...displayChecks], outcome };

/** What does not work without xpra if windows can be shown on Wayland. */
const withoutXpra = "windows are shown on Wayland only, and cannot be left and shown again";

/** Checks that bubblewrap can make attach.ts's boxes: the kernel or AppArmor may forbid it. */
async function findBox({ host }: Facts): Promise<Finding[]> {
  try {
    const { code, stderr } = await tryBox(host);
    if (code !== 0) return [broken(`bubblewrap does not work: ${stderr.trim()}`, "Install it again")];
    return [ok("bubblewrap makes sandboxes for the programs that show the container's windows")];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { message, hint, exitCode } = error;
    if (exitCode === ExitCode.missingProgram) return [absent(message, hint)];
    const open = host.env("DISPLAY") ? "\nOr --no-box, which runs xpra's client with all of your permissions" : "";
    return [broken(message, hint + open)];
  }
}

/** Checks that the host's xpra is recent enough, and has no known vulnerability. */
async function findXpra({ host }: Facts): Promise<Finding[]> {
  const found = await findClient(host);
  // On a Wayland desktop, windows can be shown without it.
  const isNeeded = found.verdict !== "broken" || !host.env("WAYLAND_DISPLAY");
  return [isNeeded ? found : absent(`${found.what}: ${withoutXpra}`, found.hint)];
}

/** Checks that waypipe in its box can show windows on the Wayland compositor. */
async function findWayland({ host }: Facts): Promise<Finding[]> {
  const display = host.env("WAYLAND_DISPLAY");
  if (!display) return [];
  const found = await ifInstalled(host.run(["waypipe", "--version"], versionOptions));
  if (!found) return [absent("waypipe is not installed: without it, windows are shown over X", installHint("waypipe"))];
  const [, version = "", isOld] = /^waypipe ((0\.[0-8]\b)?\S*)/.exec(found.stdout) ?? [];
  try {
    const second = await tryContext(host)
      ? "a security context is a second line of defence"
      : isOld
      ? "it is too old for security contexts, a second line of defence"
      : "the compositor has no security contexts, a second line of defence";
    return [ok(`waypipe ${version} shows windows on the Wayland display ${display}, through a guard; ${second}`)];
  } catch (error) {
    if (error instanceof CannotShow) {
      return [absent(`No window can be shown on the Wayland display ${display}: ${error.reason}`)];
    }
    // The check of the box reports this.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Checks that there is an X display, and that it answers. */
async function findX11({ host }: Facts): Promise<Finding[]> {
  const display = host.env("DISPLAY");
  if (!display && host.env("WAYLAND_DISPLAY")) {
    const what = "There is no X display: $DISPLAY is not set. Windows that need X cannot be shown";
    return [absent(what, "Let the desktop start Xwayland")];
  }
  try {
    requireDisplay(host);
    await hostScreen(host);
    return [ok(`Windows are shown on the display ${display}`)];
  } catch (error) {
    const { what, hint } = failureOf(error);
    return [(display ? absent : broken)(what, hint)];
  }
}

/** The programs that a session needs in its container besides xpra, and what does not work without each. */
const sessionPrograms = [
  { program: "Xvfb", without: "no app can be shown", verdict: "broken" },
  { program: "dbus-daemon", without: "no app can be shown", verdict: "broken" },
  { program: "pulseaudio", without: "its apps cannot be heard", verdict: "absent" },
  { program: "xclip", without: "--copy and --paste do not work in sessions over X", verdict: "absent" },
  { program: "waypipe", without: "its windows are shown over X on a Wayland desktop, too", verdict: "absent" },
  { program: "Xwayland", without: "its apps that know only X are not shown over Wayland", verdict: "absent" },
] as const;

/** Checks that attach.ts can use each running container: it accepts SSH, and has all programs. */
async function findAttachable({ host, managed }: Facts & EngineFacts): Promise<Finding[]> {
  const findings = await Promise.all((await managed()).map(async (instance): Promise<Finding[]> => {
    const { name, status } = instance;
    const mounts = mountsOf(host, instance);
    const isBeingMade = await isClaimed(creationRecordPath(mounts)) ||
      await isClaimed(disposableRecordPath(mounts)) && !await exists(mounts.knownHosts);
    if (isBeingMade) return [ok(`The container "${name}" is being made`)];
    if (status !== "Running") return [];
    return await findInside(host, instance).catch(async (error) => {
      if (!await isStill(host, instance)) return [];
      return [
        error instanceof KeysRefused
          ? absent(`${error.message}, unless ssh may ask for a passphrase`, error.hint)
          : failureOf(error, inside(name)),
      ];
    });
  }));
  return findings.flat();
}

/** The place of a finding. */
function inside(container: string): string {
  return `in the container "${container}"`;
}

/** Logs into a container as its user, and checks for what a session needs. */
async function findInside(host: Host, instance: InstanceInfo): Promise<Finding[]> {
  const { engine, name } = instance;
  const { isLocal } = engine.server;
  const found = await findInstance(host, instance, { withState: isLocal });
  if (found?.status !== "Running") return [];
  if (isLocal && found.hasNetwork && found.address === undefined) throw await noAddressError(host, found);
  const options = { made: Promise.resolve(found), keepsHistory: false };
  await using container = await containerAt(host, addressOf(host, found), options);
  const { stdout } = await container.script({
    script: lookInside,
    parameters: ["xpra", ...sessionPrograms.map(({ program }) => program)],
    mayAsk: false,
    timeoutMs: versionTimeoutMs,
  });
  const lines = stdout.split("\n");
  const lacks = (program: string): boolean => lines.includes(`no ${program}`);
  const isEnough = host.env("WAYLAND_DISPLAY") !== undefined && lacks("xpra") && !lacks("waypipe");
  const what = `There is no xpra in the container "${name}"`;
  const hint = `In the container (${engine.cli} exec ${name} -- bash):\n${installLines}`;
  const xpra = isEnough
    ? absent(`${what}: ${withoutXpra}`, hint)
    : lacks("xpra")
    ? broken(what, hint)
    : judgeXpra(stdout, inside(name), hint);
  const needed = sessionPrograms.filter(({ program }) => lacks(program) && !(isEnough && program === "Xvfb"));
  const closed = isLocal ? [".xpra", "share"].filter((directory) => lines.includes(`closed ${directory}`)) : [];
  return [
    xpra,
    ...closed.map((directory) =>
      broken(
        `The user of the container "${name}" cannot write in ${directory}, which this host shares with it`,
        `See whether an ACL is missing (getfacl ${container.mounts.directory}/*), or SELinux denies it (getenforce)`,
      )
    ),
    ...needed.map(({ program, without, verdict }): Finding => ({
      verdict,
      what: `There is no ${program} in the container "${name}": ${without}`,
      hint: `${engine.cli} exec ${name} -- apt-get install ${programs[program]?.package}`,
    })),
  ];
}
