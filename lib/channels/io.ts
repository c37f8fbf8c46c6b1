/** The interface between a run and the channels that it serves. */

import { lineOf } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import type { Agreed, Consent, Question } from "../guard/consent.ts";
import { Refusal } from "../guard/faults.ts";
import type { LendList } from "../guard/wayland/dropped_files.ts";
import type { Destination } from "./destinations.ts";

/** A line of the agent, parsed as JSON. */
export type Line = Readonly<Record<string, unknown>>;

export type Values = Readonly<Record<string, string>>;

/** A channel that a run serves. */
export interface Served<Ask = unknown> {
  /** Handles a request, also when the channel is closed. */
  take?(ask: Ask): unknown;
  /** Called when the agent begins to answer. */
  ready?(): unknown;
  /** Called when the agent has ended. */
  gone?(): void;
  /** Whether it has stopped for good. */
  isOver?(): boolean;
  /** Lends files that are dropped on a window, or pasted. */
  give?: LendList;
  /** Ends it, when the run ends. */
  end?(): void | Promise<void>;
}

/** What a run offers to all of its channels. */
export interface RunIo {
  /** The session's name. */
  readonly session: string;
  readonly consent: Consent;
  /** Aborts when serving ends. */
  readonly signal: AbortSignal;
  /** Whether the session outlives the run. */
  runsOn(): Promise<boolean>;
  /** A clock in milliseconds. */
  now(): number;
  /** Sends the agent a line, if it answers. */
  send(line: Line): void;
  /** Sends the agent samples of the microphone, unless it is behind. */
  sendSamples(samples: Uint8Array): void;
  /** Tells the user once why a request has failed. */
  tell(why: string): void;
  /** Tells the user once of an error, on the desktop, too. */
  tellError(error: unknown): void;
  /** The command line that opens an address. */
  openArgv(destination: Destination, address: URL): Promise<string[]>;
  /** Makes a value once, for all channels that share it. */
  shared<T>(make: (container: Container, run: RunIo) => T): T;
  /** How long the end waits for a file that is being lent, in milliseconds. */
  readonly lendingMs?: number | undefined;
}

/** What a run offers to one channel. */
export interface ChannelIo extends RunIo {
  /** Aborts when the channel closes. */
  readonly closing: AbortSignal;
  /** Aborts when it closes, or serving ends. */
  readonly ending: AbortSignal;
  /** Whether the user is asked about each use. */
  readonly asks: boolean;
  /** Where it opens things. */
  readonly destinations: readonly Destination[];
  /** The value of its own key in the container's settings. */
  readonly setting?: string | undefined;
  /** Whether the user agrees. Asks only where the channel or the question needs it, or with `always`. */
  agreedTo(question: Question, always?: "always"): Promise<Agreed>;
  /** Does what an app asks for, unless it asks too often. Never rejects: tells the user each reason once. */
  handle(isBearable: () => boolean, act: () => Promise<boolean>): Promise<boolean>;
}

/** Makes the interface for one channel. */
export function ioOf(
  run: RunIo,
  { name, ...own }: Pick<ChannelIo, "closing" | "asks" | "destinations" | "setting"> & { name: string },
): ChannelIo {
  const ending = AbortSignal.any([run.signal, own.closing]);
  return {
    ...run,
    ...own,
    ending,
    async agreedTo(question, always) {
      if (run.consent.isClosed(name)) throw new Refusal("you have closed the channel");
      const isAsked = own.asks || always || question.why !== undefined || question.choices !== undefined;
      const agreed = !isAsked || await run.consent.request(question, ending);
      return !ending.aborted && agreed;
    },
    async handle(isBearable, act) {
      const wasOpen = !own.closing.aborted;
      try {
        if (!wasOpen) throw new Refusal(`the channel ${name} is closed`);
        if (!isBearable()) throw new Refusal("it asks too often");
        return await act();
      } catch (error) {
        if (!run.signal.aborted && wasOpen === !own.closing.aborted) run.tell(lineOf(error));
        return false;
      }
    },
  };
}
