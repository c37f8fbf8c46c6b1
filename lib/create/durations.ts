/** How long it takes to make containers, kept on disk by image and words of the command line. */

import { dirname, join } from "@std/path";
import type { Host } from "../base/host.ts";
import { readJson, writeJson } from "../base/json_file.ts";
import { quoteWords } from "../base/shell_words.ts";
import { stateDirectory } from "../container/paths.ts";
import { tableIn } from "../engine/answer.ts";

/** The maximum number of durations on disk. */
const maxKept = 100;

function pathOf(host: Host): string {
  return join(stateDirectory(host) ?? "/", "durations.json");
}

/** How many seconds it usually takes; undefined if nothing like it was made before. */
export async function usualSeconds(host: Host, what: string): Promise<number | undefined> {
  const seconds = tableIn(await readJson(pathOf(host)))[what];
  return typeof seconds === "number" ? seconds : undefined;
}

/** Records how many seconds it took: the last time makes up half of the average. Ignores failures. */
export async function keepSeconds(host: Host, what: string, seconds: number): Promise<void> {
  const path = pathOf(host);
  await host.change(`write ${quoteWords([path])}`, async () => {
    const average = ((await usualSeconds(host, what) ?? seconds) + seconds) / 2;
    const { [what]: _, ...others } = tableIn(await readJson(path));
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeJson(path, Object.fromEntries([...Object.entries(others), [what, average]].slice(-maxKept)));
  }).catch(() => {});
}
