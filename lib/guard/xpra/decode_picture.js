/**
 * The worker of `decoder.ts` runs this after jpeg-js, whose function is `library.exports`. The bounds fit 2^24 pixels
 * without subsampling, for which jpeg-js counts 22 bytes each.
 */

const bounds = { maxResolutionInMP: 17, maxMemoryUsageInMB: 384 };

/** Decodes into BGRX. */
function decode({ data, width, height }) {
  const picture = library.exports(data, { useTArray: true, formatAsRGBA: true, tolerantDecoding: false, ...bounds });
  if (picture.width !== width || picture.height !== height) throw new Error("It has another size");
  const words = new Uint32Array(picture.data.buffer);
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    words[at] = word & 0xff00ff00 | word >>> 16 & 0xff | (word & 0xff) << 16;
  }
  return picture.data;
}

self.onmessage = ({ data: picture }) => {
  let pixels;
  try {
    pixels = decode(picture);
  } catch {
    // Not a picture, or one beyond the bounds.
  }
  self.postMessage(pixels, pixels ? [pixels.buffer] : []);
};
