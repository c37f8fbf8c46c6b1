/**
 * What the guard on Wayland keeps after many messages: objects of all kinds come and go, with new names and numbers each
 * time. `deno run -A tests/model/memory.ts [COUNT]` sends a million.
 */

import v8 from "node:v8";
import vm from "node:vm";
import { assertEquals } from "@std/assert";
import { protocols } from "../../lib/guard/wayland/protocols.ts";
import { frame, ids, message, type Trial, withWindow } from "../unit/wayland_samples.ts";
import { newObjects } from "./wire.ts";

/** Messages of both ends in one round. */
export const roundMessages = 24;

/** Sends so many messages. Returns how many bytes of the heap are in use after the first tenth, and at the end. */
export async function heapAfter(count: number): Promise<{ early: number; late: number }> {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    return Deno.memoryUsage().heapUsed;
  };
  const made = withWindow();
  const rounds = Math.ceil(count / roundMessages);
  let early = 0;
  for (let round = 0; round < rounds; round++) {
    if (round === Math.floor(rounds / 10)) early = used();
    doRound(made, round);
    // As after each message that comes by a socket: what waits for the end of that is done.
    await Promise.resolve();
  }
  const late = used();
  // V8 would collect the connection, with all that it keeps, before that.
  assertEquals(made.told, []);
  return { early, late };
}

/** An app opens and closes what it can, copies and reads; the user comes and goes. */
function doRound({ app, host, connection, wait }: Trial, round: number): void {
  const [surface, region, callback, source, positioner] = [0, 1, 2, 3, 4].map((step) => ids.next + step) as [
    number,
    number,
    number,
    number,
    number,
  ];
  // A compositor gives an id again as soon as the app has destroyed the object.
  const offer = 0xff00_0000;
  wait(20);
  const made = app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.compositor, "wl_compositor.create_region", region),
    message(1, "wl_display.sync", callback),
    message(ids.dataManager, "wl_data_device_manager.create_data_source", source),
    message(source, "wl_data_source.offer", `application/x-${round}`),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(ids.toplevel, "xdg_toplevel.set_title", `title ${round}`),
    message(surface, "wl_surface.attach", ids.buffer, 0, 0),
    message(surface, "wl_surface.commit"),
  );
  host(
    message(ids.keyboard, "wl_keyboard.enter", round, ids.surface, new Uint8Array()),
    message(ids.keyboard, "wl_keyboard.key", round, 0, 30, 1),
    message(ids.device, "wl_data_device.data_offer", offer),
    message(offer, "wl_data_offer.offer", "text/plain"),
    message(ids.device, "wl_data_device.selection", offer),
  );
  const pipe = round + 2;
  for (const part of [frame(7, pipe), frame(1, pipe)]) connection.fromContainer(part);
  app(message(offer, "wl_data_offer.receive", "text/plain"), message(offer, "wl_data_offer.destroy"));
  for (const part of [frame(10, pipe, new Uint8Array(8)), frame(12, pipe)]) connection.fromHost(part);
  connection.fromContainer(frame(11, pipe));
  app(
    message(surface, "wl_surface.destroy"),
    message(region, "wl_region.destroy"),
    message(source, "wl_data_source.destroy"),
    message(positioner, "xdg_positioner.destroy"),
  );
  host(
    message(ids.keyboard, "wl_keyboard.leave", round, ids.surface),
    ...newIds(made).map((id) => message(1, "wl_display.delete_id", id)),
  );
}

/** The numbers that new objects have at the host's end. */
function newIds(bytes: Uint8Array): number[] {
  const objects = newObjects();
  objects.set(ids.compositor, { name: "wl_compositor", version: 6 });
  objects.set(ids.shell, { name: "xdg_wm_base", version: 3 });
  objects.set(ids.dataManager, { name: "wl_data_device_manager", version: 3 });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 6, true)) {
    const known = protocols.get(objects.get(view.getUint32(at, true))?.name ?? "")
      ?.requests[view.getUint16(at + 4, true)];
    if (known?.args.some(({ type }) => type === "new_id")) found.push(view.getUint32(at + 8, true));
  }
  return found;
}

if (import.meta.main) {
  // deno-lint-ignore no-console
  console.log(await heapAfter(Number(Deno.args[0] ?? 1_000_000)));
}
