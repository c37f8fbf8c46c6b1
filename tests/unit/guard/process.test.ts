// Where a guard writes down what crosses, when nobody reads what it prints.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { printer, writeDown } from "../../../lib/guard/process.ts";
import { crossingIn, crossingText } from "../../../lib/guard/process_interface.ts";

const crossing = { time: "2026-01-02T03:04:05.678Z", direction: "in", type: "text/plain", times: 2, bytes: 9 } as const;

Deno.test("what nobody reads is in a file for the next run; when that is full, or cannot be, the clipboard closes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "history.jsonl");
    const printed: string[] = [];
    const tellRun = (line: string): Promise<boolean> => Promise.resolve(printed.push(line) === 1);
    const { report, mayReport } = writeDown({ name: "box", copy: "box-d1", file }, tellRun);
    await report(crossing);
    assertEquals([crossingIn(printed[0]!), await Deno.lstat(file).catch(() => undefined)], [crossing, undefined]);
    await report(crossing);
    const lines = (await Deno.readTextFile(file)).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines, [{ name: "box", copy: "box-d1", kind: "clipboard", ...crossing }]);
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    while (mayReport()) await report(crossing);
    assertEquals(Math.round((await Deno.stat(file)).size / 2 ** 20), 1);
    const nowhere = writeDown({ name: "box", file: join(directory, "no/file") }, () => Promise.resolve(false));
    await nowhere.report(crossing);
    assertEquals(nowhere.mayReport(), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("lines wait for a run that is stopped, until the clipboard closes; if it ends, they go into the file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "history.jsonl");
    const taken = Promise.withResolvers<void>();
    const output = new WritableStream<Uint8Array>({ write: () => taken.promise });
    const { report, mayReport } = writeDown({ name: "box", file }, printer(output));
    const reported: Promise<void>[] = [];
    while (mayReport() && reported.length < 100_000) reported.push(report(crossing));
    assertEquals([mayReport(), await Deno.lstat(file).catch(() => undefined)], [false, undefined]);
    taken.reject(new Deno.errors.BrokenPipe());
    await Promise.all(reported);
    const text = await Deno.readTextFile(file);
    assertEquals(text.trimEnd().split("\n").length, reported.length);
    assertEquals(Math.round(text.length / 2 ** 20), 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("crossingIn() takes what a guard prints, and nothing else", () => {
  assertEquals(crossingIn(crossingText(crossing)), crossing);
  const both = { ...crossing, type: "text/plain,image/png" };
  assertEquals(crossingIn(crossingText(both)), both);
  for (
    const line of [
      "crossing: {",
      `crossing: ${JSON.stringify({ ...crossing, kind: "../../../x", copy: "y" })}`,
      crossingText({ ...crossing, type: "text/uri-list" }),
      crossingText({ ...crossing, type: "text/plain,text/uri-list" }),
      crossingText({ ...crossing, bytes: -1 }),
      crossingText({ ...crossing, time: "now" }),
      `${crossingText(crossing)} x`,
      ` ${crossingText(crossing)}`,
    ]
  ) assertEquals(crossingIn(line), undefined, line);
});
