/**
 * What an app in a container may do on the host's compositor, message by message.
 *
 * In words, a thing at a time:
 *
 * - **Globals** (`rules.ts`): those on a list exist, in the versions that the table of protocols has; no others do, and
 *   what was not announced cannot be bound (`registry.ts`). What an object of a known interface says passes as it is,
 *   unless a rule is about it.
 * - **Numbers**: each kind of object, popups, windows and pictures together have a maximum for the session; so have the
 *   changes of titles and places, and the work that it takes to judge (`session.ts`, `rate.ts`). At a maximum of objects
 *   the connection ends; what comes too often is dropped.
 * - **Windows** (`windows.ts`) have the container's name in title and app id, whatever the app calls them, and a border
 *   of the guard's around all that they show, with a plate below (`border.ts`). Nothing that belongs to one is far
 *   outside of what the desktop takes for the window, or larger than its role allows (`surfaces.ts`).
 * - **Popups** (`popups.ts`) open while the user is there, near their window, over a part of the screen, and close when
 *   the user leaves.
 * - **Pictures** (`pictures.ts`) lie within the memory that the app shares; a compositor reads nothing beyond it. Rectangles
 *   are so few that a compositor is done with them at once (`rectangles.ts`).
 * - **The user's presence** (`input.ts`, `attention.ts`): a key or a button in one of the app's windows just now. It is
 *   needed for the front, the whole screen, a window's menu, the clipboard, and what is selected. To drag or move
 *   anything takes a button that is down. Only the user moves the pointer.
 * - **Clipboard, selection, drags** (`clipboard.ts`): text and pictures pass, in the directions that are open, once the
 *   user has worked there, in answer to an event that the app has got. Else data stays within the container. Files that
 *   the user drops on a window, or pastes, are lent (`dropped_files.ts`).
 * - **Who the user is**: names, makers and serial numbers of screens, seats and tablets stay on the host (`outputs.ts`).
 *
 * Rules without a memory are rows (`rules.ts`): hidden, rewritten, or passed if the user works there. A part that
 * remembers something has a file. For each message its row comes first, then the parts in their order below; what one
 * drops, the next do not see.
 */

import type { Size } from "../limits.ts";
import { createBorders } from "./border.ts";
import { createClipboard } from "./clipboard.ts";
import type { Descriptors } from "./descriptors.ts";
import { createInput } from "./input.ts";
import {
  type Addition,
  type ArgumentValue,
  type Create,
  dropped,
  type Message,
  type Part,
  type Verdict,
  type WaylandObject,
} from "./objects.ts";
import { createOutputs } from "./outputs.ts";
import { createPictures } from "./pictures.ts";
import { createPopups } from "./popups.ts";
import { createRectangles } from "./rectangles.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { type Need, type Rule, rules } from "./rules.ts";
import type { WaylandSession } from "./session.ts";
import { createSurfaces, type Surface } from "./surfaces.ts";
import { createWindows } from "./windows.ts";

export interface Policy extends Pick<Registry, "checkBind"> {
  /** Returns the verdict on a message; undefined: it passes. */
  judge(message: Message): Verdict | undefined;
  /** Whether the descriptor of a message is that of a file; else it is a pipe's. */
  sendsFile(name: string): boolean;
  ended(object: WaylandObject): void;
  /** Whether there are popups, and the user has left. */
  mustClose(): boolean;
  /** What the app has to be told about the clipboard before anything else. */
  takeNews(): Addition[];
  /**
   * The same, and the messages that close popups that the user has left, for the app and for the compositor; what an app
   * has asked for before the user worked in its windows; and that it is to close these.
   */
  leave(): { events: Addition[]; requests: Addition[] };
}

type Named = Readonly<Record<string, ArgumentValue>>;
type Judge = (message: { object: WaylandObject; args: Named }) => Verdict | undefined | void;

/** What says that an offer is copied, selected or over a window, until the same object says otherwise. */
const offersOfDevice = [
  ...["wl_data_device.selection", "wl_data_device.enter", "wl_data_device.drop"],
  "zwp_primary_selection_device_v1.selection",
];

export function createPolicy(
  { session, descriptors, create, ...own }: {
    session: WaylandSession;
    descriptors: Descriptors;
    create: Create;
  } & Pick<Parameters<typeof createClipboard>[0], "readSource" | "answer" | "renew">,
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
  const clipboard = createClipboard({ session, surfaces, input: () => input, ...own });
  const input = createInput({ session, release: clipboard.release });
  const parts: readonly Part[] = [
    ...[outputs, registry, pictures, surfaces, windows, popups, borders],
    ...[createRectangles(), input, clipboard.secondDrags, clipboard],
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
  /** Nothing would take it back: the compositor says no more to what it knows to be ended. */
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
  /** What passes when a surface is committed. */
  const committed = (object: WaylandObject): readonly Addition[] => {
    const type = object.type.requests.find(({ name }) => name === "wl_surface.commit")!;
    const { drop, before = [], after = [] } = judge({ sender: "container", object, type, values: [] }) ?? {};
    return [...before, ...drop ? [] : [[object, "commit"] as const], ...after];
  };

  return {
    judge,
    checkBind: registry.checkBind,
    sendsFile: (name) => name === "wl_shm.create_pool" || name === "wl_keyboard.keymap",
    ended: (object) => parts.forEach((part) => part.ended?.(object)),
    mustClose: popups.mustClose,
    takeNews: clipboard.takeNews,
    leave() {
      const taken = [...clipboard.takeNews(), ...windows.takeEvents()];
      const { events, requests } = popups.mustClose() ? popups.close() : { events: [], requests: [] };
      return { events: [...taken, ...events], requests: [...windows.takeRequests(), ...requests] };
    },
  };
}

/** The arguments of a message, by the names that the protocol gives them. */
function namedArguments({ type: { args }, values }: Message): Named {
  const named: Record<string, ArgumentValue> = {};
  for (let index = 0; index < args.length; index++) named[args[index]!.name] = values[index];
  return named;
}

function joined({ before = [], after = [], ...verdict }: Verdict, more: Verdict): Verdict {
  return { ...verdict, ...more, before: [...before, ...more.before ?? []], after: [...after, ...more.after ?? []] };
}
