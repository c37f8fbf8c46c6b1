/** Files of an instance, running or not: put there and removed by the engine. */

import { apiPath, ifFound, type Instance, labelOf, run } from "./engine.ts";
import type { Host, RunOptions } from "../base/host.ts";
import { all } from "../base/promises.ts";

/** How a file is put into an instance, and what is in it. */
export interface PushOptions {
  path: string;
  /** Permission bits, in octal: `0644`. */
  mode: string;
  /** What is in it. */
  stdin?: NonNullable<RunOptions["stdin"]>;
  /** The file of the host that is put there, in place of `stdin`. */
  file?: string;
}

/**
 * Puts a file of root's into an instance, running or not, in place of one that is there. Makes the directories on its
 * path that are missing.
 */
export async function pushFile(
  host: Host,
  instance: Instance,
  { path, mode, stdin = "null", file = "-" }: PushOptions,
): Promise<void> {
  await push(host, instance, { files: [file], path, mode, stdin });
}

/** The same for files of the host's, which keep their names. One call takes as long for many as for one. */
export async function pushFiles(
  host: Host,
  instance: Instance,
  { files, directory, mode }: { files: readonly string[]; directory: string; mode: string },
): Promise<void> {
  await push(host, instance, { files, path: `${directory}/`, mode, stdin: "null" });
}

async function push(
  host: Host,
  instance: Instance,
  { files, path, mode, stdin }: Required<Omit<PushOptions, "file">> & { files: readonly string[] },
): Promise<void> {
  const options = ["--uid", "0", "--gid", "0", "--mode", mode, "--create-dirs"];
  await run(host, instance.engine, ["file", "push", ...options, ...files, `${labelOf(instance)}${path}`], { stdin });
}

/**
 * Removes files; one that is not there is ignored.
 *
 * @param options `timeoutMs`: how long each may take
 */
export async function removeFiles(
  host: Host,
  { engine, name }: Instance,
  { paths, ...options }: { paths: readonly string[]; timeoutMs?: number },
): Promise<void> {
  await all(paths.map(async (path) => {
    const file = apiPath(engine, `/1.0/instances/${name}/files?path=${encodeURIComponent(path)}`);
    await ifFound(run(host, engine, ["query", "--request", "DELETE", file], options));
  }));
}
