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

/** How much of an app's text is read, in bytes: the most that 2^20 UTF-16 code units take. A command refuses more. */
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
  | { not: "open" | "none" };

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

/** The clippings of a session. */
export class Carrying {
  /** What an app has copied, which stays where it is; undefined: nothing. */
  copied: Copied | undefined;
  #mark: string | undefined;
  #untilMs = -Infinity;

  constructor(private readonly clipboard: OpenClipboard, private readonly now: () => number) {}

  isReadable(): boolean {
    return this.now() < this.#untilMs;
  }

  /** Whether a type marks the text that may be read. */
  isMark(type: string): boolean {
    return type === this.#mark && this.isReadable();
  }

  async carry(request: CarryRequest): Promise<CarryAnswer> {
    const { clipboard, copied } = this;
    if ("close" in request) {
      const closed = request.close.filter((direction) => clipboard[direction]);
      for (const direction of closed) clipboard[direction] = false;
      return { closed };
    }
    if ("paste" in request ? clipboard.in : clipboard.out) return { not: "open" };
    if ("paste" in request) {
      this.#mark = request.paste;
      this.#untilMs = this.now() + pastedMs;
      return { pasted: true };
    }
    const type = copied && textTypes.find((type) => copied.types.has(type));
    const limits = { maxBytes: maxTextBytes, limitMs: answerMs };
    const text = copied && type && await readPipe((reader) => copied.read(type, reader), limits);
    return text === undefined ? { not: "none" } : { text };
  }
}

/**
 * Reads a text through a pipe: up to its end, or until it has more bytes than `maxBytes`.
 *
 * @param start gives the pipe its reader, and may return what is done at the end
 * @returns undefined when it has not ended in time
 */
export async function readPipe(
  start: (reader: PipeReader) => (() => void) | void,
  { maxBytes, limitMs }: { maxBytes: number; limitMs: number },
): Promise<string | undefined> {
  const bytes = new Uint8Array(maxBytes + 1);
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const end = start({
    take(more) {
      const fitting = more.subarray(0, bytes.length - length);
      bytes.set(fitting, length);
      length += fitting.length;
      if (length === bytes.length) resolve(true);
    },
    end: resolve,
  });
  const timer = setTimeout(() => resolve(false), limitMs);
  const isRead = await promise;
  clearTimeout(timer);
  end?.();
  return isRead ? new TextDecoder().decode(bytes.subarray(0, length)) : undefined;
}
