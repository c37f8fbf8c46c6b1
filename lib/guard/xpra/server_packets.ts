/**
 * The container's packets: which types may reach xpra's client, and with what. What is not named here does not pass.
 * Among the types that the client would take are those that grab keyboard and pointer, ask for a password, show the
 * desktop, set fields of the client, and those with which the client talks to itself.
 */

import { clipboardTypes, judgeClipboard } from "./clipboard.ts";
import { cursor, cursorData, drawing, icon } from "./drawing.ts";
import { Refusal } from "../faults.ts";
import { serverHello } from "./hello.ts";
import {
  type Check,
  type Delivery,
  enforceRate,
  ignored,
  type Judge,
  passOn,
  plain,
  requireOpen,
  type Verdict,
} from "./judge.ts";
import { takesNewNames } from "./names.ts";
import type { Packet } from "./packets.ts";
import type { Value } from "./rencode.ts";
import { forwardedTypes } from "./client_packets.ts";
import { always, args, count, either, integer, line, oneOf } from "./shapes.ts";
import { closeStrays, forgetButtons, type Session } from "./session.ts";
import { titleOf } from "../title.ts";
import { coordinate, side, windowNumber } from "./geometry.ts";

/** xpra's code for a window that there is not. */
const windowNotFound = -2;
const counter = integer(-1, 2 ** 31);
const nothing: Delivery = {};

/** Judges a packet of the container. Throws a refusal for one that must not pass. */
export function judgeServerPacket(packet: Packet, session: Session): Verdict {
  const judge = judges.get(packet.type);
  if (!judge) throw new Refusal(dangers.get(packet.type) ?? "xpra's client does not need it");
  const isFirst = packet.type === "hello" || packet.type === "disconnect";
  if (!session.greeted.container && !isFirst) throw new Refusal("the server has not said hello");
  return judge(packet, session);
}

/** What packets of these types would do: the reason that is reported when they are dropped. */
const dangers = new Map([
  ["pointer-grab", "it takes the keyboard and the pointer of the whole screen"],
  ["pointer-ungrab", "it ends a grab of keyboard and pointer, which the guard does not allow"],
  ["challenge", "it asks for a password"],
  ["show-desktop", "it hides all windows"],
  ["control", "it controls the client"],
  ["ssl-upgrade", "it changes the protocol"],
  ["set_deflate", "it changes the protocol"],
  ["logging", "it writes to the log on the host"],
  ["rpc-reply", "it answers a question that nobody asked"],
]);

const placed = args([windowNumber, coordinate, coordinate, side, side], [counter]) as (
  values: readonly Value[],
) => [window: number, x: number, y: number, width: number, height: number, ...counters: number[]];

const openWindow: Judge = ({ type, args: values }, session) => {
  const description = values[5];
  const popup = type === "new-override-redirect" ||
    (description instanceof Map && description.get("override-redirect") === true);
  const [window, x, y, width, height] = placed(values.slice(0, 5));
  const wanted = { x, y, width, height, description: description! };
  const opened = session.windows[popup ? "openPopup" : "open"](window, wanted);
  if (!opened) return nothing;
  // Without the old names, only this marks a popup.
  if (popup) opened.description.set("override-redirect", true);
  const { place } = opened;
  return passOn(popup ? "new-override-redirect" : "new-window", [
    ...[window, place.x, place.y, place.width, place.height],
    ...[opened.description, new Map()],
  ]);
};

const moveWindow: Judge = ({ type, args: values }, session) => {
  const [window, x, y, width, height, ...counters] = placed(values);
  if (!session.windows.has(window)) return nothing;
  enforceRate(session.rates.change);
  const place = session.windows.move(window, { x, y, width, height });
  return {
    pass: [{ type, args: [window, place.x, place.y, place.width, place.height, ...counters] }, ...closeStrays(session)],
  };
};

const resizeWindow: Judge = ({ type, args: values }, session) => {
  const [window, width, height, ...counters] = args([windowNumber, side, side], [counter])(values) as number[];
  const place = session.windows.place(window!);
  if (!place) return nothing;
  enforceRate(session.rates.change);
  const passed = session.windows.move(window!, { ...place, width: width!, height: height! });
  return { pass: [{ type, args: [window!, passed.width, passed.height, ...counters] }, ...closeStrays(session)] };
};

const describeWindow: Judge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  if (!session.windows.has(window)) return nothing;
  const passed = session.windows.describe(window, values[1]!);
  if (passed.size === 0) return nothing;
  enforceRate(session.rates.change);
  return passOn(type, [window, passed]);
};

const closeWindow: Judge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  if (!session.windows.has(window)) return nothing;
  session.windows.close(window);
  forgetButtons(session, window);
  return { pass: [{ type, args: [window] }, ...closeStrays(session)] };
};

/** Raises a window, which may also give it the keyboard: only while a window of the container has the keyboard. */
const raiseWindow: Judge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  if (!session.windows.has(window) || session.windows.focused() === 0) return nothing;
  enforceRate(session.rates.raise);
  return passOn(type, [window]);
};

const restackWindow: Judge = ({ type, args: values }, session) => {
  const [window, detail, other] = args([windowNumber, integer(0, 4), integer(0, 2 ** 48)])(values);
  const { windows } = session;
  if (!windows.has(window as number) || windows.focused() === 0) return nothing;
  if (other !== 0 && !windows.has(other as number)) return nothing;
  enforceRate(session.rates.raise);
  return passOn(type, [window!, detail!, other!]);
};

/**
 * The user drags a window by a frame that the app draws itself. Only with the pointer: to move a window by keys, the
 * window manager would take all keys.
 */
const dragWindow: Judge = ({ type, args: values }, session) => {
  const passed = args([
    windowNumber,
    coordinate,
    coordinate,
    integer(0, 11),
    integer(0, 9),
    integer(0, 2),
  ])(values);
  const [window, , , direction] = passed;
  if (!session.windows.has(window as number) || session.windows.focused() === 0) return nothing;
  if (direction === 9 || direction === 10) throw new Refusal("it takes the keyboard");
  if (direction !== 11 && session.buttonsDown.size === 0) return nothing;
  enforceRate(session.rates.raise);
  return passOn(type, passed);
};

const draw: Judge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  if (session.windows.has(window)) {
    const drawn = drawing(values, session);
    return "picture" in drawn ? { drawing: { type, ...drawn } } : passOn(type, drawn.args);
  }
  // The client does not show this window. The server waits for an answer to each picture, so it gets one.
  const [width, height] = [side(values[3]!), side(values[4]!)];
  const sequence = count(values[7]!);
  return { answer: [{ type: "damage-sequence", args: [sequence, window, width, height, windowNotFound, ""] }] };
};

const windowIcon: Judge = ({ type, args: values }, session) => {
  const passed = icon(values);
  if (!session.windows.has(passed[0] as number)) return nothing;
  enforceRate(session.rates.change);
  return passOn(type, passed);
};

/** The pointer's shape, when `check` accepts it. */
function pointerShape(check: Check): Judge {
  return ({ type, args: values }, session) => {
    enforceRate(session.rates.cursor);
    return passOn(type, check(values));
  };
}

/** A bell that rings a few times a second. Its name would become an atom of the host's X server, which keeps it. */
const bell: Judge = ({ type, args: values }, session) => {
  const passed = args([
    integer(0, 2 ** 48),
    integer(0, 0xffff),
    integer(-100, 100),
    integer(-1, 20_000),
    integer(-1, 2000),
    integer(0, 2 ** 32 - 1),
    integer(0, 2 ** 32 - 1),
    always(""),
  ])(values);
  if (!session.rates.bell()) return nothing;
  return passOn(type, passed);
};

const openTray: Judge = ({ type, args: values }, session) => {
  requireOpen(session, "tray");
  const [window, width, height] = args([windowNumber, integer(1, 256), integer(1, 256)])(values);
  const description = values[3];
  const title = description instanceof Map ? description.get("title") : "";
  session.windows.openTray(window as number);
  const passed = new Map([["title", titleOf(session.container, typeof title === "string" ? title : "")]]);
  return passOn(type, [window!, width!, height!, passed]);
};

const clipboard: Judge = (packet, session) => judgeClipboard(packet, { from: "container", session });

const hello: Judge = ({ type, args: values }, session) => {
  if (session.greeted.container) throw new Refusal("the server has said hello already");
  if (!session.greeted.client) throw new Refusal("the client has not said hello");
  const passed = serverHello(values[0], { ...session, forwarded: forwardedTypes });
  session.greeted.container = true;
  session.takesNewNames.container = takesNewNames(values[0]);
  return passOn(type, [passed]);
};

/** What xpra's servers say when they end a connection and nothing is wrong (6.5.5). */
const goodEnd = oneOf("done", "server exit", "server shutdown", "client request", "detach request", "new client");
const ending = either(goodEnd, always("server error"));

/** xpra's client shows the reason: never in the container's words. */
const farewell: Judge = ({ type, args: [reason] }) => passOn(type, [ending(reason ?? "")]);

const judges: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ["hello", hello],
  ["startup-complete", plain(args([]))],
  ["disconnect", farewell],
  ["ping", plain(args([count], [count, line(64)]))],
  ["ping_echo", plain(args([count, count, count, count, integer(-1, Number.MAX_SAFE_INTEGER)], [line(64)]))],
  // Windows.
  ["new-window", openWindow],
  ["new-override-redirect", openWindow],
  ["lost-window", closeWindow],
  ["window-metadata", describeWindow],
  ["window-move-resize", moveWindow],
  ["configure-override-redirect", moveWindow],
  ["window-resized", resizeWindow],
  ["raise-window", raiseWindow],
  ["restack-window", restackWindow],
  ["initiate-moveresize", dragWindow],
  ["draw", draw],
  ["eos", plain(args([windowNumber]))],
  ["window-icon", windowIcon],
  ["cursor", pointerShape(cursor)],
  ["cursor-data", pointerShape(cursorData)],
  ["cursor-default", pointerShape(args([]))],
  ["bell", bell],
  // Channels.
  ["new-tray", openTray],
  ...clipboardTypes.map((type): [string, Judge] => [type, clipboard]),
  // What honest servers send and no client needs: settings, events, answers to questions that the guard has kept back.
  ["server-event", ignored],
  ["setting-change", ignored],
  ["info-response", ignored],
  ["pointer-position", ignored],
  ["encodings", ignored],
  ["desktop_size", ignored],
]);
