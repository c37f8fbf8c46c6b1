/**
 * rencodeplus: how xpra writes values as bytes. Strict and bounded: xpra's own decoder in C runs out of stack on lists
 * that are nested deeply enough (6.5.5: 100,000 levels end the process), and takes what it has not read to the end.
 */

import { Violation } from "../faults.ts";

/** A number with a fraction, or one that was sent as such. */
export interface Float {
  /** The number. */
  readonly float: number;
}

/** A table. A map, not an object: its keys are chosen by the other end. */
export type Dict = Map<string | number, Value>;

/** What a packet can hold. Integers beyond 2^53 are bigints; text and bytes are kept apart. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Float | Value[] | Dict;

/** How much one packet may hold. */
export interface DecodeLimits {
  /** How deeply lists and tables may be nested. Default: 12. */
  depth?: number;
  /** How many values there may be, whatever their nesting. Default: 20,000. */
  values?: number;
}

const float64Code = 44;
const listCode = 59;
const dictCode = 60;
const decimalCode = 61;
const int1Code = 62;
const int2Code = 63;
const int4Code = 64;
const int8Code = 65;
const float32Code = 66;
const trueCode = 67;
const falseCode = 68;
const nullCode = 69;
const negativeStart = 70;
const negativeCount = 32;
const shortDictStart = 102;
const shortDictCount = 25;
const endCode = 127;
const shortTextStart = 128;
const shortTextCount = 64;
const shortListStart = 192;
const shortListCount = 64;
const positiveCount = 44;
const digit0 = 48;
const digit9 = 57;
const colon = 58;
const slash = 47;
/** How many digits an integer may have, its sign included: xpra takes no more. */
const maxDigits = 63;
/** How many digits a length may have. */
const maxLengthDigits = 10;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Reads one value that fills all of `bytes`. Byte strings in it look into `bytes`.
 *
 * @throws {Violation} for anything else
 */
export function decode(
  bytes: Uint8Array,
  { depth: maxDepth = 12, values: maxValues = 20_000 }: DecodeLimits = {},
): Value {
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
    let ascii = "";
    if (length < 32) {
      for (let index = start; index < at; index++) {
        const code = bytes[index]!;
        if (code > 126) return longText(start);
        ascii += String.fromCharCode(code);
      }
      return ascii;
    }
    return longText(start);
  };
  const longText = (start: number): string => {
    try {
      return decoder.decode(bytes.subarray(start, at));
    } catch {
      throw malformed("a text is not UTF-8");
    }
  };
  const digits = (end: (code: number) => boolean, most: number): string => {
    const start = at;
    while (at < bytes.length && !end(bytes[at]!)) {
      if (at - start >= most) throw malformed("a number is too long");
      at++;
    }
    take(1);
    return String.fromCharCode(...bytes.subarray(start, at - 1));
  };
  const lengthFirst = (): string | Uint8Array => {
    at--;
    const length = digits((code) => code === colon || code === slash, maxLengthDigits);
    if (!/^\d+$/.test(length)) throw malformed("a length is not a number");
    if (bytes[at - 1] === colon) return text(Number(length));
    const start = take(Number(length));
    return bytes.subarray(start, at);
  };
  const integer = (): number | bigint => {
    const number = digits((code) => code === endCode, maxDigits);
    if (!/^-?\d+$/.test(number)) throw malformed("an integer is not a number");
    return narrow(BigInt(number));
  };
  const list = (length: number, depth: number): Value[] => {
    if (length > left) throw malformed("it holds too many values");
    const items: Value[] = [];
    for (let count = 0; count < length; count++) items.push(value(depth));
    return items;
  };
  const entry = (dict: Dict, depth: number): void => {
    const key = value(depth);
    if (typeof key !== "string" && typeof key !== "number") throw malformed("a key is neither text nor a number");
    dict.set(key, value(depth));
  };
  const atEnd = (): boolean => {
    if (bytes[at] !== endCode) return false;
    at++;
    return true;
  };

  const value = (depth: number): Value => {
    if (--left < 0) throw malformed("it holds too many values");
    const code = bytes[take(1)]!;
    if (code < positiveCount) return code;
    if (code >= shortTextStart && code < shortTextStart + shortTextCount) return text(code - shortTextStart);
    if (code >= negativeStart && code < negativeStart + negativeCount) return negativeStart - 1 - code;
    if (code >= digit0 && code <= digit9) return lengthFirst();
    switch (code) {
      case int1Code:
        return view.getInt8(take(1));
      case int2Code:
        return view.getInt16(take(2));
      case int4Code:
        return view.getInt32(take(4));
      case int8Code:
        return narrow(view.getBigInt64(take(8)));
      case decimalCode:
        return integer();
      case float32Code:
        return { float: view.getFloat32(take(4)) };
      case float64Code:
        return { float: view.getFloat64(take(8)) };
      case trueCode:
        return true;
      case falseCode:
        return false;
      case nullCode:
        return null;
    }
    if (depth >= maxDepth) throw malformed("it is nested too deeply");
    if (code >= shortListStart) return list(code - shortListStart, depth + 1);
    if (code === listCode) {
      const items: Value[] = [];
      while (!atEnd()) items.push(value(depth + 1));
      return items;
    }
    const dict: Dict = new Map();
    if (code >= shortDictStart && code < shortDictStart + shortDictCount) {
      for (let count = code - shortDictStart; count > 0; count--) entry(dict, depth + 1);
      return dict;
    }
    if (code === dictCode) {
      while (!atEnd()) entry(dict, depth + 1);
      return dict;
    }
    throw malformed("it holds an unknown type");
  };

  const result = value(0);
  if (at !== bytes.length) throw malformed("it has more bytes after its end");
  return result;
}

function malformed(what: string): Violation {
  return new Violation(`It sends a packet that is not rencodeplus: ${what}`);
}

function narrow(number: bigint): number | bigint {
  return number >= Number.MIN_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
}

/**
 * Writes a value.
 *
 * @throws {TypeError} for an integer of more digits than xpra takes
 */
export function encode(value: Value): Uint8Array {
  let bytes = new Uint8Array(512);
  let view = new DataView(bytes.buffer);
  let length = 0;

  const reserve = (count: number): number => {
    const start = length;
    length += count;
    if (length > bytes.length) {
      const larger = new Uint8Array(Math.max(length, bytes.length * 2));
      larger.set(bytes);
      bytes = larger;
      view = new DataView(bytes.buffer);
    }
    return start;
  };
  const put = (code: number): void => {
    const start = reserve(1);
    bytes[start] = code;
  };
  const putAll = (part: Uint8Array): void => {
    const start = reserve(part.length);
    bytes.set(part, start);
  };
  const putAscii = (text: string): void => {
    for (let index = 0; index < text.length; index++) put(text.charCodeAt(index));
  };
  const putText = (text: string): void => {
    const encoded = encoder.encode(text);
    if (encoded.length < shortTextCount) put(shortTextStart + encoded.length);
    else putAscii(`${encoded.length}:`);
    putAll(encoded);
  };
  const putInteger = (number: number): void => {
    if (number >= 0 && number < positiveCount) put(number);
    else if (number < 0 && number >= -negativeCount) put(negativeStart - 1 - number);
    else if (number >= -0x80 && number < 0x80) {
      put(int1Code);
      put(number & 0xff);
    } else if (number >= -0x8000 && number < 0x8000) {
      put(int2Code);
      const start = reserve(2);
      view.setInt16(start, number);
    } else if (number >= -0x80000000 && number < 0x80000000) {
      put(int4Code);
      const start = reserve(4);
      view.setInt32(start, number);
    } else {
      put(int8Code);
      const start = reserve(8);
      view.setBigInt64(start, BigInt(number));
    }
  };
  const putBig = (number: bigint): void => {
    if (BigInt.asIntN(64, number) === number) {
      put(int8Code);
      const start = reserve(8);
      view.setBigInt64(start, number);
      return;
    }
    const decimal = `${number}`;
    if (decimal.length > maxDigits) throw new TypeError("The integer has too many digits");
    put(decimalCode);
    putAscii(decimal);
    put(endCode);
  };

  const write = (item: Value): void => {
    if (typeof item === "number") putInteger(item);
    else if (typeof item === "string") putText(item);
    else if (item === null) put(nullCode);
    else if (typeof item === "boolean") put(item ? trueCode : falseCode);
    else if (typeof item === "bigint") putBig(item);
    else if (item instanceof Uint8Array) {
      putAscii(`${item.length}/`);
      putAll(item);
    } else if (Array.isArray(item)) {
      const isShort = item.length < shortListCount;
      put(isShort ? shortListStart + item.length : listCode);
      for (const each of item) write(each);
      if (!isShort) put(endCode);
    } else if (item instanceof Map) {
      const isShort = item.size < shortDictCount;
      put(isShort ? shortDictStart + item.size : dictCode);
      for (const [key, each] of item) {
        write(key);
        write(each);
      }
      if (!isShort) put(endCode);
    } else {
      put(float64Code);
      const start = reserve(8);
      view.setFloat64(start, item.float);
    }
  };

  write(value);
  return bytes.subarray(0, length);
}
