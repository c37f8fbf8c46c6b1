// Pictures of apps on Wayland, in the memory that they share with the compositor.

import { assertEquals } from "@std/assert";
import { frame, ids, message, refused, withWindow } from "../../wayland_samples.ts";

Deno.test("a pool of pictures on Wayland grows to the end of its file, and no farther", () => {
  const resize = (size: number): () => Uint8Array => {
    const { app, connection } = withWindow();
    connection.fromContainer(frame(2, 2, 1_000));
    connection.fromContainer(frame(1, 2));
    app(message(ids.shm, "wl_shm.create_pool", ids.next, 500));
    return () => app(message(ids.next, "wl_shm_pool.resize", size));
  };
  for (const size of [500, 1_000]) assertEquals(resize(size)(), message(ids.next, "wl_shm_pool.resize", size));
  for (const size of [499, 1_001]) refused(resize(size), "larger than its file");
});

Deno.test("a file of pictures on Wayland is as large as it has grown, and grows no less", () => {
  const { app, connection } = withWindow();
  connection.fromContainer(frame(2, 2, 1_000));
  connection.fromContainer(frame(3, 2, 2_000));
  refused(() => connection.fromContainer(frame(3, 2, 1_500)), "a file does not grow");
  connection.fromContainer(frame(1, 2));
  const pool = message(ids.shm, "wl_shm.create_pool", ids.next, 2_000);
  assertEquals(app(pool), pool);
});

Deno.test("a picture on Wayland has a width and a height, and lies in its pool", () => {
  const made = (...[offset, width, height, stride]: [number, number, number, number]) => () =>
    withWindow().app(message(ids.pool, "wl_shm_pool.create_buffer", ids.next, offset, width, height, stride, 0));
  assertEquals(made(0, 1, 1, 1)().length, 32);
  assertEquals(made(400 * 300 * 4 - 4, 1, 1, 4)().length, 32);
  for (
    const values of [
      [-4, 1, 1, 4],
      [0, 0, 1, 4],
      [0, 1, 0, 4],
      [0, 2, 1, 1],
      [0, 16_385, 1, 65_540],
      [400 * 300 * 4 - 3, 1, 1, 4],
    ] as [number, number, number, number][]
  ) refused(made(...values), "larger than its pool");
});
