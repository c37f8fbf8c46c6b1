/**
 * A copy on its way into a container and back, by the engine's exec. What runs there runs as the container's user. The
 * engine's own file transfer would follow links as root there, and hang with a pipe in place of the file (Incus 6.0.4,
 * LXD 5.0.2: so does the next start of the container).
 */

import { format } from "@std/fmt/bytes";
import { basename } from "@std/path";
import { type Engine, engineArgv } from "../engine/engine.ts";
import { exec } from "../engine/instance.ts";
import { type ContainerUser, parseUser, ubuntuUser } from "../container/user.ts";
import { ProcessError, UserError } from "../base/errors.ts";
import type { RunOptions } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { createCounter, piecesOf } from "./content.ts";
import type { Content, LentCopy } from "./loan.ts";
import { watchTransfer } from "./transfer_watch.ts";
import readScript from "./read_copy.sh" with { type: "text" };
import removeScript from "./remove_copy.sh" with { type: "text" };
import sendScript from "./send_copy.sh" with { type: "text" };
import { withRemote } from "../engine/server.ts";

/** How long a program in the container may take that moves no file, in milliseconds. */
const shortMs = 20_000;

/** How long the container may take to read a copy that may be unchanged, in milliseconds for each byte: 50 MB/s. */
const readMsPerByte = 1 / 50_000;

/** How often a copy is read that does not arrive whole. */
const maxReads = 3;

/** How much is shown of what a program in the container printed, in UTF-16 code units. */
const maxShownOutput = 2_000;

/** How much more than four times the lent size may come back, in bytes. */
const maxGrowth = 256 * 2 ** 20;

/** The largest version that may come back of a file with this size. */
export function maxVersion(size: number): number {
  return 4 * size + maxGrowth;
}

/** What a copy is: its size, device, inode and times, as `read_copy.sh` prints them. */
const foundPattern = /^(same|data) ((\d{1,18}) (\d{1,20}) (\d{1,20}) [0-9 :.+-]{1,100})$/;

/** The longest line of {@linkcode foundPattern}, in bytes. */
const maxLine = 256;

/** A copy in a container, of a user there. */
export interface CopyPlace {
  /** Its path. */
  containerPath: string;
  /** The user. */
  user: ContainerUser;
}

function asUser({ uid, gid }: ContainerUser, script: string, ...args: string[]): string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "/bin/sh", "-c", script, "sh", ...args];
}

/** The program that makes a copy of its input. */
export function sendArgv({ containerPath, user }: CopyPlace, { readOnly }: { readOnly: boolean }): string[] {
  return asUser(user, sendScript, containerPath, readOnly ? "0400" : "0600");
}

/** The program that prints a copy, unless it is as it was lent. */
export function readArgv(
  { containerPath, user }: CopyPlace,
  { size, sha256 }: { size: string; sha256: string },
): string[] {
  return asUser(user, readScript, containerPath, size, sha256);
}

/** The program that removes a copy, if it is still what was `found`; whatever is there if that is empty. */
export function removeArgv({ containerPath, user }: CopyPlace, found: string): string[] {
  return asUser(user, removeScript, containerPath, found);
}

/** Where a copy is. */
export function placeOf({ containerPath, user }: Pick<LentCopy, "containerPath" | "user">): CopyPlace {
  return { containerPath, user: parseUser(user) ?? ubuntuUser };
}

/**
 * Puts a file into a container.
 *
 * @returns what was put there
 * @throws {UserError} when it does not arrive whole
 */
export async function sendCopy(engine: Engine, copy: LentCopy, file: Deno.FsFile): Promise<Content> {
  const { size: total } = await file.stat();
  using watch = watchTransfer(engine.host, { what: `Lending ${basename(copy.hostPath)}` });
  watch.expect(total);
  let sent = createCounter();
  const options = (): RunOptions => {
    sent = createCounter();
    const count = sent;
    const bytes = ReadableStream.from((async function* () {
      for await (const piece of piecesOf(file, total)) {
        count.add(piece);
        watch.moved(piece.length);
        yield piece.slice();
      }
    })());
    return { stdin: { bytes, from: copy.hostPath }, timeoutMs: Infinity, signal: watch.signal };
  };
  const label = withRemote(engine.server, copy.instance);
  const notWhole = (options: { output?: string; cause?: unknown } = {}): UserError =>
    new UserError(`"${copy.hostPath}" did not arrive whole in "${label}"`, {
      hint: "See whether the disk is full there, then try it again",
      ...options,
    });
  try {
    const { stdout } = await exec({ engine, name: copy.instance }, sendArgv(placeOf(copy), copy), options);
    const content = sent.content();
    if (stdout === `${content.size}\n`) return content;
    throw notWhole();
  } catch (error) {
    throw error instanceof ProcessError
      ? notWhole({ output: error.output.slice(-maxShownOutput), cause: error })
      : error;
  }
}

/** What was found of a copy. */
export interface FoundCopy {
  /** What it is, for {@linkcode removeLentCopy}. */
  found: string;
  /** The number of its device and of its inode, as the container has them. */
  inode: { dev: number; ino: number };
  /** What is in it; undefined when that is what was lent. */
  content: Content | undefined;
}

/**
 * Reads a copy, unless it is as it was lent, into the file `part`, which is on disk then.
 *
 * @throws {UserError} when it is larger than it may be, or does not arrive whole
 */
export async function readBack(
  engine: Engine,
  copy: LentCopy,
  { lent, part }: { lent: Content; part: string },
): Promise<FoundCopy | "gone" | "other"> {
  const { host } = engine;
  const label = withRemote(engine.server, copy.instance);
  const most = copy.maxBytes ?? maxVersion(lent.size);
  // The container first reads a copy that may be unchanged, and sends nothing meanwhile.
  const stalledMs = 60_000 + lent.size * readMsPerByte;
  using watch = watchTransfer(host, { what: `Taking back ${basename(copy.hostPath)}`, stalledMs });
  using file = await Deno.open(part, { read: true, write: true, create: true, truncate: true, mode: 0o600 });
  let line = "";
  let head: { kind: string; found: string; size: number; dev: number; ino: number } | undefined;
  const notWhole = (): UserError =>
    new UserError(`"${label}" did not send its version of "${copy.hostPath}" whole`, { hint: "Try it again" });
  let received = createCounter();
  const onBytes = async (all: Uint8Array): Promise<void> => {
    let piece = all;
    if (!head) {
      const end = piece.indexOf(10);
      line += new TextDecoder().decode(piece.subarray(0, end < 0 ? undefined : end));
      if (line.length > maxLine) throw notWhole();
      if (end < 0) return;
      const [, kind, found, size, dev, ino] = foundPattern.exec(line) ?? [];
      if (found === undefined) throw notWhole();
      head = { kind: kind!, found, size: Number(size), dev: Number(dev), ino: Number(ino) };
      if (head.size > most) throw tooLarge(engine, copy, { size: head.size, most });
      if (kind === "data") watch.expect(head.size);
      piece = piece.subarray(end + 1);
    }
    received.add(piece);
    watch.moved(piece.length);
    if (received.size > (head.kind === "data" ? head.size : 0)) throw notWhole();
    for (let written = 0; written < piece.length;) written += await file.write(piece.subarray(written));
  };
  const options = (): RunOptions => {
    // What an earlier try has brought does not count.
    [line, head, received] = ["", undefined, createCounter()];
    file.truncateSync();
    file.seekSync(0, Deno.SeekMode.Start);
    return { okCodes: [0, 3, 4], output: { bytes: onBytes }, timeoutMs: Infinity, signal: watch.signal };
  };
  const argv = readArgv(placeOf(copy), { ...lent, size: String(lent.size) });
  const isWhole = (): boolean => head !== undefined && (head.kind === "same" || received.size === head.size);
  // As `exec` does with answers that it keeps: engines lose some of what a program prints, or all of it.
  for (let tries = 0; !isWhole(); tries++) {
    if (tries === maxReads) throw notWhole();
    try {
      const { code } = await exec({ engine, name: copy.instance }, argv, options);
      if (code === 3) return "gone";
      if (code === 4) return "other";
    } catch (error) {
      throw error instanceof ProcessError ? unreadable(label, copy, error) : error;
    }
  }
  const { kind, found, dev, ino } = head!;
  if (kind === "same") return { found, inode: { dev, ino }, content: undefined };
  await file.sync();
  return { found, inode: { dev, ino }, content: received.content() };
}

function unreadable(label: string, { hostPath }: LentCopy, error: ProcessError): UserError {
  return new UserError(`"${label}" does not give its version of "${hostPath}"`, {
    hint: "It stays there until the next run: map.ts --unmap",
    output: error.output.slice(-maxShownOutput),
    cause: error,
  });
}

function tooLarge(engine: Engine, copy: LentCopy, { size, most }: { size: number; most: number }): UserError {
  const label = withRemote(engine.server, copy.instance);
  const binary = { binary: true };
  // Not by "file pull", which would make a link here of a link there.
  const fetch = engineArgv(engine, ["exec", withRemote(engine.server, copy.instance), "--", "cat", copy.containerPath]);
  return new UserError(
    `"${label}" has made "${copy.hostPath}" ${format(size, binary)} large, and at most ${
      format(most, binary)
    } come back`,
    {
      hint: `If you want that, fetch it, then remove it there: ${quoteWords(fetch)} >FILE`,
    },
  );
}

/**
 * Removes a copy, if it has not changed.
 *
 * @param found what it was; whatever is there when that is empty
 * @returns "stuck" when the container does not let it be removed
 */
export async function removeLentCopy(
  engine: Engine,
  copy: LentCopy,
  found: string,
): Promise<"removed" | "changed" | "stuck"> {
  const options = { okCodes: [0, 5, 6], timeoutMs: shortMs } as const;
  const { code } = await exec({ engine, name: copy.instance }, removeArgv(placeOf(copy), found), options);
  return code === 0 ? "removed" : code === 5 ? "changed" : "stuck";
}
