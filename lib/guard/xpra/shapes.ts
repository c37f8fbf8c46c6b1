/** Shapes: what a value of a packet may be. A shape takes a value and gives the one that may pass in its place. */

import { shortLine } from "../../base/text.ts";
import { Refusal } from "../faults.ts";
import type { Dict, Value } from "./rencode.ts";

/**
 * Gives the value that may pass.
 *
 * @throws {Refusal} when none may
 */
export type Shape<T extends Value = Value> = (value: Value) => T;

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Shape<number> {
  return (value) => {
    if (typeof value !== "number" || value < min || value > max) throw new Refusal("a number is out of range");
    return value;
  };
}

/** A number of things, or of a packet. */
export const count: Shape<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** A truth value; the numbers 0 and 1 are taken for one. */
export function flag(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  throw new Refusal("it has something else where true or false belongs");
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxWordBytes = 4096;

/**
 * A value as a text: xpra 5 sends some words as bytes.
 *
 * @throws {Refusal} when it is not text
 */
export function text(value: Value): string {
  if (typeof value === "string") return value;
  if (!(value instanceof Uint8Array) || value.length > maxWordBytes) {
    throw new Refusal("it has something else where a text belongs");
  }
  try {
    return utf8.decode(value);
  } catch {
    throw new Refusal("it has something else where a text belongs");
  }
}

/** One line of at most `max` characters, made printable; what is longer is cut. */
export function line(max: number): Shape<string> {
  return (value) => shortLine(text(value), max);
}

/** A text that matches the pattern; it passes unchanged. */
export function word(pattern: RegExp): Shape<string> {
  return (value) => {
    const found = text(value);
    if (!pattern.test(found)) throw new Refusal("it has a word that is not on the list");
    return found;
  };
}

/** One of a few words. */
export function oneOf(...words: readonly string[]): Shape<string> {
  return (value) => {
    const found = text(value);
    if (!words.includes(found)) throw new Refusal("it has a word that is not on the list");
    return found;
  };
}

/** At most `max` bytes. An empty text counts as no bytes, since xpra sends one in their place. */
export function bytes(max: number): Shape<Uint8Array> {
  return (value) => {
    if (value === "") return new Uint8Array();
    if (!(value instanceof Uint8Array) || value.length > max) {
      throw new Refusal("it has too many bytes, or something else in their place");
    }
    return value;
  };
}

/** A list of at most `max` items of one shape. */
export function list<T extends Value>(shape: Shape<T>, max: number): Shape<T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > max) {
      throw new Refusal("it has a list that is too long, or something else in its place");
    }
    return value.map(shape);
  };
}

/** A list with one item for each of these shapes. */
export function tuple(...shapes: readonly Shape[]): Shape<Value[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== shapes.length) throw new Refusal("it has a list of the wrong length");
    return shapes.map((shape, index) => shape(value[index]!));
  };
}

/** The first of these shapes that takes the value. */
export function either(...shapes: readonly Shape[]): Shape {
  return (value) => {
    for (const shape of shapes) {
      try {
        return shape(value);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    throw new Refusal("it has a value of the wrong type");
  };
}

/** The same value whatever comes. */
export function always(value: Value): Shape {
  return () => value;
}

/** A table of which only these keys pass, each only if its value has its shape; all others are silently dropped. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape<Dict> {
  const known = new Map(Object.entries(shapes));
  return (value) => {
    if (!(value instanceof Map)) throw new Refusal("it has something else where a table belongs");
    const passed: Dict = new Map();
    for (const [key, each] of value) {
      const shape = known.get(`${key}`);
      if (!shape || typeof key !== "string") continue;
      try {
        passed.set(key, shape(each));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    return passed;
  };
}

/**
 * The arguments of a packet: the first ones must be there, the optional ones may; what follows is left out.
 */
export function args(shapes: readonly Shape[], optional: readonly Shape[] = []): (values: readonly Value[]) => Value[] {
  const all = [...shapes, ...optional];
  return (values) => {
    if (values.length < shapes.length) throw new Refusal("arguments are missing");
    return all.slice(0, values.length).map((shape, index) => shape(values[index]!));
  };
}
