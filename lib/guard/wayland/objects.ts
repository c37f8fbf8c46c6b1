/** The objects of a connection, and the messages to them, as the guard's rules see them. */

import type { Descriptor, FrameSender } from "./descriptors.ts";
import type { ArgumentsOf, EventName, Interface, MessageType, RequestName } from "./protocols.ts";

export interface WaylandObject {
  /** Its number for the app; 0: the guard has made it, and the app does not know of it. */
  id: number;
  hostId: number;
  type: Interface;
  version: number;
  /** The app has ended it. Events for it may still come. */
  isEnded: boolean;
  /** For one of a border: the surface that has the keyboard in its place. */
  standsFor?: WaylandObject;
}

/** Makes an object that the compositor knows, and the app does not. */
export type Create = (type: string) => WaylandObject;

/**
 * The value of an argument: a number for ints, uints and fixeds; null for a missing text, and undefined for a missing
 * object.
 */
export type ArgumentValue = number | string | null | Uint8Array | Descriptor | WaylandObject | undefined;

export interface Message {
  sender: FrameSender;
  object: WaylandObject;
  type: MessageType;
  values: readonly ArgumentValue[];
}

/**
 * A message of the guard's own, in the same direction: to one of the objects that both ends know. Its name is without
 * the interface's.
 */
export type Addition = readonly [object: WaylandObject, name: string, ...values: ArgumentValue[]];

/** What an argument of each type is. */
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

/** The same of an event: the compositor may name what the app has just ended. */
export interface EventValues extends Omit<Values, "object"> {
  object: WaylandObject | undefined;
}

/** The arguments of a message, by the names that the protocol gives them. */
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
  /** A surface that is committed after it, as if the app had said so. */
  commits?: WaylandObject;
}

export const dropped: Verdict<never> = { drop: true };

/** Returns the verdict on a message to an object; undefined: it passes. */
export type Handler<Name> = (
  message: { object: WaylandObject; args: Args<Name> },
) => Verdict<Partial<Args<Name>>> | undefined | void;

export interface Part {
  handlers: { readonly [Name in RequestName | EventName]?: Handler<Name> };
  /** The app has ended an object, or its connection has ended before. */
  ended?(object: WaylandObject): void;
}
