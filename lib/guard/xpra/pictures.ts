/** Compressed pictures, as they come over a network: which ones may be decoded, by what their headers say. */

import { Refusal } from "../faults.ts";
import { jpegSize } from "./jpeg_header.ts";

export interface Picture {
  /** The file. May be a view of bytes that change. */
  data: Uint8Array;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
}

/** The pixels of a picture: at most two screens of 3840 × 2160. */
const maxPixels = 2 ** 24;
/** Bytes that a picture may have beyond those of its pixels, for its headers. */
const headroom = 4096;

/**
 * Checks that a picture is one that xpra 5.1.6 and 6.5.5 send, and of its size.
 *
 * @throws {Refusal} when it must not be decoded
 */
export function checkPicture({ data, width, height }: Picture): void {
  if (width * height > maxPixels) throw new Refusal("a compressed picture has too many pixels");
  if (data.length > width * height * 4 + headroom) throw new Refusal("a compressed picture has too many bytes");
  const size = jpegSize(new DataView(data.buffer, data.byteOffset, data.byteLength));
  if (size[0] !== width || size[1] !== height) throw new Refusal("a picture is not as large as its packet says");
}
