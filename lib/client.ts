/** The host's end of a session: xpra's client on the user's display. */

import { ProcessError, type ProcessResult, UserError } from "./errors.ts";
import type { Host } from "./host.ts";
import { hasOwnSound, playSound, withoutSound } from "./sound.ts";
import { clientArgv, clientEnvironment, type ClientOptions } from "./xpra.ts";

/** The screen of the X server in the container when the host's own is not known. */
export const fallbackScreen = { width: 3840, height: 2160 };

/**
 * The size of the whole X screen, all monitors together, in pixels.
 *
 * @throws {UserError} when there is no display to show windows on
 */
export async function screenSize(host: Host): Promise<{ width: number; height: number }> {
  try {
    const { stdout } = await host.run(["xrandr", "--current"], { stdin: "null", looksOnly: true });
    const [, width, height] = /current (\d+) x (\d+)/.exec(stdout) ?? [];
    return width && height ? { width: Number(width), height: Number(height) } : fallbackScreen;
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof ProcessError && /open display/.test(error.output)) {
      throw new UserError(`The display "${host.env("DISPLAY")}" cannot be opened`, {
        hint: "Run it in a desktop session, or start the app without its windows: --detached",
        output: error.output,
      });
    }
    return fallbackScreen;
  }
}

/** Time between SIGTERM and SIGKILL for a client that does not end. */
const killAfterMs = 3_000;

/**
 * Attaches to a session until it ends or the run is ended; then the client is gone. Never throws for how it ended.
 */
export async function attachClient(
  host: Host,
  options: ClientOptions,
): Promise<ProcessResult> {
  host.signal.throwIfAborted();
  // In a session of its own: on Ctrl-C the terminal's signal and ours would meet in it, and xpra 6.5.5 then hangs at times.
  const player = hasOwnSound(options.open) ? playSound(host, options.socket) : undefined;
  const open = player || host.dryRun && hasOwnSound(options.open) ? withoutSound(options.open) : options.open;
  const client = host.start(clientArgv({ ...options, open }, crypto.randomUUID()), {
    stdin: "null",
    detached: true,
    env: { ...clientEnvironment },
  });
  let killing: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    client.kill("SIGTERM");
    killing = setTimeout(() => client.kill("SIGKILL"), killAfterMs);
  };
  host.signal.addEventListener("abort", end, { once: true });
  try {
    return await client.ended;
  } finally {
    host.signal.removeEventListener("abort", end);
    player?.kill("SIGTERM");
    clearTimeout(killing);
  }
}

/** Whether the client got as far as to show the session. */
export function wasAttached({ stdout, stderr }: ProcessResult): boolean {
  return /^.* Attached to /m.test(`${stdout}${stderr}`);
}
