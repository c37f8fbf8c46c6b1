/**
 * Commands that carry one text across a closed clipboard (`attach.ts --copy`, `--paste`), and the one that closes an
 * open clipboard (`--deny`).
 *
 * `--paste` offers the host's text under a type that nobody else knows, so that nothing else that is copied meanwhile
 * passes in its place. `--copy` reads the selection that the app set while the user worked in its windows: later ones
 * do not count.
 */

/** Which directions of the clipboard are open. A direction that was closed never opens again. */
export interface OpenClipboard {
  /** From the host to the container. */
  in: boolean;
  /** From the container to the host. */
  out: boolean;
}

/** The type under which the app gets the carried text. */
export const carriedType = "text/plain;charset=utf-8";

/** Types of text, by preference: the app is asked for the first that it offers. */
const textTypes = [carriedType, "text/plain;charset=UTF-8", "UTF8_STRING", "text/plain"];

/** How long an app can read a text after `--paste`, in milliseconds. */
export const pastedMs = 60_000;

/** How long an app may take to send its text, in milliseconds. */
const answerMs = 5_000;

/**
 * How much of an app's text is read, in bytes: the most that 2^20 UTF-16 code units take. `--copy` refuses longer
 * texts.
 */
const maxTextBytes = 3 * 2 ** 20;

/** A command's request, as one line of JSON. */
export type CarryRequest =
  /** The type that marks the host's text, which may be read from now on. */
  | { paste: string }
  | { copy: true }
  /** The directions to close. */
  | { close: readonly (keyof OpenClipboard)[] };

/** The answer, likewise. */
export type CarryAnswer =
  | { pasted: true }
  | { text: string }
  /** The directions that were open. */
  | { closed: readonly (keyof OpenClipboard)[] }
  /**
   * `open`: that direction is open, so nothing needs to be carried; `none`: the app has copied no text, or does not
   * answer.
   */
  | { not: "open" | "none" };

export interface PipeReader {
  /** The next bytes, valid until it returns. */
  take(bytes: Uint8Array): void;
  /** Called after the last bytes; `isWhole` is false when the end that opened the pipe has closed it. */
  end(isWhole: boolean): void;
}

/** A selection that an app has set, and that stays in the container. */
export interface Copied {
  types: ReadonlySet<string>;
  /** Asks the app for its data. Returns a function that cancels the read. */
  read(type: string, reader: PipeReader): () => void;
}

/** The texts that the user carries in and out of a session. */
export class Carrying {
  /** The app's selection that stays in the container; undefined: there is none. */
  copied: Copied | undefined;
  #mark: string | undefined;
  #untilMs = -Infinity;

  constructor(private readonly clipboard: OpenClipboard, private readonly now: () => number) {}

  isReadable(): boolean {
    return this.now() < this.#untilMs;
  }

  /** Whether a type is the mark of the text that may be read now. */
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
 * Reads a text from a pipe: to its end, or until it has more bytes than `maxBytes`.
 *
 * @param start attaches the reader to the pipe; may return a function to call at the end
 * @returns undefined when it did not end in time
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
