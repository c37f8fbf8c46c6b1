/**
 * What the guard promises of a container's windows, in words. The other ends of the model (the compositor, the app, and
 * xpra's client) check each of these when something reaches them, and after each step.
 */

/** The promises, by the names that the ends call them. */
export const promises = {
  // The user and the selections. In windows of a container that reads nothing for two seconds, nobody works.
  copy: "A container sets or clears the host's clipboard and selection only while the user works in its windows, and " +
    "through a closed channel to what the host's programs cannot read; it may always take back what is its own",
  paste:
    "No byte of a selection goes in through a closed channel, and none of what is merely selected without use in " +
    "the last second",
  types: "Only text and pictures cross, by names of a closed list: no lists of files, in either direction",
  drop: "What is dragged over a window is read after it was dropped there, not before",
  drag: "A container drags something only while a button or a finger is down in its windows",
  // What is on the screen.
  popup: "No popup stays for more than a second after the user has left, but for the rest of a frame",
  cover: "No popup covers more than half of a screen, and each begins near the window that it belongs to",
  fullscreen: "No window gets the whole screen, or comes to the front, while the user works elsewhere",
  inside: "Nothing is drawn outside of the container's own windows and popups, but for a shadow of 128 pixels",
  pointer: "The container puts the pointer nowhere outside of its own windows, and its picture is no larger than 256 " +
    "pixels, and where the pointer is",
  size: "The desktop takes a window to be as large as the app says, once that and its parts are no larger",
  mark: "Every window has the container's name in front of its title, and its border around all that it shows",
  // What it learns, and what it costs.
  keys: "No key reaches the container while another program has the keyboard",
  monitors: "No name, make or serial number of a monitor, and nothing else that names the user, reaches the container",
  order: "What reaches either end are whole messages to objects that are there, in the protocol's own form",
  time: "No message takes longer than 50 ms",
  memory: "A million messages leave no more memory in use than a thousand",
} as const;

/** The name of a promise. */
export type PromiseName = keyof typeof promises;

/** A promise is broken. */
export class Broken extends Error {
  /** Tells it apart where it is caught. */
  override name = "Broken";
  /** Which one, and by what. */
  constructor(readonly promise: PromiseName, what: string, options?: ErrorOptions) {
    super(`${promises[promise]}. Broken: ${what}`, options);
  }
}

/** @throws {Broken} when it is not kept */
export function keep(promise: PromiseName, isKept: boolean, what: string): void {
  if (!isKept) throw new Broken(promise, what);
}

/** What every end knows of the user, who is real here: the guard has to guess by the events that pass. */
export interface User {
  /** One of the container's windows has the keyboard. */
  hasFocus: boolean;
  /** When it got it, in milliseconds; away for less than a fifth of a second, it was not away. */
  focusedMs: number;
  /** When it lost it. */
  blurredMs: number;
  /** The last key or click in one of them. */
  inputMs: number;
}

/** A user who has not been there yet. */
export function newUser(): User {
  return { hasFocus: false, focusedMs: -Infinity, blurredMs: -Infinity, inputMs: -Infinity };
}

/** The keyboard comes to the container's windows, goes from one to another, or leaves them. */
export function moveFocus(user: User, hasFocus: boolean, now: number): void {
  if (hasFocus && !user.hasFocus && now - user.blurredMs >= 200) user.focusedMs = now;
  if (!hasFocus && user.hasFocus) user.blurredMs = now;
  user.hasFocus = hasFocus;
}

/** The user works in the windows: input since they have the keyboard, or within the last second. */
export function isWorking({ hasFocus, focusedMs, inputMs }: User, now: number): boolean {
  return now - inputMs < 1_000 || hasFocus && inputMs > focusedMs - 1_000;
}

/** For how long the user has been elsewhere, in milliseconds. */
export function awayMs({ hasFocus, blurredMs, inputMs }: User, now: number): number {
  return hasFocus ? 0 : Math.max(0, now - Math.max(blurredMs, inputMs + 1_000));
}

const texts = ["plain", "plain;charset=utf-8", "plain;charset=UTF-8", "html", "rtf", "richtext", "csv", "markdown"];
const pictures = ["png", "jpeg", "gif", "bmp", "webp", "tiff"];
const crossing: ReadonlySet<string> = new Set([
  ...["UTF8_STRING", "STRING", "TEXT", "COMPOUND_TEXT"],
  ...texts.map((kind) => `text/${kind}`),
  ...pictures.map((kind) => `image/${kind}`),
]);

/** Whether a type of data may cross. */
export function isTextOrPicture(type: string): boolean {
  return crossing.has(type);
}
