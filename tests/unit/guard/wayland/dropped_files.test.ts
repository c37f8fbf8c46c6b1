// Files that the user drops on a window: what a container does to get more than those, or sooner.

import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { type Crossing, noCrossings } from "../../../../lib/guard/crossings.ts";
import { Violation } from "../../../../lib/guard/faults.ts";
import { maxListBytes } from "../../../../lib/guard/wayland/dropped_files.ts";
import {
  answer,
  ask,
  bytes,
  closing,
  device,
  drag,
  drop,
  early,
  lentList,
  list,
  listType,
  nothing,
  offer,
  said,
  source,
  taken,
  text,
  whole,
  withDrops,
} from "../../wayland_drops.ts";
import { frame, ids, message, type Trial, use } from "../../wayland_samples.ts";

Deno.test("an app gets the files that are dropped on its window, by their places in the container, once", async () => {
  const made = withDrops();
  const { announced, entered } = drag(made);
  assertEquals(text(announced).match(/[a-z-]+\/[a-z-]+/g), null, "nothing before it is known to be a drag");
  assertEquals(text(entered).match(/[a-z-]+\/[a-z-]+/g), [listType], "the host's paths are in the other types, too");
  assertEquals(
    made.app(message(offer, "wl_data_offer.accept", 9, listType)),
    message(offer, "wl_data_offer.accept", 9, listType),
  );
  drop(made);
  assertEquals(ask(made, { pipe: 1 + 1 }), message(offer, "wl_data_offer.receive", listType));
  assertEquals(answer(made, 2), nothing, "what the host says is not for the app");
  assertEquals(await said(made), whole(2));
  assertEquals(made.lent, [list]);
  const again = await taken(made, { pipe: 3 });
  assertEquals([again, made.lent], [closing(3), [list]]);
  assertThrows(() => made.app(message(offer, "wl_data_offer.receive", "text/plain")), Violation);
});

Deno.test("an app over whose window files are dragged gets nothing of them", async () => {
  const made = withDrops();
  drag(made);
  assertEquals(await taken(made, { pipe: 2 }), early(2));
  assertEquals(await taken(made, { pipe: 8 }), closing(8));
  made.host(message(device, "wl_data_device.leave"));
  assertEquals(await taken(made, { pipe: 3 }), closing(3));
  // They are dropped elsewhere, or something else is dropped here.
  drop(made);
  assertEquals(await taken(made, { pipe: 4 }), closing(4));
  drag(made, { id: offer + 1, types: ["text/plain"] });
  drop(made);
  assertEquals(await taken(made, { pipe: 5 }), closing(5));
  drag(made, { id: offer + 2 });
  made.host(message(device, "wl_data_device.enter", 9, ids.surface, 256, 256, 0));
  drop(made);
  assertEquals(await taken(made, { pipe: 6, id: offer + 2 }), early(6), "a drag within an app, of nothing");
  assertEquals(made.lent, []);
  // What was asked for too soon is not read later: the pipe is closed.
  drag(made, { id: offer + 3 });
  drop(made);
  assertEquals(await taken(made, { pipe: 7, id: offer + 3 }), whole(7));
});

Deno.test("a drop on one window says nothing about what is dragged over those of another connection", async () => {
  const [one, other] = [withDrops(), withDrops()];
  drag(one);
  drag(other);
  drop(other);
  assertEquals(await taken(one, { pipe: 2 }), early(2));
  assertEquals(one.lent, []);
});

Deno.test("a container drops no files of the host's on itself: its own lists have another name", async () => {
  const made = withDrops();
  const { app, host, session } = made;
  app(message(ids.dataManager, "wl_data_device_manager.create_data_source", source));
  const named = app(message(source, "wl_data_source.offer", listType));
  assertEquals(named, message(source, "wl_data_source.offer", `${session.dataMark};${listType}`));
  host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
  app(message(device, "wl_data_device.start_drag", source, ids.surface, 0, 6));
  const { entered } = drag(made, { types: [`${session.dataMark};${listType}`, session.dataMark] });
  assertEquals(text(entered).match(/[a-z-]+\/[a-z-]+/g), [listType], "its own apps know it");
  drop(made);
  ask(made, { pipe: 2 });
  const own = bytes("file:///home/me/.ssh/id_rsa\r\n");
  assertEquals(answer(made, 2, own), concat([frame(10, 2, own), closing(2)]), "it passes as the container's own text");
  assertEquals(await said(made), nothing);
  // Nor does what it says that it comes from the host, too.
  drag(made, { id: offer + 1, types: [listType, session.dataMark] });
  drop(made);
  assertThrows(() => ask(made, { pipe: 3, id: offer + 1 }), Violation);
  assertEquals(made.lent, []);
});

Deno.test("a container cannot write the host's list itself", async () => {
  const made = withDrops();
  drag(made);
  drop(made);
  ask(made, { pipe: 2 });
  made.connection.fromContainer(frame(10, 2, bytes("file:///home/me/.ssh/id_rsa\r\n")));
  made.connection.fromContainer(frame(12, 2));
  await said(made);
  assertEquals(made.lent, []);
  answer(made, 2);
  await said(made);
  assertEquals(made.lent, [list]);
});

Deno.test("one list of files is read at a time, by however many objects it is asked for", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = withDrops(() => promise);
  const second = ids.next;
  made.app(message(ids.dataManager, "wl_data_device_manager.get_data_device", second, ids.seat));
  drag(made);
  drag(made, { id: offer + 1, to: second });
  drop(made);
  drop(made, second);
  assertEquals(await taken(made, { pipe: 2 }), nothing);
  assertEquals(await taken(made, { pipe: 3, id: offer + 1 }), closing(3));
  resolve(lentList);
  assertEquals(await said(made), whole(2));
  assertEquals(made.lent, [list]);
});

Deno.test("an app whose files are being lent hears empty lines, since Qt gives up a pipe that is silent", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = withDrops(() => promise);
  drag(made);
  drop(made);
  assertEquals(await taken(made, { pipe: 2 }), nothing);
  let heard: Uint8Array = nothing;
  while (heard.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    heard = await said(made);
  }
  assertEquals(heard.subarray(0, 12), frame(10, 2, bytes("\r\n")));
  resolve(lentList);
  assertEquals((await said(made)).slice(-whole(2).length), whole(2));
});

Deno.test("an app whose files are never lent hears empty lines for ten seconds, and no longer", async () => {
  let beat: (() => void) | undefined;
  const { setInterval } = globalThis;
  // Of `connection.leave()`, and the answer of whoever lends, nobody waits for a time here.
  globalThis.setInterval = ((act: () => void) => void (beat = act)) as unknown as typeof setInterval;
  try {
    const made = withDrops(() => new Promise(() => {}));
    drag(made);
    drop(made);
    assertEquals(await taken(made, { pipe: 2 }), nothing);
    const line = frame(10, 2, bytes("\r\n"));
    const beats = async (count: number): Promise<number> => {
      for (let times = 0; times < count; times++) beat!();
      return (await said(made)).length / line.length;
    };
    assertEquals([await beats(30), await beats(30), await beats(30)], [30, 4, 0]);
  } finally {
    globalThis.setInterval = setInterval;
  }
});

Deno.test("no more of a list is read than may pass, and the app gets nothing if nothing is lent", async () => {
  for (const lend of [() => Promise.resolve(""), () => Promise.reject(new Error("no"))]) {
    const made = withDrops(lend);
    drag(made);
    drop(made);
    ask(made, { pipe: 2 });
    for (let times = 0; times < 20; times++) made.connection.fromHost(frame(10, 2, new Uint8Array(2 ** 14).fill(97)));
    made.connection.fromHost(frame(12, 2));
    assertEquals(await said(made), closing(2));
    assertEquals(made.lent.map(({ length }) => length), [maxListBytes + 1]);
  }
});

Deno.test("an app that reads its files no more is sent nothing, and neither is the host's end that has sent them", async () => {
  let lending = Promise.resolve(lentList);
  const made = withDrops(() => lending);
  drag(made);
  drop(made);
  ask(made, { pipe: 2 });
  const { fromContainer, fromHost } = made.connection;
  const empty = frame(0);
  // Before the host's end has said all: that hears of it, and ends with that.
  assertEquals(fromContainer(frame(11, 2)), [frame(11, 2)]);
  assertEquals(fromHost(frame(12, 2)), [empty]);
  assertEquals(await said(made), nothing);
  assertEquals(made.lent, []);
  // After it, which has forgotten the pipe: while the files are lent, and when the answer waits for its turn.
  for (const [pipe, isAnswered] of [[3, false], [4, true]] as const) {
    const { promise, resolve } = Promise.withResolvers<string>();
    lending = promise;
    drag(made, { id: offer + pipe });
    drop(made);
    ask(made, { pipe, id: offer + pipe });
    assertEquals(answer(made, pipe), nothing);
    if (isAnswered) resolve(lentList);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    assertEquals(fromContainer(frame(11, pipe)), [empty]);
    resolve(lentList);
    assertEquals(await said(made), nothing);
  }
  // And the next drop is not in vain.
  drag(made, { id: offer + 5 });
  drop(made);
  assertEquals(await taken(made, { pipe: 5, id: offer + 5 }), whole(5));
  assertEquals(made.lent, [list, list, list]);
});

Deno.test("an app that has closed its pipe before it asks is not waited for", async () => {
  const made = withDrops();
  drag(made);
  drop(made);
  made.connection.fromContainer(frame(7, 2));
  made.connection.fromContainer(frame(11, 2));
  made.connection.fromContainer(frame(1, 2));
  made.app(message(offer, "wl_data_offer.receive", listType));
  assertEquals(await taken(made, { pipe: 3 }), whole(3));
});

Deno.test("no program of the host's hears that files of it were moved", () => {
  const made = withDrops();
  const { announced } = drag(made);
  const told = message(offer, "wl_data_offer.source_actions", 1);
  assertEquals(
    announced.slice(-told.length),
    told,
    "an app may ask for the last that it knows of, and for nothing else",
  );
  const actions = (own: number, preferred: number): Uint8Array =>
    made.app(message(offer, "wl_data_offer.set_actions", own, preferred));
  assertEquals(actions(7, 2), message(offer, "wl_data_offer.set_actions", 1, 0));
  assertEquals(actions(3, 1), message(offer, "wl_data_offer.set_actions", 1, 1));
});

/** The host announces these types as what is copied. Gives what the app is told. */
function announce({ host }: Trial, types: readonly string[], id = offer): Uint8Array {
  const announced = host(
    message(device, "wl_data_device.data_offer", id),
    ...types.map((type) => message(id, "wl_data_offer.offer", type)),
  );
  return concat([announced, host(message(device, "wl_data_device.selection", id))]);
}

const typesIn = (told: Uint8Array): string[] => text(told).match(/[a-z-]+\/[a-z-]+/g) ?? [];
const copiedTypes = ["x-special/gnome-copied-files", listType, "text/plain"];

Deno.test("an app gets the files that are copied by their places in the container, once the user works in its windows and agrees", async () => {
  const made = withDrops();
  assertEquals(typesIn(announce(made, copiedTypes)), [], "the focus is no paste");
  made.host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing));
  const told = made.host(message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1));
  assertEquals(typesIn(told), [listType], "the host's paths are in the other types, too");
  assertEquals(await taken(made, { pipe: 3 }), whole(3));
  assertEquals([made.pasted, made.lent], [[list], []]);
  made.host(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface));
  made.wait(1_500);
  assertEquals(await taken(made, { pipe: 4 }), closing(4));
  use(made);
  // What a program says that names no files of its own may be anything.
  assertEquals(typesIn(announce(made, ["text/plain", listType], offer + 1)), ["text/plain", listType]);
  assertEquals(typesIn(announce(made, ["text/html", listType], offer + 2)), ["text/html"]);
});

Deno.test("the user is asked once for what is copied, however often and by however many offers an app reads it", async () => {
  for (const answered of [lentList, ""]) {
    const made = withDrops(() => Promise.resolve(answered));
    use(made);
    const got = (pipe: number): Uint8Array => answered === "" ? closing(pipe) : whole(pipe);
    for (let pipe = 2; pipe < 100; pipe++) {
      // A compositor announces it again with each focus.
      if (pipe % 10 === 2) announce(made, copiedTypes, offer + pipe);
      assertEquals(await taken(made, { pipe, id: offer + pipe - (pipe + 8) % 10 }), got(pipe));
    }
    assertEquals(made.pasted, [list]);
    announce(made, copiedTypes, offer + 100);
    const other = bytes("file:///home/me/.ssh/id_rsa\r\n");
    ask(made, { pipe: 100, id: offer + 100 });
    assertEquals([answer(made, 100, other), await said(made)], [nothing, got(100)]);
    assertEquals(made.pasted, [list, text(other)], "a yes is for no other list");
    // The same again, after something else was copied.
    announce(made, ["text/plain"], offer + 101);
    announce(made, copiedTypes, offer + 102);
    ask(made, { pipe: 102, id: offer + 102 });
    answer(made, 102, other);
    await said(made);
    assertEquals(made.pasted, [list, text(other), text(other)]);
  }
});

Deno.test("files that the user has agreed to paste are lent again some seconds later, as they are by then", async () => {
  let place = lentList;
  const made = withDrops(() => place === "" ? Promise.reject(new Error("a full disk")) : Promise.resolve(place));
  use(made);
  announce(made, copiedTypes);
  assertEquals(await taken(made, { pipe: 2 }), whole(2));
  place = "file:///home/ubuntu/maps/2-a.txt\r\n";
  assertEquals(await taken(made, { pipe: 3 }), whole(3), "an app may read without end");
  const later = async (pipe: number): Promise<Uint8Array> => {
    made.wait(5_000);
    use(made);
    return await taken(made, { pipe });
  };
  assertEquals(await later(4), concat([frame(10, 4, bytes(place)), closing(4)]));
  place = "";
  assertEquals(await later(5), closing(5));
  place = lentList;
  assertEquals(await later(6), whole(6));
  assertEquals([made.pasted, made.again], [[list], [list, list, list]]);
});

Deno.test("no files pass once the clipboard is closed while the user is asked", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = withDrops(() => promise);
  use(made);
  announce(made, copiedTypes);
  assertEquals(await taken(made, { pipe: 2 }), nothing);
  await made.session.carrying.carry({ close: ["in"] });
  resolve(lentList);
  assertEquals([made.pasted, await said(made)], [[list], closing(2)]);
});

Deno.test("an app that reads what is copied while the user is asked gets nothing, and a drop is lent meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = withDrops(() => promise);
  use(made);
  announce(made, copiedTypes);
  assertEquals(await taken(made, { pipe: 2 }), nothing);
  assertEquals(await taken(made, { pipe: 3 }), closing(3));
  drag(made, { id: offer + 1 });
  drop(made);
  assertEquals(await taken(made, { pipe: 4, id: offer + 1 }), nothing);
  resolve(lentList);
  assertEquals(await said(made), concat([whole(2), whole(4)]));
  assertEquals([made.pasted, made.lent], [[list], [list]]);
});

Deno.test("where no run could ask the user, the next paste but a few seconds later has one do it", async () => {
  const made = withDrops(() => Promise.reject(new Error("no run")));
  use(made);
  announce(made, copiedTypes);
  for (let pipe = 2; pipe < 50; pipe++) assertEquals(await taken(made, { pipe }), closing(pipe));
  assertEquals(made.pasted.length, 1);
  made.wait(5_000);
  await taken(made, { pipe: 50 });
  assertEquals(made.pasted.length, 2);
});

Deno.test("no files are pasted over a closed clipboard, nor what the container has copied itself", async () => {
  const closed = withDrops(undefined, { clipboard: { in: false, out: true } });
  use(closed);
  assertEquals(typesIn(announce(closed, copiedTypes)), []);
  assertThrows(() => ask(closed, { pipe: 2 }), Violation);
  const made = withDrops();
  use(made);
  announce(made, copiedTypes);
  await made.session.carrying.carry({ close: ["in"] });
  assertEquals(await taken(made, { pipe: 2 }), closing(2));
  const own = withDrops();
  use(own);
  const mark = own.session.dataMark;
  announce(own, [`${mark};${listType}`, ...copiedTypes, mark]);
  assertEquals(await taken(own, { pipe: 3 }), concat([frame(10, 3, bytes(list)), closing(3)]), "as it is");
  assertEquals([closed.pasted, made.pasted, own.pasted], [[], [], []]);
});

Deno.test("links that come as a list alone pass as they are, where text may, and are written down as that", async () => {
  const links = bytes("# two\r\nhttps://example.org/a?b=%20\r\nhttp://example.org/\r\n");
  const mixed = concat([links, bytes("file:///home/me/a\r\n")]);
  const crossed: unknown[] = [];
  const crossings = { ...noCrossings, add: (crossing: Omit<Crossing, "time">) => void crossed.push(crossing) };
  const made = withDrops(undefined, { crossings });
  use(made);
  for (const [pipe, isDrop] of [[2, true], [3, false]] as const) {
    const id = offer + pipe;
    if (isDrop) drag(made, { id, types: [listType] });
    else announce(made, [listType], id);
    if (isDrop) drop(made);
    ask(made, { pipe, id });
    assertEquals(answer(made, pipe, links), nothing);
    assertEquals(await said(made), concat([frame(10, pipe, links), closing(pipe)]));
  }
  assertEquals([crossed, made.lent, made.pasted], [
    Array(2).fill({ direction: "in", type: "text/plain", times: 1, bytes: links.length }),
    [],
    [],
  ]);
  // Files among them make it a list of files, and a run refuses the links.
  ask(made, { pipe: 4, id: offer + 3 });
  answer(made, 4, mixed);
  await said(made);
  assertEquals(made.pasted, [text(mixed)]);
  const closed = withDrops(undefined, { clipboard: { in: false, out: true } });
  drag(closed, { types: [listType] });
  drop(closed);
  ask(closed, { pipe: 2 });
  answer(closed, 2, links);
  assertEquals([await said(closed), closed.lent], [closing(2), []]);
});

Deno.test("links that are dragged come as they would without files", () => {
  const made = withDrops();
  const types = ["text/x-moz-url", listType, "text/html", "text/plain"];
  const { entered } = drag(made, { types });
  assertEquals(text(entered).match(/[a-z-]+\/[a-z-]+/g), ["text/html", "text/plain"]);
});

Deno.test("files that are dropped are had once, by whatever device of an app's, and for ten seconds", async () => {
  const second = 60;
  const dropped = (): ReturnType<typeof withDrops> => {
    const made = withDrops();
    made.app(message(ids.dataManager, "wl_data_device_manager.get_data_device", second, ids.seat));
    // A compositor tells each device of the drag.
    drag(made);
    drag(made, { id: offer + 1, to: hostSecond });
    drop(made);
    drop(made, hostSecond);
    return made;
  };
  const hostSecond = 18;
  const made = dropped();
  ask(made, { pipe: 2 });
  answer(made, 2);
  await said(made);
  ask(made, { pipe: 3, id: offer + 1 });
  answer(made, 3);
  await said(made);
  assertEquals(made.lent.length, 1);
  // Another drag is another one.
  drag(made, { id: offer + 2 });
  drag(made, { id: offer + 3, to: hostSecond });
  drop(made, hostSecond);
  ask(made, { pipe: 4, id: offer + 3 });
  answer(made, 4);
  await said(made);
  assertEquals(made.lent.length, 2);
  const late = dropped();
  late.wait(10_000);
  ask(late, { pipe: 2 });
  answer(late, 2);
  await said(late);
  assertEquals(late.lent.length, 0);
});

Deno.test("files that an app has asked for before they are dropped are had once, too, by whatever device", async () => {
  const [second, hostSecond] = [60, 18];
  const made = withDrops();
  made.app(message(ids.dataManager, "wl_data_device_manager.get_data_device", second, ids.seat));
  drag(made);
  drag(made, { id: offer + 1, to: hostSecond });
  ask(made, { pipe: 2 });
  answer(made, 2);
  await said(made);
  drop(made);
  drop(made, hostSecond);
  await said(made);
  ask(made, { pipe: 3, id: offer + 1 });
  answer(made, 3);
  await said(made);
  assertEquals(made.lent, [list]);
});

Deno.test("files that are dragged over a window may only be copied, and what else is dragged also be moved", () => {
  for (const [types, actions] of [[[listType], 1], [["text/plain"], 7]] as const) {
    const { announced } = drag(withDrops(), { types });
    const told = message(offer, "wl_data_offer.source_actions", actions);
    assertEquals(announced.subarray(-told.length), told);
  }
});

Deno.test("an app that has ended the device on which files were dropped gets the next ones by another", async () => {
  const [second, hostSecond] = [60, 18];
  const made = withDrops();
  drag(made);
  drop(made);
  await taken(made, { pipe: 2 });
  made.app(
    message(device, "wl_data_device.release"),
    message(ids.dataManager, "wl_data_device_manager.get_data_device", second, ids.seat),
  );
  drag(made, { id: offer + 1, to: hostSecond });
  drop(made, hostSecond);
  await taken(made, { pipe: 3, id: offer + 1 });
  assertEquals(made.lent, [list, list]);
});
