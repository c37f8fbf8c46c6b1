/**
 * Links, notifications, files and print jobs of a session's apps, which reach the host through the agent. The container
 * may send anything, as often as it likes: whatever is no web address, too large or too frequent is refused.
 */

import { escape } from "@std/html";
import { basename } from "@std/path";
import { notificationArgv, showOnDesktop } from "../../base/desktop.ts";
import { lineOf, UserError } from "../../base/errors.ts";
import { onceEach } from "../../base/ui.ts";
import { revealInvisible, shortLine } from "../../base/text.ts";
import type { Container } from "../../container/container.ts";
import { keepFile, keepVersion } from "../../container/downloads.ts";
import { maxHandedBytes } from "../../container/handed.ts";
import { type Happening, historyIsFull } from "../../container/history.ts";
import type { QuestionChannel } from "../../guard/channel.ts";
import type { Agreed, Consent, Question } from "../../guard/consent.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import {
  destinationOf,
  discardVersion,
  loadsNothing,
  openingQuestion,
  parseLink,
  saveVersion,
  versionQuestion,
} from "../../channels/opening.ts";
import {
  defaultPrinter,
  moveOut,
  printFile,
  readFile,
  type SentFile,
  type Version,
} from "../../channels/handed_files.ts";
import { openArgv } from "./other_run.ts";
import type { AgentRequest, Handed } from "../../channels/requests.ts";
import { noType, typeOf } from "../../channels/file_types.ts";
import { type Destination, destinationText, onHost, type Opening } from "../../channels/destinations.ts";
import type { Permissions } from "../session/permissions.ts";

export type DesktopLine = Extract<AgentRequest, { ask: "link" | "notify" | "withdraw" | "file" | "print" }>;

/** The outcome of a request; "no printer": the user has to choose where a document is saved instead. */
export type Outcome = "done" | "not done" | "no printer";

const channelOf = {
  link: "links",
  notify: "notifications",
  withdraw: "notifications",
  file: "files",
  print: "printing",
} as const;

/** How many notifications an app can replace or withdraw: the newest ones. */
const maxNotifications = 64;

/** How long the notice of a file may take to be shown, in milliseconds. */
const noticeMs = 5_000;

/**
 * How long a new version may take to be saved when the run ends, in milliseconds, and how much longer for each byte.
 */
const [keepMs, keepMsPerByte] = [20_000, 1 / 10_000];

/** How many runs that open something in other containers or copies there may be at a time. */
const maxRunsElsewhere = 4;

/** How many files may be open in other containers or copies: each costs a watch on a directory. */
const maxFilesElsewhere = 16;

/** How many files may wait until those before them are here. */
const maxWaitingFiles = 4;

/** How much may be handed over in a run, in bytes: the container could fill the disk. */
const maxRunBytes = 4 * 2 ** 30;

export interface Desktop {
  /** Handles a request. Never rejects: each reason for a refusal is shown once. */
  act(line: DesktopLine): Promise<Outcome>;
  /** Waits until all new versions of files are saved, once the signal has aborted. */
  settled(): Promise<void>;
}

/**
 * Handles the requests of a run.
 *
 * @param options `asks`: the channels whose every use needs the user's consent. Printing always does, and so does what
 * could make up for a network that the container does not have
 */
export function desktopOf(
  container: Container,
  { permissions, asks, opening = {}, consent, signal, now = () => performance.now() }: {
    permissions: Pick<Permissions, "open" | "closing">;
    asks: ReadonlySet<QuestionChannel>;
    opening?: Opening | undefined;
    consent: Consent;
    signal: AbortSignal;
    now?: () => number;
  },
): Desktop {
  const { host, label, history } = container;
  const {
    links: { destinations: linkDestinations } = { destinations: [onHost] },
    files: { destinations: fileDestinations } = { destinations: [onHost] },
  } = opening;
  /** Records in the history what is about to happen. */
  const record = (happening: Happening): void => {
    if (!history.add(happening)) throw new Refusal(historyIsFull);
  };
  const rates = {
    link: rate({ perSecond: 0.5, burst: 5 }, now),
    notify: rate({ perSecond: 1, burst: 20 }, now),
    withdraw: rate({ perSecond: 1, burst: 20 }, now),
    file: rate({ perSecond: 0.5, burst: 10 }, now),
    print: rate({ perSecond: 0.2, burst: 5 }, now),
  };
  let waiting = 0;
  let runsElsewhere = 0;
  let filesElsewhere = 0;
  let handedBytes = 0;
  let turn: Promise<unknown> = Promise.resolve();
  let versionTurn: Promise<unknown> = Promise.resolve();
  const underWay = new Set<Promise<void>>();
  /** The desktop's ids of notifications, by those of the container. No other notification can be named by these. */
  const noticeIds = new Map<number, string>();
  let notices: Promise<void> = Promise.resolve();

  const tell = onceEach((why) => host.ui.warn(`A request from "${label}" failed: ${why}`));

  const notify = async (title: string, body: string): Promise<void> => {
    const notice = notificationArgv({ title: `[${label}] ${title}`, body: escape(body) });
    await host.run(notice, { okCodes: "any", timeoutMs: noticeMs, signal }).catch(() => {});
  };

  /** Aborts when the channel closes or the run ends, and with that whatever is under way. */
  const endOf = (channel: QuestionChannel): AbortSignal => AbortSignal.any([signal, permissions.closing(channel)]);

  const agreedTo = async (question: Question): Promise<Agreed> => {
    const { channel, why, choices } = question;
    const signal = endOf(channel);
    if (consent.isClosed(channel)) throw new Refusal("you have closed the channel");
    const isAsked = channel === "printing" || asks.has(channel) || why !== undefined || choices !== undefined;
    const agreed = !isAsked || await consent.request(question, signal);
    return !signal.aborted && agreed;
  };

  /** Reads one file after the other, and does something with it. */
  const withFile = async (
    file: Handed,
    { signal, act }: { signal: AbortSignal; act: (path: string) => Promise<void> },
  ): Promise<void> => {
    if (waiting >= maxWaitingFiles) throw new Refusal("too many files are waiting");
    handedBytes += file.size;
    if (handedBytes > maxRunBytes) throw new Refusal("it has handed over too much in this run");
    waiting++;
    const before = turn;
    const done = (async () => {
      await before;
      signal.throwIfAborted();
      await using read = await readFile(container, file, signal);
      signal.throwIfAborted();
      await act(read.path);
    })();
    turn = done.catch(() => {});
    await done.finally(() => waiting--);
  };

  /**
   * Opens an address at a destination.
   *
   * @param happening is written down
   * @returns the end of what opens it, and its exit status
   */
  const openAt = async (
    destination: Destination,
    address: URL,
    happening: Extract<Happening, { kind: "link" | "download" }>,
  ): Promise<{ ended: Promise<number> }> => {
    const argv = await openArgv(container, destination, address);
    endOf(happening.kind === "link" ? "links" : "files").throwIfAborted();
    const isElsewhere = destination.on !== "host";
    if (isElsewhere && runsElsewhere >= maxRunsElsewhere) {
      throw new Refusal(
        `${maxRunsElsewhere} of its links and files are already open in other containers: close one`,
      );
    }
    if (history.isFull(happening.kind)) throw new Refusal(historyIsFull);
    const what = happening.kind === "link" ? `a link to ${happening.host}` : `a file, "${happening.name}"`;
    const ended = start(argv, what);
    record(happening);
    if (!isElsewhere) return { ended };
    runsElsewhere++;
    return { ended: ended.finally(() => runsElsewhere--) };
  };

  /** Saves a new version of a file, made in another container, where the user says. Only the user can discard it. */
  const settleVersion = async (
    { path, size, madeIn }: Version,
    { file: { name, directory: from }, destination }: { file: Handed; destination: Destination },
  ): Promise<void> => {
    const where = destinationText(destination, madeIn);
    try {
      const { user, share } = await container.reach();
      const directory = from ?? share;
      const agreed = await agreedTo(versionQuestion(label, { name, size, where, directory }));
      if (agreed === discardVersion) return host.ui.status(`The new version of "${name}" is discarded`);
      if (agreed === saveVersion) {
        const { putVersion } = await import("../../container/lend/handed_version.ts");
        const put = (directory: string): Promise<string> =>
          putVersion(host, container, { path, name, directory, user });
        // Not every directory is its user's own.
        const saved = await put(directory).catch((error) => {
          if (directory === share || !(error instanceof UserError)) throw error;
          return put(share);
        });
        history.note({ kind: "file", what: "saved", path: saved, bytes: size, where });
        const line = `A new version of a file was saved in "${label}": ${revealInvisible(saved)}`;
        host.ui.status(line);
        return await notify(name, line);
      }
    } catch (error) {
      tell(`a new version of "${name}" could not be saved there: ${lineOf(error)}`);
    }
    const cleaning = host.forCleanup(AbortSignal.timeout(keepMs + Math.ceil(size * keepMsPerByte)));
    const kept = await keepVersion(cleaning, { path, name });
    history.note({ kind: "file", what: "saved", path: kept, bytes: size, where });
    const line = `A file of "${label}" was changed ${where}. The new version is here: ${kept}`;
    host.ui.status(line);
    // The next question does not wait for it.
    showOnDesktop(label, line, { kind: "warning", run: cleaning.run });
  };

  /** Waits for the new version that another container makes of a file, and saves it. Never rejects. */
  const bringBack = async (
    sent: SentFile,
    { ended, file, destination }: { ended: Promise<number>; file: Handed; destination: Destination },
  ): Promise<void> => {
    const { name } = file;
    const signal = endOf("files");
    const tellLost = (): void => {
      const lost = `"${name}" may still be open ${destinationText(destination)}: ` +
        `what is saved there comes to your downloads, and not back to "${label}"`;
      host.ui.warn(lost);
      showOnDesktop(label, lost, { kind: "warning", run: host.run });
    };
    filesElsewhere++;
    signal.addEventListener("abort", tellLost, { once: true });
    try {
      const version = await sent.version(ended, signal).finally(() => signal.removeEventListener("abort", tellLost));
      if (!version) return;
      handedBytes += version.size;
      const settled = versionTurn.then(() => settleVersion(version, { file, destination }));
      versionTurn = settled.catch(() => {});
      await settled;
    } catch (error) {
      host.ui.warn(
        `"${name}" was changed ${destinationText(destination)}, and the new version is lost: ${lineOf(error)}`,
      );
    } finally {
      filesElsewhere--;
    }
  };

  const handOver = async (ask: "file" | "print", file: Handed): Promise<Outcome> => {
    const { name, size } = file;
    if (name === "") throw new Refusal("a file has a name that is not allowed");
    if (size < 1 || size > maxHandedBytes) {
      throw new Refusal(`a file is empty, or larger than ${maxHandedBytes / 2 ** 20} MiB`);
    }
    const printer = ask === "print" ? await defaultPrinter(host) : undefined;
    if (ask === "print" && printer === undefined) return "no printer";
    const wanted = ask === "file" ? fileDestinations : [];
    const isOnlyHere = wanted.some(({ on }) => on !== "host") && typeOf(name) === undefined;
    const destinations = isOnlyHere ? wanted.filter(({ on }) => on === "host") : wanted;
    if (isOnlyHere && destinations.length === 0) throw noType();
    const details = [["Name", name], ["Size", `${size} bytes`]] as const;
    const question: Question = printer === undefined
      ? await openingQuestion(container, {
        ...{ kind: "files", details, destinations },
        mayLeave: !loadsNothing.test(name),
        isOnlyHere,
      })
      : { channel: "printing", what: "print a document", details: [...details, ["Printer", printer]] };
    const agreed = await agreedTo(question);
    if (agreed === false) return "not done";
    const destination = destinationOf(agreed, destinations);
    const act = async (path: string): Promise<void> => {
      if (printer !== undefined) {
        record({ kind: "print", name, bytes: size, printer });
        return await printFile(host, { path, name, printer });
      }
      if (destination.on !== "host") {
        await using scope = new AsyncDisposableStack();
        if (filesElsewhere >= maxFilesElsewhere) {
          throw new Refusal(
            `${maxFilesElsewhere} of its files are still open in other containers: close the app that has them`,
          );
        }
        const sent = scope.use(await moveOut({ path, name }));
        const where = destinationText(destination);
        const { ended } = await openAt(destination, sent.address, { kind: "download", name, bytes: size, where });
        // The other run reads it when it is ready for it.
        const resources = scope.move();
        const brought = bringBack(sent, { ended, file, destination }).finally(() => resources.disposeAsync());
        underWay.add(brought);
        return void brought.finally(() => underWay.delete(brought));
      }
      if (history.isFull("download")) throw new Refusal(historyIsFull);
      const kept = await keepFile(host, { path, name });
      record({ kind: "download", name, bytes: size });
      host.ui.status(`A file of "${label}" is here: ${kept}`);
      await notify(name, kept);
    };
    await withFile(file, { act, signal: endOf(question.channel) });
    return "done";
  };

  /**
   * Starts a program of the desktop's. What `xdg-open` starts may be the user's browser, which must outlive this run:
   * Ctrl-C does not reach it, and it never writes to a pipe that ends with us.
   */
  const start = (argv: string[], what: string): Promise<number> =>
    host.start(argv, { detached: true, output: "discard" }).ended.then(({ code }) => {
      if (code !== 0) tell(`${what}: ${basename(argv[0]!)} ended with exit status ${code}. Try it in a terminal`);
      return code;
    });

  const openLink = async (url: URL): Promise<Outcome> => {
    const details = [["Host", url.host], ["Address", url.href]] as const;
    const question = await openingQuestion(container, {
      kind: "links",
      details,
      destinations: linkDestinations,
      mayLeave: true,
    });
    const agreed = await agreedTo(question);
    if (agreed === false) return "not done";
    const destination = destinationOf(agreed, linkDestinations);
    const link = { kind: "link", host: url.host, where: destinationText(destination) } as const;
    const { ended } = await openAt(destination, url, link);
    // Elsewhere it is the status of the app that has shown it.
    if (destination.on === "host") void ended.then((code) => code !== 0 && history.note({ ...link, failed: true }));
    return "done";
  };

  /**
   * Shows a notification that starts with the container's name. It has no pictures, no buttons and no hints, and its
   * text has no markup: the host's desktop would take links and pictures in it.
   */
  const showNotification = async (line: Extract<DesktopLine, { ask: "notify" }>): Promise<void> => {
    const { title, lines } = textsOf(line);
    const texts = { title: `[${label}] ${title}`, body: escape(lines.join("\n")) };
    const before = noticeIds.get(line.id);
    const options = ["--print-id", ...before === undefined ? [] : [`--replace-id=${before}`]];
    const limits = { okCodes: "any", timeoutMs: noticeMs } as const;
    const { code, stdout } = await host.run(notificationArgv(texts, { options }), limits);
    // Before 0.8, notify-send does not know these options.
    if (code !== 0) return void start(notificationArgv(texts), "a notification");
    noticeIds.delete(line.id);
    const [id] = /^\d{1,10}$/m.exec(stdout) ?? [];
    if (id !== undefined) noticeIds.set(line.id, id);
    for (const oldest of noticeIds.keys()) if (noticeIds.size > maxNotifications) noticeIds.delete(oldest);
  };

  const withdraw = async (own: number): Promise<void> => {
    const id = noticeIds.get(own);
    if (id === undefined) return;
    noticeIds.delete(own);
    const [name, path] = ["org.freedesktop.Notifications", "/org/freedesktop/Notifications"];
    const call = ["gdbus", "call", "--session", "--dest", name, "--object-path", path];
    await host.run([...call, "--method", `${name}.CloseNotification`, id], { okCodes: "any", timeoutMs: noticeMs });
  };

  const act = async (line: DesktopLine): Promise<Outcome> => {
    const channel = channelOf[line.ask];
    const wasOpen = permissions.open.has(channel);
    try {
      if (!wasOpen) throw new Refusal(`the channel ${channel} is closed`);
      if (!rates[line.ask]()) throw new Refusal("it asks too often");
      if (line.ask === "file" || line.ask === "print") return await handOver(line.ask, line);
      if (line.ask === "link") return await openLink(parseLink(line.url));
      if (line.ask === "notify" && !await agreedTo(notificationQuestion(line))) return "not done";
      const shown = notices.then(() => line.ask === "notify" ? showNotification(line) : withdraw(line.id));
      notices = shown.catch(() => {});
      await shown;
      return "done";
    } catch (error) {
      if (signal.aborted || wasOpen && !permissions.open.has(channel)) return "not done";
      tell(lineOf(error));
      return "not done";
    }
  };
  return { act, settled: async () => void await Promise.all(underWay) };
}

/** A notification's texts for the host: its title in one line, and the lines of its body. */
function textsOf({ summary, body }: { summary: string; body: string }): { title: string; lines: string[] } {
  return {
    title: shortLine(summary, 200),
    lines: body.slice(0, 4000).split("\n").slice(0, 40).map((each) => shortLine(each, 400)),
  };
}

function notificationQuestion(line: { summary: string; body: string }): Question {
  const { title, lines } = textsOf(line);
  const details = [["Title", title], ["Text", lines.join(" ")]] as const;
  return { channel: "notifications", what: "show a notification", details };
}
