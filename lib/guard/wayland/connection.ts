/**
 * An app's connection to the compositor, as the guard sees it: its objects, their interfaces, and the messages that may
 * pass.
 */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import { createBorderInput } from "./border.ts";
import { Descriptors, type FrameSender } from "./descriptors.ts";
import { type Compression, type Filter, finish, frameFilter, frameOf, type Steps } from "./frames.ts";
import { idFrom, readValues, writeMessage } from "./messages.ts";
import type { Addition, ArgumentValue, Message, Verdict, WaylandObject } from "./objects.ts";
import { createPolicy } from "./policy.ts";
import { type Argument, type Interface, protocols } from "./protocols.ts";
import { countedAs } from "./rules.ts";
import type { WaylandSession } from "./session.ts";

/** The ids of the compositor's objects begin here. */
const firstServerId = 0xff00_0000;

/** Interfaces with keyboard focus, which some compositors (Hyprland) give to a border instead of its window. */
const hasKeys = new Set(["wl_keyboard", "zwp_text_input_v3"]);

export interface Connection {
  /** As {@linkcode Filter}, in steps of one message each: the container can send very much at once. */
  fromContainer(chunk: Uint8Array): Steps<Uint8Array[]>;
  fromHost: Filter;
  /**
   * Takes the guard's own messages for each end: to close popups when the user has left, to withdraw a carried text,
   * and to ask for what the app has copied. There are none while an end has received half a frame; "later": and popups
   * must be closed.
   */
  leave(): { toContainer: Uint8Array; toHost: Uint8Array } | "later" | undefined;
  end(): void;
}

/**
 * Makes a new connection.
 *
 * @param options `session`: what all connections share; `compression`: how waypipe compresses files
 */
export function createConnection(
  { session, compression }: { session: WaylandSession; compression: Compression },
): Connection {
  const display: WaylandObject = { id: 1, hostId: 1, type: protocols.get("wl_display")!, version: 1, isEnded: false };
  const objects = new Map([[1, display]]);
  const hostObjects = new Map([[1, display]]);
  /** Free ids at the compositor, which accepts none above the next unused one. */
  const freeIds: number[] = [];
  let highestId = 1;
  const takeId = (): number => freeIds.pop() ?? ++highestId;
  let highestServerId = firstServerId - 1;
  /** The app's id for an object of the compositor: the same, unless the guard has given that id to another object. */
  const ownIdFor = (hostId: number): number => {
    highestServerId = Math.max(highestServerId, hostId);
    return objects.get(hostId)?.isEnded ?? true ? hostId : ++highestServerId;
  };
  const register = (object: WaylandObject): WaylandObject => {
    const isNew = !hostObjects.has(object.hostId);
    hostObjects.set(object.hostId, object);
    // A refused object counts too, until the connection ends.
    if (isNew) session.add("object");
    return object;
  };
  const descriptors = new Descriptors();
  const create = (name: string): WaylandObject =>
    register({ id: 0, hostId: takeId(), type: protocols.get(name)!, version: 1, isEnded: false });
  /**
   * The guard's own frames for the container, with the numbers of their pipes, and whether they close them. They wait
   * until the host's end has completed a frame.
   */
  let own: readonly { number: number; frame: Uint8Array; closes: boolean }[] = [];
  const say = (number: number, frames: readonly Uint8Array[], { closes = false } = {}): void => {
    own = [...own, ...frames.map((frame) => ({ number, frame, closes }))];
    session.wake();
  };
  const readSource: Parameters<typeof createPolicy>[0]["readSource"] = (source, type, reader) => {
    const number = descriptors.openOwn(reader);
    const numbers = [number];
    const send = frameOf("messages", { bytes: concat(additions("host", [[source, "send", type, undefined]])) });
    say(number, [frameOf("openPipe", { numbers }), frameOf("descriptors", { numbers }), send]);
    // waypipe 0.9.2 exits when told to close a pipe that it is closing itself. So the guard only drops later data.
    return () => {
      own = own.filter((each) => each.number !== number);
      descriptors.forget(number);
    };
  };
  const answer: Parameters<typeof createPolicy>[0]["answer"] = ({ number }, text) => {
    if (text === "" || !descriptors.isOpen(number)) return;
    const numbers = [number];
    if (text === undefined) say(number, [frameOf("closeWriting", { numbers })], { closes: true });
    else say(number, [frameOf("data", { numbers, bytes: new TextEncoder().encode(text) })]);
  };
  const renew = (object: WaylandObject): WaylandObject => {
    const again = { ...object, id: ++highestServerId };
    objects.set(again.id, again);
    return register(again);
  };
  const policy = createPolicy({ session, descriptors, create, readSource, answer, renew });
  const isOnBorder = createBorderInput();

  const make = (
    sender: FrameSender,
    { id, type, version }: { id: number; type: Interface | undefined; version: number },
  ): WaylandObject => {
    if (!type) throw new Violation("an object of an unknown interface is made");
    const isFree = sender === "container"
      ? id > 1 && id < firstServerId && !objects.has(id)
      // The compositor reuses the id of an object as soon as the app has ended it.
      : id >= firstServerId && (hostObjects.get(id)?.isEnded ?? true);
    if (!isFree) throw new Violation("the id of a new object is taken");
    const ids = sender === "host" ? { id: ownIdFor(id), hostId: id } : { id, hostId: takeId() };
    const made: WaylandObject = { ...ids, type, version, isEnded: false };
    objects.set(made.id, made);
    const what = countedAs.get(type.name);
    if (what) session.add(what);
    return register(made);
  };
  const ended = (object: WaylandObject): void => {
    const what = countedAs.get(object.type.name);
    if (what) session.remove(what);
    policy.ended(object);
  };

  const read = (sender: FrameSender, bytes: Uint8Array): Message => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const object = (sender === "container" ? objects : hostObjects).get(view.getUint32(0, true));
    if (!object || sender === "container" && object.isEnded) throw new Violation("a message is for an unknown object");
    const code = view.getUint16(4, true);
    const opcode = code & 0x7ff;
    const type = (sender === "container" ? object.type.requests : object.type.events)[opcode];
    if (!type || type.since > object.version) {
      const what = type?.name ?? `${sender === "container" ? "request" : "event"} ${opcode}`;
      throw new Violation(`${what} is unknown to ${object.type.name}, version ${object.version}`);
    }
    if (code !== type.code) throw new Violation(`${type.name} has the wrong number of descriptors`);
    const message = { sender, object, type, values: [] as ArgumentValue[] };
    view.setUint32(0, idFrom(sender, object), true);
    readValues(message, {
      bytes,
      take: () => descriptors.take(sender, policy.sendsFile(type.name) ? "file" : "pipe"),
      find: (argument, id) => (argument.type === "object" ? named : created)(message, { argument, id }),
    });
    return message;
  };

  /**
   * The object that an argument creates. Without a fixed interface, the two arguments before it are interface and
   * version.
   */
  const created = (
    { sender, object, values }: Message,
    { argument, id }: { argument: Argument; id: number },
  ): WaylandObject => {
    const isBound = argument.interface === undefined;
    const name = argument.interface ?? values.at(-2) as string;
    const version = isBound ? values.at(-1) as number : object.version;
    if (isBound) policy.checkBind(values[0] as number, { name, version });
    return make(sender, { id, type: protocols.get(name), version });
  };

  /** The object that an argument names; undefined for null. */
  const named = (
    { sender, object }: Message,
    { argument: { interface: name, isNullable }, id }: { argument: Argument; id: number },
  ): WaylandObject | undefined => {
    if (id === 0 && !isNullable && sender === "container") throw new Violation("an argument is null");
    if (id === 0) return undefined;
    const other = (sender === "container" ? objects : hostObjects).get(id);
    const isRight = other && (name === undefined || other.type.name === name);
    if (isRight && sender === "host") return hasKeys.has(object.type.name) ? other.standsFor ?? other : other;
    if (isRight && !other.isEnded) return other;
    // The compositor may name an object that the app has just ended.
    if (sender === "host" && !other) return undefined;
    throw new Violation("a message names an object that does not exist");
  };

  /** Frees an id that the compositor has deleted. Returns the app's id of the object; 0: the app does not know it. */
  const free = (hostId: number): number => {
    const object = hostObjects.get(hostId);
    if (!object || object === display || hostId >= firstServerId) return 0;
    hostObjects.delete(hostId);
    session.remove("object");
    freeIds.push(hostId);
    if (object.id === 0) return 0;
    if (!object.isEnded) ended(object);
    objects.delete(object.id);
    return object.id;
  };

  /** Whether an event is about the guard's own objects. */
  const isForGuard = (message: Message, own: Uint8Array): boolean => {
    const { sender, object, type, values } = message;
    if (sender === "container") return false;
    if (type.name !== "wl_display.delete_id") {
      return object.id === 0 || isOnBorder(message) ||
        type.args.some(({ type }, index) =>
          type === "object" && (values[index] as WaylandObject | undefined)?.id === 0
        );
    }
    const id = free(values[0] as number);
    new DataView(own.buffer, own.byteOffset).setUint32(8, id, true);
    return id === 0;
  };

  const onMessages = (sender: FrameSender) =>
    function* (bytes: Uint8Array): Steps<Uint8Array> {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      // The host's next message must not overtake these: the next offer may reuse the id of the last one.
      const passing = sender === "host" ? additions("host", policy.takeNews()) : [];
      let isChanged = passing.length > 0;
      for (let at = 0; at < bytes.length;) {
        const length = at + 8 > bytes.length ? 0 : view.getUint16(at + 6, true);
        if (length < 8 || length % 4 !== 0 || at + length > bytes.length) throw new Violation("a message has no end");
        const own = bytes.subarray(at, at + length);
        at += length;
        const message = read(sender, own);
        if (isForGuard(message, own)) {
          isChanged = true;
          continue;
        }
        const verdict = policy.judge(message);
        if (verdict) {
          isChanged = true;
          passing.push(...written(message, { verdict, own }));
        } else passing.push(own);
        if (sender === "container" && message.type.isDestructor) {
          message.object.isEnded = true;
          ended(message.object);
        }
        yield;
      }
      return isChanged ? concat(passing) : bytes;
    };

  const end = (): void => {
    for (const object of objects.values()) if (!object.isEnded) ended(object);
    session.remove("object", hostObjects.size - 1);
  };
  const added = { container: 0, host: 0 };
  const filter = (sender: FrameSender): ReturnType<typeof frameFilter> =>
    frameFilter({ sender, compression, descriptors, onMessages: onMessages(sender), added });
  const filters = { container: filter("container"), host: filter("host") };
  const leave: Connection["leave"] = () => {
    if (descriptors.areWaiting() || !filters.container.isBetween() || !filters.host.isBetween()) {
      return policy.mustClose() ? "later" : undefined;
    }
    const { events, requests } = policy.leave();
    if (events.length === 0 && requests.length === 0 && own.length === 0) return undefined;
    // Skips pipes that were closed meanwhile: their ends have forgotten them.
    const open = own.filter(({ number }) => descriptors.isOpen(number));
    const first = frameOf("messages", { bytes: concat(additions("host", events)) });
    const frames = [first, ...open.map(({ frame }) => frame)];
    own = [];
    for (const { number, closes } of open) if (closes) descriptors.forget(number);
    added.container += frames.length;
    added.host++;
    return {
      toContainer: concat(frames),
      toHost: frameOf("messages", { bytes: concat(additions("container", requests)) }),
    };
  };
  return { fromContainer: filters.container.take, fromHost: (chunk) => finish(filters.host.take(chunk)), leave, end };
}

/** The bytes of the guard's own messages. */
function additions(sender: FrameSender, list: readonly Addition[]): Uint8Array[] {
  return list.map(([object, name, ...values]) => {
    const all = sender === "container" ? object.type.requests : object.type.events;
    const type = all.find((each) => each.name === `${object.type.name}.${name}`)!;
    return writeMessage({ sender, object, type }, values);
  });
}

/** What passes in place of a message. */
function written(
  message: Message,
  { verdict: { drop, args: changed, before = [], after = [] }, own }: { verdict: Verdict; own: Uint8Array },
): Uint8Array[] {
  const { sender, type: { args }, values } = message;
  const all = changed && args.map(({ name }, index) => name in changed ? changed[name] : values[index]);
  const itself = all ? writeMessage(message, all) : own;
  return [...additions(sender, before), ...drop ? [] : [itself], ...additions(sender, after)];
}
