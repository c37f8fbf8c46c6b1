/** The protocols that an app in a container may use: each interface with its requests and events. */

import table from "./protocols.json" with { type: "json" };

/** The interfaces by their names, as they are in the table. */
export type Table = typeof table;
export type NamesOf<Kind extends "requests" | "events"> = {
  [Name in keyof Table]: `${Name}.${keyof Table[Name][Kind] & string}`;
}[keyof Table];

/** A request, with its interface's name: `wl_surface.attach`. */
export type RequestName = NamesOf<"requests">;
/** An event, likewise. */
export type EventName = NamesOf<"events">;
/** The arguments of a message in the table: "TYPE NAME", each with its interface. */
export type ArgumentsOf<Name> = Name extends `${infer Owner extends keyof Table}.${infer Own}`
  ? (Table[Owner]["requests"] & Table[Owner]["events"])[Own & keyof (Table[Owner]["requests"] & Table[Owner]["events"])]
  : never;

export interface Argument {
  name: string;
  /** `fd`: a file descriptor. */
  type: "int" | "uint" | "fixed" | "string" | "object" | "new_id" | "array" | "fd";
  isNullable: boolean;
  /** The interface of an object; undefined for any: a new object's name and version are the two arguments before it. */
  interface: string | undefined;
}

export interface MessageType {
  /** Such as `wl_surface.attach`. */
  name: RequestName | EventName;
  /** The first version of the interface that has it. */
  since: number;
  /** Whether this request destroys the object. */
  isDestructor: boolean;
  args: readonly Argument[];
  /** The code in its header: the opcode, with waypipe's number of descriptors in the bits above it. */
  code: number;
}

export interface Interface {
  /** Such as `wl_surface`. */
  name: string;
  /** The highest version that the table knows. */
  version: number;
  /** What an app can send, by opcode. */
  requests: readonly MessageType[];
  /** What the compositor can send, by opcode. */
  events: readonly MessageType[];
}

function argumentOf([declared, named]: [string, string]): Argument {
  const [type, name] = declared.split(" ") as [string, string];
  return {
    name,
    type: type.replace("?", "") as Argument["type"],
    isNullable: type.endsWith("?"),
    interface: named === "" ? undefined : named,
  };
}

/** The interfaces that apps in containers may use, by name. */
export const protocols: ReadonlyMap<string, Interface> = new Map(
  Object.entries(table).map(([owner, { version, since, destructors, requests, events }]) => {
    const typesOf = (list: Record<string, Record<string, string>>): MessageType[] =>
      Object.entries(list).map(([name, declared], opcode) => {
        const args = Object.entries(declared).map(argumentOf);
        return {
          name: `${owner}.${name}` as MessageType["name"],
          since: (since as Record<string, number>)[name] ?? 1,
          isDestructor: (destructors as string[]).includes(name),
          args,
          code: opcode | args.filter(({ type }) => type === "fd").length << 11,
        };
      });
    return [owner, { name: owner, version, requests: typesOf(requests), events: typesOf(events) }];
  }),
);
