/**
 * The channel `files`: files that apps hand over go into the user's downloads, or open in another container. The
 * container may send anything, as often as it likes: files that are too large or too frequent are refused.
 */

import { notify, showOnDesktop, warnOnDesktop } from "../../base/desktop.ts";
import { lineOf, UserError } from "../../base/errors.ts";
import { createQueue } from "../../base/promises.ts";
import { revealInvisible } from "../../base/text.ts";
import type { Container } from "../../container/container.ts";
import { keepFile, keepVersion } from "../../container/downloads.ts";
import { historyIsFull } from "../../container/history.ts";
import type { Question } from "../../guard/consent.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import { type Destination, destinationText } from "../destinations.ts";
import { noType, typeOf } from "../file_types.ts";
import { handedQueue, moveOut, type SentFile, type Version } from "../handed_files.ts";
import type { Channel } from "../interface.ts";
import type { ChannelIo, Served } from "../io.ts";
import { destinationOf, openAt, openingQuestion } from "../opening.ts";
import openingPy from "../opening.py" with { type: "text" };
import { checkHanded, type Handed, handedIn, record } from "../requests.ts";

/** How long saving a new version may take at the end of the run, in milliseconds. */
const keepMs = 20_000;

/** The additional time for each byte. */
const keepMsPerByte = 1 / 10_000;

/** How many files may be open in other containers or copies: each costs a watch on a directory. */
const maxFilesElsewhere = 16;

/**
 * Names of files that load nothing from the network when they are opened. Others may: pages, documents, archives of
 * them, and playlists, which players recognise by their content, too.
 */
const loadsNothing = /\.(?:avif|bmp|gif|jpe?g|png|tiff?|txt|webp)$/i;

/** A file; or "stays": the user has dragged something out of a window that is not a file. */
type Ask = Handed | "stays";

export const channel: Channel<Ask> = {
  agent: { parts: [openingPy], interfaces: ["AppChooser"] },
  asks: { file: handedIn, stays: () => "stays" },
  serve,
};

function serve(container: Container, io: ChannelIo): Served<Ask> {
  const { host, label, history } = container;
  const { destinations: wanted } = io;
  const isBearable = rate({ perSecond: 0.5, burst: 10 }, io.now);
  const queue = io.shared(handedQueue);
  const elsewhere = createElsewhere(container, io);

  const keep = async (path: string, { name, size: bytes }: Handed): Promise<void> => {
    if (history.isFull("download")) throw new Refusal(historyIsFull);
    const kept = await keepFile(host, { path, name });
    record(container, { kind: "download", name, bytes });
    host.ui.status(`A file of "${label}" is here: ${kept}`);
    await notice(container, name, kept);
  };

  const handOver = async (file: Handed): Promise<boolean> => {
    const { name, size } = checkHanded(file);
    const isOnlyHere = wanted.some(({ on }) => on !== "host") && typeOf(name) === undefined;
    const destinations = isOnlyHere ? wanted.filter(({ on }) => on === "host") : wanted;
    if (isOnlyHere && destinations.length === 0) throw noType();
    const agreed = await io.agreedTo(
      await openingQuestion(container, {
        kind: "files",
        details: [["Name", name], ["Size", `${size} bytes`]],
        destinations,
        mayLeave: !loadsNothing.test(name),
        isOnlyHere,
      }),
    );
    if (agreed === false) return false;
    const destination = destinationOf(agreed, destinations);
    await queue.add(
      file,
      io.ending,
      (path) => destination.on === "host" ? keep(path, file) : elsewhere.open(path, file, destination),
    );
    return true;
  };
  return {
    async take(file) {
      if (file === "stays") {
        const why = "only readable files can be dragged out, not directories";
        return io.tellError(new Error(`Some files dragged out of "${label}" stay there: ${why}`));
      }
      const isDone = await io.handle(isBearable, () => handOver(file));
      io.send({ id: file.id, paths: [], printed: isDone });
      return isDone;
    },
    end: elsewhere.settled,
  };
}

/** Opens files in other containers, and brings their new versions back. */
function createElsewhere(container: Container, io: ChannelIo): {
  open(path: string, file: Handed, destination: Destination): Promise<void>;
  /** Waits until all new versions are saved, after serving has ended. */
  settled(): Promise<void>;
} {
  const { host, label } = container;
  const queue = io.shared(handedQueue);
  const underWay = new Set<Promise<void>>();
  const inOrder = createQueue();

  /** Waits for the new version of a file that another container makes, and saves it. Never rejects. */
  const bringBack = async (
    sent: SentFile,
    { ended, file, destination }: { ended: Promise<number>; file: Handed; destination: Destination },
  ): Promise<void> => {
    const { name } = file;
    const signal = io.ending;
    const tellLost = (): void => {
      const lost = `"${name}" may still be open ${destinationText(destination)}: ` +
        `what is saved there comes to your downloads, and not back to "${label}"`;
      warnOnDesktop(host, label, lost);
    };
    signal.addEventListener("abort", tellLost, { once: true });
    try {
      const version = await sent.version(ended, signal).finally(() => signal.removeEventListener("abort", tellLost));
      if (!version) return;
      queue.count(version.size);
      await inOrder(() => settleVersion(container, io, { version, file, destination }));
    } catch (error) {
      host.ui.warn(
        `"${name}" was changed ${destinationText(destination)}, and the new version is lost: ${lineOf(error)}`,
      );
    }
  };

  const open = async (path: string, file: Handed, destination: Destination): Promise<void> => {
    const { name, size: bytes } = file;
    await using scope = new AsyncDisposableStack();
    if (underWay.size >= maxFilesElsewhere) {
      throw new Refusal(
        `${maxFilesElsewhere} of its files are still open in other containers: close the app that has them`,
      );
    }
    const sent = scope.use(await moveOut({ path, name }));
    const happening = { kind: "download", name, bytes, where: destinationText(destination) } as const;
    const { ended } = await openAt(container, io, {
      destination,
      address: sent.address,
      happening,
      what: `a file, "${name}"`,
    });
    // The other run reads the file when it is ready.
    const resources = scope.move();
    const brought = bringBack(sent, { ended, file, destination }).finally(() => resources.disposeAsync());
    underWay.add(brought);
    void brought.finally(() => underWay.delete(brought));
  };
  return { open, settled: async () => void await Promise.all(underWay) };
}

/** Saves a new version of a file, made in another container, where the user wants it. Only the user can discard it. */
async function settleVersion(
  container: Container,
  io: ChannelIo,
  { version, file, destination }: { version: Version; file: Handed; destination: Destination },
): Promise<void> {
  const { host, label, history } = container;
  const { path, size, madeIn } = version;
  const { name, directory: from } = file;
  const where = destinationText(destination, madeIn);
  try {
    const { user, share } = await container.reach();
    const directory = from ?? share;
    const agreed = await io.agreedTo(versionQuestion(label, { name, size, where, directory }));
    if (agreed === versionButtons.discard) return host.ui.status(`The new version of "${name}" is discarded`);
    if (agreed === versionButtons.save) {
      const { putVersion } = await import("../../container/lend/handed_version.ts");
      const put = (directory: string): Promise<string> => putVersion(host, container, { path, name, directory, user });
      // Not every directory is its user's own.
      const saved = await put(directory).catch((error) => {
        if (directory === share || !(error instanceof UserError)) throw error;
        return put(share);
      });
      history.note({ kind: "file", what: "saved", path: saved, bytes: size, where });
      const line = `A new version of a file was saved in "${label}": ${revealInvisible(saved)}`;
      host.ui.status(line);
      return await notice(container, name, line);
    }
  } catch (error) {
    io.tell(`a new version of "${name}" could not be saved there: ${lineOf(error)}`);
  }
  const cleaning = host.forCleanup(AbortSignal.timeout(keepMs + Math.ceil(size * keepMsPerByte)));
  const kept = await keepVersion(cleaning, { path, name });
  history.note({ kind: "file", what: "saved", path: kept, bytes: size, where });
  const line = `A file of "${label}" was changed ${where}. The new version is here: ${kept}`;
  host.ui.status(line);
  // Not awaited: the next question need not wait.
  showOnDesktop(label, line, { kind: "warning", run: cleaning.run });
}

/** The buttons that save a new version of a file, or discard it. */
const versionButtons = { save: "Save the new version", discard: "Discard it" };

/** The question before a new version of a file is brought back from another container. */
function versionQuestion(
  label: string,
  { name, size, where, directory }: { name: string; size: number; where: string; directory: string },
): Question {
  return {
    channel: "files",
    what: "get a new version of a file",
    asks: `A file of the container "${label}" was changed ${where}. Save it as a new version?`,
    why: "Unless you save or discard it, it comes to your downloads.",
    details: [["Name", name], ["Size", `${size} bytes`], ["Saved beside it in", directory]],
    // Shift-Tab leads to the last button, which loses nothing.
    choices: [versionButtons.discard, versionButtons.save],
    isForOnce: true,
  };
}

/** Tells the user of a file on the desktop. */
async function notice({ host, label }: Container, title: string, body: string): Promise<void> {
  await notify(host, { title: `[${label}] ${title}`, body }).catch(() => {});
}
