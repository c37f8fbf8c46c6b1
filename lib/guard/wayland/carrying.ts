/**
 * What the user carries across a closed clipboard by a command (`attach.ts --copy`, `--paste`), one text at a time; and
 * the command that closes it (`--deny`).
 *
 * Inwards, one text of the host's passes: that command offers it under a type that nobody else knows, so that nothing
 * else that is copied meanwhile passes in its place. Outwards, the app is asked for what it would have copied while the
 * user worked in its windows: what it says later does not count.
 */

/** The directions of the clipboard that are open: one that is can be closed, and stays so. */
export interface OpenClipboard {
  /** From the host to the container. */
  in: boolean;
  /** From the container to the host. */
  out: boolean;
}

/** The type of the text that is carried, for the app. */
export const carriedType = "text/plain;charset=utf-8";

/** Types of an app's text, as it is asked for them: the first that it has. */
const textTypes = [carriedType, "text/plain;charset=UTF-8", "UTF8_STRING", "text/plain"];

/** For how long a text that was carried inwards can be read, in milliseconds. */
export const pastedMs = 60_000;

/** How long an app may take for its text, in milliseconds. */
const answerMs = 5_000;

/** How long an app's text may be, in bytes: the most that 2^20 UTF-16 code units take. */
const maxTextBytes = 3 * 2 ** 20;

/** What a command asks for, in one line of JSON. */
export type CarryRequest =
  /** The type that marks the host's text, which may be read from now on. */
  | { paste: string }
  | { copy: true }
  /** The directions that are to be closed. */
  | { close: readonly (keyof OpenClipboard)[] };

/** The answer, likewise. */
export type CarryAnswer =
  | { pasted: true }
  | { text: string }
  /** The directions that were open. */
  | { closed: readonly (keyof OpenClipboard)[] }
  /** Why not: that direction is open, so the clipboard is the host's; the app has copied nothing, or does not answer. */
  | { not: "open" | "none" | "long" };

export interface PipeReader {
  /** The next bytes, valid until it returns. */
  take(bytes: Uint8Array): void;
  /** No more come: that was all, or whoever has opened the pipe does not read it. */
  end(isWhole: boolean): void;
}

/** What an app would have copied. */
export interface Copied {
  types: ReadonlySet<string>;
  /** Asks the app for it. Returns what gives the answer up. */
  read(type: string, reader: PipeReader): () => void;
}

export interface Carrying {
  /** What an app has copied, which stays where it is; undefined: nothing. */
  copied: Copied | undefined;
  /** Whether a type marks the text that may be read. */
  isMark(type: string): boolean;
  isReadable(): boolean;
  carry(request: CarryRequest): Promise<CarryAnswer>;
}

/** Makes the carrying of a session, in which nothing is carried yet. */
export function createCarrying({ clipboard, now }: { clipboard: OpenClipboard; now: () => number }): Carrying {
  let mark: string | undefined;
  let untilMs = -Infinity;
  const isReadable = (): boolean => now() < untilMs;
  const carrying: Carrying = {
    copied: undefined,
    isReadable,
    isMark: (type) => type === mark && isReadable(),
    async carry(request) {
      if ("close" in request) {
        const closed = request.close.filter((direction) => clipboard[direction]);
        for (const direction of closed) clipboard[direction] = false;
        return { closed };
      }
      if ("paste" in request) {
        if (clipboard.in) return { not: "open" };
        mark = request.paste;
        untilMs = now() + pastedMs;
        return { pasted: true };
      }
      if (clipboard.out) return { not: "open" };
      const { copied } = carrying;
      const type = copied && textTypes.find((type) => copied.types.has(type));
      return copied && type ? await readText(copied, type) : { not: "none" };
    },
  };
  return carrying;
}

async function readText(copied: Copied, type: string): Promise<CarryAnswer> {
  const bytes = new Uint8Array(maxTextBytes);
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<CarryAnswer>();
  const giveUp = copied.read(type, {
    take(more) {
      if (length + more.length > maxTextBytes) return resolve({ not: "long" });
      bytes.set(more, length);
      length += more.length;
    },
    end: () => resolve({ text: new TextDecoder().decode(bytes.subarray(0, length)) }),
  });
  const timer = setTimeout(() => resolve({ not: "none" }), answerMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    giveUp();
  }
}
