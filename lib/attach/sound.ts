/**
 * Sound from a session to the host: raw samples through a FIFO beside the session's socket. xpra 6.5.5 by itself encodes and
 * sends silence without end, which takes a tenth of a processor and more, and a client that connects too early waits 5 s.
 *
 * In the container the session's own PulseAudio, which serve_session.sh starts, writes to the FIFO while an app plays. On the
 * host `pacat` reads and plays the samples. It sends nothing back. Only one client can play the sound of a session: two
 * would each get a part of the samples.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ExitCode, UserError } from "../base/errors.ts";
import type { Channel } from "./channels.ts";
import type { Host } from "../base/host.ts";
import { packages, type RunningProcess } from "../base/process.ts";
import { quoteWords } from "../base/shell_words.ts";

/**
 * What the FIFO's name has behind the name of the session's socket. start_session.sh makes the FIFO: PulseAudio would make
 * one that everybody may read and write.
 */
export const soundSuffix = "~sound";

/** The samples. Both ends must agree on them. */
const rate = 48_000;
const format = "s16le";
const channels = 2;

/** How much sound waits at the host's sound server, in milliseconds. Enough for a busy machine, too little to be noticed. */
const latencyMs = 60;

/** How much a pipe can hold (pipe(7)), in bytes. */
const pipeSize = 65_536;

/**
 * Whether a session's sound goes through the FIFO. With the microphone open it goes through xpra: the microphone needs the
 * sound server that xpra starts, and apps use one sound server for both.
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

/** The channels that xpra opens when the sound goes through the FIFO. */
export function withoutSound(open: ReadonlySet<Channel>): Set<Channel> {
  return new Set([...open].filter((channel) => channel !== "sound"));
}

/** The arguments of PulseAudio's module-pipe-sink that describe the samples. */
export const sinkSamples = `format=${format} rate=${rate} channels=${channels}`;

/**
 * Plays what comes through a session's FIFO until the session ends or the player is killed. Warns when there is no player.
 *
 * @param socket the path of the session's socket
 * @param options `outlives`: the player ends with the session alone. By default it also ends with this run, even if that is killed
 * @returns the player; undefined when the session has no FIFO, and when there is no player
 */
export function playSound(
  host: Host,
  socket: string,
  { outlives = false }: { outlives?: boolean } = {},
): RunningProcess | undefined {
  const argv = (file: string): string[] => [
    ...(outlives ? [] : ["setpriv", "--pdeathsig", "TERM"]),
    ...["pacat", "--playback", "--raw", `--format=${format}`, `--rate=${rate}`, `--channels=${channels}`],
    ...[`--latency-msec=${latencyMs}`, "--client-name=gui-container", file],
  ];
  const path = `${socket}${soundSuffix}`;
  if (host.dryRun) {
    host.change(`${quoteWords(argv(path))} </dev/null &`, () => Promise.resolve());
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
      host.ui.warn(`There will be no sound. The program "pacat" is not installed: install ${packages.pacat}`);
    });
    return player;
  } catch (error) {
    closeSync(fd);
    if (!(error instanceof UserError)) throw error;
    host.ui.warn(`There will be no sound. ${error.message}. ${error.hint}`);
    return undefined;
  }
}

/** Opens a FIFO for reading and drops old samples in it; undefined when there is no FIFO. A link to one does not count. */
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
