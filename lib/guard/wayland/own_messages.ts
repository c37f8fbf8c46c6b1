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

/** The guard's own messages on a connection: there are none yet. `wake`: called when there are some to take. */
export class OwnMessages {
  #events: Addition[] = [];
  #frames: { number: number; frame: Uint8Array; closes: boolean }[] = [];

  constructor(private readonly descriptors: Descriptors, private readonly wake: () => void) {}

  /** Sends events to the app, which gets them before any other of the compositor's. */
  say(events: readonly Addition[]): void {
    this.#events.push(...events);
    this.wake();
  }

  /** Asks the app for the data of a source. Returns a function that cancels the read. */
  readSource(source: WaylandObject, type: string, reader: PipeReader): () => void {
    const number = this.descriptors.openOwn(reader);
    const numbers = [number];
    const [bytes] = writeAdditions("host", [[source, "send", type, undefined]]);
    const asking = frameOf("messages", { bytes: bytes! });
    this.#post(number, [frameOf("openPipe", { numbers }), frameOf("descriptors", { numbers }), asking]);
    // waypipe 0.9.2 exits when told to close a pipe that it is closing itself. So the guard only drops later data.
    return () => this.descriptors.forget(number);
  }

  readonly answer: Answer = ({ number }, text) => {
    if (text === "" || !this.descriptors.isOpen(number)) return;
    const numbers = [number];
    if (text === undefined) this.#post(number, [frameOf("closeWriting", { numbers })], { closes: true });
    else this.#post(number, [frameOf("data", { numbers, bytes: new TextEncoder().encode(text) })]);
  };

  /** Takes the events, without those for objects that the app has destroyed. */
  takeEvents(): Addition[] {
    return this.#events.splice(0).filter(([object, name, offer]) => {
      if (object.isEnded && name === "data_offer") (offer as WaylandObject).isEnded = true;
      return !object.isEnded;
    });
  }

  /** Takes the frames, without those for pipes that were closed meanwhile: their ends have forgotten them. */
  takeFrames(): Uint8Array[] {
    const open = this.#frames.splice(0).filter(({ number }) => this.descriptors.isOpen(number));
    for (const { number, closes } of open) if (closes) this.descriptors.forget(number);
    return open.map(({ frame }) => frame);
  }

  #post(number: number, frames: readonly Uint8Array[], { closes } = { closes: false }): void {
    this.#frames.push(...frames.map((frame) => ({ number, frame, closes })));
    this.wake();
  }
}
