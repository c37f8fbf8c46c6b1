// Which part of lib/ may import which: cli over container over engine over base, guard over base alone, the wings on top.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { drawStructure, modulesIn, picturePath, readImports } from "../../../tools/structure.ts";
import { displayNames } from "../../../lib/settings/displays.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

const below: Readonly<Record<string, readonly string[]>> = {
  std: [],
  base: ["std"],
  guard: ["base", "std"],
  engine: ["base", "std"],
  container: ["engine", "base", "std"],
  channels: ["container", "guard", "engine", "base", "std"],
  cli: ["channels", "container", "engine", "base", "std"],
  settings: ["cli", "channels", "container", "engine", "guard", "base", "std"],
};
const wings = ["create", "attach", "map"];
const allLayers = Object.keys(below);

/** The circles of a graph: for each, its nodes, each of which leads to all others of it. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reachable = new Map([...graph.keys()].map((start) => {
    const seen = new Set<string>();
    const walk = (node: string): void =>
      graph.get(node)?.forEach((next) => void (seen.has(next) || (seen.add(next), walk(next))));
    walk(start);
    return [start, seen];
  }));
  const circles = [...graph.keys()].filter((node) => reachable.get(node)!.has(node))
    .map((node) => [...reachable.get(node)!].filter((other) => reachable.get(other)?.has(node)).sort());
  return [...new Map(circles.map((circle) => [circle.join(), circle])).values()];
}

Deno.test("a folder of lib/ imports only what is below it, and no wing or its script imports another", () => {
  const folders = [...Deno.readDirSync(join(root, "lib"))].map(({ name }) => name);
  assertEquals(folders.toSorted(), [...allLayers, ...wings].toSorted());
  const wrong: string[] = [];
  for (const [path, targets] of readImports()) {
    const from = path.split(/[/.]/)[path.startsWith("lib/") ? 1 : 0]!;
    for (const to of targets.map((target) => target.split("/")[1]!)) {
      if (to !== from && !(below[from] ?? allLayers).includes(to)) wrong.push(`${path} imports lib/${to}`);
    }
  }
  assertEquals(wrong, []);
});

/** The rooms of lib/attach, each of which may import those before it. The verbs are on top, in no room. */
const rooms = ["session", "display", "agent", "box", ...displayNames, "verbs", "disposable"];

Deno.test("a room of lib/attach imports only what is below it, and the displays know nothing of each other", () => {
  const roomOf = (path: string): string | undefined =>
    /^lib\/attach\/(?:(\w+)\/)?[^/]+$/.exec(path)?.slice(1).map((room) => room ?? "verbs")[0];
  const wrong = [...readImports()].flatMap(([path, targets]) => {
    const from = roomOf(path);
    if (from === undefined) return [];
    return targets.filter((target) => {
      const to = roomOf(target);
      const isOther = to !== from && [from, to].every((room) => displayNames.some((name) => name === room));
      return to !== undefined && (rooms.indexOf(to) > rooms.indexOf(from) || isOther);
    }).map((target) => `${path} imports ${target}`);
  });
  assertEquals(wrong, []);
});

/**
 * Who imports from the room of a display, besides the room: what loads the chosen one, what says which are there, and
 * what talks with a guard that outlives its run.
 */
const knowDisplays: Readonly<Record<string, readonly string[]>> = {
  "choose_display.ts": ["wayland/display.ts", "x11/display.ts"],
  "doctor.ts": ["wayland/client.ts", "x11/screen.ts", "x11/xpra_version.ts"],
  "clipboard.ts": ["wayland/ask_guard.ts"],
  "deny.ts": ["wayland/ask_guard.ts"],
  "join.ts": ["wayland/ask_guard.ts"],
  "show.ts": ["wayland/take_drops.ts"],
  "stop.ts": ["wayland/ask_guard.ts"],
};

Deno.test("lib/attach knows the displays by their table: only --doctor names one, and few import from its room", () => {
  const isIn = (path: string): boolean => displayNames.some((name) => path.startsWith(`lib/attach/${name}/`));
  const outside = [...readImports()].filter(([path]) => !isIn(path));
  const importing = outside.flatMap(([path, targets]) => {
    const taken = targets.filter(isIn).map((target) => target.slice("lib/attach/".length));
    return taken.length > 0 ? [[path.slice("lib/attach/".length), taken.sort()] as const] : [];
  });
  assertEquals(Object.fromEntries(importing), knowDisplays);
  const named = new RegExp(`"(?:${displayNames.join("|")})"`);
  const naming = outside.map(([path]) => path)
    .filter((path) => path.startsWith("lib/attach/") && named.test(Deno.readTextFileSync(join(root, path))));
  assertEquals(naming, ["lib/attach/doctor.ts"]);
});

Deno.test("no modules of lib/ import each other in a circle", () => {
  assertEquals(circlesIn(new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", ["a"]], ["d", []]])), [["a", "b", "c"]]);
  assertEquals(readImports().get("lib/container/resolve.ts")!.includes("lib/container/remote.ts"), true);
  assertEquals(circlesIn(readImports()), []);
});

Deno.test("only base/process starts a program", async () => {
  const starters: string[] = [];
  for (const path of modulesIn("lib")) {
    const text = await Deno.readTextFile(join(root, path));
    if (/\bDeno\.Command\b|node:child_process/.test(text)) starters.push(path);
  }
  assertEquals(starters, ["lib/base/process.ts"]);
});

Deno.test("docs/structure.svg is drawn from the imports as they are: deno task structure", async () => {
  assertEquals(await Deno.readTextFile(picturePath), drawStructure());
});
