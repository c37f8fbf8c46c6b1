// What crosses the clipboard on X, each way, and when.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import type { Channel } from "../../../../lib/guard/channel.ts";
import { createCrossings, type Crossing } from "../../../../lib/guard/crossings.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import { answerForClient } from "../../../../lib/guard/xpra/clipboard.ts";
import type { Delivery } from "../../../../lib/guard/xpra/judge.ts";
import type { Packet } from "../../../../lib/guard/xpra/packets.ts";
import type { Value } from "../../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import type { Session } from "../../../../lib/guard/xpra/session.ts";
import { bytes, dict } from "../../../fuzz/samples.ts";
import { client, server, session, sessionBy, usedSession } from "../../xpra_samples.ts";

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
  const ask = (of: string): Delivery =>
    judgeServerPacket({ type: "clipboard-request", args: [5, of, "UTF8_STRING"] }, state);
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
    judgeServerPacket({ type: "clipboard-request", args: [5, "CLIPBOARD", what] }, state).pass !== undefined;
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

Deno.test("an app waits two checks for the types of what is to be pasted, and not for a client that says nothing", () => {
  let time = 0;
  const state = sessionBy(() => time, "clipboard-in");
  const ask = (id: number): unknown => server(state, "clipboard-request", id, "CLIPBOARD", "TARGETS");
  const answer = (id: number): unknown =>
    client(state, "clipboard-contents", id, "CLIPBOARD", "ATOM", 32, "atoms", ["UTF8_STRING"], 0);
  ask(5);
  // The guard has stood still: the client's answer is still to be read.
  time += 5000;
  assertEquals(answerForClient(state), []);
  ask(7);
  const none = (id: number): Packet => ({ type: "clipboard-contents-none", args: [id, "CLIPBOARD"] });
  assertEquals(answerForClient(state), [none(5)]);
  assert(answer(7));
  assertEquals(answerForClient(state), []);
  assertEquals(answer(5), undefined, "the app has an answer already");
  assertEquals(state.typeRequests.size, 0);
  for (let id = 10; id < 160; id++) ask(id);
  assertEquals(state.typeRequests.size, 100, "a client that answers nothing costs no more");
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
  crossings.flush({ all: true });
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
