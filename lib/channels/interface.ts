/** The interface of a channel. `table.ts` lists the channels, each in a folder; nothing else knows one by name. */

import type { Host } from "../base/host.ts";
import type { Container } from "../container/container.ts";
import type { ChannelIo, Line, Served, Values } from "./io.ts";

/** Its row of the table, which every script loads. */
export interface ChannelFacts {
  readonly name: string;
  readonly presets: readonly ("desktop" | "trusted")[];
  /** Closes with its session, or with the windows that it was opened with. Default: with the run that serves it. */
  readonly lasts?: "session" | "windows";
  readonly isAskable?: true;
  /** The help of its option `--NAME-to`, if the user can choose where it opens things. */
  readonly opens?: string;
  /** The form of its own key in the settings, if it has one, and an example for the hint. */
  readonly setting?: readonly [pattern: RegExp, example: string];
  /** The options of xpra that it replaces. */
  readonly xpraOptions?: readonly string[];
  /** Loads the rest; undefined when the guards alone implement it. */
  load?(): Promise<{ channel: Channel }>;
}

export interface Channel<Ask = unknown> {
  /** Its parts of agent.py, with their names on the bus, and their interfaces of the portal. */
  readonly agent?: { parts: readonly string[]; busNames?: readonly string[]; interfaces?: readonly string[] };
  /** Its parts of the session's script, the values in front, and whether the session has a FIFO `~NAME` for it. */
  readonly session?: { parts: readonly string[]; values?(of: Container): Values | Promise<Values>; hasFifo?: true };
  /** The requests of its part of the agent, by their words, each with what parses a line, within bounds. */
  readonly asks?: Readonly<Record<string, (line: Line, id: number) => Ask | undefined>>;
  /** Why this host cannot serve it, if it cannot. */
  whyNot?(host: Pick<Host, "run">): Promise<string | undefined>;
  serve?(container: Container, io: ChannelIo): Served<Ask>;
  /** Runs it beside the windows until the signal aborts; if it `stays`, also after the end of the run. */
  show?(container: Container, session: string, until: { stays: boolean; signal: AbortSignal }): Promise<void>;
  /** Why a session that is shown again lacks it. */
  lack?(container: Container, session: { session: string; clients: number }): Promise<string | undefined>;
}
