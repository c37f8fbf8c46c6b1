/**
 * The clipboard's packets. The channel `clipboard-in` lets the container ask for what the host has copied, and
 * `clipboard-out` lets it offer something of its own. Text and pictures pass; lists of files do not: pasted into a file
 * manager they would move or copy files of the host.
 *
 * X has three selections. CLIPBOARD is what was copied. PRIMARY is whatever is selected in any window, as in a terminal
 * or in a password manager: the container gets it only while the user works in one of its windows, for a paste by the
 * middle button. SECONDARY, which hardly any app has, does not pass.
 */

import type { Channel } from "../channels.ts";
import { Refusal } from "./faults.ts";
import type { Packet } from "./packets.ts";
import type { Dict, Value } from "./rencode.ts";
import { bytes, either, fields, flag, integer, list, oneOf, table, text, word } from "./shapes.ts";

/** What becomes of a clipboard's packet. */
export interface ClipboardVerdict {
  /** What passes. */
  pass?: Packet;
  /** What goes back to the sender: without an answer, the program that asks would wait. */
  answer?: Packet;
}

/** The types of the clipboard's packets, the same in both directions. */
export const clipboardTypes = [
  "clipboard-token",
  "clipboard-data",
  "clipboard-request",
  "clipboard-contents",
  "clipboard-contents-none",
  "clipboard-pending-requests",
  "clipboard-enable-selections",
  "set-clipboard-enabled",
] as const;

const mostBytes = 64 * 1024 * 1024;
/** Most kinds of data that come with an offer. */
const mostKinds = 32;
const targets = new RegExp(
  "^(TARGETS|TIMESTAMP|UTF8_STRING|STRING|TEXT|COMPOUND_TEXT|" +
    "text/(plain|html|rtf|richtext|csv|markdown)(;charset=[\\w-]{1,20})?|image/(png|jpeg|gif|bmp|webp|tiff))$",
  "i",
);
/** Types of data that are no target. */
const dataType = word(new RegExp(`${targets.source}|^(ATOM|INTEGER)$`, "i"));
const selection = oneOf("CLIPBOARD", "PRIMARY");
const secondary = "SECONDARY";
const anySelection = either(selection, oneOf(secondary));
const requestId = integer(0, Number.MAX_SAFE_INTEGER);

/**
 * Judges a packet of the clipboard.
 *
 * @param options `from`: who has sent it; `isUsed`: the user works in one of the container's windows
 * @throws {Refusal} when nothing of it may pass
 */
export function judgeClipboard(
  { type, args }: Packet,
  { from, open, isUsed }: { from: "server" | "client"; open: ReadonlySet<Channel>; isUsed: boolean },
): ClipboardVerdict {
  const may = (channel: Channel): void => {
    if (!open.has(channel)) throw new Refusal("the channel is closed");
  };
  if (!open.has("clipboard-in") && !open.has("clipboard-out")) throw new Refusal("the channel is closed");
  // The channel by which the sender gives, and the one by which it takes.
  const gives = from === "server" ? "clipboard-out" : "clipboard-in";
  const takes = from === "server" ? "clipboard-in" : "clipboard-out";
  /** Whether the host has a selection for itself now. */
  const isHidden = (of: Value): boolean => of === "PRIMARY" && !isUsed;
  switch (type) {
    case "clipboard-token": {
      const of = anySelection(args[0]!);
      if (of === secondary) return {};
      if (!open.has(gives)) return { pass: { type, args: emptyOffer(args) } };
      return { pass: { type, args: from === "client" && isHidden(of) ? [of] : offer(args) } };
    }
    case "clipboard-data": {
      const of = anySelection(args[0]!);
      if (of === secondary) return {};
      const isClosed = !open.has(gives);
      const passed = offerTable(args[1]!, { isEmpty: isClosed || from === "client" && isHidden(of) });
      if (isClosed) passed.set("claim", false);
      return { pass: { type, args: [of, passed] } };
    }
    case "clipboard-request": {
      may(takes);
      const [id, of, what] = [requestId(args[0]!), anySelection(args[1]!), text(args[2]!)];
      const isClosed = of === secondary || from === "server" && isHidden(of);
      if (!isClosed && targets.test(what)) return { pass: { type, args: [id, of, what] } };
      return { answer: { type: "clipboard-contents-none", args: [id, of] } };
    }
    case "clipboard-contents": {
      may(gives);
      const [id, of] = [requestId(args[0]!), selection(args[1]!)];
      const data = contents(args[2]!, args[3]!, args[4]!, args[5]!);
      return { pass: { type, args: [id, of, ...data, 0] } };
    }
    case "clipboard-contents-none":
      return { pass: { type, args: [requestId(args[0]!), selection(args[1]!)] } };
    case "clipboard-pending-requests":
      return { pass: { type, args: [integer(0, 255)(args[0]!)] } };
    case "clipboard-enable-selections":
      return { pass: { type, args: [list(anySelection, 3)(args[0]!).filter((of) => of !== secondary)] } };
    case "set-clipboard-enabled":
      return { pass: { type, args: [flag(args[0]!), ""] } };
  }
  throw new Refusal("it is not one of the clipboard's packets");
}

/** The kinds of data of a list that may pass. */
function kindsIn(value: Value): string[] {
  return list(text, 200)(value).filter((kind) => targets.test(kind));
}

/** The type of the data, its format, how it is written, and the data. */
function contents(type: Value, format: Value, encoding: Value, data: Value): Value[] {
  const bits = integer(8, 32)(format);
  const way = text(encoding);
  switch (way) {
    case "atoms":
      return [dataType(type), bits, way, kindsIn(data)];
    case "integers":
      return [dataType(type), bits, way, list(integer(-(2 ** 31), 2 ** 32), 4096)(data)];
    case "bytes":
      return [dataType(type), bits, way, bytes(mostBytes)(data)];
  }
  throw new Refusal("its data has an unknown encoding");
}

/** Something was copied; it may come with its kinds and its data. */
function offer(args: readonly Value[]): Value[] {
  const [of, kinds, what, type, format, encoding, data, claims, greedy, synchronous] = args;
  const passed: Value[] = [selection(of!)];
  if (kinds === undefined) return passed;
  passed.push(kindsIn(kinds));
  if (data === undefined) return passed;
  const flags: Value[] = greedy === undefined ? [] : [flag(claims!), flag(greedy)];
  if (synchronous !== undefined) flags.push(flag(synchronous));
  const kind = text(what!);
  if (!targets.test(kind)) return [...passed, "", "", 8, "", new Uint8Array(), ...flags];
  return [...passed, kind, ...contents(type!, format!, encoding!, data), ...flags];
}

/** The same as a table, as xpra 6.6 sends it without compatibility. */
function offerTable(value: Value, { isEmpty }: { isEmpty: boolean }): Dict {
  const passed = fields({ claim: flag, greedy: flag, targets: kindsIn, data: dataByKind })(value);
  if (isEmpty) { for (const key of ["targets", "data"]) passed.delete(key); }
  return passed;
}

function dataByKind(value: Value): Dict {
  return new Map(
    [...table(word(targets), list((part) => part, 4), mostKinds)(value)].map(([kind, parts]) => {
      const [type, format, encoding, data] = parts as Value[];
      return [kind, contents(type!, format!, encoding!, data!)];
    }),
  );
}

/** An offer without contents or a claim to the selection: only the wish to be told of changes passes. */
function emptyOffer(args: readonly Value[]): Value[] {
  const [of, greedy] = [args[0], args[8]];
  return [selection(of!), [], "", "", 8, "", new Uint8Array(), false, greedy === undefined ? false : flag(greedy)];
}
