/** What a channel is to all else. `table.ts` lists the channels, each in a folder; nothing else knows one by name. */

import type { Host } from "../base/host.ts";
import type { Container } from "../container/container.ts";
import type { ChannelIo, Line, Served, Values } from "./io.ts";

/** Its row of the table: what every script may need of it. */
export interface ChannelFacts {
  readonly name: string;
  readonly presets: readonly ("desktop" | "trusted")[];
  /** With what it closes: its session, the windows that it was opened with, or else the run that serves it. */
  readonly lasts?: "session" | "windows";
  readonly isAskable?: true;
  /** What it opens somewhere: the help of its option `--NAME-to`. */
  readonly opens?: string;
  /** The options of xpra in whose place it stands. */
  readonly xpraOptions?: readonly string[];
  /** Loads the rest; none where the guards alone carry it. */
  load?(): Promise<{ channel: Channel }>;
}

export interface Channel<Ask = unknown> {
  /** Its parts of agent.py, with their names on the bus, and their interfaces of the portal. */
  readonly agent?: { parts: readonly string[]; busNames?: readonly string[]; interfaces?: readonly string[] };
  /** Its parts of the session's script, the values in front, and whether the session has a FIFO `~NAME` for it. */
  readonly session?: { parts: readonly string[]; values?(of: Container): Values | Promise<Values>; hasFifo?: true };
  /** What its part of the agent asks, by the word: what is taken from a line and its id, within bounds. */
  readonly asks?: Readonly<Record<string, (line: Line, id: number) => Ask | undefined>>;
  /** Why this host cannot serve it, if it cannot. */
  whyNot?(host: Pick<Host, "run">): Promise<string | undefined>;
  serve?(container: Container, io: ChannelIo): Served<Ask>;
  /** Carries it beside the windows until the signal aborts, and if it `stays`, after the end of the run as well. */
  show?(container: Container, session: string, until: { stays: boolean; signal: AbortSignal }): Promise<void>;
  /** Why a session that is shown again goes without it. */
  lack?(container: Container, session: { session: string; clients: number }): Promise<string | undefined>;
}
