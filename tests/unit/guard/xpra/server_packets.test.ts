// Which packets of the container's pass, by the channels that are open, and what is left of them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import type { Dict, Value } from "../../../../lib/guard/xpra/rencode.ts";
import { createMemory } from "../../../../lib/guard/xpra/memory.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import type { Session } from "../../../../lib/guard/xpra/session.ts";
import { bytes, description, dict } from "../../../fuzz/samples.ts";
import { client, pixels, server, session, sessionBy, usedSession } from "../../xpra_samples.ts";

for (
  const type of [
    "pointer-grab",
    "pointer-ungrab",
    "challenge",
    "show-desktop",
    "control",
    "ssl-upgrade",
    "set_deflate",
    "logging",
    "rpc-reply",
    "notify_show",
    "notification-show",
    "open-url",
    "send-file",
    "send-file-chunk",
    "send-data-request",
    "gibberish",
    "invalid",
    "connection-lost",
    "sound-data",
    "audio-data",
    "webcam-stop",
    "no-such-type",
    "constructor",
  ]
) {
  Deno.test(`"${type}" never reaches the client`, () => {
    assertThrows(() => server(session(...channelNames), type, 1, 2, 3), Refusal);
  });
}

/** A session for what belongs to a channel. */
function openSession(...open: readonly ChannelName[]): Session {
  const made = usedSession(...open);
  if (open.includes("clipboard-out")) client(made, "clipboard-request", 1, "CLIPBOARD", "UTF8_STRING");
  return made;
}

const ofChannel: readonly (readonly [readonly ChannelName[], string, readonly Value[]])[] = [
  [["clipboard-in", "clipboard-out"], "clipboard-token", ["CLIPBOARD"]],
  [["clipboard-out"], "clipboard-contents", [1, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0]],
  [["tray"], "new-tray", [9, 22, 22, new Map()]],
];

for (const [channels, type, args] of ofChannel) {
  Deno.test(`"${type}" of the container needs ${channels.join(" or ")}`, () => {
    for (const channel of channels) {
      assert(server(openSession(channel), type, ...args), channel);
    }
    const others = channelNames.filter((channel) => !channels.includes(channel));
    assertThrows(() => server(openSession(...others), type, ...args), Refusal);
  });
}

Deno.test("the server is told that a window which may not be shown is not there", () => {
  const state = usedSession();
  const whole = [2, 0, 0, 1920, 1200] as const;
  assertThrows(() => server(state, "new-override-redirect", ...whole, new Map(), new Map()), Refusal);
  const { answer, pass } = judgeServerPacket({
    type: "draw",
    args: [2, 0, 0, 10, 10, "mmap", [[8, 400]], 7, 40, pixels],
  }, state);
  assertEquals(pass, undefined);
  assertEquals(answer, [{ type: "damage-sequence", args: [7, 2, 10, 10, -2, ""] }]);
});

Deno.test("windows are opened on the monitors that the client reports", () => {
  const monitor = (...geometry: number[]): Value => dict({ geometry });
  const monitors = new Map([[0, monitor(0, 0, 1920, 1200)], [1, monitor(1920, 0, 1280, 720)]]);
  const state = session();
  const open = (window: number): Value[] =>
    server(state, "new-window", window, 2500, 900, 400, 300, description, new Map())!.args.slice(1, 5);
  client(state, "configure-display", dict({ "desktop-size": [3200, 1200] }));
  assertEquals(open(2), [2500, 900, 400, 300]);
  client(state, "configure-display", dict({ "desktop-size": [3200, 1200], monitors }));
  assertEquals(open(3), [2500, 420, 400, 300]);
});

Deno.test("a popup that is called a window is one, with a frame", () => {
  const about = dict({ title: "menu", "override-redirect": true });
  const { type, args } = server(usedSession(), "new-window", 2, 110, 110, 50, 50, about, new Map())!;
  assertEquals([type, (args[5] as Dict).has("override-redirect")], ["new-window", false]);
});

Deno.test("a window's icon is not of the container's choice", () => {
  assertEquals(server(session(), "window-icon", 1, 32, 32, "BGRA", bytes(4096)), undefined);
});

Deno.test("titles and places come as often as honest apps need them, and not a million times", () => {
  let time = 0;
  const state = sessionBy(() => time);
  const places = [1, 100, 100, 484, 316];
  const counts = (): number[] =>
    [
      (): unknown => server(state, "window-metadata", 1, dict({ title: "title" })),
      (): unknown => server(state, "window-move-resize", ...places),
    ].map((change) => {
      let count = 0;
      assertThrows(
        () => {
          for (; count < 10_000; count++) change();
        },
        Refusal,
        "too many",
      );
      return count;
    });
  // They have one limit.
  assertEquals(counts(), [5000, 0]);
  time += 2000;
  assertEquals(counts(), [1000, 0]);
});

Deno.test("the bell rings a few times a second, without a name that the X server would keep", () => {
  const state = session();
  assertEquals(server(state, "bell", 1, 3, 50, 400, 100, 0, 0, "Bell")!.args[7], "");
  const rings = Array.from({ length: 100 }, () => server(state, "bell", 1, 3, 50, 400, 100, 0, 0, "Bell"));
  assert(rings.filter(Boolean).length < 20);
});

Deno.test("a session ends in xpra's words, not in the container's", () => {
  const end = (...words: Value[]): Value[] => server(session(), "disconnect", ...words)!.args;
  assertEquals(end("server shutdown"), ["server shutdown"]);
  assertEquals(end(new TextEncoder().encode("done"), "and more"), ["done"]);
  assertEquals(end("<b>Your password has expired</b>", "call 0800"), ["server error"]);
  assertEquals(end(), ["server error"]);
});

Deno.test("words that xpra 5 sends as bytes are words", () => {
  const word = (text: string): Uint8Array => new TextEncoder().encode(text);
  const state = usedSession("clipboard-out");
  client(state, "clipboard-request", 0, "CLIPBOARD", "UTF8_STRING");
  const shape = ["raw", 0, 0, 16, 16, 1, 1, 8, bytes(1024)];
  assertEquals(server(state, "cursor", ...shape, word("text"))!.args[9], "text");
  assertThrows(() => server(state, "cursor", ...shape, Uint8Array.of(255)), Refusal);
  const copied = server(state, "clipboard-contents", 0, "CLIPBOARD", "UTF8_STRING", 8, word("bytes"), bytes(3), 0)!;
  assertEquals(copied.args[4], "bytes");
});

Deno.test("what honest servers send and no client needs is left out without a word", () => {
  const state = session();
  for (const type of ["server-event", "setting-change", "info-response", "encodings", "pointer-position"]) {
    assertEquals(judgeServerPacket({ type, args: ["x"] }, state), {});
  }
});

for (
  const [type, args, at, beyond] of [
    ["initiate-moveresize", [1, 5, 5, 8, 1, 1], 3, 12],
    ["initiate-moveresize", [1, 5, 5, 8, 1, 1], 4, 10],
    ["initiate-moveresize", [1, 5, 5, 8, 1, 1], 5, 3],
    ["restack-window", [1, 0, 0], 1, 5],
    ["restack-window", [1, 0, 0], 2, 2 ** 48 + 1],
    ["raise-window", [1], 0, 2 ** 48],
    ["bell", [1, 3, 50, 400, 100, 0, 0, "Bell"], 0, 2 ** 48 + 1],
    ["bell", [1, 3, 50, 400, 100, 0, 0, "Bell"], 2, 101],
    ["bell", [1, 3, 50, 400, 100, 0, 0, "Bell"], 3, 20_001],
    ["bell", [1, 3, 50, 400, 100, 0, 0, "Bell"], 4, 2_001],
    ["bell", [1, 3, 50, 400, 100, 0, 0, "Bell"], 5, 2 ** 32],
    ["new-tray", [9, 22, 22, new Map()], 1, 257],
    ["new-tray", [9, 22, 22, new Map()], 2, 257],
    ["cursor", ["", 0, 0, 2, 2, 0, 0, 7, bytes(0)], 5, 256],
    ["cursor", ["", 0, 0, 2, 2, 0, 0, 7, bytes(0)], 6, 256],
  ] as const
) {
  Deno.test(`the client gets no "${type}" whose number ${at} is ${beyond}`, () => {
    const send = (number: number) =>
      server(usedSession("tray"), type, ...args.map((arg, i) => i === at ? number : arg));
    send(beyond - 1);
    assertThrows(() => send(beyond), Refusal, "out of range");
  });
}

Deno.test("a window comes to the front above all, or above another of the container's, while the user works there", () => {
  const state = usedSession();
  server(state, "new-window", 2, 100, 100, 484, 316, description, new Map());
  for (const other of [0, 2]) assert(server(state, "restack-window", 1, 0, other), `${other}`);
  assertEquals(server(state, "restack-window", 1, 0, 3), undefined, "not one of the container's");
  client(state, "focus", 0, []);
  assertEquals(server(state, "restack-window", 1, 0, 0), undefined);
});

Deno.test("what the container sends is named to the user in few words, whatever it calls it", () => {
  const said = createMemory(() => 0).drops("container", { type: "x".repeat(100_000), reason: "it is too much" });
  assert(said!.length < 100, said);
});
