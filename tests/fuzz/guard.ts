/**
 * Fuzzes the guard: mutated packets of honest ends, and bytes of chance, through frames, rencodeplus and judges, as a
 * container and as a client would send them. Run it for long: `deno run -A tests/fuzz/guard.ts 3000000 [SEED]`.
 */

import { concat } from "@std/bytes";
import { channelNames } from "../../lib/settings/channels.ts";
import type { ChannelName } from "../../lib/channels/table.ts";
import { judgeClientPacket } from "../../lib/guard/xpra/client_packets.ts";
import { Refusal, Violation } from "../../lib/guard/faults.ts";
import { createFrameParser, type RawPacket } from "../../lib/guard/xpra/frames.ts";
import { decodePacket, encodePacket, type Packet } from "../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../lib/guard/xpra/server_packets.ts";
import { askedDescriptions } from "../../lib/guard/xpra/description.ts";
import type { Screen } from "../../lib/guard/xpra/geometry.ts";
import { screenIn } from "../../lib/guard/xpra/hello.ts";
import type { Delivery } from "../../lib/guard/xpra/judge.ts";
import { createSession, type Session } from "../../lib/guard/xpra/session.ts";
import { type Chance, chanceFrom } from "./random.ts";
import { fromClient, fromServer, secret } from "./samples.ts";

/** What a run has seen. */
export interface FuzzFigures {
  /** How many cases were tried. */
  cases: number;
  /** Packets that passed, of both directions. */
  passed: number;
  /** Packets that were refused. */
  refused: number;
  /** Streams that were ended. */
  violations: number;
}

const limits = { mainBytes: 64 * 1024, chunkBytes: 256 * 1024 };
const container = "box";
const mark = new TextEncoder().encode(secret);

/** Types that must never pass from the container, whatever is open. */
const never = new Set([
  "pointer-grab",
  "pointer-ungrab",
  "challenge",
  "ssl-upgrade",
  "set_deflate",
  "control",
  "rpc-reply",
  "logging",
  "logging-event",
  "show-desktop",
  "setting-change",
  "server-event",
  "gibberish",
  "invalid",
  "connection-lost",
  "desktop_size",
  "webcam-frame",
  "sound-data",
  "audio-data",
  "encode-response",
  "display-screenshot",
  "notify_show",
  "notification-show",
  "open-url",
  "file-open-url",
  "send-file",
  "file-send",
  "send-data-request",
]);

/** Types that pass only with one of these channels. */
const ofChannels: readonly (readonly [RegExp, readonly ChannelName[]])[] = [
  [/^clipboard|^set-clipboard/, ["clipboard-in", "clipboard-out"]],
  [/^new-tray/, ["tray"]],
];

const types = [
  ...new Set([...fromServer, ...fromClient].map(({ type }) => type).concat([...never], "", "__proto__", "constructor")),
];

/**
 * Tries so many cases.
 *
 * @param options `onPassed`: gets each packet that passes to the client
 * @throws {Error} for what passes and must not, and for any error that is not one of the guard's own
 */
export function fuzz(
  { cases, seed, onPassed = () => {} }: { cases: number; seed: number; onPassed?: (packet: Packet) => void },
): FuzzFigures {
  const chance = chanceFrom(seed);
  const figures: FuzzFigures = { cases: 0, passed: 0, refused: 0, violations: 0 };
  let clock = 0;
  while (figures.cases < cases) {
    const open = new Set(channelNames.filter(() => chance.happens(0.4)));
    const session = createSession({
      container,
      open,
      now: () => clock += chance.below(40),
      uuid: "0".repeat(32),
      remote: chance.happens(0.5),
    });
    const honest = chance.happens(0.8);
    if (honest) {
      recordScreen(judgeClientPacket(fromClient[0]!, session).pass![0]!, session);
      judgeServerPacket(fromServer[0]!, session);
    }
    for (let round = 0; round < 200 && figures.cases < cases; round++) {
      figures.cases++;
      const isServer = chance.happens(0.6);
      try {
        const samples = isServer ? fromServer : fromClient;
        const raws = chance.happens(0.75) ? [decodedAgain(mutatedPacket(chance, samples))] : streamOf(chance, samples);
        for (const packet of raws) judgeOne(packet, { isServer, session, figures, onPassed });
      } catch (error) {
        if (!(error instanceof Violation)) throw new Error(`Case ${figures.cases} of seed ${seed}`, { cause: error });
        figures.violations++;
      }
    }
  }
  return figures;
}

function judgeOne(
  packet: Packet,
  { isServer, session, figures, onPassed }: {
    isServer: boolean;
    session: Session;
    figures: FuzzFigures;
    onPassed(packet: Packet): void;
  },
): void {
  const focusBefore = session.windows.attention.focused();
  let delivery: Delivery;
  try {
    const verdict = isServer ? judgeServerPacket(packet, session) : judgeClientPacket(packet, session);
    if (verdict.picture) {
      checkDrawing(verdict, session);
      figures.passed++;
      return;
    }
    delivery = verdict;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    figures.refused++;
    return;
  }
  const { pass = [], answer = [] } = delivery;
  const [forClient, forServer] = isServer ? [pass, answer] : [answer, pass];
  for (const each of forClient) {
    checkForClient(each, session);
    onPassed(each);
  }
  for (const each of forServer) {
    checkForServer(each, { session, focusBefore });
    if (!isServer) recordScreen(each, session);
  }
  for (const each of [...forClient, ...forServer]) {
    figures.passed++;
    checkEncoding(each);
  }
}

/** What is decoded: over a network, a JPEG that is as large as its packet says. */
function checkDrawing({ pass, picture }: Delivery, { remote }: Session): void {
  const { data, width, height } = picture!;
  const { args } = pass![0]!;
  const isJpeg = [0, 1, -2, -1].map((at) => data.at(at)).join() === "255,216,255,217";
  if (!remote || !isJpeg || args[3] !== width || args[4] !== height || args[5] !== "rgb32") {
    throw new Error(`It decodes: ${describe(args)}`);
  }
}

/** The host's screen, by what its client has told. */
const screens = new WeakMap<Session, Screen>();

function screenOf(session: Session): Screen {
  return screens.get(session) ?? { width: 1024, height: 768, monitors: [] };
}

function recordScreen({ type, args }: Packet, session: Session): void {
  const screen = /^(hello|configure-display|display-configure)$/.test(type) && screenIn(args[0] as Dict);
  if (screen) screens.set(session, screen);
}

/** What goes out can be read again, is as much, and is not much larger than what came. */
function checkEncoding(packet: Packet): void {
  const stream = concat(encodePacket(packet));
  const [raw, ...more] = createFrameParser({ mainBytes: 2 ** 22, chunkBytes: 2 ** 22 })(stream);
  const again = decodePacket(raw!);
  if (more.length > 0 || describe(again) !== describe(packet)) throw new Error(`It is read as another: ${packet.type}`);
}

/** What passes is of a channel that is open. That there is nothing, the guard itself answers to each request. */
function checkOpen({ type, args }: Packet, open: ReadonlySet<ChannelName>): void {
  const channels = ofChannels.find(([pattern]) => pattern.test(type))?.[1];
  if (!channels || channels.some((channel) => open.has(channel))) return;
  const [id, selection, ...more] = args;
  const isNone = type === "clipboard-contents-none" && typeof id === "number" && more.length === 0 &&
    ["CLIPBOARD", "PRIMARY", "SECONDARY"].includes(`${selection}`);
  if (!isNone) throw new Error(`It passed a closed channel: ${type}`);
}

function checkForClient(packet: Packet, session: Session): void {
  const { open } = session;
  const { type, args } = packet;
  if (never.has(type)) throw new Error(`It passed: ${type}`);
  checkOpen(packet, open);
  const must = (holds: boolean): void => {
    if (!holds) throw new Error(`It passed: ${describe(packet)}`);
  };
  const isData = /^(clipboard-(token|contents)|draw|window-icon|cursor|send)/.test(type);
  walk(args, (value) => {
    if (typeof value === "string") {
      must(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(/^notif/.test(type) ? value.replaceAll("\n", "") : value));
    }
    if (value instanceof Uint8Array) must(isData);
  });
  if (/^(new-window|new-override-redirect|window-metadata)$/.test(type)) {
    const about = args[type === "window-metadata" ? 1 : 5] as Dict;
    for (const key of about.keys()) must(askedDescriptions.includes(`${key}`));
    for (const name of ["title", "icon-title"]) {
      must(!about.has(name) || `${about.get(name)}`.startsWith(`[${container}] `));
    }
    if (type !== "window-metadata") must(about.has("title"));
    must(type === "new-override-redirect" || about.get("override-redirect") === undefined);
    must(!about.has("decorations") && !about.has("has-alpha"));
    must(about.get("transient-for") !== args[0]);
    if (type === "new-window") {
      const [x, y, width, height] = args.slice(1, 5) as [number, number, number, number];
      const screen = screenOf(session);
      must(width >= 48 && height >= 24 && x >= 0 && y >= 40);
      // A screen may be said to be smaller than the smallest window.
      must(width <= Math.max(48, screen.width) && height <= Math.max(24, screen.height));
      must((about.get("window-type") as Value[]).every((each) => /^(NORMAL|DIALOG|UTILITY)$/.test(`${each}`)));
    }
    if (type === "new-override-redirect") {
      must(!about.has("class-instance") && !about.has("transient-for"));
      const screen = screenOf(session);
      // A mutated screen may be smaller than its monitors, of which one holds the popup.
      const screens = screen.monitors.length > 0 ? screen.monitors : [screen];
      const area = (args[3] as number) * (args[4] as number);
      must(screens.some(({ width, height }) => area <= width * height / 2));
      must(session.windows.attention.focused() !== 0 || session.windows.attention.isUsed());
    }
    const names = about.get("class-instance");
    must(names === undefined || (names as string[]).every((name) => name.startsWith(`${container}.`)));
  }
  if (/^clipboard-(contents|request)$/.test(type)) {
    must(open.has(type === "clipboard-contents" ? "clipboard-out" : "clipboard-in"));
    must(!JSON.stringify(args, (_, value) => typeof value === "bigint" ? `${value}` : value).includes("uri-list"));
  }
  if (type === "clipboard-token" && args.length > 1) {
    must(args[2] === undefined || (args[6] as Uint8Array).length === 0);
    must(
      (args[1] as string[]).every((kind) => /^[A-Z0-9_]+$|^(text|image)\/[a-z]+(;charset=(utf-8|UTF-8))?$/.test(kind)),
    );
    must(args[7] !== true || session.windows.attention.isUsed());
  }
  if (/bell$/.test(type)) must(args[7] === "");
  if (type === "disconnect") must(args.length === 1 && !/s3cr3t|file:|<|egnih/.test(`${args[0]}`));
  if (/draw$/.test(type)) {
    must((session.remote ? /^(rgb24|rgb32)$/ : /^(mmap|rgb24|rgb32)$/).test(`${args[5]}`));
  }
  if (type === "hello") {
    const hello = args[0] as Dict;
    must(hello.get("server.mode") === "seamless" && Array.isArray(hello.get("compressors")));
    for (const name of ["shadow", "desktop", "monitor", "proxy", "server", "encryption", "xdg-menu"]) {
      must(!hello.has(name));
    }
  }
}

function checkForServer(
  packet: Packet,
  { session: { open }, focusBefore }: { session: Session; focusBefore: number },
): void {
  const { type, args } = packet;
  if (!/^(send-data|file-data)/.test(type)) checkOpen(packet, open);
  // Of what the client writes, only its own messages may hold words of its own.
  const free =
    /^(disconnect|connection-close|damage-|window-draw-ack|clipboard|send-file|file-send|printers|print-devices)/;
  if (!free.test(type) && includes(concat(encodePacket(packet)), mark)) {
    throw new Error(`It tells: ${describe(packet)}`);
  }
  if (type === "key-action" && args[2] === true && focusBefore === 0) {
    throw new Error("A key passed without the keyboard");
  }
  if (/^(logging|suspend|info-request|shutdown|start-command|control)/.test(type)) {
    throw new Error(`It passed: ${type}`);
  }
}

/** A packet of an honest end, or one like it, with some of its values changed. */
export function mutatedPacket(chance: Chance, samples: readonly Packet[]): Packet {
  const { type, args } = chance.oneOf(samples);
  const packet = { type: chance.happens(0.05) ? chance.oneOf(types) : type, args: copy(args) as Value[] };
  for (let times = chance.below(4); times > 0; times--) mutate(packet.args, chance);
  if (chance.happens(0.05)) packet.args.length = chance.below(packet.args.length + 1);
  if (chance.happens(0.05)) packet.args.push(anyValue(chance, 0));
  return packet;
}

/** Changes one value, at any depth. */
function mutate(container: Value[] | Dict, chance: Chance): void {
  const keys = container instanceof Map ? [...container.keys()] : [...container.keys()];
  if (keys.length === 0) return;
  const key = chance.oneOf(keys as (string | number)[]);
  const inner = container instanceof Map ? container.get(key) : container[key as number];
  if ((Array.isArray(inner) || inner instanceof Map) && chance.happens(0.8)) return mutate(inner, chance);
  const value = chance.happens(0.3) && inner !== undefined ? nearby(inner, chance) : anyValue(chance, 0);
  if (container instanceof Map) {
    container.set(chance.happens(0.1) ? chance.oneOf(keyNames) : key, value);
  } else {
    container[key as number] = value;
  }
}

const keyNames = [
  "title",
  "override-redirect",
  "window-type",
  "server.mode",
  "shadow",
  "__proto__",
  "x11-property",
  "",
  0,
  -1,
];
const texts = [
  "",
  "a",
  "\u0000",
  "\u001b]52;c;aGk=\u0007",
  "\u202egnihsihp",
  "DOCK",
  "POPUP_MENU",
  "file:///etc/passwd",
  "https://a.b/c",
  "-e",
  "../../x",
  "mmap",
  "text/uri-list",
  "UTF8_STRING",
  "x".repeat(3000),
  "😀".repeat(300),
  "desktop",
  "0",
];
const numbers = [
  0,
  1,
  2,
  3,
  -1,
  8,
  255,
  256,
  1936,
  16_384,
  16_385,
  32_767,
  65_536,
  2 ** 31,
  2 ** 32,
  -(2 ** 31),
  2 ** 53 - 1,
];

function anyValue(chance: Chance, depth: number): Value {
  switch (chance.below(depth > 3 ? 7 : 9)) {
    case 0:
      return null;
    case 1:
      return chance.happens(0.5);
    case 2:
      return chance.oneOf(numbers);
    case 3:
      return chance.oneOf([2n ** 63n, -(2n ** 70n), 10n ** 40n]);
    case 4:
      return chance.oneOf(texts);
    case 5:
      return new Uint8Array(chance.oneOf([0, 1, 7, 64, 1024, 9000])).fill(chance.below(256));
    case 6:
      return { float: chance.oneOf([0.5, -1, 1e300]) };
    case 7:
      return Array.from({ length: chance.below(5) }, () => anyValue(chance, depth + 1));
    default:
      return new Map(
        Array.from({ length: chance.below(4) }, () => [chance.oneOf(keyNames), anyValue(chance, depth + 1)] as const),
      );
  }
}

function nearby(value: Value, chance: Chance): Value {
  if (typeof value === "number") return value + chance.below(5) - 2;
  if (typeof value === "string") return value.slice(0, chance.below(value.length + 1)) + chance.oneOf(texts);
  if (value instanceof Uint8Array) return value.slice(0, chance.below(value.length + 1));
  return anyValue(chance, 1);
}

/** Bytes of one or more packets, with bytes changed, in pieces of any size. */
function streamOf(chance: Chance, samples: readonly Packet[]): Packet[] {
  const bytes = chance.happens(0.15)
    ? Uint8Array.from({ length: chance.below(300) }, () => chance.below(256))
    : concat(Array.from({ length: 1 + chance.below(2) }, () => encodePacket(mutatedPacket(chance, samples))).flat());
  for (let times = chance.below(4); times > 0 && bytes.length > 0; times--) {
    bytes[chance.below(Math.min(bytes.length, chance.happens(0.5) ? 60 : bytes.length))] = chance.happens(0.5)
      ? chance.below(256)
      : chance.oneOf([0, 59, 60, 61, 127, 192, 255]);
  }
  const parser = createFrameParser(limits);
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.slice(at, at + 1 + chance.below(bytes.length));
    at += piece.length;
    for (const raw of parser(piece)) packets.push(decodePacket(raw));
    // What the parser has kept must not look into what it was given.
    piece.fill(0xee);
  }
  return packets;
}

function decodedAgain(packet: Packet): Packet {
  const raws: RawPacket[] = createFrameParser({ mainBytes: 2 ** 20, chunkBytes: 2 ** 22 })(
    concat(encodePacket(packet)),
  );
  return decodePacket(raws[0]!);
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

function copy(value: Value): Value {
  if (Array.isArray(value)) return value.map(copy);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, copy(each)]));
  return value;
}

function walk(value: Value, visit: (value: Value) => void): void {
  visit(value);
  if (Array.isArray(value)) { for (const each of value) walk(each, visit); }
  else if (value instanceof Map) {
    for (const [key, each] of value) {
      visit(key);
      walk(each, visit);
    }
  }
}

function describe(value: Value | Packet): string {
  return JSON.stringify(value, (_, each) => {
    if (typeof each === "bigint") return `${each}n`;
    if (each instanceof Uint8Array) return `bytes ${each.length} ${each.subarray(0, 16)}`;
    return each instanceof Map ? { table: [...each] } : each;
  });
}

if (import.meta.main) {
  const cases = Number(Deno.args[0] ?? 3_000_000);
  const seed = Number(Deno.args[1] ?? Date.now() % 1_000_000);
  const start = performance.now();
  const figures = fuzz({ cases, seed });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const memory = (Deno.memoryUsage().rss / 1e6).toFixed(0);
  // deno-lint-ignore no-console
  console.log({ seed, ...figures, seconds, memory: `${memory} MB` });
}
