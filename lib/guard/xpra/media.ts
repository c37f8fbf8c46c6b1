/** xpra's own sound and pictures of a camera. The session's sound without a microphone does not come by xpra. */

import type { Value } from "./rencode.ts";
import { args, bytes, either, fields, flag, integer, line, list, oneOf, type Shape, word } from "./shapes.ts";

const maxSoundBytes = 4 * 1024 * 1024;
const maxPictureBytes = 64 * 1024 * 1024;
const codec = word(/^[\w+.-]{0,40}$/);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const device = integer(0, 64);

const soundDetails = fields({
  "start-of-stream": flag,
  "end-of-stream": flag,
  "sequence": count,
  "codec": codec,
  "timestamp": count,
  "duration": count,
  "time": count,
  "bundled": flag,
});

// xpra sends an empty list for no sound.
const sound: Shape = (value) => bytes(maxSoundBytes)(Array.isArray(value) && value.length === 0 ? "" : value);

/** The arguments of a piece of sound. */
export const soundData: (values: readonly Value[]) => Value[] = args([codec, sound, soundDetails], [
  list(bytes(64 * 1024), 64),
]);
/** The arguments of a request for sound. */
export const soundControl: (values: readonly Value[]) => Value[] = args(
  [oneOf("start", "stop", "new-sequence", "sync", "fadein", "fadeout")],
  [either(integer(-1, 2 ** 32), codec)],
);
/** The arguments of a camera that starts: its number and the size of its pictures. */
export const cameraStart: (values: readonly Value[]) => Value[] = args([
  device,
  integer(1, 16_384),
  integer(1, 16_384),
]);
/** The arguments of a camera that stops. */
export const cameraStop: (values: readonly Value[]) => Value[] = args([device], [line(200)]);
/** The arguments of a camera's picture. */
export const cameraFrame: (values: readonly Value[]) => Value[] = args([
  device,
  count,
  codec,
  integer(1, 16_384),
  integer(1, 16_384),
  bytes(maxPictureBytes),
], [fields({})]);
/** The arguments of a picture that has arrived. */
export const cameraAnswer: (values: readonly Value[]) => Value[] = args([device, count], [
  integer(0, 16_384),
  integer(0, 16_384),
]);
