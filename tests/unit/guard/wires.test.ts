// One policy, two wires: each rule that both guards keep, tried on both.

import { assertEquals } from "@std/assert";
import { type Wire, wires, type World } from "./wires.ts";

/** Tries a rule on both wires. */
function testBoth(rule: string, shows: (world: Wire["world"]) => void): void {
  for (const { name, world } of wires) Deno.test(`${name}: ${rule}`, () => shows(world));
}

/** The window has the keyboard, and the user works in it. */
function used(world: World): World {
  world.enter();
  world.press();
  return world;
}

/** How many of so many times something passes. */
function count(times: number, act: () => unknown): number {
  return Array.from({ length: times }, act).filter((passes) => passes !== undefined && passes !== false).length;
}

const text = ["UTF8_STRING", "text/plain;charset=utf-8", "text/html", "image/png"];
const others = [
  ...["text/uri-list", "x-special/gnome-copied-files", "application/x-kde-cutselection", "text/x-moz-url"],
  ...["text/plain;charset=x1", "Text/Plain", "utf8_string", "image/PNG", "ATOM"],
];

testBoth("what an app copies is the host's only while the user works in its windows, or has just left", (world) => {
  const made = world();
  made.wait(5_000);
  assertEquals(made.copy(), undefined, "nobody is there");
  made.enter();
  assertEquals(made.copy(), undefined, "the focus alone");
  made.press();
  assertEquals(made.copy(), ["UTF8_STRING"]);
  made.leave();
  assertEquals(made.copy(), ["UTF8_STRING"], "just now");
  made.wait(1_500);
  assertEquals(made.copy(), undefined, "elsewhere");
});

testBoth(
  "an app reads what is copied on the host only while the user works in its windows, or has just left",
  (world) => {
    const made = world();
    made.wait(5_000);
    assertEquals(made.offer(), ["UTF8_STRING"], "the types are known");
    assertEquals(made.read(), false, "nobody is there");
    made.enter();
    assertEquals(made.read(), false, "the focus alone");
    made.press();
    assertEquals(made.read(), true);
    made.wait(60_000);
    assertEquals(made.read(), true, "the window has the keyboard");
    made.press();
    made.leave();
    made.wait(900);
    assertEquals(made.read(), true, "just now");
    made.wait(200);
    assertEquals(made.read(), false, "elsewhere");
  },
);

testBoth("an app reads what is selected on the host only while the user works in its windows", (world) => {
  const made = world();
  made.wait(5_000);
  made.enter();
  assertEquals(made.offer(undefined, "selected"), []);
  assertEquals(made.read(undefined, "selected"), false, "the focus alone");
  made.press();
  made.offer(undefined, "selected");
  assertEquals(made.read(undefined, "selected"), true);
  made.leave();
  made.wait(1_100);
  assertEquals(made.read(undefined, "selected"), false, "elsewhere");
});

testBoth(
  "text and pictures pass under their own names, both ways, and nothing else does: no list of files",
  (world) => {
    for (const type of text) {
      const made = used(world());
      assertEquals([made.copy([type]), made.offer([type])], [[type], [type]]);
      assertEquals([made.paste(type), made.read(type)], [true, true], type);
    }
    for (const type of others) {
      const made = used(world());
      assertEquals([made.copy([type]), made.offer([type])], [[], []]);
      assertEquals([made.paste(type), made.read(type)], [false, false], type);
    }
  },
);

testBoth("an app copies and pastes 200 times at once, and 50 times a second after that", (world) => {
  const made = used(world());
  made.offer();
  const counts = (): number[] => [made.copy, made.read].map((act) => count(1_000, () => act()));
  assertEquals(counts(), [200, 200]);
  made.wait(2_000);
  assertEquals(counts(), [100, 100]);
});

testBoth(
  "what crosses is written down with its bytes, and nothing crosses where there is no room for that",
  (world) => {
    for (const mayReport of [true, false]) {
      const made = used(world({ mayReport }));
      made.copy(["text/html"]);
      made.offer(["image/png"]);
      assertEquals([made.paste("text/html"), made.read("image/png")], [mayReport, mayReport]);
      const once = { times: 1, bytes: 3 };
      const both = [{ direction: "out", type: "text/html", ...once }, { direction: "in", type: "image/png", ...once }];
      assertEquals(made.crossed(), mayReport ? both : []);
    }
  },
);

testBoth("what is closed from the start does not pass, one direction without the other", (world) => {
  for (const [inwards, outwards] of [[true, false], [false, true], [false, false]] as const) {
    const made = used(world({ clipboard: { in: inwards, out: outwards } }));
    assertEquals([made.offer(), made.read()], inwards ? [["UTF8_STRING"], true] : [[], false]);
    assertEquals((made.copy() ?? []).length > 0, outwards);
    assertEquals(made.paste(), outwards);
  }
});

testBoth("what was copied before does not pass once the direction is closed", (world) => {
  const made = used(world());
  made.copy();
  made.offer();
  assertEquals([made.paste(), made.read()], [true, true]);
  made.close("out");
  assertEquals([made.paste(), made.read()], [false, true]);
  made.close("in");
  assertEquals([made.paste(), made.read(), made.offer()], [false, false, []]);
});

testBoth(
  "a window comes to the front only while the user works there, 20 times at once, and 5 times a second",
  (world) => {
    const made = world();
    made.wait(5_000);
    assertEquals(made.comesToFront(), false, "nobody is there");
    made.enter();
    assertEquals(made.comesToFront(), false, "the focus alone");
    made.press();
    assertEquals(count(100, () => made.comesToFront()), 20);
    made.wait(1_000);
    assertEquals(count(100, () => made.comesToFront()), 5);
  },
);

testBoth("a window fills the screen only while the user works there", (world) => {
  const made = world();
  made.wait(5_000);
  made.enter();
  assertEquals(made.fillsScreen(), false, "the focus alone");
  made.press();
  assertEquals(made.fillsScreen(), true);
  made.leave();
  made.wait(1_100);
  assertEquals(made.fillsScreen(), false, "elsewhere");
});

testBoth("a window is moved only by a button that is down in it, once", (world) => {
  const made = used(world());
  assertEquals(made.isDragged(), false, "a key");
  made.button(true);
  assertEquals([made.isDragged(), made.isDragged()], [true, false]);
  made.button(true);
  made.button(false);
  assertEquals(made.isDragged(), false);
});

testBoth("titles begin with the container's name, in one line, and come as often as honest apps need them", (world) => {
  const made = world();
  assertEquals(made.title("bank\u202e\n\u0007 of x"), "[box] bank  of x");
  assertEquals(count(6_000, () => made.title("x")), 4_999);
  made.wait(2_000);
  assertEquals(count(6_000, () => made.title("x")), 1_000);
});

testBoth("menus are there only while the user is, and are closed a second after that", (world) => {
  const made = world();
  made.wait(5_000);
  assertEquals(made.popsUp(100, 100), false);
  made.enter();
  assertEquals(made.popsUp(100, 100), true);
  made.wait(60_000);
  assertEquals(made.closed(), 0);
  made.leave();
  made.wait(1_100);
  assertEquals(made.closed(), 1);
  assertEquals(made.popsUp(100, 100), false);
});

testBoth("no menu covers half of the screen, and there are no more than 20", (world) => {
  assertEquals(used(world()).popsUp(1_900, 1_100), false);
  const made = used(world());
  assertEquals(count(30, () => made.popsUp(10, 10)), 20);
});

testBoth("there are 200 windows at once, 30 more in a second, and 400 together", (world) => {
  assertEquals(count(300, world().opens), 199);
  const slow = world();
  assertEquals(count(500, () => (slow.wait(100), slow.opens())), 399);
});
