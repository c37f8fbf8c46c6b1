/**
 * What an app in a container may do on the host's compositor, message by message.
 *
 * The rules, by subject:
 *
 * - **Globals** (`rules.ts`): an app sees only those on a list, up to the versions in the table of protocols, and can
 *   bind only what was announced (`registry.ts`). A message of a known interface passes unchanged unless a rule is
 *   about it.
 * - **Numbers**: a session has a maximum for each kind of object, and for the pixels of all buffers; and a rate for
 *   changes of windows, and for the work of judging (`session.ts`, `rate.ts`). Above a maximum the connection ends;
 *   what comes too often is dropped.
 * - **Windows** (`windows.ts`) have the container's name in title and app id, whatever the app calls them, and the
 *   guard's border around all that they show, with a plate below (`border.ts`). No part of one reaches far outside of
 *   the window geometry, or is larger than its role allows (`commits.ts`).
 * - **Popups** (`popups.ts`) open while the user is present, near their window, cover only a part of the screen, and
 *   close when the user leaves.
 * - **Pictures** (`pictures.ts`) lie within the memory that the app shares, so that a compositor reads nothing beyond
 *   it. Rectangles are too few to slow a compositor down (`rectangles.ts`).
 * - **The user's presence** (`input.ts`, `attention.ts`): a recent key or button in one of the app's windows. It is
 *   needed to raise a window, for fullscreen, a window's menu, the clipboard, and the primary selection. Drags, moves
 *   and resizes need a button that is down. Only the user moves the pointer.
 * - **Clipboard, selection, drags** (`clipboard.ts`): text and pictures pass in the open directions, after recent
 *   input, with the serial of an event that the app received. All else stays within the container. Files that the user
 *   drops on a window, or pastes, are lent (`dropped_files.ts`).
 * - **Who the user is**: names, makers and serial numbers of screens, seats and tablets stay on the host
 *   (`outputs.ts`).
 *
 * Rules without state are rows of a table (`rules.ts`): they drop a message, rewrite it, or require the user's
 * presence. A part with state has its own file. Each message goes to its row first, then to the parts in the order
 * below; after one drops it, the next do not see it.
 */

import type { Size } from "../limits.ts";
import { createBorders } from "./border.ts";
import { createClipboard } from "./clipboard.ts";
import type { Descriptors } from "./descriptors.ts";
import { createInput, type Input } from "./input.ts";
import {
  type Addition,
  type ArgumentValue,
  dropped,
  type Message,
  type Part,
  type Verdict,
  type WaylandObject,
} from "./objects.ts";
import type { ObjectTable } from "./object_table.ts";
import { createOutputs } from "./outputs.ts";
import type { OwnMessages } from "./own_messages.ts";
import { createPictures } from "./pictures.ts";
import { createPopups } from "./popups.ts";
import { createRectangles } from "./rectangles.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { type Need, type Rule, rules } from "./rules.ts";
import type { WaylandSession } from "./session.ts";
import type { Surface } from "./surface.ts";
import { createSurfaces } from "./surfaces.ts";
import { createWindows } from "./windows.ts";

export interface Policy extends Pick<Registry, "checkBind"> {
  /** Returns the verdict on a message; undefined: it passes. */
  judge(message: Message): Verdict | undefined;
  ended(object: WaylandObject): void;
  /** Whether popups must be closed, since the user has left, or one is not allowed. */
  mustClose(): boolean;
  /**
   * Takes the messages that close popups (for the app and for the compositor), the events that a carried text has
   * expired, delayed requests for fullscreen, and the events that ask the app to close its windows.
   */
  leave(): { events: Addition[]; requests: Addition[] };
}

type Named = Readonly<Record<string, ArgumentValue>>;
type Judge = (message: { object: WaylandObject; args: Named }) => Verdict | undefined | void;

/** Events that make an offer the selection or a drag until the same device sends another. */
const offersOfDevice = [
  ...["wl_data_device.selection", "wl_data_device.enter", "wl_data_device.drop"],
  "zwp_primary_selection_device_v1.selection",
];

export function createPolicy(
  { session, descriptors, objects: { create, renew }, own }: {
    session: WaylandSession;
    descriptors: Descriptors;
    objects: ObjectTable;
    own: OwnMessages;
  },
): Policy {
  const { attention, rates, container } = session;
  const registry = createRegistry();
  const outputs = createOutputs();
  const pictures = createPictures(descriptors);
  const surfaces = createSurfaces({
    session,
    mayPopUp: (surface: Surface, size: Size) => popups.mayCover(surface, size),
    screens: outputs.pixels,
    bufferSize: pictures.sizeOf,
  });
  const windows = createWindows({ session, surfaces });
  const borderOf = (surface: Surface): number => borders.widthOf(surface);
  const popups = createPopups({ session, surfaces, screens: outputs.sizes, borderOf });
  const borders = createBorders({ session, create, registry, surfaces });
  const input: Input = createInput({ session, release: () => clipboard.release() });
  const clipboard = createClipboard({ session, surfaces, input, own, renew });
  const parts: readonly Part[] = [
    ...[outputs, registry, pictures, surfaces, windows, popups, borders],
    ...[createRectangles(), input, ...clipboard.parts],
  ];

  const checks: Readonly<Record<Need, () => boolean>> = {
    use: attention.isUsed,
    button() {
      const isDown = input.isPressed();
      input.forgetPresses();
      return isDown;
    },
    change: rates.change,
  };
  const byRow = ({ needs = [], hide, says }: Rule<never>): Judge => ({ args }) => {
    if (!needs.every((need) => checks[need]())) return dropped;
    if (hide === true || hide?.(args as never)) return dropped;
    return says && { args: says(args as never, container) };
  };
  const rows = Object.entries(rules).map(([name, rule]) => [name, byRow(rule as Rule<never>)] as const);
  const handlers = parts.flatMap(({ handlers }) => Object.entries(handlers) as [string, Judge][]);
  const judges = Map.groupBy([...rows, ...handlers], ([name]) => name);
  /** Ignored for destroyed objects: no later event would reset the state, since the compositor sends none to these. */
  const notOnceEnded = new Set([...Object.keys(input.handlers), ...offersOfDevice]);

  const judge: Policy["judge"] = (message) => {
    const { object, type: { name } } = message;
    const all = judges.get(name);
    if (!all || object.isEnded && notOnceEnded.has(name)) return undefined;
    const named = { object, args: namedArguments(message) };
    let verdict: Verdict | undefined;
    for (const [, judge] of all) {
      const more = judge(named);
      if (more) verdict = verdict ? joined(verdict, more) : more;
      if (verdict?.drop) break;
    }
    return verdict?.commits ? joined(verdict, { after: committed(verdict.commits) }) : verdict;
  };
  /** The messages that pass for a commit of a surface. */
  const committed = (object: WaylandObject): readonly Addition[] => {
    const type = object.type.requests.find(({ name }) => name === "wl_surface.commit")!;
    const { drop, before = [], after = [] } = judge({ sender: "container", object, type, values: [] }) ?? {};
    return [...before, ...drop ? [] : [[object, "commit"] as const], ...after];
  };

  return {
    judge,
    checkBind: registry.checkBind,
    ended: (object) => parts.forEach((part) => part.ended?.(object)),
    mustClose: popups.mustClose,
    leave() {
      const taken = [...clipboard.takeExpired(), ...windows.takeEvents()];
      const { events, requests } = popups.mustClose() ? popups.close() : { events: [], requests: [] };
      return { events: [...taken, ...events], requests: [...windows.takeRequests(), ...requests] };
    },
  };
}

/** The arguments of a message, by their names in the protocol. */
function namedArguments({ type: { args }, values }: Message): Named {
  const named: Record<string, ArgumentValue> = {};
  for (let index = 0; index < args.length; index++) named[args[index]!.name] = values[index];
  return named;
}

function joined({ before = [], after = [], ...verdict }: Verdict, more: Verdict): Verdict {
  return { ...verdict, ...more, before: [...before, ...more.before ?? []], after: [...after, ...more.after ?? []] };
}
