/**
 * Files that apps of a session hand over. They are read completely before they are put into the user's downloads,
 * printed, or passed to another container. Nothing on the host opens them.
 */

import { abortable } from "@std/async";
import { join, toFileUrl } from "@std/path";
import { ProcessError, UserError } from "../base/errors.ts";
import { exists, writeAll } from "../base/files.ts";
import { createQueue } from "../base/promises.ts";
import type { Container } from "../container/container.ts";
import { findVersion, handedDirectory } from "../container/handed.ts";
import { Refusal } from "../guard/faults.ts";
import type { Handed } from "./requests.ts";

/** How long a file may take to come, in milliseconds. */
const transferMs = 600_000;

/**
 * Reads a file of the container into this run's private directory. The copy is removed at the end of its scope.
 *
 * @throws {Refusal} when its size is not the announced one
 */
async function readFile(
  container: Container,
  { path: containerPath, size }: { path: string; size: number },
  signal: AbortSignal,
): Promise<AsyncDisposable & { path: string }> {
  const path = join(await container.directory(), `file-${crypto.randomUUID()}`);
  await using stack = new AsyncDisposableStack();
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  stack.defer(() => Deno.remove(path).catch(() => {}));
  let received = 0;
  const bytes = async (piece: Uint8Array): Promise<void> => {
    received += piece.length;
    if (received > size) throw new Refusal("a file is larger than announced");
    try {
      await writeAll(file, piece);
    } catch (error) {
      throw new UserError("A file cannot be written", { hint: "See whether the disk is full", cause: error });
    }
  };
  try {
    await container.script({
      script: 'exec head --bytes="$1" -- "$2"',
      parameters: [`${size + 1}`, containerPath],
      output: { bytes },
      signal,
      timeoutMs: transferMs,
    });
  } catch (error) {
    if (error instanceof ProcessError) throw new Refusal("a file cannot be read");
    throw error;
  }
  if (received !== size) throw new Refusal("a file is smaller than announced");
  return Object.assign(stack.move(), { path });
}

/** A new version of a file, made in another container. */
export interface Version {
  path: string;
  /** The container, or copy, in which it was made. */
  madeIn: string;
  size: number;
}

/** A file that is passed to another container. It is removed at the end of its scope. */
export interface SentFile extends AsyncDisposable {
  /** The URL at which the other run reads it. */
  address: URL;
  /**
   * Waits until the other container no longer has it.
   *
   * @param run the exit status of the other run, whose session may keep the file after the run has ended
   * @param signal ends the waiting: only a version that has arrived by then counts
   * @returns the new version, and its size in bytes; undefined if the file has not changed
   */
  version(run: Promise<number>, signal: AbortSignal): Promise<Version | undefined>;
}

/**
 * Moves a file into a directory of its own beside it, under its name, for another run to read.
 *
 * @param file `name` is fit to be a file's
 */
export async function moveOut({ path, name }: { path: string; name: string }): Promise<SentFile> {
  const directory = handedDirectory(path);
  await using stack = new AsyncDisposableStack();
  await Deno.mkdir(directory, { mode: 0o700 });
  const gone = `${directory}.gone`;
  for (const each of [directory, gone]) stack.defer(() => Deno.remove(each, { recursive: true }).catch(() => {}));
  const moved = join(directory, name);
  await Deno.rename(path, moved);
  // Before the other run begins: a file that cannot be watched is not passed on.
  const watcher = stack.use(Deno.watchFs(directory, { recursive: false }));
  return Object.assign(stack.move(), {
    address: toFileUrl(moved),
    async version(run: Promise<number>, signal: AbortSignal) {
      const wait = async (): Promise<void> => {
        // After a run that has failed, no version comes.
        if (await run !== 0 || !await exists(moved)) return;
        for await (const _ of watcher) if (!await exists(moved)) break;
      };
      await abortable(wait(), signal).catch((error) => {
        if (!signal.aborted) throw error;
      });
      // By this the other run knows that nobody waits, and puts later versions into the downloads.
      await Deno.rename(directory, gone);
      const version = await findVersion(gone);
      return version && { ...version, size: (await Deno.lstat(version.path)).size };
    },
  });
}

/** How many files may wait or be read at a time. */
const maxWaitingFiles = 4;

/** How much may be handed over in a run, in bytes: the container could fill the disk. */
const maxRunBytes = 4 * 2 ** 30;

/** Makes the queue of the files that are handed over in a run, for `RunIo.shared`. */
export function handedQueue(container: Container): {
  /** Reads a file once those before it are done, and calls `act` with its path. */
  add(file: Handed, signal: AbortSignal, act: (path: string) => Promise<void>): Promise<void>;
  /** Counts bytes that have come in another way. */
  count(bytes: number): void;
} {
  let waiting = 0;
  let allBytes = 0;
  const inOrder = createQueue();
  return {
    count: (bytes) => void (allBytes += bytes),
    async add(file, signal, act) {
      if (waiting >= maxWaitingFiles) throw new Refusal("too many files are waiting");
      allBytes += file.size;
      if (allBytes > maxRunBytes) throw new Refusal("it has handed over too much in this run");
      waiting++;
      await inOrder(async () => {
        signal.throwIfAborted();
        await using read = await readFile(container, file, signal);
        signal.throwIfAborted();
        await act(read.path);
      }).finally(() => waiting--);
    },
  };
}
