// Messages of Wayland that are none.

import { assertEquals } from "@std/assert";
import { ids, message, refused, type Trial, withGlobals, withWindow, word } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland ends a connection with messages that its objects do not know", () => {
  const [bound, window] = [withGlobals, withWindow];
  const create = message(ids.compositor, "wl_compositor.create_surface", ids.next);
  for (
    const [start, list, reason] of [
      [bound, [message(99, "wl_surface.commit")], "for an unknown object"],
      [bound, [new Uint8Array([...word(ids.shm), ...word(8 << 16 | 77)])], "request 77 is unknown"],
      [bound, [message(ids.shm, "wl_shm.release")], "wl_shm.release is unknown to wl_shm, version 1"],
      [bound, [create, create], "is taken"],
      [bound, [message(ids.compositor, "wl_compositor.create_surface", 0xff00_0001)], "is taken"],
      [bound, [message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.next, ids.seat)], "an object that does not exist"],
      [bound, [message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.next, 0)], "an argument is null"],
      [bound, [new Uint8Array([...word(1), ...word(12 << 16)])], "has no end"],
      [bound, [new Uint8Array([...word(1), ...word(8 << 16)])], "shorter than its arguments"],
      [
        bound,
        [new Uint8Array([...word(1), ...word(16 << 16), ...word(30), ...word(0)])],
        "longer than its arguments",
      ],
      [bound, [message(ids.shm, "wl_shm.create_pool", ids.next, 64)], "descriptor of the wrong kind"],
      [
        window,
        [message(ids.surface, "wl_surface.destroy"), message(ids.surface, "wl_surface.commit")],
        "for an unknown object",
      ],
      [
        window,
        [message(ids.pool, "wl_shm_pool.create_buffer", ids.next, 0, 401, 300, 1604, 0)],
        "larger than its pool",
      ],
      [window, [message(ids.pool, "wl_shm_pool.resize", 480_004)], "larger than its file"],
      [
        window,
        [
          message(ids.dataManager, "wl_data_device_manager.create_data_source", ids.next),
          messageWithText(ids.next, 0, new Uint8Array([0xff, 0xfe, 0])),
        ],
        "not UTF-8",
      ],
      [window, [messageWithText(ids.toplevel, 2, new Uint8Array([65, 0, 65, 0]))], "does not end where it should"],
      [window, [messageWithText(ids.toplevel, 2, new Uint8Array(5_000).fill(65))], "too long"],
    ] as const
  ) refused(() => (start as () => Trial)().app(...list), reason);
});

Deno.test("the guard of Wayland shows a title that is not UTF-8, as of a file from a disk of DOS, as well as it can", () => {
  const title = messageWithText(ids.toplevel, 2, new Uint8Array([0x67, 0xfc, 0x6e, 0]));
  assertEquals(withWindow().app(title), message(ids.toplevel, "xdg_toplevel.set_title", "[box] g\ufffdn"));
});

function messageWithText(id: number, opcode: number, bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array((bytes.length + 3) & ~3);
  padded.set(bytes);
  return new Uint8Array([...word(id), ...word(12 + padded.length << 16 | opcode), ...word(bytes.length), ...padded]);
}
