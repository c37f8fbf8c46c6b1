/**
 * The clipboard's packets. The channel `clipboard-in` lets the container ask for what the host has copied, and
 * `clipboard-out` lets it offer something of its own: text and pictures (`dataTypes`).
 *
 * X has three selections. CLIPBOARD is what was copied: the container always learns its types, so that apps can show
 * that something can be pasted, and gets the content while the user works in its windows. PRIMARY is what is selected
 * in any window, such as a terminal or a password manager: the container learns about it only while the user works in
 * its windows. SECONDARY, which hardly any app uses, does not pass.
 *
 * The container can set the host's clipboard only while the user works in its windows, too: otherwise it could replace
 * what is about to be pasted into a terminal. Its offers pass without content, which the client requests when somebody
 * pastes: no content passes without a request.
 */

import { dataTypes } from "../crossings.ts";
import { Refusal } from "../faults.ts";
import { maxDataBytes } from "../limits.ts";
import { type Judge, passOn, plain, requireOpen } from "./judge.ts";
import type { Packet, Sender } from "./packets.ts";
import type { Value } from "./rencode.ts";
import { args, bytes, flag, integer, list, oneOf, type Shape, text } from "./shapes.ts";
import type { Session } from "./session.ts";

/** What can be requested: data of a type, the list of types, and the time. */
const targets: ReadonlySet<string> = new Set(["TARGETS", "TIMESTAMP", ...dataTypes]);
/** The types of answers, which may also be those of lists. */
const dataType = oneOf(...targets, "ATOM", "INTEGER");
const selection = oneOf("CLIPBOARD", "PRIMARY");
const secondary = "SECONDARY";
const anySelection = oneOf("CLIPBOARD", "PRIMARY", secondary);
const requestId = integer(0, Number.MAX_SAFE_INTEGER);
/** How many requests of either end may wait for answers; honest ends have a few. */
const maxRequests = 100;
/**
 * How long the client may take to list the types, in checks of the relay, since its answer may wait while this process
 * pauses. If nothing is copied on the host, xpra's client (6.5.5) waits as long as for data; apps of GTK ask before
 * they show a menu, and the user's clicks would meanwhile hit what is not yet on the screen.
 */
const typesChecks = 2;

/** The judges of an end's packets about the clipboard. */
export function clipboardJudges(from: Sender): Record<string, Judge> {
  const isServer = from === "container";
  // The channels for what the sender gives, and for what it takes.
  const gives = isServer ? "clipboard-out" : "clipboard-in";
  const takes = isServer ? "clipboard-in" : "clipboard-out";
  /** Whether a selection of the host is hidden from the container now. */
  const isHidden = ({ windows }: Session, of: Value): boolean => of === "PRIMARY" && !windows.attention.isUsed();
  /** Whether the guard has already answered for the client. */
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
    // A refusal is an answer, too: the app waits for one, and the channel may have been closed meanwhile.
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
      // The history has the requested type, not the one that the container claims.
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
 * The answers to the container in place of a client that is late: there is nothing to paste. Due at each check of the
 * relay.
 */
export function answerForClient({ typeRequests }: Session): Packet[] {
  const due = [...typeRequests].filter(([, request]) => ++request.checks === typesChecks);
  return due.map(([id, { of }]) => ({ type: "clipboard-contents-none", args: [id, of] }));
}

/** The targets of a list that may pass. */
function kindsIn(value: Value): string[] {
  return list(text, 200)(value).filter((kind) => targets.has(kind));
}

/** The encodings of data, each with the shape of its data. */
const encodings: Readonly<Record<string, Shape>> = {
  "atoms": kindsIn,
  "integers": list(integer(-(2 ** 31), 2 ** 32), 4096),
  "bytes": bytes(maxDataBytes),
};

/** The type, format and encoding of data, and the data. */
function contents(values: readonly Value[]): Value[] {
  const [type, format, encoding] = args([dataType, integer(8, 32), oneOf(...Object.keys(encodings))])(values);
  return [type!, format!, encoding!, encodings[encoding as string]!(values[3]!)];
}

/** An offer, with its targets if it has them, and without its content. */
function passOffer([of, kinds, , , , , data, ...flags]: readonly Value[]): Value[] {
  const passed: Value[] = [selection(of!)];
  if (kinds === undefined) return passed;
  passed.push(kindsIn(kinds));
  return data === undefined ? passed : [...passed, ...noContents, ...flags.slice(0, 3).map(flag)];
}

/** An offer without targets or a claim to the selection: only the request for news about changes passes. */
function emptyOffer({ 0: of, 8: greedy }: readonly Value[]): Value[] {
  return [selection(of!), [], ...noContents, false, greedy === undefined ? false : flag(greedy)];
}

const noContents: readonly Value[] = ["", "", 8, "", new Uint8Array()];
