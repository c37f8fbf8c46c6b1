/**
 * Sound from a session to the host: raw samples through a FIFO beside the session's socket. xpra's own way codes and sends
 * silence for ever, a tenth of a processor and more (6.5.5), and makes a client that comes too early wait for 5 s.
 *
 * In the container a PulseAudio of the session's own writes to the FIFO while an app plays, and sleeps otherwise. On the
 * host `pacat` plays what comes; it cannot be heard back. Two that play from one session would each get a part of it.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { UserError } from "../base/errors.ts";
import type { Channel } from "./channels.ts";
import type { Host } from "../base/host.ts";
import type { RunningProcess } from "../base/process.ts";
import { quoteWords } from "../base/shell_words.ts";

/**
 * What the FIFO's name has behind that of the session's socket. It is made before PulseAudio starts, which would let
 * everybody read and write it.
 */
export const soundSuffix = "~sound";

/** The samples, as both ends must have them. */
const rate = 48_000;
const format = "s16le";
const channels = 2;

/** Sound that waits at the host's sound server, in milliseconds: enough for a busy machine, too little to be noticed. */
const latencyMs = 60;

/** What a pipe can hold (pipe(7)), in bytes. */
const pipeSize = 65_536;

/** Whether a session's sound goes its own way. With the microphone open xpra has both: they share its sound server. */
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

/** The channels that are left to xpra when sound goes its own way. */
export function withoutSound(open: ReadonlySet<Channel>): Set<Channel> {
  return new Set([...open].filter((channel) => channel !== "sound"));
}

/**
 * Starts the sound server of a session, in sh in the container, in the background.
 *
 * @param fifo its path, as in double quotes
 */
export function soundServerScript(fifo: string): string {
  // The timing is the system's clock: with nobody at the other end, apps go on, and what they play is dropped.
  const sink = `file=${fifo} format=${format} rate=${rate} channels=${channels} use_system_clock_for_timing=yes`;
  return `pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no \\
  --load="module-native-protocol-unix socket=$RUNTIME_DIRECTORY/pulse auth-anonymous=1" \\
  --load="module-pipe-sink sink_name=host ${sink}" --load="module-suspend-on-idle timeout=1" &
export PULSE_SERVER="unix:$RUNTIME_DIRECTORY/pulse"`;
}

/**
 * Plays what comes through a session's FIFO until that ends or the program is killed; undefined when the session has none.
 *
 * @param socket the path of the session's socket
 */
export function playSound(host: Host, socket: string): RunningProcess | undefined {
  const argv = (file: string): string[] => [
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
    // The very file that was looked at: the container could have put something else there since.
    const player = host.start(argv(`/proc/${Deno.pid}/fd/${fd}`));
    player.ended.then(() => closeSync(fd));
    return player;
  } catch (error) {
    closeSync(fd);
    if (!(error instanceof UserError)) throw error;
    host.ui.warn(`There will be no sound. ${error.message}. ${error.hint}`);
    return undefined;
  }
}

/** Opens a FIFO to read, with what was left in it read away; undefined when there is none. A link is none. */
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
    // EAGAIN: it is empty.
  }
  return fd;
}
