/**
 * What an app copies or selects. It may do so while the user works in its windows, with the serial of an event that it
 * received, and takes away only what it has put there. While the clipboard is closed to the host, `attach.ts --copy`
 * reads what the app has copied.
 */

import type { Copied } from "./carrying.ts";
import { alsoPrimary, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { Outgoing } from "./sources.ts";

/** Makes what the app of a connection copies: nothing yet. `forget`: forgets what it has copied for `--copy`. */
export function createCopying({ session, input, sources, own }: Outgoing): Part & { forget(): void } {
  const { attention, carrying, clipboard, rates, tell } = session;
  /** The sources that passed as clipboard or primary selection, by the device that set them. */
  const selected = new Map<WaylandObject, WaylandObject>();
  /** The app's selection while the clipboard is closed to the host. */
  let kept: Copied & { source: WaylandObject } | undefined;
  const keep = (source: WaylandObject | undefined): void => {
    if (carrying.copied === kept) carrying.copied = undefined;
    kept = source &&
      { source, types: sources.typesOf(source), read: (...what) => own.readSource(source, ...what) };
    if (kept) carrying.copied = kept;
  };
  return {
    handlers: {
      ...alsoPrimary("device.set_selection", ({ object, args: { source, serial } }) => {
        const isKept = !clipboard.out && object.type.name === "wl_data_device";
        if (!source) {
          if (isKept) keep(undefined);
          return selected.delete(object) ? undefined : dropped;
        }
        const isUsed = attention.isUsed() && input.isAnswer(serial);
        if (!isUsed) tell("Ignored: an app set the clipboard while you were not using its windows");
        if (!isUsed || !rates.copy()) {
          // Otherwise it would believe that it owns the selection, and paste its own data.
          own.say([[source, "cancelled"]]);
          return dropped;
        }
        if (isKept) keep(source);
        selected.set(object, source);
        if (clipboard.out && sources.hasFiles(source)) sources.tellOfFiles();
        return { before: sources.mark(source) };
      }),
      ...alsoPrimary("source.cancelled", ({ object }) => {
        for (const [device, source] of selected) if (source === object) selected.delete(device);
      }),
    },
    forget: () => keep(undefined),
    ended(object) {
      if (object === kept?.source) keep(undefined);
      selected.delete(object);
    },
  };
}
