/** The Wayland desktop of the lab, for tests, which themselves run on its X display. */

import { join } from "@std/path";
import { desktopEnvironment, labState, type PartName } from "../lab/state.ts";
import { keyboardPipe } from "../lab/wayland.ts";
import { eventually, sh } from "./world.ts";

/** The parts of the lab that show a window of a session on it. */
export const waylandParts: readonly PartName[] = ["user", "wayland", "bus", "sound"];

/** Its environment. */
export function desktop(): Record<string, string> {
  return desktopEnvironment(labState(), "wayland");
}

/** A window, as sway knows it. */
interface Window {
  /** Its title. */
  name: string;
  app_id: string | null;
  focused: boolean;
  /** Its id in sway's commands. */
  id: number;
}

/** The windows on the desktop of `env`, or on the lab's. */
export async function windows(env: Record<string, string> = desktop()): Promise<Window[]> {
  const found: Window[] = [];
  const walk = (node: { nodes?: []; floating_nodes?: []; pid?: number } & Window): void => {
    if (node.pid !== undefined) found.push(node);
    for (const child of [...node.nodes ?? [], ...node.floating_nodes ?? []]) walk(child);
  };
  walk(JSON.parse(await sh(["swaymsg", "-t", "get_tree"], { env })));
  return found;
}

/** Waits for a window with this title. */
export function windowCalled(title: string, env?: Record<string, string>): Promise<Window> {
  return eventually(
    `a window called "${title}"`,
    async () => (await windows(env)).find(({ name }) => name === title),
  );
}

/** Types into the window with the focus: returns before all is typed. */
export async function type(text: string): Promise<void> {
  await Deno.writeTextFile(join(desktop()["XDG_RUNTIME_DIR"]!, keyboardPipe), text);
}
