/**
 * The clipboard's packets. The channel `clipboard-in` lets the container ask for what the host has copied, and
 * `clipboard-out` lets it offer something of its own. Text and pictures pass; lists of files do not: pasted into a file
 * manager they would move or copy files of the host.
 *
 * X has three selections. CLIPBOARD is what was copied. PRIMARY is whatever is selected in any window, as in a terminal
 * or in a password manager: the container gets it only while the user works in its windows, for a paste by the middle
 * button. SECONDARY, which hardly any app has, does not pass.
 *
 * The container takes the host's clipboard only while the user works in its windows, too: otherwise it could replace
 * what is about to be pasted into a terminal. An offer comes without its contents, which the client asks for once
 * somebody pastes: nothing passes that nobody has asked for.
 */

import type { Channel } from "../channel.ts";
import { Refusal } from "../faults.ts";
import type { Packet } from "./packets.ts";
import type { Value } from "./rencode.ts";
import { bytes, either, fields, flag, integer, list, oneOf, text } from "./shapes.ts";
import type { SessionState } from "./state.ts";

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
/**
 * Kinds of data. The list is closed: each name becomes an atom of the host's X server, which never forgets one. Apps
 * offer their texts by several of these names.
 */
const targets: ReadonlySet<string> = new Set([
  ...["TARGETS", "TIMESTAMP", "UTF8_STRING", "STRING", "TEXT", "COMPOUND_TEXT"],
  ...["plain", "plain;charset=utf-8", "plain;charset=UTF-8", "html", "rtf", "richtext", "csv", "markdown"]
    .map((kind) => `text/${kind}`),
  ...["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((kind) => `image/${kind}`),
]);
/** Types of data that are no target. */
const dataType = oneOf(...targets, "ATOM", "INTEGER");
const selection = oneOf("CLIPBOARD", "PRIMARY");
const secondary = "SECONDARY";
const anySelection = either(selection, oneOf(secondary));
const requestId = integer(0, Number.MAX_SAFE_INTEGER);
/** Requests of the client that may wait for their answers; an honest one has a few. */
const mostRequests = 100;

/**
 * Judges a packet of the clipboard.
 *
 * @param options `from`: who has sent it
 * @throws {Refusal} when nothing of it may pass
 */
export function judgeClipboard(
  { type, args }: Packet,
  { from, session }: { from: "server" | "client"; session: SessionState },
): ClipboardVerdict {
  const { open, rates, requests, windows } = session;
  const isServer = from === "server";
  const may = (channel: Channel): void => {
    if (!open.has(channel)) throw new Refusal("the channel is closed");
  };
  if (!open.has("clipboard-in") && !open.has("clipboard-out")) throw new Refusal("the channel is closed");
  // The channel by which the sender gives, and the one by which it takes.
  const gives = isServer ? "clipboard-out" : "clipboard-in";
  const takes = isServer ? "clipboard-in" : "clipboard-out";
  /** Whether the host has a selection for itself now. */
  const isHidden = (of: Value): boolean => of === "PRIMARY" && !windows.isUsed();
  switch (type) {
    case "clipboard-token":
    case "clipboard-data": {
      const of = anySelection(args[0]!);
      if (of === secondary || isServer && !rates.copy()) return {};
      const isOpen = open.has(gives);
      if (isOpen && isServer && !windows.isUsed()) throw new Refusal("you do not work in the container's windows");
      const isEmpty = !isOpen || !isServer && isHidden(of);
      if (type === "clipboard-token") {
        return { pass: { type, args: !isOpen ? emptyOffer(args) : isEmpty ? [of] : offer(args) } };
      }
      const passed = offerTable(args[1]!);
      if (isEmpty) passed.delete("targets");
      if (!isOpen) passed.set("claim", false);
      return { pass: { type, args: [of, passed] } };
    }
    case "clipboard-request": {
      may(takes);
      const [id, of, what] = [requestId(args[0]!), anySelection(args[1]!), text(args[2]!)];
      const isClosed = of === secondary || isServer && (isHidden(of) || !rates.paste());
      if (isClosed || !targets.has(what)) return { answer: { type: "clipboard-contents-none", args: [id, of] } };
      if (!isServer && requests.size < mostRequests) requests.add(id);
      return { pass: { type, args: [id, of, what] } };
    }
    case "clipboard-contents": {
      may(gives);
      const [id, of] = [requestId(args[0]!), selection(args[1]!)];
      if (isServer && !requests.delete(id)) throw new Refusal("nobody has asked for it");
      const data = contents(args[2]!, args[3]!, args[4]!, args[5]!);
      return { pass: { type, args: [id, of, ...data, 0] } };
    }
    case "clipboard-contents-none": {
      const id = requestId(args[0]!);
      if (isServer) requests.delete(id);
      return { pass: { type, args: [id, selection(args[1]!)] } };
    }
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
  return list(text, 200)(value).filter((kind) => targets.has(kind));
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

/** Something was copied; it may come with its kinds. */
function offer([of, kinds, , , , , data, ...flags]: readonly Value[]): Value[] {
  const passed: Value[] = [selection(of!)];
  if (kinds === undefined) return passed;
  passed.push(kindsIn(kinds));
  return data === undefined ? passed : [...passed, ...noContents, ...flags.slice(0, 3).map(flag)];
}

/** The same as a table, as xpra 6.6 sends it without compatibility. */
const offerTable = fields({ claim: flag, greedy: flag, targets: kindsIn });

/** An offer without kinds or a claim to the selection: only the wish to be told of changes passes. */
function emptyOffer(args: readonly Value[]): Value[] {
  const [of, greedy] = [args[0], args[8]];
  return [selection(of!), [], ...noContents, false, greedy === undefined ? false : flag(greedy)];
}

const noContents: readonly Value[] = ["", "", 8, "", new Uint8Array()];
