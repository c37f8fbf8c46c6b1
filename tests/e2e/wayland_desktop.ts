/** The Wayland desktop of the lab, for tests, which themselves run on its X display. */

import { join } from "@std/path";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { desktopEnvironment, missingParts, type PartName, seatState } from "../lab/state.ts";
import { keyboardPipe, waylandProgram } from "../lab/wayland.ts";
import { eventually, root, sh } from "./run.ts";

/** The parts of the lab that show a window of a session on it. */
export const waylandParts: readonly PartName[] = ["user", "wayland", "bus", "sound"];

/** Its environment; nothing where there is none, and tests that need it are skipped. */
export function desktop(): Record<string, string> {
  return missingParts("wayland") ? {} : desktopEnvironment(seatState(), "wayland");
}

/** A window, as sway knows it. */
interface Window {
  /** Its title. */
  name: string;
  app_id: string | null;
  focused: boolean;
  /** Its id in sway's commands. */
  id: number;
  /** Where it is on the screen. */
  rect: { x: number; y: number; width: number; height: number };
}

/** The windows on the desktop of `env`, or on the lab's, or in a tree of sway's. */
export async function windows(env: Record<string, string> | string = desktop()): Promise<Window[]> {
  const tree = typeof env === "string" ? env : await sh(["swaymsg", "-t", "get_tree"], { env });
  const found: Window[] = [];
  const walk = (node: { nodes?: []; floating_nodes?: []; pid?: number } & Window): void => {
    if (node.pid !== undefined) found.push(node);
    for (const child of [...node.nodes ?? [], ...node.floating_nodes ?? []]) walk(child);
  };
  walk(JSON.parse(tree));
  return found;
}

/** Waits for a window with this title. */
export async function windowCalled(title: string, env?: Record<string, string>): Promise<Window> {
  let there: Window[] = [];
  try {
    return await eventually(
      `a window called "${title}"`,
      async () => (there = await windows(env)).find(({ name }) => name === title),
    );
  } catch (error) {
    throw new Error(`There are ${JSON.stringify(there.map(({ name }) => name))}`, { cause: error });
  }
}

/**
 * Types into the window with the focus: returns before all is typed.
 *
 * @throws for a character that is on no key of the lab's keyboard
 */
export async function type(text: string): Promise<void> {
  const unknown = [...text].find((char) => char > "~" || char < " " && !"\n\x01\x02".includes(char));
  if (unknown !== undefined) throw new Error(`tests/lab/keyboard.py has no key for ${JSON.stringify(unknown)}`);
  await Deno.writeTextFile(join(desktop()["XDG_RUNTIME_DIR"]!, keyboardPipe), text);
}

/** A pointer on the desktop of `env`, which does what a line says: see pointer.py. */
export async function startPointer(
  env: Record<string, string>,
): Promise<AsyncDisposable & { does(line: string): Promise<unknown> }> {
  const pipe = join(env["XDG_RUNTIME_DIR"]!, "pointer");
  await sh(["mkfifo", pipe]);
  const process = startProcess(["python3", "-c", waylandProgram("pointer.py"), pipe], { env });
  const lines = await Deno.open(pipe, { read: true, write: true });
  return {
    does: (line) => lines.write(new TextEncoder().encode(`${line}\n`)),
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.ended;
      lines.close();
    },
  };
}

/** Starts a compositor of the test's own, and gives its environment. */
export async function startCompositor(
  argv: readonly string[],
  socket: string,
): Promise<{ process: RunningProcess; env: Record<string, string> } & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ prefix: "e2e-wayland-" });
  const { WAYLAND_DISPLAY: _, SWAYSOCK: __, ...rest } = desktop();
  const own = {
    XDG_RUNTIME_DIR: directory,
    SWAYSOCK: join(directory, "sway"),
    WLR_BACKENDS: "headless",
    WLR_RENDERER: "pixman",
  };
  const process = startProcess(["env", "-u", "WAYLAND_DISPLAY", "-u", "DISPLAY", ...argv], {
    env: { ...rest, ...own, WLR_LIBINPUT_NO_DEVICES: "1" },
    output: { line: () => {} },
  });
  await eventually(`${argv[0]}'s socket`, () => Deno.lstat(join(directory, socket)).catch(() => undefined));
  return {
    process,
    env: { ...rest, ...own, DISPLAY: desktop()["DISPLAY"]!, WAYLAND_DISPLAY: socket },
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.ended;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Starts a sway of the test's own, without Xwayland. */
export function startSway(): ReturnType<typeof startCompositor> {
  return startCompositor(["sway", "--config", join(root, "tests/e2e/sway.conf")], "wayland-1");
}
