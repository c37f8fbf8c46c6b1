/** The state of a session, which both directions share. */

import { createAttention } from "../attention.ts";
import { type Crossings, noCrossings } from "../crossings.ts";
import { createMemory, type RunMemory } from "./memory.ts";
import type { Packet, Sender } from "./packets.ts";
import { Windows } from "./windows.ts";

export interface SessionOptions {
  container: string;
  /** The open channels that go through xpra. */
  open: ReadonlySet<string>;
  /** The id by which the server knows this client. Random, and new each time. */
  uuid: string;
  /** Whether the container is on another machine, so that the guard must decode its pictures. Default: no. */
  remote?: boolean;
  /** What the run remembers about the container. Default: nothing. */
  memory?: RunMemory;
  /** The count of what crosses the clipboard. Default: nothing is counted. */
  crossings?: Crossings | undefined;
  /** A clock in milliseconds. */
  now: () => number;
  /** Whether nobody counts as working in the windows for now; see `outgoing.ts`. Default: no. */
  isPaused?: () => boolean;
}

export interface Session extends RunMemory, Required<Pick<SessionOptions, "container" | "open" | "uuid" | "remote">> {
  crossings: Crossings;
  windows: Windows;
  /** The size of the file for pixels, in bytes; 0 when the client has announced none. */
  pixelsBytes: number;
  /** The ends whose hellos have passed. */
  greeted: Set<Sender>;
  /** Keys whose press has passed and whose release has not. */
  keysDown: Set<string>;
  /**
   * Buttons of the pointer whose press has passed and whose release has not, each with the window it was pressed in.
   */
  buttonsDown: Map<number, number>;
  /** The client's unanswered requests for what the container has copied, each with the wanted type. */
  requests: Map<number, string>;
  /**
   * The container's requests for the types of what the host has copied or selected, each with its selection and its age
   * in checks of the relay. They stay until the client answers, even after the guard has answered.
   */
  typeRequests: Map<number, { of: string; checks: number }>;
  /** The last position of the pointer in one of the container's windows. */
  pointer: readonly [number, number];
}

export function createSession(
  { now, isPaused, remote = false, memory = createMemory(now), crossings = noCrossings, ...given }: SessionOptions,
): Session {
  return {
    ...given,
    ...memory,
    remote,
    crossings,
    windows: new Windows(given.container, now, createAttention(now, isPaused)),
    pixelsBytes: 0,
    greeted: new Set(),
    keysDown: new Set(),
    buttonsDown: new Map(),
    requests: new Map(),
    typeRequests: new Map(),
    pointer: [0, 0],
  };
}

/** Forgets the buttons pressed in a window that is gone: xpra's client no longer reports their release. */
export function forgetButtons({ buttonsDown }: Session, window: number): void {
  for (const [button, of] of buttonsDown) if (of === window) buttonsDown.delete(button);
}

/** Packets for the client that close stray popups: those that a window or the user has left. */
export function closeStrays(session: Session): Packet[] {
  return closeWindows(session, session.windows.takeStrays());
}

/** Packets for the client that remove the icons of a closed tray. */
export function closeTrays(session: Session): Packet[] {
  return session.open.has("tray") ? [] : closeWindows(session, session.windows.takeTrays());
}

function closeWindows(session: Session, windows: readonly number[]): Packet[] {
  return windows.map((window) => {
    forgetButtons(session, window);
    return { type: "lost-window", args: [window] };
  });
}
