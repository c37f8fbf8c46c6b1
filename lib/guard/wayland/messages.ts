/**
 * Reads and writes Wayland messages: an object, an opcode, and arguments by their types, which name or create other
 * objects, or take descriptors.
 */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import type { Descriptor, Descriptors, FrameSender } from "./descriptors.ts";
import type { Addition, ArgumentValue, Message, WaylandObject } from "./objects.ts";
import type { ObjectTable } from "./object_table.ts";
import { type Argument, protocols } from "./protocols.ts";
import type { Registry } from "./registry.ts";

/** The highest `int` of the protocol: as a length, larger than any surface. */
export const maxInt = 2 ** 31 - 1;

/** The maximum length of a text or array, in bytes: libwayland refuses longer messages. */
const maxTextBytes = 4096;

/** Strings of host programs may be invalid UTF-8; so may an app's titles and app ids, which the guard rewrites. */
const decoders = {
  container: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  host: new TextDecoder("utf-8", { ignoreBOM: true }),
};

/** Interfaces with keyboard focus, which some compositors (Hyprland) give to a border instead of its window. */
const hasKeys = new Set(["wl_keyboard", "zwp_text_input_v3"]);
/** Messages whose descriptor is a file; that of all others is a pipe. */
const sendsFile = new Set(["wl_shm.create_pool", "wl_keyboard.keymap"]);

const rewritten = new Set<string>(["xdg_toplevel.set_title", "xdg_toplevel.set_app_id"]);
const textEncoder = new TextEncoder();

/** The id of an object at the receiving end. */
function idFrom(sender: FrameSender, { id, hostId }: WaylandObject): number {
  return sender === "container" ? hostId : id;
}

/** Makes a function that reads one message of a connection, and replaces the ids in its bytes by the other end's. */
export function createMessageReader(
  objects: ObjectTable,
  descriptors: Descriptors,
  checkBind: Registry["checkBind"],
): (sender: FrameSender, bytes: Uint8Array) => Message {
  /** Without a fixed interface, the two arguments before it are interface and version. */
  const created = ({ sender, object, values }: Message, argument: Argument, id: number): WaylandObject => {
    const isBound = argument.interface === undefined;
    const name = argument.interface ?? values.at(-2) as string;
    const version = isBound ? values.at(-1) as number : object.version;
    if (isBound) checkBind(values[0] as number, { name, version });
    return objects.make(sender, { id, type: protocols.get(name), version });
  };
  /** Returns undefined for null. */
  const named = ({ sender, object }: Message, argument: Argument, id: number): WaylandObject | undefined => {
    const { interface: name, isNullable } = argument;
    if (id === 0 && !isNullable && sender === "container") throw new Violation("an argument is null");
    if (id === 0) return undefined;
    const other = objects.find(sender, id);
    const isRight = other && (name === undefined || other.type.name === name);
    if (isRight && sender === "host") return hasKeys.has(object.type.name) ? other.standsFor ?? other : other;
    if (isRight && !other.isEnded) return other;
    // The compositor may name an object that the app has just ended.
    if (sender === "host" && !other) return undefined;
    throw new Violation("a message names an object that does not exist");
  };
  const meanings: Parameters<typeof readValues>[2] = {
    take: ({ sender, type }) => descriptors.take(sender, sendsFile.has(type.name) ? "file" : "pipe"),
    find: (message, argument, id) => (argument.type === "object" ? named : created)(message, argument, id),
  };
  return (sender, bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const object = objects.find(sender, view.getUint32(0, true));
    if (!object || sender === "container" && object.isEnded) throw new Violation("a message is for an unknown object");
    const code = view.getUint16(4, true);
    const opcode = code & 0x7ff;
    const type = (sender === "container" ? object.type.requests : object.type.events)[opcode];
    if (!type || type.since > object.version) {
      const what = type?.name ?? `${sender === "container" ? "request" : "event"} ${opcode}`;
      throw new Violation(`${what} is unknown to ${object.type.name}, version ${object.version}`);
    }
    if (code !== type.code) throw new Violation(`${type.name} has the wrong number of descriptors`);
    const message = { sender, object, type, values: [] as ArgumentValue[] };
    view.setUint32(0, idFrom(sender, object), true);
    readValues(message, bytes, meanings);
    return message;
  };
}

/** Reads a message's values from the bytes after its header. */
function readValues(
  message: Message & { values: ArgumentValue[] },
  bytes: Uint8Array,
  { take, find }: {
    take(message: Message): Descriptor;
    find(message: Message, argument: Argument, id: number): WaylandObject | undefined;
  },
): void {
  const { sender, type: { name, args }, values } = message;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8;
  const word = (): number => {
    if (at + 4 > bytes.length) throw new Violation("a message is shorter than its arguments");
    at += 4;
    return at - 4;
  };
  const block = (): Uint8Array => {
    const length = view.getUint32(word(), true);
    if (length > maxTextBytes || at + length > bytes.length) throw new Violation("a text or a list is too long");
    const block = bytes.subarray(at, at + length);
    at += (length + 3) & ~3;
    return block;
  };
  const read = (argument: Argument): ArgumentValue => {
    const { type, isNullable } = argument;
    switch (type) {
      case "int":
      case "fixed":
        return view.getInt32(word(), true);
      case "uint":
        return view.getUint32(word(), true);
      case "new_id":
      case "object": {
        const start = word();
        const found = find(message, argument, view.getUint32(start, true));
        if (found) view.setUint32(start, idFrom(sender, found), true);
        return found;
      }
      case "string": {
        const text = block();
        if (text.length === 0) {
          if (!isNullable) throw new Violation("an argument is null");
          return null;
        }
        if (text.indexOf(0) !== text.length - 1) throw new Violation("a text does not end where it should");
        return decodeText(text.subarray(0, -1), rewritten.has(name) ? "host" : sender);
      }
      case "array":
        return block();
      case "fd":
        return take(message);
    }
  };
  for (const argument of args) values.push(read(argument));
  if (at !== bytes.length) throw new Violation("a message is longer than its arguments");
}

function decodeText(bytes: Uint8Array, as: FrameSender): string {
  try {
    return decoders[as].decode(bytes);
  } catch {
    throw new Violation("a text is not UTF-8");
  }
}

/** Builds a message with these values; descriptors take no space in it. */
export function writeMessage(
  { sender, object, type: { code, args } }: Omit<Message, "values">,
  values: readonly ArgumentValue[],
): Uint8Array {
  const written = concat(args.flatMap(({ type }, index) => {
    const value = values[index];
    if (type === "fd") return [];
    if (typeof value === "string") return blockOf(textEncoder.encode(`${value}\0`));
    if (value instanceof Uint8Array) return blockOf(value);
    return [wordOf(typeof value === "number" || !value ? value ?? 0 : idFrom(sender, value as WaylandObject))];
  }));
  return concat([wordOf(idFrom(sender, object)), wordOf((8 + written.length) << 16 | code), written]);
}

/** The bytes of the guard's own messages, as if this end had sent them. */
export function writeAdditions(sender: FrameSender, list: readonly Addition[]): Uint8Array[] {
  return list.map(([object, name, ...values]) => {
    const all = sender === "container" ? object.type.requests : object.type.events;
    const type = all.find((each) => each.name === `${object.type.name}.${name}`)!;
    return writeMessage({ sender, object, type }, values);
  });
}

/** A string or an array, padded to full words. */
function blockOf(bytes: Uint8Array): Uint8Array[] {
  return [wordOf(bytes.length), bytes, new Uint8Array(-bytes.length & 3)];
}

/** Little-endian, as on all machines that Deno supports. */
function wordOf(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** Clamps a number to the protocol's `int`: beyond its range, it would wrap around. */
export function nearestInt(value: number): number {
  return Math.max(-maxInt - 1, Math.min(value, maxInt));
}
