/** Drags of files, and apps that ask for them, for tests. */

import { assert } from "@std/assert";
import { concat } from "@std/bytes";
import type { Crossings } from "../../lib/guard/crossings.ts";
import type { OpenClipboard } from "../../lib/guard/wayland/carrying.ts";
import { frame, ids, message, showWindow, type Trial, trial, withGlobals } from "./wayland_samples.ts";

export const nothing = new Uint8Array();
export const offer = 0xff00_0000;
export const [source, device] = [ids.next, ids.device];
export const listType = "text/uri-list";
const fileTypes = ["text/plain;charset=utf-8", listType, "x-special/gnome-icon-list", "text/plain"];
export const list = "file:///home/me/a.txt\r\n";
export const lentList = "file:///home/ubuntu/maps/1-a.txt\r\n";
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** A window on which files may be dropped, and what was to be lent. */
export function withDrops(
  lend = (_list: string): Promise<string> => Promise.resolve(lentList),
  { clipboard, crossings }: { clipboard?: OpenClipboard; crossings?: Crossings } = {},
): Trial & { lent: string[]; pasted: string[]; again: string[] } {
  const given = { dropped: [] as string[], pasted: [] as string[], again: [] as string[], out: [] as string[] };
  const made = withGlobals(
    undefined,
    trial(clipboard, {
      ...(crossings && { crossings }),
      lend(list, how) {
        given[how].push(list);
        return lend(list);
      },
    }),
  );
  showWindow(made);
  return { ...made, lent: given.dropped, pasted: given.pasted, again: given.again };
}

/** The host drags these types over the window. Gives what passes. */
export function drag(
  { host }: Trial,
  { types = fileTypes, id = offer, to = device }: { types?: readonly string[]; id?: number; to?: number } = {},
): { announced: Uint8Array; entered: Uint8Array } {
  const announced = host(
    message(to, "wl_data_device.data_offer", id),
    ...types.map((type) => message(id, "wl_data_offer.offer", type)),
    message(id, "wl_data_offer.source_actions", 7),
  );
  return { announced, entered: host(message(to, "wl_data_device.enter", 9, ids.surface, 256, 256, id)) };
}

export function drop({ host }: Trial, to: number = device): void {
  host(message(to, "wl_data_device.drop"));
}

/** The app asks for the list, by the pipe of this number. */
export function ask({ connection, app }: Trial, { pipe, id = offer }: { pipe: number; id?: number }): Uint8Array {
  connection.fromContainer(frame(7, pipe));
  connection.fromContainer(frame(1, pipe));
  return app(message(id, "wl_data_offer.receive", listType));
}

/** The host sends its list. Gives what passes at once, without frames that are empty. */
export function answer({ connection: { fromHost } }: Trial, pipe: number, data: Uint8Array = bytes(list)): Uint8Array {
  return withoutEmpty(concat([...fromHost(frame(10, pipe, data)), ...fromHost(frame(12, pipe))]));
}

function withoutEmpty(frames: Uint8Array): Uint8Array {
  return new Uint8Array(
    [...frames].flatMap((_, at, all) => at % 4 === 0 && all[at] !== 0x80 ? all.slice(at, at + 4) : []),
  );
}

/** What the guard itself has to say to the app, once that is so. */
export async function said({ connection }: Trial): Promise<Uint8Array> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  const leaving = connection.leave();
  assert(leaving !== "later");
  return leaving?.toContainer.slice(4) ?? nothing;
}

/** What the app's pipe gets of the host's list. */
export async function taken(made: Trial, asked: { pipe: number; id?: number }): Promise<Uint8Array> {
  ask(made, asked);
  return concat([answer(made, asked.pipe), await said(made)]);
}

export const closing = (pipe: number): Uint8Array => frame(12, pipe);
export const whole = (pipe: number): Uint8Array => concat([frame(10, pipe, bytes(lentList)), closing(pipe)]);

/** What an app gets that asks too soon. */
export const early = (pipe: number): Uint8Array =>
  concat([frame(10, pipe, bytes("file:///dev/null\r\n")), closing(pipe)]);
