/**
 * The hellos that client and server send each other first. Only what the other end needs passes; the rest would
 * identify the user and the machine, or open closed channels. The table hello_names.json has the names of xpra 5.1.6,
 * 6.5.5 and 6.6 as patterns of paths, see `table()`. The client learns the largest size of a packet by
 * `actual_desktop_size`; by `max_desktop_size`, which is left out, it would enlarge all windows.
 */

import names from "./hello_names.json" with { type: "json" };
import { askedDescriptions } from "./description.ts";
import type { Screen } from "./geometry.ts";
import type { Dict, Value } from "./rencode.ts";
import { type Shape, table } from "./shapes.ts";
import type { Session } from "./session.ts";

/**
 * The client's hello, as the container gets it: no name of user, machine or monitors, no id of either, no path but the
 * last part of the pixels' file, nothing of closed channels, and no compression.
 *
 * @throws {Refusal} when it is not a table
 */
export function clientHello(value: Value, { open, uuid, remote }: Pick<Session, "open" | "uuid" | "remote">): Dict {
  const hello = table((path) => clientNames.test(path) && isOpenPath(path, open))(value);
  shorten(hello, "mmap_file");
  const pixels = hello.get("mmap");
  for (const part of pixels instanceof Map ? [pixels, ...tablesIn(pixels)] : []) shorten(part, "file");
  set(hello, {
    uuid,
    "session-id": uuid,
    // Nothing is compressed on a socket of the same machine, so that the guard need not decompress.
    compressors: [],
    encoders: ["rencodeplus"],
    compression_level: 0,
    "packet-types": [],
    platform: "linux",
    modifiers: [],
    "metadata.supported": [...askedDescriptions],
    "encoding.window-icon": ["BGRA"],
    "encodings.window-icon": ["BGRA"],
    "encodings.cursor": ["raw"],
    "cursor.encodings": ["raw"],
    system_tray: open.has("tray"),
    ...none("lz4", "zlib", "brotli", "encoding.rgb_lz4", "encoding.rgb_zlib"),
    ...none("ibus", "menu", "xdg-menu", "show-desktop"),
  });
  if (remote) offerPictures(hello);
  const wants = hello.get("wants");
  // xpra 5 wants what is usual by saying nothing.
  if (Array.isArray(wants)) hello.set("wants", wants.filter((want) => want === "packet-types"));
  return hello;
}

/**
 * The server's hello, as the client gets it: an ordinary server of windows of its own kind and no other (for one that
 * says it shows a desktop, the client grabs the keyboard), without names, menus, commands and cursors, and no
 * compression.
 *
 * @param options `forwarded`: the types of packets that the client may send
 * @throws {Refusal} when it is not a table
 */
export function serverHello(
  value: Value,
  { open, forwarded }: { open: ReadonlySet<string>; forwarded: ReadonlySet<string> },
): Dict {
  const hello = table((path) => serverNames.test(path) && isOpenPath(path, open))(value);
  const types = (value as Dict).get("packet-types");
  set(hello, {
    compressors: [],
    encoders: ["rencodeplus"],
    "packet-types": Array.isArray(types) ? types.filter((type) => typeof type === "string" && forwarded.has(type)) : [],
    "server.mode": "seamless",
    "session-type": "seamless",
    windows: true,
    keyboard: true,
    ...none("client-shutdown", "readonly", "resize_screen", "start-new-commands"),
  });
  // xpra 6's server leaves out "enabled", which xpra 5's client looks for, yet sends pixels through the file.
  const pixels = hello.get("mmap");
  if (pixels instanceof Map && pixels.has("token")) pixels.set("enabled", true);
  for (const part of [hello, ...tablesIn(hello)]) {
    const bytes = part.get("token_bytes");
    if (typeof bytes === "number" && (bytes < 1 || bytes > 1024)) part.delete("token_bytes");
  }
  return hello;
}

const displayKeys = pathsOf(...names.display);

/** The host's screens and monitors, in a packet that reports changes; their names are left out. */
export const displayChange: Shape<Dict> = table((path) => displayKeys.test(path));

const clientNames = pathsOf(
  ...names.client,
  `(display\\.)?(${names.display.join("|")})`,
  `(keymap\\.|xkbmap_)(${names.keyboard.join("|")})`,
  `mmap(\\.(read|write))?\\.(file|${names.pixels})|mmap_(file|namespace|${names.pixels})`,
);

const serverNames = pathsOf(
  ...names.server,
  `mmap(\\.(read|write))?\\.(enabled|${names.pixels})|mmap_(enabled|${names.pixels})`,
);

function pathsOf(...parts: readonly string[]): RegExp {
  return new RegExp(`^(${parts.join("|")})$`);
}

function isOpenPath(path: string, open: ReadonlySet<string>): boolean {
  return !path.startsWith("clipboard") || open.has("clipboard-in") || open.has("clipboard-out");
}

/** Sets values in a table, if there is one; a value "a.b" also as "b" in its table "a", if that exists. */
function set(table: Dict | undefined, values: Readonly<Record<string, Value>>): void {
  for (const [name, value] of Object.entries(values)) {
    table?.set(name, value);
    const [outer, inner] = name.split(".");
    if (table && inner !== undefined) part(table, outer!)?.set(inner, value);
  }
}

/** A false for each of these names. */
function none(...names: readonly string[]): Record<string, Value> {
  return Object.fromEntries(names.map((name) => [name, false]));
}

function part(table: Dict, name: string): Dict | undefined {
  const inner = table.get(name);
  return inner instanceof Map ? inner : undefined;
}

/**
 * The encodings that the guard decodes or passes on. Not xpra's `scroll`: the server of 6.5.5 fails with it and sends
 * nothing.
 */
const networkEncodings = ["rgb24", "rgb32", "jpeg"];

/** Offers the server compressed pictures in the client's name, none of them scaled. */
function offerPictures(hello: Dict): void {
  const names = ["rgb", "jpeg"];
  set(part(hello, "encoding"), {
    options: names,
    core: networkEncodings,
    full_csc_modes: new Map([["jpeg", ["BGRX"]]]),
    "scaling.control": 0,
    // A picture that no longer changes comes again without loss.
    auto_refresh_encodings: ["rgb24", "rgb32"],
  });
  set(part(hello, "encodings"), { "": names, all: names, core: networkEncodings });
  // xpra 5's client has lists instead of tables.
  if (Array.isArray(hello.get("encodings"))) set(hello, { encodings: names, "encodings.core": networkEncodings });
}

function* tablesIn(hello: Dict): Generator<Dict> {
  for (const value of hello.values()) {
    if (!(value instanceof Map)) continue;
    yield value;
    yield* tablesIn(value);
  }
}

/** Cuts a path down to the file's name: the rest reveals the user's home, and the server uses its own directory. */
function shorten(part: Dict, name: string): void {
  const path = part.get(name);
  if (path === undefined) return;
  const file = typeof path === "string" ? /\.pixels-[\w-]+$/.exec(path)?.[0] : undefined;
  if (file === undefined) part.delete(name);
  else part.set(name, file);
}

/** The host's screen in a table that describes it; undefined when that does not tell its size. */
export function screenIn(description: Dict): Screen | undefined {
  const find = (name: string): Value | undefined => description.get(name) ?? part(description, "display")?.get(name);
  const [width, height] = numbersIn(find("desktop_size") ?? find("desktop-size"));
  if (width === undefined || height === undefined || width < 1 || height < 1) return undefined;
  const monitors = find("monitors");
  return {
    width,
    height,
    monitors: [...monitors instanceof Map ? monitors.values() : []].flatMap((monitor) => {
      const [x, y, width, height] = numbersIn(monitor instanceof Map ? monitor.get("geometry") : undefined);
      return width! >= 1 && height! >= 1 ? [{ x: x!, y: y!, width: width!, height: height! }] : [];
    }),
  };
}

/** The numbers of a list; none for anything else. */
function numbersIn(value: Value | undefined): number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number") ? value : [];
}

/** The size of the file for pixels, in bytes; 0 when these come through the socket. */
export function pixelsBytesIn(hello: Dict): number {
  const mmap = part(hello, "mmap");
  const size = mmap ? mmap.get("size") ?? part(mmap, "read")?.get("size") : hello.get("mmap_size");
  return typeof size === "number" ? Math.max(0, size) : 0;
}
