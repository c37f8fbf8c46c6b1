/**
 * Draws `docs/structure.svg`, the picture of the code's structure, from its imports: `deno task structure`. Each folder
 * of `lib/` is a box with its own folders in it, above all that it imports from. An arrow is an import that no longer
 * way leads to.
 */

import { dirname, fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("..", import.meta.url));

/** Where the picture is. */
export const picturePath = join(root, "docs/structure.svg");

/** What each module of `lib/`, and each script, imports of `lib/`, also for its types alone, and also while it runs (`import()`). */
export function readImports(): Map<string, string[]> {
  return new Map(
    [...scripts.map((name) => `${name}.ts`), ...modulesIn("lib")].map((path) => {
      const text = Deno.readTextFileSync(join(root, path));
      const targets = [...text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*"(\.[^"]+\.ts)"/gm)];
      return [path, targets.map(([, target]) => join(dirname(path), target!)).filter((to) => to.startsWith("lib/"))];
    }),
  );
}

/** The paths of all modules in a folder of the checkout. */
export function modulesIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(root, folder))].sort((one, other) => one.name < other.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesIn(join(folder, name)) : name.endsWith(".ts") ? [join(folder, name)] : []
  );
}

const scripts = ["create", "attach", "map"];

/** What a folder is for, in a few words. */
const purposes: Readonly<Record<string, string>> = {
  attach: "windows of an app",
  base: "processes, files, terminal",
  channels: "what passes besides windows and the clipboard, a folder each",
  cli: "options, help, completions",
  container: "one container: ssh, directories, history",
  create: "containers from words",
  engine: "LXD and Incus",
  guard: "reads a container's messages",
  map: "lent files",
  settings: "the user's defaults",
};

/** A box of the picture. Sizes are in the picture's units. */
interface Box {
  name: string;
  inner: string[];
  width: number;
  x: number;
  y: number;
}

const [width, rowHeight, boxHeight, gap, margin] = [960, 104, 70, 24, 20];

/** The picture as SVG. */
export function drawStructure(): string {
  const imports = foldersOf(readImports());
  // The scripts of npm's @std, which all may use.
  imports.delete("std");
  const ranks = ranksOf(imports);
  const top = Math.max(...ranks.values());
  const boxes = new Map<string, Box>();
  for (let rank = top; rank >= 0; rank--) {
    const names = [...ranks.keys()].filter((name) => ranks.get(name) === rank).sort();
    const row = names.map((name) => makeBox(name));
    const rowWidth = row.reduce((sum, box) => sum + box.width + gap, -gap);
    let x = (width - rowWidth) / 2;
    for (const box of row) {
      boxes.set(box.name, { ...box, x, y: margin + (top - rank) * rowHeight });
      x += box.width + gap;
    }
  }
  const arrows = [...imports].flatMap(([from, targets]) =>
    withoutDetours(targets, imports).map((to) => arrow(boxes.get(from)!, boxes.get(to)!))
  );
  const height = 2 * margin + top * rowHeight + boxHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<title>Folders of lib/, each above what it imports</title>
<defs><marker id="end" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0 0L8 4L0 8z" fill="#456"/></marker></defs>
<rect width="${width}" height="${height}" fill="#fff"/>
<g stroke="#456" marker-end="url(#end)">
${arrows.join("\n")}
</g>
${[...boxes.values()].map(drawBox).join("\n")}
</svg>
`;
}

/** The folders that each folder imports from, itself left out. */
function foldersOf(imports: ReadonlyMap<string, readonly string[]>): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  for (const [path, targets] of imports) {
    if (!path.startsWith("lib/")) continue;
    const from = path.split("/")[1]!;
    const known = folders.get(from) ?? new Set();
    for (const target of targets) known.add(target.split("/")[1]!);
    known.delete(from);
    folders.set(from, known);
  }
  return folders;
}

/** How many others lie below each folder, one on another. */
function ranksOf(imports: ReadonlyMap<string, ReadonlySet<string>>): Map<string, number> {
  const rankOf = (name: string): number => Math.max(-1, ...[...imports.get(name)!].map(rankOf)) + 1;
  return new Map([...imports.keys()].map((name) => [name, rankOf(name)]));
}

/** Those of the targets that none of the others leads to. */
function withoutDetours(targets: ReadonlySet<string>, imports: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const leadsTo = (from: string, to: string): boolean =>
    [...imports.get(from)!].some((next) => next === to || leadsTo(next, to));
  return [...targets].filter((to) => ![...targets].some((other) => other !== to && leadsTo(other, to))).sort();
}

function makeBox(name: string): Omit<Box, "x" | "y"> {
  const inner = [...Deno.readDirSync(join(root, "lib", name))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
  const letters = Math.max(`${name}: ${purposes[name] ?? ""}`.length, inner.join("    ").length + 4);
  return { name, inner, width: Math.max(150, letters * 7 + 24) };
}

function drawBox({ name, inner, x, y, width }: Box): string {
  const innerGap = 8;
  const widths = inner.map((text) => text.length * 7 + 14);
  let left = x + (width - widths.reduce((sum, one) => sum + one + innerGap, -innerGap)) / 2;
  const rooms = inner.map((text, index) => {
    const room =
      `<rect x="${left}" y="${y + 34}" width="${widths[index]}" height="24" rx="3" fill="#fff" stroke="#89a"/>` +
      `<text x="${left + widths[index]! / 2}" y="${y + 50}" text-anchor="middle" font-size="12">${text}</text>`;
    left += widths[index]! + innerGap;
    return room;
  });
  const heading = `<tspan font-weight="bold">${name}</tspan>: ${purposes[name] ?? ""}`;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${boxHeight}" rx="6" fill="#eef4fb" stroke="#456"/>`,
    `<text x="${x + width / 2}" y="${y + (inner.length > 0 ? 22 : 40)}" text-anchor="middle">${heading}</text>`,
    ...rooms,
  ].join("\n");
}

/** From the lower edge of a box to the upper edge of one below it: straight down where that is possible, and beside what lies between. */
function arrow(from: Box, to: Box): string {
  const left = Math.max(from.x, to.x) + 16;
  const right = Math.min(from.x + from.width, to.x + to.width) - 16;
  const isNext = to.y - from.y === rowHeight;
  const down = isNext ? (left + right) / 2 : left + right > width ? right : left;
  const [startX, endX] = left <= right ? [down, down] : from.x < to.x ? [right, left] : [left, right];
  return `<line x1="${startX}" y1="${from.y + boxHeight}" x2="${endX}" y2="${to.y}"/>`;
}

if (import.meta.main) await Deno.writeTextFile(picturePath, drawStructure());
