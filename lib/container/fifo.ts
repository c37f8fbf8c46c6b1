/** Opens FIFOs in a directory that a container can write. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** How much a pipe can hold (pipe(7)), in bytes. */
const pipeSize = 65_536;

export interface OpenFifo {
  /** A path that leads to it, whatever the container puts in its place. */
  path: string;
  close(): void;
}

/**
 * Opens a FIFO for reading and drops what is in it already; undefined when there is no FIFO. A link to one does not
 * count.
 */
export function openFifo(path: string): OpenFifo | undefined {
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
    // EAGAIN: the FIFO is empty.
  }
  return { path: `/proc/${Deno.pid}/fd/${fd}`, close: () => closeSync(fd) };
}
