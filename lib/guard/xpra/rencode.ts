/**
 * rencodeplus: xpra's encoding of values. This decoder is strict and bounded: that of xpra, in C, overflows the stack
 * on deeply nested lists (6.5.5: 100,000 levels end the process), and ignores bytes after the value.
 */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";

/** A floating-point number, told apart from integers. */
export type Float = { readonly float: number };

/** A table. A map, not an object, since the other end chooses the keys. */
export type Dict = Map<string | number, Value>;

/** A value in a packet. Integers beyond 2^53 are bigints; text and bytes are different. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Float | Value[] | Dict;

/** How deeply lists and tables may be nested. */
const maxDepth = 12;
/** How many values a packet may hold, at all levels together. */
const maxValues = 20_000;

const float64Code = 44;
const listCode = 59;
const dictCode = 60;
const decimalCode = 61;
const int64Code = 65;
const trueCode = 67;
const falseCode = 68;
const nullCode = 69;
const endCode = 127;

/** Ranges of codes for small numbers, and for lengths of what follows. */
const positive = { start: 0, count: 44 };
const negative = { start: 70, count: 32 };
const shortDict = { start: 102, count: 25 };
const digit = { start: 48, count: 10 };
const shortText = { start: 128, count: 64 };
const shortList = { start: 192, count: 64 };

/** The codes of numbers with a fixed size, in bytes. */
const fixed: ReadonlyMap<number, { size: number; read(view: DataView, at: number): Value }> = new Map([
  [62, { size: 1, read: (view, at) => view.getInt8(at) }],
  [63, { size: 2, read: (view, at) => view.getInt16(at) }],
  [64, { size: 4, read: (view, at) => view.getInt32(at) }],
  [int64Code, { size: 8, read: (view, at) => narrow(view.getBigInt64(at)) }],
  [66, { size: 4, read: (view, at) => ({ float: view.getFloat32(at) }) }],
  [float64Code, { size: 8, read: (view, at) => ({ float: view.getFloat64(at) }) }],
]);

/** How many digits xpra accepts in an integer, counting its sign. */
const maxDigits = 63;
/** Digits: an integer, and the length of a text or of bytes. */
const decimalPattern = /^(-?\d+)\x7f/;
const lengthPattern = /^(\d{1,10})([:/])/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Decodes the one value in `bytes`. Byte strings in it are views of `bytes`.
 *
 * @throws {Violation} for anything else
 */
export function decode(bytes: Uint8Array): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let left = maxValues;

  const take = (count: number): number => {
    const start = at;
    if (start + count > bytes.length) throw malformed("it ends too early");
    at += count;
    return start;
  };
  const text = (length: number): string => {
    const start = take(length);
    try {
      return decoder.decode(bytes.subarray(start, at));
    } catch {
      throw malformed("a text is not UTF-8");
    }
  };
  /** Reads the digits that come next. Returns the groups of the pattern. */
  const digits = (pattern: RegExp): string[] => {
    const match = pattern.exec(String.fromCharCode(...bytes.subarray(at, at + maxDigits + 1)));
    if (!match) throw malformed("a number does not end, or has other digits");
    at += match[0].length;
    return match.slice(1);
  };
  const textOrBytes = (): string | Uint8Array => {
    const [length, kind] = digits(lengthPattern);
    if (kind === ":") return text(Number(length));
    const start = take(Number(length));
    return bytes.subarray(start, at);
  };
  /** Reads this many items, or with undefined all up to the end mark. */
  const items = (count: number | undefined, read: () => void): void => {
    for (let index = 0; count === undefined ? bytes[at] !== endCode : index < count; index++) read();
    if (count === undefined) at++;
  };
  const list = (depth: number, count?: number): Value[] => {
    const list: Value[] = [];
    items(count, () => list.push(value(depth)));
    return list;
  };
  const dict = (depth: number, count?: number): Dict => {
    const dict: Dict = new Map();
    items(count, () => {
      const key = value(depth);
      if (typeof key !== "string" && typeof key !== "number") throw malformed("a key is neither text nor a number");
      dict.set(key, value(depth));
    });
    return dict;
  };

  const value = (depth: number): Value => {
    if (--left < 0) throw malformed("it holds too many values");
    const code = bytes[take(1)]!;
    if (isIn(code, positive)) return code;
    if (isIn(code, shortText)) return text(code - shortText.start);
    if (isIn(code, negative)) return negative.start - 1 - code;
    const number = fixed.get(code);
    if (number) return number.read(view, take(number.size));
    if (code === trueCode || code === falseCode) return code === trueCode;
    if (code === nullCode) return null;
    if (isIn(code, digit)) {
      at--;
      return textOrBytes();
    }
    if (code === decimalCode) return narrow(BigInt(digits(decimalPattern)[0]!));
    if (depth >= maxDepth) throw malformed("it is nested too deeply");
    if (isIn(code, shortList)) return list(depth + 1, code - shortList.start);
    if (isIn(code, shortDict)) return dict(depth + 1, code - shortDict.start);
    if (code === listCode) return list(depth + 1);
    if (code === dictCode) return dict(depth + 1);
    throw malformed("it holds an unknown type");
  };

  const result = value(0);
  if (at !== bytes.length) throw malformed("it has more bytes after its end");
  return result;
}

function isIn(code: number, { start, count }: { start: number; count: number }): boolean {
  return code >= start && code < start + count;
}

function malformed(what: string): Violation {
  return new Violation(`It sends a packet that is not rencodeplus: ${what}`);
}

function narrow(number: bigint): number | bigint {
  return number >= Number.MIN_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
}

/**
 * Encodes a value. Among xpra's encodings it uses the general ones only: integers of 64 bits, lists and tables with an
 * end mark. xpra 6.5.5 cannot read integers of a few digits.
 *
 * @throws {TypeError} for an integer with more digits than xpra accepts
 */
export function encode(value: Value): Uint8Array {
  const parts: Uint8Array[] = [];
  const put = (code: number): void => void parts.push(Uint8Array.of(code));
  const putDigits = (digits: string): void => void parts.push(encoder.encode(digits));
  const putFixed = (code: number, set: (view: DataView) => void): void => {
    const bytes = new Uint8Array(9);
    bytes[0] = code;
    set(new DataView(bytes.buffer, 1));
    parts.push(bytes);
  };
  const write = (item: Value): void => {
    if (item === null) put(nullCode);
    else if (typeof item === "boolean") put(item ? trueCode : falseCode);
    else if (typeof item === "number" || typeof item === "bigint") {
      const number = BigInt(item);
      if (BigInt.asIntN(64, number) === number) return putFixed(int64Code, (view) => view.setBigInt64(0, number));
      if (`${number}`.length > maxDigits) throw new TypeError("The integer has too many digits");
      put(decimalCode);
      putDigits(`${number}`);
      put(endCode);
    } else if (typeof item === "string" || item instanceof Uint8Array) {
      const bytes = typeof item === "string" ? encoder.encode(item) : item;
      putDigits(`${bytes.length}${bytes === item ? "/" : ":"}`);
      parts.push(bytes);
    } else if (Array.isArray(item)) {
      put(listCode);
      item.forEach(write);
      put(endCode);
    } else if (item instanceof Map) {
      put(dictCode);
      item.forEach((each, key) => [key, each].forEach(write));
      put(endCode);
    } else putFixed(float64Code, (view) => view.setFloat64(0, item.float));
  };
  write(value);
  return concat(parts);
}
