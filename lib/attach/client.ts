/** The host's end of a session: xpra's client on the user's display. */

import { ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { playSound, withoutSound } from "./sound.ts";
import { clientArgv, clientEnvironment, type ClientOptions } from "./xpra.ts";
import { exists } from "../base/files.ts";

/** The screen that the X server in the container has. */
export interface Screen {
  /** Of all monitors together, in pixels. */
  width: number;
  /** Of all monitors together, in pixels. */
  height: number;
  /** What apps go by for the size of letters, in dots per inch. */
  dpi: number;
  /** Where each monitor is in it, as xrandr(1) takes and prints it: `800/211x900/238+0+0`, in pixels and millimetres. */
  monitors: readonly string[];
}

/** What X servers take when nobody says otherwise. */
const usualDpi = 96;

/** The screen of the X server in the container when the host's own is not known. */
export const fallbackScreen: Screen = { width: 3840, height: 2160, dpi: usualDpi, monitors: [] };

/** What the host's apps go by: the desktops of today set it, and so do their users. Undefined when it is not set. */
async function hostDpi(host: Host): Promise<number | undefined> {
  try {
    const { stdout } = await host.run(["xrdb", "-query"], { looksOnly: true });
    const dpi = Number(/^Xft\.dpi:\s*(\d+)/m.exec(stdout)?.[1]);
    return dpi >= 50 && dpi <= 500 ? dpi : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The screen that the session's X server is to have: as the host's whole X screen.
 *
 * @throws {UserError} when there is no display to show windows on
 */
export async function hostScreen(host: Host): Promise<Screen> {
  try {
    const [dpi = usualDpi, { stdout }] = await Promise.all([
      hostDpi(host),
      host.run(["xrandr", "--current", "--listmonitors"], { looksOnly: true }),
    ]);
    const found = [...stdout.matchAll(/ (\d+)\/\d+x(\d+)\/\d+\+(\d+)\+(\d+)/g)];
    if (found.length === 0) return fallbackScreen;
    return {
      width: Math.max(...found.map(([, width, , x]) => Number(width) + Number(x))),
      height: Math.max(...found.map(([, , height, , y]) => Number(height) + Number(y))),
      dpi,
      monitors: found.map(([geometry]) => geometry.trim()),
    };
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

/** How to attach to a session. */
export interface AttachOptions extends Omit<ClientOptions, "dpi"> {
  /** The session's sound comes by its FIFO, see `sound.ts`. */
  ownSound: boolean;
}

/** A client that runs. */
export interface Client {
  /** How it ended. Never rejects. */
  ended: Promise<ProcessResult>;
  /** Ends it. Nothing happens when it has ended. */
  end(): void;
}

/** Starts a client that the end of the run ends; undefined when the run has been ended meanwhile. */
async function startClient(host: Host, { ownSound, ...options }: AttachOptions): Promise<Client | undefined> {
  const dpi = await hostDpi(host);
  // From here to the listener nothing waits: a signal in between would find nobody who ends what was started.
  if (host.signal.aborted) return undefined;
  const open = ownSound ? withoutSound(options.open) : options.open;
  // In a session of its own: on Ctrl-C the terminal's signal and ours would meet in it, and xpra 6.5.5 then hangs at times.
  const client = host.start(clientArgv({ ...options, open, dpi }, crypto.randomUUID()), {
    detached: true,
    env: clientEnvironment(crypto.randomUUID()),
  });
  let killing: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    client.kill("SIGTERM");
    killing ??= setTimeout(() => client.kill("SIGKILL"), killAfterMs);
  };
  host.signal.addEventListener("abort", end, { once: true });
  const ended = client.ended.finally(() => {
    isOver = true;
    host.signal.removeEventListener("abort", end);
    clearTimeout(killing);
  });
  return { ended, end };
}

/**
 * A client that is started before its session is known: it takes its time until it connects (xpra 6.5.5: 1.3 s, of which it
 * sleeps one), and the session starts or is asked for meanwhile. It ends with its scope.
 */
export interface ClientAhead extends AsyncDisposable {
  /**
   * Starts it, unless its scope has ended, or in a dry run. What keeps it from starting is told when another one is tried.
   *
   * @param options `withinMs`: it is ended when it was not taken within so many milliseconds
   */
  start(options: AttachOptions, limit?: { withinMs: number }): void;
  /** What was started and was not ended, to be kept: the limit does not count any more. */
  take(): Promise<Client | undefined>;
  /** Ends it. */
  end(): Promise<void>;
}

/** Makes a {@linkcode ClientAhead} that has not been started. */
export function clientAhead(host: Host): ClientAhead {
  let isOver = false;
  let client: Promise<Client | undefined> = Promise.resolve(undefined);
  let giveUp: ReturnType<typeof setTimeout> | undefined;
  const end = async (): Promise<void> => {
    isOver = true;
    clearTimeout(giveUp);
    const ending = await client;
    ending?.end();
    await ending?.ended;
  };
  return {
    start(options, limit) {
      if (isOver || host.dryRun) return;
      client = startClient(host, options).catch(() => undefined);
      if (limit) giveUp = setTimeout(end, limit.withinMs);
    },
    async take() {
      clearTimeout(giveUp);
      return isOver ? undefined : await client;
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

/**
 * Attaches to a session until it ends or the run is ended; then the client is gone. Never throws for how it ended.
 *
 * @param early a client that was started ahead; another one is started if it came too early
 * @returns undefined when the run was ended before there was a client
 */
export async function attachClient(
  host: Host,
  options: AttachOptions,
  early?: Client,
): Promise<ProcessResult | undefined> {
  const player = options.ownSound ? playSound(host, options.socket) : undefined;
  try {
    const result = await (early ?? await startClient(host, options))?.ended;
    const cameTooEarly = early && result && !wasAttached(result) && await exists(options.socket);
    return cameTooEarly ? await (await startClient(host, options))?.ended : result;
  } finally {
    player?.kill("SIGTERM");
  }
}

/** Whether the client got as far as to show the session. */
export function wasAttached({ stdout, stderr }: ProcessResult): boolean {
  return /^.* Attached to /m.test(`${stdout}${stderr}`);
}
