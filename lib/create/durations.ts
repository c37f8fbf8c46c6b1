/** How long it took to make containers, kept on disk by what was asked for. */

import { join } from "@std/path";
import type { Host } from "../base/host.ts";
import { readJson, writeJson } from "../base/json_file.ts";
import { quoteWords } from "../base/shell_words.ts";
import { stateDirectory } from "../container/paths.ts";

/** How many are kept. */
const maxKept = 100;

interface Duration {
  /** The image and the words of the command line after NAME. */
  what: string;
  /** The average, in seconds. */
  seconds: number;
  times: number;
}

function pathOf(host: Host): string | undefined {
  const directory = stateDirectory(host);
  return directory && join(directory, "durations.json");
}

/** What is on record, the newest first. */
async function readDurations(path: string): Promise<Duration[]> {
  const read = await readJson(path);
  return Array.isArray(read) ? read.filter((one) => typeof one?.seconds === "number" && one.times > 0) : [];
}

/** How long it takes on average, in seconds; undefined where nothing like it was made before. */
export async function averageSeconds(host: Host, what: string): Promise<number | undefined> {
  const path = pathOf(host);
  return path === undefined ? undefined : (await readDurations(path)).find((one) => one.what === what)?.seconds;
}

/** Keeps how long it took this time, in seconds. Without it the container is none the worse. */
export async function keepSeconds(host: Host, what: string, seconds: number): Promise<void> {
  const path = pathOf(host);
  if (path === undefined) return;
  await host.change(`write ${quoteWords([path])}`, async () => {
    const kept = await readDurations(path);
    const { seconds: before, times } = kept.find((one) => one.what === what) ?? { seconds: 0, times: 0 };
    const average = { what, seconds: (before * times + seconds) / (times + 1), times: times + 1 };
    await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await writeJson(path, [average, ...kept.filter((one) => one.what !== what)].slice(0, maxKept));
  }).catch(() => {});
}
