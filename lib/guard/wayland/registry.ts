/** The globals that are announced to an app, which it may bind. */

import { Violation } from "../faults.ts";
import { globals } from "./rules.ts";
import { dropped, type Part, type WaylandObject } from "./objects.ts";
import { protocols } from "./protocols.ts";

/** The most globals, with those removed lately, and the most of the latter: monitors come and go. */
const maxGlobals = 1_000;
const maxGone = 100;

/** The compositor's globals, as announced on a connection. */
export interface Registry extends Part {
  /** The app's first `wl_registry`, once there is one. */
  object(): WaylandObject | undefined;
  numberOf(global: string): number | undefined;
  /**
   * Checks that the app may bind a global.
   *
   * @throws {Violation} when it may not
   */
  checkBind(number: number, as: { name: string; version: number }): void;
}

/** Makes the registry of a connection; it is empty. */
export function createRegistry(): Registry {
  /** The globals that were announced to the app, by number. */
  const offered = new Map<number, { name: string; version: number }>();
  /** Those of them that were removed. An app that does not know yet may still bind one. */
  const gone = new Set<number>();
  let first: WaylandObject | undefined;
  return {
    handlers: {
      "wl_display.get_registry": ({ args: { registry } }) => void (first ??= registry),
      "wl_registry.global": ({ args: { name: number, interface: name, version } }) => {
        const known = protocols.get(name);
        if (!known || !globals.includes(name)) return dropped;
        const highest = Math.min(version, known.version);
        // A compositor may reuse a number.
        gone.delete(number);
        if (offered.size > maxGlobals) throw new Violation("there are too many globals");
        offered.set(number, { name, version: highest });
        return { args: { version: highest } };
      },
      "wl_registry.global_remove": ({ args: { name: number } }) => {
        if (!offered.has(number)) return dropped;
        gone.add(number);
        const [oldest] = gone;
        if (gone.size > maxGone && gone.delete(oldest!)) offered.delete(oldest!);
        return undefined;
      },
    },
    object: () => first,
    numberOf: (global) => [...offered].find(([, { name }]) => name === global)?.[0],
    checkBind(number, { name, version }) {
      const known = offered.get(number);
      if (known?.name !== name || version < 1 || version > known.version) {
        throw new Violation("it binds a global that it was not offered");
      }
    },
  };
}
