/** The room that is left on a disk for what comes from a container. */

import { dirname } from "@std/path";
import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";

/** How much room there must be to save a file, in bytes. How large it will be, nobody knows before. */
const minRoom = 2 ** 20;

/** How many bytes the user may still write beside a path; undefined where its file system does not tell. */
export async function freeBytes(host: Host, path: string): Promise<number | undefined> {
  const { stdout } = await host.run(["stat", "-f", "-c", "%a %S %b", "--", dirname(path)], { okCodes: "any" });
  const [free, blockSize, all] = stdout.trim().split(" ").map(Number);
  return all ? free! * blockSize! : undefined;
}

/**
 * Checks that there is room for a file: otherwise its app would believe that it is saved.
 *
 * @throws {UserError} when there is none
 */
export async function checkRoom(host: Host, path: string): Promise<void> {
  const free = await freeBytes(host, path);
  const { size } = await Deno.stat(path).catch(() => ({ size: 0 }));
  if (free === undefined || free + size >= minRoom) return;
  throw new UserError(`"${path}" cannot be saved: no space is left in its directory`, {
    hint: "Make room, or choose another directory",
  });
}
