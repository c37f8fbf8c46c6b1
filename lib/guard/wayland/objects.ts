/** The types of a connection's objects and messages, and of the verdicts on these. */

import type { Descriptor, FrameSender } from "./descriptors.ts";
import type { ArgumentsOf, EventName, Interface, MessageType, RequestName } from "./protocols.ts";

export interface WaylandObject {
  /** The app's id for it; 0: the guard has made it, and the app does not know it. */
  id: number;
  hostId: number;
  type: Interface;
  version: number;
  /** Whether the app has destroyed it. Events for it may still come. */
  isEnded: boolean;
  /** For a border's surface: the app's surface that gets the keyboard focus instead. */
  standsFor?: WaylandObject;
}

/** Makes an object that only the compositor knows, not the app. */
export type Create = (type: string) => WaylandObject;

/**
 * The value of an argument: a number for ints, uints and fixeds; null for a null string, and undefined for a null
 * object.
 */
export type ArgumentValue = number | string | null | Uint8Array | Descriptor | WaylandObject | undefined;

export interface Message {
  sender: FrameSender;
  object: WaylandObject;
  type: MessageType;
  values: readonly ArgumentValue[];
}

/** A message that the guard adds. Its name is without the interface's. */
export type Addition = readonly [object: WaylandObject, name: string, ...values: ArgumentValue[]];

/** The TypeScript type of each type of argument. */
export interface Values {
  int: number;
  uint: number;
  fixed: number;
  string: string;
  "string?": string | null;
  array: Uint8Array;
  fd: Descriptor;
  new_id: WaylandObject;
  object: WaylandObject;
  "object?": WaylandObject | undefined;
}

/** The same for events: the compositor may name an object that the app has just destroyed. */
type EventValues = Omit<Values, "object"> & { object: WaylandObject | undefined };

/** The arguments of a message, by their names in the protocol. */
export type Args<Name> = Named<ArgumentsOf<Name>, Name extends EventName ? EventValues : Values>;

/** Declared arguments, "TYPE NAME", with a value of the type for each name. */
export type Named<Declared, Of> = {
  [Key in keyof Declared as Key extends `${string} ${infer Name}` ? Name : never]: Key extends
    `${infer Type extends keyof Of & string} ${string}` ? Of[Type] : never;
};

/** The verdict on a message that does not pass unchanged. */
export interface Verdict<Changed = Readonly<Record<string, ArgumentValue>>> {
  drop?: true;
  args?: Changed;
  /** Messages that pass before it. */
  before?: readonly Addition[];
  /** Messages that pass after it. */
  after?: readonly Addition[];
  /** A surface to commit after it, as if the app had done so. */
  commits?: WaylandObject;
}

export const dropped: Verdict<never> = { drop: true };

/** Returns the verdict on a message to an object; undefined: it passes. */
export type Handler<Name> = (
  message: { object: WaylandObject; args: Args<Name> },
) => Verdict<Partial<Args<Name>>> | undefined | void;

/** A handler of one of the clipboard's messages that is also that of the primary selection's, which is alike. */
export function alsoPrimary<Name extends `${"source" | "offer" | "device"}.${string}`>(
  name: Name,
  handle: Handler<`wl_data_${Name}`>,
): Handlers {
  const [owner, own] = name.split(".");
  return { [`wl_data_${name}`]: handle, [`zwp_primary_selection_${owner}_v1.${own}`]: handle };
}

export type Handlers = { readonly [Name in RequestName | EventName]?: Handler<Name> };

export interface Part {
  handlers: Handlers;
  /** Called when the app destroys an object, and at the connection's end for each object that is left. */
  ended?(object: WaylandObject): void;
}
