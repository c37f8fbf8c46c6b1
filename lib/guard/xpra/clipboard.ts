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
import { type Judge, passOn, plain, requireOpen } from "./judge.ts";
import type { Packet, Sender } from "./packets.ts";
import type { Value } from "./rencode.ts";
import { args, bytes, flag, integer, list, oneOf, type Shape, text } from "./shapes.ts";
import type { Session } from "./session.ts";

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

/** The judges of the clipboard's packets that an end has sent. */
export function clipboardJudges(from: Sender): Record<string, Judge> {
  const isServer = from === "container";
  // The channel by which the sender gives, and the one by which it takes.
  const gives = isServer ? "clipboard-out" : "clipboard-in";
  const takes = isServer ? "clipboard-in" : "clipboard-out";
  /** Whether the host has a selection for itself now. */
  const isHidden = ({ windows }: Session, of: Value): boolean => of === "PRIMARY" && !windows.attention.isUsed();
  /** Whether the guard has answered for the client. */
  const isLate = ({ typeRequests }: Session, id: number): boolean => {
    const request = typeRequests.get(id);
    typeRequests.delete(id);
    return request !== undefined && request.checks >= typesChecks;
  };
  const whileOpen = (judge: Judge): Judge => (packet, session) => {
    requireOpen(session, "clipboard-in", "clipboard-out");
    return judge(packet, session);
  };
  return {
    "clipboard-token": whileOpen(({ type, args: values }, session) => {
      const { open, rates, windows } = session;
      const of = anySelection(values[0]!);
      if (of === secondary || isServer && !rates.copy()) return {};
      const isOpen = open.has(gives);
      if (isOpen && isServer && !windows.attention.isUsed()) {
        throw new Refusal("you do not work in the container's windows");
      }
      return passOn(type, !isOpen ? emptyOffer(values) : !isServer && isHidden(session, of) ? [of] : passOffer(values));
    }),
    // It gets an answer: its app waits for one, and the channel may have been closed meanwhile.
    "clipboard-request": ({ type, args: values }, session) => {
      const { open, rates, requests, typeRequests, windows, crossings } = session;
      const [id, of, what] = [requestId(values[0]!), anySelection(values[1]!), text(values[2]!)];
      const isData = dataTypes.has(what);
      const isRefused =
        isServer && (isHidden(session, of) || isData && !windows.attention.isUsed() || !rates.paste()) ||
        isData && !crossings.mayCross();
      if (!open.has(takes) || of === secondary || isRefused || !targets.has(what)) {
        return { answer: [{ type: "clipboard-contents-none", args: [id, of] }] };
      }
      if (!isServer && requests.size < maxRequests) requests.set(id, what);
      if (isServer && what === "TARGETS" && typeRequests.size < maxRequests) typeRequests.set(id, { of, checks: 0 });
      return passOn(type, [id, of, what]);
    },
    "clipboard-contents": ({ type, args: values }, session) => {
      requireOpen(session, gives);
      const { requests, crossings } = session;
      const [id, of] = [requestId(values[0]!), selection(values[1]!)];
      if (!isServer && isLate(session, id)) return {};
      // Not what the container calls it.
      const asked = requests.get(id);
      if (isServer && !requests.delete(id)) throw new Refusal("nobody has asked for it");
      const passed = contents(values.slice(2));
      const [called, , , data] = passed;
      const what = isServer ? asked! : called as string;
      const bytes = data instanceof Uint8Array ? data.length : 4 * (data as Value[]).length;
      if (bytes > 0) crossings.add({ direction: isServer ? "out" : "in", type: what, times: 1, bytes });
      return passOn(type, [id, of, ...passed, 0]);
    },
    "clipboard-contents-none": whileOpen(
      plain(args([requestId, selection]), ([id], session) => {
        if (isServer) session.requests.delete(id);
        else if (isLate(session, id)) return false;
        return true;
      }),
    ),
    "clipboard-pending-requests": whileOpen(plain(args([integer(0, 255)]))),
    "clipboard-enable-selections": whileOpen(
      plain(args([list(anySelection, 3)]), ([all]) => [all.filter((of) => of !== secondary)]),
    ),
    "set-clipboard-enabled": whileOpen(plain(args([flag]), ([isEnabled]) => [isEnabled, ""])),
  };
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
