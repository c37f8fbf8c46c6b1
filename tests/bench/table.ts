/** The bench's table, in Markdown. */

import { type Figure, median, quantile } from "./row.ts";

/** A line for each measure, a column for each of the ways; in each cell the median, and the 5th and 95th percentile. */
export function markdownTable(figures: readonly Figure[], ways: Readonly<Record<string, string>>): string {
  const columns = Object.keys(ways).filter((way) => figures.some((figure) => figure.way === way));
  const names = [...new Set(figures.map(({ name }) => name))];
  const lines = names.map((name) => {
    const ofRow = figures.filter((figure) => figure.name === name);
    const cells = columns.map((way) => cell(ofRow.find((figure) => figure.way === way)));
    return row([`${name}, ${ofRow[0]!.unit}`, ...cells]);
  });
  return [row(["", ...columns.map((way) => ways[way]!)]), row(["---", ...columns.map(() => "---:")]), ...lines].join(
    "\n",
  );
}

function cell(figure: Figure | undefined): string {
  if (!figure || figure.samples.length === 0) return "–";
  const { samples, unit } = figure;
  const middle = format(median(samples), unit);
  if (samples.length === 1) return middle;
  return `${middle} (${format(quantile(samples, 0.05), unit)}–${format(quantile(samples, 0.95), unit)})`;
}

function format(value: number, unit: string): string {
  return value.toFixed(unit === "s" ? 2 : unit === "MB" ? 0 : 1);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
