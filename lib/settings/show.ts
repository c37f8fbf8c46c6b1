/** `attach.ts --settings`: the settings that hold for a container, where they are written, and what they open. */

import { showTable } from "../cli/table.ts";
import type { Host } from "../base/host.ts";
import { channelLine } from "./channels.ts";
import { applySettings, limitedChannels } from "./apply.ts";
import { optionOf, type Setting, settingKeys, type Settings } from "./file.ts";

/**
 * Shows the settings of a container.
 *
 * @param request `options`: those of the command line, which come before the settings
 * @returns the exit code
 */
export function showSettings(
  host: Pick<Host, "ui">,
  { word, options, settings }: { word: string; options: ReadonlyMap<string, string>; settings: Settings },
): number {
  const applied = applySettings(options, settings);
  const { open, asks } = limitedChannels(options, applied);
  const rows = settingKeys.flatMap((key): [string, Setting][] => {
    const value = key === "at-most" ? applied.atMost?.value : applied.values.get(optionOf(key));
    const from = options.has(optionOf(key)) ? "the command line" : settings.get(key)?.from;
    return value === undefined || from === undefined ? [] : [[key, { value, from }]];
  });
  host.ui.status(channelLine(open, asks));
  showTable(host.ui, rows.map(([key, { value, from }]) => [key, value, from]), {
    heading: ["KEY", "VALUE", "FROM"],
    none: `Nothing is set for "${word}"`,
    data: { container: word, settings: Object.fromEntries(rows), open: [...open], asks: [...asks] },
  });
  return 0;
}
