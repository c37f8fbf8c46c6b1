// What crosses the clipboard on X, each way, and when.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { createCrossings, type Crossing } from "../../../../lib/guard/crossings.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import { answerForClient } from "../../../../lib/guard/xpra/clipboard.ts";
import type { Packet } from "../../../../lib/guard/xpra/packets.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import { bytes } from "../../../fuzz/samples.ts";
import { client, server, session, sessionBy, usedSession } from "../../xpra_samples.ts";

Deno.test("a request for a closed clipboard is answered: there is nothing, also once it was closed on the way", () => {
  const request = { type: "clipboard-request", args: [1, "CLIPBOARD", "UTF8_STRING"] };
  const nothing = { answer: [{ type: "clipboard-contents-none", args: [1, "CLIPBOARD"] }] };
  for (const [open, judge] of [["clipboard-in", judgeServerPacket], ["clipboard-out", judgeClientPacket]] as const) {
    const channels = new Set<ChannelName>(channelNames);
    const made = { ...usedSession(), open: channels };
    assert("pass" in judge(request, made), open);
    channels.delete(open);
    assertEquals(judge(request, made), nothing);
  }
  assertEquals(judgeServerPacket(request, usedSession("sound")), nothing);
});

Deno.test("what was asked for while the clipboard was open does not pass once it is closed", () => {
  const channels = new Set<ChannelName>(["clipboard-out"]);
  const made = { ...usedSession(), open: channels };
  client(made, "clipboard-request", 1, "CLIPBOARD", "UTF8_STRING");
  channels.clear();
  const answer = [1, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0] as const;
  assertThrows(() => server(made, "clipboard-contents", ...answer), Refusal);
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
  ask(8);
  assertEquals([answerForClient(state), answerForClient(state)], [[], [none(8)]]);
  assertEquals(client(state, "clipboard-contents-none", 8, "CLIPBOARD"), undefined, "also when the client has nothing");
  ask(9);
  assert(client(state, "clipboard-contents-none", 9, "CLIPBOARD"));
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

Deno.test("the host pastes what is selected in the container, wherever the user works", () => {
  const state = session("clipboard-out");
  assert(client(state, "clipboard-request", 5, "PRIMARY", "UTF8_STRING"));
  assert(server(state, "clipboard-contents", 5, "PRIMARY", "UTF8_STRING", 8, "bytes", bytes(3), 0));
});

Deno.test("X's third selection does not pass, and nobody waits for it; nor does another name, which an X server would keep", () => {
  const state = usedSession("clipboard-in", "clipboard-out");
  const ask = { type: "clipboard-request", args: [5, "SECONDARY", "UTF8_STRING"] };
  for (const judge of [judgeClientPacket, judgeServerPacket]) {
    assertEquals(judge(ask, state), { answer: [{ type: "clipboard-contents-none", args: [5, "SECONDARY"] }] });
    assertEquals(judge({ type: "clipboard-token", args: ["SECONDARY"] }, state), {});
  }
  assertEquals(client(state, "clipboard-enable-selections", ["PRIMARY", "SECONDARY"])!.args, [["PRIMARY"]]);
  client(state, "clipboard-request", 5, "CLIPBOARD", "UTF8_STRING");
  for (const named of [["SECRET", "STRING"], ["CLIPBOARD", "x1"]]) {
    assertThrows(() => server(state, "clipboard-contents", 5, ...named, 8, "bytes", bytes(3), 0), Refusal);
  }
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

Deno.test("numbers that an app has copied are integers of 32 bits, with a sign or without", () => {
  const send = (...numbers: number[]): unknown => {
    const state = usedSession("clipboard-out");
    client(state, "clipboard-request", 5, "CLIPBOARD", "TIMESTAMP");
    return server(state, "clipboard-contents", 5, "CLIPBOARD", "INTEGER", 32, "integers", numbers, 0);
  };
  assert(send(-(2 ** 31), 0, 2 ** 32 - 1));
  for (const number of [-(2 ** 31) - 1, 2 ** 32 + 1]) assertThrows(() => send(number), Refusal, "out of range");
});
