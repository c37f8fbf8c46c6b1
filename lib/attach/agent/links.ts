/**
 * Links that apps of a session open: which are opened at all, and where. In another container they are opened by a run
 * of attach.ts of its own, which gets nothing of this container's but an address that is checked and written anew.
 */

import { programPath } from "../../base/called.ts";
import type { Container } from "../../container/container.ts";
import { wasLinkOpened } from "../../container/opened_links.ts";
import { Refusal } from "../../guard/faults.ts";
import type { Agreed, Question } from "../../guard/consent.ts";
import { type LinkPlace, placeText } from "../session/link_places.ts";
import { settingsFor } from "../settings/file.ts";

const maxLinkCharacters = 8192;
/** A longer name cannot be looked up (RFC 1035). */
const maxHostCharacters = 253;

/** Why each link of a container is asked for whose network is closed or limited. */
const confinedLink = (whose: string): string =>
  `The network of this container is closed or limited, and ${whose}:\n` +
  "a link can carry data out of it, and can reach what is in your own network.";

/** Why a link is asked for that may come from another container, by way of this one. */
const passedOn = "A link was opened in this container a moment ago: this may be the same one, on its way round.";

/** An address of the web, written as a browser would write it, which has ASCII only. */
export function parseLink(address: string): URL {
  if (address.length > maxLinkCharacters) throw new Refusal("a link is too long");
  const url = URL.parse(address);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.host === "") {
    throw new Refusal("a link is not an http or https address");
  }
  if (url.hostname.length > maxHostCharacters) throw new Refusal("the host name of a link is too long");
  return url;
}

/** What the user is asked before a link is opened, where somebody asks. */
export async function linkQuestion(
  container: Container,
  { url, places }: { url: URL; places: readonly LinkPlace[] },
): Promise<Question> {
  const isHere = places.length === 1 && places[0]!.on === "host";
  const whys = [
    ...await container.isConfined() ? [confinedLink(isHere ? "yours is not" : "others may not be")] : [],
    ...await wasLinkOpened(container.mounts) ? [passedOn] : [],
  ];
  return {
    channel: "links",
    what: places.length === 1 && !isHere ? `open a link ${placeText(places[0]!)}` : "open a link",
    ...whys.length > 0 ? { why: whys.join("\n\n") } : {},
    details: [["Host", url.host], ["Address", url.href]],
    ...places.length > 1 ? { choices: places.map(buttonOf) } : {},
  };
}

/** The place to which the user has agreed. */
export function placeOf(agreed: Agreed, places: readonly LinkPlace[]): LinkPlace {
  return places.find((place) => buttonOf(place) === agreed) ?? places[0]!;
}

/** The words of a place's button. */
function buttonOf(place: LinkPlace): string {
  return placeText(place).replace(/^./, (first) => first.toUpperCase());
}

/**
 * The command line that opens a link. That of attach.ts takes no word of the container's for an option, since all after
 * `--` are not; and a copy opens none itself, so that none leads from copy to copy. Its engine and project are those that
 * are set for it, else those of the container that the link comes from.
 *
 * @throws {UserError} exit code 2 for a settings file that is not read
 */
export async function linkArgv(
  { host, options }: Pick<Container, "host" | "options">,
  place: LinkPlace,
  { href }: URL,
): Promise<string[]> {
  if (place.on === "host") return ["xdg-open", href];
  const settings = await settingsFor(host, place.container);
  const set = (["engine", "project"] as const).filter((key) => settings.has(key));
  const engine = options.filter((option) => !set.some((key) => option.startsWith(`--${key}=`)));
  const copy = place.on === "copy" ? ["--disposable", "--deny=links"] : [];
  return [programPath("attach.ts"), ...engine, ...copy, place.container, "--", href];
}
