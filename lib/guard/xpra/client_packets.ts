/**
 * The client's packets: which types may reach the container, and with what. Keys pass only while one of the container's
 * windows has the keyboard, and the container learns the pointer's position and the modifier keys only for its
 * own windows.
 */

import { clipboardTypes, judgeClipboard } from "./clipboard.ts";
import { Refusal } from "../faults.ts";
import { type Delivery, ignored, type Judge, passOn, plain } from "./judge.ts";
import { clientHello, displayChange, monitorsIn, plainTable } from "./hello.ts";
import { takesNewNames } from "./names.ts";
import type { Packet } from "./packets.ts";
import type { Dict, Value } from "./rencode.ts";
import { args, fields, flag, integer, line, list, type Shape, tuple, word } from "./shapes.ts";
import { closeStrays, type Session } from "./session.ts";
import { coordinate, windowNumber } from "./geometry.ts";

const countOrNone = integer(-1, Number.MAX_SAFE_INTEGER);
const modifiers = list(word(/^[\w-]{1,20}$/), 16);
const buttonNumber = integer(-1, 255);
const buttons = list(buttonNumber, 16);
const length = integer(0, 0x7fff);
/** The number of the window below the pointer, or the number for all windows or none. */
const anyWindow = integer(-1, 2 ** 48);
/** xpra sends two coordinates, or four with those in the window. */
const position: Shape<number[]> = (value) => {
  const passed = list(coordinate, 4)(value);
  if (passed.length !== 2 && passed.length !== 4) throw new Refusal("a position does not have two coordinates");
  return passed;
};

type ClientJudge = Judge<Delivery>;

/** Judges a packet of the client. Throws a refusal for one that must not pass. */
export function judgeClientPacket(packet: Packet, session: Session): Delivery {
  const judge = clientJudges.get(packet.type);
  if (!judge) throw new Refusal("the container does not need it");
  const isFirst = packet.type === "hello" || packet.type === "disconnect";
  if (!session.greeted.client && !isFirst) throw new Refusal("the client has not said hello");
  return judge(packet, session);
}

const judgeClientHello: ClientJudge = ({ type, args: values }, session) => {
  if (session.greeted.client) throw new Refusal("the client has said hello already");
  const { hello, screen, monitors, pixels } = clientHello(values[0], session);
  if (screen) session.windows.setScreen(screen, monitors);
  session.pixels = pixels;
  session.greeted.client = true;
  session.takesNewNames.client = takesNewNames(values[0]);
  return passOn(type, [hello]);
};

/** xpra's client reports the load of the host, which is not the container's business: zeros pass in its place. */
const pingEcho: ClientJudge = ({ type, args: values }) => {
  const [time, , , , latency, id] = args([countOrNone, countOrNone, countOrNone, countOrNone, countOrNone], [line(64)])(
    values,
  );
  return passOn(type, [time!, 0, 0, 0, latency!, id ?? ""]);
};

/** The properties of a window that may pass: those of its encodings, but not which of the host's desktops it is on. */
function properties(value: Value | undefined): Dict {
  const passed = plainTable(value ?? new Map());
  for (const key of passed.keys()) if (!/^encodings?\b/.test(`${key}`)) passed.delete(key);
  return passed;
}

const state = fields({
  "frame": list(integer(0, 4096), 4),
  "focused": flag,
  "fullscreen": flag,
  "maximized": flag,
  "iconified": flag,
  "above": flag,
  "below": flag,
  "shaded": flag,
  "sticky": flag,
  "skip-taskbar": flag,
  "skip-pager": flag,
});

/** The modifier keys are those that are held down on the whole host. */
function ownModifiers(value: Value | undefined, session: Session): Value[] {
  return session.windows.focused() === 0 ? [] : modifiers(value ?? []);
}

const placeNumbers = args([coordinate, coordinate, length, length]);

/** Notes where the host shows a window. Returns the four numbers, which may pass. */
function recordPlace({ windows }: Session, [window, ...numbers]: readonly [number, ...Value[]]): number[] {
  const passed = placeNumbers(numbers) as [number, number, number, number];
  const [x, y, width, height] = passed;
  windows.recordPlace(window, { x, y, width: Math.max(1, width), height: Math.max(1, height) });
  return passed;
}

const mapWindow: ClientJudge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  const place = recordPlace(session, [window, ...values.slice(1)]);
  return passOn(type, [window, ...place, properties(values[5]), state(values[6] ?? new Map())]);
};

const configureWindow: ClientJudge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  const passed: Value[] = [window, ...recordPlace(session, [window, ...values.slice(1)]), properties(values[5])];
  // The tray's own form ends here.
  if (values.length <= 6) return passOn(type, passed);
  passed.push(integer(-1, 2 ** 31)(values[6]!), state(values[7] ?? new Map()), flag(values[8] ?? false));
  if (values.length >= 12) {
    passed.push(anyWindow(values[9]!), [...session.pointer], ownModifiers(values[11], session));
  }
  return passOn(type, passed);
};

/** The same in the form of xpra 6 without compatibility. */
const configureByTable: ClientJudge = ({ type, args: values }, session) => {
  const window = windowNumber(values[0]!);
  const table = values[1];
  if (!(table instanceof Map)) throw new Refusal("a window's place is not a table");
  const passed = new Map<string, Value>();
  const geometry = table.get("geometry");
  if (geometry !== undefined) {
    passed.set("geometry", recordPlace(session, [window, ...(Array.isArray(geometry) ? geometry : [])]));
  }
  if (table.has("properties")) passed.set("properties", properties(table.get("properties")));
  if (table.has("state")) passed.set("state", state(table.get("state")!));
  if (table.has("resize-counter")) passed.set("resize-counter", integer(-1, 2 ** 31)(table.get("resize-counter")!));
  return passOn(type, [window, passed]);
};

const unmapWindow: ClientJudge = ({ type, args: values }, session) => {
  const [window, iconic] = args([windowNumber], [flag])(values);
  session.windows.recordHidden(window as number);
  const passed: Value[] = [window!];
  if (iconic !== undefined) passed.push(iconic);
  if (values.length > 2) passed.push(state(values[2]!));
  return { pass: [{ type, args: passed }], answer: closeStrays(session) };
};

const focus: ClientJudge = ({ type, args: values }, session) => {
  const window = integer(0, 2 ** 48)(values[0]!);
  session.windows.focus(window);
  return passOn(type, [session.windows.focused(), ownModifiers(values[1], session)]);
};

/** Notes a key that may pass: a window of the container has the keyboard, or it releases a key that passed. */
function recordKey({ windows, keysDown }: Session, { code, pressed }: { code: Value; pressed: Value }): void {
  const hasKeyboard = windows.focused() !== 0;
  const wasDown = keysDown.delete(`${code}`);
  if (!hasKeyboard && (pressed === true || !wasDown)) {
    throw new Refusal("no window of the container has the keyboard");
  }
  if (pressed !== true) return;
  windows.recordKey();
  if (keysDown.size < 256) keysDown.add(`${code}`);
}

const keyName = line(64);

const key: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([
    anyWindow,
    keyName,
    flag,
    modifiers,
    integer(0, 2 ** 32 - 1),
    keyText,
    integer(0, 1024),
    integer(0, 16),
  ])(values);
  recordKey(session, { code: passed[6]!, pressed: passed[2]! });
  return passOn(type, passed);
};

/** The text of a key may be a control character. */
function keyText(value: Value): string {
  if (typeof value !== "string" || value.length > 16) throw new Refusal("a key has no text");
  return value;
}

const keyEvent: ClientJudge = ({ type, args: values }, session) => {
  const [window, name, pressed, details] = args([
    anyWindow,
    keyName,
    flag,
    fields({
      "modifiers": modifiers,
      "keyval": integer(0, 2 ** 32 - 1),
      "string": keyText,
      "keycode": integer(0, 1024),
      "group": integer(0, 16),
    }),
  ])(values);
  recordKey(session, { code: (details as Dict).get("keycode") ?? 0, pressed: pressed! });
  return passOn(type, [window!, name!, pressed!, details!]);
};

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

function recordPointer(session: Session, window: Value, at: readonly number[]): void {
  if (!session.windows.has(window as number)) throw new Refusal("the pointer is in none of the container's windows");
  session.pointer = [at[0]!, at[1]!];
}

/**
 * X sends the wheel as these buttons, and so does xpra's client if the server says that it has no finer way. Whoever
 * turns the wheel over a window may work in another one.
 */
const wheelButtons: ReadonlySet<number> = new Set([4, 5, 6, 7]);

function recordButton(session: Session, event: { window: Value; button: Value; pressed: Value; at: Value }): void {
  const { window, button, pressed, at } = event;
  // It is no longer held, even if the app has closed the window meanwhile.
  if (pressed === false) session.buttonsDown.delete(button as number);
  recordPointer(session, window, at as number[]);
  if (pressed === true) session.buttonsDown.set(button as number, window as number);
  if (!wheelButtons.has(button as number)) session.windows.recordClick(window as number);
}

const pointerMoved: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([countOrNone, countOrNone, anyWindow, position, pointerDetails])(values);
  recordPointer(session, passed[2]!, passed[3] as number[]);
  return passOn(type, passed);
};

const pointerButton: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([countOrNone, countOrNone, anyWindow, buttonNumber, flag, position, pointerDetails])(values);
  recordButton(session, { window: passed[2]!, button: passed[3]!, pressed: passed[4]!, at: passed[5]! });
  return passOn(type, passed);
};

/** As xpra up to version 4 has it, and icons in the tray. */
const buttonAction: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([anyWindow, buttonNumber, flag, position, modifiers], [buttons])(values);
  recordButton(session, { window: passed[0]!, button: passed[1]!, pressed: passed[2]!, at: passed[3]! });
  return passOn(type, passed);
};

const pointerPosition: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([anyWindow, position], [modifiers, buttons])(values);
  recordPointer(session, passed[0]!, passed[1] as number[]);
  return passOn(type, passed);
};

const wheel: ClientJudge = ({ type, args: values }, session) => {
  const passed = args([anyWindow, buttonNumber, integer(-1_000_000, 1_000_000), position, modifiers], [
    buttons,
    wheelDetails,
  ])(values);
  recordPointer(session, passed[0]!, passed[3] as number[]);
  return passOn(type, passed);
};

const refresh: ClientJudge = ({ type, args: values }) => {
  const [window, , quality, options] = args([anyWindow, integer(0, 100), integer(-1, 100)], [plainTable])(values);
  return passOn(type, [window!, 0, quality!, options ?? new Map(), properties(values[4])]);
};

/** What a keyboard is described by. */
const keymapNames = new RegExp(
  "^(xkbmap_)?(keymap|backend|backend_name|layouts?|variants?|options|raw|layout_groups|sync|query_struct|" +
    "mod_(meanings|managed|pointermissing)|(x11_)?keycodes|force)$",
);

const keymap: ClientJudge = ({ type, args: values }) => {
  const passed = plainTable(values[0]!);
  for (const table of [passed, passed.get("keymap")]) {
    if (!(table instanceof Map)) continue;
    for (const name of table.keys()) if (!keymapNames.test(`${name}`)) table.delete(name);
  }
  return passOn(type, values.length > 1 ? [passed, flag(values[1]!)] : [passed]);
};

const display: ClientJudge = ({ type, args: values }, session) => {
  const passed = displayChange(values[0]!);
  const size = passed.get("desktop-size");
  if (Array.isArray(size) && typeof size[0] === "number" && typeof size[1] === "number") {
    session.windows.setScreen({ width: size[0], height: size[1] }, monitorsIn(passed));
  }
  return passOn(type, [passed]);
};

const clientClipboard: ClientJudge = (packet, session) => judgeClipboard(packet, { from: "client", session });

const clientFarewell: ClientJudge = ({ type, args: values }) =>
  passOn(type, values.slice(0, 2).map((each) => line(100)(each)));

const layoutPart = line(64);

const clientJudges: ReadonlyMap<string, ClientJudge> = new Map<string, ClientJudge>([
  ["hello", judgeClientHello],
  ["disconnect", clientFarewell],
  ["ping", plain(args([countOrNone]))],
  ["ping_echo", pingEcho],
  // Windows.
  ["map-window", mapWindow],
  ["unmap-window", unmapWindow],
  ["configure-window", configureWindow],
  ["window-configure", configureByTable],
  ["close-window", plain(args([windowNumber]))],
  ["focus", focus],
  ["damage-sequence", plain(args([countOrNone, windowNumber, length, length, integer(-10, 2 ** 31)], [line(512)]))],
  ["window-ack", plain(args([windowNumber, length, length, countOrNone, integer(-10, 2 ** 31)], [line(512)]))],
  ["buffer-refresh", refresh],
  // Keyboard and pointer.
  ["key-action", key],
  ["keyboard-event", keyEvent],
  ["layout-changed", plain(args([layoutPart, layoutPart, line(256)], [layoutPart, layoutPart]))],
  ["keymap-changed", keymap],
  ["keyboard-config", keymap],
  ["set-keyboard-sync-enabled", plain(args([flag]))],
  ["pointer", pointerMoved],
  ["pointer-button", pointerButton],
  ["button-action", buttonAction],
  ["pointer-position", pointerPosition],
  ["wheel-motion", wheel],
  // The host's screens.
  ["configure-display", display],
  // Settings.
  ["set-bell", plain(args([flag]))],
  ["set-cursors", plain(args([flag]))],
  ["encoding", plain(args([word(/^[\w-]{1,20}$/)]))],
  ["quality", plain(args([integer(-1, 100)]))],
  ["min-quality", plain(args([integer(-1, 100)]))],
  ["speed", plain(args([integer(-1, 100)]))],
  ["min-speed", plain(args([integer(-1, 100)]))],
  // Channels.
  ...clipboardTypes.map((type): [string, ClientJudge] => [type, clientClipboard]),
  // What the client sends and the container does not need.
  ["info-request", ignored],
  ["suspend", ignored],
  ["resume", ignored],
  ["force-ungrab", ignored],
  ["desktop_size", ignored],
  ["bandwidth-limit", ignored],
  ["connection-data", ignored],
  ["set_deflate", ignored],
]);

/** The types that the client may send, for the server's list of those that it takes. */
export const forwardedTypes: ReadonlySet<string> = new Set(
  [...clientJudges].filter(([, judge]) => judge !== ignored).map(([type]) => type),
);
