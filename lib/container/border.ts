/**
 * The border of a container's windows. Each container has one colour, in its record on the host, from a palette of
 * colours that are easy to tell apart.
 */

import colours from "./palette.json" with { type: "json" };
import { basename, dirname, join } from "@std/path";
import { exists, readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { readJson, writeJson } from "../base/json_file.ts";
import { lockFile } from "../base/lock.ts";
import { containerRecordPath, lockPath, type Mounts } from "./paths.ts";

export interface ContainerBorder {
  /** As `#rrggbb`. */
  colour: string;
  /** In pixels of the desktop. */
  width: number;
  /** Whether windows that the desktop frames have it, too: true if the user chose the border. */
  isAlways: boolean;
}

/** The default colours, in the order in which containers get them. */
export const palette: readonly string[] = Object.values(colours);

/** The default width of a border, in pixels. */
const usualWidth = 4;

/**
 * The border of a container's windows. A container without one gets a colour that no other container of this host has,
 * or the one that fewest have.
 *
 * @param chosen the border from now on; "auto": the default, as if nobody had chosen one
 * @param options `isTrial`: does not store the choice
 */
export async function borderOf(
  { host, mounts }: { host: Pick<Host, "look" | "signal">; mounts: Pick<Mounts, "directory"> },
  chosen?: ContainerBorder | "auto",
  { isTrial = false }: { isTrial?: boolean } = {},
): Promise<ContainerBorder> {
  const wanted = chosen === "auto" ? undefined : chosen;
  const known = await readBorder(mounts);
  if (known && chosen === undefined) return known;
  const root = dirname(mounts.directory);
  // A container without a directory does not exist, or was marked by hand.
  if (!await host.look(false, () => exists(mounts.directory))) return wanted ?? derived(palette[0]!);
  using _turn = await lockFile(lockPath(root), { signal: host.signal });
  const before = await readBorder(mounts);
  const kept = before && (chosen === undefined || !before.isAlways) ? before : undefined;
  const border = wanted ?? kept ?? derived(await freeColour(mounts));
  if (border === before || isTrial && chosen !== undefined) return border;
  const path = containerRecordPath(mounts);
  await writeJson(path, { ...await readJson(path) ?? {}, border });
  return border;
}

function derived(colour: string): ContainerBorder {
  return { colour, width: usualWidth, isAlways: false };
}

/** The border in a container's record; undefined if it is missing or not valid. */
async function readBorder(mounts: Pick<Mounts, "directory">): Promise<ContainerBorder | undefined> {
  const record = await readJson(containerRecordPath(mounts)) as { border?: Partial<ContainerBorder> } | null;
  const { colour, width, isAlways } = record?.border ?? {};
  const isBorder = /^#[0-9a-f]{6}$/.test(`${colour}`) && Number.isInteger(width) && width! > 0 && width! < 100 &&
    typeof isAlways === "boolean";
  return isBorder ? { colour: colour!, width: width!, isAlways } : undefined;
}

/** The first of the colours that the fewest others use. One outside the palette counts as the nearest in it. */
async function freeColour({ directory }: Pick<Mounts, "directory">): Promise<string> {
  const root = dirname(directory);
  const others = (await readDirectory(root)).filter(({ name, isDirectory }) =>
    isDirectory && name !== basename(directory)
  );
  const borders = await Promise.all(others.map(({ name }) => readBorder({ directory: join(root, name) })));
  const alike = borders.flatMap((border) => border ? [nearestColour(border.colour)] : []);
  const uses = (colour: string): number => alike.filter((used) => used === colour).length;
  return palette.toSorted((one, other) => uses(one) - uses(other))[0]!;
}

function nearestColour(colour: string): string {
  const bytes = (hex: string): number[] => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const distance = (one: string): number => {
    const wanted = bytes(colour);
    return bytes(one).reduce((sum, byte, index) => sum + (byte - wanted[index]!) ** 2, 0);
  };
  return palette.toSorted((one, other) => distance(one) - distance(other))[0]!;
}
