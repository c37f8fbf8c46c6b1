/**
 * A connection of an app to the compositor, as the guard sees it: which objects there are, of which interface, and what
 * may be said to them.
 */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import { createBorderInput } from "./border_input.ts";
import { type Descriptor, descriptorsOf, type FrameSender } from "./descriptors.ts";
import {
  type Compression,
  type Filter,
  frameAbout,
  frameFilter,
  frameOfData,
  frameOfDescriptors,
  frameOfMessages,
  frameTypes,
} from "./frames.ts";
import { readArguments, type WireValue, writeMessage } from "./messages.ts";
import type { Addition, ArgumentValue, Message, Verdict, WaylandObject } from "./objects.ts";
import { createPolicy } from "./policy.ts";
import { type Interface, type MessageType, protocols } from "./protocols.ts";
import type { WaylandSession } from "./session.ts";

/** The ids of the compositor's objects begin here. */
const firstServerId = 0xff00_0000;

/** What has the keyboard's focus, which some compositors (Hyprland) give to a border, and not to its window. */
const hasKeys = new Set(["wl_keyboard", "zwp_text_input_v3"]);

export interface Connection {
  fromContainer: Filter;
  fromHost: Filter;
  /**
   * The guard's own messages for each end: to close the popups when the user has left, to take back a carried text, and
   * to ask for what the app has copied. While one of them has got half a frame, it says nothing; "later": although it
   * has to close popups.
   */
  leave(): { toContainer: Uint8Array; toHost: Uint8Array } | "later" | undefined;
  end(): void;
}

/**
 * Makes a connection that has just begun.
 *
 * @param options `session`: what all connections share; `compression`: how files come
 */
export function createConnection(
  { session, compression }: { session: WaylandSession; compression: Compression },
): Connection {
  const display: WaylandObject = { id: 1, hostId: 1, type: protocols.get("wl_display")!, version: 1, isEnded: false };
  const objects = new Map([[1, display]]);
  const hostObjects = new Map([[1, display]]);
  /** Ids at the compositor: it takes none that is higher than the next one. */
  const freeIds: number[] = [];
  let highestId = 1;
  const takeId = (): number => freeIds.pop() ?? ++highestId;
  let highestServerId = firstServerId - 1;
  /** The app's id for an object of the compositor's: the same, unless the guard has given that id to another. */
  const ownIdFor = (hostId: number): number => {
    highestServerId = Math.max(highestServerId, hostId);
    return objects.get(hostId)?.isEnded ?? true ? hostId : ++highestServerId;
  };
  const register = (object: WaylandObject): WaylandObject => {
    if (!hostObjects.has(object.hostId)) session.add("object");
    hostObjects.set(object.hostId, object);
    return object;
  };
  const descriptors = descriptorsOf();
  const create = (name: string): WaylandObject =>
    register({ id: 0, hostId: takeId(), type: protocols.get(name)!, version: 1, isEnded: false });
  /**
   * Frames of the guard's own for the container, by the numbers of their pipes. They wait until the host's end is between
   * two of its own.
   */
  const own = new Map<number, readonly Uint8Array[]>();
  /** Those pipes that they close. */
  const ending = new Set<number>();
  const readSource: Parameters<typeof createPolicy>[0]["readSource"] = (source, type, reader) => {
    const number = descriptors.openOwn(reader);
    const opcode = source.type.events.findIndex(({ name }) => name === "wl_data_source.send");
    const { args } = source.type.events[opcode]!;
    // One descriptor.
    const send = writeMessage({ id: source.id, opcode: opcode | 1 << 11, args }, [type, null]);
    own.set(number, [frameAbout(frameTypes.openPipe, number), frameOfDescriptors([number]), frameOfMessages(send)]);
    session.wake();
    // waypipe 0.9.2 ends when it is told to close what it is just closing by itself: what comes later is dropped.
    return () => {
      own.delete(number);
      descriptors.forget(number);
    };
  };
  const answer: Parameters<typeof createPolicy>[0]["answer"] = ({ number }, text) => {
    if (text === "" || !descriptors.isOpen(number)) return;
    if (text === undefined) ending.add(number);
    const frame = text === undefined
      ? frameAbout(frameTypes.closeWriting, number)
      : frameOfData(number, new TextEncoder().encode(text));
    own.set(number, [...own.get(number) ?? [], frame]);
    session.wake();
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
      // The compositor takes the id of an object that the app has ended at once.
      : id >= firstServerId && (hostObjects.get(id)?.isEnded ?? true);
    if (!isFree) throw new Violation("the id of a new object is taken");
    const ids = sender === "host" ? { id: ownIdFor(id), hostId: id } : { id, hostId: takeId() };
    const made: WaylandObject = { ...ids, type, version, isEnded: false };
    objects.set(made.id, made);
    return register(made);
  };

  const read = (sender: FrameSender, bytes: Uint8Array): Message => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const object = (sender === "container" ? objects : hostObjects).get(view.getUint32(0, true));
    if (!object || sender === "container" && object.isEnded) throw new Violation("a message is for an unknown object");
    const word = view.getUint16(4, true);
    // waypipe puts the number of descriptors in front of the opcode.
    const [opcode, count] = [word & 0x7ff, word >> 11];
    const type = (sender === "container" ? object.type.requests : object.type.events)[opcode];
    if (!type || type.since > object.version) {
      const what = type?.name ?? `${sender === "container" ? "request" : "event"} ${opcode}`;
      throw new Violation(`${what} is unknown to ${object.type.name}, version ${object.version}`);
    }
    const take = (): Descriptor => descriptors.take(sender, policy.sendsFile(type.name) ? "file" : "pipe");
    if (count !== type.descriptors) throw new Violation(`${type.name} has the wrong number of descriptors`);
    const values: ArgumentValue[] = readArguments(bytes, { args: type.args, sender, take });
    const message = { sender, object, type, values };
    view.setUint32(0, idFrom(sender, object), true);
    let at = 8;
    for (let index = 0; index < values.length; index++) {
      const argument = type.args[index]!;
      if (argument.type === "object" || argument.type === "new_id") {
        const other = argument.type === "object" ? named(message, index) : created(message, index);
        values[index] = other;
        if (other) view.setUint32(at, idFrom(sender, other), true);
      }
      if (argument.type === "string" || argument.type === "array") at += (view.getUint32(at, true) + 3) & ~3;
      if (argument.type !== "fd") at += 4;
    }
    return message;
  };

  /** The object that an argument makes. */
  const created = ({ sender, object, type, values }: Message, index: number): WaylandObject => {
    const { interface: name = values[index - 2] as string } = type.args[index]!;
    const isBound = type.args[index]!.interface === undefined;
    const version = isBound ? values[index - 1] as number : object.version;
    if (isBound) policy.checkBind(values[0] as number, { name, version });
    return make(sender, { id: values[index] as number, type: protocols.get(name), version });
  };

  /** The object that an argument names; undefined for none. */
  const named = ({ sender, object, type, values }: Message, index: number): WaylandObject | undefined => {
    const id = values[index] as number;
    if (id === 0) return undefined;
    const { interface: name } = type.args[index]!;
    const other = (sender === "container" ? objects : hostObjects).get(id);
    const isRight = other && (name === undefined || other.type.name === name);
    if (isRight && sender === "host") return hasKeys.has(object.type.name) ? other.standsFor ?? other : other;
    if (isRight && !other.isEnded) return other;
    // The compositor may name what the app has just ended.
    if (sender === "host" && !other) return undefined;
    throw new Violation("a message names an object that does not exist");
  };

  /** An object has ended at the compositor. Returns its id for the app; 0: the app does not know of it. */
  const free = (hostId: number): number => {
    const object = hostObjects.get(hostId);
    if (!object || object === display || hostId >= firstServerId) return 0;
    hostObjects.delete(hostId);
    session.remove("object");
    freeIds.push(hostId);
    if (object.id === 0) return 0;
    if (!object.isEnded) policy.ended(object);
    objects.delete(object.id);
    return object.id;
  };

  /** What the compositor says of the guard's own objects. */
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

  const onMessages = (sender: FrameSender) => (bytes: Uint8Array): Uint8Array => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // What the host says next must not overtake it: the next offer takes the number of the last one.
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
        policy.ended(message.object);
      }
    }
    return isChanged ? concat(passing) : bytes;
  };

  const end = (): void => {
    policy.end();
    session.remove("object", hostObjects.size - 1);
  };
  const added = { container: 0, host: 0 };
  const filter = (sender: FrameSender): ReturnType<typeof frameFilter> =>
    frameFilter({ sender, compression, descriptors, onMessages: onMessages(sender), added });
  const filters = { container: filter("container"), host: filter("host") };
  const leave: Connection["leave"] = () => {
    if (!policy.mustLeave() && own.size === 0) return undefined;
    if (descriptors.areWaiting() || !filters.container.isBetween() || !filters.host.isBetween()) {
      return policy.mustClose() ? "later" : undefined;
    }
    const closing = policy.leave();
    // An end that has closed a pipe meanwhile knows it no longer.
    const open = [...own].flatMap(([number, frames]) => descriptors.isOpen(number) ? frames : []);
    const frames = [frameOfMessages(concat(additions("host", closing.events))), ...open];
    own.clear();
    ending.forEach(descriptors.forget);
    ending.clear();
    added.container += frames.length;
    added.host++;
    return {
      toContainer: concat(frames),
      toHost: frameOfMessages(concat(additions("container", closing.requests))),
    };
  };
  return { fromContainer: filters.container.take, fromHost: filters.host.take, leave, end };
}

/** The number of an object at the end to which a sender speaks. */
function idFrom(sender: FrameSender, { id, hostId }: WaylandObject): number {
  return sender === "container" ? hostId : id;
}

/** The bytes of a message, as if an end had sent it. */
function write(
  { sender, object, opcode, args }: {
    sender: FrameSender;
    object: WaylandObject;
    opcode: number;
    args: MessageType["args"];
  },
  values: readonly ArgumentValue[],
): Uint8Array {
  const all = args.map(({ type }, index): WireValue => {
    if (type !== "object" && type !== "new_id") return values[index] as WireValue;
    return values[index] ? idFrom(sender, values[index] as WaylandObject) : 0;
  });
  return writeMessage({ id: idFrom(sender, object), opcode, args }, all);
}

/** The bytes of messages of the guard's own. */
function additions(sender: FrameSender, list: readonly Addition[]): Uint8Array[] {
  return list.map(([object, name, ...values]) => {
    const all = sender === "container" ? object.type.requests : object.type.events;
    const opcode = all.findIndex((each) => each.name === `${object.type.name}.${name}`);
    return write({ sender, object, opcode, args: all[opcode]!.args }, values);
  });
}

/** What passes in the place of a message. */
function written(
  { sender, object, type: { args }, values }: Message,
  { verdict: { drop, args: changed, before = [], after = [] }, own }: { verdict: Verdict; own: Uint8Array },
): Uint8Array[] {
  const opcode = new DataView(own.buffer, own.byteOffset).getUint16(4, true);
  const itself = drop ? [] : changed
    ? [
      write(
        { sender, object, opcode, args },
        args.map(({ name }, index) => name in changed ? changed[name] : values[index]),
      ),
    ]
    : [own];
  return [...additions(sender, before), ...itself, ...additions(sender, after)];
}
