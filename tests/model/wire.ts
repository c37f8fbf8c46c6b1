/** An end of waypipe's stream: whole messages from bytes that come in pieces of any size, by a parser of the model's own. */

import { concat } from "@std/bytes";
import { type Interface, protocols } from "../../lib/guard/wayland/protocols.ts";
import { keep } from "./promises.ts";

/** An object that an end knows. */
export interface Known {
  /** Its interface. */
  name: string;
  /** Of the interface. */
  version: number;
}

/** A message that has come, or bytes of a pipe, with the name `pipe`. */
export interface Heard {
  /** As `wl_surface.attach`. */
  name: string;
  /** For which object, or by which pipe. */
  id: number;
  /**
   * Its arguments. A new object of any interface has two in front: its name and its version. Descriptors are numbers, as
   * waypipe counts them.
   */
  values: (number | string | null | Uint8Array)[];
}

/** The objects of an end, with the display. */
export function newObjects(): Map<number, Known> {
  return new Map([[1, { name: "wl_display", version: 1 }]]);
}

const decoder = new TextDecoder();

/**
 * Reads what comes. A message is taken apart once those before it are dealt with, since they may make or end objects.
 *
 * @param hears what comes: requests at the compositor's end, events at the app's
 */
export function createReader(
  hears: "requests" | "events",
  objects: Map<number, Known>,
): (bytes: Uint8Array) => Generator<Heard> {
  let held = new Uint8Array();
  /** Descriptors for the next messages. */
  const queue: number[] = [];
  return function* (bytes) {
    held = held.length > 0 ? concat([held, bytes]) : bytes.slice();
    for (;;) {
      const header = held.length < 4 ? undefined : new DataView(held.buffer, held.byteOffset).getUint32(0, true);
      if (header === undefined) return;
      const [size, type] = [header >>> 5, header & 31];
      const padded = (size + 3) & ~3;
      if (held.length < padded) return;
      keep("order", size >= 4, "a frame has no length");
      const frame = held.subarray(4, size);
      held = held.subarray(padded);
      keep("order", type <= 18 && type !== 4, `a frame of type ${type}`);
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      for (let at = 0; type === 1 && at < frame.length; at += 4) queue.push(view.getInt32(at, true));
      if (type === 10) yield { name: "pipe", id: view.getInt32(0, true), values: [frame.slice(4)] };
      for (let at = 0; type === 0 && at < frame.length;) {
        const length = new DataView(frame.buffer, frame.byteOffset + at).getUint16(6, true);
        keep("order", length >= 8 && at + length <= frame.length, "a message has no end");
        yield readMessage(frame.subarray(at, at + length), { hears, objects, queue });
        at += length;
      }
    }
  };
}

function readMessage(
  bytes: Uint8Array,
  { hears, objects, queue }: { hears: "requests" | "events"; objects: Map<number, Known>; queue: number[] },
): Heard {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = view.getUint32(0, true);
  const known = objects.get(id);
  const type = known && (protocols.get(known.name) as Interface)[hears][view.getUint16(4, true) & 0x7ff];
  if (!type) {
    keep("order", false, `a message for ${known?.name ?? `object ${id}`}, which knows no such thing`);
    throw new Error();
  }
  keep("order", type.since <= known.version, `${type.name} for version ${known.version}`);
  const values: Heard["values"] = [];
  let at = 8;
  for (const argument of type.args) {
    if (argument.type === "fd") {
      keep("order", queue.length > 0, `${type.name} without its descriptor`);
      values.push(queue.shift()!);
      continue;
    }
    const word = argument.type === "int" || argument.type === "fixed"
      ? view.getInt32(at, true)
      : view.getUint32(at, true);
    at += 4;
    if (argument.type === "string" || argument.type === "array") {
      const block = bytes.subarray(at, at + word);
      at += (word + 3) & ~3;
      values.push(
        argument.type === "array" ? block.slice() : word === 0 ? null : decoder.decode(block.subarray(0, -1)),
      );
      continue;
    }
    values.push(word);
    if (argument.type === "object" && word !== 0 && hears === "requests") {
      const other = objects.get(word)?.name;
      keep("order", other !== undefined && (argument.interface ?? other) === other, `${type.name} names ${other}`);
    }
    if (argument.type !== "new_id") continue;
    const isBound = argument.interface === undefined;
    keep("order", hears === "events" || !objects.has(word), `${type.name} makes object ${word} again`);
    objects.set(word, {
      name: isBound ? values.at(-3) as string : argument.interface!,
      version: isBound ? values.at(-2) as number : known.version,
    });
  }
  keep("order", at === bytes.length, `${type.name} has another length`);
  return { name: type.name, id, values };
}
