// Frames of waypipe, in pieces, large, and broken ones.

import { assert, assertEquals } from "@std/assert";
import { threadMs } from "../../../model/clock.ts";
import { frame, ids, message, messages, refused, trial, withWindow, word } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland takes frames in pieces of any size, and passes them as they are", () => {
  const stream = new Uint8Array([
    ...frame(2, 1, 64),
    ...frame(5, 1, 8, 24, new Uint8Array(16).fill(7)),
    ...frame(6, 1, 12, 2, word(0), word(1), word(9), new Uint8Array([1, 2])),
    ...frame(8, 2),
    ...frame(10, 2, new Uint8Array([1, 2, 3])),
    ...frame(12, 2),
    ...frame(16, 9),
    ...messages(message(1, "wl_display.get_registry", 2)),
  ]);
  for (let size = 1; size <= stream.length; size += 3) {
    const { connection } = trial();
    const passed: number[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const piece of connection.fromContainer(stream.slice(at, at + size))) passed.push(...piece);
    }
    assertEquals(new Uint8Array(passed), stream, `${size}`);
  }
});

Deno.test("the guard of Wayland takes as long for a large frame that comes byte by byte as for its bytes", () => {
  const { connection } = withWindow();
  const damage = message(ids.surface, "wl_surface.damage", 0, 0, 1, 1);
  const large = messages(...new Array(2 ** 18 / damage.length - 1 | 0).fill(damage));
  const start = threadMs();
  let passed = 0;
  for (const byte of large) passed += connection.fromContainer(new Uint8Array([byte])).length;
  assertEquals(passed, 1);
  // To copy all that has come with each byte takes ten times as long.
  const ms = threadMs() - start;
  assert(ms < 1_500, `${ms}`);
});

Deno.test("the guard of Wayland passes frames that change a file to its very end", () => {
  for (
    const change of [
      frame(5, 1, 12, 16, word(0)),
      frame(6, 1, 0, 16, new Uint8Array(16)),
      frame(6, 1, 12, 0, word(3), word(4), word(0)),
    ]
  ) {
    const { connection } = trial();
    connection.fromContainer(frame(2, 1, 16));
    const passed = connection.fromContainer(change).flatMap((part) => [...part]);
    assertEquals(new Uint8Array(passed), change);
  }
});

Deno.test("the guard of Wayland ends a connection with frames that do not fit, or need a graphics card", () => {
  for (
    const [frames, reason] of [
      [[frame(4, 1, 4096)], "needs a graphics card"],
      [[frame(13, 1, 4096)], "needs a graphics card"],
      [[frame(23, 17)], "needs a graphics card"],
      [[word(3 << 5)], "the wrong length for its kind"],
      [[frame(2, 1, 64, 0)], "the wrong length for its kind"],
      [[frame(2, -1, 64)], "is taken"],
      [[frame(2, 1, 64), frame(2, 1, 64)], "is taken"],
      [[frame(2, 1, 0xf000_0000)], "too much memory"],
      [[1, 2, 3, 4, 5, 6, 7].map((number) => frame(2, number, number < 7 ? 2 ** 30 : 4)), "too much memory"],
      [[frame(2, 1, 64), frame(3, 1, 2 ** 31)], "too much memory"],
      [[frame(2, 1, 64), frame(3, 1, 64)], "does not grow"],
      [[frame(5, 1, 0, 4, word(0))], "no file of this number"],
      [[frame(2, 1, 64), frame(5, 1, 60, 68, new Uint8Array(8))], "filled beyond its end"],
      [[frame(2, 1, 64), frame(5, 1, 8, 4)], "filled beyond its end"],
      [[frame(2, 1, 64), frame(5, 1, 0, 8, new Uint8Array(12))], "the wrong length for its content"],
      // 0.9.2 would write in front of the file.
      [[frame(2, 1, 16), frame(6, 1, 0, 17, new Uint8Array(17))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(4), word(5), word(0))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(0), word(2), word(0))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(1), word(1), word(0))], "changed beyond its end"],
      [[frame(1, 1)], "unknown descriptor"],
      [[frame(2, 1, 64), frame(1, 1), frame(1, 1)], "unknown descriptor"],
      [[frame(18, 0), frame(16, 1)], "sends more after its end"],
      [Array.from({ length: 129 }, (_, index) => frame(7, index + 1)), "too many pipes"],
    ] as const
  ) {
    const { connection } = trial();
    refused(() => frames.forEach((frame) => connection.fromContainer(frame)), reason);
  }
});
