import { assertEquals } from "@std/assert";
import { showTable } from "../../../lib/cli/table.ts";

/** What is printed for some rows, on a terminal or not. */
function shown(rows: string[][], isTerminal: boolean): string[] {
  const said: string[] = [];
  const ui = { result: (text: string) => void said.push(text), status: (text: string) => void said.push(text) };
  const own = Deno.stdout.isTerminal;
  Deno.stdout.isTerminal = () => isTerminal;
  try {
    showTable(ui, rows, { heading: ["NAME", "APP"], none: "Nothing runs", data: rows });
  } finally {
    Deno.stdout.isTerminal = own;
  }
  return said;
}

Deno.test("showTable() gives people a heading and columns, and programs tabs", () => {
  const rows = [["box", "xterm"], ["another", "x"]];
  assertEquals(shown(rows, true), ["NAME     APP\nbox      xterm\nanother  x"]);
  assertEquals(shown(rows, false), ["box\txterm\nanother\tx"]);
});

Deno.test("showTable() keeps columns straight beside wide characters and marks", () => {
  assertEquals(shown([["天地", "a"], ["e\u0301", "b"], ["📦x", "c"], ["abc", "d"]], true), [
    "NAME  APP\n天地  a\ne\u0301     b\n📦x   c\nabc   d",
  ]);
});

Deno.test("showTable() says when there is nothing", () => {
  for (const isTerminal of [true, false]) assertEquals(shown([], isTerminal), ["Nothing runs", ""]);
});
