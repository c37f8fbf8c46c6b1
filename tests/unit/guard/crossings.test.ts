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

Deno.test("what goes the same way is one line for half a minute", () => {
  const { crossings, lines, pass } = counting();
  for (let count = 0; count < 1_000; count++) {
    crossings.add({ direction: "out", type: "text/plain", times: 1, bytes: 5 });
    crossings.add({ direction: "out", type: "text/plain", times: 0, bytes: 1 });
    crossings.flush();
    pass(29);
  }
  crossings.add({ direction: "in", type: "text/plain", times: 1, bytes: 7 });
  crossings.add({ direction: "in", type: "application/of-the-container", times: 1, bytes: 7 });
  assertEquals(lines, []);
  crossings.flush({ all: true });
  assertEquals(lines, [
    { time: "1970-01-01T00:00:00.000Z", direction: "out", type: "text/plain", times: 1_000, bytes: 6_000 },
    { time: "1970-01-01T00:00:29.000Z", direction: "in", type: "text/plain", times: 1, bytes: 7 },
  ]);
});

Deno.test("a storm of all types ends with the lines for an hour, and a user who pastes does not get there", () => {
  const linesOf = (types: readonly string[]) => {
    const { crossings, lines, told, pass } = counting();
    let refused = 0;
    // Two hours, ten times a second.
    for (let count = 0; count < 72_000; count++) {
      for (const direction of ["in", "out"] as const) {
        if (crossings.mayCross()) {
          crossings.add({ direction, type: types[count % types.length]!, times: 1, bytes: 1 });
        } else refused++;
      }
      crossings.flush();
      pass(100);
    }
    return { perHour: lines.length / 2, told: told.length, isRefused: refused > 0 };
  };
  const storm = linesOf([...dataTypes]);
  assertEquals([storm.perHour <= 650, storm.told, storm.isRefused], [true, 2, true]);
  assertEquals(linesOf(["UTF8_STRING", "text/html"]).isRefused, false);
});
