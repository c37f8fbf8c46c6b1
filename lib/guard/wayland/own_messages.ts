/**
 * What the guard itself sends to the app: events, and frames about pipes. It reads what the app has copied through a
 * pipe of its own, and answers in an app's pipe in place of the host.
 */

import type { PipeReader } from "./carrying.ts";
import type { Descriptors } from "./descriptors.ts";
import type { Answer } from "./dropped_files.ts";
import { frameOf } from "./frames.ts";
import { writeAdditions } from "./messages.ts";
import type { Addition, WaylandObject } from "./objects.ts";

export interface OwnMessages {
  /** Sends events to the app, which gets them before any other of the compositor's. */
  say(events: readonly Addition[]): void;
  /** Asks the app for the data of a source. Returns a function that cancels the read. */
  readSource(source: WaylandObject, type: string, reader: PipeReader): () => void;
  answer: Answer;
  /** Takes the events, without those for objects that the app has destroyed. */
  takeEvents(): Addition[];
  /** Takes the frames, without those for pipes that were closed meanwhile: their ends have forgotten them. */
  takeFrames(): Uint8Array[];
}

/** Makes the guard's own messages on a connection: there are none. `wake`: called when there are some to take. */
export function createOwnMessages(descriptors: Descriptors, wake: () => void): OwnMessages {
  let events: Addition[] = [];
  let frames: { number: number; frame: Uint8Array; closes: boolean }[] = [];
  const post = (number: number, more: readonly Uint8Array[], { closes } = { closes: false }): void => {
    frames.push(...more.map((frame) => ({ number, frame, closes })));
    wake();
  };
  return {
    say(more) {
      events.push(...more);
      wake();
    },
    readSource(source, type, reader) {
      const number = descriptors.openOwn(reader);
      const numbers = [number];
      const [bytes] = writeAdditions("host", [[source, "send", type, undefined]]);
      const asking = frameOf("messages", { bytes: bytes! });
      post(number, [frameOf("openPipe", { numbers }), frameOf("descriptors", { numbers }), asking]);
      // waypipe 0.9.2 exits when told to close a pipe that it is closing itself. So the guard only drops later data.
      return () => descriptors.forget(number);
    },
    answer({ number }, text) {
      if (text === "" || !descriptors.isOpen(number)) return;
      const numbers = [number];
      if (text === undefined) post(number, [frameOf("closeWriting", { numbers })], { closes: true });
      else post(number, [frameOf("data", { numbers, bytes: new TextEncoder().encode(text) })]);
    },
    takeEvents() {
      const taken = events.filter(([object, name, offer]) => {
        if (object.isEnded && name === "data_offer") (offer as WaylandObject).isEnded = true;
        return !object.isEnded;
      });
      events = [];
      return taken;
    },
    takeFrames() {
      const open = frames.filter(({ number }) => descriptors.isOpen(number));
      frames = [];
      for (const { number, closes } of open) if (closes) descriptors.forget(number);
      return open.map(({ frame }) => frame);
    },
  };
}
