/**
 * Sends changed messages of a container's through the guard of Wayland: `deno run -A tests/fuzz/wayland.ts [COUNT [SEED]]`.
 * A judge of its own reads what passes, as the host's end would: each message must be for an object that is there, and
 * as long as its arguments; titles and app ids must be marked.
 */

import { Violation } from "../../lib/guard/faults.ts";
import { globals } from "../../lib/guard/wayland/rules.ts";
import { type Argument, type Interface, protocols } from "../../lib/guard/wayland/protocols.ts";
import { frame, message, messages, type Trial, trial } from "../unit/wayland_samples.ts";
import { type Chance, chanceFrom } from "./random.ts";

/** What came of the messages. */
export interface Figures {
  /** Messages that passed, and frames without any in the place of what was dropped. */
  passed: number;
  dropped: number;
  /** Connections that the guard has ended. */
  violations: number;
}

/** Messages before a connection is given up for a new one. */
const perConnection = 400;

/**
 * Sends so many messages.
 *
 * @throws {Error} when something passes that may not
 */
export function fuzz({ cases, seed }: { cases: number; seed: number }): Figures {
  const chance = chanceFrom(seed);
  const figures: Figures = { passed: 0, dropped: 0, violations: 0 };
  for (let sent = 0; sent < cases;) {
    const app = createApp(chance);
    for (let count = 0; count < perConnection && sent < cases; count++, sent++) {
      try {
        if (chance.happens(0.3)) app.hostSpeaks();
        const passed = app.speaks();
        if (passed > 0) figures.passed += passed;
        else figures.dropped++;
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        figures.violations++;
        break;
      }
    }
    app.end();
  }
  return figures;
}

interface App {
  /** Sends one message or frame. Returns how many messages pass. */
  speaks(): number;
  hostSpeaks(): void;
  end(): void;
}

function createApp(chance: Chance): App {
  const made: Trial = trial({ in: chance.happens(0.5), out: chance.happens(0.5) });
  const judge = createJudge();
  /** What the app has, by interface, as far as it means well. */
  const objects = new Map<string, number[]>([["wl_display", [1]]]);
  let nextId = 2;
  let nextFile = 1;
  let nextOffer = 0xff00_0000;
  const add = (name: string, id: number): void => void objects.set(name, [...objects.get(name) ?? [], id]);
  const some = (name: string | undefined): number =>
    name !== undefined && objects.has(name) && chance.happens(0.97)
      ? chance.oneOf(objects.get(name)!)
      : chance.below(nextId);
  const send = (bytes: Uint8Array): number => {
    const pieces = made.connection.fromContainer(bytes);
    return judge(new Uint8Array(pieces.flatMap((piece) => [...piece])));
  };
  const value = ({ type, interface: name, isNullable }: Argument): number | string | null | Uint8Array => {
    switch (type) {
      case "object":
        return isNullable && (!objects.has(name!) || chance.happens(0.3)) ? 0 : some(name);
      case "new_id":
        return nextId;
      case "string":
        if (chance.happens(0.02)) return chance.oneOf(["a".repeat(chance.below(5000)), "ü\n\0x"]);
        return chance.oneOf(["", "text/plain", "\u202ebank", "[host]"]);
      case "array":
        return new Uint8Array(4 * chance.below(20));
      default:
        if (chance.happens(0.05)) return chance.oneOf([-1, 4096, 2 ** 31 - 1, -(2 ** 31)]);
        return chance.oneOf([1, 2, 6, 8, 64, chance.below(1000)]);
    }
  };
  // A registry, and all that it offers.
  send(messages(message(1, "wl_display.get_registry", nextId)));
  const registry = nextId++;
  globals.forEach((name, index) => {
    made.host(message(registry, "wl_registry.global", index, name, protocols.get(name)!.version));
    send(messages(message(registry, "wl_registry.bind", index, name, protocols.get(name)!.version, nextId)));
    add(name, nextId++);
  });
  return {
    speaks() {
      if (chance.happens(0.01)) {
        const bytes = frame(
          chance.below(32),
          chance.below(5) - 1,
          chance.below(100),
          chance.below(100),
          new Uint8Array(chance.below(64)),
        );
        return send(bytes);
      }
      const has = ({ type, interface: other, isNullable }: Argument): boolean =>
        type !== "object" || isNullable || other === undefined || objects.has(other);
      const possible = [...objects.keys()].flatMap((name) =>
        protocols.get(name)!.requests.map((type) => ({ name, type }))
          .filter(({ type }) => type.name !== "wl_registry.bind" && (type.args.every(has) || chance.happens(0.001)))
      );
      const { name, type } = chance.oneOf(possible);
      const id = some(name);
      for (const { type: letter } of type.args) {
        if (letter !== "fd" || chance.happens(0.02)) continue;
        send(type.name === "wl_shm.create_pool" ? frame(2, nextFile, 4096) : frame(7, nextFile));
        send(frame(1, nextFile++));
      }
      const own = message(id, type.name, ...type.args.filter((each) => each.type !== "fd").map(value));
      if (chance.happens(0.02)) own[chance.below(own.length)] = chance.below(256);
      const passed = send(messages(own));
      for (const each of type.args) {
        if (each.type === "new_id" && each.interface !== undefined) add(each.interface, nextId++);
      }
      if (type.isDestructor) {
        objects.set(name, objects.get(name)!.filter((other) => other !== id));
        if (objects.get(name)!.length === 0) objects.delete(name);
      }
      return passed;
    },
    hostSpeaks() {
      made.wait(chance.below(500));
      const [keyboard, surface] = [judge.find("wl_keyboard"), judge.find("wl_surface")];
      if (keyboard !== undefined && surface !== undefined) {
        if (chance.happens(0.3)) made.host(message(keyboard, "wl_keyboard.enter", 6, surface, new Uint8Array()));
        if (chance.happens(0.3)) made.host(message(keyboard, "wl_keyboard.key", 6, 0, 30, chance.below(2)));
        if (chance.happens(0.1)) made.host(message(keyboard, "wl_keyboard.leave", 6, surface));
      }
      const [toplevel, frame, ended] = [
        judge.find("xdg_toplevel"),
        judge.find("zxdg_toplevel_decoration_v1"),
        judge.find(""),
      ];
      if (toplevel !== undefined && chance.happens(0.1)) {
        const states = new Uint8Array([chance.below(4), 0, 0, 0]);
        made.host(message(toplevel, "xdg_toplevel.configure", chance.below(900), chance.below(900), states));
      }
      if (frame !== undefined && chance.happens(0.2)) {
        made.host(message(frame, "zxdg_toplevel_decoration_v1.configure", 1 + chance.below(2)));
      }
      if (ended !== undefined && chance.happens(0.3)) {
        made.host(message(1, "wl_display.delete_id", ended));
        judge.forget(ended);
      }
      const device = judge.find("wl_data_device");
      if (device !== undefined && chance.happens(0.1)) {
        made.host(message(device, "wl_data_device.data_offer", nextOffer));
        made.host(message(nextOffer, "wl_data_offer.offer", "text/plain"));
        made.host(message(device, "wl_data_device.selection", nextOffer));
        add("wl_data_offer", nextOffer++);
        judge.offered(nextOffer - 1);
      }
    },
    end: made.connection.end,
  };
}

/** Reads what passes, and knows what is there at the host's end. */
function createJudge(): ((stream: Uint8Array) => number) & {
  offered(id: number): void;
  /** The number of an object that has ended is free again. */
  forget(id: number): void;
  /** The number that an object of an interface has at the host's end; with "", one that has ended. */
  find(name: string): number | undefined;
} {
  const known = new Map<number, Interface>([[1, protocols.get("wl_display")!]]);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const fail = (what: string): never => {
    throw new Error(`The guard let pass: ${what}`);
  };
  const judgeMessage = (bytes: Uint8Array): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const type = known.get(view.getUint32(0, true))?.requests[view.getUint16(4, true) & 0x7ff] ??
      fail("a message for no object, or of no kind");
    const words: string[] = [];
    let at = 8;
    for (const argument of type.args) {
      if (argument.type === "fd") continue;
      if (argument.type === "string" || argument.type === "array") {
        const length = view.getUint32(at, true);
        if (argument.type === "string" && length > 0) {
          words.push(decoder.decode(bytes.subarray(at + 4, at + 3 + length)));
          if (bytes[at + 3 + length] !== 0 || words.at(-1)!.includes("\0")) {
            fail(`a text without an end in ${type.name}`);
          }
        }
        at += 4 + ((length + 3) & ~3);
        continue;
      }
      const value = view.getUint32(at, true);
      at += 4;
      if (argument.type === "object" && value !== 0 && known.get(value)?.name !== argument.interface) {
        fail(`${type.name} with an object that is none`);
      }
      if (argument.type === "object" && value === 0 && !argument.isNullable) fail(`${type.name} without an object`);
      if (argument.type !== "new_id") continue;
      if (known.has(value)) fail(`${type.name} with an id that is taken`);
      const name = argument.interface ?? words[0]!;
      if (argument.interface === undefined && !globals.includes(name)) fail(`a bind of ${name}`);
      known.set(value, protocols.get(name)!);
    }
    if (at !== bytes.length) fail(`${type.name} of another length`);
    if (type.name === "xdg_toplevel.set_title" && !words[0]!.startsWith("[box]")) fail(`the title ${words[0]}`);
    if (/\.set_app_id$/.test(type.name) && !/^box(\.|$)/.test(words[0]!)) fail(`the app id ${words[0]}`);
    // Its id stays taken until the compositor says otherwise.
    if (type.isDestructor) known.set(view.getUint32(0, true), { name: "", version: 0, requests: [], events: [] });
  };
  const judge = (stream: Uint8Array): number => {
    let count = 0;
    for (let at = 0; at < stream.length;) {
      const view = new DataView(stream.buffer, at);
      const [size, type] = [view.getUint32(0, true) >>> 5, stream[at]! & 31];
      if (type === 4 || type > 12 && type !== 16 && type !== 18) fail(`a frame of type ${type}`);
      if (type === 0) {
        for (let own = at + 4; own < at + size;) {
          const length = new DataView(stream.buffer, own).getUint16(6, true);
          if (length < 8 || own + length > at + size) fail("a message without an end");
          judgeMessage(stream.subarray(own, own + length));
          own += length;
          count++;
        }
      }
      at += (size + 3) & ~3;
    }
    return count;
  };
  return Object.assign(judge, {
    offered: (id: number) => void known.set(id, protocols.get("wl_data_offer")!),
    forget: (id: number) => void known.delete(id),
    find: (name: string) => [...known].find(([, type]) => type.name === name)?.[0],
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
