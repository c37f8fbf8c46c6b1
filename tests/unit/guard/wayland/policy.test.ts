// What of a container's Wayland the guard lets through: frames, objects, and what an app may do.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { globals } from "../../../../lib/guard/wayland/globals.ts";
import { protocols } from "../../../../lib/guard/wayland/protocols.ts";
import { threadMs } from "../../../model/clock.ts";
import {
  frame,
  ids,
  message,
  messages,
  showWindow,
  type Trial,
  trial,
  use,
  withGlobals,
  withWindow,
  word,
} from "../../wayland_samples.ts";

const { fromCharCode } = String;
const text = (bytes: Uint8Array): string => fromCharCode(...bytes);
const nothing = new Uint8Array();

function refused(action: () => unknown, reason: string): void {
  assertThrows(action, Violation, reason);
}

Deno.test("the table of protocols has all globals that pass, and every interface that they lead to", () => {
  for (const name of ["wl_display", ...globals]) {
    const { requests, events } = protocols.get(name)!;
    for (const { args } of [...requests, ...events]) {
      for (const { interface: other } of args) assert(other === undefined || protocols.has(other), other);
    }
  }
  const { name, args } = protocols.get("wl_surface")!.requests[1]!;
  assertEquals([name, ...args.map(({ name }) => name)], ["wl_surface.attach", "buffer", "x", "y"]);
});

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

Deno.test("the guard of Wayland ends a connection with frames that do not fit, or need a graphics card", () => {
  for (
    const [frames, reason] of [
      [[frame(4, 1, 4096)], "needs a graphics card"],
      [[frame(13, 1, 4096)], "needs a graphics card"],
      [[frame(23, 17)], "needs a graphics card"],
      [[word(3 << 5)], "not as long as its kind"],
      [[frame(2, 1, 64, 0)], "not as long as its kind"],
      [[frame(2, -1, 64)], "is taken"],
      [[frame(2, 1, 64), frame(2, 1, 64)], "is taken"],
      [[frame(2, 1, 0xf000_0000)], "too much memory"],
      [[frame(2, 1, 2 ** 30), frame(2, 2, 2 ** 30), frame(2, 3, 2 ** 30), frame(2, 4, 64)], "too much memory"],
      [[frame(2, 1, 64), frame(3, 1, 2 ** 31)], "too much memory"],
      [[frame(2, 1, 64), frame(3, 1, 64)], "does not grow"],
      [[frame(5, 1, 0, 4, word(0))], "no file of this number"],
      [[frame(2, 1, 64), frame(5, 1, 60, 68, new Uint8Array(8))], "filled beyond its end"],
      [[frame(2, 1, 64), frame(5, 1, 8, 4)], "filled beyond its end"],
      [[frame(2, 1, 64), frame(5, 1, 0, 8, new Uint8Array(12))], "not as long as what it holds"],
      // 0.9.2 would write in front of the file.
      [[frame(2, 1, 16), frame(6, 1, 0, 17, new Uint8Array(17))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(4), word(5), word(0))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(0), word(2), word(0))], "changed beyond its end"],
      [[frame(2, 1, 16), frame(6, 1, 12, 0, word(1), word(1), word(0))], "changed beyond its end"],
      [[frame(1, 1)], "that is none"],
      [[frame(2, 1, 64), frame(1, 1), frame(1, 1)], "that is none"],
      [[frame(18, 0), frame(16, 1)], "goes on after its end"],
      [Array.from({ length: 129 }, (_, index) => frame(7, index + 1)), "too many pipes"],
    ] as const
  ) {
    const { connection } = trial();
    refused(() => frames.forEach((frame) => connection.fromContainer(frame)), reason);
  }
});

Deno.test("the guard of Wayland ends a connection with messages that its objects do not know", () => {
  const [bound, window] = [withGlobals, withWindow];
  const create = message(ids.compositor, "wl_compositor.create_surface", ids.next);
  for (
    const [start, list, reason] of [
      [bound, [message(99, "wl_surface.commit")], "for no object"],
      [bound, [new Uint8Array([...word(ids.shm), ...word(8 << 16 | 77)])], "request 77 is unknown"],
      [bound, [message(ids.shm, "wl_shm.release")], "wl_shm.release is unknown to wl_shm, version 1"],
      [bound, [create, create], "is taken"],
      [bound, [message(ids.compositor, "wl_compositor.create_surface", 0xff00_0001)], "is taken"],
      [bound, [message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.next, ids.seat)], "an object that is none"],
      [bound, [message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.next, 0)], "an argument is null"],
      [bound, [new Uint8Array([...word(1), ...word(12 << 16)])], "has no end"],
      [bound, [new Uint8Array([...word(1), ...word(8 << 16)])], "shorter than its arguments"],
      [
        bound,
        [new Uint8Array([...word(1), ...word(16 << 16), ...word(30), ...word(0)])],
        "not as long as its arguments",
      ],
      [bound, [message(ids.shm, "wl_shm.create_pool", ids.next, 64)], "descriptor of the wrong kind"],
      [
        window,
        [message(ids.surface, "wl_surface.destroy"), message(ids.surface, "wl_surface.commit")],
        "for no object",
      ],
      [
        window,
        [message(ids.pool, "wl_shm_pool.create_buffer", ids.next, 0, 401, 300, 1604, 0)],
        "larger than its pool",
      ],
      [window, [message(ids.pool, "wl_shm_pool.resize", 480_004)], "larger than its file"],
      [
        window,
        [messageWithText(ids.toplevel, 2, new Uint8Array([0xff, 0xfe, 0]))],
        "not UTF-8",
      ],
      [window, [messageWithText(ids.toplevel, 2, new Uint8Array([65, 0, 65, 0]))], "does not end where it should"],
      [window, [messageWithText(ids.toplevel, 2, new Uint8Array(5_000).fill(65))], "too long"],
    ] as const
  ) refused(() => (start as () => Trial)().app(...list), reason);
});

function messageWithText(id: number, opcode: number, bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array((bytes.length + 3) & ~3);
  padded.set(bytes);
  return new Uint8Array([...word(id), ...word(12 + padded.length << 16 | opcode), ...word(bytes.length), ...padded]);
}

Deno.test("the guard of Wayland hides globals that are not on its list, and newer versions", () => {
  const { app, host } = trial();
  app(message(1, "wl_display.get_registry", 2));
  const global = (id: number, name: string, version: number): Uint8Array =>
    message(2, "wl_registry.global", id, name, version);
  assertEquals(host(global(1, "zwlr_layer_shell_v1", 4), global(2, "ext_data_control_manager_v1", 1)), nothing);
  assertEquals(host(global(3, "wl_compositor", 99)), global(3, "wl_compositor", 6));
  assertEquals(host(message(2, "wl_registry.global_remove", 1)), nothing);
  for (
    const [number, name, version] of [
      [1, "zwlr_layer_shell_v1", 4],
      [3, "wl_seat", 1],
      [3, "wl_compositor", 7],
      [9, "wl_compositor", 6],
    ] as const
  ) refused(() => app(message(2, "wl_registry.bind", number, name, version, 3)), "not offered");
});

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
  const made = withGlobals(undefined, trial(undefined, { startedApp: () => "xte\u202erm" }));
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

Deno.test("the guard of Wayland lets no window have the whole screen or come to the front while nobody works in it", () => {
  const made = withWindow();
  const full = message(ids.toplevel, "xdg_toplevel.set_fullscreen", 0);
  assertEquals(made.app(full), nothing);
  use(made);
  assertEquals(made.app(full), full);
});

Deno.test("the guard of Wayland passes on no keymap that is none, as of a virtual keyboard, and the app lives on", () => {
  const { connection, host } = withWindow();
  const keymap = (format: number, size: number): Uint8Array =>
    message(ids.keyboard, "wl_keyboard.keymap", format, size);
  const passed = (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(connection.fromHost(bytes).flatMap((part) => [...part]));
  // As waypipe 0.9.2 sends them for wtype on sway 1.10: -2 is never opened.
  passed(frame(2, -1, 64));
  assertEquals(passed(frame(1, -2, -1)), frame(1, -1));
  const key = message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1);
  assertEquals(host(keymap(0, 0), keymap(1, 64), key), new Uint8Array([...keymap(1, 64), ...key]));
  assertEquals(passed(frame(1, -3)), frame(0));
  assertEquals(host(keymap(0, 0)), nothing);
  for (const number of [-3, 4, 0]) refused(() => connection.fromHost(frame(1, number)), "that is none");
  // In the place of a pipe, there must be one.
  passed(frame(1, -4));
  const made = withWindow();
  made.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", ids.next));
  made.connection.fromHost(frame(1, -1));
  refused(() => made.host(message(ids.next, "wl_data_source.send", "text/plain")), "wrong kind");
});

Deno.test("the guard of Wayland lets no app move the pointer", () => {
  const { app, host } = withWindow();
  const [constraints, lock] = [ids.next, ids.next + 1];
  host(message(ids.registry, "wl_registry.global", 95, "zwp_pointer_constraints_v1", 1));
  app(
    message(ids.registry, "wl_registry.bind", 95, "zwp_pointer_constraints_v1", 1, constraints),
    message(constraints, "zwp_pointer_constraints_v1.lock_pointer", lock, ids.surface, ids.pointer, 0, 1),
  );
  // Also within its window: a question may lie above it, to which the next click would say yes.
  for (const [x, y] of [[3_000, -900], [200, 150]] as const) {
    assertEquals(app(message(lock, "zwp_locked_pointer_v1.set_cursor_position_hint", x << 8, y << 8)), nothing);
  }
});

Deno.test("the guard of Wayland lets an app move its window only while a button is down, and once", () => {
  const made = withWindow();
  const { app, host, session } = made;
  const [touch, tool] = [ids.next, ids.next + 1];
  app(message(ids.seat, "wl_seat.get_touch", touch));
  const move = (): boolean => app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 6)).length > 0;
  const resize = (): boolean => app(message(ids.toplevel, "xdg_toplevel.resize", ids.seat, 6, 1)).length > 0;
  use(made);
  assertEquals([move(), resize()], [false, false]);
  const press = (isDown = true): void =>
    void host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, isDown ? 1 : 0));
  const down = (finger: number): void =>
    void host(message(touch, "wl_touch.down", 7, 0, ids.surface, finger, 256, 256));
  press();
  assertEquals([move(), move()], [true, false], "the compositor has the button now");
  press();
  assertEquals([resize(), resize()], [true, false]);
  press();
  press(false);
  assertEquals(move(), false);
  press();
  host(message(ids.pointer, "wl_pointer.leave", 8, ids.surface));
  assertEquals(move(), false, "the pointer is elsewhere");
  down(1);
  down(2);
  host(message(touch, "wl_touch.up", 9, 0, 1));
  assertEquals(move(), true, "one finger is down");
  down(1);
  host(message(touch, "wl_touch.cancel"));
  assertEquals(move(), false, "cancelled");
  down(1);
  app(message(touch, "wl_touch.release"));
  assertEquals(move(), false, "nobody will hear of its end");
  press();
  app(message(ids.pointer, "wl_pointer.release"), message(ids.seat, "wl_seat.get_pointer", tool));
  made.wait(3_600_000);
  assertEquals(move(), false, "the object is gone");
  assert(session.attention.isUsed());
});

Deno.test("the guard of Wayland lets an app have the window's menu, the front and titles as on X", () => {
  const made = withWindow();
  const { app, host } = made;
  host(message(ids.registry, "wl_registry.global", 96, "xdg_activation_v1", 1));
  app(message(ids.registry, "wl_registry.bind", 96, "xdg_activation_v1", 1, ids.next));
  const menu = (): boolean => app(message(ids.toplevel, "xdg_toplevel.show_window_menu", ids.seat, 6, 1, 1)).length > 0;
  const toFront = (): boolean => app(message(ids.next, "xdg_activation_v1.activate", "token", ids.surface)).length > 0;
  assertEquals([menu(), toFront()], [false, false]);
  use(made);
  assertEquals([menu(), toFront()], [true, true]);
  const many = (count: number, ask: () => boolean): number => Array.from({ length: count }, ask).filter(Boolean).length;
  assertEquals(many(100, toFront), 19);
  const title = message(ids.toplevel, "xdg_toplevel.set_title", "x");
  assertEquals(many(6_000, () => app(title).length > 0), 5_000);
  made.wait(100);
  const states = ["set_maximized", "unset_maximized", "set_minimized", "unset_fullscreen"]
    .map((name) => message(ids.toplevel, `xdg_toplevel.${name}`));
  assertEquals(many(100, () => states.every((state) => app(state).length > 0)), 12);
});

Deno.test("the guard of Wayland lets monitors come and go for as long as an app runs", () => {
  const { app, host } = withGlobals();
  const come = (id: number): void => void host(message(ids.registry, "wl_registry.global", id, "wl_output", 4));
  const bind = (id: number, made: number): void =>
    void app(message(ids.registry, "wl_registry.bind", id, "wl_output", 4, made));
  const go = (id: number): void => {
    const remove = message(ids.registry, "wl_registry.global_remove", id);
    assertEquals(host(remove), remove);
  };
  for (let id = 100; id < 2_100; id++) {
    come(id);
    go(id);
    // The first one is there again.
    if (id === 101) come(100);
  }
  // The app has not heard yet that it is gone.
  bind(2_099, ids.next);
  bind(100, ids.next + 1);
  refused(() => bind(101, ids.next + 2), "not offered");
  refused(() => {
    for (let id = 3_000; id < 4_000; id++) come(id);
  }, "too many globals");
});

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

/** The app binds a screen that is announced with this number, as the object `id`. */
function bindScreen(
  { app, host }: Trial,
  { number, id, version = 4 }: { number: number; id: number; version?: number },
) {
  host(message(ids.registry, "wl_registry.global", number, "wl_output", 4));
  app(message(ids.registry, "wl_registry.bind", number, "wl_output", version, id));
}

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
    for (let id = first + 100; id < first + 1_100; id++) {
      app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(id, "wl_surface.attach", ids.buffer, 0, 0),
        message(id, "wl_surface.commit"),
      );
    }
  }, "fill too many screens");
  connection.end();
});

Deno.test("the guard of Wayland tells no app which screens, tablets and seats the host has", () => {
  const made = withWindow();
  const { app, host } = made;
  const [first, second, manager, xdg] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  bindScreen(made, { number: 80, id: first });
  bindScreen(made, { number: 83, id: second });
  host(message(ids.registry, "wl_registry.global", 81, "zxdg_output_manager_v1", 3));
  app(
    message(ids.registry, "wl_registry.bind", 81, "zxdg_output_manager_v1", 3, manager),
    message(manager, "zxdg_output_manager_v1.get_xdg_output", xdg, second),
  );
  const dell = "Dell Inc. DELL U2720Q SERIAL-9X8Y7 (DP-1)";
  for (
    const [sent, passing] of [
      [
        message(first, "wl_output.geometry", 5, 6, 600, 340, 0, "Dell Inc.", "DELL U2720Q", 0),
        message(first, "wl_output.geometry", 5, 6, 600, 340, 0, "", "", 0),
      ],
      [message(first, "wl_output.name", "DP-1"), message(first, "wl_output.name", "screen-1")],
      [message(first, "wl_output.description", dell), message(first, "wl_output.description", "screen-1")],
      [message(second, "wl_output.name", "DP-2"), message(second, "wl_output.name", "screen-2")],
      [message(xdg, "zxdg_output_v1.name", "DP-2"), message(xdg, "zxdg_output_v1.name", "screen-2")],
      [message(xdg, "zxdg_output_v1.description", dell), message(xdg, "zxdg_output_v1.description", "screen-2")],
      [message(ids.seat, "wl_seat.name", "seat-of-jo"), message(ids.seat, "wl_seat.name", "seat")],
    ] as const
  ) assertEquals(host(sent), passing);
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
  for (const side of [1, 100]) {
    const made = withWindow();
    use(made);
    popup(made, 100, 100);
    made.app(message(ids.next, "wl_surface.commit"));
    // The menu's picture shows in this size.
    viewport(made, { id: ids.next + 4, surface: ids.next, size: [side, side] });
    made.app(message(ids.next, "wl_surface.commit"));
    made.app(message(ids.next, "wl_surface.commit"));
    const next = popup(made, 20, 20, { from: ids.next + 6, parent: ids.next + 1 });
    assertEquals(next.length > 0, side === 100, `${side}`);
  }
});

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

/** Gives the window a part, as large as it is itself, at this place. Returns a function that commits the part. */
function part({ app, host }: Trial, x: number, { isSync = false } = {}): () => Uint8Array {
  const [manager, surface, own] = [ids.next, ids.next + 1, ids.next + 2];
  host(message(ids.registry, "wl_registry.global", 91, "wl_subcompositor", 1));
  app(
    message(ids.registry, "wl_registry.bind", 91, "wl_subcompositor", 1, manager),
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(manager, "wl_subcompositor.get_subsurface", own, surface, ids.surface),
    message(own, "wl_subsurface.set_position", x, 0),
    message(own, isSync ? "wl_subsurface.set_sync" : "wl_subsurface.set_desync"),
    message(surface, "wl_surface.attach", ids.buffer, 0, 0),
  );
  return () => app(message(surface, "wl_surface.commit"));
}

/** Gives a surface a viewport of this size, which counts at the next commit. Takes two ids. */
function viewport({ app, host }: Trial, at: { id: number; surface: number; size: readonly [number, number] }): number {
  const [manager, view] = [at.id, at.id + 1];
  host(message(ids.registry, "wl_registry.global", 92, "wp_viewporter", 1));
  app(
    message(ids.registry, "wl_registry.bind", 92, "wp_viewporter", 1, manager),
    message(manager, "wp_viewporter.get_viewport", view, at.surface),
    message(view, "wp_viewport.set_destination", ...at.size),
  );
  return view;
}

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
  // As much as a shadow, and as much as the desktop asks for.
  const shadow = withWindow();
  shadow.app(geometry(400), commit);
  assert(part(shadow, 100)().length > 0);
  const growing = withWindow();
  growing.app(geometry(400), commit);
  growing.host(message(ids.toplevel, "xdg_toplevel.configure", 700, 300, nothing));
  assert(part(growing, 300)().length > 0);
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

Deno.test("the guard of Wayland moves no part of a window by an offset of its picture", () => {
  const { app, ...rest } = withWindow();
  part({ app, ...rest }, 0)();
  const attach = (x: number): Uint8Array => message(ids.next + 1, "wl_surface.attach", ids.buffer, x, 0);
  assertEquals(app(attach(5_000)), attach(0));
  assertEquals(app(message(ids.next + 1, "wl_surface.offset", 5_000, 0)), nothing);
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

Deno.test("the guard of Wayland lets no part grow around the border of its window", () => {
  const made = withWindow();
  const commit = message(ids.surface, "wl_surface.commit");
  viewport(made, { id: ids.next + 3, surface: ids.surface, size: [100, 100] });
  made.app(commit);
  // The window is 100 pixels wide, and the part reaches no farther beyond it than a shadow.
  const commitPart = part(made, 0);
  viewport(made, { id: ids.next + 5, surface: ids.next + 1, size: [210, 100] });
  assertEquals(commitPart(), nothing);
  assert(made.app(commit).length > commit.length, "together with its window");
  viewport(made, { id: ids.next + 7, surface: ids.next + 1, size: [200, 100] });
  assert(commitPart().length > 0);
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

Deno.test("the guard of Wayland takes focus and buttons to end with the surface that has them", () => {
  const made = withWindow();
  const { app, host, session } = made;
  const [second, shell, window, menu] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  app(
    message(ids.compositor, "wl_compositor.create_surface", second),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, second),
    message(shell, "xdg_surface.get_toplevel", window),
    message(ids.compositor, "wl_compositor.create_surface", menu),
  );
  const move = message(window, "xdg_toplevel.move", ids.seat, 8);
  const end = (surface: number): void => void app(message(surface, "wl_surface.destroy"));
  use(made);
  host(
    message(ids.pointer, "wl_pointer.enter", 7, ids.surface, 256, 256),
    message(ids.pointer, "wl_pointer.button", 8, 0, 272, 1),
  );
  // Of another surface, as of a tip that goes when a button is pressed.
  end(menu);
  assertEquals([session.attention.focused(), app(move)], [1, move]);
  host(message(ids.pointer, "wl_pointer.button", 9, 0, 272, 1));
  end(ids.surface);
  made.wait(5_000);
  assertEquals([session.attention.isPresent(), app(move)], [false, nothing]);
  // What the compositor has said before it knew.
  host(
    message(ids.keyboard, "wl_keyboard.enter", 10, ids.surface, nothing),
    message(ids.pointer, "wl_pointer.button", 11, 0, 272, 1),
  );
  made.wait(5_000);
  assertEquals([session.attention.isPresent(), app(move)], [false, nothing]);
  host(message(ids.keyboard, "wl_keyboard.enter", 12, second, nothing));
  assertEquals(session.attention.focused(), 1);
});

Deno.test("the guard of Wayland takes the button of a pen for one that the user has pressed", () => {
  const made = withWindow();
  const { app, host } = made;
  const [manager, seat, source, tool] = [ids.next, ids.next + 1, ids.next + 2, 0xff00_0001];
  host(message(ids.registry, "wl_registry.global", 97, "zwp_tablet_manager_v2", 1));
  app(
    message(ids.registry, "wl_registry.bind", 97, "zwp_tablet_manager_v2", 1, manager),
    message(manager, "zwp_tablet_manager_v2.get_tablet_seat", seat, ids.seat),
    message(ids.dataManager, "wl_data_device_manager.create_data_source", source),
  );
  host(message(seat, "zwp_tablet_seat_v2.tool_added", tool));
  const copies = (): boolean => app(message(ids.device, "wl_data_device.set_selection", source, 7)).length > 0;
  const moves = (): boolean => app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 7)).length > 0;
  const button = (isDown: boolean): void =>
    void host(message(tool, "zwp_tablet_tool_v2.button", 7, 331, isDown ? 1 : 0));
  assertEquals([copies(), moves()], [false, false]);
  button(true);
  assertEquals([copies(), moves()], [true, true]);
  button(true);
  button(false);
  assertEquals(moves(), false);
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

Deno.test("the guard of Wayland ends a connection whose pictures fill 32 screens", () => {
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
  const most = Math.floor(32 * 1920 * 1080 / (400 * 300)) - 1;
  add(ids.next, most);
  made.app(message(ids.next, "wl_surface.destroy"));
  add(ids.next + most, 1);
  refused(() => add(ids.next + most + 1, 1), "fill too many screens");
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
  refused(() => busy.connection.fromContainer(commits(ids.surface)), "too many parts that change too often");
  const deep = withParts(1_000, true);
  refused(() => deep.connection.fromContainer(commits(deep.parts.at(-1)!)), "too many parts that change too often");
  // A second of a window of 20 parts, at 144 pictures a second.
  const honest = withParts(20);
  for (let picture = 0; picture < 144; picture++) {
    for (const part of [...honest.parts, ids.surface]) honest.app(message(part, "wl_surface.commit"));
    honest.wait(1_000 / 144);
  }
});

Deno.test("the guard of Wayland ends a connection that opens windows without end", () => {
  const { app } = withGlobals();
  refused(() => {
    for (let id = ids.next; id < 100_000; id++) app(message(ids.compositor, "wl_compositor.create_surface", id));
  }, "more than 4000 surfaces");
  const objects = withGlobals();
  refused(() => {
    for (let id = ids.next; id < 200_000; id += 1000) {
      const regions = Array.from({ length: 1000 }, (_, index) => id + index);
      objects.app(...regions.map((region) => message(ids.compositor, "wl_compositor.create_region", region)));
    }
  }, "more than 100000 objects");
  objects.connection.end();
  objects.session.add("object");
  const sources = withGlobals();
  const source = (id: number): Uint8Array =>
    sources.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", id));
  for (let times = 0; times < 1_000; times++) {
    const id = ids.next + times % 100;
    const made = new DataView(source(id).buffer).getUint32(8, true);
    sources.app(message(id, "wl_data_source.destroy"));
    sources.host(message(1, "wl_display.delete_id", made));
  }
  refused(() => {
    for (let id = ids.next; id < 100_000; id++) source(id);
  }, "more than 256 sources");
  for (
    const [owner, name, ...rest] of [
      [ids.seat, "wl_seat.get_pointer"],
      [ids.dataManager, "wl_data_device_manager.get_data_device", ids.seat],
    ] as const
  ) {
    const devices = withGlobals();
    refused(() => {
      for (let id = ids.next; id < 100_000; id++) devices.app(message(owner, name, id, ...rest));
    }, "more than 2000 devices");
  }
  const windows = withGlobals();
  refused(() => {
    for (let id = ids.next; id < 100_000; id += 3) {
      windows.app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(ids.shell, "xdg_wm_base.get_xdg_surface", id + 1, id),
        message(id + 1, "xdg_surface.get_toplevel", id + 2),
      );
    }
  }, "opens windows too fast");
});

Deno.test("the guard of Wayland lets no app keep the compositor busy with rectangles", () => {
  const { app, connection } = withWindow();
  const changed = (x: number, y: number): Uint8Array => message(ids.surface, "wl_surface.damage_buffer", x, y, 1, 1);
  const all = message(ids.surface, "wl_surface.damage_buffer", 0, 0, 2 ** 31 - 1, 2 ** 31 - 1);
  const many = Array.from({ length: 4_001 }, (_, at) => changed(2 * at, 0));
  // The last one holds all others, and those that come then.
  const [passed] = connection.fromContainer(messages(...many));
  assertEquals(passed, messages(...many.with(-1, all)));
  assertEquals([app(changed(1, 1)), app(changed(1, -1))], [changed(1, 1), all]);
  /** Makes a region of so many rectangles. How many of them pass. */
  const region = (id: number, count: number): number => {
    app(message(ids.compositor, "wl_compositor.create_region", id));
    const added = (at: number): boolean => app(message(id, "wl_region.add", 2 * at, 0, 1, 1)).length > 0;
    return Array.from({ length: count }, (_, at) => added(at)).filter(Boolean).length;
  };
  for (let times = 0; times < 3; times++) {
    assertEquals(region(ids.next + times, 1_500), 1_500);
    app(message(ids.next + times, "wl_region.destroy"));
  }
  assertEquals([region(ids.next + 3, 1_000), region(ids.next + 4, 1_500)], [1_000, 1_000]);
  // Without this one, the region would be larger.
  refused(() => app(message(ids.next + 3, "wl_region.subtract", 0, 0, 1, 1)), "more than 2000 rectangles");
  app(message(ids.next + 4, "wl_region.destroy"));
  assertEquals(region(ids.next + 5, 1_500), 1_000);
});

/** What the borders of windows need: the app does not bind these. */
const forBorders = ["wl_subcompositor", "wp_viewporter", "wp_single_pixel_buffer_manager_v1"];

/** A window on a desktop where there can be borders. Its own objects end with the id 17. */
function withBorder(): { made: Trial; commit: Uint8Array } {
  const made = withGlobals();
  made.host(...forBorders.map((name, index) => message(ids.registry, "wl_registry.global", 50 + index, name, 1)));
  return { made, commit: showWindow(made) };
}

Deno.test("the guard of Wayland draws a border on a window that the desktop gives no frame", () => {
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
      new Uint8Array([
        ...place(24, [-4, -4, 408, 4]),
        ...place(27, [-4, 300, 408, 4]),
        ...place(30, [-4, -4, 4, 308]),
        ...place(33, [400, -4, 4, 308]),
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
  assertEquals(app(create(mine)), create(36));
  assertEquals(app(message(mine, "wl_surface.commit")), message(36, "wl_surface.commit"));
  assertEquals(host(message(buffer, "wl_buffer.release")), nothing);
  assertEquals(host(message(1, "wl_display.delete_id", 24)), nothing);
  app(message(mine, "wl_surface.destroy"));
  assertEquals(host(message(1, "wl_display.delete_id", 36)), message(1, "wl_display.delete_id", mine));
  refused(() => app(message(26, "wp_viewport.destroy")), "for no object");
});

Deno.test("the guard of Wayland keeps a border on top, on what is seen, and as long as its window", () => {
  const { made: { app } } = withBorder();
  const { subcompositor, child, subsurface, viewport } = { subcompositor: 18, child: 19, subsurface: 20, viewport: 21 };
  app(message(ids.registry, "wl_registry.bind", 50, "wl_subcompositor", 1, subcompositor));
  app(message(ids.compositor, "wl_compositor.create_surface", child));
  const raised = text(app(message(subcompositor, "wl_subcompositor.get_subsurface", subsurface, child, ids.surface)));
  for (const strip of [25, 28, 31, 34]) assert(raised.includes(text(message(strip, "wl_subsurface.place_above", 37))));
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
  assertEquals(commit(), text(dot) + text(message(ids.surface, "wl_surface.commit")));
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 10, 0, 80, 50));
  assert(commit().includes(right(90, 50)));
  const ended = text(app(message(ids.surface, "wl_surface.destroy")));
  assert(ended.startsWith(text(message(26, "wp_viewport.destroy")) + text(message(25, "wl_subsurface.destroy"))));
});

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
  app(min(100, 0), max(2 ** 31 - 1, 200), geometry(10, 20, 300, 200));
  const told = text(app(commit));
  for (const sent of [min(108, 0), max(2 ** 31 - 1, 208), geometry(6, 16, 308, 208)]) {
    assert(told.includes(text(sent)), `${sent}`);
  }
  assertEquals(app(commit), commit, "once is enough");
  // As the app says it, it is none of what the desktop is to know.
  app(geometry(10, 20, 300, 200));
  assertEquals(app(commit), new Uint8Array([...geometry(6, 16, 308, 208), ...commit]));

  const configure = ([width, height]: readonly [number, number]): Uint8Array =>
    message(ids.toplevel, "xdg_toplevel.configure", width, height, new Uint8Array([1, 0, 0, 0]));
  const done = message(ids.xdgSurface, "xdg_surface.configure", 7);
  for (const [of, to] of [[[500, 400], [492, 392]], [[0, 0], [0, 0]], [[5, 8], [1, 1]]] as const) {
    assertEquals(host(configure(of)), nothing, "it waits for what else there is to say");
    assertEquals(host(done), new Uint8Array([...configure(to), ...done]));
  }
  assertEquals(host(done), done);
  // Whether the desktop draws a frame may come after the size.
  host(message(ids.registry, "wl_registry.global", 60, "zxdg_decoration_manager_v1", 1));
  app(
    message(ids.registry, "wl_registry.bind", 60, "zxdg_decoration_manager_v1", 1, 18),
    message(18, "zxdg_decoration_manager_v1.get_toplevel_decoration", 19, ids.toplevel),
  );
  host(configure([500, 400]), message(37, "zxdg_toplevel_decoration_v1.configure", 2));
  assertEquals(host(done), new Uint8Array([...configure([500, 400]), ...done]));
  const framed = text(app(commit));
  for (const sent of [min(100, 0), max(2 ** 31 - 1, 200), geometry(10, 20, 300, 200)]) {
    assert(framed.includes(text(sent)), `${sent}`);
  }
  // A window that comes back is told of anew, and one that has ended no longer.
  const empty = message(ids.surface, "wl_surface.attach", 0, 0, 0);
  const full = message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0);
  app(empty, commit);
  assert(text(app(full, commit)).includes(text(min(100, 0))));
  app(empty, commit);
  host(configure([500, 400]));
  app(message(ids.toplevel, "xdg_toplevel.destroy"));
  assertEquals(host(done), done);
  assertEquals(app(commit), commit);
  // The next window of the surface has sizes of its own.
  const next = text(app(message(ids.xdgSurface, "xdg_surface.get_toplevel", 20), full, commit));
  assert(next.includes(text(geometry(6, 16, 308, 208))), "it has a border");
  for (const limit of [min(108, 0), max(2 ** 31 - 1, 208)]) assert(!next.includes(text(limit.slice(4))));
});

Deno.test("the guard of Wayland has a popup beside its window's border, where the app wants it in the window", () => {
  const { made } = withBorder();
  use(made);
  const { app, host } = made;
  const [surface, own, positioner, popup] = [18, 19, 20, 21];
  const anchor = (x: number, y: number): Uint8Array => message(38, "xdg_positioner.set_anchor_rect", x, y, 10, 20);
  app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", own, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_size", 100, 100),
    message(positioner, "xdg_positioner.set_anchor_rect", 30, 40, 10, 20),
  );
  const passed = app(message(own, "xdg_surface.get_popup", popup, ids.xdgSurface, positioner));
  const sent = message(37, "xdg_surface.get_popup", 39, ids.xdgSurface, 38);
  assertEquals(passed, new Uint8Array([...anchor(34, 44), ...sent, ...anchor(30, 40)]));
  assertEquals(
    host(message(39, "xdg_popup.configure", 44, 64, 100, 100)),
    message(popup, "xdg_popup.configure", 40, 60, 100, 100),
  );
});

Deno.test("the guard of Wayland tells the compositor no number that has begun anew beyond the protocol's largest", () => {
  const { made } = withBorder();
  const { app } = made;
  const [least, most] = [-(2 ** 31), 2 ** 31 - 1];
  viewport(made, { id: 18, surface: ids.surface, size: [100, 100] });
  const geometry = message(ids.xdgSurface, "xdg_surface.set_window_geometry", least, least, most, most);
  app(geometry);
  assert(text(app(message(ids.surface, "wl_surface.commit"))).includes(text(geometry)));
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
    assertEquals(passed.split(text(message(40, request, ...values)).slice(4)).length, 4, request);
  }
});

Deno.test("the guard of Wayland draws no border on a window that the desktop gives a frame", () => {
  const { made } = withBorder();
  const names = { manager: 18, decoration: 19 };
  made.host(message(ids.registry, "wl_registry.global", 60, "zxdg_decoration_manager_v1", 1));
  made.app(message(ids.registry, "wl_registry.bind", 60, "zxdg_decoration_manager_v1", 1, names.manager));
  made.app(
    message(names.manager, "zxdg_decoration_manager_v1.get_toplevel_decoration", names.decoration, ids.toplevel),
  );
  const configure = (mode: number): Uint8Array => message(37, "zxdg_toplevel_decoration_v1.configure", mode);
  const commit = (): string => text(made.app(message(ids.surface, "wl_surface.commit")));
  assertEquals(made.host(configure(2)), message(names.decoration, "zxdg_toplevel_decoration_v1.configure", 2));
  assert(commit().startsWith(text(message(26, "wp_viewport.destroy"))));
  made.host(configure(1));
  assert(commit().includes(text(message(38, "wl_surface.attach", 22, 0, 0))));
});

Deno.test("the guard of Wayland draws a border on a window whose surface had one with a frame before", () => {
  const { made } = withBorder();
  const { app, host } = made;
  const [manager, decoration] = [18, 19];
  host(message(ids.registry, "wl_registry.global", 60, "zxdg_decoration_manager_v1", 1));
  app(
    message(ids.registry, "wl_registry.bind", 60, "zxdg_decoration_manager_v1", 1, manager),
    message(manager, "zxdg_decoration_manager_v1.get_toplevel_decoration", decoration, ids.toplevel),
  );
  const isFramed = message(37, "zxdg_toplevel_decoration_v1.configure", 2);
  host(isFramed);
  app(
    message(ids.surface, "wl_surface.attach", 0, 0, 0),
    message(ids.surface, "wl_surface.commit"),
    message(ids.toplevel, "xdg_toplevel.destroy"),
    message(ids.xdgSurface, "xdg_surface.destroy"),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", 20, ids.surface),
    message(20, "xdg_surface.get_toplevel", 21),
    message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0),
  );
  // What the compositor still says of the first one is not about the second.
  host(isFramed);
  assert(app(message(ids.surface, "wl_surface.commit")).length > 500);
});

Deno.test("the guard of Wayland lets no app hear of what points at a border, nor be used by it", () => {
  const { made: { app, host, session } } = withBorder();
  const [region, strip, touch] = [23, 24, ids.next];
  assertEquals(app(message(ids.seat, "wl_seat.get_touch", touch)), message(ids.seat, "wl_seat.get_touch", 36));
  const at = (name: string, surface: number): Uint8Array =>
    message(ids.pointer, `wl_pointer.${name}`, 5, surface, ...name === "enter" ? [0, 0] : []);
  const [frame, fingers] = [message(ids.pointer, "wl_pointer.frame"), message(36, "wl_touch.frame")];
  const press = message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1);
  const used = [
    message(ids.pointer, "wl_pointer.motion", 0, 1, 1),
    press,
    message(ids.pointer, "wl_pointer.axis", 0, 0, 9),
  ];
  assertEquals(host(at("enter", strip), frame, ...used, frame, at("leave", strip), frame), nothing);
  assertEquals(session.attention.isUsed(), false);
  const entered = [at("enter", ids.surface), frame];
  assertEquals(host(...entered, frame), new Uint8Array(entered.flatMap((bytes) => [...bytes])));
  const left = [at("leave", ids.surface), frame];
  assertEquals(
    host(left[0]!, at("enter", strip), frame, ...used, frame),
    new Uint8Array(left.flatMap((bytes) => [...bytes])),
  );
  // One finger is on the border, and another one in the window.
  const down = (id: number, surface: number): Uint8Array => message(36, "wl_touch.down", 7, 0, surface, id, 0, 0);
  assertEquals(host(down(0, strip), fingers, message(36, "wl_touch.motion", 0, 0, 1, 1), fingers), nothing);
  assertEquals(session.attention.isUsed(), false);
  assertEquals(
    text(host(down(1, ids.surface), fingers)),
    text(message(touch, "wl_touch.down", 7, 0, ids.surface, 1, 0, 0)) + text(message(touch, "wl_touch.frame")),
  );
  assertEquals(host(message(36, "wl_touch.up", 8, 0, 0), fingers), nothing);
  assertEquals(host(message(36, "wl_touch.up", 9, 0, 1)), message(touch, "wl_touch.up", 9, 0, 1));
  // Something is dragged over it.
  const offer = message(ids.device, "wl_data_device.data_offer", 0xff00_0000);
  assertEquals(host(offer), offer);
  const over = (name: string, ...values: number[]): Uint8Array =>
    message(ids.device, `wl_data_device.${name}`, ...values);
  assertEquals(
    host(over("enter", 5, strip, 0, 0, 0xff00_0000), over("motion", 0, 1, 1), over("drop"), over("leave")),
    nothing,
  );
  // Its window has the keyboard.
  const keyboard = (surface: number): Uint8Array => message(ids.keyboard, "wl_keyboard.enter", 5, surface, nothing);
  assertEquals(host(keyboard(strip)), keyboard(ids.surface));
  assertEquals(session.attention.focused(), 1);
  // By a shadow, a window is resized.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 20, 20, 360, 260));
  const shadowed = text(app(message(ids.surface, "wl_surface.commit")));
  assert(shadowed.includes(text(message(strip, "wl_surface.set_input_region", region))));
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

Deno.test("the guard of Wayland knows whether the user has closed the last window", () => {
  const end = (act: (made: Trial) => void): string => {
    const made = withWindow();
    act(made);
    return made.session.closing.end();
  };
  const click = ({ host }: Trial) => host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 0));
  const close = ({ host }: Trial) => host(message(ids.toplevel, "xdg_toplevel.close"));
  const destroy = ({ app }: Trial) => app(message(ids.toplevel, "xdg_toplevel.destroy"));
  assertEquals(withGlobals().session.closing.end(), "none");
  assertEquals(end(() => {}), "other");
  assertEquals(end(destroy), "other");
  assertEquals(end(({ connection }) => connection.end()), "other");
  assertEquals(end((made) => [close(made), destroy(made)]), "closed");
  assertEquals(end((made) => [close(made), made.connection.end()]), "closed");
  assertEquals(end((made) => [click(made), destroy(made)]), "closed");
  assertEquals(end((made) => [click(made), made.connection.end()]), "other");
  assertEquals(end((made) => [close(made), destroy(made), made.connection.end()]), "closed");
});
