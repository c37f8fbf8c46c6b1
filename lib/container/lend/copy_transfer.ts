/**
 * Transfers copies into a container and back by the engine's exec, as the container's user. The engine's own file
 * transfer would follow links as root in the container, and hang on a pipe in place of the file (Incus 6.0.4, LXD
 * 5.0.2: so would the container's next start).
 */

import { asUser } from "../user.ts";
import { basename } from "@std/path";
import { isProcessError, orElse, ProcessError, UserError } from "../../base/errors.ts";
import type { Host, RunOptions } from "../../base/host.ts";
import { naming, removeFile, writeAll } from "../../base/files.ts";
import { engineLine, type Instance, labelOf } from "../../engine/engine.ts";
import { exec } from "../../engine/exec.ts";
import { Counter, piecesOf } from "./content.ts";
import type { Content, LentCopy } from "./loan.ts";
import nameScript from "./name_version.sh" with { type: "text" };
import readScript from "./read_copy.sh" with { type: "text" };
import removeScript from "./remove_copy.sh" with { type: "text" };
import sendScript from "./send_copy.sh" with { type: "text" };
import { format } from "@std/fmt/bytes";

/** The time limit for programs in the container that transfer no file, in milliseconds. */
const shortMs = 20_000;

/** The time limit for the container to hash a copy, in milliseconds per byte: 50 MB/s. */
const readMsPerByte = 1 / 50_000;

/** How often to read a copy that arrives incomplete. */
const maxReads = 3;

/** How much of a program's output is shown, in UTF-16 code units. */
const maxShownOutput = 2_000;

/** How many bytes beyond four times the lent size may come back. */
const maxGrowth = 256 * 2 ** 20;

/** The largest version that may come back for a file of this size, in bytes. */
export function maxVersion(size: number): number {
  return 4 * size + maxGrowth;
}

/** The interval, in bytes, at which the limit is checked again: concurrent transfers could fill the disk together. */
const lookBytes = 2 ** 26;

/** The line of `read_copy.sh` about a copy: its size, device, inode and times. */
const foundPattern = /^(same|data) ((\d{1,18}) (\d{1,20}) (\d{1,20}) [0-9 :.+-]{1,100})$/;

/** The maximum length of a line of {@linkcode foundPattern}, in UTF-16 code units. */
const maxLine = 256;

export type CopyTarget = Pick<LentCopy, "containerPath" | "user">;

function withCopy({ containerPath, user }: CopyTarget, script: string, ...args: string[]): string[] {
  const [, uid = "", gid = ""] = user.split(":");
  return asUser({ uid, gid }, ["/bin/sh", "-c", script, "sh", containerPath, ...args]);
}

/** The command line that prints a copy, unless it is unchanged. */
export function readArgv(copy: CopyTarget, { size, sha256 }: Record<keyof Content, string>): string[] {
  return withCopy(copy, readScript, size, sha256);
}

/**
 * Puts a file into a container.
 *
 * @returns the content that was sent
 * @throws {UserError} when it does not arrive complete
 */
export async function sendCopy(
  host: Host,
  instance: Instance,
  { copy, file }: { copy: CopyTarget & Pick<LentCopy, "hostPath" | "readOnly" | "handed">; file: Deno.FsFile },
): Promise<Content> {
  const { size: total } = await file.stat();
  using watch = watchTransfer(host, { what: `Lending ${basename(copy.hostPath)}` });
  let sent = new Counter();
  const options = (): RunOptions => {
    const count = sent = new Counter();
    const bytes = ReadableStream.from((async function* () {
      for await (const piece of piecesOf(file, total)) {
        count.add(piece);
        watch.moved(piece.length, total);
        yield piece.slice();
      }
    })());
    return { stdin: { bytes, from: copy.hostPath }, timeoutMs: Infinity, signal: watch.signal, planned: "0\n" };
  };
  const notWhole = (options: { output?: string; cause?: unknown } = {}): UserError =>
    new UserError(`"${copy.hostPath}" did not arrive whole in "${labelOf(instance)}"`, {
      hint: "See whether the disk is full there, and whether all of the file can be read here",
      ...options,
    });
  const mode = copy.readOnly && !copy.handed ? "0400" : "0600";
  const sending = exec(host, instance, withCopy(copy, sendScript, mode), options);
  const { stdout } = await orElse(sending, isProcessError, (error): never => {
    throw notWhole({ output: error.output.slice(-maxShownOutput), cause: error });
  });
  const content = sent.content();
  const isRead = await host.look(true, () => content.size === total);
  if (isRead && stdout === `${content.size}\n`) return content;
  throw notWhole();
}

export interface FoundCopy {
  /** Its size, device, inode and times, for {@linkcode removeLentCopy}. */
  found: string;
  /** Its device number, as the container sees it. */
  dev: number;
  ino: number;
  /** Its content; undefined if unchanged. */
  content: Content | undefined;
}

/**
 * Reads a copy, unless it is unchanged, into the file `part`, and syncs that to disk.
 *
 * @param options `maxNow`: returns the current size limit in bytes, given how many have arrived; called at the start and
 * at intervals. Default: the record's limit
 * @throws {UserError} when it is too large, or does not arrive complete. Then `part` is removed
 */
export async function readBack(
  host: Host,
  instance: Instance,
  copy: LentCopy,
  { lent, part, maxNow = () => Promise.resolve(copy.maxBytes) }: {
    lent: Content;
    part: string;
    maxNow?: (received: number) => Promise<number>;
  },
): Promise<FoundCopy | "gone" | "other"> {
  const label = labelOf(instance);
  // The container first hashes the copy, and sends nothing meanwhile.
  const stalledMs = 60_000 + lent.size * readMsPerByte;
  using watch = watchTransfer(host, { what: `Taking back ${basename(copy.hostPath)}`, stalledMs });
  using file = await Deno.open(part, { write: true, create: true, truncate: true, mode: 0o600 });
  let line = "";
  let head: { kind: string; found: string; expected: number; dev: number; ino: number } | undefined;
  const notWhole = (): UserError =>
    new UserError(`"${label}" did not send its version of "${copy.hostPath}" whole`, { hint: "Try it again" });
  let received = new Counter();
  let ending = Promise.withResolvers<string>();
  const isWhole = (): boolean => received.size === head?.expected;
  const checkSize = async (size: number): Promise<void> => {
    const maxBytes = await maxNow(received.size);
    if (size > maxBytes) throw tooLarge(instance, copy, { size, maxBytes });
  };
  const onBytes = async (all: Uint8Array): Promise<void> => {
    let piece = all;
    if (!head) {
      const end = piece.indexOf(10);
      line += new TextDecoder().decode(piece.subarray(0, end < 0 ? undefined : end));
      if (line.length > maxLine) throw notWhole();
      if (end < 0) return;
      const [, kind, found, size, dev, ino] = foundPattern.exec(line) ?? [];
      if (found === undefined) throw notWhole();
      await checkSize(Number(size));
      const expected = kind === "data" ? Number(size) : 0;
      head = { kind: kind!, found, expected, dev: Number(dev), ino: Number(ino) };
      piece = piece.subarray(end + 1);
    }
    const looks = Math.floor(received.size / lookBytes);
    received.add(piece);
    if (Math.floor(received.size / lookBytes) > looks) await checkSize(head.expected);
    watch.moved(piece.length, head.expected);
    if (received.size > head.expected) throw notWhole();
    await writeAll(file, piece);
    if (isWhole()) ending.resolve("");
  };
  const options = (): RunOptions => {
    // Discards what an earlier try received.
    [line, head, received, ending] = ["", undefined, new Counter(), Promise.withResolvers()];
    file.truncateSync();
    file.seekSync(0, Deno.SeekMode.Start);
    const stdin = { text: ending.promise };
    return { stdin, okCodes: [0, 3, 4], output: { bytes: onBytes }, timeoutMs: Infinity, signal: watch.signal };
  };
  const argv = readArgv(copy, { ...lent, size: String(lent.size) });
  try {
    // Like `exec` with captured output: engines sometimes lose a part or all of a program's output.
    for (let tries = 0; !isWhole(); tries++) {
      if (tries === maxReads) throw notWhole();
      const { code } = await exec(host, instance, argv, options);
      if (code !== 0) return code === 3 ? "gone" : "other";
    }
    await naming(part, file.sync());
  } catch (error) {
    await removeFile(part);
    if (!(error instanceof ProcessError)) throw error;
    throw new UserError(`"${label}" does not send its version of "${copy.hostPath}"`, {
      hint: "It stays there until the next run: map.ts --unmap",
      output: error.output.slice(-maxShownOutput),
      cause: error,
    });
  }
  const { kind, found, dev, ino } = head!;
  return { found, dev, ino, content: kind === "data" ? received.content() : undefined };
}

/** A version is too large to come back. */
export class TooLarge extends UserError {}

function tooLarge(
  instance: Instance,
  { hostPath, containerPath }: LentCopy,
  { size, maxBytes }: { size: number; maxBytes: number },
): TooLarge {
  const label = labelOf(instance);
  const sizes = `${formatSize(size)}; at most ${formatSize(maxBytes)} comes back`;
  // Not "file pull": it would copy a link in the container as a link.
  const fetch = engineLine(instance.engine, ["exec", label, "--", "cat", containerPath]);
  return new TooLarge(`"${label}" has grown "${hostPath}" to ${sizes}`, {
    hint: `If you want that, fetch it, then remove it there: ${fetch} >FILE`,
  });
}

/**
 * Removes a copy, if it has not changed.
 *
 * @param options `found`: {@linkcode FoundCopy.found}; if empty, removes it even if it has changed
 * @returns "stuck" if the container prevents its removal
 */
export async function removeLentCopy(
  host: Host,
  instance: Instance,
  { copy, found }: { copy: CopyTarget; found: string },
): Promise<"removed" | "changed" | "stuck"> {
  const options = { okCodes: [0, 5, 6], timeoutMs: shortMs } as const;
  const { code } = await exec(host, instance, withCopy(copy, removeScript, found), options);
  return code === 0 ? "removed" : code === 5 ? "changed" : "stuck";
}

/**
 * Gives a copy a second name: an unused one, with a number.
 *
 * @param options `stem`, `end`: the parts before and after the number
 * @returns the number
 * @throws {UserError} when no such name is free
 */
export async function nameVersion(
  host: Host,
  instance: Instance,
  { copy, stem, end }: { copy: CopyTarget; stem: string; end: string },
): Promise<number> {
  const { stdout } = await exec(host, instance, withCopy(copy, nameScript, stem, end), {
    okCodes: "any",
    timeoutMs: shortMs,
  });
  const [, number] = /^(\d{1,2})\n$/.exec(stdout) ?? [];
  if (number !== undefined) return Number(number);
  throw new UserError(`No name is free in "${labelOf(instance)}" for "${stem}${end}"`, {
    hint: "Remove some of its versions",
  });
}

/** Formats a size, such as `3.1 MiB`. */
function formatSize(bytes: number): string {
  return format(bytes, { binary: true });
}

/** How often a transfer's progress is shown, in milliseconds. */
const showMs = 1_000;

/** A transfer is aborted if it moves fewer bytes than this within a minute. */
const minBytes = 2 ** 17;

/** A transfer in progress. It ends with the scope of this value. */
interface TransferWatch extends Disposable {
  readonly signal: AbortSignal;
  /** `total`: how many bytes are to be moved in all. */
  moved(count: number, total: number): void;
}

/**
 * Watches a transfer.
 *
 * @param options `what`: the start of the progress line `WHAT: 3.1 MiB of 10.0 MiB, 4 s`; `stalledMs`: aborts if too
 * little moves within this time, in milliseconds
 */
export function watchTransfer(
  host: Host,
  { what, stalledMs = 60_000 }: { what: string; stalledMs?: number },
): TransferWatch {
  const stalled = new AbortController();
  const start = performance.now();
  let total = 0;
  let moved = 0;
  let movedBefore = 0;
  const line = (): string => {
    const all = total === 0 ? "" : ` of ${formatSize(total)}`;
    return `${what}: ${formatSize(moved)}${all}, ${((performance.now() - start) / 1000).toFixed(0)} s`;
  };
  const showing = setInterval(() => host.ui.progress(line(), { plain: "" }), showMs);
  const watching = setInterval(() => {
    if (moved - movedBefore < minBytes) {
      stalled.abort(
        new UserError(`${what}: the transfer has stalled after ${formatSize(moved)}`, {
          hint: "See whether the container and the network still answer, then try it again",
        }),
      );
    }
    movedBefore = moved;
  }, stalledMs);
  return {
    signal: stalled.signal,
    moved(count, all) {
      moved += count;
      total = all;
    },
    [Symbol.dispose]() {
      clearInterval(showing);
      clearInterval(watching);
      if (performance.now() - start >= showMs) host.ui.status(line());
    },
  };
}
