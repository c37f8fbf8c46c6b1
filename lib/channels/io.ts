/** What a channel works with while a run serves it, and what it gives in return. */

import { lineOf } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import type { Agreed, Consent, Question } from "../guard/consent.ts";
import { Refusal } from "../guard/faults.ts";
import type { LendList } from "../guard/wayland/dropped_files.ts";
import type { Destination } from "./destinations.ts";

/** A line of the agent's, as JSON has it. */
export type Line = Readonly<Record<string, unknown>>;

export type Values = Readonly<Record<string, string>>;

/** What serves a channel of a run. */
export interface Served<Ask = unknown> {
  /** Handles a request, also when the channel is closed. */
  take?(ask: Ask): unknown;
  /** The agent answers from now on. */
  ready?(): unknown;
  /** The agent has ended. */
  gone?(): void;
  /** Whether nothing is served any more. */
  isOver?(): boolean;
  /** Lends files that are dropped on a window, or pasted. */
  give?: LendList;
  /** Ends it, when the run ends. */
  end?(): void | Promise<void>;
}

/** What all channels of a run have in common. */
export interface RunIo {
  /** The session's name, once it runs. */
  readonly session: Promise<string>;
  readonly consent: Consent;
  /** Aborts when serving ends. */
  readonly signal: AbortSignal;
  /** Whether the session outlives the run. */
  runsOn(): boolean;
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
  /** What several channels share: made once. */
  shared<T>(make: (container: Container, run: RunIo) => T): T;
  /** How long a file that is being lent is waited for at the end, in milliseconds. */
  readonly lendingMs?: number | undefined;
}

/** What a channel has of its own. */
export interface ChannelIo extends RunIo {
  /** Aborts when the channel closes. */
  readonly closing: AbortSignal;
  /** Aborts when it closes, or serving ends. */
  readonly ending: AbortSignal;
  /** Whether the user is asked at each use. */
  readonly asks: boolean;
  /** Where it opens things. */
  readonly destinations: readonly Destination[];
  /** Whether the user agrees, as far as that is to be asked: in any case with `always`. */
  agreedTo(question: Question, always?: "always"): Promise<Agreed>;
  /** Does what an app asks for, unless that comes too often. Never rejects: each reason for a refusal is told once. */
  handle(isBearable: () => boolean, act: () => Promise<boolean>): Promise<boolean>;
}

/** Makes what a channel works with. */
export function ioOf(
  run: RunIo,
  { name, ...own }: Pick<ChannelIo, "closing" | "asks" | "destinations"> & { name: string },
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
