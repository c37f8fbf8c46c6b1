// The sizes of a window with a border: the app's, and the desktop's.

import { assert, assertEquals } from "@std/assert";
import { ids, message, text, withBorder } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland has each end hear of a window's sizes as it knows them: with its border, and without", () => {
  const { made } = withBorder();
  const { app, host } = made;
  const commit = message(ids.surface, "wl_surface.commit");
  const min = (width: number, height: number): Uint8Array =>
    message(ids.toplevel, "xdg_toplevel.set_min_size", width, height);
  const max = (width: number, height: number): Uint8Array =>
    message(ids.toplevel, "xdg_toplevel.set_max_size", width, height);
  const geometry = (...box: [number, number, number, number]): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", ...box);
  assertEquals(app(min(100, 0), max(2 ** 31 - 1, 200)), new Uint8Array([...min(108, 0), ...max(2 ** 31 - 1, 208)]));
  app(geometry(10, 20, 300, 200));
  assert(text(app(commit)).includes(text(geometry(6, 16, 308, 208))));
  assertEquals(app(commit), commit, "once is enough");
  // As the app says it, it is none of what the desktop is to know.
  app(geometry(10, 20, 300, 200));
  assertEquals(app(commit), new Uint8Array([...geometry(6, 16, 308, 208), ...commit]));

  const configure = ([width, height]: readonly [number, number]): Uint8Array =>
    message(ids.toplevel, "xdg_toplevel.configure", width, height, new Uint8Array([1, 0, 0, 0]));
  const done = message(ids.xdgSurface, "xdg_surface.configure", 7);
  for (const [of, to] of [[[500, 400], [492, 392]], [[0, 0], [0, 0]], [[5, 8], [1, 1]]] as const) {
    assertEquals(host(configure(of), done), new Uint8Array([...configure(to), ...done]));
  }
  assertEquals(host(done), done);
  // A window that comes back is told of anew, and one that has ended no longer.
  const empty = message(ids.surface, "wl_surface.attach", 0, 0, 0);
  const full = message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0);
  app(empty, commit);
  assert(text(app(full, commit)).includes(text(geometry(6, 16, 308, 208))));
  app(empty, commit);
  host(configure([500, 400]));
  app(message(ids.toplevel, "xdg_toplevel.destroy"));
  assertEquals(host(done), done);
  assertEquals(app(commit), commit);
  // The next window of the surface has sizes of its own.
  const next = text(app(message(ids.xdgSurface, "xdg_surface.get_toplevel", 20), full, commit));
  assert(next.includes(text(geometry(6, 16, 308, 208))), "it has a border");
});
