/** Packets of xpra, and sessions whose two ends have said hello, for tests. */

import type { ChannelName } from "../../lib/channels/table.ts";
import { judgeClientPacket } from "../../lib/guard/xpra/client_packets.ts";
import type { Packet } from "../../lib/guard/xpra/packets.ts";
import type { Picture } from "../../lib/guard/xpra/pictures.ts";
import type { Value } from "../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../lib/guard/xpra/server_packets.ts";
import { createSession, type Session } from "../../lib/guard/xpra/session.ts";
import { Windows } from "../../lib/guard/xpra/windows.ts";
import { createAttention } from "../../lib/guard/attention.ts";
import { clientHello, description, dict, picture, serverHello } from "../fuzz/samples.ts";

/** A session in which both ends have said hello and one window is shown. */
export function session(...open: readonly ChannelName[]): Session {
  let time = 0;
  return sessionBy(() => time += 10, ...open);
}

/** The same, by a clock. */
export function sessionBy(now: () => number, ...open: readonly ChannelName[]): Session {
  const made = createSession({ container: "box", open: new Set(open), now, uuid: "0f".repeat(16) });
  judgeClientPacket(clientHello, made);
  judgeServerPacket(serverHello, made);
  server(made, "new-window", 1, 100, 100, 484, 316, description, new Map());
  client(made, "map-window", 1, 100, 100, 484, 316, new Map(), new Map());
  return made;
}

export function server(state: Session, type: string, ...args: Value[]): Packet | undefined {
  return judgeServerPacket({ type, args }, state).pass?.[0];
}

export function client(state: Session, type: string, ...args: Value[]): Packet | undefined {
  return judgeClientPacket({ type, args }, state).pass?.[0];
}

/** The same, and the user has pressed a button in the window. */
export function usedSession(...open: readonly ChannelName[]): Session {
  const made = session(...open);
  client(made, "focus", 1, []);
  client(made, "pointer-button", 0, 1, 1, 1, true, [1, 1], new Map());
  return made;
}

export function contains(value: Value | undefined, text: string): boolean {
  if (typeof value === "string") return value.includes(text);
  if (Array.isArray(value)) return value.some((each) => contains(each, text));
  return value instanceof Map && [...value].some((entry) => contains([...entry], text));
}

export const pixels = dict({ rgb_format: "BGRX", chunks: [[8, 4000]] });

export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

export const place = { x: 100, y: 100, width: 400, height: 300 };

function windowsBy(now: () => number): Windows {
  return new Windows("box", now, createAttention(now));
}

export function windows(): Windows {
  let time = 0;
  const made = windowsBy(() => time += 100);
  made.screen = { width: 1920, height: 1200, monitors: [] };
  return made;
}

/** Windows with one that is shown. */
export function shown(): Windows {
  const made = windows();
  made.open(1, { ...place, description });
  made.recordPlace(1, place);
  return made;
}

/** Windows with one that has the keyboard. */
export function focused(): Windows {
  const made = shown();
  made.focus(1);
  return made;
}

/** Windows with one that is shown, and their clock in milliseconds. */
export function timed(): { made: Windows; at(ms: number): void } {
  let time = 0;
  const made = windowsBy(() => time);
  made.screen = { width: 1920, height: 1200, monitors: [] };
  made.open(1, { ...place, description });
  made.recordPlace(1, place);
  return { made, at: (ms) => time = ms };
}

/** Where the frame and the scan of the picture begin. */
export const frameAt = picture.findIndex((byte, at) => byte === 0xff && picture[at + 1] === 0xc0);
export const scanAt = picture.lastIndexOf(0xda) - 1;

/** The picture with other bytes. */
export function changed(change: (bytes: number[]) => void): Uint8Array {
  const bytes = [...picture];
  change(bytes);
  return Uint8Array.from(bytes);
}

/** The picture as one of another size, with too few bytes for its pixels. */
export function resized(width: number, height: number): Picture {
  const data = changed((bytes) => bytes.splice(frameAt + 5, 4, height >> 8, height & 0xff, width >> 8, width & 0xff));
  return { data, width, height };
}

/** The largest picture: 4096 × 4096 pixels of one grey. */
export function largest(): Picture {
  const { width, height, data } = resized(4096, 4096);
  // Four blocks of each colour: no difference to the block before, and its end.
  const blocks = [0x28, 0x00, 0xa0, 0x02, 0x80, 0x0a, 0x00];
  const head = scanAt + 14;
  const bytes = new Uint8Array(head + (width * height / 64 / 4) * blocks.length + 2);
  bytes.set(data.subarray(0, head));
  for (let at = head; at < bytes.length - 2; at += blocks.length) bytes.set(blocks, at);
  bytes.set([0xff, 0xd9], bytes.length - 2);
  return { data: bytes, width, height };
}

export const small = (data: Uint8Array): Picture => ({ data, width: 8, height: 6 });
