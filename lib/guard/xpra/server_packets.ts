/**
 * The container's packets: which types may reach xpra's client, with which arguments. No other types pass. The client
 * would also accept some that grab keyboard and pointer, ask for a password, show the desktop, or set fields of the
 * client, and some that it sends to itself.
 */

import { clipboardJudges } from "./clipboard.ts";
import { cursor, drawing } from "./drawing.ts";
import { Refusal } from "../faults.ts";
import { serverHello } from "./hello.ts";
import { enforceRate, forTypes, ignored, type Judge, judgeFrom, passOn, plain, requireOpen } from "./judge.ts";
import { forwardedTypes } from "./client_packets.ts";
import { accepted, anything, type Args, args, count, integer, line, oneOf, type Shape } from "./shapes.ts";
import { closeStrays, forgetButtons, type Session } from "./session.ts";
import { titleOf } from "../title.ts";
import { coordinate, side, windowNumber } from "./geometry.ts";

/** xpra's code for an unknown window. */
const windowNotFound = -2;
const counter = integer(-1, 2 ** 31);

const placed = args([windowNumber, coordinate, coordinate, side, side], [counter]);

const openWindow: Judge = ({ type, args: values }, session) => {
  const popup = type === "new-override-redirect";
  const [window, x, y, width, height] = placed(values.slice(0, 5));
  const wanted = { x, y, width, height, description: values[5]! };
  const opened = session.windows[popup ? "openPopup" : "open"](window, wanted);
  if (!opened) return {};
  if (!popup) session.closing.open(window);
  const { place, description } = opened;
  return passOn(type, [window, place.x, place.y, place.width, place.height, description, new Map()]);
};

/** As `plain()`, for packets that change where windows are: popups that become strays by that are closed. */
function changing<A extends Args>(...options: Parameters<typeof plain<A>>): Judge {
  const judge = plain(...options);
  return (packet, session) => {
    const { pass } = judge(packet, session);
    return pass ? { pass: [...pass, ...closeStrays(session)] } : {};
  };
}

const moveWindow = changing(placed, ([window, x, y, width, height, ...counters], { windows, rates }) => {
  if (!windows.has(window)) return false;
  enforceRate(rates.change);
  const place = windows.move(window, { x, y, width, height });
  return [window, place.x, place.y, place.width, place.height, ...counters];
});

/** Whether an app may raise or drag a window: only while the user works in a window with keyboard focus. */
function mayRaise({ windows, rates }: Session, window: number): boolean {
  if (!windows.has(window) || windows.attention.focused() === 0 || !windows.attention.isUsed()) return false;
  enforceRate(rates.raise);
  return true;
}

const draw: Judge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  if (session.windows.has(window)) {
    const { args, picture } = drawing(values, session);
    return passOn(type, args, picture);
  }
  // The client does not show this window. The server waits for an answer to each picture, so it gets one.
  const [width, height] = [side(values[3]!), side(values[4]!)];
  const sequence = count(values[7]!);
  return { answer: [{ type: "damage-sequence", args: [sequence, window, width, height, windowNotFound, ""] }] };
};

const openTray: Judge = ({ type, args: values }, session) => {
  requireOpen(session, "tray");
  const [window, width, height] = args([windowNumber, integer(1, 256), integer(1, 256)])(values);
  const description = values[3];
  const title = description instanceof Map ? description.get("title") : "";
  session.windows.openTray(window);
  const passed = new Map([["title", titleOf(session.container, typeof title === "string" ? title : "")]]);
  return passOn(type, [window, width, height, passed]);
};

const judgeHello: Judge = ({ type, args: [value] }, session) => {
  if (!session.greeted.has("client")) throw new Refusal("the client has not said hello");
  return passOn(type, [serverHello(value!, { ...session, forwarded: forwardedTypes })]);
};

/** The reasons of xpra's server (6.5.5) for ending a connection when nothing is wrong. */
const goodEnd = oneOf("done", "server exit", "server shutdown", "client request", "detach request", "new client");
const ending: Shape<string> = (value) => accepted(goodEnd, value) ?? "server error";

const serverJudges: ReadonlyMap<string, Judge> = new Map(Object.entries<Judge>({
  "hello": judgeHello,
  "startup-complete": plain(args([])),
  // xpra's client shows the reason: never in the container's words.
  "disconnect": plain(args([], [ending]), ([reason = "server error"]) => [reason]),
  "ping": plain(args([count], [count, line(64)])),
  "ping_echo": plain(args([count, count, count, count, integer(-1, Number.MAX_SAFE_INTEGER)], [line(64)])),
  // Windows.
  "new-window": openWindow,
  "new-override-redirect": openWindow,
  "lost-window": changing(args([windowNumber]), ([window], session) => {
    if (!session.windows.has(window)) return false;
    session.windows.close(window);
    session.closing.remove(window);
    forgetButtons(session, window);
    return true;
  }),
  "window-metadata": plain(args([windowNumber, anything]), ([window, description], { windows, rates }) => {
    if (!windows.has(window)) return false;
    const passed = windows.describe(window, description);
    if (passed.size === 0) return false;
    enforceRate(rates.change);
    return [window, passed];
  }),
  "window-move-resize": moveWindow,
  "configure-override-redirect": moveWindow,
  "window-resized": changing(
    args([windowNumber, side, side], [counter]),
    ([window, width, height, ...counters], session) => {
      const place = session.windows.place(window);
      if (!place) return false;
      enforceRate(session.rates.change);
      const passed = session.windows.move(window, { ...place, width, height });
      return [window, passed.width, passed.height, ...counters];
    },
  ),
  "raise-window": plain(args([windowNumber]), ([window], session) => mayRaise(session, window)),
  "restack-window": plain(
    args([windowNumber, integer(0, 4), integer(0, 2 ** 48)]),
    ([window, , other], session) => (other === 0 || session.windows.has(other)) && mayRaise(session, window),
  ),
  // The user drags a window by a frame that the app draws. Only with the pointer: to move a window by keys, the window
  // manager would grab the keyboard.
  "initiate-moveresize": plain(
    args([windowNumber, coordinate, coordinate, integer(0, 11), integer(0, 9), integer(0, 2)]),
    ([window, , , direction], session) => {
      if (direction === 9 || direction === 10) throw new Refusal("it takes the keyboard");
      if (direction !== 11 && session.buttonsDown.size === 0 || !mayRaise(session, window)) return false;
      // From now on the button belongs to the window manager: the client may not hear of its release.
      session.buttonsDown.clear();
      return true;
    },
  ),
  "draw": draw,
  "eos": plain(args([windowNumber])),
  "cursor": plain(cursor, (_, { rates }) => enforceRate(rates.cursor)),
  // Rings a few times a second at most. The bell's name would become an atom, which the host's X server never frees.
  "bell": plain(
    args([
      integer(0, 2 ** 48),
      integer(0, 0xffff),
      integer(-100, 100),
      integer(-1, 20_000),
      integer(-1, 2000),
      integer(0, 2 ** 32 - 1),
      integer(0, 2 ** 32 - 1),
      () => "",
    ]),
    (_, { rates }) => rates.bell(),
  ),
  // Channels.
  "new-tray": openTray,
  ...clipboardJudges("container"),
  // Packets of honest servers that no client needs: settings, events, and answers to questions that did not pass. The
  // desktop chooses a window's icon by its class: an icon from the container could imitate a program of the host.
  ...forTypes(["server-event", "setting-change", "info-response", "pointer-position", "encodings"], ignored),
  ...forTypes(["desktop_size", "window-icon"], ignored),
}));

/** Judges a packet of the container. */
export const judgeServerPacket: Judge = judgeFrom("container", serverJudges);
