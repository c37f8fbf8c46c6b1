/** Connections in memory, with buffers of a size: who writes waits for who reads, as with a socket. */

/** One end of a connection. The guard takes it for a socket. */
export interface PipeEnd {
  /** Up to one piece as it was written; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** As much as there is room for. Waits for some. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions. */
  close(): void;
  /** Whether what this end has written fills the buffer. */
  isFull(): boolean;
}

/** Both ends of a connection, each with the bytes that fit between it and the other one. */
export function createPipe(bytes: readonly [fromFirst: number, fromSecond: number]): [PipeEnd, PipeEnd] {
  const directions = bytes.map(createDirection) as [Direction, Direction];
  const end = (out: Direction, back: Direction): PipeEnd => ({
    read: back.read,
    write: out.write,
    isFull: out.isFull,
    close() {
      out.end();
      back.end();
    },
  });
  return [end(directions[0], directions[1]), end(directions[1], directions[0])];
}

interface Direction extends Pick<PipeEnd, "read" | "write" | "isFull"> {
  end(): void;
}

function createDirection(room: number): Direction {
  const pieces: Uint8Array[] = [];
  let filled = 0;
  let isEnded = false;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    isFull: () => filled >= room,
    async read(into) {
      while (pieces.length === 0) {
        if (isEnded) return null;
        await changed.promise;
      }
      const piece = pieces.shift()!;
      const count = Math.min(piece.length, into.length);
      into.set(piece.subarray(0, count));
      if (count < piece.length) pieces.unshift(piece.subarray(count));
      filled -= count;
      tell();
      return count;
    },
    async write(bytes) {
      while (filled >= room && !isEnded) await changed.promise;
      if (isEnded) throw new Deno.errors.BrokenPipe();
      const piece = bytes.slice(0, room - filled);
      if (piece.length > 0) pieces.push(piece);
      filled += piece.length;
      tell();
      return piece.length;
    },
    end() {
      isEnded = true;
      tell();
    },
  };
}
