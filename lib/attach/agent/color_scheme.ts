/** Whether the host's apps are dark or light, for a session whose apps are to follow. */

import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { hostAppearance } from "../session/appearance.ts";

const changed = /^color-scheme: '(default|prefer-dark|prefer-light)'$/;

/** Calls `tell` with the colour scheme, and again at each change, until the end of this value's scope. */
export function followColorScheme(host: Host, tell: (scheme: string) => void): Disposable {
  hostAppearance(host).then(({ colorScheme }) => tell(colorScheme ?? "default"));
  const line = (line: string): void => {
    const [, scheme] = changed.exec(line) ?? [];
    if (scheme !== undefined) tell(scheme);
  };
  const monitor = ["gsettings", "monitor", "org.gnome.desktop.interface", "color-scheme"];
  try {
    const running = host.start(["setpriv", "--pdeathsig", "TERM", ...monitor], { detached: true, output: { line } });
    return { [Symbol.dispose]: () => running.kill("SIGTERM") };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { [Symbol.dispose]() {} };
  }
}
