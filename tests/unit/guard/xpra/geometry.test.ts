// Where popups may be on X, and when they go.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import type { Delivery } from "../../../../lib/guard/xpra/judge.ts";
import { isOnScreen, mayPopUp, placeFramed, type Rectangle } from "../../../../lib/guard/xpra/geometry.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import { focused, place, server, timed, usedSession } from "../../xpra_samples.ts";

Deno.test("popups go with the window that they are at", () => {
  const state = usedSession();
  server(state, "new-override-redirect", 2, 110, 110, 50, 50, new Map(), new Map());
  const gone = judgeServerPacket({ type: "lost-window", args: [1] }, state);
  assertEquals(gone.pass!.slice(1), [{ type: "lost-window", args: [2] }]);
  const other = usedSession();
  server(other, "new-override-redirect", 2, 110, 110, 50, 50, new Map(), new Map());
  const hidden = judgeClientPacket({ type: "unmap-window", args: [1, true, new Map()] }, other);
  assertEquals(hidden.answer, [{ type: "lost-window", args: [2] }]);
});

Deno.test("a menu that moves away leaves no submenu behind", () => {
  const state = usedSession();
  server(state, "new-override-redirect", 2, 110, 400, 200, 200, new Map(), new Map());
  server(state, "new-override-redirect", 3, 320, 560, 100, 50, new Map(), new Map());
  const move = (y: number): Delivery =>
    judgeServerPacket({ type: "configure-override-redirect", args: [2, 110, y, 200, 200] }, state);
  assertEquals(move(390).pass!.slice(1), []);
  assertEquals(move(200).pass!.slice(1), [{ type: "lost-window", args: [3] }]);
});

Deno.test("mayPopUp() allows menus at a window, and menus at menus", () => {
  const screen = { width: 1920, height: 1200, monitors: [] };
  const menu = { x: 120, y: 130, width: 300, height: 500 };
  assert(mayPopUp(menu, { screen, windows: [place], popups: [] }));
  const below = { x: 120, y: 425, width: 300, height: 500 };
  assert(mayPopUp(below, { screen, windows: [place], popups: [] }));
  const beside = { x: 425, y: 600, width: 300, height: 500 };
  assertEquals(mayPopUp(beside, { screen, windows: [place], popups: [] }), false);
  assert(mayPopUp(beside, { screen, windows: [place], popups: [menu] }));
});

Deno.test("mayPopUp() goes by one of the monitors, not by all of them", () => {
  const monitor = { y: 0, width: 1920, height: 1200 };
  const monitors = [{ x: 0, ...monitor }, { x: 1920, ...monitor }];
  const mayBe = (width: number, height: number): boolean =>
    mayPopUp({ x: 0, y: 0, width, height }, {
      screen: { width: 3840, height: 1200, monitors },
      windows: [place],
      popups: [],
    });
  assertEquals([mayBe(1920, 1200), mayBe(1920, 600), mayBe(3000, 300)], [false, true, false]);
});

Deno.test("mayPopUp() refuses what is far from the container's windows, and what covers half of the screen", () => {
  const screen = { width: 1920, height: 1200, monitors: [] };
  assertEquals(
    mayPopUp({ x: 1500, y: 0, width: 300, height: 100 }, { screen, windows: [place], popups: [] }),
    false,
  );
  assertEquals(mayPopUp({ x: 0, y: 0, width: 1920, height: 1200 }, { screen, windows: [place], popups: [] }), false);
  assertEquals(mayPopUp(place, { screen, windows: [], popups: [] }), false);
  const halves = [{ x: 0, y: 0, width: 960, height: 1190 }];
  assertEquals(
    mayPopUp({ x: 960, y: 0, width: 960, height: 1190 }, { screen, windows: [place], popups: halves }),
    false,
  );
  for (const side of [1, 4]) {
    const speck = { x: 1900, y: 1100, width: side, height: side };
    assertEquals(mayPopUp(speck, { screen, windows: [place], popups: [] }), false);
  }
});

Deno.test("no popup is where it may be by way of one that nobody sees, or by a line of small ones", () => {
  const half = { x: 560, y: 0, width: 920, height: 1200 };
  const dot = focused();
  dot.openPopup(2, { x: 540, y: 300, width: 1, height: 1, description: new Map() });
  assertThrows(() => dot.openPopup(3, { ...half, description: new Map() }), Refusal, "far from");
  const line = focused();
  assertThrows(
    () => {
      for (let window = 2; window < 30; window++) {
        line.openPopup(window, { x: 450 + 40 * window, y: 200, width: 30, height: 4, description: new Map() });
      }
    },
    Refusal,
    "far from",
  );
});

Deno.test("popups do not walk away from their window, one by the other", () => {
  const made = focused();
  made.openPopup(2, { x: 300, y: 150, width: 300, height: 300, description: new Map() });
  made.openPopup(3, { x: 620, y: 150, width: 300, height: 300, description: new Map() });
  assertThrows(() => made.move(2, { x: 930, y: 150, width: 300, height: 300 }), Refusal, "far from");
});

Deno.test("Windows.openPopup() takes menus of menus of menus, and twenty popups of any size", () => {
  const made = focused();
  for (let window = 2; window <= 7; window++) {
    made.openPopup(window, { x: 150 * window, y: 150, width: 150, height: 300, description: new Map() });
  }
  assertEquals(made.takeStrays(), []);
  const speck = { ...place, width: 1, height: 1 };
  for (let window = 8; window <= 21; window++) made.openPopup(window, { ...speck, description: new Map() });
  assertThrows(() => made.openPopup(22, { ...speck, description: new Map() }), Refusal, "too many popups");
});

Deno.test("popups are there only while a window has the keyboard or is just clicked, of any size", () => {
  const { made, at } = timed();
  const opens = (window: number): boolean => {
    const side = window % 2 === 0 ? 4 : 200;
    const opened =
      made.openPopup(window, { ...place, width: side, height: side, description: new Map() }) !== undefined;
    assertEquals(made.has(window), opened);
    return opened;
  };
  assertEquals([opens(2), opens(3)], [false, false]);
  at(5000);
  made.recordClick(1);
  assertEquals([opens(2), opens(3), made.mayHaveStrays(), made.takeStrays()], [true, true, true, []]);
  at(6000);
  assertEquals([made.takeStrays(), made.mayHaveStrays()], [[2, 3], false]);
  made.focus(1);
  assertEquals([opens(4), opens(5), made.takeStrays(), made.mayHaveStrays()], [true, true, [], false]);
  at(90_000);
  made.focus(0);
  // Nobody prolongs their life by a click into one of them.
  made.recordClick(5);
  assertEquals([made.mayHaveStrays(), made.takeStrays()], [true, [4, 5]]);
});

Deno.test("popups are wholly on the screen, where xpra's client would move them, and left out when they are off it", () => {
  const made = focused();
  assertEquals(made.openPopup(2, { x: -99, y: -99, width: 1, height: 1, description: new Map() }), undefined);
  made.recordPlace(1, { x: 0, y: 100, width: 400, height: 300 });
  const over = { x: -150, y: 150, width: 200, height: 200 };
  assertEquals(made.openPopup(3, { ...over, description: new Map() })!.place, { ...over, x: 0 });
  assertEquals(made.move(3, over), { ...over, x: 0 });
  assertEquals(made.place(3), undefined);
});

Deno.test("Windows.move() holds popups where they may be opened", () => {
  const made = focused();
  made.openPopup(2, { x: 150, y: 150, width: 200, height: 200, description: new Map() });
  made.move(2, { x: 300, y: 200, width: 200, height: 200 });
  assertThrows(() => made.move(2, { x: 1500, y: 900, width: 200, height: 200 }), Refusal);
  assertThrows(() => made.move(2, { x: 0, y: 0, width: 1900, height: 1200 }), Refusal);
});

Deno.test("Windows.takeStrays() gives popups whose window is hidden, with the menus at them", () => {
  const made = focused();
  made.openPopup(2, { x: 150, y: 150, width: 200, height: 200, description: new Map() });
  made.openPopup(3, { x: 360, y: 300, width: 300, height: 300, description: new Map() });
  assertEquals(made.takeStrays(), []);
  made.recordHidden(1);
  assertEquals(made.takeStrays(), [2, 3]);
  assertEquals(made.has(2), false);
});

Deno.test("isOnScreen() asks for a pixel of a window", () => {
  const size = { width: 100, height: 80 };
  const at = (x: number, y: number): boolean => isOnScreen({ x, y, ...size }, { width: 1920, height: 1200 });
  assertEquals([[-99, 0], [0, -79], [1919, 0], [0, 1199]].map(([x, y]) => at(x!, y!)), [true, true, true, true]);
  assertEquals([[-100, 0], [0, -80], [1920, 0], [0, 1200]].map(([x, y]) => at(x!, y!)), [false, false, false, false]);
});

Deno.test("placeFramed() moves a window whose title is on no monitor to the nearest one", () => {
  const screen = { width: 2000, height: 1000 };
  const [left, right] = [{ x: 0, y: 0, width: 1000, height: 400 }, { x: 1200, y: 600, width: 800, height: 400 }];
  const monitors = [left, right];
  const size = { width: 100, height: 100 };
  const placed = (x: number, y: number): number[] => {
    const place = placeFramed({ x, y, ...size }, { ...screen, monitors });
    return [place.x, place.y];
  };
  assertEquals(placed(1050, 650), [1200, 650]);
  assertEquals(placed(1050, 300), [900, 300]);
  // 40 pixels above the window belong to its title.
  assertEquals(placed(1300, 639), [1300, 640]);
  assertEquals(placed(1300, 640), [1300, 640]);
  const stepped = [{ x: 0, y: 0, width: 1000, height: 1000 }, { x: 1000, y: 200, width: 1000, height: 800 }];
  const steps = (y: number): Rectangle => placeFramed({ x: 950, y, ...size }, { ...screen, monitors: stepped });
  assertEquals(steps(239).x, 900, "its title would be half above the second monitor");
  assertEquals(steps(240).x, 950);
});

Deno.test("placeFramed() leaves a window whose title and first 24 lines are on a monitor", () => {
  // Right of the low monitor, the screen goes on below the monitor that the window is on.
  const monitors = [{ x: 0, y: 0, width: 800, height: 600 }, { x: 800, y: 0, width: 800, height: 1200 }];
  const screen = { width: 1600, height: 1200, monitors };
  const at = (y: number): number => placeFramed({ x: 100, y, width: 300, height: 100 }, screen).y;
  assertEquals([at(576), at(577)], [576, 500]);
});

Deno.test("mayPopUp() goes by the only monitor where that is smaller than the screen", () => {
  const monitors = [{ x: 0, y: 0, width: 960, height: 600 }];
  const popup = { x: 0, y: 0, width: 800, height: 500 };
  const may = (monitors: readonly Rectangle[]): boolean =>
    mayPopUp(popup, { screen: { width: 1920, height: 1200, monitors }, windows: [place], popups: [] });
  assertEquals([may([]), may(monitors)], [true, false]);
});

Deno.test("no popup is where it may be by way of a line that is too thin for a menu", () => {
  const screen = { width: 1920, height: 1200, monitors: [] };
  const far = { x: 800, y: 100, width: 50, height: 50 };
  for (const [height, isMenu] of [[15, false], [16, true]] as const) {
    const line = { x: 500, y: 100, width: 300, height };
    assertEquals(mayPopUp(far, { screen, windows: [place], popups: [line] }), isMenu, `${height}`);
  }
});
