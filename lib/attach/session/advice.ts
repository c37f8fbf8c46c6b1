/** Command lines of attach.ts that the user may type next. */

import { scriptLine } from "../../container/address.ts";
import type { Container } from "../../container/container.ts";
import { channelArguments } from "../../settings/channels.ts";
import { type Opening } from "../../channels/destinations.ts";
import { type ChannelName, openedKinds } from "../../channels/table.ts";

/** The line that lists the sessions of a container, shows the log of one of them, ends it, or closes channels. */
export function attachLine(
  { label, engine }: Pick<Container, "label" | "engine">,
  option: "--list" | "--logs" | "--stop" | "--deny",
  ...words: string[]
): string {
  return scriptLine(engine, ["attach.ts", option, label, ...words]);
}

/** The line that shows a session again, with the same channels. */
export function reattachLine(
  { label, engine }: Pick<Container, "label" | "engine">,
  { session, open, asks, opening }: {
    session: string;
    open: ReadonlySet<ChannelName>;
    asks: ReadonlySet<ChannelName>;
    opening?: Opening | undefined;
  },
): string {
  const destinations = openedKinds.flatMap((kind) => {
    const option = opening?.[kind]?.option;
    return option === undefined ? [] : [`--${kind}-to=${option}`];
  });
  const words = ["--session", session, label, ...channelArguments(open, asks), ...destinations];
  return scriptLine(engine, ["attach.ts", ...words]);
}
