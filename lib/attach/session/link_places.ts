/** Where the links of a container open: the key `links` of the settings, and the option `--links-to`. */

import { inputError } from "../../base/errors.ts";
import { isContainerName } from "../../container/names.ts";

/** On this host, in a container, or in a disposable copy of one, whose name is `[REMOTE:]NAME`. */
export type LinkPlace = { on: "host" } | { on: "container" | "copy"; container: string };

const onHost: LinkPlace = { on: "host" };

/** Stands in front of the container of which a copy is made. */
const copyMark = "disposable:";

/** How many places there are at most to choose from: each has a button. */
const maxPlaces = 4;

/**
 * The places that a value means: one, or for `ask` those of which the user chooses one for each link.
 *
 * @param options `named`: the values of the key in all entries, which are what can be chosen besides this host
 * @throws {UserError} exit code 2
 */
export function parseLinkPlaces(value: string, { named = [] }: { named?: readonly string[] } = {}): LinkPlace[] {
  if (value === "host") return [onHost];
  if (value === "ask") {
    const others = [...new Set(named)].filter((one) => one !== "ask" && one !== "host");
    return [onHost, ...others.slice(0, maxPlaces - 1).flatMap((one) => parseLinkPlaces(one))];
  }
  const isCopy = value.startsWith(copyMark);
  const container = isCopy ? value.slice(copyMark.length) : value;
  if (isContainerName(container)) return [{ on: isCopy ? "copy" : "container", container }];
  throw inputError(
    `Links cannot open in "${value}"`,
    `Use host, the name of a container, ${copyMark}NAME for a copy of it, or ask`,
  );
}

/** A place for the user: `in a copy of "web"`. */
export function placeText(place: LinkPlace): string {
  if (place.on === "host") return "on this host";
  return place.on === "copy" ? `in a copy of "${place.container}"` : `in "${place.container}"`;
}

/** What follows the line about the open channels, unless links open on this host. */
export function linkLine(places: readonly LinkPlace[] = [onHost]): string {
  if (places.length === 1 && places[0]!.on === "host") return "";
  return `; links open ${places.map(placeText).join(" or ")}`;
}
