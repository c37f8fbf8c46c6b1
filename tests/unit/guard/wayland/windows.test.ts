// Windows on Wayland: whose they are, and what an app may ask for.

import { assert, assertEquals } from "@std/assert";
import {
  ids,
  message,
  messages,
  nothing,
  showWindow,
  text,
  trial,
  use,
  withGlobals,
  withWindow,
} from "../../wayland_samples.ts";

Deno.test("the guard of Wayland marks titles and app ids, also of a window without either, and tells of Xwayland's", () => {
  const { app, told } = withGlobals();
  const made = text(app(
    message(ids.compositor, "wl_compositor.create_surface", ids.surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.xdgSurface, ids.surface),
    message(ids.xdgSurface, "xdg_surface.get_toplevel", ids.toplevel),
  ));
  assert(made.includes("[box]\0") && made.includes("box\0"), made);
  const title = message(ids.toplevel, "xdg_toplevel.set_title", "bank\u202e\n\u0007 of x");
  assertEquals(app(title), message(ids.toplevel, "xdg_toplevel.set_title", "[box] bank  of x"));
  const id = message(ids.toplevel, "xdg_toplevel.set_app_id", "../firefox a");
  assertEquals(app(id), message(ids.toplevel, "xdg_toplevel.set_app_id", "box..._firefox_a"));
  assertEquals(told, []);
  app(message(ids.toplevel, "xdg_toplevel.set_app_id", "org.freedesktop.Xwayland"));
  assertEquals(told.map((line) => line.slice(0, 45)), ["An app that knows only X is shown in one wind"]);
});

Deno.test("the guard of Wayland calls an X server by the app, has it ask that to close, and closes it at the second time", () => {
  const made = withGlobals(undefined, trial(undefined, { started: { app: "xte\u202erm" } }));
  showWindow(made);
  const close = message(ids.toplevel, "xdg_toplevel.close");
  assertEquals(made.host(close), close, "no X server");
  made.wait(3_000);
  assertEquals(
    made.app(message(ids.toplevel, "xdg_toplevel.set_app_id", "org.freedesktop.Xwayland")),
    new Uint8Array([
      ...message(ids.toplevel, "xdg_toplevel.set_app_id", "box.xterm"),
      ...message(ids.toplevel, "xdg_toplevel.set_title", "[box] xterm"),
    ]),
  );
  const key = (state: number): Uint8Array => message(ids.keyboard, "wl_keyboard.key", 0, 0, 147, state);
  const asked = new Uint8Array([...key(1), ...key(0)]);
  assertEquals(made.host(close), asked);
  made.wait(3_000);
  assertEquals(made.host(close), asked, "the app has asked back, and goes on");
  made.wait(2_000);
  assertEquals(made.host(close), close);
  made.wait(3_000);
  made.app(message(ids.keyboard, "wl_keyboard.release"));
  assertEquals(made.host(close), close, "no keyboard");
});

Deno.test("the guard of Wayland calls an X server that an app with windows of its own has brought about by no app", () => {
  const made = withGlobals(undefined, trial(undefined, { started: { app: "foot" } }));
  showWindow(made);
  const name = (id: string): string => text(made.app(message(ids.toplevel, "xdg_toplevel.set_app_id", id)));
  const named = (by: string): string =>
    text(message(ids.toplevel, "xdg_toplevel.set_app_id", `box.${by.replace(" ", "_")}`)) +
    text(message(ids.toplevel, "xdg_toplevel.set_title", `[box] ${by}`));
  assertEquals(name("org.freedesktop.Xwayland"), named("foot"), "it has shown none");
  name("org.codeberg.dnkl.foot");
  assertEquals(name("org.freedesktop.Xwayland"), named("X apps"));
  made.session.started = { app: "xclock" };
  assertEquals(name("org.freedesktop.Xwayland"), named("xclock"), "the user has started another one");
});

Deno.test("the guard of Wayland has each window close once the user ends the session, and none that asks the user then", () => {
  const made = withWindow();
  const { closing } = made.session;
  const told = (): Uint8Array | undefined => {
    const leaving = made.connection.leave();
    return leaving === "later" ? undefined : leaving?.toContainer;
  };
  assertEquals(told(), undefined);
  closing.isEnding = true;
  assertEquals(told(), messages(message(ids.toplevel, "xdg_toplevel.close")));
  const [surface, shell, toplevel] = [ids.next, ids.next + 1, ids.next + 2];
  made.app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
    message(shell, "xdg_surface.get_toplevel", toplevel),
  );
  assertEquals(told(), undefined);
});

Deno.test("the guard of Wayland lets a window come to the front for what the user has just started, and for no other reason", () => {
  const soon = Date.now() + 60_000;
  const started = { app: "letter", token: { text: "first", untilMs: soon } };
  const made = withGlobals(undefined, trial(undefined, { started }));
  showWindow(made);
  const activation = ids.next;
  made.host(message(ids.registry, "wl_registry.global", 96, "xdg_activation_v1", 1));
  made.app(message(ids.registry, "wl_registry.bind", 96, "xdg_activation_v1", 1, activation));
  const activate = (token: string): Uint8Array => message(activation, "xdg_activation_v1.activate", token, ids.surface);
  assertEquals(made.app(activate("own")), activate("first"));
  assertEquals([made.app(activate("own")), made.app(activate("first"))], [nothing, nothing], "it counts once");
  made.session.started = { app: "letter", token: { text: "second", untilMs: Date.now() - 1 } };
  assertEquals(made.app(activate("second")), nothing, "too late");
  made.session.started = { app: "letter", token: { text: "third", untilMs: soon } };
  assertEquals(made.app(activate("third")), activate("third"));
  made.session.started = { app: "letter" };
  assertEquals(made.app(activate("fourth")), nothing);
});

Deno.test("the guard of Wayland leaves a window the frame of the desktop", () => {
  const { app, host } = withWindow();
  const [manager, decoration] = [ids.next, ids.next + 1];
  host(message(ids.registry, "wl_registry.global", 90, "zxdg_decoration_manager_v1", 1));
  app(message(ids.registry, "wl_registry.bind", 90, "zxdg_decoration_manager_v1", 1, manager));
  app(message(manager, "zxdg_decoration_manager_v1.get_toplevel_decoration", decoration, ids.toplevel));
  const ofDesktop = message(decoration, "zxdg_toplevel_decoration_v1.set_mode", 2);
  assertEquals(app(message(decoration, "zxdg_toplevel_decoration_v1.set_mode", 1)), ofDesktop);
  assertEquals(app(message(decoration, "zxdg_toplevel_decoration_v1.unset_mode")), ofDesktop);
});

Deno.test("the guard of Wayland has a window fill the screen once somebody works there, as mpv --fs asks before", () => {
  const made = withWindow();
  const { app, host, connection } = made;
  const [full, notFull] = [
    message(ids.toplevel, "xdg_toplevel.set_fullscreen", 0),
    message(ids.toplevel, "xdg_toplevel.unset_fullscreen"),
  ];
  const later = (): Uint8Array | undefined => {
    const leaving = connection.leave();
    return leaving === "later" ? undefined : leaving?.toHost;
  };
  assertEquals(app(full), nothing);
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing));
  assertEquals(later(), undefined, "the focus alone");
  use(made);
  assertEquals(later(), messages(full));
  assertEquals(later(), undefined, "once");
  assertEquals(app(full), full);
  made.host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
  made.wait(1_500);
  for (const end of [notFull, message(ids.toplevel, "xdg_toplevel.destroy")]) {
    app(full, end);
    use(made);
    assertEquals(later(), undefined, "it wants that no more");
    made.host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
    made.wait(1_500);
  }
});

Deno.test("the guard of Wayland lets an app have the window's menu while it is used, and change its state now and then", () => {
  const made = withWindow();
  const { app } = made;
  const menu = (): boolean => app(message(ids.toplevel, "xdg_toplevel.show_window_menu", ids.seat, 6, 1, 1)).length > 0;
  assertEquals(menu(), false);
  use(made);
  assertEquals(menu(), true);
  const states = ["set_maximized", "unset_maximized", "set_minimized", "unset_fullscreen"]
    .map((name) => message(ids.toplevel, `xdg_toplevel.${name}`));
  const isChanged = (): boolean => states.every((state) => app(state).length > 0);
  assertEquals(Array.from({ length: 2_000 }, isChanged).filter(Boolean).length, 1_250);
});

Deno.test("a window that a drag carries stays below the pointer, and an app attaches windows no more often than it changes them", () => {
  const { app, host } = withWindow();
  host(message(ids.registry, "wl_registry.global", 93, "xdg_toplevel_drag_manager_v1", 1));
  const [source, manager, drag] = [ids.next, ids.next + 1, ids.next + 2];
  app(
    message(ids.dataManager, "wl_data_device_manager.create_data_source", source),
    message(ids.registry, "wl_registry.bind", 93, "xdg_toplevel_drag_manager_v1", 1, manager),
    message(manager, "xdg_toplevel_drag_manager_v1.get_xdg_toplevel_drag", drag, source),
  );
  const attach = (x: number, y: number): Uint8Array => message(drag, "xdg_toplevel_drag_v1.attach", ids.toplevel, x, y);
  for (const [x, y] of [[240, 18], [5_000, -900]] as const) assertEquals(app(attach(x, y)), attach(24, 12));
  const passed = Array.from({ length: 10_000 }, () => app(attach(1, 1)).length).filter((length) => length > 0);
  assert(passed.length < 9_000, `${passed.length} pass`);
});
