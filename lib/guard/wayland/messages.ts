/** Reads and writes Wayland messages: an object, an opcode, and arguments by their types. */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import type { Descriptor, FrameSender } from "./descriptors.ts";
import type { ArgumentValue, Message, WaylandObject } from "./objects.ts";
import type { Argument } from "./protocols.ts";

/** The maximum length of a text or array, in bytes: libwayland refuses longer messages. */
const maxTextBytes = 4096;

/** Strings of host programs may be invalid UTF-8; so may an app's titles and app ids, which the guard rewrites. */
const decoders = {
  container: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  host: new TextDecoder("utf-8", { ignoreBOM: true }),
};

const rewritten = new Set<string>(["xdg_toplevel.set_title", "xdg_toplevel.set_app_id"]);
const textEncoder = new TextEncoder();

/** The id of an object at the receiving end. */
export function idFrom(sender: FrameSender, { id, hostId }: WaylandObject): number {
  return sender === "container" ? hostId : id;
}

/**
 * Reads a message's values from the bytes after its header, and replaces ids of objects by those of the other end.
 *
 * @param options `take`: returns the next descriptor; `find`: returns the object that an argument names or creates, by
 * its id
 */
export function readValues(
  { sender, type: { name, args }, values }: Message & { values: ArgumentValue[] },
  { bytes, take, find }: {
    bytes: Uint8Array;
    take(): Descriptor;
    find(argument: Argument, id: number): WaylandObject | undefined;
  },
): void {
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
        const found = find(argument, view.getUint32(start, true));
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
        return take();
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

/** A string or an array, padded to full words. */
function blockOf(bytes: Uint8Array): Uint8Array[] {
  return [wordOf(bytes.length), bytes, new Uint8Array(-bytes.length & 3)];
}

/** Little-endian, as on all machines that Deno supports. */
function wordOf(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
