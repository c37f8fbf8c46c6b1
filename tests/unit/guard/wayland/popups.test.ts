// Where popups may be on Wayland, how large, and when they go.

import { assert, assertEquals } from "@std/assert";
import {
  bindScreen,
  frame,
  ids,
  message,
  messages,
  nothing,
  refused,
  type Trial,
  use,
  viewport,
  withWindow,
} from "../../wayland_samples.ts";

/** Asks for a popup of this size at this place of the window. */
function popup(
  { app }: Trial,
  width: number,
  height: number,
  { x = 0, from = ids.next as number, parent = ids.xdgSurface as number } = {},
): Uint8Array {
  const [surface, shell, positioner, own] = [0, 1, 2, 3].map((step) => from + step) as [
    number,
    number,
    number,
    number,
  ];
  app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_size", width, height),
    message(positioner, "xdg_positioner.set_anchor_rect", x, 0, 10, 10),
    message(shell, "xdg_surface.get_popup", own, parent, positioner),
  );
  return app(message(surface, "wl_surface.attach", ids.buffer, 0, 0));
}

Deno.test("the guard of Wayland leaves popups out while nobody is there, or that are large or far away", () => {
  assertEquals(popup(withWindow(), 100, 100), nothing);
  for (
    const [width, height, x, passes] of [
      [100, 100, 0, true],
      [1000, 700, 0, false],
      [100, 100, 900, false],
    ] as const
  ) {
    const made = withWindow();
    use(made);
    assertEquals(popup(made, width, height, { x }).length > 0, passes);
    // The app hears that it is closed.
    const own = ids.next + 3;
    const answer = made.host(message(own, "xdg_popup.configure", 0, 0, width, height));
    assertEquals(answer.length > 24, !passes);
  }
});

Deno.test("the guard of Wayland measures popups in the pixels of the desktop: scale, turned screens, the least if unknown", () => {
  const [first, from] = [ids.next, ids.next + 5];
  /** Whether there may be a popup of this size on screens of 3840 × 2160 pixels, of which this is said. */
  const mayPopUp = (size: readonly [number, number], ...said: readonly Uint8Array[]): boolean => {
    const made = withWindow();
    bindScreen(made, { number: 80, id: first });
    made.host(message(first, "wl_output.mode", 1, 3840, 2160, 60_000), ...said);
    use(made);
    return popup(made, ...size, { from }).length > 0;
  };
  const scale = message(first, "wl_output.scale", 2);
  const turned = message(first, "wl_output.geometry", 0, 0, 600, 340, 0, "", "", 1);
  assertEquals([mayPopUp([1920, 1080]), mayPopUp([1920, 1080], scale)], [true, false]);
  assertEquals([mayPopUp([1900, 500], scale), mayPopUp([1900, 500], scale, turned)], [true, false]);
  assertEquals(mayPopUp([1000, 1000], scale, turned), true);
  // A mode that the screen could have.
  assertEquals(mayPopUp([3000, 1300], scale, message(first, "wl_output.mode", 0, 7680, 4320, 60_000)), false);

  // Who asks by the first version, or often, makes no screen larger.
  const made = withWindow();
  bindScreen(made, { number: 80, id: first, version: 1 });
  made.host(message(first, "wl_output.mode", 1, 3840, 2160, 60_000));
  use(made);
  assertEquals(popup(made, 1_000, 700, { from }).length, 0);

  const logical = withWindow();
  bindScreen(logical, { number: 80, id: first });
  logical.host(
    message(first, "wl_output.mode", 1, 3840, 2160, 60_000),
    message(ids.registry, "wl_registry.global", 81, "zxdg_output_manager_v1", 3),
  );
  logical.app(
    message(ids.registry, "wl_registry.bind", 81, "zxdg_output_manager_v1", 3, first + 1),
    message(first + 1, "zxdg_output_manager_v1.get_xdg_output", first + 2, first),
  );
  logical.host(message(first + 2, "zxdg_output_v1.logical_size", 2560, 1440));
  use(logical);
  assertEquals(popup(logical, 2_000, 1_000, { from }).length, 0);
});

Deno.test("the guard of Wayland counts a screen's pixels once, however often the app binds it", () => {
  const { app, host, connection } = withWindow();
  const first = ids.next;
  for (let index = 0; index < 100; index++) {
    bindScreen({ app, host } as Trial, { number: 80, id: first + index });
    host(message(first + index, "wl_output.mode", 1, 1920, 1080, 60_000));
  }
  refused(() => {
    for (let id = first + 100; id < first + 1_400; id++) {
      app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(id, "wl_surface.attach", ids.buffer, 0, 0),
        message(id, "wl_surface.commit"),
      );
    }
  }, "fill too many screens");
  connection.end();
});

Deno.test("the guard of Wayland lets popups cover three quarters of the screen together, on all connections", () => {
  const made = withWindow();
  use(made);
  // The screen is 1024 × 768. Surface, xdg_surface, positioner, popup.
  const passes = (index: number): boolean => popup(made, 700, 400, { from: ids.next + 4 * index }).length > 0;
  assertEquals([passes(0), passes(1), passes(2)], [true, true, false]);
  made.app(message(ids.next + 3, "xdg_popup.destroy"));
  assertEquals(passes(3), true);
  made.connection.end();
  assertEquals(made.session.popups.size, 0);
});

Deno.test("the guard of Wayland counts popups that are left out, or that have ended, as nothing", () => {
  const made = withWindow();
  const { app, host, connection, session } = made;
  use(made);
  const [surface, positioner, own] = [ids.next, ids.next + 2, ids.next + 3];
  popup(made, 700, 400, { x: 900 });
  app(message(own, "xdg_popup.reposition", positioner, 1));
  assertEquals(session.popups.size, 0, "too far away");
  // Its surface stays, as that of a menu of GTK 4.
  app(message(own, "xdg_popup.destroy"), message(ids.next + 1, "xdg_surface.destroy"));
  const shell = ids.next + 4;
  app(
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
    message(positioner, "xdg_positioner.set_anchor_rect", 0, 0, 10, 10),
    message(shell, "xdg_surface.get_popup", shell + 1, ids.xdgSurface, positioner),
  );
  assertEquals(session.popups.size, 1);
  app(message(surface, "wl_surface.attach", ids.buffer, 0, 0), message(surface, "wl_surface.commit"));
  host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
  made.wait(5_000);
  assert(connection.leave());
  assertEquals(app(message(surface, "wl_surface.commit")), nothing);
  app(message(shell + 1, "xdg_popup.reposition", positioner, 1));
  assertEquals(session.popups.size, 0, "closed, as the user has left");

  use(made);
  const next = ids.next + 6;
  popup(made, 100, 100, { from: next });
  app(message(next + 3, "xdg_popup.destroy"));
  assertEquals(session.popups.size, 0);
  // It has its picture for longer than it is a popup.
  app(message(next, "wl_surface.commit"));
  assertEquals(session.popups.size, 1);
  app(message(next, "wl_surface.destroy"));
  assertEquals(session.popups.size, 0);
});

Deno.test("the guard of Wayland shows a popup on the surface of one that was left out before", () => {
  const made = withWindow();
  const { app, host, connection } = made;
  const [surface, positioner] = [ids.next, ids.next + 2];
  let [shell, own] = [ids.next + 1, ids.next + 3];
  /** The app shows its menu again. Whether that gets a picture. */
  const shows = (): boolean => {
    app(message(own, "xdg_popup.destroy"), message(shell, "xdg_surface.destroy"));
    [shell, own] = [own + 1, own + 2];
    app(
      message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
      message(shell, "xdg_surface.get_popup", own, ids.xdgSurface, positioner),
    );
    return app(message(surface, "wl_surface.attach", ids.buffer, 0, 0)).length > 0;
  };
  use(made);
  popup(made, 100, 100);
  host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
  made.wait(5_000);
  assert(connection.leave());
  assertEquals(shows(), false, "nobody is there");
  use(made);
  assertEquals(shows(), true);
});

Deno.test("the guard of Wayland lets popups be near a menu, and not near a dot that is none", () => {
  // The smallest menu is 32 × 16.
  for (const [width, height, isMenu] of [[1, 1, 0], [31, 100, 0], [100, 15, 0], [32, 16, 1], [100, 100, 1]] as const) {
    const made = withWindow();
    use(made);
    popup(made, 100, 100);
    made.app(message(ids.next, "wl_surface.commit"));
    // The menu's picture shows in this size.
    viewport(made, { id: ids.next + 4, surface: ids.next, size: [width, height] });
    made.app(message(ids.next, "wl_surface.commit"));
    made.app(message(ids.next, "wl_surface.commit"));
    const next = popup(made, 20, 20, { from: ids.next + 6, parent: ids.next + 1 });
    assertEquals(next.length > 0, isMenu === 1, `${width} × ${height}`);
  }
});

Deno.test("the guard of Wayland closes popups when the user has left, whatever the app does", () => {
  const made = withWindow();
  const { app, host, connection } = made;
  use(made);
  popup(made, 100, 100);
  const [surface, own] = [ids.next, ids.next + 3];
  made.wait(5_000);
  assertEquals(connection.leave(), undefined, "the window has the keyboard");
  host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
  made.wait(900);
  assertEquals(connection.leave(), undefined, "just now");
  made.wait(200);
  // Half of a frame has passed.
  const fill = new Uint8Array([...frame(2, 2, 64), ...frame(5, 2, 0, 8, new Uint8Array(8))]);
  connection.fromContainer(fill.subarray(0, -4));
  assertEquals(connection.leave(), "later");
  connection.fromContainer(fill.subarray(-4));
  assertEquals(connection.leave(), {
    toContainer: messages(message(own, "xdg_popup.popup_done")),
    toHost: messages(
      message(surface, "wl_surface.attach", 0, 0, 0),
      message(surface, "wl_surface.commit"),
    ),
  });
  assertEquals(connection.leave(), undefined, "once");
  assertEquals(app(message(surface, "wl_surface.attach", ids.buffer, 0, 0)), nothing);
  // Neither end has sent these frames, and neither is to hear that they have come.
  assertEquals(connection.fromContainer(frame(16, 5)), [frame(16, 4)]);
  assertEquals(connection.fromHost(frame(16, 9)), [frame(16, 8)]);
});

Deno.test("the guard of Wayland counts nothing that the compositor says to what the app has ended by then", () => {
  const made = withWindow();
  const { app, host, session } = made;
  use(made);
  // The second takes the id of the first, once that is free.
  const [second, touch] = [ids.next, ids.next];
  // In one write: the compositor answers to each of them.
  app(message(ids.seat, "wl_seat.get_keyboard", second), message(second, "wl_keyboard.release"));
  host(
    message(second, "wl_keyboard.enter", 7, ids.surface, nothing),
    message(1, "wl_display.delete_id", second),
    message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface),
  );
  made.wait(5_000);
  assertEquals([session.attention.focused(), session.attention.isPresent()], [0, false]);
  app(message(ids.seat, "wl_seat.get_touch", touch), message(touch, "wl_touch.release"));
  host(message(touch, "wl_touch.down", 9, 0, ids.surface, 0, 256, 256), message(1, "wl_display.delete_id", touch));
  assertEquals(app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 9)), nothing);
});

Deno.test("the guard of Wayland shows no popup whose picture is larger than half of the screen, whatever it asked for", () => {
  const made = withWindow();
  use(made);
  popup(made, 100, 100);
  const [surface, manager, view] = [ids.next, ids.next + 4, ids.next + 5];
  made.host(message(ids.registry, "wl_registry.global", 92, "wp_viewporter", 1));
  made.app(
    message(ids.registry, "wl_registry.bind", 92, "wp_viewporter", 1, manager),
    message(manager, "wp_viewporter.get_viewport", view, surface),
  );
  const shown = (width: number, height: number): boolean =>
    made.app(message(view, "wp_viewport.set_destination", width, height), message(surface, "wl_surface.commit"))
      .length === 24;
  // The screen is 1024 × 768. What reaches beyond the window as a shadow does may hide as much.
  assertEquals([shown(400, 300), shown(1_200, 900), shown(800, 600), shown(700, 500)], [true, false, false, true]);
});

Deno.test("the guard of Wayland leaves out a popup that is not beside its window, by anchor, side, gravity and offset", () => {
  const [right, bottom, none] = [4, 2, 0];
  /** The window is 400 × 300. */
  const passes = (
    size: readonly [number, number] | undefined,
    { anchor = [399, 0, 1, 1], offset, edge = right, gravity = right }: {
      anchor?: number[];
      offset?: number[];
      edge?: number;
      gravity?: number;
    },
  ): boolean => {
    const made = withWindow();
    use(made);
    const [surface, shell, positioner, own] = [18, 19, 20, 21];
    made.app(
      message(ids.compositor, "wl_compositor.create_surface", surface),
      message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
      message(ids.shell, "xdg_wm_base.create_positioner", positioner),
      ...size ? [message(positioner, "xdg_positioner.set_size", ...size)] : [],
      message(positioner, "xdg_positioner.set_anchor_rect", ...anchor),
      // Without these, it is in the middle of what it is anchored to.
      ...edge === none ? [] : [message(positioner, "xdg_positioner.set_anchor", edge)],
      ...gravity === none ? [] : [message(positioner, "xdg_positioner.set_gravity", gravity)],
      ...offset ? [message(positioner, "xdg_positioner.set_offset", ...offset)] : [],
      message(shell, "xdg_surface.get_popup", own, ids.xdgSurface, positioner),
    );
    return made.app(message(surface, "wl_surface.attach", ids.buffer, 0, 0)).length > 0;
  };
  assertEquals(passes([900, 300], {}), true, "a submenu");
  assertEquals(passes([900, 300], { offset: [48, 0] }), true);
  assertEquals(passes([900, 300], { offset: [49, 0] }), false);
  // Its own size is no way to be that far.
  assertEquals(passes([900, 300], { offset: [948, 0] }), false);
  assertEquals(passes([900, 300], { gravity: 3, offset: [948, 0] }), true, "to the left of where it is anchored");
  assertEquals(passes([100, 100], { edge: bottom, gravity: bottom, anchor: [0, 290, 10, 10], offset: [0, 60] }), false);
  // Exactly as far as it may be, without an offset: 48 pixels below the window, and right of it.
  const [below, farRight] = [[0, 347, 10, 1], [447, 0, 1, 10]];
  assertEquals(passes([100, 100], { edge: bottom, gravity: bottom, anchor: below }), true);
  assertEquals(passes([100, 100], { edge: bottom, gravity: bottom, anchor: below, offset: [0, 1] }), false);
  assertEquals(passes([100, 100], { anchor: farRight }), true);
  assertEquals(passes([100, 100], { anchor: farRight, offset: [1, 0] }), false);
  // Nor is a popup beside something larger than its window.
  assertEquals(passes([100, 100], { edge: 3, anchor: [0, 0, 448, 10] }), true);
  assertEquals(passes([100, 100], { edge: 3, anchor: [0, 0, 449, 10] }), false);
  assertEquals(passes([100, 100], { edge: 1, gravity: bottom, anchor: [0, -48, 10, 397] }), false);
  for (const [x, isNear] of [[-48, true], [-49, false]] as const) {
    assertEquals(passes(undefined, { edge: 3, anchor: [0, 0, 1, 1], offset: [x, 0] }), isNear, "without a size");
    assertEquals(passes(undefined, { edge: 1, gravity: bottom, anchor: [0, 0, 1, 1], offset: [0, x] }), isNear);
  }
  // At each corner, it may be as far from the window.
  for (const [corner, left, up] of [[5, -1, -1], [6, -1, 1], [7, 1, -1], [8, 1, 1]] as const) {
    const at = (x: number, y: number): boolean =>
      passes([100, 100], { edge: corner, gravity: corner, anchor: [0, 0, 400, 300], offset: [left * x, up * y] });
    assertEquals([at(48, 48), at(49, 0), at(0, 49)], [true, false, false], `${corner}`);
  }
  const inside = { edge: none, gravity: none, anchor: [0, 0, 400, 300] };
  // The middle of the window is at 200 and 150, that of the popup 50 pixels from its sides.
  for (const [x, y, isNear] of [[298, 0, true], [299, 0, false], [0, 248, true], [0, 249, false]] as const) {
    assertEquals(passes([100, 100], { ...inside, offset: [x, y] }), isNear, `${x}, ${y}`);
  }
});

Deno.test("the guard of Wayland closes popups of which one wants to be where it may not, as GTK 4 waits for an answer", () => {
  const made = withWindow();
  const { app, connection } = made;
  use(made);
  const [surface, positioner, own] = [ids.next, ids.next + 2, ids.next + 3];
  assert(popup(made, 100, 100).length > 0);
  const done = messages(message(own, "xdg_popup.popup_done"));
  app(message(positioner, "xdg_positioner.set_offset", 900, 0), message(own, "xdg_popup.reposition", positioner, 1));
  const leaving = connection.leave();
  assert(leaving !== undefined && leaving !== "later");
  assertEquals(leaving.toContainer, done);
  assertEquals(connection.leave(), undefined, "once");
  // Or as large as it may not be.
  const large = withWindow();
  use(large);
  popup(large, 100, 100);
  viewport(large, { id: ids.next + 5, surface, size: [1_000, 760] });
  assertEquals(large.app(message(surface, "wl_surface.commit")), nothing);
  const closing = large.connection.leave();
  assert(closing !== undefined && closing !== "later");
  assertEquals(closing.toContainer, done);
});
