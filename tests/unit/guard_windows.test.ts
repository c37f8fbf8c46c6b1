// What the container may say of its windows to the host, and where popups may be.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../lib/attach/guard/faults.ts";
import type { Dict } from "../../lib/attach/guard/rencode.ts";
import { mayPopUp, titleOf, type Windows, windowsOf } from "../../lib/attach/guard/windows.ts";
import { description, dict } from "../fuzz/samples.ts";

const place = { x: 100, y: 100, width: 400, height: 300 };
const framed = { popup: false };
const popup = { popup: true };

function windows(): Windows {
  let time = 0;
  const made = windowsOf({ container: "box", now: () => time += 100 });
  made.setScreen(1920, 1200);
  return made;
}

/** Windows with one that is shown. */
function shown(): Windows {
  const made = windows();
  made.open(1, place, description, framed);
  made.shown(1, place);
  return made;
}

Deno.test("titleOf() puts the container's name first, whatever the title is", () => {
  assertEquals(titleOf("box", "a title"), "[box] a title");
  assertEquals(titleOf("box", ""), "[box] ");
  assertEquals([...titleOf("box", "x".repeat(5000))].length, "[box] ".length + 400);
});

Deno.test("titleOf() leaves out what turns a line round, ends it, or is for a terminal", () => {
  assertEquals(titleOf("box", "a\u202e\u2066b\u200f\u001b]52;c;x\u0007\u0000\u2028c"), "[box] ab]52;c;xc");
  assertEquals(titleOf("box", "two\n\r\tlines"), "[box] two lines");
  assertEquals(titleOf("box", "grüße 日本 😀"), "[box] grüße 日本 😀");
});

Deno.test("Windows.open() lets pass what a frame needs and nothing else", () => {
  const passed = windows().open(1, place, description, framed).description;
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
  assertEquals(windows().open(1, place, new Map(), framed).description.get("title"), "[box] ");
});

Deno.test("Windows.open() makes an ordinary window of one that would have no frame", () => {
  for (const type of ["DOCK", "DESKTOP", "POPUP_MENU", "DROPDOWN_MENU", "NOTIFICATION", "SPLASHSCREEN", "TOOLTIP"]) {
    assertEquals(windows().open(1, place, dict({ "window-type": [type] }), framed).description.get("window-type"), [
      "NORMAL",
    ]);
  }
  const dialog =
    windows().open(1, place, dict({ "window-type": ["DIALOG"], "override-redirect": true }), framed).description;
  assertEquals(dialog.get("window-type"), ["DIALOG"]);
  assertEquals(dialog.has("override-redirect"), false);
});

Deno.test("Windows.open() takes windows for their own only if they are the container's", () => {
  const made = shown();
  assertEquals(made.open(2, place, dict({ "transient-for": 1 }), framed).description.get("transient-for"), 1);
  assertEquals(made.open(3, place, dict({ "transient-for": 99 }), framed).description.has("transient-for"), false);
  assertEquals(made.open(4, place, dict({ "transient-for": 0 }), framed).description.has("transient-for"), false);
});

Deno.test("a window covers the whole screen only while the container has the keyboard", () => {
  const made = shown();
  const whole = dict({ fullscreen: true });
  assertEquals(made.describe(1, whole).has("fullscreen"), false);
  made.focus(1);
  assertEquals(made.describe(1, whole).get("fullscreen"), true);
  made.focus(0);
  assertEquals(made.describe(1, dict({ fullscreen: false })).get("fullscreen"), false);
});

Deno.test("Windows.open() leaves every window its frame, and none transparent", () => {
  const wish = dict({ decorations: 0, "has-alpha": true });
  const passed = windows().open(1, place, wish, framed).description;
  assertEquals([passed.has("decorations"), passed.has("has-alpha")], [false, false]);
  assertEquals(shown().open(2, place, wish, popup).description.get("has-alpha"), true);
});

Deno.test("a framed window is large enough, and far enough on the screen, to be seen", () => {
  const at = (x: number, y: number, width = 400, height = 300): number[] => {
    const { place, description } = windows().open(
      1,
      { x, y, width, height },
      dict({ "requested-position": [x, y] }),
      framed,
    );
    assertEquals(description.get("requested-position"), [place.x, place.y]);
    return [place.x, place.y, place.width, place.height];
  };
  assertEquals(at(10, 20), [10, 20, 400, 300]);
  assertEquals(at(-5000, -5000), [-352, 0, 400, 300]);
  assertEquals(at(9000, 9000), [1872, 1176, 400, 300]);
  assertEquals(at(10, 20, 1, 1), [10, 20, 48, 24]);
  const tiny = dict({ "size-constraints": dict({ "maximum-size": [1, 1], "minimum-size": [1, 1] }) });
  const { description } = windows().open(1, place, tiny, framed);
  assertEquals([...(description.get("size-constraints") as Dict).keys()], ["minimum-size"]);
  assertEquals(shown().move(1, { x: -9000, y: 5, width: 1, height: 1 }), { x: 0, y: 5, width: 48, height: 24 });
});

Deno.test("a framed window is where the host shows it, not where the container wants it", () => {
  const made = shown();
  made.move(1, { x: 1400, y: 800, width: 400, height: 300 });
  assertThrows(() => made.open(2, { x: 1500, y: 900, width: 200, height: 200 }, new Map(), popup), Refusal);
  made.shown(1, { x: 1400, y: 800, width: 400, height: 300 });
  made.open(2, { x: 1500, y: 900, width: 200, height: 200 }, new Map(), popup);
});

Deno.test("Windows.open() gives popups no class: xpra's client grabs the keyboard for some", () => {
  const about = dict({ "class-instance": ["sun-awt-X11-XDialogPeer", "x"], "window-type": ["DIALOG"] });
  const passed: Dict = shown().open(2, place, about, popup).description;
  assertEquals([...passed.keys()], ["window-type", "title"]);
});

Deno.test("Windows.open() refuses a window twice, too many, and too many at once", () => {
  const made = shown();
  assertThrows(() => made.open(1, place, new Map(), framed), Refusal);
  assertThrows(() => {
    for (let window = 2; window < 1000; window++) made.open(window, place, new Map(), framed);
  }, Refusal);
  const quick = windowsOf({ container: "box", now: () => 0 });
  assertThrows(() => {
    for (let window = 1; window < 300; window++) {
      quick.open(window, place, new Map(), framed);
      quick.close(window);
    }
  }, Refusal);
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
      made.open(window, place, new Map(), framed);
      made.describe(window, about);
    });
  assertEquals(served((made, window) => made.open(window, whole, description, framed)), 32);
  assertEquals(served((made, window) => made.open(window, huge, description, framed)), 0);
  assertEquals(served((made, window) => made.open(window, place, dict({ maximized: true }), framed)), 32);
  assertEquals(served((made, window) => made.open(window, place, description, framed)), 100);
  assert(wish(dict({ maximized: true })) <= 32);
  for (const name of ["minimum-size", "base-size"]) {
    assert(wish(dict({ "size-constraints": dict({ [name]: [1920, 1200] }) })) <= 32, name);
  }
  const grown = served((made, window) => {
    made.open(window, place, description, framed);
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
    made.open(window, place, new Map(), framed);
    made.shown(window, { x: 0, y: 0, width: 1920, height: 1200 });
    made.describe(window, dict({ title: "a title" }));
    made.move(window, { ...place, x: 5 });
    if (window < 32) continue;
    assertThrows(() => made.open(99, place, new Map(), framed), Refusal, "too large");
    made.close(window);
  }
});

Deno.test("mayPopUp() allows menus at a window, and menus at menus", () => {
  const screen = { width: 1920, height: 1200 };
  const menu = { x: 120, y: 130, width: 300, height: 500 };
  assert(mayPopUp(menu, { screen, windows: [place], popups: [] }));
  const below = { x: 120, y: 425, width: 300, height: 500 };
  assert(mayPopUp(below, { screen, windows: [place], popups: [] }));
  const beside = { x: 425, y: 600, width: 300, height: 500 };
  assertEquals(mayPopUp(beside, { screen, windows: [place], popups: [] }), false);
  assert(mayPopUp(beside, { screen, windows: [place], popups: [menu] }));
});

Deno.test("mayPopUp() refuses what is far from the container's windows, and what covers half of the screen", () => {
  const screen = { width: 1920, height: 1200 };
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
  assert(mayPopUp({ x: 1900, y: 1100, width: 1, height: 1 }, { screen, windows: [], popups: [] }));
});

Deno.test("no popup is where it may be by way of one that nobody sees, or by a line of small ones", () => {
  const half = { x: 1000, y: 0, width: 920, height: 1200 };
  const dot = shown();
  dot.open(2, { x: 990, y: 600, width: 1, height: 1 }, new Map(), popup);
  assertThrows(() => dot.open(3, half, new Map(), popup), Refusal, "far from");
  const line = shown();
  assertThrows(
    () => {
      for (let window = 2; window < 30; window++) {
        line.open(window, { x: 450 + 40 * window, y: 200, width: 30, height: 4 }, new Map(), popup);
      }
    },
    Refusal,
    "far from",
  );
});

Deno.test("popups do not walk away from their window, one by the other", () => {
  const made = shown();
  made.open(2, { x: 300, y: 150, width: 300, height: 300 }, new Map(), popup);
  made.open(3, { x: 620, y: 150, width: 300, height: 300 }, new Map(), popup);
  assertThrows(() => made.move(2, { x: 930, y: 150, width: 300, height: 300 }), Refusal, "far from");
});

Deno.test("Windows.open() takes menus of menus of menus, and a hundred popups", () => {
  const made = shown();
  for (let window = 2; window <= 7; window++) {
    made.open(window, { x: 150 * window, y: 150, width: 150, height: 300 }, new Map(), popup);
  }
  assertEquals(made.takeStrays(), []);
  for (let window = 8; window < 102; window++) made.open(window, { ...place, height: 20 }, new Map(), popup);
  assertThrows(() => made.open(102, { ...place, height: 20 }, new Map(), popup), Refusal, "too many popups");
  made.open(102, { x: 0, y: 0, width: 1, height: 1 }, new Map(), popup);
});

Deno.test("Windows.move() holds popups where they may be opened", () => {
  const made = shown();
  made.open(2, { x: 150, y: 150, width: 200, height: 200 }, new Map(), popup);
  made.move(2, { x: 300, y: 200, width: 200, height: 200 });
  assertThrows(() => made.move(2, { x: 1500, y: 900, width: 200, height: 200 }), Refusal);
  assertThrows(() => made.move(2, { x: 0, y: 0, width: 1900, height: 1200 }), Refusal);
  assertThrows(() => made.move(9, place), Refusal);
});

Deno.test("Windows.takeStrays() gives popups whose window is hidden, with the menus at them", () => {
  const made = shown();
  made.open(2, { x: 150, y: 150, width: 200, height: 200 }, new Map(), popup);
  made.open(3, { x: 360, y: 300, width: 300, height: 300 }, new Map(), popup);
  assertEquals(made.takeStrays(), []);
  made.hidden(1);
  assertEquals(made.takeStrays(), [2, 3]);
  assertEquals(made.has(2), false);
});

Deno.test("Windows.focus() knows the container's windows only, and a window that is gone has no keyboard", () => {
  const made = shown();
  made.focus(99);
  assertEquals(made.focused(), 0);
  made.focus(1);
  assertEquals(made.focused(), 1);
  made.close(1);
  assertEquals(made.focused(), 0);
});
