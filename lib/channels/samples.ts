/** Samples of sound, as the host's sound server and that of a session exchange them. */

import { installHint } from "../base/programs.ts";

/** How sound is sampled. Both ends must agree on it. */
export interface Samples {
  /** How many bits, and in which order. */
  format: "s16le" | "ulaw";
  /** A second. */
  rate: number;
  /** How many at a time. */
  channels: 1 | 2;
  /**
   * How much waits at the host's sound server, in milliseconds: enough for a busy machine, too little to be noticed.
   */
  latencyMs: number;
}

/** The arguments of PulseAudio's modules for pipes that describe samples. */
export function describeSamples({ format, rate, channels }: Samples): string {
  return `format=${format} rate=${rate} channels=${channels}`;
}

/** The command line of what plays its stdin, or prints what it records. */
export function pacatArgv(mode: "playback" | "record", { format, rate, channels, latencyMs }: Samples): string[] {
  return [
    ...["pacat", `--${mode}`, "--raw", `--format=${format}`, `--rate=${rate}`, `--channels=${channels}`],
    ...[`--latency-msec=${latencyMs}`, "--client-name=gui-container"],
  ];
}

/** What to do where pacat is missing: what starts it does not say. */
export const noPacat = `The program "pacat" is not installed: ${installHint("pacat")}`;
