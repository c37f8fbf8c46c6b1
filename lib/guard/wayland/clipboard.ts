/**
 * Clipboard, primary selection, and drag and drop. A source is what an app offers (`sources.ts`), to copy it
 * (`copying.ts`) or to drag it (`dragging_out.ts`). An offer is what it can receive (`offers.ts`): a selection
 * (`selections.ts`) or a drag (`dragging_in.ts`, `second_drag.ts`).
 *
 * Only text and pictures reach the host (`dataTypes`). All other types stay within the container, as on X: the guard
 * prefixes them with the container's mark, and no host program asks for such types. While the clipboard is closed, it
 * prefixes all types, so that apps of the container can still copy and drag among themselves.
 */

import { createCopying } from "./copying.ts";
import { createDraggingIn } from "./dragging_in.ts";
import { createDraggingOut } from "./dragging_out.ts";
import type { Input } from "./input.ts";
import type { Part } from "./objects.ts";
import type { ObjectTable } from "./object_table.ts";
import { createOffers } from "./offers.ts";
import type { OwnMessages } from "./own_messages.ts";
import { createSecondDrags } from "./second_drag.ts";
import { createSelections, type Selections } from "./selections.ts";
import type { WaylandSession } from "./session.ts";
import { createSources } from "./sources.ts";
import type { Surfaces } from "./surfaces.ts";

export interface Clipboard extends Pick<Selections, "release" | "takeExpired"> {
  /** In the order in which they judge. */
  parts: readonly Part[];
}

/** Makes the clipboard of a connection; it is empty. */
export function createClipboard(
  { session, surfaces, input, own, renew }: {
    session: WaylandSession;
    surfaces: Surfaces;
    input: Input;
    own: OwnMessages;
    renew: ObjectTable["renew"];
  },
): Clipboard {
  const outgoing = { session, input, sources: createSources(session), own };
  const copying = createCopying(outgoing);
  const incoming = { session, offers: createOffers(session, renew), own };
  const secondDrags = createSecondDrags(incoming);
  const { release, takeExpired, ...selections } = createSelections(incoming, copying.forget);
  return {
    release,
    takeExpired,
    parts: [
      ...[secondDrags, outgoing.sources, copying, createDraggingOut(outgoing, surfaces)],
      ...[incoming.offers, selections, createDraggingIn(incoming, secondDrags)],
    ],
  };
}
