/** An app's connection to the compositor, as the guard sees it: what passes of each end's messages, and in their place. */

import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import { createBorderInput } from "./border_input.ts";
import { Descriptors, type FrameSender } from "./descriptors.ts";
import { frameKinds } from "./frame_kinds.ts";
import { type Compression, type Filter, finish, frameFilter, frameOf, type Steps } from "./frames.ts";
import { createMessageReader, writeAdditions, writeMessage } from "./messages.ts";
import type { Message, Verdict, WaylandObject } from "./objects.ts";
import { createObjectTable } from "./object_table.ts";
import { OwnMessages } from "./own_messages.ts";
import { createPolicy } from "./policy.ts";
import type { WaylandSession } from "./session.ts";

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
  const descriptors = new Descriptors();
  const objects = createObjectTable(session, (object) => policy.ended(object));
  const own = new OwnMessages(descriptors, () => session.wake());
  const policy = createPolicy({ session, descriptors, objects, own });
  const read = createMessageReader(objects, descriptors, policy.checkBind);
  const isOnBorder = createBorderInput();

  /** Whether an event is about the guard's own objects. */
  const isForGuard = (message: Message, bytes: Uint8Array): boolean => {
    const { sender, object, type, values } = message;
    if (sender === "container") return false;
    if (type.name !== "wl_display.delete_id") {
      return object.id === 0 || isOnBorder(message) ||
        type.args.some(({ type }, index) =>
          type === "object" && (values[index] as WaylandObject | undefined)?.id === 0
        );
    }
    const id = objects.free(values[0] as number);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, id, true);
    return id === 0;
  };
  const onMessages = (sender: FrameSender) =>
    function* (bytes: Uint8Array): Steps<Uint8Array> {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      // The host's next message must not overtake these: the next offer may reuse the id of the last one.
      const passing = sender === "host" ? writeAdditions("host", own.takeEvents()) : [];
      let isChanged = passing.length > 0;
      for (let at = 0; at < bytes.length;) {
        const length = at + 8 > bytes.length ? 0 : view.getUint16(at + 6, true);
        if (length < 8 || length % 4 !== 0 || at + length > bytes.length) throw new Violation("a message has no end");
        const itself = bytes.subarray(at, at + length);
        at += length;
        const message = read(sender, itself);
        if (isForGuard(message, itself)) {
          isChanged = true;
          continue;
        }
        const verdict = policy.judge(message);
        if (verdict) {
          isChanged = true;
          passing.push(...written(message, { verdict, itself }));
        } else passing.push(itself);
        if (sender === "container" && message.type.isDestructor) objects.destroy(message.object);
        yield;
      }
      return isChanged ? concat(passing) : bytes;
    };
  const added = { container: 0, host: 0 };
  const filter = (sender: FrameSender): ReturnType<typeof frameFilter> =>
    frameFilter(frameKinds({ sender, compression, descriptors, onMessages: onMessages(sender), added }), descriptors);
  const filters = { container: filter("container"), host: filter("host") };
  return {
    fromContainer: filters.container.take,
    fromHost: (chunk) => finish(filters.host.take(chunk)),
    leave() {
      if (descriptors.areWaiting() || !filters.container.isBetween() || !filters.host.isBetween()) {
        return policy.mustClose() ? "later" : undefined;
      }
      const { events, requests } = policy.leave();
      const toApp = [...own.takeEvents(), ...events];
      const frames = own.takeFrames();
      if (toApp.length === 0 && requests.length === 0 && frames.length === 0) return undefined;
      added.container += 1 + frames.length;
      added.host++;
      return {
        toContainer: concat([frameOf("messages", { bytes: concat(writeAdditions("host", toApp)) }), ...frames]),
        toHost: frameOf("messages", { bytes: concat(writeAdditions("container", requests)) }),
      };
    },
    end: objects.close,
  };
}

/** What passes in place of a message. */
function written(
  message: Message,
  { verdict: { drop, args: changed, before = [], after = [] }, itself }: { verdict: Verdict; itself: Uint8Array },
): Uint8Array[] {
  const { sender, type: { args }, values } = message;
  const all = changed && args.map(({ name }, index) => name in changed ? changed[name] : values[index]);
  const passing = all ? writeMessage(message, all) : itself;
  return [...writeAdditions(sender, before), ...drop ? [] : [passing], ...writeAdditions(sender, after)];
}
