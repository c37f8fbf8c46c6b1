/**
 * Links and files that apps of a session open: what is asked before, and where they open. In another container they are
 * opened by a run of attach.ts of its own, which gets nothing of this container's but an address that is checked and
 * written anew, or a copy of what is in a file.
 */

import { programPath } from "../../base/called.ts";
import type { Container } from "../../container/container.ts";
import { wasOpened } from "../../container/opened.ts";
import { Refusal } from "../../guard/faults.ts";
import type { Agreed, Question } from "../../guard/consent.ts";
import { onHost, type Place, placeText } from "../session/places.ts";
import { settingsFor } from "../settings/file.ts";
import type { Handed } from "./requests.ts";

const maxLinkCharacters = 8192;
/** A longer name cannot be looked up (RFC 1035). */
const maxHostCharacters = 253;

/** Why each link of a container is asked for whose network is closed or limited. */
const confinedLink = (whose: string): string =>
  `The network of this container is closed or limited, and ${whose}:\n` +
  "a link can carry data out of it, and can reach what is in your own network.";

/** Why most files of a container are asked for whose network is closed or limited. */
const confinedFile = "The network of this container is closed or limited, and yours is not:\n" +
  "when you open a file of this kind, it can send what is in it anywhere.";

/** The same for all files that another container gets. */
const confinedFileElsewhere = "The network of this container is closed or limited, and others may not be:\n" +
  "what is in a file can leave by them.";

/**
 * Names of files that load nothing from elsewhere when they are opened. All others may: pages, documents, archives of
 * them, and lists of songs, which players know by their content, too.
 */
const loadsNothing = /\.(?:avif|bmp|gif|jpe?g|png|tiff?|txt|webp)$/i;

/** Why a file is asked for that could be opened elsewhere, if it were of another kind. */
const onlyHere = "Files of this kind open on this host only, not in the places that you have set.";

/** Why something is asked for that may come from another container, by way of this one. */
const passedOn = "A link or a file was opened in this container from outside a moment ago:\n" +
  "this may be the same one, coming back.";

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
  { url, places }: { url: URL; places: readonly Place[] },
): Promise<Question> {
  const isHere = places.every(({ on }) => on === "host");
  const whys = [
    ...await container.isConfined() ? [confinedLink(isHere ? "yours is not" : "others may not be")] : [],
    ...await wasOpened(container.mounts) ? [passedOn] : [],
  ];
  return {
    channel: "links",
    what: places.length === 1 && !isHere ? `open a link ${placeText(places[0]!)}` : "open a link",
    ...whys.length > 0 ? { why: whys.join("\n\n") } : {},
    details: [["Host", url.host], ["Address", url.href]],
    ...places.length > 1 ? { choices: places.map(buttonOf) } : {},
  };
}

/**
 * What the user is asked before a file comes to the downloads, or is opened elsewhere, where somebody asks.
 *
 * @param options `isOnlyHere`: the other places that were named do not open it
 */
export async function fileQuestion(
  container: Container,
  { file: { name, size }, places, isOnlyHere }: {
    file: Pick<Handed, "name" | "size">;
    places: readonly Place[];
    isOnlyHere: boolean;
  },
): Promise<Question> {
  const isHere = places.every(({ on }) => on === "host");
  const mayLeave = (!isHere || !loadsNothing.test(name)) && await container.isConfined();
  const whys = [
    ...isOnlyHere ? [onlyHere] : [],
    ...mayLeave ? [isHere ? confinedFile : confinedFileElsewhere] : [],
    // What comes to the downloads is opened by nobody.
    ...!isHere && await wasOpened(container.mounts) ? [passedOn] : [],
  ];
  const elsewhere = places.length === 1 ? `open a file ${placeText(places[0]!)}` : "open a file";
  return {
    channel: "files",
    what: isHere ? "save a file among your downloads" : elsewhere,
    ...whys.length > 0 ? { why: whys.join("\n\n") } : {},
    details: [["Name", name], ["Size", `${size} bytes`]],
    ...isOnlyHere ? { isForOnce: true } : {},
    ...places.length > 1 ? { choices: places.map(buttonOf) } : {},
  };
}

/** The buttons by which a new version of a file is saved, or thrown away. */
export const [saveVersion, discardVersion] = ["Save the new version", "Discard it"] as const;

/** What the user is asked before what another container has made of a file is saved in the one that it is from. */
export function versionQuestion(
  label: string,
  { name, size, where, directory }: { name: string; size: number; where: string; directory: string },
): Question {
  return {
    channel: "files",
    what: "get a new version of a file",
    asks: `A file of the container "${label}" was changed ${where}. Save it as a new version?`,
    why: "Unless you save or discard it, it comes to your downloads.",
    details: [["Name", name], ["Size", `${size} bytes`], ["Saved beside it in", directory]],
    // By Shift-Tab, the last one is next: it loses nothing.
    choices: [discardVersion, saveVersion],
    isForOnce: true,
  };
}

/** The place to which the user has agreed. */
export function placeOf(agreed: Agreed, places: readonly Place[]): Place {
  return places.find((place) => buttonOf(place) === agreed) ?? places[0] ?? onHost;
}

/** The words of a place's button. */
function buttonOf(place: Place): string {
  return placeText(place).replace(/^./, (first) => first.toUpperCase());
}

/**
 * The command line that opens a link, or elsewhere a file. That of attach.ts takes no word of the container's for an
 * option, since all after `--` are not; and a copy opens no links itself, and one for a file no files either, so that
 * none leads from copy to copy. Its engine and project are those that are set for it, else those of the container that
 * the link or file comes from.
 *
 * @throws {UserError} exit code 2 for a settings file that is not read
 */
export async function openArgv(
  { host, options }: Pick<Container, "host" | "options">,
  place: Place,
  { href, protocol }: URL,
): Promise<string[]> {
  if (place.on === "host") return ["xdg-open", href];
  const settings = await settingsFor(host, place.container);
  const set = (["engine", "project"] as const).filter((key) => settings.has(key));
  const engine = options.filter((option) => !set.some((key) => option.startsWith(`--${key}=`)));
  const copy = place.on === "copy"
    ? ["--disposable", protocol === "file:" ? "--deny=links,files" : "--deny=links"]
    : [];
  return [programPath("attach.ts"), ...engine, ...copy, place.container, "--", href];
}
