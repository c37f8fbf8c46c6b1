/** The command line `attach.ts --deny NAME CHANNEL,…`, which `--deny CHANNEL,… NAME` is not: that is about a session to show. */

import { inputError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import type { Arguments } from "../cli/options.ts";
import { mountsIn } from "../container/paths.ts";
import type { Channel } from "../guard/channel.ts";
import { channelWords, checkCanClose, isChannelList, parseChannels } from "./session/channels.ts";

/** What is to be closed, and in which container. */
export interface DenyRequest {
  /** `[REMOTE:]NAME`. */
  word: string;
  channels: Channel[];
}

/** The options that may stand beside it. */
const besides: readonly string[] = [
  ...["deny", "session", "engine", "project"],
  ...["dry-run", "verbose", "quiet", "yes", "json"],
];

/**
 * The request of a command line, if it is one: the value of `--deny` is no list of channels, and the only word is one.
 * A container that is called like a channel has to be named with its remote: `local:links`.
 *
 * @throws {UserError} exit code 2
 */
export async function readDenial(
  host: Pick<Host, "env">,
  { flags, values, positionals, rest }: Arguments<string>,
): Promise<DenyRequest | undefined> {
  const word = values.get("deny");
  const [list, ...more] = [...positionals, ...rest];
  if (word === undefined || isChannelList(word) || list === undefined || more.length > 0) return undefined;
  const channels = isChannelList(list) || await isMade(host, word) ? parseChannels(list) : [];
  if (channels.length === 0) {
    throw inputError(`Neither "${word}" nor "${list}" is a list of channels`, `Use ${channelWords.join(", ")}`);
  }
  const other = [...flags.keys(), ...values.keys()].find((name) => !besides.includes(name));
  if (other !== undefined) {
    throw inputError(`--${other} cannot be used with --deny NAME`, "Leave one of them out. See attach.ts --help");
  }
  channels.forEach(checkCanClose);
  return { word, channels };
}

/** Whether a container of this name was made on this host. */
async function isMade(host: Pick<Host, "env">, word: string): Promise<boolean> {
  return /^[\w:-]{1,200}$/.test(word) && await exists(mountsIn(host, word).directory);
}
