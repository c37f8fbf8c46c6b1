/**
 * Sound from a session to the host: raw samples through a FIFO beside the session's socket. xpra 6.5.5 by itself
 * encodes and sends silence without end, which takes a tenth of a processor and more, and a client that connects too
 * early waits 5 s.
 *
 * In the container the session's own PulseAudio, which serve_session.sh starts, writes to the FIFO while an app plays.
 * On the host `pacat` reads and plays the samples. It sends nothing back. Only one client can play the sound of a
 * session: two would each get a part of the samples.
 *
 * From another machine the samples come by ssh, fewer of them and of 8 bits each (G.711's µ-law): no decoder reads what
 * the container sends, and silence sends nothing.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { delay } from "@std/async";
import readSound from "./read_sound.sh" with { type: "text" };
import { ExitCode, UserError } from "../base/errors.ts";
import type { Channel } from "./channels.ts";
import type { Host } from "../base/host.ts";
import type { RunningProcess } from "../base/process.ts";
import { programs } from "../base/programs.ts";
import { withValues } from "../base/shell_words.ts";
import { sshArgv, type SshTarget } from "../container/ssh.ts";
import { containerPaths } from "../container/user.ts";

/**
 * What the FIFO's name has behind the name of the session's socket. start_session.sh makes the FIFO: PulseAudio would
 * make one that everybody may read and write.
 */
export const soundSuffix = "~sound";

/** How sound is sampled. Both ends must agree on it. */
interface Samples {
  format: "s16le" | "ulaw";
  /** A second. */
  rate: number;
  channels: 2;
}

/** On one machine: 1.5 Mbit/s. */
const local: Samples = { format: "s16le", rate: 48_000, channels: 2 };
/** Over a network: 0.5 Mbit/s. */
const remote: Samples = { format: "ulaw", rate: 32_000, channels: 2 };
/** Bytes of both channels, by the format. */
const remoteFrame = 2;

/**
 * How much sound waits at the host's sound server, in milliseconds. Enough for a busy machine, too little to be
 * noticed.
 */
const latencyMs = 60;
/** The same over a network, where some comes late. */
const remoteLatencyMs = 150;
/**
 * How much sound from another machine may wait to be played, in milliseconds; what comes beyond that is dropped, else
 * all later sound would lag.
 */
const longestAheadMs = 400;
/** What comes too fast is read this slowly: so long for each piece, in milliseconds. */
const floodPauseMs = 10;

/** How much a pipe can hold (pipe(7)), in bytes. */
const pipeSize = 65_536;

/**
 * Whether a session's sound goes through the FIFO. With the microphone open it goes through xpra: the microphone needs
 * the sound server that xpra starts, and apps use one sound server for both.
 */
export function hasOwnSound(open: ReadonlySet<Channel>): boolean {
  return open.has("sound") && !open.has("microphone");
}

/** Whether the session of a socket has a FIFO for its sound. */
export function hasFifo(socket: string): boolean {
  try {
    return Deno.lstatSync(`${socket}${soundSuffix}`).isFifo ?? false;
  } catch {
    return false;
  }
}

/** The channels that xpra opens: all but the sound that goes through the FIFO. */
export function xpraChannels(open: ReadonlySet<Channel>): Set<Channel> {
  return new Set([...open].filter((channel) => channel !== "sound" || !hasOwnSound(open)));
}

/** The arguments of PulseAudio's module-pipe-sink that describe the samples. `elsewhere`: they go over a network. */
export function sinkSamples({ elsewhere }: { elsewhere: boolean }): string {
  const { format, rate, channels } = elsewhere ? remote : local;
  return `format=${format} rate=${rate} channels=${channels}`;
}

/** The player. It plays `file`, or its stdin. */
function playerArgv({ format, rate, channels }: Samples, latencyMs: number, file?: string): string[] {
  return [
    ...["pacat", "--playback", "--raw", `--format=${format}`, `--rate=${rate}`, `--channels=${channels}`],
    ...[`--latency-msec=${latencyMs}`, "--client-name=gui-container", ...(file === undefined ? [] : [file])],
  ];
}

/**
 * Plays what comes through a session's FIFO until the session ends or the player is killed. Warns when there is no
 * player.
 *
 * @param socket the path of the session's socket
 * @param options `outlives`: the player ends with the session alone. By default it also ends with this run, even if
 * that is killed
 * @returns the player; undefined when the session has no FIFO, and when there is no player
 */
export function playSound(
  host: Host,
  socket: string,
  { outlives = false }: { outlives?: boolean } = {},
): RunningProcess | undefined {
  const argv = (file: string): string[] => [
    ...(outlives ? [] : ["setpriv", "--pdeathsig", "TERM"]),
    ...playerArgv(local, latencyMs, file),
  ];
  const path = `${socket}${soundSuffix}`;
  if (host.dryRun) {
    host.start(argv(path));
    return undefined;
  }
  const fd = openFifo(path);
  if (fd === undefined) return undefined;
  try {
    // By its descriptor: the container may have put another file at the path since it was opened.
    const player = host.start(
      argv(`/proc/${Deno.pid}/fd/${fd}`),
      outlives ? { detached: true, output: "discard" } : {},
    );
    player.ended.then(({ code }) => {
      closeSync(fd);
      if (code !== ExitCode.missingProgram) return;
      host.ui.warn(
        `There will be no sound. The program "pacat" is not installed: install ${programs["pacat"]!.package}`,
      );
    });
    return player;
  } catch (error) {
    closeSync(fd);
    if (!(error instanceof UserError)) throw error;
    host.ui.warn(`There will be no sound. ${error.message}. ${error.hint}`);
    return undefined;
  }
}

/**
 * Plays what comes through the FIFO of a session on another machine, until the session or the connection ends, or the
 * player is killed. Warns when there is no player.
 *
 * @returns the player; undefined when there is none
 */
export function playRemoteSound(host: Host, target: SshTarget, session: string): RunningProcess | undefined {
  const fifo = `${containerPaths(target.user).xpra}/${session}${soundSuffix}`;
  const reader = sshArgv(target, ["/bin/sh", "-c", withValues(readSound, { fifo })], { mayAsk: false });
  const argv = playerArgv(remote, remoteLatencyMs);
  if (host.dryRun) {
    for (const planned of [reader, argv]) host.start(planned);
    return undefined;
  }
  const bytesPerMs = remote.rate * remoteFrame / 1000;
  const samples = new TransformStream<Uint8Array, Uint8Array>(
    {},
    new ByteLengthQueuingStrategy({ highWaterMark: longestAheadMs * bytesPerMs }),
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  const writer = samples.writable.getWriter();
  const inTime = onlyInTime({ frame: remoteFrame, bytesPerMs, longestAheadMs }, () => performance.now());
  try {
    const player = host.start(argv, { stdin: { bytes: samples.readable }, output: "discard", detached: true });
    const source = host.start(reader, {
      detached: true,
      output: {
        async bytes(piece) {
          const part = inTime(piece);
          // A player that hangs has no room. What it did not take is not kept.
          if (part && writer.desiredSize! > 0) writer.write(part).catch(() => {});
          else if (!part) await delay(floodPauseMs);
        },
      },
    });
    player.ended.then(() => source.kill("SIGTERM"));
    source.ended.then(() => writer.close()).catch(() => {});
    return {
      pid: player.pid,
      ended: player.ended,
      kill(signal) {
        source.kill(signal);
        player.kill(signal);
      },
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    host.ui.warn(`There will be no sound. ${error.message}. ${error.hint}`);
    return undefined;
  }
}

/**
 * Takes samples as they come, and gives those that may be played: whole frames, and never more than `longestAheadMs`
 * ahead of the time that has passed. After a pause of the network, what was sent meanwhile comes at once, and would
 * else delay all that follows.
 *
 * @param now a clock in milliseconds
 */
export function onlyInTime(
  { frame, bytesPerMs, longestAheadMs }: { frame: number; bytesPerMs: number; longestAheadMs: number },
  now: () => number,
): (piece: Uint8Array) => Uint8Array | undefined {
  let rest = new Uint8Array();
  let playedUntil = now();
  return (piece) => {
    const all = new Uint8Array(rest.length + piece.length);
    all.set(rest);
    all.set(piece, rest.length);
    const whole = all.length - all.length % frame;
    rest = all.slice(whole);
    playedUntil = Math.max(playedUntil, now());
    const lengthMs = whole / bytesPerMs;
    if (playedUntil - now() + lengthMs > longestAheadMs) return undefined;
    playedUntil += lengthMs;
    return all.subarray(0, whole);
  };
}

/**
 * Opens a FIFO for reading and drops old samples in it; undefined when there is no FIFO. A link to one does not count.
 */
function openFifo(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd);
    return undefined;
  }
  try {
    readSync(fd, new Uint8Array(pipeSize));
  } catch {
    // EAGAIN: the FIFO is empty.
  }
  return fd;
}
