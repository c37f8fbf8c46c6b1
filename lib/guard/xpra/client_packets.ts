/**
 * The client's packets: which types may reach the container, with which arguments. Keys pass only while one of the
 * container's windows has keyboard focus, and the container learns the pointer's position and the modifier keys only in
 * its own windows.
 */

import { clipboardJudges } from "./clipboard.ts";
import { Refusal } from "../faults.ts";
import { forTypes, ignored, type Judge, judgeFrom, passOn, plain } from "./judge.ts";
import { clientHello, displayChange, pixelsBytesIn, screenIn } from "./hello.ts";
import type { Dict, Value } from "./rencode.ts";
import { anything, args, fields, flag, flags, integer, line, list, type Shape, table, tuple, word } from "./shapes.ts";
import { closeStrays, type Session } from "./session.ts";
import { coordinate, windowNumber } from "./geometry.ts";

const countOrNone = integer(-1, Number.MAX_SAFE_INTEGER);
const modifiers = list(word(/^[\w-]{1,20}$/), 16);
const buttonNumber = integer(-1, 255);
const buttons = list(buttonNumber, 16);
const length = integer(0, 0x7fff);
const resizeCounter = integer(-1, 2 ** 31);
const percent = integer(-1, 100);
const keyValue = integer(0, 2 ** 32 - 1);
const keyCode = integer(0, 1024);
const keyGroup = integer(0, 16);
const keyName = line(64);
const layoutPart = line(64);
/** In microseconds; negative when the picture was not shown. */
const decodeTime = integer(-10, 2 ** 31);
const onOff = plain(args([flag]));
/** The number of a window, or the one for all windows or none. */
const anyWindow = integer(-1, 2 ** 48);
const [onScreen, inWindow] = [tuple(coordinate, coordinate), tuple(coordinate, coordinate, coordinate, coordinate)];
/** xpra sends coordinates on the screen, or these and those in the window. */
const position: Shape<number[]> = (value) => (Array.isArray(value) && value.length === 2 ? onScreen : inWindow)(value);
/** The text of a key may be a control character. */
const keyText: Shape<string> = (value) => {
  if (typeof value !== "string" || value.length > 16) throw new Refusal("a key has no text");
  return value;
};

const judgeHello: Judge = ({ type, args: [value] }, session) => {
  const hello = clientHello(value!, session);
  recordScreen(session, hello);
  session.pixelsBytes = pixelsBytesIn(hello);
  return passOn(type, [hello]);
};

function recordScreen({ windows }: Session, description: Dict): void {
  windows.screen = screenIn(description) ?? windows.screen;
}

/** The properties of a window that may pass: its encodings, but not, for example, its desktop on the host. */
const properties = table((path) => /^encodings?\b/.test(path));

const state = fields({
  "frame": list(integer(0, 4096), 4),
  ...flags("focused", "fullscreen", "maximized", "iconified", "above", "below", "shaded", "sticky"),
  ...flags("skip-taskbar", "skip-pager"),
});

/** The modifier keys that are held down on the host; none unless a window of the container has keyboard focus. */
function ownModifiers(held: Value | undefined, { windows }: Session): string[] {
  return windows.attention.focused() === 0 ? [] : modifiers(held ?? []);
}

const place = [coordinate, coordinate, length, length] as const;

const trayIcon = fields({ "geometry": tuple(...place), "properties": properties });

const unmapWindow: Judge = ({ type, args: values }, session) => {
  const passed = args([windowNumber], [flag, state])(values);
  session.windows.recordHidden(passed[0]);
  return { ...passOn(type, passed), answer: closeStrays(session) };
};

/** Records a key that may pass: a window of the container has keyboard focus, or a key that passed is released. */
function recordKey({ windows, keysDown }: Session, { code, pressed }: { code: Value; pressed: boolean }): void {
  const wasDown = keysDown.delete(`${code}`);
  if (windows.attention.focused() === 0 && (pressed || !wasDown)) {
    throw new Refusal("no window of the container has the keyboard");
  }
  if (!pressed) return;
  windows.attention.recordInput();
  if (keysDown.size < 256) keysDown.add(`${code}`);
}

const wheelDetails = fields({
  "window-position": tuple(coordinate, coordinate),
  "scaled-distance": integer(-(2 ** 31), 2 ** 31),
});

const pointerDetails = fields({
  "window-position": tuple(coordinate, coordinate),
  "modifiers": modifiers,
  "buttons": buttons,
  "raw-button": buttonNumber,
  "raw-buttons": buttons,
});

function recordPointer(session: Session, { window, at: [x, y] }: { window: number; at: readonly number[] }): void {
  if (!session.windows.has(window)) throw new Refusal("the pointer is in none of the container's windows");
  session.pointer = [x!, y!];
}

/**
 * The wheel's buttons on X, which xpra's client also sends for a server without finer events. A user who turns the
 * wheel over a window may be working in another one.
 */
const wheelButtons: ReadonlySet<number> = new Set([4, 5, 6, 7]);

function recordButton(
  session: Session,
  { button, pressed, ...where }: { button: number; pressed: boolean; window: number; at: readonly number[] },
): void {
  // The button is no longer held, even if the app has closed the window meanwhile.
  if (!pressed) session.buttonsDown.delete(button);
  recordPointer(session, where);
  if (pressed) session.buttonsDown.set(button, where.window);
  if (!wheelButtons.has(button)) session.windows.recordClick(where.window);
}

/** The paths of what describes a keyboard. */
const keymapPaths = new RegExp(
  "^(keymap\\.)?(xkbmap_)?(keymap(?!\\.)|backend|backend_name|layouts?|variants?|options|raw|layout_groups|sync|query_struct|" +
    "mod_(meanings|managed|pointermissing)|(x11_)?keycodes|force)(\\..*)?$",
);

const clientJudges: ReadonlyMap<string, Judge> = new Map(Object.entries<Judge>({
  "hello": judgeHello,
  "disconnect": plain(args([], [line(100), line(100)])),
  "ping": plain(args([countOrNone])),
  // xpra's client reports the host's load, which the container need not know: zeros pass instead. Before it knows a
  // latency, it says -1000 ms.
  "ping_echo": plain(
    args([countOrNone, countOrNone, countOrNone, countOrNone, integer(-1000, Number.MAX_SAFE_INTEGER)], [line(64)]),
    ([time, , , , latency, id = ""]) => [time, 0, 0, 0, latency, id],
  ),
  // Windows.
  "map-window": plain(args([windowNumber, ...place], [properties, state]), (values, session) => {
    const [window, x, y, width, height, about = new Map(), states = new Map()] = values;
    const stands = session.windows.recordPlace(window, { x, y, width, height });
    return [window, stands.x, stands.y, width, height, about, states];
  }),
  "unmap-window": unmapWindow,
  "configure-window": plain(
    args([windowNumber, ...place], [properties, resizeCounter, state, flag, anyWindow, anything, anything]),
    (values, session) => {
      const [window, x, y, width, height, about = new Map(), ...more] = values;
      const stands = session.windows.recordPlace(window, { x, y, width, height });
      // The packet about a tray icon has no more arguments.
      const passing = [window, stands.x, stands.y, width, height, about, ...more.slice(0, 3)];
      const [, , , below, , held] = more;
      return more.length < 6 ? passing : [...passing, below, [...session.pointer], ownModifiers(held, session)];
    },
  ),
  // For icons in the tray.
  "window-configure": plain(args([windowNumber, trayIcon]), ([window, table], session) => {
    const [x, y, width, height] = table.get("geometry") as number[] | undefined ?? [];
    if (height === undefined) return;
    const stands = session.windows.recordPlace(window, { x: x!, y: y!, width: width!, height });
    table.set("geometry", [stands.x, stands.y, width!, height]);
  }),
  "close-window": plain(args([windowNumber]), ([window], { closing }) => void closing.ask(window)),
  "focus": plain(args([integer(0, 2 ** 48)], [anything]), ([window, held], session) => {
    session.windows.focus(window);
    return [session.windows.attention.focused(), ownModifiers(held, session)];
  }),
  "damage-sequence": plain(args([countOrNone, windowNumber, length, length, decodeTime], [line(512)])),
  "buffer-refresh": plain(
    args([anyWindow, integer(0, 100), percent], [table(() => true), properties]),
    ([window, , quality, options = new Map(), about = new Map()]) => [window, 0, quality, options, about],
  ),
  // Keyboard and pointer.
  "key-action": plain(
    args([anyWindow, keyName, flag, modifiers, keyValue, keyText, keyCode, keyGroup]),
    ([, , pressed, , , , code], session) => recordKey(session, { code, pressed }),
  ),
  "layout-changed": plain(args([layoutPart, layoutPart, line(256)], [layoutPart, layoutPart])),
  "keymap-changed": plain(args([table((path) => keymapPaths.test(path))], [flag])),
  "set-keyboard-sync-enabled": onOff,
  "pointer": plain(
    args([countOrNone, countOrNone, anyWindow, position, pointerDetails]),
    ([, , window, at], session) => recordPointer(session, { window, at }),
  ),
  "pointer-button": plain(
    args([countOrNone, countOrNone, anyWindow, buttonNumber, flag, position, pointerDetails]),
    ([, , window, button, pressed, at], session) => recordButton(session, { window, button, pressed, at }),
  ),
  // For icons in the tray.
  "button-action": plain(
    args([anyWindow, buttonNumber, flag, position, modifiers], [buttons]),
    ([window, button, pressed, at], session) => recordButton(session, { window, button, pressed, at }),
  ),
  "wheel-motion": plain(
    args([anyWindow, buttonNumber, integer(-1_000_000, 1_000_000), position, modifiers], [buttons, wheelDetails]),
    ([window, , , at], session) => recordPointer(session, { window, at }),
  ),
  // The host's screens.
  "configure-display": plain(args([displayChange]), ([display], session) => recordScreen(session, display)),
  // Settings.
  "set-bell": onOff,
  "set-cursors": onOff,
  "encoding": plain(args([word(/^[\w-]{1,20}$/)])),
  ...forTypes(["quality", "min-quality", "speed", "min-speed"], plain(args([percent]))),
  // Channels.
  ...clipboardJudges("client"),
  // Packets of the client that the container does not need.
  ...forTypes(["info-request", "suspend", "resume", "force-ungrab", "desktop_size"], ignored),
  ...forTypes(["bandwidth-limit", "connection-data", "set_deflate"], ignored),
}));

/** The types that may pass, by which the server's list of its types is filtered. */
export const forwardedTypes: ReadonlySet<string> = new Set(
  [...clientJudges].filter(([, judge]) => judge !== ignored).map(([type]) => type),
);

/** Judges a packet of the client. */
export const judgeClientPacket: Judge = judgeFrom("client", clientJudges);
