/** A desktop for the lab's user: virtual display, window manager, message bus, sound server, notifications. */

import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { isAlive, logTail, ready, socketAnswers, startDaemon, stopDaemon, until } from "./daemons.ts";
import { callerVariables } from "./environment.ts";
import { labDir, type LabUser, type Part } from "./state.ts";
import { type Lab, partStep } from "./steps.ts";
import { runtimeDir } from "./checkout.ts";
import { runAsUser } from "./user.ts";

/** What Xvfb gives: room for a few windows side by side, in the depth that xpra expects. */
const screen = "1920x1200x24";

/** The daemons in the order of their start; each needs those before it. */
const daemons = ["display", "bus", "windowManager", "sound", "notifications", "userManager"] as const;

/** Starts those daemons of the desktop that do not run. */
export async function ensureDesktop(lab: Lab): Promise<void> {
  const { state } = lab;
  const user = state.user!;
  if (Deno.uid() !== 0) return await findDesktop(lab);
  makeRuntimeDirectory(user);
  // What was connected to a display that has gone ends with it or hangs; the bus hands DISPLAY to what it starts.
  if (!isAlive(state.processes["display"]) || !await displayAnswers(lab, user)) await stopDesktop(lab);
  await partStep(lab, "display", () => ensureDisplay(lab, user));
  if ("missing" in state.parts.display) return;
  await partStep(lab, "bus", () => ensureBus(lab, user));
  await partStep(lab, "windowManager", () => ensureWindowManager(lab, user));
  await partStep(lab, "sound", () => ensureSound(lab, user));
  await partStep(lab, "notifications", () => ensureNotifications(lab, user));
}

/** Of the desktop, what a Wayland one needs besides its compositor: bus and sound. */
export async function ensureSession(lab: Lab): Promise<void> {
  const user = lab.state.user!;
  makeRuntimeDirectory(user);
  lab.state.env["XDG_RUNTIME_DIR"] = userRuntimeDir();
  await partStep(lab, "bus", () => ensureBus(lab, user));
  await partStep(lab, "sound", () => ensureSound(lab, user));
}

/** Ends the desktop's daemons, the last one first. Gives back how many there were. */
export async function stopDesktop(lab: Lab): Promise<number> {
  let stopped = 0;
  for (const name of daemons.toReversed()) {
    if (await stopDaemon(lab.state, name, { graceMs: 2_000 })) stopped++;
  }
  return stopped;
}

async function ensureDisplay({ state }: Lab, user: LabUser): Promise<Part> {
  const note = screen;
  if (isAlive(state.processes["display"]) && state.env["DISPLAY"]) return { version: state.env["DISPLAY"], note };
  const authority = join(runtimeDir(), "Xauthority");
  writeAuthority(authority, user);
  // An X server that is not root's cannot make it.
  Deno.mkdirSync("/tmp/.X11-unix", { recursive: true });
  Deno.chmodSync("/tmp/.X11-unix", 0o1777);
  const number = join(labDir(), "display");
  Deno.writeTextFileSync(number, "");
  const identity = startDaemon(
    state,
    "display",
    ["Xvfb", "-displayfd", "1", "-auth", authority, "-screen", "0", screen, "-nolisten", "tcp", "-noreset", "-s", "0"],
    { user, stdoutFile: number },
  );
  const read = (): string => Deno.readTextFileSync(number);
  await until(() => read().endsWith("\n") || !isAlive(identity));
  if (!read().endsWith("\n")) return { missing: `Xvfb does not start: ${logTail("display")}` };
  state.env = {
    DISPLAY: `:${read().trim()}`,
    XAUTHORITY: authority,
    XDG_RUNTIME_DIR: userRuntimeDir(),
  };
  return { version: state.env["DISPLAY"]!, note };
}

async function ensureBus({ state }: Lab, user: LabUser): Promise<Part> {
  const socket = join(state.env["XDG_RUNTIME_DIR"]!, "bus");
  state.env["DBUS_SESSION_BUS_ADDRESS"] = `unix:path=${socket}`;
  if (isAlive(state.processes["bus"]) && await socketAnswers(socket)) return { version: "dbus-daemon" };
  await stopDaemon(state, "bus");
  await Deno.remove(socket).catch(() => {});
  const identity = startDaemon(
    state,
    "bus",
    ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", `--address=unix:path=${socket}`],
    { user, env: state.env },
  );
  return await ready("bus", identity, () => socketAnswers(socket), "dbus-daemon");
}

async function ensureWindowManager({ state }: Lab, user: LabUser): Promise<Part> {
  if (isAlive(state.processes["windowManager"])) return { version: "openbox" };
  const identity = startDaemon(state, "windowManager", ["openbox", "--sm-disable"], { user, env: state.env });
  const managed = async (): Promise<boolean> =>
    (await runAsUser(user, ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], { env: state.env }).catch(() => ""))
      .includes("window id");
  return await ready("windowManager", identity, managed, "openbox");
}

async function ensureSound({ state }: Lab, user: LabUser): Promise<Part> {
  const socket = join(state.env["XDG_RUNTIME_DIR"]!, "pulse/native");
  state.env["PULSE_SERVER"] = `unix:${socket}`;
  const note = "null sink";
  if (isAlive(state.processes["sound"]) && await socketAnswers(socket)) return { version: "pulseaudio", note };
  await stopDaemon(state, "sound");
  await Deno.remove(socket).catch(() => {});
  const identity = startDaemon(
    state,
    "sound",
    [
      ...["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr"],
      ...["--disallow-exit", "-L", `module-native-protocol-unix socket=${socket}`],
      ...["-L", "module-null-sink sink_name=lab sink_properties=device.description=lab"],
    ],
    { user, env: state.env },
  );
  return await ready("sound", identity, () => socketAnswers(socket), "pulseaudio", note);
}

async function ensureNotifications({ state }: Lab, user: LabUser): Promise<Part> {
  if (isAlive(state.processes["notifications"])) return { version: "dunst" };
  const identity = startDaemon(state, "notifications", ["dunst"], { user, env: state.env });
  const owned = async (): Promise<boolean> =>
    (await runAsUser(
      user,
      ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]
        .concat("org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.Notifications"),
      { env: state.env },
    ).catch(() => "")).includes("boolean true");
  return await ready("notifications", identity, owned, "dunst");
}

/** A display that runs is of no use when its authority file or its socket was swept away. */
async function displayAnswers({ state }: Lab, user: LabUser): Promise<boolean> {
  if (!state.env["DISPLAY"]) return false;
  return await runAsUser(user, ["xset", "q"], { env: state.env, timeoutMs: 5_000 }).then(() => true, () => false);
}

/** Without root the current user's own desktop is taken, where there is one. */
async function findDesktop(lab: Lab): Promise<void> {
  const names = ["DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER"];
  lab.state.env = callerVariables(names);
  const fromEnvironment = (name: string): Promise<Part> => {
    const value = lab.state.env[name];
    return Promise.resolve(
      value ? { version: value } : { missing: `$${name} is not set, and without root none is made` },
    );
  };
  await partStep(lab, "display", () => fromEnvironment("DISPLAY"));
  await partStep(lab, "bus", () => fromEnvironment("DBUS_SESSION_BUS_ADDRESS"));
  await partStep(lab, "windowManager", async () => {
    const { code, stdout } = await runProcess(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], {
      okCodes: "any",
      timeoutMs: 5_000,
    });
    return code === 0 && stdout.includes("window id")
      ? { version: "the user's own" }
      : { missing: "no window manager" };
  });
  await partStep(lab, "sound", async () => {
    const { code } = await runProcess(["pactl", "info"], { okCodes: "any", timeoutMs: 5_000 });
    return code === 0 ? { version: "the user's own" } : { missing: "no sound server answers" };
  });
  lab.state.parts.notifications = { missing: "without root the user's own notifications are left alone" };
}

/** The `$XDG_RUNTIME_DIR` of the lab's user. */
export function userRuntimeDir(): string {
  return join(runtimeDir(), "user");
}

function makeRuntimeDirectory(user: LabUser): void {
  const own = userRuntimeDir();
  Deno.mkdirSync(join(own, "pulse"), { recursive: true });
  Deno.chmodSync(runtimeDir(), 0o755);
  for (const path of [own, join(own, "pulse")]) {
    Deno.chownSync(path, user.uid, user.gid);
    Deno.chmodSync(path, 0o700);
  }
}

/**
 * Writes an X authority file with a new cookie that fits any display, since the server chooses the number itself. An
 * entry: family, address, number, name and cookie, each with its length in 16 bits (libXau, Xauth.h). The first has the
 * family "wild" and no address; python-xlib 0.33 wants one with the host's name.
 */
function writeAuthority(path: string, user: LabUser): void {
  const field = (data: Uint8Array): number[] => [data.length >> 8, data.length & 255, ...data];
  const nothing = new Uint8Array();
  const name = new TextEncoder().encode("MIT-MAGIC-COOKIE-1");
  const cookie = crypto.getRandomValues(new Uint8Array(16));
  const rest = [...field(nothing), ...field(name), ...field(cookie)];
  const wild = [255, 255, ...field(nothing), ...rest];
  const local = [1, 0, ...field(new TextEncoder().encode(Deno.hostname())), ...rest];
  Deno.writeFileSync(path, Uint8Array.from([...wild, ...local]), { mode: 0o600 });
  Deno.chmodSync(path, 0o600);
  Deno.chownSync(path, user.uid, user.gid);
}
