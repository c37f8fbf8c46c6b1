/** A second desktop for the lab's user, beside the X display: a headless sway with an Xwayland and a keyboard. */

import { join } from "@std/path";
import { runtimeDir } from "./checkout.ts";
import { daemonLog, isAlive, ready, socketAnswers, startDaemon, stopDaemon } from "./daemons.ts";
import { userRuntimeDir } from "./desktop.ts";
import { callerVariables } from "./environment.ts";
import { exists } from "./files.ts";
import { labDir, type LabState, type LabUser, type Part } from "./state.ts";
import { type Lab, partStep } from "./steps.ts";
import { runAsUser } from "./user.ts";

/** The size of the X display. Without a rate, sway 1.10 reports 0 Hz to its clients. */
const mode = "1920x1200@60Hz";

/** The daemons in the order of their start. */
const daemons = ["wayland", "waylandKeyboard"] as const;

/**
 * The configuration of sway: windows without frames, each with the focus until another gets it. No key repeats: on a busy
 * machine, one that is typed is down for long. It chooses the names of its own display and of Xwayland's itself, and says
 * them on its standard output.
 */
const config = `\
output HEADLESS-1 mode --custom ${mode}
focus_follows_mouse no
input * repeat_rate 0
xwayland force
exec echo "$WAYLAND_DISPLAY $DISPLAY"
`;

/** The pipe in the user's runtime directory: the keyboard types what is written to it. */
export const keyboardPipe = "wayland-keyboard";

/** Starts the Wayland desktop if it does not run. */
export async function ensureWayland(lab: Lab): Promise<void> {
  await partStep(lab, "wayland", async () => {
    if (Deno.uid() !== 0) return findWayland(lab.state);
    if (await runs(lab.state)) return describe(lab.state);
    await stopWayland(lab);
    const part = await startWayland(lab.state, lab.state.user!);
    // Half of it is of no use, and would have each `run` try again.
    if ("missing" in part) await stopWayland(lab);
    return part;
  });
}

/** Ends the desktop's daemons, the last one first. Gives back how many there were. */
export async function stopWayland({ state }: Lab): Promise<number> {
  let stopped = 0;
  for (const name of daemons.toReversed()) {
    if (await stopDaemon(state, name, { graceMs: 2_000 })) stopped++;
  }
  state.waylandEnv = {};
  return stopped;
}

/** A compositor that runs is of no use when its socket was swept away. */
async function runs({ processes, waylandEnv }: LabState): Promise<boolean> {
  const { XDG_RUNTIME_DIR: directory, WAYLAND_DISPLAY: name } = waylandEnv;
  return daemons.every((daemon) => isAlive(processes[daemon])) && directory !== undefined && name !== undefined &&
    await socketAnswers(join(directory, name));
}

async function startWayland(state: LabState, user: LabUser): Promise<Part> {
  const compositor = await startCompositor(state, user);
  if ("missing" in compositor) return compositor;
  const keyboard = await startKeyboard(state, user);
  return "missing" in keyboard ? keyboard : compositor;
}

async function startCompositor(state: LabState, user: LabUser): Promise<Part> {
  const own = { XDG_RUNTIME_DIR: userRuntimeDir(), SWAYSOCK: join(userRuntimeDir(), "sway-ipc.sock") };
  // One that is there, sway takes for another sway's.
  if (exists(own.SWAYSOCK)) Deno.removeSync(own.SWAYSOCK);
  const configFile = join(runtimeDir(), "sway.conf");
  Deno.writeTextFileSync(configFile, config);
  const told = join(labDir(), "wayland");
  Deno.writeTextFileSync(told, "");
  const identity = startDaemon(state, "wayland", ["sway", "--config", configFile], {
    user,
    stdoutFile: told,
    env: { ...state.env, ...own, WLR_BACKENDS: "headless", WLR_RENDERER: "pixman" },
  });
  const read = (): string => Deno.readTextFileSync(told);
  const part = await ready("wayland", identity, () => Promise.resolve(read().includes("\n")), "sway");
  if ("missing" in part) return part;
  const [waylandDisplay = "", display = ""] = read().split("\n")[0]!.split(" ");
  if (display === "") return { missing: `sway comes up without Xwayland, see ${daemonLog("wayland")}` };
  state.waylandEnv = {
    ...own,
    WAYLAND_DISPLAY: waylandDisplay,
    DISPLAY: display,
    XDG_SESSION_TYPE: "wayland",
    XDG_CURRENT_DESKTOP: "sway",
  };
  return describe(state);
}

async function startKeyboard(state: LabState, user: LabUser): Promise<Part> {
  const env = { ...state.env, ...state.waylandEnv };
  const pipe = join(userRuntimeDir(), keyboardPipe);
  if (!exists(pipe)) await runAsUser(user, ["mkfifo", pipe]);
  // As text, since the user may not be able to read the checkout.
  const program = waylandProgram("keyboard.py");
  const identity = startDaemon(state, "waylandKeyboard", ["python3", "-c", program, pipe], { user, env });
  const isThere = async (): Promise<boolean> =>
    (await runAsUser(user, ["swaymsg", "-t", "get_inputs"], { env }).catch(() => "")).includes('"type": "keyboard"');
  return await ready("waylandKeyboard", identity, isThere, "a keyboard");
}

/** The text of a program in Python of this directory that speaks Wayland. */
export function waylandProgram(name: string): string {
  return ["wayland_client.py", name].map((file) => Deno.readTextFileSync(new URL(file, import.meta.url))).join("\n");
}

function describe({ waylandEnv }: LabState): Part {
  return { version: waylandEnv["WAYLAND_DISPLAY"]!, note: `sway, ${mode}, Xwayland ${waylandEnv["DISPLAY"]}` };
}

/** Without root the current user's own desktop is taken, where that is a sway: tests ask it for its windows. */
function findWayland(state: LabState): Part {
  const names = ["WAYLAND_DISPLAY", "SWAYSOCK"];
  state.waylandEnv = callerVariables(names);
  const unset = names.filter((name) => !(name in state.waylandEnv));
  if (unset.length > 0) return { missing: `$${unset.join(", $")} not set, and without root no sway is made` };
  return { version: state.waylandEnv["WAYLAND_DISPLAY"]!, note: "the user's own sway" };
}
