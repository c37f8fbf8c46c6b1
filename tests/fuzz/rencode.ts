/**
 * Compares our reader and writer of rencodeplus with xpra's own: bytes that both take for a value must be the same
 * value to both, and what our writer and frames make of a value or a packet is that one to xpra. Run it for long:
 * `deno run -A tests/fuzz/rencode.ts 1000000 [SEED]`.
 */

import { concat } from "@std/bytes";
import { fromFileUrl } from "@std/path";
import { Violation } from "../../lib/guard/faults.ts";
import { encodePacket } from "../../lib/guard/xpra/packets.ts";
import { decode, encode, type Value } from "../../lib/guard/xpra/rencode.ts";
import { fuzz } from "./guard.ts";
import { type Chance, chanceFrom } from "./random.ts";

/** What a run has seen. */
export interface RencodeFigures {
  /** How many byte strings were tried. */
  cases: number;
  /** Byte strings that are the same value to both. */
  same: number;
  /** Byte strings that only ours takes for a value. */
  onlyOurs: number;
  /** Packets that the guard has passed and xpra has read. */
  packets: number;
}

/** Debian's Python, for which xpra is built. */
const peer = ["/usr/bin/python3", fromFileUrl(new URL("xpra_peer.py", import.meta.url))];

/**
 * Tries so many byte strings, and the packets that pass in half as many cases of the guard's fuzzer.
 *
 * @throws {Error} for a difference
 */
export async function fuzzRencode({ cases, seed }: { cases: number; seed: number }): Promise<RencodeFigures> {
  const chance = chanceFrom(seed);
  const questions: Uint8Array[] = [];
  const checks: ((answer: string) => void)[] = [];
  const figures: RencodeFigures = { cases, same: 0, onlyOurs: 0, packets: 0 };
  const ask = (kind: "v" | "p", bytes: Uint8Array, check: (answer: string) => void): void => {
    const head = new Uint8Array(5);
    head[0] = kind.charCodeAt(0);
    new DataView(head.buffer).setUint32(1, bytes.length);
    questions.push(head, bytes);
    checks.push(check);
  };
  for (let index = 0; index < cases; index++) {
    const bytes = Uint8Array.from(someBytes(chance, 0));
    for (let times = chance.below(3); times > 0 && bytes.length > 0; times--) {
      bytes[chance.below(bytes.length)] = chance.happens(0.5) ? chance.below(256) : chance.oneOf(codes);
    }
    const value = decoded(bytes);
    if (value === undefined) continue;
    const ours = nameOf(value);
    ask("v", bytes, (theirs) => {
      if (theirs.startsWith("!")) figures.onlyOurs++;
      else if (theirs === ours) figures.same++;
      else throw new Error(`${bytes.toHex()} is ${ours} to us and ${theirs} to xpra`);
    });
    ask("v", encode(value), (theirs) => {
      if (theirs !== ours) throw new Error(`We write ${encode(value).toHex()} for ${ours}, which is ${theirs} to xpra`);
    });
  }
  fuzz({
    cases: Math.ceil(cases / 2),
    seed,
    onPassed(packet) {
      const ours = nameOf([packet.type, ...packet.args]);
      ask("p", concat(encodePacket(packet)), (theirs) => {
        figures.packets++;
        if (theirs !== ours) throw new Error(`We send ${ours}, which is ${theirs} to xpra`);
      });
    },
  });
  const answers = await askXpra(questions);
  if (answers.length !== checks.length) throw new Error(`xpra has read ${answers.length} of ${checks.length} cases`);
  checks.forEach((check, index) => check(answers[index]!));
  return figures;
}

async function askXpra(questions: readonly Uint8Array[]): Promise<string[]> {
  const [program, ...args] = peer;
  await using stack = new AsyncDisposableStack();
  const python = stack.use(new Deno.Command(program!, { args, stdin: "piped", stdout: "piped" }).spawn());
  const [text] = await Promise.all([
    new Response(python.stdout).text(),
    new Blob(questions as Uint8Array<ArrayBuffer>[]).stream().pipeTo(python.stdin),
  ]);
  return text.split("\n").slice(0, -1);
}

function decoded(bytes: Uint8Array): Value | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return undefined;
  }
}

/** A text by which values can be compared, the same as `name` in xpra_peer.py gives. */
function nameOf(value: Value | undefined): string {
  if (value === null) return "n";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "number" || typeof value === "bigint") return `i${value}`;
  if (typeof value === "string") return `s${new TextEncoder().encode(value).toHex()}`;
  if (value instanceof Uint8Array) return `b${value.toHex()}`;
  if (Array.isArray(value)) return `[${value.map(nameOf).join()}]`;
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${nameOf(key)}:${nameOf(each)}`).join()}}`;
  if (value === undefined) return "?";
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value.float);
  return Number.isNaN(value.float) ? "dnan" : `d${bytes.toHex()}`;
}

/** Codes at the ends of their ranges, and those of values without a fixed size. */
const codes = [
  0,
  43,
  44,
  48,
  57,
  59,
  60,
  61,
  62,
  63,
  64,
  65,
  66,
  67,
  68,
  69,
  70,
  101,
  102,
  126,
  127,
  128,
  191,
  192,
  255,
];

/** Texts whose length, or whose bytes, readers might take for something else. */
const texts = ["", "a", "é", "😀", "\ufeff", "\u0000", "0:", "/", "1".repeat(63), "x".repeat(64), "\x7f".repeat(70)];

/** Bytes of a value, written in any of the ways that there are. */
function someBytes(chance: Chance, depth: number): number[] {
  const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
  const chanceBytes = (count: number): number[] => Array.from({ length: count }, () => chance.below(256));
  const some = (): number[] => someBytes(chance, depth + 1);
  const many = (count: number, each: () => number[]): number[] => Array.from({ length: count }, each).flat();
  const key = (): number[] => {
    const found = some();
    return chance.happens(0.7) ? [chance.below(4)] : found;
  };
  const count = chance.happens(0.02) ? chance.below(70) : chance.below(4);
  switch (chance.below(depth > 4 ? 6 : 10)) {
    case 0:
      return [chance.below(256)];
    case 1: {
      const [code, size] = chance.oneOf([[62, 1], [63, 2], [64, 4], [65, 8], [66, 4], [44, 8]] as const);
      const bytes = chance.happens(0.5) ? chanceBytes(size) : Array(size).fill(chance.oneOf([0, 0x7f, 0x80, 0xff]));
      return [code, ...bytes];
    }
    case 2: {
      const length = chance.oneOf([0, 1, 16, 17, 18, 19, 20, 21, 61, 62, 63, 64, 65]);
      const digits = many(length, () => [48 + chance.below(10)]);
      return [61, ...chance.happens(0.4) ? [45] : [], ...digits, 127];
    }
    case 3: {
      const bytes = ascii(chance.oneOf(texts));
      const length = chance.happens(0.1) ? chance.below(80) : bytes.length;
      return bytes.length < 64 && chance.happens(0.5)
        ? [128 + length % 64, ...bytes]
        : [...ascii(`${chance.oneOf(["", "0", "000"])}${length}${chance.oneOf([":", "/"])}`), ...bytes];
    }
    case 4:
      return [...ascii(`${count}/`), ...chanceBytes(count)];
    case 5:
      return [chance.oneOf(codes)];
    case 6:
      return [192 + count % 64, ...many(count, some)];
    case 7:
      return [59, ...many(count, some), 127];
    case 8:
      return [102 + count % 25, ...many(count % 25, () => [...key(), ...some()])];
    default:
      return [60, ...many(count, () => [...key(), ...some()]), 127];
  }
}

if (import.meta.main) {
  const cases = Number(Deno.args[0] ?? 1_000_000);
  const first = Number(Deno.args[1] ?? Date.now() % 1_000_000);
  const atOnce = 20_000;
  for (let seed = first; seed < first + cases / atOnce; seed++) {
    // deno-lint-ignore no-console
    console.log({ seed, ...await fuzzRencode({ cases: atOnce, seed }) });
  }
}
