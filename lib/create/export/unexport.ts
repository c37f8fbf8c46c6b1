/** `create.ts --unexport NAME`: takes the apps of a container out of the host's menu. */

import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { addressCalled, type EngineOptions, scriptLine } from "../../container/address.ts";
import { restoreDefaults } from "./defaults.ts";
import { exportedOf, leftoversOf, type Menu, menuOf, menuTurn, removeExported } from "./menu.ts";

/**
 * Takes the apps of the container that the command line names out of the menu, and lists the removed files.
 *
 * @throws {UserError} when it has no entries
 */
export async function unexportNamed(
  host: Host,
  { word, ...options }: EngineOptions & { word: string },
): Promise<void> {
  const { engine, label, hostName } = await addressCalled(host, { word, ...options, needsEngine: false });
  const removed = await unexportApps(menuOf(host, hostName));
  if (removed.length === 0) {
    const put = scriptLine(engine, ["create.ts", "--export", label]);
    throw new UserError(`"${label}" has no entries in the menu`, { hint: `To make some: ${put}` });
  }
  host.ui.result(removed.join("\n"), { name: label, removed });
}

/**
 * Takes the apps of a container out of the menu, and removes files that killed runs have left. Returns the paths of
 * both.
 */
export async function unexportApps(menu: Menu): Promise<string[]> {
  using _turn = await menuTurn(menu);
  await restoreDefaults(menu).catch(({ message }: Error) => {
    menu.host.ui.warn(`The default apps from before the export cannot be restored: ${message}`);
  });
  const leftovers = await leftoversOf(menu);
  return [...await removeExported(menu, { exported: await exportedOf(menu), leftovers }), ...leftovers];
}
