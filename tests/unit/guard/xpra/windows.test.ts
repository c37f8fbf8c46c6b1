// What the container may say of its windows to the host, and where they may be.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import type { Rectangle } from "../../../../lib/guard/xpra/geometry.ts";
import type { Dict } from "../../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import { createSession } from "../../../../lib/guard/xpra/session.ts";
import type { Windows } from "../../../../lib/guard/xpra/windows.ts";
import { clientHello, description, dict, serverHello } from "../../../fuzz/samples.ts";
import { focused, place, shown, timed, windows } from "../../xpra_samples.ts";

Deno.test("Windows.open() lets pass what a frame needs and nothing else", () => {
  const passed = windows().open(1, { ...place, description }).description;
  assertEquals([...passed.keys()].toSorted(), [
    "class-instance",
    "icon-title",
    "requested-position",
    "size-constraints",
    "title",
    "window-type",
  ]);
  assertEquals(passed.get("title"), "[box] ubuntu@box: ~");
  assertEquals(passed.get("icon-title"), "[box] ubuntu@box: ~");
  assertEquals(passed.get("class-instance"), ["box.xterm", "box.XTerm"]);
});

Deno.test("Windows.open() names the container for a window without a title", () => {
  assertEquals(windows().open(1, { ...place, description: new Map() }).description.get("title"), "[box] ");
});

Deno.test("Windows.open() gives a window without a class one that names the container", () => {
  assertEquals(windows().open(1, { ...place, description: new Map() }).description.get("class-instance"), [
    "box.window",
    "box.Window",
  ]);
});

Deno.test("Windows.open() makes an ordinary window of one that would have no frame", () => {
  for (const type of ["DOCK", "DESKTOP", "POPUP_MENU", "DROPDOWN_MENU", "NOTIFICATION", "SPLASHSCREEN", "TOOLTIP"]) {
    assertEquals(
      windows().open(1, { ...place, description: dict({ "window-type": [type] }) }).description.get("window-type"),
      [
        "NORMAL",
      ],
    );
  }
  const dialog =
    windows().open(1, { ...place, description: dict({ "window-type": ["DIALOG"], "override-redirect": true }) })
      .description;
  assertEquals(dialog.get("window-type"), ["DIALOG"]);
  assertEquals(dialog.has("override-redirect"), false);
});

Deno.test("a window belongs only to another framed one of the container's, never to itself and in no circle", () => {
  const made = focused();
  const to = (parent: number): Dict => dict({ "transient-for": parent });
  const opened = (window: number, parent: number): boolean =>
    made.open(window, { ...place, description: to(parent) }).description.has("transient-for");
  const may = (window: number, parent: number): boolean => made.describe(window, to(parent)).has("transient-for");
  assert(opened(2, 1));
  assert(opened(3, 2));
  assertEquals([opened(4, 99), opened(5, 0), opened(6, 6)], [false, false, false]);
  assertEquals([may(1, 1), may(1, 2), may(1, 3)], [false, false, false]);
  assert(may(3, 1));
  made.openPopup(7, { ...place, description: new Map() });
  assertEquals(may(6, 7), false);
  // What belonged to a window that is gone belongs to none, also when another one has its number.
  made.close(2);
  assert(opened(2, 3));
});

Deno.test("the user works in the container once he presses a key or a button there, not by the keyboard alone", () => {
  const { made, at } = timed();
  const isUsed = (ms: number): boolean => (at(ms), made.attention.isUsed());
  at(5000);
  made.focus(1);
  assertEquals(isUsed(5000), false);
  made.attention.recordInput();
  assertEquals([isUsed(5000), isUsed(60_000)], [true, true]);
  made.focus(0);
  assertEquals(isUsed(60_000), false);
  // A click comes before the keyboard does.
  at(70_000);
  made.recordClick(1);
  assert(isUsed(70_500));
  made.focus(1);
  assert(isUsed(90_000));
  made.openPopup(2, { ...place, description: new Map() });
  made.focus(0);
  at(91_000);
  made.focus(1);
  assertEquals(isUsed(91_000), false);
  made.recordClick(2);
  assert(isUsed(91_000));
});

Deno.test("the user works on in the container when a window of it gets the keyboard from another one", () => {
  for (const [isKeyPressed, awayMs] of [[true, 100], [false, 100], [true, 300]] as const) {
    const { made, at } = timed();
    made.open(2, { ...place, description });
    at(5000);
    made.focus(1);
    if (isKeyPressed) made.attention.recordInput();
    at(60_000);
    made.focus(0);
    assertEquals(made.attention.isUsed(), false);
    at(60_000 + awayMs);
    made.focus(2);
    // One that comes later may have been opened because the user had left.
    assertEquals(made.attention.isUsed(), isKeyPressed && awayMs < 200);
  }
});

Deno.test("a click into a popup or an icon in the tray does not mean that the user works in the container", () => {
  const { made, at } = timed();
  at(5000);
  made.focus(1);
  made.openPopup(2, { ...place, description: new Map() });
  made.openTray(3);
  made.focus(0);
  for (const window of [2, 3]) made.recordClick(window);
  assertEquals(made.attention.isUsed(), false);
});

Deno.test("no key passes to a popup: it never has the keyboard", () => {
  const made = focused();
  made.openPopup(2, { ...place, description: new Map() });
  made.focus(2);
  assertEquals(made.attention.focused(), 0);
});

Deno.test("Windows.open() leaves every window its frame, and none transparent", () => {
  const wish = dict({ decorations: 0, "has-alpha": true });
  const passed = windows().open(1, { ...place, description: wish }).description;
  assertEquals([passed.has("decorations"), passed.has("has-alpha")], [false, false]);
  assertEquals(focused().openPopup(2, { ...place, description: wish })!.description.has("has-alpha"), false);
});

Deno.test("a window that asks for a place in the corner is placed by the desktop, as dialogs of GTK's are", () => {
  const isPlaced = (x: number, y: number): boolean =>
    windows().open(1, { ...place, x, y, description: dict({ "set-initial-position": true }) }).description
      .has("set-initial-position");
  assertEquals([isPlaced(0, 0), isPlaced(10, 0), isPlaced(0, 50)], [false, true, true]);
});

Deno.test("a framed window is wholly on the screen, with its title, and large enough to be seen", () => {
  const at = (x: number, y: number, width = 400, height = 300): number[] => {
    const { place, description } = windows().open(1, {
      x,
      y,
      width,
      height,
      description: dict({ "requested-position": [x, y] }),
    });
    assertEquals(description.get("requested-position"), [place.x, place.y]);
    return [place.x, place.y, place.width, place.height];
  };
  assertEquals(at(10, 50), [10, 50, 400, 300]);
  assertEquals(at(10, 0), [10, 40, 400, 300]);
  assertEquals(at(-5000, -5000), [0, 40, 400, 300]);
  assertEquals(at(9000, 9000), [1520, 900, 400, 300]);
  assertEquals(at(-3000, 0, 8000, 3000), [0, 40, 1920, 1200]);
  assertEquals(at(10, 50, 1, 1), [10, 50, 48, 24]);
  const constraints = (about: Dict): Dict =>
    windows().open(1, { ...place, description: dict({ "size-constraints": about }) }).description.get(
      "size-constraints",
    ) as Dict;
  assertEquals(constraints(dict({ "maximum-size": [1, 1], "minimum-size": [1, 1] })), dict({ "minimum-size": [1, 1] }));
  assertEquals(
    constraints(dict({ "minimum-size": [8000, 3000], "base-size": [8000, 5], gravity: 10 })),
    dict({ "minimum-size": [1920, 1200], "base-size": [1920, 5] }),
  );
  // As xterm has it; by GTK 3 the second one made a window without a size, and the third one is no character's.
  const stepped = (base: number[], increment: number[]): Dict => dict({ "base-size": base, increment });
  assertEquals(constraints(stepped([19, 4], [6, 13])), stepped([49, 30], [6, 13]));
  assertEquals(constraints(stepped([0, 0], [255, 255])), stepped([255, 255], [255, 255]));
  assertEquals(constraints(stepped([0, 0], [32_767, 32_767])), dict({ "base-size": [0, 0] }));
  assertEquals(shown().describe(1, dict({ "requested-position": [-3000, -3000] })), new Map());
  assertEquals(shown().move(1, { x: -9000, y: 5, width: 1, height: 1 }), { x: 0, y: 40, width: 48, height: 24 });
  assertEquals(shown().move(1, { x: -3000, y: 0, width: 8000, height: 3000 }).width, 1920);
});

Deno.test("a framed window is where the host shows it, not where the container wants it", () => {
  const made = focused();
  made.move(1, { x: 1400, y: 800, width: 400, height: 300 });
  assertThrows(() => made.openPopup(2, { x: 1500, y: 900, width: 200, height: 200, description: new Map() }), Refusal);
  made.recordPlace(1, { x: 1400, y: 800, width: 400, height: 300 });
  made.openPopup(2, { x: 1500, y: 900, width: 200, height: 200, description: new Map() });
});

Deno.test("a window that is shown again stands where it was, wherever an animation has it at that moment", () => {
  const { made, at } = timed();
  const animated = { ...place, x: 982, y: 1940 };
  assertEquals(made.recordPlace(1, { ...place, x: 300 }), { ...place, x: 300 }, "a move");
  made.recordHidden(1);
  at(60_000);
  assertEquals(made.recordPlace(1, animated), { ...place, x: 300 });
  at(60_900);
  assertEquals(made.recordPlace(1, animated), { ...place, x: 300 });
  assertEquals(made.place(1), { ...place, x: 300 });
  const maximized = { x: 0, y: 0, width: 1920, height: 1200 };
  assertEquals(made.recordPlace(1, maximized), maximized, "another size");
  at(61_001);
  assertEquals(made.recordPlace(1, { ...maximized, x: 500 }), { ...maximized, x: 500 }, "a move afterwards");
});

Deno.test("a popup has no class: xpra's client grabs the keyboard for some", () => {
  const about = dict({
    "class-instance": ["sun-awt-X11-XDialogPeer", "x"],
    "window-type": ["DIALOG"],
    // xpra's client would move it with that window.
    "transient-for": 1,
  });
  const passed: Dict = focused().openPopup(2, { ...place, description: about })!.description;
  assertEquals([...passed.keys()], ["window-type", "title"]);
});

Deno.test("Windows.open() refuses a window twice", () => {
  assertThrows(() => shown().open(1, { ...place, description: new Map() }), Refusal);
});

Deno.test("all framed windows together fill a few screens, whichever way they would grow", () => {
  const whole = { x: 0, y: 0, width: 1920, height: 1200 };
  const huge = { x: 0, y: 0, width: 16_384, height: 16_384 };
  /** How many windows of a hundred get what they ask for. */
  const served = (ask: (made: Windows, window: number) => unknown): number => {
    const made = windows();
    let count = 0;
    for (let window = 1; window <= 100; window++) {
      try {
        ask(made, window);
        count++;
      } catch (error) {
        assert(error instanceof Refusal);
      }
    }
    return count;
  };
  const wish = (about: Dict): number =>
    served((made, window) => {
      made.open(window, { ...place, description: new Map() });
      made.describe(window, about);
    });
  assertEquals(served((made, window) => made.open(window, { ...whole, description })), 32);
  assertEquals(served((made, window) => made.open(window, { ...huge, description })), 32);
  assertEquals(served((made, window) => made.open(window, { ...place, description: dict({ maximized: true }) })), 32);
  assertEquals(served((made, window) => made.open(window, { ...place, description })), 100);
  assert(wish(dict({ maximized: true })) <= 32);
  for (const name of ["minimum-size", "base-size"]) {
    assert(wish(dict({ "size-constraints": dict({ [name]: [1920, 1200] }) })) <= 32, name);
  }
  const grown = served((made, window) => {
    made.open(window, { ...place, description });
    made.move(window, { ...place, width: 1920 });
    made.move(window, { ...place, height: 1200 });
    // Until the host tells, nobody knows that it has shrunk.
    made.move(window, place);
  });
  assert(grown <= 32);
});

Deno.test("a window that the user enlarges counts as large, and one that is gone no more", () => {
  const made = windows();
  for (let window = 1; window <= 40; window++) {
    made.open(window, { ...place, description: new Map() });
    made.recordPlace(window, { x: 0, y: 0, width: 1920, height: 1200 });
    made.describe(window, dict({ title: "a title" }));
    made.move(window, { ...place, x: 5 });
    if (window < 32) continue;
    assertThrows(() => made.open(99, { ...place, description: new Map() }), Refusal, "too large");
    made.close(window);
  }
});

Deno.test("a framed window's whole title is on monitors, even if they differ in height", () => {
  const made = windows();
  const monitors = [{ x: 1920, y: 0, width: 1280, height: 720 }, { x: 0, y: 0, width: 1920, height: 1200 }];
  made.screen = { width: 3200, height: 1200, monitors };
  const opened = (wanted: Partial<Rectangle>): Rectangle =>
    made.open(++count, { ...place, ...wanted, description: new Map() }).place;
  let count = 0;
  // Below the smaller monitor, and with its title half there.
  assertEquals(opened({ x: 2500, y: 800 }), { ...place, x: 2500, y: 420 });
  assertEquals(opened({ x: 1800, y: 800 }), { ...place, x: 1520, y: 800 });
  assertEquals(made.move(1, { ...place, x: 2500, y: 1100 }), { ...place, x: 2500, y: 420 });
  // From one monitor to the other, and partly below one.
  for (const wanted of [{ x: 1800, y: 100 }, { x: 2500, y: 600 }]) {
    assertEquals(opened(wanted), { ...place, ...wanted });
  }
});

Deno.test("Windows.openTray() takes eight icons", () => {
  const made = shown();
  for (let window = 2; window <= 9; window++) made.openTray(window);
  assertThrows(() => made.openTray(10), Refusal, "too many icons");
});

Deno.test("Windows.focus() knows the container's windows only, and a window that is gone has no keyboard", () => {
  const made = shown();
  made.focus(99);
  assertEquals(made.attention.focused(), 0);
  made.focus(1);
  assertEquals(made.attention.focused(), 1);
  made.close(1);
  assertEquals(made.attention.focused(), 0);
});

Deno.test("no popup tells the client of a smallest size, by which it would be larger than the guard knows", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  judgeServerPacket(serverHello, state);
  const about = { "size-constraints": dict({ "minimum-size": [16_000, 16_000] }), "role": "menu" };
  judgeServerPacket({ type: "new-window", args: [1, 100, 100, 400, 300, description, new Map()] }, state);
  judgeClientPacket({ type: "map-window", args: [1, 100, 100, 400, 300, new Map(), new Map()] }, state);
  judgeClientPacket({ type: "focus", args: [1, []] }, state);
  const opened = { type: "new-override-redirect", args: [2, 110, 110, 100, 100, dict(about), new Map()] };
  for (const packet of [opened, { type: "window-metadata", args: [2, dict(about)] }]) {
    const { args } = judgeServerPacket(packet, state).pass![0]!;
    const told = args.find((value) => value instanceof Map) as Dict;
    assertEquals([told.has("role"), told.has("size-constraints")], [true, false], packet.type);
  }
});
