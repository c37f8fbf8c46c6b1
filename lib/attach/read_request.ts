/** Reads and checks the command line of attach.ts for showing a session, before anything else happens. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Arguments } from "../cli/options.ts";
import { isAddress, isFileAddress, pathInAddress } from "./default_app.ts";
import { parseBorder } from "../settings/border_option.ts";
import { sortAppWords } from "./session/app.ts";
import { type ChannelName, channels } from "../channels/table.ts";
import { isHanded } from "../container/handed.ts";
import { checkSessionName } from "../container/names.ts";
import { type ShowRequest, type StartRequest, wantedDisplay } from "../settings/request.ts";
import { type Applied, limitedChannels } from "../settings/apply.ts";
import { optionOf } from "../settings/file.ts";
import { type Opening, parseDestinations } from "../channels/destinations.ts";

export type Words = Arguments<string> & {
  applied: Applied;
  /** The time limits that `--allow` sets for channels, in milliseconds. */
  times?: ReadonlyMap<ChannelName, number>;
  /** The choices besides this host for `--links-to=ask`, `--files-to=ask` or the same settings. */
  named?: Readonly<Partial<Record<string, readonly string[]>>>;
  /** Returns the command line that runs an app with words that must not be taken for options. */
  line(app: readonly string[]): string;
};

/**
 * Reads the request. Without APP, it is about a live session.
 *
 * @throws {UserError} exit code 2
 */
export function readRequest(
  host: Host,
  { flags, values, positionals, rest, applied, times, named = {}, line }: Words,
): ShowRequest | StartRequest {
  const session = values.get("session");
  if (session !== undefined) checkSessionName(session);
  const border = applied.values.get("border");
  const display = wantedDisplay(host, applied.values.get("display"));
  const limited = limitedChannels(values, applied);
  const show = {
    session,
    display,
    ...limited,
    times,
    opening: readOpening(values, { ...limited, applied: applied.values, named }),
    channelsFrom: applied.from,
    border: border === undefined ? undefined : parseBorder(border),
    box: !flags.has("no-box"),
  };
  const options = { rest, lendsFiles: flags.has("disposable"), line };
  const { app, userOptions, files } = sortAppWords(positionals.slice(1), options);
  checkApp(flags, app);
  if (flags.has("detached") && times !== undefined && times.size > 0) {
    throw inputError("--detached has no time for --allow: nothing is shown", "Leave the time out, or --detached");
  }
  // A live session already has a display: the variable is only for new ones.
  if (app === undefined) return { ...show, userOptions, display: values.has("display") ? display : "auto" };
  const [change] = userOptions;
  if (flags.has("join") && change !== undefined) {
    throw inputError(
      `${change} cannot change a session that runs`,
      `Leave it out, or if it is for the app: ${line([...app, ...userOptions])}`,
    );
  }
  const detached = flags.has("detached");
  const opensFile = isFileAddress(app[0]!);
  if (flags.has("join") && (opensFile || isAddress(app[0]!))) {
    throw inputError(
      `--join runs an app, and "${app[0]}" is an address`,
      "Leave --join out, or name the app before it",
    );
  }
  if (opensFile && app.length + files.length > 1) {
    throw inputError("A file in the app's place is opened alone", "Run attach.ts once for each file, or name an app");
  }
  return {
    ...show,
    app,
    detached,
    userOptions,
    isOpening: opensFile || [app[0]!, ...rest].some(isAddress),
    // A file that another container hands over is not copied, even to a disposable copy: it is lent as usual.
    files: !opensFile ? files : isHanded(host, pathInAddress(app[0]!)) ? [] : [pathInAddress(app[0]!)],
  };
}

/** Reads where links and files open, and the channels' own settings. Refuses an option whose channel is closed. */
function readOpening(
  values: Words["values"],
  { applied, open, named }: {
    applied: Words["values"];
    open: ReadonlySet<string>;
    named: NonNullable<Words["named"]>;
  },
): Opening {
  return Object.fromEntries(channels.flatMap(({ name: kind }): [string, Opening[string]][] => {
    const name = optionOf(kind);
    const [value, option] = [applied.get(name), values.get(name)];
    if (value === undefined) return [];
    if (name === kind) return [[kind, { destinations: [], setting: value }]];
    const destinations = parseDestinations(value, { kind, named: named[kind] ?? [] });
    if (option === undefined || open.has(kind)) return [[kind, { destinations, option }]];
    throw inputError(
      `--${name} has no effect: the channel ${kind} is closed`,
      `Add --allow ${kind}, or --ask ${kind}`,
    );
  }));
}

const appOptions = ["disposable", "join", "detached"];

/** Checks that options about an app come with one, and that --disposable is not combined with --detached. */
function checkApp(flags: Words["flags"], app: readonly string[] | undefined): void {
  const option = appOptions.find((name) => flags.has(name));
  if (option !== undefined && app === undefined) {
    throw inputError(`--${option} needs an APP`, `For example: attach.ts --${option} my-container firefox`);
  }
  if (flags.has("disposable") && flags.has("detached")) {
    throw inputError(
      "--detached and --disposable exclude each other: a disposable copy is removed when its windows close",
      "Leave one of them out",
    );
  }
}
