/** Running map.ts while it waits, and looking at what it does to files. */

import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, root, sh } from "./run.ts";
import type { EngineName } from "./world.ts";

/** A mapping as `--json` prints it. */
export interface LentFile {
  host: string;
  container: string;
  device: string;
  readOnly: boolean;
}

/** A map.ts that waits. */
export interface MapRun {
  lent: LentFile[];
  /** Presses Enter. */
  enter(): Promise<ProcessResult>;
  kill(signal: Deno.Signal): Promise<ProcessResult>;
  ended: Promise<ProcessResult>;
  /** Waits until it has said something. */
  says(text: string): Promise<void>;
  pid: number;
}

/** Starts map.ts with an input that does not end, and waits until the files are mapped. */
export async function startMap(
  engine: EngineName,
  args: readonly string[],
  { env = {} }: { env?: Record<string, string> } = {},
): Promise<MapRun> {
  const directory = await Deno.makeTempDir();
  const fifo = join(directory, "input");
  await sh(["mkfifo", fifo]);
  const input = await Deno.open(fifo, { read: true, write: true });
  const lines: string[] = [];
  const map = startProcess(
    ["sh", "-c", 'exec "$@" <"$0"', fifo, join(root, "map.ts"), `--engine=${engine}`, "--json", ...args],
    { output: { line: (text) => lines.push(text) }, env },
  );
  const ended = map.ended.finally(async () => {
    input.close();
    await Deno.remove(directory, { recursive: true });
  });
  const isOver = ended.then(({ stderr }) => Promise.reject(new Error(`map.ts has ended: ${stderr}`)));
  isOver.catch(() => {});
  const json = await Promise.race([
    eventually("the result of map.ts", () => Promise.resolve(lines.find((text) => text.startsWith("[")))),
    isOver,
  ]);
  return {
    lent: JSON.parse(json),
    async enter() {
      await input.write(new TextEncoder().encode("\n"));
      return await ended;
    },
    async kill(signal) {
      map.kill(signal);
      return await ended;
    },
    ended,
    says: (text) =>
      eventually(`map.ts says "${text}"`, () => Promise.resolve(lines.some((l) => l.includes(text)))).then(() => {}),
    pid: map.pid,
  };
}

/** Owner, mode and ACL of files, by one call each; those that are gone are left out. */
export async function permissions(files: readonly string[]): Promise<string> {
  return await sh(["getfacl", "-cnpE", "--", ...files]) + await sh(["stat", "-c", "%a %u %g", "--", ...files]);
}

/** The devices of map.ts that a container has. */
export async function mapDevices(engine: EngineName, name: string): Promise<string[]> {
  const devices = JSON.parse(await sh([engine, "query", `/1.0/instances/${name}`])).devices;
  return Object.keys(devices).filter((device) => device.startsWith("map-"));
}

/** Makes a directory for files to lend, in the user's home; removes it after `test`. */
export async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-map-" });
  try {
    await test(directory);
  } finally {
    // Also what a test has closed; not what it has given away.
    await sh(["sh", "-c", 'chmod -R u+rwX "$1" 2>/dev/null || true', "sh", directory]);
    await Deno.remove(directory, { recursive: true });
  }
}
