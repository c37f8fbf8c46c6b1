/**
 * Reads a container's apps: their desktop entries and their icons. Programs that the container may have replaced read
 * them as its user, so answers count only if they have the expected form, and are bounded in length and time.
 */

import listEntries from "./list_entries.sh" with { type: "text" };
import renderIcons from "./render_icons.py" with { type: "text" };
import { isFailure, orNothing } from "../../base/errors.ts";
import type { Container } from "../../container/container.ts";
import { type App, isAppId, parseEntry, type Refused } from "./app.ts";

// As in base/hold.ts.
const [{ Buffer }, { crc32, deflateSync }] = await Promise.all([import("node:buffer"), import("node:zlib")]);
type Buffer = InstanceType<typeof Buffer>;

/** The maximum number of entries, and their maximum size in bytes: LibreOffice's, with all languages, have 40,000. */
const entryLimits = { entries: 200, bytes: 100_000 };

/** The limits of an answer: the maximum number of entries, each of the maximum size, in base64. */
const readLimits = { timeoutMs: 30_000, maxOutputBytes: 32 * 2 ** 20 };

export interface Apps {
  /** The apps that can be exported, sorted by id. */
  apps: App[];
  /** The apps that cannot. */
  refused: Refused[];
  /** Whether there are more entries than were read. */
  isCut: boolean;
}

/**
 * Reads the entries of a container.
 *
 * @throws {UserError} when the answer is too long or too late
 */
export async function readApps(container: Container): Promise<Apps> {
  const values = { max: `${entryLimits.entries + 1}`, bytes: `${entryLimits.bytes + 1}` };
  const { stdout } = await container.script({ script: listEntries, values, ...readLimits });
  return parseAnswer(stdout);
}

/** Parses the output of list_entries.sh, or of whatever replaces it in the container. */
export function parseAnswer(answer: string): Apps {
  const lines = answer.split("\n", entryLimits.entries + 2).filter((line) => line !== "");
  const found = new Map<string, App | Refused | undefined>();
  for (const line of lines.slice(0, entryLimits.entries)) {
    const [, id, encoded] = /^\/(?:[^\t]*\/)?([^\t/]+)\.desktop\t([A-Za-z0-9+/=]*)$/.exec(line) ?? [];
    // An invalid id could be neither printed nor named on a command line.
    if (id === undefined || !isAppId(id) || found.has(id)) continue;
    const bytes = Buffer.from(encoded!, "base64");
    const isLong = bytes.length > entryLimits.bytes;
    found.set(id, isLong ? { id, reason: "is too long" } : parseEntry(id, bytes.toString()));
  }
  const all = [...found.values()].filter((entry) => entry !== undefined)
    .toSorted((one, other) => one.id < other.id ? -1 : 1);
  return {
    apps: all.filter((entry) => "command" in entry),
    refused: all.filter((entry) => "reason" in entry),
    isCut: lines.length > entryLimits.entries,
  };
}

/**
 * Has the container render the icons of apps.
 *
 * @returns a PNG file for each app whose icon could be read
 */
export async function readIcons(container: Container, apps: readonly App[]): Promise<Map<App, Uint8Array>> {
  const withIcon = apps.filter(({ icon }) => icon !== undefined);
  if (withIcon.length === 0) return new Map();
  const parameters = [renderIcons, ...withIcon.map(({ icon }) => icon!)];
  // Icons that it rendered before it failed count.
  const asked = container.script({ script: 'exec python3 -c "$@"', parameters, okCodes: "any", ...readLimits });
  const answer = await orNothing(asked, isFailure);
  const lines = (answer?.stdout ?? "").split("\n", withIcon.length);
  return new Map(withIcon.flatMap((app, index) => {
    const picture = pngOf(lines[index] ?? "");
    return picture ? [[app, picture] as const] : [];
  }));
}

/** The signature of a PNG file (PNG specification, 5.2). */
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** 8 bits per channel, RGBA, and the standard compression, filters and no interlacing (PNG specification, 11.2.1). */
const pixelFormat = [8, 6, 0, 0, 0];

/** The maximum width and height of a picture, in pixels. */
const maxPictureSide = 128;
/** The maximum length of a line with a picture: the largest picture takes less. */
const maxPictureLine = 100_000;

/**
 * Encodes a picture as a PNG file. The host's desktop will decode it, so the container sends only pixels, and the file
 * is made here: the container chooses nothing but its size and colours.
 *
 * @param line a line of render_icons.py, or of whatever replaces it: `WIDTH HEIGHT PIXELS`
 * @returns undefined unless the number of pixels matches the size
 */
export function pngOf(line: string): Buffer | undefined {
  const [, width, height, pixels] = /^([1-9]\d{0,2}) ([1-9]\d{0,2}) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (pixels === undefined || line.length > maxPictureLine) return undefined;
  if (Number(width) > maxPictureSide || Number(height) > maxPictureSide) return undefined;
  const rgba = Buffer.from(pixels, "base64");
  const row = 4 * Number(width);
  if (rgba.length !== row * Number(height)) return undefined;
  // Each row starts with its filter type: none.
  const rows = Array.from({ length: Number(height) }, (_, y) => [Buffer.of(0), rgba.subarray(y * row, (y + 1) * row)]);
  return Buffer.concat([
    Buffer.from(signature),
    chunk("IHDR", Buffer.concat([uint32(Number(width)), uint32(Number(height)), Buffer.from(pixelFormat)])),
    chunk("IDAT", deflateSync(Buffer.concat(rows.flat()))),
    chunk("IEND", Buffer.of()),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const checked = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([uint32(data.length), checked, uint32(crc32(checked))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
