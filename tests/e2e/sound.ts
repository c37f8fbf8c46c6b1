/** What is heard: of a tone in a recording, and at the host's sound server. */

import { sh } from "./run.ts";

/** A shell command that records what is heard, for {@linkcode loudness}; its exit status is not 0. */
export const recordSound = "timeout 1.5 parec --format=s16le --rate=44100 --channels=1 --latency-msec=20";

/** How loud a tone of that frequency is at the host's sound server; see {@linkcode loudness}. */
export async function heardByHost(frequency: number): Promise<number> {
  const file = await Deno.makeTempFile();
  try {
    await sh(["sh", "-c", `${recordSound} --device=@DEFAULT_MONITOR@ >"$0" || true`, file]);
    return await loudness(file, frequency);
  } finally {
    await Deno.remove(file);
  }
}

/** The least for a tone that is heard, and more than the gaps in another one sound like on a busy machine. */
export const [loud, quiet] = [0.1, 0.02];

/** How loud a tone of that frequency is in a recording of 44,100 samples a second; 0 where there is none, 1 at most. */
export async function loudness(file: string, frequency: number): Promise<number> {
  const bytes = await Deno.readFile(file);
  const samples = new Int16Array(bytes.buffer, 0, Math.floor(bytes.length / 2));
  let [real, imaginary, sum] = [0, 0, 1];
  for (const [index, sample] of samples.entries()) {
    // By Hann's window, the ends of the recording are no tones.
    const weight = Math.sin(Math.PI * index / samples.length) ** 2;
    const angle = 2 * Math.PI * frequency * index / 44_100;
    real += weight * sample * Math.cos(angle);
    imaginary += weight * sample * Math.sin(angle);
    sum += weight;
  }
  return 2 * Math.hypot(real, imaginary) / sum / 32_768;
}
