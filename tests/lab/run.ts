/** Runs a command as the lab's user, in this checkout, on one of the lab's desktops, with its bus and its sound. */

import { startProcess } from "../../lib/base/process.ts";
import { checkoutDir, showCheckout } from "./checkout.ts";
import { isAlive } from "./daemons.ts";
import { callerEnvironment } from "./environment.ts";
import {
  desktopEnvironment,
  type DesktopName,
  type EngineName,
  incus7Environment,
  type IncusName,
  labDir,
  type LabState,
  type LabUser,
  type SeatName,
  seatState,
  seatVariable,
} from "./state.ts";
import { enterToday, todayEnvironment } from "./today.ts";
import { asUser, userPath } from "./user.ts";
import { joinManagedGroups } from "./user_manager.ts";

/** What a command runs with. */
interface Choice {
  engine: EngineName;
  incus: IncusName;
  desktop: DesktopName;
  seat: SeatName;
  /** In place of this machine. */
  host?: "today" | undefined;
}

/** Whether `run` can go ahead without bringing anything up. Looks at process ids only, so that it costs nothing. */
export function looksUp(state: LabState): boolean {
  if (state.user === undefined) return false;
  if (Deno.uid() !== 0 && !state.made.user) return true;
  const { display, wayland, user } = state.parts;
  // The demo's lab has no X display, and one of a machine that cannot have the packages may have no desktop at all.
  const hasDesktop = "version" in display || "version" in wayland;
  const cannot = state.lacks?.containers ?? state.lacks?.packages;
  return (hasDesktop || cannot !== undefined) && "version" in user &&
    Object.values(state.processes).every(isAlive);
}

/** Runs `argv`, with our own stdin, stdout and stderr, and gives back its exit code. Signals are passed on. */
export async function runInLab(state: LabState, argv: readonly string[], choice: Choice): Promise<number> {
  const command = Deno.uid() === 0 ? await forUser(state, state.user!, argv, choice) : {
    argv,
    env: {
      ...seatState(choice.seat).env,
      ...Deno.env.toObject(),
      ...(choice.desktop === "wayland" ? desktopEnvironment(seatState(choice.seat), "wayland") : {}),
      [seatVariable]: choice.seat,
      ...(choice.incus === "7" ? incus7Environment(Deno.env.get("PATH")!) : {}),
      GUI_CONTAINER_ENGINE: choice.engine,
      GUI_CONTAINER_LAB_DIR: labDir(),
    },
    cwd: checkoutDir(),
  };
  const child = startProcess(command.argv, { stdin: "inherit", output: "inherit", env: command.env, cwd: command.cwd });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
    Deno.addSignalListener(signal, () => {
      // A terminal has sent these to its whole foreground group already, the command included.
      if ((signal === "SIGINT" || signal === "SIGQUIT") && inForeground()) return;
      child.kill(signal);
    });
  }
  const { code } = await child.ended;
  // What it has written in a copy.
  if (Deno.uid() === 0) await showCheckout(state.user!);
  return code;
}

async function forUser(
  state: LabState,
  user: LabUser,
  argv: readonly string[],
  { engine, incus, desktop, seat, host }: Choice,
): Promise<{ argv: string[]; env: Record<string, string>; cwd: string }> {
  joinManagedGroups();
  const { place: cwd } = await showCheckout(user);
  const env = {
    ...callerEnvironment(),
    ...(host ? todayEnvironment(state) : desktopEnvironment(seatState(seat), desktop)),
    ...(incus === "7" ? incus7Environment(userPath(user)) : {}),
    // Debian testing has a client of its own.
    ...(host ? { PATH: userPath(user) } : {}),
    GUI_CONTAINER_ENGINE: engine,
    GUI_CONTAINER_LAB_DIR: labDir(),
    [seatVariable]: seat,
    PWD: cwd,
  };
  const command = asUser(user, argv, { env });
  return { ...command, argv: [...(host ? enterToday(user, { cwd }) : []), ...command.argv], cwd };
}

/** Whether our process group is the one that the terminal talks to: fields 5 and 8 of /proc/PID/stat. */
function inForeground(): boolean {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[2] === fields[5];
}
