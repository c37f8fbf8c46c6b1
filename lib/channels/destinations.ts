/** Where links and files of a container's apps open: keys of the settings, and options. */

import { inputError } from "../base/errors.ts";
import { isContainerName } from "../container/names.ts";

/** On this host, in a container, or in a disposable copy of one, whose name is `[REMOTE:]NAME`. */
export type Destination = { on: "host" } | { on: "container" | "copy"; container: string };

/**
 * Where links and files open; kinds that are left out open on this host. Of several destinations, the user chooses one
 * each time. `option`: the value of the option, if they come from one. A channel with a key of its own in the settings
 * has no destinations, but the key's value as its `setting`.
 */
export type Opening = Readonly<
  Record<string, { destinations: readonly Destination[]; option?: string | undefined; setting?: string }>
>;

export const onHost: Destination = { on: "host" };

/** The prefix for a copy of a container. */
const copyMark = "disposable:";

/** The maximum number of destinations to choose from: each has a button. */
const maxDestinations = 4;

/**
 * Parses the destinations of a value: one, or for `ask` those of which the user chooses one each time.
 *
 * @param options `named`: the values of the key in all entries, which can be chosen besides this host
 * @throws {UserError} exit code 2
 */
export function parseDestinations(
  value: string,
  { kind, named = [] }: { kind: string; named?: readonly string[] },
): Destination[] {
  if (value === "host") return [onHost];
  if (value === "ask") {
    const others = [...new Set(named)].filter((one) => one !== "ask" && one !== "host");
    return [onHost, ...others.slice(0, maxDestinations - 1).flatMap((one) => parseDestinations(one, { kind }))];
  }
  const isCopy = value.startsWith(copyMark);
  const container = isCopy ? value.slice(copyMark.length) : value;
  if (isContainerName(container)) return [{ on: isCopy ? "copy" : "container", container }];
  throw inputError(
    `${kind.replace(/^./, (first) => first.toUpperCase())} cannot open in "${value}"`,
    `Use host, the name of a container, ${copyMark}NAME for a copy of it, or ask`,
  );
}

/** A destination for the user: `in a copy of "web"`; with the `copy`'s name, `in "web-d1a2b3", a copy of "web"`. */
export function destinationText(destination: Destination, copy?: string): string {
  if (destination.on === "host") return "on this host";
  if (destination.on === "container") return `in "${destination.container}"`;
  return `in ${copy === undefined ? "" : `"${copy}", `}a copy of "${destination.container}"`;
}

/** The end of the line about the open channels: which links or files open elsewhere than on this host. */
export function openingLine(open: ReadonlySet<string>, opening: Opening = {}): string {
  return Object.entries(opening).map(([kind, { destinations }]) => {
    if (!open.has(kind) || destinations.every(({ on }) => on === "host")) return "";
    return `; ${kind} open ${destinations.map((destination) => destinationText(destination)).join(" or ")}`;
  }).join("");
}
