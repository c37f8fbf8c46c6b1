/**
 * The clipboard's packets. The channel `clipboard-in` lets the container ask for what the host has copied, and
 * `clipboard-out` lets it offer something of its own: text and pictures (`dataTypes`).
 *
 * X has three selections. CLIPBOARD is what was copied: the container hears which types there are, since apps show then
 * that something can be pasted, and gets it while the user works in its windows. PRIMARY is whatever is selected in any
 * window, as in a terminal or in a password manager: at other times the container hears nothing of it. SECONDARY, which
 * hardly any app has, does not pass.
 *
 * The container takes the host's clipboard only while the user works in its windows, too: otherwise it could replace
 * what is about to be pasted into a terminal. An offer comes without its contents, which the client asks for once
 * somebody pastes: nothing passes that nobody has asked for.
 */

import { dataTypes } from "../crossings.ts";
import { Refusal } from "../faults.ts";
import { maxDataBytes } from "../limits.ts";
import { type Delivery, passOn, requireOpen } from "./judge.ts";
import type { Packet, Sender } from "./packets.ts";
import type { Value } from "./rencode.ts";
import { args, bytes, flag, integer, list, oneOf, type Shape, text } from "./shapes.ts";
import type { Session } from "./session.ts";

/** The types of the clipboard's packets, the same in both directions. */
export const clipboardTypes = [
  "clipboard-token",
  "clipboard-request",
  "clipboard-contents",
  "clipboard-contents-none",
  "clipboard-pending-requests",
  "clipboard-enable-selections",
  "set-clipboard-enabled",
] as const;

/** What can be asked for: types of data, and what there is of them. */
const targets: ReadonlySet<string> = new Set(["TARGETS", "TIMESTAMP", ...dataTypes]);
/** Types of data that are not targets. */
const dataType = oneOf(...targets, "ATOM", "INTEGER");
const selection = oneOf("CLIPBOARD", "PRIMARY");
const secondary = "SECONDARY";
const anySelection = oneOf("CLIPBOARD", "PRIMARY", secondary);
const requestId = integer(0, Number.MAX_SAFE_INTEGER);
/** Requests of either end that may wait for their answers; an honest one has a few. */
const maxRequests = 100;
/**
 * How long the client may take to say which types there are, in checks of the relay: its answer may wait while this
 * program stands still. Where the host has copied nothing, the client of xpra 6.5.5 waits as long as for data; apps of
 * GTK ask before they show a menu, whose clicks would go to what is not seen yet.
 */
const typesChecks = 2;

/**
 * Judges a packet of the clipboard.
 *
 * @param options `from`: who has sent it
 * @throws {Refusal} when nothing of it may pass
 */
export function judgeClipboard(
  { type, args: values }: Packet,
  { from, session }: { from: Sender; session: Session },
): Delivery {
  const { open, rates, requests, typeRequests, windows, crossings } = session;
  const isServer = from === "container";
  // A request gets an answer: its app waits for one, and the channel may have been closed meanwhile.
  if (type !== "clipboard-request") requireOpen(session, "clipboard-in", "clipboard-out");
  // The channel by which the sender gives, and the one by which it takes.
  const gives = isServer ? "clipboard-out" : "clipboard-in";
  const takes = isServer ? "clipboard-in" : "clipboard-out";
  /** Whether the host has a selection for itself now. */
  const isHidden = (of: Value): boolean => of === "PRIMARY" && !windows.isUsed();
  /** Whether the guard has answered for the client. */
  const isLate = (id: number): boolean => {
    const request = typeRequests.get(id);
    typeRequests.delete(id);
    return request !== undefined && request.checks >= typesChecks;
  };
  switch (type) {
    case "clipboard-token": {
      const of = anySelection(values[0]!);
      if (of === secondary || isServer && !rates.copy()) return {};
      const isOpen = open.has(gives);
      if (isOpen && isServer && !windows.isUsed()) throw new Refusal("you do not work in the container's windows");
      return passOn(type, !isOpen ? emptyOffer(values) : !isServer && isHidden(of) ? [of] : passOffer(values));
    }
    case "clipboard-request": {
      const [id, of, what] = [requestId(values[0]!), anySelection(values[1]!), text(values[2]!)];
      const isData = dataTypes.has(what);
      const isRefused = isServer && (isHidden(of) || isData && !windows.isUsed() || !rates.paste()) ||
        isData && !crossings.mayCross();
      if (!open.has(takes) || of === secondary || isRefused || !targets.has(what)) {
        return { answer: [{ type: "clipboard-contents-none", args: [id, of] }] };
      }
      if (!isServer && requests.size < maxRequests) requests.set(id, what);
      if (isServer && what === "TARGETS" && typeRequests.size < maxRequests) typeRequests.set(id, { of, checks: 0 });
      return passOn(type, [id, of, what]);
    }
    case "clipboard-contents": {
      requireOpen(session, gives);
      const [id, of] = [requestId(values[0]!), selection(values[1]!)];
      if (!isServer && isLate(id)) return {};
      // Not what the container calls it.
      const asked = requests.get(id);
      if (isServer && !requests.delete(id)) throw new Refusal("nobody has asked for it");
      const passed = contents(values.slice(2));
      const [called, , , data] = passed;
      const what = isServer ? asked! : called as string;
      const bytes = data instanceof Uint8Array ? data.length : 4 * (data as Value[]).length;
      if (bytes > 0) crossings.add({ direction: isServer ? "out" : "in", type: what, times: 1, bytes });
      return passOn(type, [id, of, ...passed, 0]);
    }
    case "clipboard-contents-none": {
      const id = requestId(values[0]!);
      if (isServer) requests.delete(id);
      else if (isLate(id)) return {};
      return passOn(type, [id, selection(values[1]!)]);
    }
    case "clipboard-pending-requests":
      return passOn(type, [integer(0, 255)(values[0]!)]);
    case "clipboard-enable-selections":
      return passOn(type, [list(anySelection, 3)(values[0]!).filter((of) => of !== secondary)]);
    case "set-clipboard-enabled":
      return passOn(type, [flag(values[0]!), ""]);
  }
  throw new Refusal("it is not one of the clipboard's packets");
}

/**
 * The packets for the container that answer for the client where it has not in time: there is nothing to paste. Due at
 * each check of the relay.
 */
export function answerForClient({ typeRequests }: Session): Packet[] {
  const due = [...typeRequests].filter(([, request]) => ++request.checks === typesChecks);
  return due.map(([id, { of }]) => ({ type: "clipboard-contents-none", args: [id, of] }));
}

/** The kinds of data of a list that may pass. */
function kindsIn(value: Value): string[] {
  return list(text, 200)(value).filter((kind) => targets.has(kind));
}

/** How data may be written, and what it may be then. */
const encodings: Readonly<Record<string, Shape>> = {
  "atoms": kindsIn,
  "integers": list(integer(-(2 ** 31), 2 ** 32), 4096),
  "bytes": bytes(maxDataBytes),
};

/** The type of the data, its format, its encoding, and the data. */
function contents(values: readonly Value[]): Value[] {
  const [type, format, encoding] = args([dataType, integer(8, 32), oneOf(...Object.keys(encodings))])(values);
  return [type!, format!, encoding!, encodings[encoding as string]!(values[3]!)];
}

/** Something was copied; it may come with its kinds. */
function passOffer([of, kinds, , , , , data, ...flags]: readonly Value[]): Value[] {
  const passed: Value[] = [selection(of!)];
  if (kinds === undefined) return passed;
  passed.push(kindsIn(kinds));
  return data === undefined ? passed : [...passed, ...noContents, ...flags.slice(0, 3).map(flag)];
}

/** An offer without kinds or a claim to the selection: only the request to hear of changes passes. */
function emptyOffer({ 0: of, 8: greedy }: readonly Value[]): Value[] {
  return [selection(of!), [], ...noContents, false, greedy === undefined ? false : flag(greedy)];
}

const noContents: readonly Value[] = ["", "", 8, "", new Uint8Array()];
