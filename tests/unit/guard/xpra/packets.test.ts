// Which packets pass between xpra's ends, by the channels that are open, and what is left of them.

import { threadMs } from "../../../model/clock.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/attach/session/channels.ts";
import { createCrossings, type Crossing } from "../../../../lib/guard/crossings.ts";
import type { Channel } from "../../../../lib/guard/channel.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import { withPixels } from "../../../../lib/guard/xpra/drawing.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import type { Packet } from "../../../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import type { Delivery, NeedsDecoding } from "../../../../lib/guard/xpra/judge.ts";
import { closeTrays, createSession, type Session } from "../../../../lib/guard/xpra/session.ts";
import { bytes, clientHello, description, dict, picture, secret, serverHello } from "../../../fuzz/samples.ts";

/** A session in which both ends have said hello and one window is shown. */
function session(...open: readonly Channel[]): Session {
  let time = 0;
  return sessionBy(() => time += 10, ...open);
}

/** The same, by a clock. */
function sessionBy(now: () => number, ...open: readonly Channel[]): Session {
  const made = createSession({ container: "box", open: new Set(open), now, uuid: "0f".repeat(16) });
  judgeClientPacket(clientHello, made);
  judgeServer(serverHello, made);
  server(made, "new-window", 1, 100, 100, 484, 316, description, new Map());
  client(made, "map-window", 1, 100, 100, 484, 316, new Map(), new Map());
  return made;
}

/** Whatever a verdict may have. */
type Judged = Delivery & Partial<NeedsDecoding>;

function judgeServer(packet: Packet, state: Session): Judged {
  return judgeServerPacket(packet, state);
}

function server(state: Session, type: string, ...args: Value[]): Packet | undefined {
  return judgeServer({ type, args }, state).pass?.[0];
}

function client(state: Session, type: string, ...args: Value[]): Packet | undefined {
  return judgeClientPacket({ type, args }, state).pass?.[0];
}

/** The same, and the user has pressed a button in the window. */
function usedSession(...open: readonly Channel[]): Session {
  const made = session(...open);
  client(made, "focus", 1, []);
  client(made, "pointer-button", 0, 1, 1, 1, true, [1, 1], new Map());
  return made;
}

function contains(value: Value | undefined, text: string): boolean {
  if (typeof value === "string") return value.includes(text);
  if (Array.isArray(value)) return value.some((each) => contains(each, text));
  return value instanceof Map && [...value].some((entry) => contains([...entry], text));
}

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
function openSession(...open: readonly Channel[]): Session {
  const made = usedSession(...open);
  if (open.includes("clipboard-out")) client(made, "clipboard-request", 1, "CLIPBOARD", "UTF8_STRING");
  return made;
}

const ofChannel: readonly (readonly [readonly Channel[], string, readonly Value[]])[] = [
  [["clipboard-in", "clipboard-out"], "clipboard-token", ["CLIPBOARD"]],
  [["clipboard-in", "clipboard-out"], "clipboard-data", ["CLIPBOARD", new Map()]],
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

const ofClientChannel: readonly (readonly [readonly Channel[], string, readonly Value[]])[] = [
  [["clipboard-in"], "clipboard-contents", [1, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0]],
];

for (const [channels, type, args] of ofClientChannel) {
  Deno.test(`"${type}" of the client needs ${channels.join(" or ")}`, () => {
    for (const channel of channels) assert(client(session(channel), type, ...args), channel);
    const others = channelNames.filter((channel) => !channels.includes(channel));
    assertThrows(() => client(session(...others), type, ...args), Refusal);
  });
}

Deno.test("a request for a closed clipboard is answered: there is nothing, also once it was closed on the way", () => {
  const request = { type: "clipboard-request", args: [1, "CLIPBOARD", "UTF8_STRING"] };
  const nothing = { answer: [{ type: "clipboard-contents-none", args: [1, "CLIPBOARD"] }] };
  for (const [open, judge] of [["clipboard-in", judgeServerPacket], ["clipboard-out", judgeClientPacket]] as const) {
    const channels = new Set<Channel>(channelNames);
    const made = { ...usedSession(), open: channels };
    assert("pass" in judge(request, made), open);
    channels.delete(open);
    assertEquals(judge(request, made), nothing);
  }
  assertEquals(judgeServerPacket(request, usedSession("sound")), nothing);
});

Deno.test("what was asked for while the clipboard was open does not pass once it is closed", () => {
  const channels = new Set<Channel>(["clipboard-out"]);
  const made = { ...usedSession(), open: channels };
  client(made, "clipboard-request", 1, "CLIPBOARD", "UTF8_STRING");
  channels.clear();
  const answer = [1, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0] as const;
  assertThrows(() => server(made, "clipboard-contents", ...answer), Refusal);
});

Deno.test("closeTrays() takes the icons away once the tray is closed, and none comes back", () => {
  const channels = new Set<Channel>(["tray"]);
  const made = { ...usedSession(), open: channels };
  server(made, "new-tray", 9, 22, 22, new Map());
  assertEquals(closeTrays(made), []);
  channels.clear();
  assertEquals(closeTrays(made), [{ type: "lost-window", args: [9] }]);
  assertEquals(closeTrays(made), []);
  assertThrows(() => server(made, "new-tray", 10, 22, 22, new Map()), Refusal);
});

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

Deno.test("nothing passes before both ends have said hello, and no second hello does", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  assertThrows(() => client(state, "focus", 1, []), Refusal);
  assertThrows(() => judgeServer(serverHello, state), Refusal);
  judgeClientPacket(clientHello, state);
  assertThrows(() => server(state, "startup-complete"), Refusal);
  judgeServer(serverHello, state);
  assertEquals(server(state, "startup-complete"), { type: "startup-complete", args: [] });
  assertThrows(() => judgeClientPacket(clientHello, state), Refusal);
  assertThrows(() => judgeServer(serverHello, state), Refusal);
});

Deno.test("the client's hello tells neither user nor machine", () => {
  const state = createSession({ container: "box", open: new Set(channelNames), now: () => 0, uuid: "0f".repeat(16) });
  const hello = judgeClientPacket(clientHello, state).pass![0]!.args[0] as Dict;
  assertEquals(contains(hello, secret), false);
  for (const name of ["username", "machine_id", "hostname", "user", "name", "argv", "ssh-auth-sock", "desktop.names"]) {
    assertEquals(hello.has(name), false, name);
  }
  assertEquals(hello.get("uuid"), "0f".repeat(16));
  assertEquals(((hello.get("mmap") as Dict).get("read") as Dict).get("file"), ".pixels-a113");
  for (const name of ["file", "notifications", "printer"]) assertEquals(hello.has(name), false, name);
  assertEquals(hello.get("desktop_size"), [1920, 1200]);
  assertEquals(hello.get("compressors"), []);
  assertEquals(contains(hello, "x11-property"), false);
  assertEquals((hello.get("cursor") as Dict).get("encodings"), ["raw"]);
  assertEquals((hello.get("mouse") as Dict).has("initial-position"), false);
});

Deno.test("the client's hello says nothing of closed channels", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  const hello = judgeClientPacket(clientHello, state).pass![0]!.args[0] as Dict;
  assertEquals(hello.has("clipboard"), false);
  assertEquals(hello.get("system_tray"), false);
});

Deno.test("the server's hello is that of an ordinary server: for a desktop the client grabs the keyboard", () => {
  const state = createSession({ container: "box", open: new Set(channelNames), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  const hello = judgeServer(serverHello, state).pass![0]!.args[0] as Dict;
  assertEquals(hello.get("server.mode"), "seamless");
  for (const name of ["shadow", "desktop", "server", "proxy", "xdg-menu", "encryption", "hostname", "lz4"]) {
    assertEquals(hello.has(name), false, name);
  }
  assertEquals(hello.get("packet-types"), ["focus", "pointer-button", "map-window"]);
  assertEquals(contains(hello, "SIGINT"), false);
  assertEquals((hello.get("cursor") as Dict).has("default"), false);
});

Deno.test("no server has the client enlarge its windows: the guard would take them for smaller ones", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  const sizes = { max_desktop_size: [240, 135], root_window_size: [240, 135], desktop_size: [240, 135] };
  const about = dict({ ...sizes, actual_desktop_size: [1920, 1200], display: dict(sizes) });
  const hello = server(state, "hello", about)!.args[0] as Dict;
  assertEquals(hello.get("actual_desktop_size"), [1920, 1200]);
  for (const name of [...Object.keys(sizes), "display"]) assertEquals(hello.has(name), false, name);
});

Deno.test("a server's hello takes no time by the length of its keys, and none passes that is not printable", () => {
  const state = createSession({ container: "box", open: new Set<Channel>(["clipboard-in"]), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  const inner = new Map(Array.from({ length: 10_000 }, (_, number) => [`${number}`, dict({ a: true })]));
  const about = dict({ ["clipboard." + "x".repeat(2 ** 20)]: inner, "clipboard.\u001b[2J": dict({ a: true }) });
  const startMs = threadMs();
  const hello = server(state, "hello", about)!.args[0] as Dict;
  assert(threadMs() - startMs < 1000);
  assertEquals([...hello.keys()].filter((key) => `${key}`.startsWith("clipboard")), ["clipboard.[2J"]);
});

Deno.test("a client of xpra 5 learns that a server of xpra 6 uses the pixels' file", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  const mmap = dict({ size: 1000, token: 5, token_index: 9, token_bytes: 128, file: "/x" });
  const hello = server(state, "hello", dict({ version: "6.5", mmap }))!.args[0] as Dict;
  assertEquals(hello.get("mmap"), dict({ size: 1000, token: 5, token_index: 9, token_bytes: 128, enabled: true }));
});

Deno.test("of a keyboard's description, only what the guard knows passes, in each of its forms", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  judgeClientPacket(clientHello, state);
  const [known, unknown] = [{ layout: "us" }, { layout: "us", user: "bob@host" }];
  const [nested, flat] = [dict({ keymap: dict(unknown), user: "bob" }), dict(unknown)];
  assertEquals(client(state, "keymap-changed", nested)!.args, [dict({ keymap: dict(known) })]);
  assertEquals(client(state, "keymap-changed", flat)!.args, [dict(known)]);
});

Deno.test("what xpra 6.6 adds to its hellos opens nothing that the guard does not know", () => {
  const state = createSession({ container: "box", open: new Set(channelNames), now: () => 0, uuid: "" });
  const sound = dict({ send: true, decoders: ["opus"] });
  // Without compatibility, its screen and its file for pixels are told in one place only.
  const mmap = dict({ read: dict({ file: "/x/.pixels-1", size: 5000, token: 5 }) });
  const display = dict({ desktop_size: [800, 600] });
  const window = dict({ enabled: true, grabs: true });
  const hello = client(
    state,
    "hello",
    dict({ version: "6.6", audio: sound, window, mmap, display, keymap: dict({ delay: true }), gsettings: true }),
  )!.args[0] as Dict;
  assertEquals([hello.get("audio"), hello.get("window")], [undefined, dict({ enabled: true })]);
  assertEquals([hello.get("keymap"), hello.has("gsettings")], [dict({ delay: true }), false]);
  assertEquals(state.pixelsBytes, 5000);
  const sizes = { actual_desktop_size: [800, 600], max_desktop_size: [240, 135] };
  const about = dict({ version: "6.6", audio: sound, "wheel.emulation": true, display: dict(sizes) });
  const answer = server(state, "hello", about)!.args[0] as Dict;
  assertEquals([answer.get("audio"), answer.get("wheel.emulation")], [undefined, true]);
  assertEquals(answer.get("display"), dict({ actual_desktop_size: [800, 600] }));
  // A popup that covers more than half of the screen that it has told.
  server(state, "new-window", 1, 0, 0, 800, 600, description, new Map());
  client(state, "map-window", 1, 0, 0, 800, 600, new Map(), new Map());
  client(state, "focus", 1, []);
  assertThrows(() => server(state, "new-override-redirect", 2, 0, 0, 700, 400, new Map(), new Map()), Refusal);
});

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

Deno.test("a picture that has arrived is told of as xpra 6.6 does", () => {
  assertEquals(client(session(), "window-ack", 1, 484, 316, 7, 2397, "")!.args, [1, 484, 316, 7, 2397, ""]);
  assertThrows(() => client(session(), "window-ack", 1, 484, 316, "7", 2397, ""), Refusal);
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

Deno.test("the container learns neither the host's load nor its desktop", () => {
  const state = session();
  assertEquals(client(state, "ping_echo", 5, 900, 800, 700, 1, "")!.args, [5, 0, 0, 0, 1, ""]);
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

Deno.test("a window comes to the front only while the user works in the container", () => {
  const state = session();
  assertEquals(server(state, "raise-window", 1), undefined);
  client(state, "focus", 1, []);
  assertEquals(server(state, "raise-window", 1), undefined, "the focus alone");
  client(state, "key-action", 1, "h", true, [], 104, "h", 43, 0);
  assertEquals(server(state, "raise-window", 1), { type: "raise-window", args: [1] });
});

Deno.test("a window is dragged only by a button that is down, and never by keys", () => {
  const state = session();
  const drag = (direction: number): Packet | undefined =>
    server(state, "initiate-moveresize", 1, 0, 0, direction, 1, 1);
  assertEquals(drag(8), undefined);
  client(state, "focus", 1, []);
  assertEquals(drag(8), undefined);
  client(state, "pointer-button", 0, 1, 1, 1, true, [1, 1], new Map());
  assert(drag(8));
  assertEquals(drag(8), undefined, "the window manager has the button now");
  assertThrows(() => drag(10), Refusal);
  assertThrows(() => drag(9), Refusal);
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
});

const pixels = dict({ rgb_format: "BGRX", chunks: [[8, 4000]] });

Deno.test("a picture has as many bytes as its size needs, in the pixels' file or in the packet", () => {
  const state = session();
  const draw = (...args: Value[]): Packet | undefined => server(state, "draw", 1, ...args);
  assert(draw(0, 0, 10, 100, "mmap", [[8, 4000]], 1, 40, pixels));
  const twoParts = dict({ rgb_format: "BGRX", chunks: [[73_728_000, 4000], [8, 0]] });
  assert(draw(0, 0, 10, 100, "mmap", "", 1, 40, twoParts), "the second one is empty, at the end of the file");
  assert(draw(0, 0, 10, 10, "rgb24", bytes(400), 1, 40, dict({ rgb_format: "BGRX" })));
  assert(draw(0, 0, 10, 10, "rgb24", bytes(300), 1, 30, new Map()));
  for (
    const args of [
      [0, 0, 10, 101, "mmap", [[8, 4000]], 1, 40, pixels],
      [0, 0, 10, 10, "mmap", [[0, 4000]], 1, 40, dict({ chunks: [[0, 4000]] })],
      [0, 0, 10, 10, "mmap", "", 1, 40, dict({ chunks: [[73_732_000, 4000]] })],
      [0, 0, 10, 10, "rgb24", bytes(399), 1, 40, dict({ rgb_format: "BGRX" })],
      [0, 0, 10, 10, "rgb24", bytes(400), 1, 39, dict({ rgb_format: "BGRX" })],
      [0, 0, 10, 10, "png", bytes(400), 1, 40, new Map()],
      [0, 0, 10, 10, "h264", bytes(400), 1, 40, new Map()],
      [0, 0, 10, 10, "scroll", bytes(400), 1, 40, new Map()],
      [-5, 0, 10, 10, "rgb24", bytes(400), 1, 40, new Map()],
      [0, 0, 20_000, 1, "rgb24", bytes(100_000), 1, 80_000, new Map()],
    ] as Value[][]
  ) {
    assertThrows(() => draw(...args), Refusal);
  }
  const passed = draw(0, 0, 10, 10, "rgb24", bytes(400), 1, 40, dict({ rgb_format: "BGRX", lz4: 2, zlib: 1 }))!;
  assertEquals([...(passed.args[9] as Dict).keys()], ["rgb_format"]);
});

/** A session with a container on another machine. */
function farSession(): Session {
  const made = createSession({
    container: "box",
    open: new Set(),
    now: () => 0,
    uuid: "0f".repeat(16),
    remote: true,
  });
  judgeClientPacket(clientHello, made);
  judgeServer(serverHello, made);
  server(made, "new-window", 1, 100, 100, 484, 316, description, new Map());
  return made;
}

Deno.test("over a network compressed pictures are decoded, and come to the client as plain ones", () => {
  const draw = (...args: Value[]): Judged => judgeServer({ type: "draw", args: [1, ...args] }, farSession());
  const { pass, drawing } = draw(4, 5, 8, 6, "jpeg", picture, 7, 0, dict({ quality: 90, flush: 1, lz4: 1 }));
  assertEquals([pass, drawing!.picture], [undefined, { data: picture, width: 8, height: 6 }]);
  const plain = bytes(8 * 6 * 4);
  const options = dict({ quality: 90, flush: 1, rgb_format: "BGRX" });
  assertEquals(withPixels(drawing!, plain), [1, 4, 5, 8, 6, "rgb32", plain, 7, 32, options]);
  assert(draw(0, 0, 10, 10, "rgb24", bytes(300), 1, 30, new Map()).pass);
  for (
    const args of [
      [4, 5, 8, 7, "jpeg", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "jpeg", "", 7, 0, new Map()],
      [-1, 5, 8, 6, "jpeg", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "png", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "webp", picture, 7, 0, new Map()],
      [0, 0, 10, 100, "mmap", [[8, 4000]], 1, 40, pixels],
      [0, 0, 484, 316, "scroll", "", 5, 0, dict({ scroll: [[0, 13, 484, 303, 0, -13]] })],
    ] as Value[][]
  ) {
    assertThrows(() => draw(...args), Refusal);
  }
  // On the same machine nothing is decoded.
  assertThrows(() => server(session(), "draw", 1, 4, 5, 8, 6, "jpeg", picture, 7, 0, new Map()), Refusal);
});

Deno.test("over a network the server is offered what the guard decodes, whatever the client offers", () => {
  const greeting = (remote: boolean, encodings: Record<string, Value> = {}): Dict => {
    const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "0f".repeat(16), remote });
    const hello = new Map([...clientHello.args[0] as Dict, ...dict(encodings)]);
    return judgeClientPacket({ type: "hello", args: [hello] }, state).pass![0]!.args[0] as Dict;
  };
  const encoding = (hello: Dict): Value[] =>
    ["options", "core"].map((name) => (hello.get("encoding") as Dict).get(name)!);
  assertEquals(encoding(greeting(false)), [["rgb"], ["rgb24", "rgb32"]]);
  assertEquals(encoding(greeting(true)), [["rgb", "jpeg"], ["rgb24", "rgb32", "jpeg"]]);
  assertEquals((greeting(true).get("encoding") as Dict).get("scaling.control"), 0);
  const old = greeting(true, { encodings: ["rgb"], "encodings.core": ["rgb24", "rgb32"] });
  assertEquals(old.get("encodings.core"), ["rgb24", "rgb32", "jpeg"]);
});

Deno.test("the server is told that a window which may not be shown is not there", () => {
  const state = usedSession();
  const whole = [2, 0, 0, 1920, 1200] as const;
  assertThrows(() => server(state, "new-override-redirect", ...whole, new Map(), new Map()), Refusal);
  const { answer, pass } = judgeServer({
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

Deno.test("a popup that is called a window is a popup", () => {
  const state = usedSession();
  const about = dict({ title: "menu", "override-redirect": true });
  assertEquals(server(state, "new-window", 2, 110, 110, 50, 50, about, new Map())!.type, "new-override-redirect");
  assertThrows(() => server(state, "new-window", 3, 0, 0, 1900, 1200, about, new Map()), Refusal);
});

Deno.test("popups go with the window that they are at", () => {
  const state = usedSession();
  server(state, "new-override-redirect", 2, 110, 110, 50, 50, new Map(), new Map());
  const gone = judgeServer({ type: "lost-window", args: [1] }, state);
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
  const move = (y: number): Judged =>
    judgeServer({ type: "configure-override-redirect", args: [2, 110, y, 200, 200] }, state);
  assertEquals(move(390).pass!.slice(1), []);
  assertEquals(move(200).pass!.slice(1), [{ type: "lost-window", args: [3] }]);
});

Deno.test("cursors and icons are plain pixels of a bounded size", () => {
  const state = session();
  assert(server(state, "cursor", ""));
  assert(server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "xterm"));
  const hidden = server(state, "cursor", "", 0, 0, 1, 1, 0, 0, 8, bytes(0), "");
  assertEquals(hidden!.args, ["raw", 0, 0, 1, 1, 0, 0, 8, new Uint8Array(4), ""]);
  // Of 29 bytes would become 256 KiB.
  assertThrows(() => server(state, "cursor", "", 0, 0, 256, 256, 0, 0, 8, bytes(0), ""), Refusal);
  assertThrows(() => server(state, "cursor", "", 0, 0, 8, 8, 0, 0, 8, bytes(256), ""), Refusal);
  assertThrows(() => server(state, "cursor", "png", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "xterm"), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1023), "xterm"), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 300, 1, 1, 1, 8, bytes(1200), ""), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "../x/y"), Refusal);
});

Deno.test("a window's icon is not of the container's choice", () => {
  assertEquals(server(session(), "window-icon", 1, 32, 32, "BGRA", bytes(4096)), undefined);
});

Deno.test("the pointer changes its shape as often as an honest server lets it, and not a million times", () => {
  let time = 0;
  const state = createSession({ container: "box", open: new Set(), now: () => time, uuid: "" });
  judgeClientPacket(clientHello, state);
  judgeServer(serverHello, state);
  const changes = (): number => {
    let count = 0;
    assertThrows(() => {
      for (; count < 10_000; count++) server(state, ["cursor", "cursor-default"][count % 2]!, "");
    }, Refusal);
    return count;
  };
  assertEquals(changes(), 1000);
  time += 2000;
  assertEquals(changes(), 300);
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

Deno.test("the clipboard takes text and pictures, no lists of files", () => {
  const state = usedSession("clipboard-in", "clipboard-out");
  assert(client(state, "clipboard-request", 5, "CLIPBOARD", "UTF8_STRING"));
  const offered = ["TARGETS", "UTF8_STRING", "text/uri-list", "x-special/gnome-copied-files", "image/png"];
  assertEquals(server(state, "clipboard-token", "CLIPBOARD", offered)!.args, [
    "CLIPBOARD",
    ["TARGETS", "UTF8_STRING", "image/png"],
  ]);
  const asked = judgeClientPacket({ type: "clipboard-request", args: [5, "CLIPBOARD", "text/uri-list"] }, state);
  assertEquals(asked, { answer: [{ type: "clipboard-contents-none", args: [5, "CLIPBOARD"] }] });
  assertThrows(
    () => server(state, "clipboard-contents", 5, "CLIPBOARD", "text/uri-list", 8, "bytes", bytes(3), 0),
    Refusal,
  );
  assertThrows(() => server(state, "clipboard-contents", 5, "SECRET", "STRING", 8, "bytes", bytes(3), 0), Refusal);
});

Deno.test("what is merely selected on the host reaches the container only while the user works in its windows", () => {
  let time = 0;
  const state = sessionBy(() => time, "clipboard-in");
  const ask = (of: string): Judged => judgeServer({ type: "clipboard-request", args: [5, of, "UTF8_STRING"] }, state);
  const token = ["PRIMARY", ["UTF8_STRING"], "UTF8_STRING", "UTF8_STRING", 8, "bytes", bytes(9), true, true];
  const mayRead = (): boolean => {
    assertEquals(client(state, "clipboard-token", ...token)!.args.length, ask("PRIMARY").pass ? token.length : 1);
    return ask("PRIMARY").pass !== undefined;
  };
  const click = (window: number, pressed: boolean): unknown =>
    client(state, "pointer-button", 0, 1, window, 2, pressed, [200, 200], new Map());
  assertEquals(ask("PRIMARY"), { answer: [{ type: "clipboard-contents-none", args: [5, "PRIMARY"] }] });
  assertEquals(mayRead(), false);
  time += 5000;
  client(state, "focus", 1, []);
  assertEquals(mayRead(), false, "the window manager gave it the keyboard, and the user has done nothing");
  client(state, "key-action", 1, "h", true, [], 104, "h", 43, 0);
  time += 5000;
  assertEquals(mayRead(), true);
  server(state, "new-override-redirect", 2, 110, 110, 4, 4, new Map(), new Map());
  client(state, "focus", 0, []);
  assertEquals(mayRead(), false);
  click(2, true);
  assertEquals(mayRead(), false, "a click into a popup");
  click(1, true);
  assertEquals(mayRead(), true);
  time += 5000;
  assertEquals(mayRead(), false);
  click(1, false);
  assertEquals(mayRead(), true);
});

Deno.test("what is copied on the host is read only while the user works in the container's windows; its types are known", () => {
  let time = 0;
  const state = sessionBy(() => time, "clipboard-in");
  const ask = (what: string): boolean =>
    judgeServer({ type: "clipboard-request", args: [5, "CLIPBOARD", what] }, state).pass !== undefined;
  assertEquals([ask("TARGETS"), ask("UTF8_STRING"), ask("image/png")], [true, false, false]);
  client(state, "focus", 1, []);
  assertEquals(ask("UTF8_STRING"), false, "the focus alone");
  client(state, "key-action", 1, "v", true, [], 104, "v", 43, 0);
  assertEquals([ask("UTF8_STRING"), ask("image/png")], [true, true]);
  client(state, "focus", 0, []);
  time += 1100;
  assertEquals([ask("TARGETS"), ask("UTF8_STRING")], [true, false]);
});

Deno.test("the container takes the host's clipboard only while the user works in its windows, or has just left", () => {
  let time = 0;
  const state = sessionBy(() => time, "clipboard-in", "clipboard-out");
  const takes = (of: string): boolean => {
    try {
      return server(state, "clipboard-token", of) !== undefined;
    } catch (error) {
      assert(error instanceof Refusal);
      return false;
    }
  };
  const both = (): boolean[] => ["CLIPBOARD", "PRIMARY"].map(takes);
  time += 5000;
  assertEquals(both(), [false, false]);
  client(state, "focus", 1, []);
  assertEquals(both(), [false, false]);
  client(state, "key-action", 1, "c", true, ["control"], 99, "c", 54, 0);
  client(state, "focus", 0, []);
  assertEquals(both(), [true, true]);
  time += 1000;
  assertEquals(both(), [false, false]);
});

Deno.test("what the container has copied passes only when it is asked for, once", () => {
  const state = usedSession("clipboard-out");
  const send = (id: number): Packet | undefined =>
    server(state, "clipboard-contents", id, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0);
  assertThrows(() => send(5), Refusal, "nobody has asked");
  client(state, "clipboard-request", 5, "CLIPBOARD", "UTF8_STRING");
  assert(send(5));
  assertThrows(() => send(5), Refusal, "nobody has asked");
  client(state, "clipboard-request", 6, "CLIPBOARD", "UTF8_STRING");
  server(state, "clipboard-contents-none", 6, "CLIPBOARD");
  assertThrows(() => send(6), Refusal, "nobody has asked");
  for (let id = 7; id < 1000; id++) client(state, "clipboard-request", id, "CLIPBOARD", "UTF8_STRING");
  assertEquals(state.requests.size, 100);
});

Deno.test("what crosses is written down as the type that was asked for, whatever the container calls it", () => {
  const crossed: Crossing[] = [];
  const crossings = createCrossings({ report: ({ time: _, ...crossing }) => crossed.push(crossing), tell() {} });
  const state = { ...usedSession("clipboard-in", "clipboard-out"), crossings };
  client(state, "clipboard-request", 5, "CLIPBOARD", "UTF8_STRING");
  assert(server(state, "clipboard-contents", 5, "CLIPBOARD", "ATOM", 8, "bytes", bytes(300), 0));
  client(state, "clipboard-request", 6, "CLIPBOARD", "TARGETS");
  assert(server(state, "clipboard-contents", 6, "CLIPBOARD", "ATOM", 32, "atoms", ["UTF8_STRING"], 0));
  server(state, "clipboard-request", 7, "CLIPBOARD", "text/html");
  assert(client(state, "clipboard-contents", 7, "CLIPBOARD", "text/html", 8, "bytes", bytes(20), 0));
  crossings.look({ all: true });
  assertEquals(crossed, [
    { direction: "out", type: "UTF8_STRING", times: 1, bytes: 300 },
    { direction: "in", type: "text/html", times: 1, bytes: 20 },
  ]);
});

Deno.test("nothing crosses that cannot be written down, either way", () => {
  const crossings = createCrossings({ report() {}, tell() {}, mayReport: () => false });
  const state = { ...usedSession("clipboard-in", "clipboard-out"), crossings };
  const asked = ["TARGETS", "UTF8_STRING"].map((what, id) => [
    server(state, "clipboard-request", id, "CLIPBOARD", what) !== undefined,
    client(state, "clipboard-request", id, "CLIPBOARD", what) !== undefined,
  ]);
  assertEquals(asked, [[true, true], [false, false]]);
});

Deno.test("the container offers and asks for what is on the clipboard a few times a second", () => {
  let time = 0;
  const state = sessionBy(() => time, "clipboard-in", "clipboard-out");
  client(state, "focus", 1, []);
  client(state, "key-action", 1, "h", true, [], 104, "h", 43, 0);
  const thousand = Array.from({ length: 1000 }, (_, number) => number);
  const counts = (): number[] => [
    thousand.filter(() => server(state, "clipboard-token", "CLIPBOARD")).length,
    thousand.filter((id) => server(state, "clipboard-request", id, "CLIPBOARD", "UTF8_STRING")).length,
  ];
  assertEquals(counts(), [200, 200]);
  time += 2000;
  assertEquals(counts(), [100, 100]);
});

Deno.test("no name of a kind of data passes that is not on a closed list: the X server would keep each", () => {
  const state = usedSession("clipboard-in", "clipboard-out");
  const names = ["text/plain;charset=x1", "Text/Plain", "utf8_string", "text/plain;charset=UTF-8", "image/PNG", "ATOM"];
  const kinds = server(state, "clipboard-token", "CLIPBOARD", names)!.args[1];
  assertEquals(kinds, ["text/plain;charset=UTF-8"]);
  const asked = names.filter((name) => server(state, "clipboard-request", 5, "CLIPBOARD", name));
  assertEquals(asked, ["text/plain;charset=UTF-8"]);
  client(state, "clipboard-request", 5, "CLIPBOARD", "UTF8_STRING");
  const answer = (type: string): Packet | undefined =>
    server(state, "clipboard-contents", 5, "CLIPBOARD", type, 8, "bytes", bytes(3), 0);
  assertThrows(() => answer("x1"), Refusal);
});

Deno.test("a session ends in xpra's words, not in the container's", () => {
  const end = (...words: Value[]): Value[] => server(session(), "disconnect", ...words)!.args;
  assertEquals(end("server shutdown"), ["server shutdown"]);
  assertEquals(end(new TextEncoder().encode("done"), "and more"), ["done"]);
  assertEquals(end("<b>Your password has expired</b>", "call 0800"), ["server error"]);
  assertEquals(end(), ["server error"]);
});

Deno.test("the host pastes what is selected in the container, wherever the user works", () => {
  const state = session("clipboard-out");
  assert(client(state, "clipboard-request", 5, "PRIMARY", "UTF8_STRING"));
  assert(server(state, "clipboard-contents", 5, "PRIMARY", "UTF8_STRING", 8, "bytes", bytes(3), 0));
});

Deno.test("X's third selection does not pass, and nobody waits for it", () => {
  const state = usedSession("clipboard-in", "clipboard-out");
  const ask = { type: "clipboard-request", args: [5, "SECONDARY", "UTF8_STRING"] };
  for (const judge of [judgeClientPacket, judgeServerPacket]) {
    assertEquals(judge(ask, state), { answer: [{ type: "clipboard-contents-none", args: [5, "SECONDARY"] }] });
    assertEquals(judge({ type: "clipboard-token", args: ["SECONDARY"] }, state), {});
  }
  assertEquals(client(state, "clipboard-enable-selections", ["PRIMARY", "SECONDARY"])!.args, [["PRIMARY"]]);
});

Deno.test("with one direction of the clipboard the other end's offers are empty and take nothing", () => {
  const token = ["CLIPBOARD", ["UTF8_STRING"], "UTF8_STRING", "UTF8_STRING", 8, "bytes", bytes(9), true, true];
  const inwards = server(session("clipboard-in"), "clipboard-token", ...token)!.args;
  assertEquals(inwards, ["CLIPBOARD", [], "", "", 8, "", new Uint8Array(), false, true]);
  const outwards = client(session("clipboard-out"), "clipboard-token", ...token)!.args;
  assertEquals(outwards, ["CLIPBOARD", [], "", "", 8, "", new Uint8Array(), false, true]);
  // The contents are asked for once somebody pastes.
  const offered = ["CLIPBOARD", ["UTF8_STRING"], "", "", 8, "", new Uint8Array(), true, true];
  assertEquals(server(usedSession("clipboard-out"), "clipboard-token", ...token)!.args, offered);
});

Deno.test("the clipboard's offer as a table has kinds of text and pictures, and is empty where the other end may not give", () => {
  const offer = dict({
    claim: true,
    greedy: true,
    origin: "x",
    targets: ["UTF8_STRING", "text/uri-list"],
    data: dict({ UTF8_STRING: ["UTF8_STRING", 8, "bytes", bytes(3)] }),
  });
  const passed = dict({ claim: true, greedy: true, targets: ["UTF8_STRING"] });
  const empty = dict({ claim: false, greedy: true });
  const given = (state: Session, of: string): Value => server(state, "clipboard-data", of, offer)!.args[1]!;
  assertEquals(given(usedSession("clipboard-out"), "PRIMARY"), passed);
  assertThrows(() => given(session("clipboard-out"), "CLIPBOARD"), Refusal, "you do not work");
  assertEquals(given(session("clipboard-in"), "CLIPBOARD"), empty);
  assertEquals(client(session("clipboard-out"), "clipboard-data", "CLIPBOARD", offer)!.args[1], empty);
  assertEquals(client(session("clipboard-in"), "clipboard-data", "CLIPBOARD", offer)!.args[1], passed);
  // What is merely selected on the host.
  const selected = client(session("clipboard-in"), "clipboard-data", "PRIMARY", offer)!.args;
  assertEquals(selected, ["PRIMARY", dict({ claim: true, greedy: true })]);
  assertEquals(server(session("clipboard-out"), "clipboard-data", "SECONDARY", offer), undefined);
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
    assertEquals(judgeServer({ type, args: ["x"] }, state), {});
  }
});

Deno.test("the guard of xpra knows whether the user has closed the last window", () => {
  const state = session();
  assertEquals(state.closing.end(), "other");
  client(state, "close-window", 1);
  server(state, "lost-window", 1);
  assertEquals(state.closing.end(), "closed");
});
