/** xpra's client on the host: how it is started, shows a session, and is ended. */

import type { ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { hostDpi } from "./screen.ts";
import { playSound, withoutSound } from "./sound.ts";
import { clientArgv, clientEnvironment, type ClientOptions } from "./xpra.ts";
import { exists } from "../base/files.ts";

/** Time between SIGTERM and SIGKILL for a client that does not end, in milliseconds. */
const killAfterMs = 3_000;

/** How to attach to a session. */
export interface AttachOptions extends Omit<ClientOptions, "dpi"> {
  /** The session's sound comes through a FIFO, see `sound.ts`, and not through xpra. */
  ownSound: boolean;
}

/** A client that was started. */
export interface Client {
  /** How it ended. Never rejects. */
  ended: Promise<ProcessResult>;
  /** Ends it. Nothing happens when it has ended already. */
  end(): void;
}

/** Starts a client, which ends with the run at the latest; undefined when the run ends before there is a client. */
async function startClient(host: Host, { ownSound, ...options }: AttachOptions): Promise<Client | undefined> {
  const dpi = await hostDpi(host);
  // No await between here and the listener below: a signal in between would leave the client running.
  if (host.signal.aborted) return undefined;
  const open = ownSound ? withoutSound(options.open) : options.open;
  // Detached, so that it gets one signal on Ctrl-C, ours, and not the terminal's too: with both xpra 6.5.5 hangs at times.
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
 * A client that is started before its session is there. xpra 6.5.5 needs 1.3 s until it connects, of which it sleeps 1 s; the
 * session is started or looked up in that time. The client ends with the scope of this value.
 */
export interface PrestartedClient extends AsyncDisposable {
  /**
   * Starts the client. Does nothing in a dry run, and after `end`. Start errors are ignored; the retry reports them.
   *
   * @param limit `withinMs`: the client is ended when nobody takes it within so many milliseconds
   */
  start(options: AttachOptions, limit?: { withinMs: number }): void;
  /** The client, without its limit from now on; undefined when it was never started, or was ended. */
  take(): Promise<Client | undefined>;
  /** Ends the client. */
  end(): Promise<void>;
}

/** Makes a {@linkcode PrestartedClient} that is not started yet. */
export function prestartedClient(host: Host): PrestartedClient {
  let isOver = false;
  let client: Promise<Client | undefined> = Promise.resolve(undefined);
  let giveUp: ReturnType<typeof setTimeout> | undefined;
  const end = async (): Promise<void> => {
    isOver = true;
    clearTimeout(giveUp);
    const started = await client;
    started?.end();
    await started?.ended;
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
 * Shows a session until the client ends, by itself or because the run ends.
 *
 * @param prestarted a client that was started before; another one is started when it had ended before the session was there
 * @returns how the client ended; undefined when the run was ended before there was a client
 */
export async function attachClient(
  host: Host,
  options: AttachOptions,
  prestarted?: Client,
): Promise<ProcessResult | undefined> {
  const player = options.ownSound ? playSound(host, options.socket) : undefined;
  try {
    const result = await (prestarted ?? await startClient(host, options))?.ended;
    const wasTooEarly = prestarted && result && !wasAttached(result) && await exists(options.socket);
    return wasTooEarly ? await (await startClient(host, options))?.ended : result;
  } finally {
    player?.kill("SIGTERM");
  }
}

/** Whether a client that has ended had shown its session. */
export function wasAttached({ stdout, stderr }: ProcessResult): boolean {
  return /^.* Attached to /m.test(`${stdout}${stderr}`);
}
