/** What both directions of a session know of each other. */

import type { AskableChannel, Channel } from "../channel.ts";
import type { Drawing } from "./drawing.ts";
import type { PixelsFile } from "./hello.ts";
import { type Rates, ratesOf } from "./memory.ts";
import type { Packet } from "./packets.ts";
import type { Question } from "../consent.ts";
import { type Windows, windowsOf } from "./windows.ts";

/** What becomes of a packet that is not refused. An empty verdict drops the packet without counting it. */
export interface Verdict {
  /** What goes on to the other end. */
  pass?: Packet;
  /** What goes on behind it. */
  also?: readonly Packet[];
  /** What goes back to where the packet came from. */
  answer?: Packet;
  /** What goes to the client, whoever has sent the packet. */
  toClient?: readonly Packet[];
  /** What the host's desktop is asked to do. xpra's client cannot ask: its box has no access to the desktop's bus. */
  request?: DesktopRequest;
  /** The packet waits for the user's consent. The rest of the verdict counts now. */
  question?: OpenQuestion;
  /**
   * A window may have left its popups behind, or the user the container: {@linkcode closings} are due a moment later,
   * when the popups have followed.
   */
  leaves?: boolean;
  /** What is to pass has a compressed picture, which is decoded first. What comes behind it waits. */
  drawing?: { type: string } & Drawing;
  /** Something of it is refused, for this reason, although the verdict has an answer. */
  refused?: string;
}

/** A question to the user, and what follows. */
export interface OpenQuestion extends Question {
  /** What becomes of the packet when the answer is yes. */
  granted(): Verdict;
  /** What becomes of it when the answer is no. */
  denied: Verdict;
}

/** What an app may ask of the host's desktop, over an open channel. */
export type DesktopRequest =
  | {
    kind: "link";
    /** An address of the web, as a browser writes it. */
    url: string;
  }
  | {
    kind: "notification";
    /** One line, with the container's name in front. */
    title: string;
    /** Lines of text, as markup that shows them as they are. */
    body: string;
  };

/** A session as the guard knows it. */
export interface SessionState {
  /** The container's name. */
  container: string;
  /** The channels that are open, and go through xpra. */
  open: ReadonlySet<Channel>;
  /** The open channels each use of which needs the user's consent. */
  asks: ReadonlySet<AskableChannel>;
  /**
   * Files to whose transfer the user has agreed and which have not come yet: what was agreed to, by the transfer's id.
   */
  agreed: Map<string, string>;
  /** What the server knows the client by. */
  uuid: string;
  /** The container is on another machine: its pictures come compressed. */
  elsewhere: boolean;
  /** The container's windows. */
  windows: Windows;
  /** The pixels' file, once the client has told it. */
  pixels: PixelsFile | undefined;
  /** The client has said hello. */
  clientIsKnown: boolean;
  /** The server has said hello. */
  serverIsKnown: boolean;
  /** The ends that take the new names of packet types. */
  takesNewNames: { client: boolean; server: boolean };
  /** Keys whose press has passed and whose release has not. */
  keysDown: Set<string>;
  /** Buttons of the pointer whose press has passed and whose release has not, each with the window it was pressed in. */
  buttonsDown: Map<number, number>;
  /** Requests of the client for what the container has copied that have no answer yet. */
  requests: Set<number>;
  /** Where the container has last seen the pointer in one of its windows. */
  pointer: readonly [number, number];
  /** What the container may do only so often. */
  rates: Rates;
}

/** A session that has just begun. */
export function sessionState(
  { container, open, asks = new Set(), now, uuid, elsewhere = false, rates = ratesOf(now) }: {
    container: string;
    open: ReadonlySet<Channel>;
    asks?: ReadonlySet<AskableChannel>;
    /** A clock in milliseconds. */
    now: () => number;
    uuid: string;
    elsewhere?: boolean;
    rates?: Rates;
  },
): SessionState {
  return {
    container,
    open,
    asks,
    agreed: new Map(),
    uuid,
    elsewhere,
    windows: windowsOf({ container, now }),
    pixels: undefined,
    clientIsKnown: false,
    serverIsKnown: false,
    takesNewNames: { client: false, server: false },
    keysDown: new Set(),
    buttonsDown: new Map(),
    requests: new Set(),
    pointer: [0, 0],
    rates,
  };
}

/** A window is gone: xpra's client does not tell of buttons any more that are released in it. */
export function forgetButtons({ buttonsDown }: SessionState, window: number): void {
  for (const [button, of] of buttonsDown) if (of === window) buttonsDown.delete(button);
}

/** The packets for the client that take away popups whose windows are gone. */
export function closings(session: SessionState): Packet[] {
  return session.windows.takeStrays().map((window) => {
    forgetButtons(session, window);
    return { type: "lost-window", args: [window] };
  });
}
