/** Chooses the display that shows a session. */

import type { Container } from "../container/container.ts";
import { CannotShow, type Display, type DisplayRequest } from "./display/display.ts";
import { type DisplayName, displayNames, displays } from "../settings/displays.ts";

/** Loads a display's module only when needed: each has its own guard. */
const load: Readonly<Record<DisplayName, () => Promise<Display>>> = {
  wayland: async () => (await import("./wayland/display.ts")).wayland,
  x11: async () => (await import("./x11/display.ts")).x11,
};

/**
 * Calls `act` with the best display that can show the request, or with the one that the user has chosen.
 *
 * @param act gets the display, and why no better one is used, if that is worth telling. If it throws {@linkcode
 * CannotShow}, the next display is tried
 * @throws {CannotShow} when the last one cannot
 */
export async function withDisplay<T>(
  container: Pick<Container, "host" | "crossesNetwork">,
  request: DisplayRequest,
  act: (display: Display, why: string | undefined) => Promise<T>,
): Promise<T> {
  const names = request.display === "auto" ? displayNames : [request.display];
  let why: string | undefined;
  for (const name of names) {
    try {
      const display = await load[name]();
      display.check(container, request, why);
      return await act(display, why);
    } catch (error) {
      if (!(error instanceof CannotShow) || name === names.at(-1)) throw error;
      // On a desktop without that display, there is no choice to explain.
      why = container.host.env(displays[name].variable) && error.reason;
    }
  }
  throw new Error("There is no display to choose");
}
