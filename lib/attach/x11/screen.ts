/** The screen of a session: it has the size, monitors and dots per inch of the host's. */

import { causedBy, ProcessError, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { oncePer } from "../../base/promises.ts";
import { hostResources } from "../../base/desktop.ts";

export interface XScreen {
  /** Of all monitors together, in pixels. */
  width: number;
  /** Of all monitors together, in pixels. */
  height: number;
  /** Dots per inch, by which apps scale their text. */
  dpi: number;
  /**
   * The geometry of each monitor, as xrandr(1) takes and prints it: `800/211x900/238+0+0`, in pixels and millimetres.
   */
  monitors: readonly string[];
}

/** How long an X server may take to answer, in milliseconds: one that hangs never does. */
const answerMs = 10_000;

/** The default dots per inch of X servers. */
const usualDpi = 96;

/** The screen of a session when the host's is not known. */
export const fallbackScreen: XScreen = { width: 3840, height: 2160, dpi: usualDpi, monitors: [] };

const noDisplayHint = "Run it in a desktop session, or start the app without its windows: --detached";

/**
 * Checks that there is an X display to show windows on.
 *
 * @param whyX why Wayland cannot show them, on a Wayland desktop
 * @throws {UserError} when `$DISPLAY` is not set
 */
export function requireDisplay(host: Host, whyX?: string): void {
  if (host.env("DISPLAY")) return;
  if (whyX === undefined) {
    throw new UserError("No display to show windows on: $DISPLAY is not set", { hint: noDisplayHint });
  }
  throw new UserError(`No X display ($DISPLAY is not set), and Wayland cannot show this: ${whyX}`, {
    hint: "Change that, or enable Xwayland; attach.ts --doctor says more",
  });
}

/**
 * The host's whole X screen, queried once; {@linkcode fallbackScreen} if xrandr does not report it.
 *
 * @throws {UserError} when the display cannot be opened or does not answer
 */
export const hostScreen: (host: Host) => Promise<XScreen> = oncePer(async (host) => {
  try {
    const [resources, { stdout }] = await Promise.all([
      hostResources(host),
      host.run(["xrandr", "--current", "--listmonitors"], { looksOnly: true, timeoutMs: answerMs }),
    ]);
    const found = [...stdout.matchAll(/ (\d+)\/\d+x(\d+)\/\d+\+(\d+)\+(\d+)/g)];
    if (found.length === 0) return fallbackScreen;
    // The setting for the host's apps.
    const dpi = Number(/^Xft\.dpi:\s*(\d+)/m.exec(resources)?.[1]);
    return {
      width: Math.max(...found.map(([, width, , x]) => Number(width) + Number(x))),
      height: Math.max(...found.map(([, , height, , y]) => Number(height) + Number(y))),
      dpi: dpi >= 50 && dpi <= 500 ? dpi : usualDpi,
      monitors: found.map(([geometry]) => geometry.trim()),
    };
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof ProcessError && (error.timedOut || /open display/.test(error.output))) {
      const what = error.timedOut ? "does not answer" : "cannot be opened";
      throw new UserError(`The display "${host.env("DISPLAY")}" ${what}`, {
        hint: noDisplayHint,
        ...causedBy(error),
      });
    }
    return fallbackScreen;
  }
});
