/**
 * The channel `sound`: raw samples go from a session to the host through a FIFO beside the session's socket. xpra's own
 * sound (6.5.5) would encode and send silence all the time, which takes a tenth of a processor or more, and a client
 * that connects too early waits 5 s.
 *
 * In the container, the session's own PulseAudio, which pulse.sh starts, writes to the FIFO while an app plays. On the
 * host, play_fifo.sh runs `pacat` while samples come. Nothing goes back. Only one client can play the sound of a
 * session: two would each get a part of the samples.
 *
 * From another machine, samples come by ssh, fewer of them and of 8 bits each (G.711's µ-law): no decoder reads what
 * the container sends, and silence sends nothing.
 */

import playFifoSh from "./play_fifo.sh" with { type: "text" };
import { delay } from "@std/async";
import { concat } from "@std/bytes";
import { ExitCode } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ProcessOptions, RunningProcess } from "../../base/process.ts";
import { withValues } from "../../base/shell_words.ts";
import type { Container } from "../../container/container.ts";
import type { Channel } from "../interface.ts";
import pulseSh from "../pulse.sh" with { type: "text" };
import { describeSamples, noPacat, pacatArgv, type Samples } from "../samples.ts";
import soundSh from "./session.sh" with { type: "text" };

/** The end of the FIFO's name, after that of the session's socket. */
const soundSuffix = "~sound";

export const channel: Channel = {
  session: {
    parts: [soundSh, pulseSh],
    hasFifo: true,
    values: ({ crossesNetwork }) => ({ sink: describeSamples(crossesNetwork ? remoteSamples : localSamples) }),
  },
  async show(container, session, { stays, signal }) {
    const player = await playSound(container, session, { outlives: stays });
    const stop = (): void => player?.kill("SIGTERM");
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  },
  async lack(container, { session, clients }) {
    if (clients > 0) return `Another client is attached to "${session}", and plays its sound`;
    const source = await container.readFifo(`${session}${soundSuffix}`);
    if (source && "close" in source) source.close();
    return source ? undefined : `There is no sound: "${session}" was started without the channel`;
  },
};

/** On one machine: 1.5 Mbit/s. */
const localSamples: Samples = { format: "s16le", rate: 48_000, channels: 2, latencyMs: 60 };
/** Over a network, where samples may come late: 0.5 Mbit/s. */
const remoteSamples: Samples = { format: "ulaw", rate: 32_000, channels: 2, latencyMs: 150 };
/** A sample of both channels, in bytes. */
const remoteFrame = 2;
const remoteBytesPerMs = remoteSamples.rate * remoteFrame / 1000;

/** How much sound from another machine may wait, in milliseconds. More is dropped: all later sound would lag. */
const maxAheadMs = 400;
/** After how much silence the player ends, in milliseconds: a sound server keeps its card awake for silent streams. */
const restMs = 4_000;
/** The pause after each piece when samples come too fast, in milliseconds. */
const floodPauseMs = 10;

/**
 * Plays the sound of a session until the session, the connection or the player ends. Warns when pacat is not installed.
 *
 * @param options `outlives`: the player ends only with the session. By default it also ends with this run, even if that
 * is killed
 * @returns the player; undefined when the session has no FIFO
 */
export async function playSound(
  container: Container,
  session: string,
  { outlives = false }: { outlives?: boolean } = {},
): Promise<RunningProcess | undefined> {
  const { host } = container;
  const source = await container.readFifo(`${session}${soundSuffix}`);
  if (source === undefined) return undefined;
  if (!("close" in source)) return playOutput(host, source.argv);
  const player = startPlayer(host, { path: source.path, samples: localSamples, outlives });
  player.ended.then(source.close);
  return player;
}

/** Starts the script that plays samples from a pipe while some come. */
function startPlayer(
  host: Host,
  { path, samples, outlives = false, ...streams }: Pick<ProcessOptions, "stdin"> & {
    path: string;
    samples: Samples;
    outlives?: boolean;
  },
): RunningProcess {
  const player = host.start(
    [
      ...["setpriv", "--pdeathsig", outlives ? "clear" : "TERM", "/bin/sh", "-c"],
      ...[withValues(playFifoSh, { rest_seconds: `${restMs / 1000}` }), "gui-container", path],
      ...pacatArgv("playback", samples),
    ],
    { ...streams, ...outlives ? { detached: true, output: "discard" } : {} },
  );
  player.ended.then(({ code }) => {
    if (code === ExitCode.missingProgram) host.ui.warn(`There will be no sound. ${noPacat}`);
  });
  return player;
}

/** Plays the samples that a program prints, which reads them over a network. */
function playOutput(host: Host, reader: string[]): RunningProcess {
  const inTime = onlyInTime(() => performance.now());
  const samples = new TransformStream<Uint8Array, Uint8Array>(
    {},
    new ByteLengthQueuingStrategy({ highWaterMark: maxAheadMs * remoteBytesPerMs }),
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  const writer = samples.writable.getWriter();
  const stdin = { bytes: samples.readable };
  const player = startPlayer(host, { path: "/dev/stdin", samples: remoteSamples, stdin });
  const source = host.start(reader, {
    detached: true,
    output: {
      async bytes(piece) {
        const part = inTime(piece);
        if (!part) return await delay(floodPauseMs);
        // A player that hangs has no room, and misses these.
        if (writer.desiredSize! > 0) writer.write(part).catch(() => {});
      },
    },
  });
  source.ended.then(() => writer.close()).catch(() => {});
  player.ended.then(() => source.kill("SIGTERM"));
  return player;
}

/**
 * Makes a filter that returns the samples to play: whole frames, and never more than `maxAheadMs` ahead of time. After
 * a pause of the network, delayed samples come all at once, and playing them would delay all later ones.
 *
 * @param now a clock in milliseconds
 */
export function onlyInTime(now: () => number): (piece: Uint8Array) => Uint8Array | undefined {
  let rest = new Uint8Array();
  let playedUntil = now();
  return (piece) => {
    const all = concat([rest, piece]);
    const whole = all.length - all.length % remoteFrame;
    rest = all.slice(whole);
    playedUntil = Math.max(playedUntil, now());
    const lengthMs = whole / remoteBytesPerMs;
    if (playedUntil - now() + lengthMs > maxAheadMs) return undefined;
    playedUntil += lengthMs;
    return all.subarray(0, whole);
  };
}
