/** Formats of sound samples, which the sound servers of the host and of a session exchange. */

import { installHint } from "../base/programs.ts";

/** A format. Both ends must use the same one. */
export interface Samples {
  /** How a sample is encoded. */
  format: "s16le" | "ulaw";
  /** Samples a second. */
  rate: number;
  /** Mono or stereo. */
  channels: 1 | 2;
  /** How much the host's sound server buffers, in milliseconds: enough for a busy machine, too little to be noticed. */
  latencyMs: number;
}

/** The arguments of PulseAudio's modules for pipes that describe samples. */
export function describeSamples({ format, rate, channels }: Samples): string {
  return `format=${format} rate=${rate} channels=${channels}`;
}

/** The command line of a program that plays its stdin, or prints what it records. */
export function pacatArgv(mode: "playback" | "record", { format, rate, channels, latencyMs }: Samples): string[] {
  return [
    ...["pacat", `--${mode}`, "--raw", `--format=${format}`, `--rate=${rate}`, `--channels=${channels}`],
    ...[`--latency-msec=${latencyMs}`, "--client-name=gui-container"],
  ];
}

/** The message when pacat is missing: setpriv and the shell, which start it, print none. */
export const noPacat = `The program "pacat" is not installed: ${installHint("pacat")}`;
