/**
 * Decodes JPEGs for xpra's client, whose own decoders never see bytes of the container. The decoder is jpeg-js, plain
 * JavaScript, in a worker, so that keys do not wait for pictures. It decodes one picture at a time.
 */

import jpeg from "jpeg-js/lib/decoder.js" with { type: "text" };
import glue from "./decode_picture.js" with { type: "text" };
import { Refusal, Violation } from "../faults.ts";
import type { Picture } from "./pictures.ts";

export interface PictureDecoder {
  /**
   * Decodes a picture that `checkPicture` has accepted. Must not be called while another one is decoded.
   *
   * @returns its pixels as BGRX, without gaps
   * @throws {Refusal} when it cannot be decoded
   * @throws {Violation} when that takes too long
   */
  decode(picture: Picture): Promise<Uint8Array>;
  end(): void;
}

/** How long one picture may take, in milliseconds. The largest takes a second on an idle processor. */
const maxDecodeMs = 20_000;

/**
 * The code of the worker, without imports, since a package is one file: the CommonJS module jpeg-js, and its caller.
 */
const worker = `const library = {};\n((module) => {\n${jpeg}\n})(library);\n${glue}`;

export function startDecoder({ deadlineMs = maxDecodeMs }: { deadlineMs?: number } = {}): PictureDecoder {
  const url = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
  const decoder = new Worker(url, { type: "module" });
  let waiting: PromiseWithResolvers<Uint8Array> | undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    decoder.terminate();
    URL.revokeObjectURL(url);
    waiting?.reject(new Violation("Its pictures are no longer decoded"));
  };
  decoder.onmessage = ({ data }: MessageEvent<Uint8Array | undefined>) => {
    if (data) waiting?.resolve(data);
    else waiting?.reject(new Refusal("a compressed picture cannot be decoded"));
  };
  decoder.onerror = (event) => {
    event.preventDefault();
    end();
  };
  return {
    async decode({ data, ...picture }) {
      if (isOver) throw new Violation("Its pictures are no longer decoded");
      waiting = Promise.withResolvers<Uint8Array>();
      const timer = setTimeout(() => {
        waiting?.reject(new Violation("It sends a picture that takes too long to decode"));
        end();
      }, deadlineMs);
      try {
        const own = data.slice();
        decoder.postMessage({ ...picture, data: own }, [own.buffer]);
        return await waiting.promise;
      } finally {
        clearTimeout(timer);
        waiting = undefined;
      }
    },
    end,
  };
}
