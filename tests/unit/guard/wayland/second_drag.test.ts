// A drag that comes again to an app that has read it too early.

import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { Violation } from "../../../../lib/guard/faults.ts";
import { type ModelTime, startTime } from "../../../model/time.ts";
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
  taken,
  whole,
  withDrops,
} from "../../wayland_drops.ts";
import { frame, ids, message, type Trial } from "../../wayland_samples.ts";

const second = offer + 1;

/** The app has asked too soon, and takes the files, which are dropped then. */
async function dropEarly(made: Trial): Promise<void> {
  drag(made);
  assertEquals(await taken(made, { pipe: 2 }), early(2));
  made.app(message(offer, "wl_data_offer.accept", 9, listType), message(offer, "wl_data_offer.set_actions", 7, 2));
  made.host(message(device, "wl_data_device.motion", 1, 512, 1024));
  assertEquals(made.host(message(device, "wl_data_device.drop")), nothing, "not before there is something for it");
}

/** The drag comes once more. */
const comesAgain = concat([
  message(device, "wl_data_device.leave"),
  message(device, "wl_data_device.data_offer", second),
  message(second, "wl_data_offer.offer", listType),
  message(second, "wl_data_offer.source_actions", 1),
  message(device, "wl_data_device.enter", 9, ids.surface, 512, 1024, second),
  message(second, "wl_data_offer.action", 1),
]);

const accept = (id: number, type: string | null = listType): Uint8Array => message(id, "wl_data_offer.accept", 9, type);

const moves = (count: number): Uint8Array =>
  concat(Array.from({ length: count }, (_, at) => message(device, "wl_data_device.motion", (at + 1) * 50, 512, 1024)));

/** What the guard says to the app by itself while so many milliseconds pass, but for frames about pipes. */
async function saidIn(time: ModelTime, made: Trial, ms: number): Promise<Uint8Array> {
  const all = [(await said(made)).slice()];
  await time.pass(ms, () => {});
  return concat([...all, await said(made)]);
}

Deno.test("an app that has asked too soon is shown the drag again, with the files, and the compositor hears of one", async () => {
  using time = startTime();
  const made = withDrops();
  const { app, host } = made;
  await dropEarly(made);
  assertEquals(await said(made), comesAgain);
  assertEquals(made.lent, [list]);
  // What it says of the first one, now or later, is over.
  assertEquals(await taken(made, { pipe: 3 }), closing(3));
  assertEquals(
    app(accept(offer, null), message(offer, "wl_data_offer.finish"), message(offer, "wl_data_offer.destroy")),
    nothing,
  );
  assertEquals(app(accept(second), message(second, "wl_data_offer.set_actions", 7, 2)), nothing);
  assertEquals(host(message(device, "wl_data_device.leave")), nothing, "as mutter says after a drop");
  assertEquals(await saidIn(time, made, 100), moves(2), "it has not read them");
  assertEquals(ask(made, { pipe: 4, id: second }), message(offer, "wl_data_offer.receive", listType));
  assertEquals(answer(made, 4, bytes("file:///home/me/other\r\n")), nothing);
  assertEquals(await said(made), whole(4));
  assertEquals(app(accept(second)), nothing);
  assertEquals(await saidIn(time, made, 50), moves(3).slice(-moves(1).length), "its answer was on its way before that");
  assertEquals(app(message(second, "wl_data_offer.set_actions", 7, 2)), nothing);
  assertEquals(await saidIn(time, made, 1_000), message(device, "wl_data_device.drop"));
  assertEquals(await taken(made, { pipe: 5, id: second }), whole(5));
  assertEquals(
    app(accept(second), message(second, "wl_data_offer.finish"), message(second, "wl_data_offer.destroy")),
    concat([message(offer, "wl_data_offer.finish"), message(offer, "wl_data_offer.destroy")]),
  );
  assertEquals([made.lent, made.told], [[list], []]);
  // The compositor's next offers have its numbers, whatever the guard has called its own.
  assertEquals(drag(made, { id: second }).announced.slice(0, 12), message(device, "wl_data_device.data_offer", second));
});

Deno.test("an offer of the guard's own takes no number from the compositor's next one", async () => {
  using _time = startTime();
  const made = withDrops();
  await dropEarly(made);
  await said(made);
  assertEquals(
    drag(made, { id: second }).announced.slice(0, 12),
    message(device, "wl_data_device.data_offer", second + 1),
  );
  drop(made);
  assertEquals(ask(made, { pipe: 3, id: second + 1 }), message(second, "wl_data_offer.receive", listType));
  assertEquals([answer(made, 3), await said(made)], [nothing, whole(3)]);
});

Deno.test("an app that does not take the files then, or gets none, hears that the drag has left, and so does the compositor", async () => {
  using time = startTime();
  const leave = message(device, "wl_data_device.leave");
  const destroy = message(offer, "wl_data_offer.destroy");
  const refuses = withDrops();
  await dropEarly(refuses);
  assertEquals(await said(refuses), comesAgain);
  await taken(refuses, { pipe: 3, id: second });
  refuses.app(accept(second, null));
  assertEquals((await saidIn(time, refuses, 11_000)).slice(-leave.length), leave);
  const told = ["An app has not taken the files that were dropped on it. If no other line says why, drop them again"];
  assertEquals(refuses.told, told);
  assertEquals(refuses.app(destroy, message(second, "wl_data_offer.destroy")), destroy);
  for (const lend of [() => Promise.resolve(""), () => Promise.reject(new Error("no"))]) {
    const made = withDrops(lend);
    await dropEarly(made);
    assertEquals(await saidIn(time, made, 10_000), leave);
    assertEquals([made.app(destroy), made.lent, made.told], [destroy, [list], told]);
  }
});

Deno.test("another drag ends the one that is shown again, and files that are lent too late are not", async () => {
  using time = startTime();
  const { promise, resolve } = Promise.withResolvers<string>();
  const late = withDrops(() => promise);
  await dropEarly(late);
  const { entered } = drag(late, { id: offer + 7 });
  const leave = message(device, "wl_data_device.leave");
  assertEquals(entered.slice(0, leave.length), leave);
  resolve(lentList);
  assertEquals(await saidIn(time, late, 10_000), nothing);
  const made = withDrops();
  await dropEarly(made);
  await said(made);
  assertEquals(drag(made, { id: offer + 7 }).entered.slice(0, leave.length), leave);
  assertEquals(await saidIn(time, made, 10_000), nothing);
  assertEquals(await taken(made, { pipe: 3, id: offer + 7 }), early(3), "these were not dropped");
  assertEquals(made.lent, [list]);
});

Deno.test("what the host says while an app sends half a picture does not overtake the drag that is shown again", async () => {
  using _time = startTime();
  const withPicture = async (): Promise<Trial & { rest: Uint8Array }> => {
    const made = withDrops();
    await dropEarly(made);
    const picture = frame(5, 1, 0, 400, new Uint8Array(400));
    made.connection.fromContainer(picture.subarray(0, 100));
    assertEquals(await said(made), nothing);
    return { ...made, rest: picture.subarray(100) };
  };
  const made = await withPicture();
  const next = made.host(message(device, "wl_data_device.data_offer", second));
  assertEquals(next, concat([comesAgain, message(device, "wl_data_device.data_offer", second + 1)]));
  made.connection.fromContainer(made.rest);
  assertEquals(await said(made), nothing);
  // Another drag: the app has heard of the one before, and that it is over.
  const other = await withPicture();
  const { announced, entered } = drag(other, { id: second });
  const leave = message(device, "wl_data_device.leave");
  assertEquals([announced.slice(0, comesAgain.length), entered.slice(0, leave.length)], [comesAgain, leave]);
  other.connection.fromContainer(other.rest);
  assertEquals(await said(other), nothing);
});

Deno.test("an app may end the second offer before the first, which the compositor has until both have ended", async () => {
  using _time = startTime();
  const made = withDrops();
  await dropEarly(made);
  await said(made);
  assertEquals(made.app(message(second, "wl_data_offer.destroy")), nothing);
  assertEquals(ask(made, { pipe: 3 }), message(offer, "wl_data_offer.receive", listType));
  const destroy = message(offer, "wl_data_offer.destroy");
  assertEquals(made.app(destroy), destroy);
});

Deno.test("an app that ends its device while the second drag waits hears nothing of it, and has its first offer ended", async () => {
  using time = startTime();
  const made = withDrops();
  await dropEarly(made);
  const picture = frame(5, 1, 0, 400, new Uint8Array(400));
  made.connection.fromContainer(picture.subarray(0, 100));
  assertEquals(await said(made), nothing);
  made.connection.fromContainer(picture.subarray(100));
  const released = message(device, "wl_data_device.release");
  assertEquals(made.app(released), released);
  assertEquals(await saidIn(time, made, 11_000), nothing);
  const destroy = message(offer, "wl_data_offer.destroy");
  assertEquals([made.app(destroy), made.told], [destroy, []]);
  assertThrows(() => made.app(message(second, "wl_data_offer.destroy")), Violation);
});

Deno.test("a second drag ends at once when its window has", async () => {
  using time = startTime();
  const made = withDrops();
  await dropEarly(made);
  assertEquals(await said(made), comesAgain);
  made.app(
    message(ids.toplevel, "xdg_toplevel.destroy"),
    message(ids.xdgSurface, "xdg_surface.destroy"),
    message(ids.surface, "wl_surface.destroy"),
  );
  assertEquals(await saidIn(time, made, 11_000), message(device, "wl_data_device.leave"));
});

Deno.test("a drag whose app has ended meanwhile does not come again", async () => {
  using time = startTime();
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = withDrops(() => promise);
  await dropEarly(made);
  made.connection.end();
  let wakes = 0;
  made.session.wake = () => void wakes++;
  resolve(lentList);
  await time.pass(1_000, () => {});
  assertEquals(wakes, 0);
});

Deno.test("an app gets no second drop before it has read the files, however often it says that it takes them", async () => {
  using time = startTime();
  const made = withDrops();
  await dropEarly(made);
  await said(made);
  for (let count = 1; count <= 5; count++) {
    made.app(accept(second), message(second, "wl_data_offer.set_actions", 7, 2));
    assertEquals(await saidIn(time, made, 50), moves(count).slice(-moves(1).length));
  }
});
