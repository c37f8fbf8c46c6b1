// What both ends of xpra say first, and what is left of it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import { pixelsBytesIn } from "../../../../lib/guard/xpra/hello.ts";
import type { Dict, Value } from "../../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import { createSession } from "../../../../lib/guard/xpra/session.ts";
import { clientHello, description, dict, secret, serverHello } from "../../../fuzz/samples.ts";
import { threadMs } from "../../../model/clock.ts";
import { client, contains, server } from "../../xpra_samples.ts";

Deno.test("nothing passes before both ends have said hello, and no second hello does", () => {
  const state = createSession({ container: "box", open: new Set(), now: () => 0, uuid: "" });
  assertThrows(() => client(state, "focus", 1, []), Refusal);
  assertThrows(() => judgeServerPacket(serverHello, state), Refusal);
  judgeClientPacket(clientHello, state);
  assertThrows(() => server(state, "startup-complete"), Refusal);
  judgeServerPacket(serverHello, state);
  assertEquals(server(state, "startup-complete"), { type: "startup-complete", args: [] });
  assertThrows(() => judgeClientPacket(clientHello, state), Refusal);
  assertThrows(() => judgeServerPacket(serverHello, state), Refusal);
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
  assertEquals([hello.get("compression_level"), hello.get("compressors")], [0, []], "the guard decompresses nothing");
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
  const hello = judgeServerPacket(serverHello, state).pass![0]!.args[0] as Dict;
  assertEquals([hello.get("server.mode"), hello.get("windows")], ["seamless", true]);
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
  const state = createSession({
    container: "box",
    open: new Set<ChannelName>(["clipboard-in"]),
    now: () => 0,
    uuid: "",
  });
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

Deno.test("a file for pixels of no size, or a negative one, holds no pixel", () => {
  for (const size of [-(2 ** 40), -1, 0, 1, 1000]) {
    assertEquals(pixelsBytesIn(dict({ mmap: dict({ size }) })), Math.max(0, size));
  }
  assertEquals(pixelsBytesIn(dict({})), 0, "none");
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
  const types = ["damage-sequence", "window-draw-ack", "window-ack"];
  const about = dict({ "packet-types": types, audio: sound, "wheel.emulation": true, display: dict(sizes) });
  const answer = server(state, "hello", about)!.args[0] as Dict;
  assertEquals([answer.get("audio"), answer.get("wheel.emulation")], [undefined, true]);
  assertEquals(answer.get("display"), dict({ actual_desktop_size: [800, 600] }));
  assertEquals(answer.get("packet-types"), ["damage-sequence"]);
  // A popup that covers more than half of the screen that it has told.
  server(state, "new-window", 1, 0, 0, 800, 600, description, new Map());
  client(state, "map-window", 1, 0, 0, 800, 600, new Map(), new Map());
  client(state, "focus", 1, []);
  assertThrows(() => server(state, "new-override-redirect", 2, 0, 0, 700, 400, new Map(), new Map()), Refusal);
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
