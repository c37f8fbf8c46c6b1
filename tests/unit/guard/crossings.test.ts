// What crosses the clipboard is added up, and ends where it would need too many lines.

import { assertEquals } from "@std/assert";
import { createCrossings, type CrossingLine, dataTypes } from "../../../lib/guard/crossings.ts";

function counting(): {
  crossings: ReturnType<typeof createCrossings>;
  lines: CrossingLine[];
  told: string[];
  pass: (ms: number) => void;
} {
  let time = 0;
  const lines: CrossingLine[] = [];
  const told: string[] = [];
  const crossings = createCrossings({
    report: (line) => lines.push(line),
    tell: (text) => told.push(text),
    now: () => time,
  });
  return { crossings, lines, told, pass: (ms) => void (time += ms) };
}

Deno.test("what goes the same way is one line for half a minute, with its types", () => {
  const { crossings, lines, pass } = counting();
  for (let count = 0; count < 1_000; count++) {
    crossings.add({ direction: "out", type: "text/plain", times: 1, bytes: 5 });
    crossings.add({ direction: "out", type: "text/html", times: 0, bytes: 1 });
    crossings.flush();
    pass(29);
  }
  crossings.add({ direction: "in", type: "text/plain", times: 1, bytes: 7 });
  crossings.add({ direction: "in", type: "application/of-the-container", times: 1, bytes: 7 });
  assertEquals(lines, []);
  crossings.flush({ all: true });
  assertEquals(lines, [
    { time: "1970-01-01T00:00:00.000Z", direction: "out", type: "text/plain,text/html", times: 1_000, bytes: 6_000 },
    { time: "1970-01-01T00:00:29.000Z", direction: "in", type: "text/plain", times: 1, bytes: 7 },
  ]);
});

Deno.test("no storm of types needs more than two lines in half a minute, one for each direction", () => {
  const { crossings, lines, pass } = counting();
  const types = [...dataTypes];
  for (let count = 0; count < 600; count++) {
    for (const direction of ["in", "out"] as const) {
      crossings.add({ direction, type: types[count % types.length]!, times: 1, bytes: 1 });
    }
    crossings.flush();
    pass(100);
  }
  assertEquals(lines.map(({ direction }) => direction), ["in", "out"]);
  assertEquals(new Set(lines[0]!.type.split(",")), dataTypes);
});

Deno.test("where the history has no room, nothing crosses, and the user is told each time that it begins", () => {
  let hasRoom = true;
  const told: string[] = [];
  const crossings = createCrossings({ report: () => {}, tell: (text) => told.push(text), mayReport: () => hasRoom });
  const tries = [true, false, false, true, false].map((room) => {
    hasRoom = room;
    return crossings.mayCross();
  });
  assertEquals([tries, told.length], [[true, false, false, true, false], 2]);
});
