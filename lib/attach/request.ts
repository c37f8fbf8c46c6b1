/** What the command line of attach.ts asks for when a session is to be shown: read and checked before anything else. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Arguments } from "../cli/options.ts";
import { isAddress } from "./browser.ts";
import { parseBorder } from "./settings/border_option.ts";
import { sortAppWords } from "./session/app.ts";
import type { Channel } from "../guard/channel.ts";
import { checkSessionName } from "../container/names.ts";
import { type LinkRequest, type ShowRequest, type StartRequest, wantedDisplay } from "./display/request.ts";
import { applySettings, limitedChannels } from "./settings/apply.ts";
import { parseLinkPlaces } from "./session/link_places.ts";
import type { Settings } from "./settings/file.ts";

/** A session that is to be started in a copy of the container. */
export interface DisposableRequest extends StartRequest {
  /** The files that are lent to it. */
  files: readonly string[];
}

/** The command line, and what belongs to it. */
export type Words = Arguments<string> & {
  /** The settings that hold for the container. */
  settings: Settings;
  /** How long the channels are to be open that `--allow` gives a time, in milliseconds. */
  times?: ReadonlyMap<Channel, number>;
  /** Where links can open, besides this host, when `--links-to` or the settings ask. */
  linkPlaces?: readonly string[];
  /** Writes the line that runs an app with words that are not to be taken for options. */
  line(app: readonly string[]): string;
};

/**
 * Reads what is to be shown. Without APP, a live session is meant.
 *
 * @throws {UserError} exit code 2
 */
export function readRequest(
  host: Host,
  { flags, values, positionals, rest, settings, times, linkPlaces = [], line }: Words,
): ShowRequest | DisposableRequest {
  const session = values.get("session");
  if (session !== undefined) checkSessionName(session);
  const applied = applySettings(values, settings);
  const border = applied.values.get("border");
  const display = wantedDisplay(host, applied.values.get("display"));
  const channels = limitedChannels(values, applied);
  const show = {
    session,
    display,
    ...channels,
    times,
    links: readLinks(values.get("links-to"), { ...channels, value: applied.values.get("links-to"), linkPlaces }),
    channelsFrom: applied.from,
    border: border === undefined ? undefined : parseBorder(border),
    box: !flags.has("no-box"),
  };
  const { app, userOptions, files } = sortAppWords(positionals.slice(1), {
    rest,
    lendsFiles: flags.has("disposable"),
    line: (...app) => line(app),
  });
  checkApp(flags, app);
  if (flags.has("detached") && times !== undefined && times.size > 0) {
    throw inputError("--detached has no time for --allow: nothing is shown", "Leave the time out, or --detached");
  }
  // A session that runs has its display: the variable is for new ones.
  if (app === undefined) return { ...show, userOptions, display: values.has("display") ? display : "auto" };
  const [change] = userOptions;
  if (flags.has("join") && change !== undefined) {
    throw inputError(
      `${change} cannot change a session that runs`,
      `Leave it out, or if it is for the app: ${line([...app, ...userOptions])}`,
    );
  }
  const detached = flags.has("detached");
  const opensLink = [app[0]!, ...rest].some(isAddress);
  return { ...show, app, opensLink, detached, userOptions, files };
}

/** Reads where links open. An option would have no effect while nothing opens links. */
function readLinks(
  option: string | undefined,
  { value, open, linkPlaces }: { value: string | undefined; open: ReadonlySet<string>; linkPlaces: readonly string[] },
): LinkRequest | undefined {
  if (value === undefined) return undefined;
  const places = parseLinkPlaces(value, { named: linkPlaces });
  if (option === undefined || open.has("links")) return { places, option };
  throw inputError("--links-to has no effect: the channel links is closed", "Add --allow links, or --ask links");
}

/** The options that are about an app that is to be run. */
const appOptions = ["disposable", "join", "detached"];

/** Checks that there is an app where an option is about one, and that a disposable container has windows. */
function checkApp(flags: Words["flags"], app: readonly string[] | undefined): void {
  const option = appOptions.find((name) => flags.has(name));
  if (option !== undefined && app === undefined) {
    throw inputError(`--${option} needs an APP`, `For example: attach.ts --${option} my-container firefox`);
  }
  if (flags.has("disposable") && flags.has("detached")) {
    throw inputError(
      "--detached and --disposable exclude each other: a disposable container is removed with its windows",
      "Leave one of them out",
    );
  }
}
