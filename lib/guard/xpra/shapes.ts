/** Shapes: what a value of a packet may be. A shape takes a value and returns the one that may pass in its place. */

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

/** A number of things, or of a packet. */
export const count: Shape<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** A truth value; the numbers 0 and 1 are taken for one. */
export function flag(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  throw new Refusal("it has something else where true or false belongs");
}

/** A truth value for each of these keys of a table. */
export function flags(...names: readonly string[]): Record<string, Shape> {
  return Object.fromEntries(names.map((name) => [name, flag]));
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
  try {
    if (value instanceof Uint8Array && value.length <= maxWordBytes) return utf8.decode(value);
  } catch {
    // It is not UTF-8.
  }
  throw new Refusal("it has something else where a text belongs");
}

/** One line of at most `max` characters, made printable; what is longer is cut. */
export function line(max: number): Shape<string> {
  return (value) => shortLine(text(value), max);
}

/** A text that matches the pattern; it passes unchanged. */
export function word(pattern: Pick<RegExp, "test">): Shape<string> {
  return (value) => {
    const found = text(value);
    if (!pattern.test(found)) throw new Refusal("it has a word that is not on the list");
    return found;
  };
}

export function oneOf(...words: readonly string[]): Shape<string> {
  return word({ test: (text) => words.includes(text) });
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

/** What a shape gives; undefined when it refuses. */
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

/** A table of which only these keys pass, each only if its value has its shape; all others are silently dropped. */
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

/** Longer keys do not pass: the path of a value has the keys of all tables around it. */
const maxKeyCharacters = 256;
const maxTextCharacters = 256;

/**
 * A table with plain values: texts made printable, no bytes.
 *
 * @param may whether the value of this path passes. It has the keys of all tables around it, joined by points: xpra
 * takes `{"a": {"b": 1}}` and `{"a.b": 1}` for the same
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

/** A value without tables, whose names nobody has looked at, and without bytes. */
function plainValue(value: Value): Value | undefined {
  if (value instanceof Uint8Array || value instanceof Map) return undefined;
  if (typeof value === "string") return shortLine(value, maxTextCharacters);
  if (Array.isArray(value)) return value.map(plainValue).filter((each) => each !== undefined);
  return value;
}

/** Lists of screens and monitors have the models' names in them. */
function withoutNames(value: Value): Value {
  if (typeof value === "string") return "screen";
  return Array.isArray(value) ? value.map(withoutNames) : typeof value === "number" ? value : 0;
}

export type ValuesOf<S extends readonly Shape[]> = { -readonly [Index in keyof S]: ReturnType<S[Index]> };

/** The arguments of a packet that may pass: those that need not be there may be missing at the end. */
export type Args = readonly (Value | undefined)[];

/** Takes the arguments of a packet and returns those that may pass; throws a refusal when none may. */
export type Check<A extends Args = Args> = (values: readonly Value[]) => A;

/** The arguments of a packet: the first ones must be there, the optional ones may; what follows is left out. */
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
