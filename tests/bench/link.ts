/**
 * A network between two Unix sockets: so many bits a second and so late in each direction, compressed as ssh does it.
 * Where the kernel has no netem, this stands for it.
 *
 * Usage: link.ts LISTEN CONNECT MBIT_PER_SECOND ROUND_TRIP_MS COMPRESSED. The file LISTEN.sent has the bytes that were
 * sent so far from CONNECT to LISTEN.
 */

import { constants, createDeflate, type Deflate } from "node:zlib";

const [listen, connect, megabits, roundTripMs, compressed] = Deno.args as [string, string, string, string, string];
const bytesPerMs = Number(megabits) * 1e6 / 8 / 1000;
const delayMs = Number(roundTripMs) / 2;
/** As much is on its way at most: the window of a channel of ssh. */
const maxWaiting = 2 * 2 ** 20;
const readBytes = 32 * 1024;

let sent = 0;

/** How many bytes a piece has when it is compressed after all that went before it. */
function compressedSize(deflate: Deflate, piece: Uint8Array): Promise<number> {
  let size = 0;
  const count = (part: Uint8Array): void => void (size += part.length);
  deflate.on("data", count);
  return new Promise((resolve) => {
    deflate.write(piece);
    deflate.flush(constants.Z_PARTIAL_FLUSH, () => {
      deflate.off("data", count);
      resolve(size);
    });
  });
}

async function carry(from: Deno.Conn, to: Deno.Conn, isCounted: boolean): Promise<void> {
  const deflate = compressed === "yes" ? createDeflate({ level: 6 }) : undefined;
  let freeAt = performance.now();
  let waiting = 0;
  let room = Promise.withResolvers<void>();
  let last = Promise.resolve();
  for (;;) {
    const buffer = new Uint8Array(readBytes);
    const count = await from.read(buffer).catch(() => null);
    if (count === null) break;
    const piece = buffer.subarray(0, count);
    const size = deflate ? await compressedSize(deflate, piece) : count;
    freeAt = Math.max(freeAt, performance.now()) + size / bytesPerMs;
    const arrives = freeAt + delayMs;
    waiting += count;
    if (isCounted) sent += size;
    last = last.then(async () => {
      const leftMs = arrives - performance.now();
      if (leftMs > 0.5) await new Promise((resolve) => setTimeout(resolve, leftMs));
      for (let at = 0; at < count;) at += await to.write(piece.subarray(at));
      waiting -= count;
      room.resolve();
    });
    while (waiting > maxWaiting) {
      room = Promise.withResolvers<void>();
      await room.promise;
    }
  }
  await last.catch(() => {});
  to.close();
}

async function serve(): Promise<void> {
  using listener = Deno.listen({ transport: "unix", path: listen });
  for await (const near of listener) {
    const far = await Deno.connect({ transport: "unix", path: connect });
    Promise.all([carry(far, near, true), carry(near, far, false)]).catch(() => {});
  }
}

setInterval(() => Deno.writeTextFileSync(`${listen}.sent`, `${sent}`), 50);
await serve();
