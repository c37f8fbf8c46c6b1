// How large what a window shows is, with all of its parts.

import { assert, assertEquals } from "@std/assert";
import { overlap } from "../../../../lib/guard/wayland/boxes.ts";
import {
  bindScreen,
  frame,
  ids,
  message,
  messages,
  nothing,
  part,
  refused,
  text,
  type Trial,
  viewport,
  withWindow,
  word,
} from "../../wayland_samples.ts";

Deno.test("the guard of Wayland takes no pointer of another size, and none that is shown far from the pointer", () => {
  const { app } = withWindow();
  app(message(ids.compositor, "wl_compositor.create_surface", ids.next));
  const cursor = (x: number): Uint8Array => app(message(ids.pointer, "wl_pointer.set_cursor", 1, ids.next, x, 0));
  assertEquals(cursor(2_000), nothing);
  assertEquals(cursor(-200), nothing);
  assert(cursor(4).length > 0);
  // The picture is 400 pixels wide.
  assertEquals(app(message(ids.next, "wl_surface.attach", ids.buffer, 0, 0)), nothing);
  assertEquals(app(message(ids.next, "wl_surface.offset", 500, 0)), nothing);
});

Deno.test("the guard of Wayland takes a pointer of 256 pixels a side, in pixels of the desktop", () => {
  for (const [width, height, scale, passes] of [[256, 256, 1, 1], [257, 256, 1, 0], [256, 257, 1, 0], [300, 4, 2, 1]]) {
    const { app } = withWindow();
    const [surface, buffer] = [ids.next, ids.next + 1] as const;
    app(
      message(ids.compositor, "wl_compositor.create_surface", surface),
      message(ids.pool, "wl_shm_pool.create_buffer", buffer, 0, width!, height!, 4 * width!, 0),
      message(ids.pointer, "wl_pointer.set_cursor", 1, surface, 0, 0),
      message(surface, "wl_surface.set_buffer_scale", scale!),
    );
    const attach = message(surface, "wl_surface.attach", buffer, 0, 0);
    assertEquals(app(attach), passes ? attach : nothing, `${width} × ${height}`);
  }
});

Deno.test("the guard of Wayland takes pictures of a scale from 1 to 16", () => {
  for (const scale of [1, 16]) {
    assert(withWindow().app(message(ids.surface, "wl_surface.set_buffer_scale", scale)).length > 0);
  }
  for (const scale of [-1, 0, 17]) {
    refused(
      () => withWindow().app(message(ids.surface, "wl_surface.set_buffer_scale", scale)),
      "scale is out of range",
    );
  }
});

Deno.test("the guard of Wayland lets a window's picture reach no farther beyond the window than a shadow", () => {
  const made = withWindow();
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = (width: number, height: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, height);
  made.app(geometry(20, 20));
  assertEquals(made.app(commit), new Uint8Array([...geometry(400, 300), ...commit]));
  // Its picture has become smaller: what reaches beyond it is a shadow from now on.
  viewport(made, { id: ids.next, surface: ids.surface, size: [40, 40] });
  assertEquals(made.app(commit), new Uint8Array([...geometry(20, 20), ...commit]));
  assertEquals(made.app(commit), commit);
});

Deno.test("the guard of Wayland knows that a picture has its own size again without its viewport", () => {
  const made = withWindow();
  const { app } = made;
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = (width: number, height: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, height);
  const view = viewport(made, { id: ids.next, surface: ids.surface, size: [200, 200] });
  app(geometry(200, 200));
  assertEquals(app(commit), commit);
  app(message(view, "wp_viewport.destroy"));
  assertEquals(app(commit), new Uint8Array([...geometry(400, 300), ...commit]));

  const pointer = withWindow();
  const surface = ids.next + 2;
  pointer.app(message(ids.compositor, "wl_compositor.create_surface", surface));
  const small = viewport(pointer, { id: ids.next, surface, size: [10, 10] });
  pointer.app(message(surface, "wl_surface.attach", ids.buffer, 0, 0), message(surface, "wl_surface.commit"));
  assert(pointer.app(message(ids.pointer, "wl_pointer.set_cursor", 1, surface, 0, 0)).length > 0);
  pointer.app(message(small, "wp_viewport.destroy"));
  assertEquals(pointer.app(message(surface, "wl_surface.commit")), nothing);

  const ended = withWindow();
  const last = viewport(ended, { id: ids.next, surface: ids.surface, size: [10, 10] });
  ended.app(message(ids.surface, "wl_surface.destroy"));
  const destroy = message(last, "wp_viewport.destroy");
  assertEquals(ended.app(destroy), destroy);
});

Deno.test("the guard of Wayland takes a window to be no larger than what it shows, whatever it says of itself", () => {
  const made = withWindow();
  made.app(
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 16_384, 16_384),
    message(ids.surface, "wl_surface.commit"),
  );
  assertEquals(part(made, 300)(), nothing);
});

Deno.test("the guard of Wayland takes a window to be as large as the part of its picture that is shown, be it a line", () => {
  for (const [width, height] of [[10, 1], [1, 10]] as const) {
    const made = withWindow();
    viewport(made, { id: ids.next, surface: ids.surface, size: [-1, -1] });
    made.app(
      message(ids.next + 1, "wp_viewport.set_source", 0, 0, width << 8, height << 8),
      message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, height),
    );
    const commit = message(ids.surface, "wl_surface.commit");
    assertEquals(made.app(commit), commit, `${width} × ${height}`);
  }
});

Deno.test("the guard of Wayland counts a picture that a viewport cuts as mutter does: by whole pixels, and beyond the buffer", () => {
  const commit = message(ids.surface, "wl_surface.commit");
  for (
    const [width, height, shown] of [
      [100.5, 0.5, [101, 1]],
      [1_000, 300, [1_000, 300]],
      [16_384, 1, [16_384, 1]],
      [16_384.5, 1, undefined],
      [1, 2 ** 23 - 0.5, undefined],
    ] as const
  ) {
    const made = withWindow();
    const view = viewport(made, { id: ids.next, surface: ids.surface, size: [-1, -1] });
    const source = message(view, "wp_viewport.set_source", 0, 0, width * 256, height * 256);
    assertEquals(made.app(source), shown ? source : nothing);
    const size = shown ?? [400, 300];
    made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, ...size));
    assertEquals(made.app(commit), commit, `${width} × ${height}`);
    // What it says to be smaller is not.
    if (size[0] < 300) continue;
    made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 1, 1));
    const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, ...size);
    assertEquals(made.app(commit), new Uint8Array([...geometry, ...commit]));
  }
});

Deno.test("the guard of Wayland counts what parts of parts show above a window, or left of it", () => {
  for (const [x, y] of [[0, -100], [-100, 0]] as const) {
    const made = withWindow();
    const [manager, outer, outerPart, inner, innerPart] = [0, 1, 2, 3, 4].map((more) => ids.next + more) as number[];
    const commitOuter = part(made, 0, { isSync: true });
    made.app(
      message(ids.compositor, "wl_compositor.create_surface", inner!),
      message(manager!, "wl_subcompositor.get_subsurface", innerPart!, inner!, outer!),
      message(outerPart!, "wl_subsurface.set_position", x, y),
      message(innerPart!, "wl_subsurface.set_position", x, y),
      message(inner!, "wl_surface.attach", ids.buffer, 0, 0),
      message(inner!, "wl_surface.commit"),
    );
    commitOuter();
    made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 400, 300));
    const commit = message(ids.surface, "wl_surface.commit");
    const whole = [2 * x, 2 * y, 400 - 2 * x, 300 - 2 * y];
    const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", ...whole);
    assertEquals(made.app(commit), new Uint8Array([...geometry, ...commit]));
  }
});

Deno.test("the guard of Wayland counts a part as large as it is on the screen until it has another size there", () => {
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = (width: number, height: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, height);
  /** The window becomes smaller. Whether it may be as small as it says. */
  const shrinks = ({ app }: Trial, width = 100): boolean => {
    app(geometry(width, 300));
    return app(commit).length === commit.length;
  };
  for (const isSync of [false, true]) {
    const made = withWindow();
    const commitPart = part(made, 100, { isSync });
    commitPart();
    made.app(commit);
    viewport(made, { id: ids.next + 3, surface: ids.surface, size: [100, 300] });
    viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [1, 1] });
    assertEquals(shrinks(made), false, "not committed");
    assert(commitPart().length > 0);
    assertEquals(shrinks(made), true);
  }
  // What a part has committed is shown once it no longer waits, and perhaps never if it is made a part anew.
  for (const isFree of [true, false]) {
    const made = withWindow();
    const commitPart = part(made, 100, { isSync: true });
    commitPart();
    made.app(commit);
    viewport(made, { id: ids.next + 3, surface: ids.surface, size: [100, 300] });
    viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [1, 1] });
    commitPart();
    if (isFree) made.app(message(ids.next + 2, "wl_subsurface.set_desync"));
    else {
      made.app(message(ids.next + 2, "wl_subsurface.destroy"));
      made.app(message(ids.next, "wl_subcompositor.get_subsurface", ids.next + 7, ids.next + 1, ids.surface));
    }
    assertEquals(shrinks(made, 250), isFree);
    commitPart();
    assertEquals(shrinks(made, 250), true);
  }
  // It is too large, and then waits for the window.
  const made = withWindow();
  const commitPart = part(made, 100);
  commitPart();
  made.app(commit);
  viewport(made, { id: ids.next + 3, surface: ids.surface, size: [100, 300] });
  viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [10, 1_000] });
  assertEquals(commitPart(), nothing);
  made.app(message(ids.next + 2, "wl_subsurface.set_sync"), geometry(100, 300));
  const commitOfPart = message(ids.next + 1, "wl_surface.commit");
  assertEquals(made.app(commit), new Uint8Array([...geometry(500, 1_000), ...commitOfPart, ...commit]));
  // Parts of a part, which wait for that: what they have committed is not on the screen yet.
  const [manager, outer, middle, inner] = [ids.next, ids.next + 1, ids.next + 3, ids.next + 5];
  const commitOf = (surface: number): Uint8Array => message(surface, "wl_surface.commit");
  for (const change of ["moved", "committed", "left"]) {
    const made = withWindow();
    const { app } = made;
    const commitOuter = part(made, 0);
    for (const [surface, parent] of [[middle, outer], [inner, middle]] as const) {
      app(
        message(ids.compositor, "wl_compositor.create_surface", surface),
        message(manager, "wl_subcompositor.get_subsurface", surface + 1, surface, parent),
        message(surface, "wl_surface.attach", ids.buffer, 0, 0),
      );
    }
    app(message(inner + 1, "wl_subsurface.set_position", 500, 0), commitOf(inner), commitOf(middle));
    commitOuter();
    app(commit);
    if (change === "moved") app(message(inner + 1, "wl_subsurface.set_position", 0, 0));
    else app(message(inner, "wl_surface.attach", 0, 0, 0), commitOf(inner));
    if (change === "left") commitOuter();
    else app(commitOf(middle));
    assertEquals(shrinks(made, 400), false, change);
    app(commitOf(middle));
    commitOuter();
    // What has waited for the window comes with it.
    app(commit);
    assertEquals(shrinks(made, 400), true, change);
  }
});

Deno.test("the guard of Wayland forgets no size that a compositor may still show", () => {
  const commitOf = (surface: number): Uint8Array => message(surface, "wl_surface.commit");
  const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 400, 300);
  const [manager, outer, middle, inner] = [ids.next, ids.next + 1, ids.next + 3, ids.next + 5];
  /** A window with a part of a part of a part, which reaches 100 pixels beyond it. */
  const withParts = (isShown: boolean): Trial => {
    const made = withWindow();
    const commitOuter = part(made, 0);
    for (const [surface, parent] of [[middle, outer], [inner, middle]] as const) {
      made.app(
        message(ids.compositor, "wl_compositor.create_surface", surface),
        message(manager, "wl_subcompositor.get_subsurface", surface + 1, surface, parent),
        message(surface, "wl_surface.attach", ids.buffer, 0, 0),
      );
    }
    made.app(message(inner + 1, "wl_subsurface.set_position", 300, 0));
    if (isShown) made.app(commitOf(inner));
    made.app(commitOf(middle));
    commitOuter();
    made.app(commitOf(ids.surface));
    commitOuter();
    return made;
  };
  const mayShrink = ({ app }: Trial): boolean => {
    app(geometry);
    return app(commitOf(ids.surface)).length === commitOf(ids.surface).length;
  };
  const hide = message(inner, "wl_surface.attach", 0, 0, 0);

  // wlroots 0.18 shows what a part that is bound by its parent alone has committed, once that parent is not bound.
  const bound = withParts(true);
  bound.app(message(inner + 1, "wl_subsurface.set_desync"), hide, commitOf(inner), commitOf(middle), commitOf(outer));
  assertEquals(mayShrink(bound), false, "bound by its parent alone");

  // It shows what a part has committed after its parent's commit, and before that is on the screen; KWin does not.
  const later = withParts(false);
  assertEquals(mayShrink(later), true);
  later.app(commitOf(middle), commitOf(inner), commitOf(outer), commitOf(ids.surface));
  later.app(hide, commitOf(inner), commitOf(outer));
  assertEquals(mayShrink(later), false, "committed after its parent");
  later.app(commitOf(middle), commitOf(outer), commitOf(ids.surface));
  assertEquals(mayShrink(later), true);
});

Deno.test("the guard of Wayland counts a part that is made one anew also where it was before", () => {
  const made = withWindow();
  const { app } = made;
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = (width: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, 300);
  const commitPart = part(made, 300);
  commitPart();
  app(commit);
  app(commit);
  const [manager, surface, own, again] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  app(
    message(own, "wl_subsurface.destroy"),
    message(manager, "wl_subcompositor.get_subsurface", again, surface, ids.surface),
    geometry(400),
  );
  assertEquals(app(commit), new Uint8Array([...geometry(700), ...commit]));
  // A desktop that begins anew takes the window to be smaller.
  app(message(again, "wl_subsurface.set_desync"), message(again, "wl_subsurface.set_position", 200, 0), geometry(400));
  for (let times = 0; times < 3; times++) app(commit);
  app(geometry(600));
  assertEquals(app(commit), commit);
});

Deno.test("a part whose parent has ended becomes no part of another one by two objects: the guard would forget it", () => {
  const made = withWindow();
  part(made, 300)();
  const [manager, surface, parent, own] = [ids.next, ids.next + 1, ids.next + 8, ids.next + 9];
  refused(
    () =>
      made.app(
        message(ids.surface, "wl_surface.destroy"),
        message(ids.compositor, "wl_compositor.create_surface", parent),
        message(manager, "wl_subcompositor.get_subsurface", own, surface, parent),
      ),
    "is made a part of another one",
  );
});

Deno.test("the guard of Wayland waits for no part that has ended", () => {
  const made = withWindow();
  assertEquals(part(made, 300)(), nothing);
  made.app(message(ids.next + 2, "wl_subsurface.destroy"), message(ids.next + 1, "wl_surface.destroy"));
  const commit = message(ids.surface, "wl_surface.commit");
  assertEquals(made.app(commit), commit);
});

Deno.test("the guard of Wayland lets no part of a window reach beyond it either, whoever commits first", () => {
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = (width: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, 300);
  for (const isSet of [true, false]) {
    const { app, ...rest } = withWindow();
    if (isSet) app(geometry(400), commit);
    const commitPart = part({ app, ...rest }, 300);
    assertEquals(commitPart(), nothing);
    const commitOfPart = message(ids.next + 1, "wl_surface.commit");
    assertEquals(app(commit), new Uint8Array([...geometry(700), ...commitOfPart, ...commit]));
    assertEquals(commitPart(), commitOfPart);
  }
  const bound = withWindow();
  bound.app(geometry(400), commit);
  assert(part(bound, 300, { isSync: true })().length > 0);
  assertEquals(bound.app(commit), new Uint8Array([...geometry(700), ...commit]));
  // As much as a shadow.
  const shadow = withWindow();
  shadow.app(geometry(400), commit);
  assert(part(shadow, 100)().length > 0);
  // The desktop may ask for less again before the window is as large.
  const growing = withWindow();
  growing.app(geometry(400), commit);
  growing.host(message(ids.toplevel, "xdg_toplevel.configure", 700, 300, nothing));
  const commitPart = part(growing, 300);
  assertEquals(commitPart(), nothing);
  growing.app(geometry(700));
  assertEquals(growing.app(commit), new Uint8Array([...message(ids.next + 1, "wl_surface.commit"), ...commit]));
});

Deno.test("the guard of Wayland knows what a part has become while it waits for its window", () => {
  const made = withWindow();
  const commit = message(ids.surface, "wl_surface.commit");
  made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 400, 300), commit);
  assertEquals(part(made, 300)(), nothing);
  viewport(made, { id: ids.next + 3, surface: ids.next + 1, size: [2_000, 300] });
  const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 2_300, 300);
  assertEquals(
    made.app(commit),
    new Uint8Array([...geometry, ...message(ids.next + 1, "wl_surface.commit"), ...commit]),
  );
});

Deno.test("the guard of Wayland has a window as small as it says once its part is, without a word of the app's", () => {
  const commit = message(ids.surface, "wl_surface.commit");
  const commitOfPart = message(ids.next + 1, "wl_surface.commit");
  const free = message(ids.next + 2, "wl_subsurface.set_desync");
  const attach = message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0);
  const geometry = (width: number): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, width, 100);
  /** A window that has shrunk, while its part has not. */
  const withLargePart = (isSync = false): Trial & { commitPart(): Uint8Array } => {
    const made = withWindow();
    const commitPart = part(made, 0, { isSync });
    viewport(made, { id: ids.next + 3, surface: ids.next + 1, size: [300, 100] });
    commitPart();
    made.app(commit);
    viewport(made, { id: ids.next + 5, surface: ids.surface, size: [100, 100] });
    made.app(geometry(100));
    assertEquals(made.app(commit), new Uint8Array([...geometry(300), ...commit]));
    return { ...made, commitPart };
  };
  const follows = new Uint8Array([...commitOfPart, ...geometry(100), ...commit]);

  const made = withLargePart();
  assertEquals(made.commitPart(), commitOfPart, "as large as before");
  const view = viewport(made, { id: ids.next + 7, surface: ids.next + 1, size: [260, 100] });
  assertEquals(made.commitPart(), new Uint8Array([...commitOfPart, ...geometry(260), ...commit]), "smaller");
  made.app(message(view, "wp_viewport.set_destination", 200, 100));
  assertEquals(made.commitPart(), follows);
  assertEquals(made.commitPart(), commitOfPart, "once");

  // The desktop has taken over the size that only the guard has said, and tells that late.
  for (const isLate of [false, true]) {
    const asked = withLargePart();
    viewport(asked, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
    if (isLate) assertEquals(asked.commitPart(), follows);
    const [maximized, tiled, free] = [word(1), messages(word(4), word(5)), word(4)];
    for (
      const [wanted, told, ms, states] of [
        [280, 280, 0, free],
        [300, 300, 499, tiled],
        [300, 300, 0, maximized],
        [300, 100, 0, free],
        [300, 300, 1, free],
      ] as const
    ) {
      asked.wait(ms);
      const configure = (width: number): Uint8Array[] => [
        message(ids.toplevel, "xdg_toplevel.configure", width, 100, states),
        message(ids.xdgSurface, "xdg_surface.configure", 9),
      ];
      assertEquals(asked.host(...configure(wanted)), new Uint8Array(configure(told).flatMap((each) => [...each])));
    }
  }

  const bound = withLargePart(true);
  viewport(bound, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
  assertEquals(bound.commitPart(), commitOfPart);
  assertEquals(bound.app(free), new Uint8Array([...free, ...geometry(100), ...commit]));

  // The app changes its window just now, and would have half of that committed.
  const busy = withLargePart();
  busy.app(attach);
  viewport(busy, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
  assertEquals(busy.commitPart(), commitOfPart);
  assertEquals(busy.app(commit), new Uint8Array([...geometry(100), ...commit]));
  for (
    const change of [
      message(ids.next + 6, "wp_viewport.set_destination", 90, 100),
      message(ids.next + 6, "wp_viewport.set_source", 380 << 8, 0, 100 << 8, 100 << 8),
      message(ids.surface, "wl_surface.set_buffer_scale", 2),
      message(ids.surface, "wl_surface.set_buffer_transform", 2),
      // More than the largest size, which is yet to be said.
      new Uint8Array([
        ...message(ids.toplevel, "xdg_toplevel.set_max_size", 250, 0),
        ...message(ids.toplevel, "xdg_toplevel.set_min_size", 300, 0),
      ]),
    ]
  ) {
    const changing = withLargePart();
    viewport(changing, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
    changing.app(change);
    assertEquals(changing.commitPart(), commitOfPart);
  }

  // As Firefox does at its first start.
  const limited = withLargePart();
  viewport(limited, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
  for (const [limit, side] of [["min", 90], ["max", 400]] as const) {
    limited.app(message(ids.toplevel, `xdg_toplevel.set_${limit}_size`, side, side));
  }
  assertEquals(limited.commitPart(), follows);

  // To commit what is neither a window nor a popup would be an error.
  const ended = withLargePart();
  viewport(ended, { id: ids.next + 7, surface: ids.next + 1, size: [100, 100] });
  ended.app(message(ids.toplevel, "xdg_toplevel.destroy"));
  assertEquals(ended.commitPart(), commitOfPart);
});

Deno.test("the guard of Wayland moves no part of a window by an offset of its picture", () => {
  const { app, ...rest } = withWindow();
  part({ app, ...rest }, 0)();
  const attach = (x: number): Uint8Array => message(ids.next + 1, "wl_surface.attach", ids.buffer, x, 0);
  assertEquals(app(attach(5_000)), attach(0));
  for (const [x, y] of [[5_000, 0], [0, 5_000], [1, 0], [0, 1]]) {
    assertEquals(app(message(ids.next + 1, "wl_surface.offset", x!, y!)), nothing, `${x}, ${y}`);
  }
  // What is dragged is beside the pointer.
  const dragged = withWindow();
  const [source, icon] = [ids.next, ids.next + 1];
  dragged.app(
    message(ids.dataManager, "wl_data_device_manager.create_data_source", source),
    message(ids.compositor, "wl_compositor.create_surface", icon),
  );
  dragged.host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
  dragged.app(message(ids.device, "wl_data_device.start_drag", source, ids.surface, icon, 6));
  const offset = (x: number): Uint8Array => message(icon, "wl_surface.offset", x, 0);
  assertEquals(dragged.app(offset(-600)), offset(-600));
  assertEquals(dragged.app(offset(-600)), nothing, "too far together");
});

Deno.test("the guard of Wayland lets no part grow around the border of its window, which is committed with it", () => {
  const made = withWindow();
  const commit = message(ids.surface, "wl_surface.commit");
  viewport(made, { id: ids.next + 3, surface: ids.surface, size: [100, 100] });
  made.app(commit);
  // The window is 100 pixels wide, and the part reaches no farther beyond it than a shadow.
  const commitPart = part(made, 0);
  viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [210, 100] });
  const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 210, 100);
  const commitOfPart = message(21, "wl_surface.commit");
  assertEquals(commitPart(), new Uint8Array([...geometry, ...commitOfPart, ...commit]));
  viewport(made, { id: ids.next + 7, surface: ids.next + 1, size: [230, 100] });
  made.app(message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0));
  assertEquals(commitPart(), nothing, "the app is about to commit its window");
  assert(text(made.app(commit)).endsWith(text(new Uint8Array([...commitOfPart, ...commit]))));
});

Deno.test("the guard of Wayland knows that a picture is shown turned", () => {
  const { app } = withWindow();
  app(
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 50, 300),
    message(ids.surface, "wl_surface.set_buffer_transform", 1),
  );
  const commit = message(ids.surface, "wl_surface.commit");
  const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 300, 400);
  assertEquals(app(commit), new Uint8Array([...geometry, ...commit]));
});

Deno.test("the guard of Wayland ends a connection whose windows fill 32 screens, with two pictures each", () => {
  const made = withWindow();
  const add = (from: number, count: number): void => {
    for (let id = from; id < from + count; id++) {
      made.app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(id, "wl_surface.attach", ids.buffer, 0, 0),
        message(id, "wl_surface.commit"),
      );
    }
  };
  const most = Math.floor(2 * 32 * 1920 * 1080 / (400 * 300)) - 1;
  add(ids.next, most);
  made.app(message(ids.next, "wl_surface.destroy"));
  add(ids.next + most, 1);
  refused(() => add(ids.next + most + 1, 1), "fill too many screens");
});

Deno.test("the guard of Wayland ends a connection whose pictures need more than 4 GiB, on the largest screens, too", () => {
  const made = withWindow();
  const [screen, pool, buffer, first] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  bindScreen(made, { number: 80, id: screen });
  made.host(message(screen, "wl_output.mode", 1, 7680, 4320, 60_000));
  made.connection.fromContainer(frame(2, 2, 4096 * 4096 * 4));
  made.connection.fromContainer(frame(1, 2));
  made.app(
    message(ids.shm, "wl_shm.create_pool", pool, 4096 * 4096 * 4),
    message(pool, "wl_shm_pool.create_buffer", buffer, 0, 4096, 4096, 4096 * 4, 0),
  );
  const add = (from: number, count: number): void => {
    for (let id = from; id < from + count; id++) {
      made.app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(id, "wl_surface.attach", buffer, 0, 0),
        message(id, "wl_surface.commit"),
      );
    }
  };
  // One is not whole, beside that of the window.
  const most = 2 ** 30 / 4096 ** 2 - 1;
  add(first, most);
  refused(() => add(first + most, 1), "fill too many screens");
});

Deno.test("the guard of Wayland ends a connection that keeps it busy with parts of windows", () => {
  const manager = ids.next;
  const withParts = (count: number, isDeep = false): Trial & { parts: number[] } => {
    const made = withWindow();
    made.host(message(ids.registry, "wl_registry.global", 91, "wl_subcompositor", 1));
    made.app(message(ids.registry, "wl_registry.bind", 91, "wl_subcompositor", 1, manager));
    const parts = Array.from({ length: count }, (_, index) => manager + 1 + 2 * index);
    for (const [index, part] of parts.entries()) {
      const parent = isDeep && index > 0 ? parts[index - 1]! : ids.surface;
      made.app(
        message(ids.compositor, "wl_compositor.create_surface", part),
        message(manager, "wl_subcompositor.get_subsurface", part + 1, part, parent),
        isDeep ? message(part + 1, "wl_subsurface.set_desync") : message(part, "wl_surface.attach", ids.buffer, 0, 0),
        message(part, "wl_surface.commit"),
      );
      if (!isDeep) made.app(message(ids.surface, "wl_surface.commit"));
      made.wait(10);
    }
    return { ...made, parts };
  };
  const busy = withParts(300);
  const commits = (part: number): Uint8Array =>
    messages(...new Array(2 ** 15 - 1).fill(message(part, "wl_surface.commit")));
  refused(() => busy.connection.fromContainer(commits(ids.surface)), "subsurfaces of its windows change too often");
  const deep = withParts(1_000, true);
  refused(
    () => deep.connection.fromContainer(commits(deep.parts.at(-1)!)),
    "subsurfaces of its windows change too often",
  );
  // A thousand times a second is as bad as all at once.
  const lasting = withParts(300);
  refused(() => {
    for (let ms = 0; ms < 5_000; ms++) {
      lasting.app(message(ids.surface, "wl_surface.commit"));
      lasting.wait(1);
    }
  }, "subsurfaces of its windows change too often");
  // A second of a window of 20 parts, at 144 pictures a second.
  const honest = withParts(20);
  for (let picture = 0; picture < 144; picture++) {
    for (const part of [...honest.parts, ids.surface]) honest.app(message(part, "wl_surface.commit"));
    honest.wait(1_000 / 144);
  }
});

Deno.test("the guard of Wayland cuts off no client that knows no screen, as wl-copy, beside large windows of others", () => {
  const [large, small] = [withWindow(), withWindow()];
  bindScreen(large, { number: 70, id: ids.next });
  large.host(message(ids.next, "wl_output.mode", 1, 7_680, 4_320, 60_000));
  // What the session's other connection shows, beyond what a screen of a usual size would let it.
  large.session.addPixels(200e6, 64 * 7_680 * 4_320);
  small.session.addPixels = large.session.addPixels;
  const { app } = small;
  app(
    message(ids.compositor, "wl_compositor.create_surface", ids.next),
    message(ids.next, "wl_surface.attach", ids.buffer, 0, 0),
  );
  assert(app(message(ids.next, "wl_surface.commit")).length > 0);
});

Deno.test("the guard of Wayland knows where a part of a window is, also once it has no viewport any more", () => {
  const made = withWindow();
  const commit = part(made, 300);
  const view = viewport(made, { id: ids.next + 3, surface: ids.next + 1, size: [400, 300] });
  made.app(message(view, "wp_viewport.destroy"));
  assertEquals(commit(), nothing, "it would show beyond the window");
});

Deno.test("the guard of Wayland commits a part that has waited once with its window, not with each later picture of it", () => {
  const made = withWindow();
  const commit = message(ids.surface, "wl_surface.commit");
  made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 400, 300), commit);
  assertEquals(part(made, 300)(), nothing);
  const own = message(ids.next + 1, "wl_surface.commit");
  assertEquals(made.app(commit).subarray(-own.length - commit.length), new Uint8Array([...own, ...commit]));
  assertEquals(made.app(commit), commit);
});

Deno.test("overlap() of boxes that do not meet is the first of them", () => {
  const box = { left: 0, top: 0, right: 10, bottom: 10 };
  assertEquals(overlap(box, { left: 5, top: 5, right: 15, bottom: 15 }), { left: 5, top: 5, right: 10, bottom: 10 });
  for (const [left, top] of [[20, 0], [0, 20], [20, 20], [10, 0], [0, 10]] as const) {
    assertEquals(overlap(box, { left, top, right: left + 10, bottom: top + 10 }), box, `${left}, ${top}`);
  }
});
