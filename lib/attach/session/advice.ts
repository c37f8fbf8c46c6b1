/** Lines of attach.ts that the user may type next. */

import { quoteWords } from "../../base/shell_words.ts";
import type { Container } from "../../container/container.ts";
import { channelArguments } from "./channels.ts";
import { openedKinds, type Opening } from "./destinations.ts";
import type { Channel } from "../../guard/channel.ts";

/** The line that lists the sessions of a container, shows the log of one of them, ends it, or closes channels. */
export function attachLine(
  { label, options }: Pick<Container, "label" | "options">,
  option: "--list" | "--logs" | "--stop" | "--deny",
  ...words: string[]
): string {
  return quoteWords(["attach.ts", ...options, option, label, ...words]);
}

/** The line that shows a session again, with the same channels. */
export function reattachLine(
  { label, options }: Pick<Container, "label" | "options">,
  { session, open, asks, opening }: {
    session: string;
    open: ReadonlySet<Channel>;
    asks: ReadonlySet<Channel>;
    opening?: Opening | undefined;
  },
): string {
  const destinations = openedKinds.flatMap((kind) => {
    const option = opening?.[kind]?.option;
    return option === undefined ? [] : [`--${kind}-to=${option}`];
  });
  const words = ["--session", session, label, ...channelArguments(open, asks), ...destinations];
  return quoteWords(["attach.ts", ...options, ...words]);
}

/** The line that runs an app with words that are not to be taken for options. */
export function appLine(container: string, app: readonly string[], options: readonly string[]): string {
  return quoteWords(["attach.ts", ...options, container, "--", ...app]);
}
