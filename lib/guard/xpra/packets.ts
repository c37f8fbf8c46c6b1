/**
 * Packets: a type, under its old name or its new one, and its arguments; how frames are decoded into packets, and
 * packets encoded into frames.
 */

import { Violation } from "../faults.ts";
import { frame, maxChunks, maxIndex, type RawPacket } from "./frames.ts";
import { decode, encode, type Value } from "./rencode.ts";
import { isAtLeast } from "../../base/programs.ts";

/** One end of a connection: who has sent a packet, or gets it. */
export type Sender = "container" | "client";

export interface Packet {
  /** Its type, by its old name, see {@linkcode oldName}. */
  type: string;
  /** Its arguments: the first is xpra's item 1. */
  args: Value[];
}

/** A byte string of at least this many bytes is sent as a chunk of its own, which costs no copy. */
const chunkFrom = 8192;

/**
 * Decodes a packet. Its byte strings look into the frames.
 *
 * @throws {Violation} when it is not a packet
 */
export function decodePacket({ main, chunks }: RawPacket): Packet {
  const items = decode(main);
  if (!Array.isArray(items)) throw new Violation("It sends a packet that is not a list");
  for (const [index, chunk] of chunks) {
    if (index >= items.length) throw new Violation("It sends a chunk for an item that the packet does not have");
    items[index] = chunk;
  }
  const [type, ...args] = items;
  if (typeof type !== "string") throw new Violation("It sends a packet without a type");
  return { type: oldName(type), args };
}

/** A packet as an end gets it that takes new names. */
export function renamed({ type, args }: Packet): Packet {
  return { type: newName(type), args };
}

/** Encodes a packet as parts to be written one after the other. Large byte strings are not copied. */
export function encodePacket({ type, args }: Packet): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const items: Value[] = [type, ...args];
  let chunks = 0;
  for (let index = 1; index < items.length && index <= maxIndex; index++) {
    const item = items[index];
    if (!(item instanceof Uint8Array) || item.length < chunkFrom || chunks === maxChunks) continue;
    chunks++;
    parts.push(...frame(item, index));
    items[index] = "";
  }
  parts.push(...frame(encode(items), 0));
  return parts;
}

/**
 * Each type that has two names: the old one, and the one of xpra 6.6, which renames many of them
 * (`docs/Network/Protocol.md`). What goes with both is the same. With its `XPRA_BACKWARDS_COMPATIBLE=1`, which is the
 * default, xpra 6.6 sends the old names and takes both; without it, it knows only the new ones. The guard itself knows
 * the old ones.
 */
const synonyms: readonly (readonly [old: string, renamed: string])[] = [
  ["disconnect", "connection-close"],
  ["ping_echo", "ping-echo"],
  ["server-event", "events"],
  // Windows.
  ["new-window", "window-create"],
  ["lost-window", "window-destroy"],
  ["damage-sequence", "window-draw-ack"],
  ["buffer-refresh", "window-refresh"],
  ...["raise", "restack", "map", "unmap", "close"].map((verb) => [`${verb}-window`, `window-${verb}`] as const),
  ...["initiate-moveresize", "draw", "eos", "bell", "focus"].map((old) => [old, `window-${old}`] as const),
  // Keyboard, pointer and screens.
  ["set-keyboard-sync-enabled", "keyboard-sync"],
  ["pointer", "pointer-motion"],
  ["wheel-motion", "pointer-wheel"],
  ["configure-display", "display-configure"],
  ["desktop_size", "display-resized"],
  ["force-ungrab", "display-ungrab"],
  // Settings.
  ["set-bell", "bell-set"],
  ["set-cursors", "cursor-set"],
  ["encodings", "encoding-set"],
  ["connection-data", "bandwidth-status"],
  // Channels.
  ["set-clipboard-enabled", "clipboard-status"],
];

/** To xpra 6.6 a popup is a window whose description says so. */
const merged: typeof synonyms = [
  ["new-override-redirect", "window-create"],
  ["configure-override-redirect", "window-move-resize"],
];

const oldNames = new Map(synonyms.map(([old, renamed]) => [renamed, old]));
const newNames = new Map([...synonyms, ...merged]);

/** The old name of a type, which the guard uses. */
export function oldName(type: string): string {
  return oldNames.get(type) ?? type;
}

/** The name of a type in xpra 6.6. */
function newName(type: string): string {
  return newNames.get(type) ?? type;
}

/** Whether an end takes new names, going by the version in its hello: those from 6.6 on do. */
export function takesNewNames(hello: Value | undefined): boolean {
  const version = hello instanceof Map ? hello.get("version") : undefined;
  const [known = "0"] = /^\d{1,3}\.\d{1,3}/.exec(`${version}`) ?? [];
  return isAtLeast(known, "6.6");
}
