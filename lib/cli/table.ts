/** Tables: aligned columns with a heading for people, values with tabs between them for programs. */

import { columnsOf } from "../base/text.ts";
import type { Ui } from "../base/ui.ts";

/**
 * Prints rows as a table: for people if stdout is a terminal, else for programs.
 *
 * @param options `heading`: the names of the columns; `none`: the message when there are no rows; `data`: for `--json`
 */
export function showTable(
  ui: Pick<Ui, "result" | "status">,
  rows: readonly (readonly string[])[],
  { heading, none, data }: { heading: readonly string[]; none: string; data: unknown },
): void {
  if (rows.length === 0) ui.status(none);
  const isForPeople = rows.length > 0 && Deno.stdout.isTerminal();
  if (!isForPeople) return ui.result(rows.map((row) => row.join("\t")).join("\n"), data);
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => columnsOf(row[column] ?? ""))));
  const padded = (cell: string, column: number): string => cell + " ".repeat(widths[column]! - columnsOf(cell));
  ui.result(all.map((row) => row.map(padded).join("  ").trimEnd()).join("\n"), data);
}
