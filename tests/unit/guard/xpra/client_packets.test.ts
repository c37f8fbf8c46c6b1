// What of the host's keys, pointer and desktop reaches a container on X.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import type { Packet } from "../../../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../../../lib/guard/xpra/rencode.ts";
import { bytes, description, dict, secret } from "../../../fuzz/samples.ts";
import { client, contains, server, session } from "../../xpra_samples.ts";

const ofClientChannel: readonly (readonly [readonly ChannelName[], string, readonly Value[]])[] = [
  [["clipboard-in"], "clipboard-contents", [1, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0]],
];

for (const [channels, type, args] of ofClientChannel) {
  Deno.test(`"${type}" of the client needs ${channels.join(" or ")}`, () => {
    for (const channel of channels) assert(client(session(channel), type, ...args), channel);
    const others = channelNames.filter((channel) => !channels.includes(channel));
    assertThrows(() => client(session(...others), type, ...args), Refusal);
  });
}

for (
  const type of [
    ...["shutdown-server", "start-command", "control-request", "logging", "command-signal", "window-signal"],
    ...["sound-data", "sound-control", "webcam-frame", "send-file", "send-data-response", "printers"],
    ...["notification-action", "set-notify"],
  ]
) {
  Deno.test(`"${type}" never reaches the container`, () => {
    assertThrows(() => client(session(...channelNames), type, 1), Refusal);
  });
}

Deno.test("the pointer in a window is told as xpra 6.6 does, without the host's monitors", () => {
  const state = session();
  const place = { "window-position": [211, 180] };
  const details = { ...place, "raw-position": [929, 629], monitor: dict({ index: 1 }), modifiers: ["shift"] };
  const moved = client(state, "pointer", 0, 4, 1, [929, 629], dict(details))!;
  assertEquals(moved.args[4], dict({ ...place, modifiers: ["shift"] }));
  const turned = client(state, "wheel-motion", 1, 4, 1000, [1, 2], [], [], dict({ ...details, "scaled-distance": 5 }))!;
  assertEquals(turned.args[6], dict({ ...place, "scaled-distance": 5 }));
});

Deno.test("to turn the wheel over a window is not to work in it, also where the wheel is told by buttons", () => {
  const state = session("clipboard-in", "clipboard-out");
  for (const button of [4, 5, 6, 7]) {
    for (const pressed of [true, false]) {
      assert(client(state, "pointer-button", 0, 1, 1, button, pressed, [1, 1], new Map()));
      assert(client(state, "button-action", 1, button, pressed, [1, 1], []));
    }
  }
  assertThrows(() => server(state, "clipboard-token", "CLIPBOARD"), Refusal);
  assertEquals(server(state, "clipboard-request", 5, "PRIMARY", "UTF8_STRING"), undefined);
  client(state, "pointer-button", 0, 1, 1, 1, true, [1, 1], new Map());
  assert(server(state, "clipboard-token", "CLIPBOARD"));
});

Deno.test("keys pass only while a window of the container has the keyboard", () => {
  const state = session();
  const key = (pressed: boolean): Packet | undefined =>
    client(state, "key-action", 1, "h", pressed, [], 104, "h", 43, 0);
  assertThrows(() => key(true), Refusal);
  client(state, "focus", 1, []);
  assert(key(true));
  client(state, "focus", 0, []);
  assert(key(false), "the end of a key that has passed");
  assertThrows(() => key(false), Refusal);
  assertThrows(() => key(true), Refusal);
});

Deno.test("keys do not pass for a window that is gone, or that there never was", () => {
  const state = session();
  client(state, "focus", 1, []);
  server(state, "lost-window", 1);
  assertThrows(() => client(state, "key-action", 1, "h", true, [], 104, "h", 43, 0), Refusal);
  client(state, "focus", 42, []);
  assertThrows(() => client(state, "key-action", 42, "h", true, [], 104, "h", 43, 0), Refusal);
});

Deno.test("the container learns of pointer and modifier keys only from its own windows", () => {
  const state = session();
  const configure = (): Value[] =>
    client(state, "configure-window", 1, 0, 0, 484, 316, new Map(), 0, new Map(), true, 1, [960, 600], ["shift"])!.args;
  assertEquals(configure().slice(-2), [[0, 0], []]);
  client(state, "pointer", 0, 1, 1, [300, 200, 20, 10], new Map());
  client(state, "focus", 1, ["shift"]);
  assertEquals(configure().slice(-2), [[300, 200], ["shift"]]);
  assertThrows(() => client(state, "pointer", 0, 1, 0, [300, 200], new Map()), Refusal);
});

Deno.test("a window that is restored is told where it was, in each form of xpra's", () => {
  const state = session();
  client(state, "unmap-window", 1, true, new Map());
  const told = (type: string, ...args: Value[]): Value[] => client(state, type, 1, ...args)!.args;
  assertEquals(told("map-window", 982, 1940, 484, 316, new Map(), new Map()).slice(1, 3), [100, 100]);
  assertEquals(told("configure-window", 707, 1186, 484, 316, new Map()).slice(1, 3), [100, 100]);
  const geometry = dict({ geometry: [707, 1186, 484, 316] });
  assertEquals((told("window-configure", geometry)[1] as Dict).get("geometry"), [100, 100, 484, 316]);
});

Deno.test("the container learns neither the host's load nor its desktop", () => {
  const state = session();
  assertEquals(client(state, "ping_echo", 5, 900, 800, 700, 1, "")!.args, [5, 0, 0, 0, 1, ""]);
  assertEquals(client(state, "ping_echo", 5, 900, 800, 700, -1000, "")!.args, [5, 0, 0, 0, -1000, ""], "none yet");
  const map = client(state, "map-window", 1, 0, 0, 9, 9, dict({ workspace: 3, "encoding.x": 1 }), new Map())!;
  assertEquals(map.args[5], dict({ "encoding.x": 1 }));
  const monitors = new Map<string | number, Value>([[0, dict({ name: secret, geometry: [0, 0, 9, 9] })]]);
  const display = client(
    state,
    "configure-display",
    dict({ "desktop-size": [9, 9], monitors, "desktop-names": [secret] }),
  )!;
  assertEquals(contains(display.args, secret), false);
});

Deno.test("a button is not held any more when it is released, or when its window is gone", () => {
  const state = session();
  server(state, "new-window", 2, 100, 100, 484, 316, description, new Map());
  client(state, "focus", 1, []);
  const button = (window: number, pressed: boolean): void =>
    void client(state, "pointer-button", 0, 1, window, 1, pressed, [1, 1], new Map());
  const drag = (): Packet | undefined => server(state, "initiate-moveresize", 1, 0, 0, 8, 1, 1);
  button(2, true);
  assert(drag());
  server(state, "lost-window", 2);
  assertEquals(drag(), undefined, "its window is gone");
  server(state, "new-window", 2, 100, 100, 484, 316, description, new Map());
  assertEquals(drag(), undefined, "another one has its number");
  button(1, true);
  assertThrows(() => button(99, false), Refusal);
  assertEquals(drag(), undefined, "it is released remote");
  for (const byKeys of [9, 10]) {
    assertThrows(() => server(state, "initiate-moveresize", 1, 0, 0, byKeys, 1, 1), Refusal);
  }
});

Deno.test("no number beyond its range, and no name of a key as long as a book, reaches the container", () => {
  const state = session();
  client(state, "focus", 1, []);
  const configure = (counter: number): Packet | undefined =>
    client(state, "configure-window", 1, 0, 0, 484, 316, new Map(), counter, new Map(), true, 1, [960, 600], []);
  assert(configure(2 ** 31));
  assertThrows(() => configure(2 ** 31 + 1), Refusal, "out of range");
  client(state, "focus", 2 ** 48, []);
  assertThrows(() => client(state, "focus", 2 ** 48 + 1, []), Refusal, "out of range");
  const key = (value: number) => client(state, "key-action", 1, "h", true, [], value, "h", 43, 0);
  client(state, "focus", 1, []);
  assert(key(2 ** 32 - 1));
  assertThrows(() => key(2 ** 32), Refusal, "out of range");
  const button = (number: number) => client(state, "pointer-button", 0, 1, 1, number, true, [1, 1], new Map());
  assert(button(255));
  assertThrows(() => button(256), Refusal, "out of range");
  for (const percent of [0, 100]) assert(client(state, "buffer-refresh", 1, percent, percent));
  assertThrows(() => client(state, "buffer-refresh", 1, 101, 0), Refusal, "out of range");
  client(state, "focus", 1, ["x".repeat(20)]);
  assertThrows(() => client(state, "focus", 1, ["x".repeat(21)]), Refusal);
});
