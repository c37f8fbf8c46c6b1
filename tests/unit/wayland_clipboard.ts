/** What tests of the clipboard on Wayland have in common: what an app offers and reads, and what the host announces. */

import { assert } from "@std/assert";
import { ids, message, nothing, readData, type Trial } from "./wayland_samples.ts";

export const offer = 0xff00_0000;
export const [source, device, primaryDevice] = [ids.next, ids.device, ids.primaryDevice];
export const mark = "application/x-gui-container.box";

export function makeSource({ app }: Trial): void {
  app(message(ids.dataManager, "wl_data_device_manager.create_data_source", source));
}

export function offerType({ app }: Trial, type: string): Uint8Array {
  return app(message(source, "wl_data_source.offer", type));
}

export function copy({ app }: Trial, serial: number): Uint8Array {
  return app(message(device, "wl_data_device.set_selection", source, serial));
}

/** The host announces these types as what is copied. Returns what passes. */
export function announce({ host }: Trial, types: readonly string[], id = offer): Uint8Array {
  host(message(device, "wl_data_device.data_offer", id));
  const passed = host(...types.map((type) => message(id, "wl_data_offer.offer", type)));
  host(message(device, "wl_data_device.selection", id));
  return passed;
}

export function read(made: Trial, type: string, { pipe = 2, id = offer } = {}): { asked: Uint8Array; isRead: boolean } {
  return readData(made, { pipe, receive: message(id, "wl_data_offer.receive", type) });
}

/** What the guard itself has to say to the app. */
export function saidBy({ connection }: Trial): string {
  const leaving = connection.leave();
  assert(leaving !== "later");
  return raw(leaving?.toContainer ?? nothing);
}

/** Each byte as a character. */
export function raw(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Printable, for a comparison of messages without the bits that count descriptors. */
export function text(message: Uint8Array): string {
  return new TextDecoder().decode(message.subarray(8));
}
