/** Shapes of values in packets. A shape is a function that takes a value, and returns the one that may pass instead. */

import { shortLine } from "../../base/text.ts";
import { Refusal } from "../faults.ts";
import type { Dict, Value } from "./rencode.ts";

/**
 * Returns the value that may pass.
 *
 * @throws {Refusal} when none may
 */
export type Shape<T extends Value = Value> = (value: Value) => T;

export function integer(min: number, max: number): Shape<number> {
  return (value) => {
    if (typeof value !== "number" || value < min || value > max) throw new Refusal("a number is out of range");
    return value;
  };
}

/** A count, or the number of a packet. */
export const count: Shape<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** A boolean; the numbers 0 and 1 count as one. */
export function flag(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  throw new Refusal("it has something else where true or false belongs");
}

/** Shapes for keys of a table whose values are booleans. */
export function flags(...names: readonly string[]): Record<string, Shape> {
  return Object.fromEntries(names.map((name) => [name, flag]));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxWordBytes = 4096;

/**
 * A text. xpra 5 sends some as bytes.
 *
 * @throws {Refusal} when it is not text
 */
export function text(value: Value): string {
  if (typeof value === "string") return value;
  try {
    if (value instanceof Uint8Array && value.length <= maxWordBytes) return utf8.decode(value);
  } catch {
    // It is not UTF-8.
  }
  throw new Refusal("it has something else where a text belongs");
}

/** One line, made printable and cut to `max` characters. */
export function line(max: number): Shape<string> {
  return (value) => shortLine(text(value), max);
}

/** A text that matches a pattern. */
export function word(pattern: Pick<RegExp, "test">): Shape<string> {
  return (value) => {
    const word = text(value);
    if (!pattern.test(word)) throw new Refusal("it has a word that is not on the list");
    return word;
  };
}

export function oneOf(...words: readonly string[]): Shape<string> {
  return word({ test: (text) => words.includes(text) });
}

/** At most `max` bytes. An empty text counts as no bytes, since xpra sends that instead. */
export function bytes(max: number): Shape<Uint8Array> {
  return (value) => {
    if (value === "") return new Uint8Array();
    if (!(value instanceof Uint8Array) || value.length > max) {
      throw new Refusal("it has too many bytes, or something else in their place");
    }
    return value;
  };
}

export function list<T extends Value>(shape: Shape<T>, max: number): Shape<T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > max) {
      throw new Refusal("it has a list that is too long, or something else in its place");
    }
    return value.map(shape);
  };
}

/** A list with one item for each of these shapes. */
export function tuple<const S extends readonly Shape[]>(...shapes: S): Shape<ValuesOf<S>> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== shapes.length) throw new Refusal("it has a list of the wrong length");
    return shapes.map((shape, index) => shape(value[index]!)) as ValuesOf<S>;
  };
}

/** The result of a shape; undefined when it refuses. */
export function accepted<T extends Value>(shape: Shape<T>, value: Value): T | undefined {
  try {
    return shape(value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return undefined;
  }
}

export function anything(value: Value): Value {
  return value;
}

/** A table. Only these keys pass, if their values have these shapes; all others are silently dropped. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape<Dict> {
  const known = new Map<string | number, Shape>(Object.entries(shapes));
  return (value) => {
    if (!(value instanceof Map)) throw new Refusal("it has something else where a table belongs");
    const passed: Dict = new Map();
    for (const [key, each] of value) {
      const shape = known.get(key);
      const value = shape && accepted(shape, each);
      if (value !== undefined) passed.set(key, value);
    }
    return passed;
  };
}

/** The longest key: the path of a value has the keys of all tables around it. */
const maxKeyCharacters = 256;
const maxTextCharacters = 256;

/**
 * A table of plain values: texts are made printable, bytes are dropped.
 *
 * @param may whether the value at a path passes. A path has the keys of all tables around the value, joined by dots: to
 * xpra, `{"a": {"b": 1}}` and `{"a.b": 1}` are the same
 */
export function table(may: (path: string) => boolean): Shape<Dict> {
  return (value) => {
    if (!(value instanceof Map)) throw new Refusal("it has something else where a table belongs");
    return pick(value, { may, prefix: "" });
  };
}

function pick(value: Dict, { may, prefix }: { may: (path: string) => boolean; prefix: string }): Dict {
  const picked: Dict = new Map();
  for (const [key, each] of value) {
    if (typeof key === "string" && key.length > maxKeyCharacters) continue;
    const path = key === "" ? prefix.replace(/\.$/, "") : `${prefix}${key}`;
    const name = typeof key === "string" ? shortLine(key, maxKeyCharacters) : key;
    if (each instanceof Map) {
      const inner = pick(each, { may, prefix: `${path}.` });
      if (inner.size > 0) picked.set(name, inner);
    } else if (may(path)) {
      const plain = /^(display\.)?screen_sizes/.test(path) ? withoutNames(each) : plainValue(each);
      if (plain !== undefined) picked.set(name, plain);
    }
  }
  return picked;
}

/** A value without bytes, and without tables in lists, whose keys nobody has checked. */
function plainValue(value: Value): Value | undefined {
  if (value instanceof Uint8Array || value instanceof Map) return undefined;
  if (typeof value === "string") return shortLine(value, maxTextCharacters);
  if (Array.isArray(value)) return value.map(plainValue).filter((each) => each !== undefined);
  return value;
}

/** A list of screens and monitors without the names of models. */
function withoutNames(value: Value): Value {
  if (typeof value === "string") return "screen";
  return Array.isArray(value) ? value.map(withoutNames) : typeof value === "number" ? value : 0;
}

export type ValuesOf<S extends readonly Shape[]> = { -readonly [Index in keyof S]: ReturnType<S[Index]> };

/** The arguments of a packet that may pass. Optional ones at the end may be missing. */
export type Args = readonly (Value | undefined)[];

/** Takes the arguments of a packet, and returns those that may pass instead; throws a refusal when it must not pass. */
export type Check<A extends Args = Args> = (values: readonly Value[]) => A;

/** The arguments of a packet: required ones, then optional ones; any others are left out. */
export function args<const S extends readonly Shape[], const O extends readonly Shape[] = readonly []>(
  shapes: S,
  optional?: O,
): Check<[...ValuesOf<S>, ...Partial<ValuesOf<O>>]> {
  const all = [...shapes, ...optional ?? []];
  return (values) => {
    if (values.length < shapes.length) throw new Refusal("arguments are missing");
    return all.slice(0, values.length).map((shape, index) => shape(values[index]!)) as ReturnType<
      Check<[...ValuesOf<S>, ...Partial<ValuesOf<O>>]>
    >;
  };
}
