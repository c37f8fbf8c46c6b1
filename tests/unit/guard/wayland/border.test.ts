// The border that the guard draws, as the app and the compositor see it.

import { assert, assertEquals } from "@std/assert";
import {
  border,
  ids,
  message,
  nothing,
  part,
  placed,
  refused,
  text,
  use,
  viewport,
  withBorder,
} from "../../wayland_samples.ts";

Deno.test("the guard of Wayland draws a border on each window, and a plate below it", () => {
  const { made: { app, host }, commit } = withBorder();
  const [compositor, , viewporter, pixels, buffer, region] = [18, 19, 20, 21, 22, 23];
  const passed = text(commit);
  const place = (strip: number, [x, y, width, height]: readonly number[]): Uint8Array =>
    new Uint8Array([
      ...message(strip + 1, "wl_subsurface.set_position", x!, y!),
      ...message(strip + 2, "wp_viewport.set_destination", width!, height!),
      ...message(strip, "wl_surface.set_input_region", 0),
      ...message(strip, "wl_surface.commit"),
    ]);
  for (
    const sent of [
      message(ids.registry, "wl_registry.bind", ids.compositor, "wl_compositor", 1, compositor),
      message(compositor, "wl_compositor.create_region", region),
      message(compositor, "wl_compositor.create_surface", 24),
      message(19, "wl_subcompositor.get_subsurface", 25, 24, ids.surface),
      message(viewporter, "wp_viewporter.get_viewport", 26, 24),
      message(24, "wl_surface.attach", buffer, 0, 0),
      message(37, "wl_subsurface.place_below", ids.surface),
      new Uint8Array([
        ...place(24, [-4, -4, 408, 4]),
        ...place(27, [-4, 300, 408, 4]),
        ...place(30, [-4, -4, 4, 308]),
        ...place(33, [400, -4, 4, 308]),
        ...place(36, [-4, -4, 408, 308]),
        ...message(ids.xdgSurface, "xdg_surface.set_window_geometry", -4, -4, 408, 308),
        ...message(ids.surface, "wl_surface.commit"),
      ]),
    ]
  ) assert(passed.includes(text(sent)), `${sent}`);
  assert(
    passed.includes(
      text(
        message(
          pixels,
          "wp_single_pixel_buffer_manager_v1.create_u32_rgba_buffer",
          buffer,
          ...[0x12, 0xab, 0].map((value) => value * 0x101_0101),
          2 ** 32 - 1,
        ),
      ),
    ),
  );
  // Once is enough.
  assertEquals(app(message(ids.surface, "wl_surface.commit")), message(ids.surface, "wl_surface.commit"));
  // The app has ids of its own, and hears nothing of the guard's objects.
  const mine = ids.next;
  const create = (id: number): Uint8Array => message(ids.compositor, "wl_compositor.create_surface", id);
  assertEquals(app(create(mine)), create(39));
  assertEquals(app(message(mine, "wl_surface.commit")), message(39, "wl_surface.commit"));
  assertEquals(host(message(buffer, "wl_buffer.release")), nothing);
  assertEquals(host(message(1, "wl_display.delete_id", 24)), nothing);
  app(message(mine, "wl_surface.destroy"));
  assertEquals(host(message(1, "wl_display.delete_id", 39)), message(1, "wl_display.delete_id", mine));
  refused(() => app(message(26, "wp_viewport.destroy")), "for an unknown object");
  refused(() => app(message(0, "wp_viewport.destroy")), "for an unknown object");
});

Deno.test("the guard of Wayland keeps a border on top, on what is seen, and as long as its window", () => {
  const { made: { app } } = withBorder();
  const { subcompositor, child, subsurface, viewport } = { subcompositor: 18, child: 19, subsurface: 20, viewport: 21 };
  app(message(ids.registry, "wl_registry.bind", 50, "wl_subcompositor", 1, subcompositor));
  app(message(ids.compositor, "wl_compositor.create_surface", child));
  const raised = text(app(message(subcompositor, "wl_subcompositor.get_subsurface", subsurface, child, ids.surface)));
  for (const strip of [25, 28, 31, 34]) assert(raised.includes(text(message(strip, "wl_subsurface.place_above", 40))));
  const commit = (): string => text(app(message(ids.surface, "wl_surface.commit")));
  const right = (x: number, height: number): string =>
    text(message(34, "wl_subsurface.set_position", x, -4)) +
    text(message(35, "wp_viewport.set_destination", 4, height + 8));
  app(message(ids.surface, "wl_surface.set_buffer_transform", 1));
  assert(commit().includes(right(300, 400)));
  app(message(ids.registry, "wl_registry.bind", 51, "wp_viewporter", 1, viewport));
  app(message(viewport, "wp_viewporter.get_viewport", viewport + 1, ids.surface));
  app(message(viewport + 1, "wp_viewport.set_source", 0, 0, 200 << 8, 100 << 8));
  assert(commit().includes(right(200, 100)));
  app(message(viewport + 1, "wp_viewport.set_destination", 100, 50));
  assert(commit().includes(right(100, 50)));
  // A dot in the middle is no window.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 50, 25, 1, 1));
  const dot = message(ids.xdgSurface, "xdg_surface.set_window_geometry", 46, 21, 9, 9);
  assert(commit().endsWith(text(dot) + text(message(ids.surface, "wl_surface.commit"))));
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 10, 0, 80, 50));
  assert(commit().includes(right(90, 50)));
  // Without a shadow, the line around that goes: four pieces of three objects each.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 100, 50));
  const withoutShadow = commit();
  const isDestroyed = (id: number): boolean => withoutShadow.includes(text(message(id, "wl_subsurface.destroy")));
  assertEquals(Array.from({ length: 100 }, (_, id) => id).filter(isDestroyed).length, 12);
  const ended = text(app(message(ids.surface, "wl_surface.destroy")));
  assert(ended.startsWith(text(message(26, "wp_viewport.destroy")) + text(message(25, "wl_subsurface.destroy"))));
});

Deno.test("the guard of Wayland has a popup beside its window's border, where the app wants it in the window", () => {
  const { made } = withBorder();
  use(made);
  const { app, host } = made;
  const [surface, own, positioner, popup] = [18, 19, 20, 21];
  const anchor = (x: number, y: number): Uint8Array => message(41, "xdg_positioner.set_anchor_rect", x, y, 10, 20);
  app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", own, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_size", 100, 100),
    message(positioner, "xdg_positioner.set_anchor_rect", 30, 40, 10, 20),
  );
  const passed = app(message(own, "xdg_surface.get_popup", popup, ids.xdgSurface, positioner));
  const sent = message(40, "xdg_surface.get_popup", 42, ids.xdgSurface, 41);
  assertEquals(passed, new Uint8Array([...anchor(34, 44), ...sent, ...anchor(30, 40)]));
  assertEquals(
    host(message(42, "xdg_popup.configure", 44, 64, 100, 100)),
    message(popup, "xdg_popup.configure", 40, 60, 100, 100),
  );
});

Deno.test("the guard of Wayland tells the compositor no number that has begun anew beyond the protocol's largest", () => {
  const { made } = withBorder();
  const { app } = made;
  const [least, most] = [-(2 ** 31), 2 ** 31 - 1];
  viewport(made, { id: 18, surface: ids.surface, size: [100, 100] });
  const geometry = (...box: readonly [number, number, number, number]): Uint8Array =>
    message(ids.xdgSurface, "xdg_surface.set_window_geometry", ...box);
  app(geometry(least, 0, most, 300));
  assert(text(app(message(ids.surface, "wl_surface.commit"))).includes(text(geometry(least, -4, most, 308))));
  const [surface, own, positioner] = [20, 21, 22];
  const popup = [
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", own, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_anchor_rect", most, most, 1, 1),
    message(positioner, "xdg_positioner.set_parent_size", most, most),
    message(own, "xdg_surface.get_popup", 23, ids.xdgSurface, positioner),
  ];
  const passed = text(app(...popup));
  for (const request of ["xdg_positioner.set_anchor_rect", "xdg_positioner.set_parent_size"]) {
    const values = request.endsWith("rect") ? [most, most, 1, 1] : [most, most];
    assertEquals(passed.split(text(message(43, request, ...values)).slice(4)).length, 4, request);
  }
});

/** The strips around a part of a window, and the plate below it. */
function around([x, y, width, height]: readonly [number, number, number, number], by = border.width): number[][] {
  const [across, down] = [width + 2 * by, height + 2 * by];
  return [
    [x - by, y - by, across, by],
    [x - by, y + height, across, by],
    [x - by, y - by, by, down],
    [x + width, y - by, by, down],
    [x - by, y - by, across, down],
  ];
}
const commit = message(ids.surface, "wl_surface.commit");

Deno.test("the guard of Wayland draws a border in the desktop's frame, too: an app could paint over that", () => {
  const { made: { app, host } } = withBorder();
  host(message(ids.registry, "wl_registry.global", 60, "zxdg_decoration_manager_v1", 1));
  app(message(ids.registry, "wl_registry.bind", 60, "zxdg_decoration_manager_v1", 1, 18));
  app(message(18, "zxdg_decoration_manager_v1.get_toplevel_decoration", 19, ids.toplevel));
  const framed = message(40, "zxdg_toplevel_decoration_v1.configure", 2);
  assertEquals(host(framed), message(19, "zxdg_toplevel_decoration_v1.configure", 2));
  // What it shows above its window lies over the frame that labwc and KWin draw there.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 100, 400, 200));
  assertEquals(placed(app(commit)), [
    ...around([0, 100, 400, 200]),
    ...around([-3, -3, 406, 306], 1).slice(0, 4),
  ]);
});

Deno.test("the guard of Wayland has the outermost line its own, however a window grows beyond what the desktop knows", () => {
  const { made } = withBorder();
  const { app } = made;
  const outermost = (passed: Uint8Array): number[] | undefined => placed(passed)[5];
  // A shadow, or a ring in another container's colour.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 50, 50, 300, 200));
  assertEquals(outermost(app(commit)), [-4, -4, 408, 1]);
  // A part of it by which the same grows, without a commit of the window's own.
  const grow = part(made, 40);
  assertEquals(outermost(grow()), [-4, -4, 448, 1]);
  viewport(made, { id: ids.next + 3, surface: ids.next + 1, size: [360, 300] });
  assertEquals(outermost(grow()), [-4, -4, 408, 1], "it has become smaller");
  viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [400, 300] });
  grow();
  // Without a shadow, there is one line.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 440, 300));
  assertEquals(placed(app(commit)), around([0, 0, 440, 300]));
});

Deno.test("the guard of Wayland has a line and a plate for popups, by which no click and no look falls through", () => {
  const { made } = withBorder();
  use(made);
  const { app } = made;
  const [surface, own, positioner] = [18, 19, 20];
  app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", own, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_size", 380, 280),
    message(positioner, "xdg_positioner.set_anchor_rect", 30, 40, 10, 20),
    message(own, "xdg_surface.get_popup", 21, ids.xdgSurface, positioner),
    message(own, "xdg_surface.set_window_geometry", 10, 10, 380, 280),
    message(surface, "wl_surface.attach", ids.buffer, 0, 0),
  );
  const sent = app(message(surface, "wl_surface.commit"));
  assertEquals(placed(sent), [...around([0, 0, 400, 300], 2).slice(0, 4), [10, 10, 380, 280]]);
  const plate = 52;
  assert(text(sent).includes(text(message(plate, "wl_surface.set_input_region", 0))), "it takes all clicks");
});

Deno.test("the guard of Wayland draws the border of a dot of a window so large that it is seen", () => {
  const { made } = withBorder();
  viewport(made, { id: 18, surface: ids.surface, size: [1, 1] });
  made.app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 0, 0, 1, 1));
  const commit = text(made.app(message(ids.surface, "wl_surface.commit")));
  const sizes = [[56, 4], [56, 4], [4, 32], [4, 32]] as const;
  for (const [index, [width, height]] of sizes.entries()) {
    assert(commit.includes(text(message(26 + 3 * index, "wp_viewport.set_destination", width, height))), `${index}`);
  }
});
