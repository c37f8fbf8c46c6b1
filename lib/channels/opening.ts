/**
 * Opens links and files of a session's apps: the questions before, and the destinations. In another container, a run of
 * attach.ts of its own opens them; it gets nothing from this container but a checked and re-encoded address, or a copy
 * of a file's content.
 */

import type { Container } from "../container/container.ts";
import { Refusal } from "../guard/faults.ts";
import type { Agreed, Question } from "../guard/consent.ts";
import { type Destination, destinationText, onHost } from "./destinations.ts";
import { basename, join } from "@std/path";
import { type Happening, historyIsFull } from "../container/history.ts";
import type { ChannelIo } from "./io.ts";
import { record } from "./requests.ts";
import type { Host } from "../base/host.ts";
import { writeText } from "../base/files.ts";
import type { Mounts } from "../container/paths.ts";

const maxLinkCharacters = 8192;
/** A longer name cannot be looked up (RFC 1035). */
const maxHostCharacters = 253;

/** Why the user is asked when the network of the container is closed or limited. */
const confined = {
  links: "The network of this container is closed or limited:\n" +
    "a link can carry data out of it, and can reach what is in your own network.",
  files: "The network of this container is closed or limited:\n" +
    "where a file is opened, what is in it can be sent anywhere.",
} as const;

/** Why the user is asked about a file of a kind that other containers do not open. */
const onlyHere = "Files of this kind open on this host only, not in the places that you have set.";

/** Why the user is asked about something that may have come from another container. */
const passedOn = "A link or a file was opened in this container from outside a moment ago:\n" +
  "this may be the same one, coming back.";

/** A web address as a browser would write it: in ASCII only. */
export function parseLink(address: string): URL {
  if (address.length > maxLinkCharacters) throw new Refusal("a link is too long");
  const url = URL.parse(address);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.host === "") {
    throw new Refusal("a link is not an http or https address");
  }
  if (url.hostname.length > maxHostCharacters) throw new Refusal("the host name of a link is too long");
  return url;
}

/**
 * The question before a link or a file is opened, or a file is saved among the downloads.
 *
 * @param options `mayLeave`: opening it on this host may send data out, too; `isOnlyHere`: the other destinations do
 * not open files of its kind
 */
export async function openingQuestion(
  container: Container,
  { kind, details, destinations, mayLeave, isOnlyHere = false }: {
    kind: keyof typeof confined;
    details: Question["details"];
    destinations: readonly Destination[];
    mayLeave: boolean;
    isOnlyHere?: boolean;
  },
): Promise<Question> {
  const isHere = destinations.every(({ on }) => on === "host");
  // Files in the downloads are not opened.
  const isKept = isHere && kind === "files";
  const where = destinations.length === 1 && !isHere ? ` ${destinationText(destinations[0]!)}` : "";
  const whys = [
    ...isOnlyHere ? [onlyHere] : [],
    ...(mayLeave || !isHere) && await container.isConfined() ? [confined[kind]] : [],
    ...!isKept && await wasOpened(container.mounts) ? [passedOn] : [],
  ];
  return {
    channel: kind,
    what: isKept ? "save a file among your downloads" : `open a ${kind === "links" ? "link" : "file"}${where}`,
    ...whys.length > 0 ? { why: whys.join("\n\n") } : {},
    details,
    ...isOnlyHere ? { isForOnce: true } : {},
    ...destinations.length > 1 ? { choices: destinations.map(buttonOf) } : {},
  };
}

export function destinationOf(agreed: Agreed, destinations: readonly Destination[]): Destination {
  return destinations.find((destination) => buttonOf(destination) === agreed) ?? destinations[0] ?? onHost;
}

function buttonOf(destination: Destination): string {
  return destinationText(destination).replace(/^./, (first) => first.toUpperCase());
}

/**
 * How long something counts as just opened from outside a container, in milliseconds: long enough to start an app on a
 * slow host. What the container's apps open in this time may be the same thing, passed from container to container.
 */
const recentMs = 30_000;

function openedPath({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "link-opened");
}

export async function noteOpened(host: Host, mounts: Pick<Mounts, "directory">): Promise<void> {
  await writeText(host, openedPath(mounts), { text: "", mode: 0o600 });
}

/** Whether something was just opened there from outside. */
export async function wasOpened(mounts: Pick<Mounts, "directory">): Promise<boolean> {
  const { mtime } = await Deno.stat(openedPath(mounts)).catch(() => ({ mtime: null }));
  return mtime !== null && Math.abs(Date.now() - mtime.getTime()) < recentMs;
}

/** How many runs may open something in other containers or copies at a time. */
const maxRunsElsewhere = 4;

/** Makes the count of these runs, which all channels of a run share. */
const elsewhere = (): { runs: number } => ({ runs: 0 });

/**
 * Opens an address at a destination. What `xdg-open` starts may be the user's browser, which must outlive this run:
 * Ctrl-C does not reach it, and it never writes to a pipe that ends with us.
 *
 * @param options `happening`: for the history; `what`: names it if opening fails
 * @returns `ended`: the exit status of the program that opens it
 */
export async function openAt(
  container: Container,
  io: ChannelIo,
  { destination, address, happening, what }: {
    destination: Destination;
    address: URL;
    happening: Happening;
    what: string;
  },
): Promise<{ ended: Promise<number> }> {
  const { host, history } = container;
  const argv = await io.openArgv(destination, address);
  io.ending.throwIfAborted();
  const others = destination.on === "host" ? undefined : io.shared(elsewhere);
  if (others && others.runs >= maxRunsElsewhere) {
    throw new Refusal(`${maxRunsElsewhere} of its links and files are already open in other containers: close one`);
  }
  if (history.isFull(happening.kind)) throw new Refusal(historyIsFull);
  const ended = host.start(argv, { detached: true, output: "discard" }).ended.then(({ code }) => {
    if (code !== 0) io.tell(`${what}: ${basename(argv[0]!)} ended with exit status ${code}. Try it in a terminal`);
    return code;
  });
  record(container, happening);
  if (!others) return { ended };
  others.runs++;
  return { ended: ended.finally(() => others.runs--) };
}
