/** Files of an instance, running or not: put there and removed by the engine. */

import { apiPath, ifFound, type Instance, labelOf, run } from "./engine.ts";
import type { Host, RunOptions } from "../base/host.ts";

/**
 * Puts a file of root's into an instance, running or not, in place of one that is there. Makes the directories on its
 * path that are missing.
 *
 * @param file `mode`: permission bits, in octal: `0644`; `stdin`: what is in it
 */
export async function pushFile(
  host: Host,
  instance: Instance,
  { path, mode, stdin }: { path: string; mode: string; stdin: NonNullable<RunOptions["stdin"]> },
): Promise<void> {
  const options = ["--uid", "0", "--gid", "0", "--mode", mode, "--create-dirs"];
  await run(host, instance.engine, ["file", "push", ...options, "-", `${labelOf(instance)}${path}`], { stdin });
}

/**
 * Removes a file, if it is there.
 *
 * @param options `timeoutMs`: how long it may take
 */
export async function deleteFile(
  host: Host,
  { engine, name }: Instance,
  { path, ...options }: { path: string; timeoutMs?: number },
): Promise<void> {
  const file = apiPath(engine, `/1.0/instances/${name}/files?path=${encodeURIComponent(path)}`);
  await ifFound(run(host, engine, ["query", "--request", "DELETE", file], options));
}
