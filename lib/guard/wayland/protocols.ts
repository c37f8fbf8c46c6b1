/** The protocols that an app in a container may speak: each interface with its requests and events. */

import table from "./protocols.txt" with { type: "text" };

/** An argument of a message. */
export interface Argument {
  /** int, uint, fixed, string, object, new_id, array or fd, by its first letter; `h` is a file descriptor. */
  type: "i" | "u" | "f" | "s" | "o" | "n" | "a" | "h";
  /** It may be null. */
  isNullable: boolean;
  /** The interface of an object; undefined for one of any. */
  interface: string | undefined;
}

/** A request or an event. */
export interface MessageType {
  /** Its interface's name and its own, as `wl_surface.attach`. */
  name: string;
  /** The first version of the interface that has it. */
  since: number;
  /** With this request, the object ends. */
  isDestructor: boolean;
  /** In their order. */
  args: readonly Argument[];
}

/** An interface. */
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

/** The interfaces of a table in the form of `protocols.txt`, by their names. */
function parseProtocols(text: string): ReadonlyMap<string, Interface> {
  const interfaces = new Map<string, Interface & { requests: MessageType[]; events: MessageType[] }>();
  let last: { requests: MessageType[]; events: MessageType[] } | undefined;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [first, label, ...words] = line.split(" ");
    if (first !== "<" && first !== ">") {
      const found = { name: first!, version: Number(label), requests: [], events: [] };
      interfaces.set(first!, found);
      last = found;
      continue;
    }
    const [, name, since, end] = /^(\w+)(?:@(\d+))?(!)?$/.exec(label!)!;
    const [owner] = [...interfaces.keys()].slice(-1);
    (first === "<" ? last!.requests : last!.events).push({
      name: `${owner}.${name}`,
      since: Number(since ?? 1),
      isDestructor: end !== undefined,
      args: words.flatMap(argumentsOf),
    });
  }
  return interfaces;
}

function argumentsOf(word: string): Argument[] {
  const [, nullable, type, named] = /^(\?)?(\w)(?::(\w+))?$/.exec(word)!;
  const argument = { type: type as Argument["type"], isNullable: nullable !== undefined, interface: named };
  if (type !== "n" || named !== undefined) return [argument];
  // Of an interface that the message itself names, with its version.
  const other = { isNullable: false, interface: undefined };
  return [{ type: "s", ...other }, { type: "u", ...other }, argument];
}

/** What apps in containers may speak. */
export const protocols: ReadonlyMap<string, Interface> = parseProtocols(table);
