/** What both directions of a session know of each other. */

import { createAttention } from "../attention.ts";
import { type Crossings, noCrossings } from "../crossings.ts";
import { createMemory, type RunMemory } from "./memory.ts";
import type { Packet, Sender } from "./packets.ts";
import { Windows } from "./windows.ts";

export interface SessionOptions {
  container: string;
  /** The channels that are open, and go through xpra. */
  open: ReadonlySet<string>;
  /** What the server knows this client by. Random, and new each time. */
  uuid: string;
  /** The container is on another machine: its pictures come compressed, for the guard to decode. Default: no. */
  remote?: boolean;
  /** What the run remembers of the container. Default: nothing. */
  memory?: RunMemory;
  /** What crosses the clipboard. Default: nobody writes that down. */
  crossings?: Crossings | undefined;
  /** A clock in milliseconds. */
  now: () => number;
  /** Whether nobody counts as working in the windows, whatever was seen; see `outgoing.ts`. Default: no. */
  isPaused?: () => boolean;
}

export interface Session extends RunMemory, Required<Pick<SessionOptions, "container" | "open" | "uuid" | "remote">> {
  crossings: Crossings;
  windows: Windows;
  /** The size of the pixels' file, in bytes; 0: the client has announced none. */
  pixelsBytes: number;
  /** Who has said hello. */
  greeted: Set<Sender>;
  /** Keys whose press has passed and whose release has not. */
  keysDown: Set<string>;
  /** Buttons of the pointer whose press has passed and whose release has not, each with the window it was pressed in. */
  buttonsDown: Map<number, number>;
  /** Requests of the client for what the container has copied that have no answer yet, each with what it asks for. */
  requests: Map<number, string>;
  /**
   * Requests of the container for the types of what the host has copied or selected: of which selection, and for how
   * many checks of the relay. They stay until the client answers, also where the guard has.
   */
  typeRequests: Map<number, { of: string; checks: number }>;
  /** Where the container has last seen the pointer in one of its windows. */
  pointer: readonly [number, number];
}

export function createSession(
  { now, isPaused, container, open, uuid, remote = false, memory = createMemory(now), crossings = noCrossings }:
    SessionOptions,
): Session {
  return {
    ...{ container, open, uuid, remote, ...memory, crossings },
    windows: new Windows(container, now, createAttention(now, isPaused)),
    pixelsBytes: 0,
    greeted: new Set(),
    keysDown: new Set(),
    buttonsDown: new Map(),
    requests: new Map(),
    typeRequests: new Map(),
    pointer: [0, 0],
  };
}

/** A window is gone: xpra's client no longer reports buttons that are released in it. */
export function forgetButtons({ buttonsDown }: Session, window: number): void {
  for (const [button, of] of buttonsDown) if (of === window) buttonsDown.delete(button);
}

/** The packets for the client that close stray popups: those that a window or the user has left. */
export function closeStrays(session: Session): Packet[] {
  return closeWindows(session, session.windows.takeStrays());
}

/** The packets for the client that take away the icons of a tray that was closed. */
export function closeTrays(session: Session): Packet[] {
  return session.open.has("tray") ? [] : closeWindows(session, session.windows.takeTrays());
}

function closeWindows(session: Session, windows: readonly number[]): Packet[] {
  return windows.map((window) => {
    forgetButtons(session, window);
    return { type: "lost-window", args: [window] };
  });
}
