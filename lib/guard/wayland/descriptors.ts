/**
 * The file descriptors of a connection. waypipe sends none: each has a number, under which one end tells the other its
 * kind and its content.
 */

import { Violation } from "../faults.ts";
import type { PipeReader } from "./carrying.ts";
import { maxDataBytes } from "../limits.ts";

/** Who has sent something. */
export type FrameSender = "container" | "host";

export interface Descriptor {
  /** waypipe's number for it. */
  number: number;
  /** Which of the two; "none" for one that waypipe could not pass on, and has sent a number for nevertheless. */
  kind: "file" | "pipe" | "none";
  /** Who has opened it. Only that end changes a file. */
  opener: FrameSender;
  /** Of a file, in bytes. */
  size: number;
  /** It is in the queue of a message's descriptors, or was. */
  isSent: boolean;
  /** How many objects use a file. It ends with the last one. */
  uses: number;
  /** How many bytes have come through a pipe. */
  written: number;
  /** Of a pipe: whether these bytes pass, which it writes down. Without it, all do. */
  mayPass?: (bytes: number) => boolean;
  /** Of a pipe: which ends may still write into it. One frame tells that an end does so no longer: its own, or its reader's. */
  writers: Set<FrameSender>;
  /**
   * Takes what the end sends that has not opened the pipe, which the opener does not get: of a pipe of the guard's own,
   * which the host's end does not know, or of an app's.
   */
  reader?: PipeReader;
}

/** The guard's own pipes are numbered from here downwards, far from where the host's waypipe gets. */
const firstOwnPipe = -(2 ** 30);

/** The largest file: foot has 512 MiB for the pictures of each window. */
const maxFileBytes = 2 ** 30;
/**
 * What all files may have together: twelve windows of `foot --server`. waypipe maps each twice, in 16 GiB of addresses;
 * what of that is in memory has the limit of its box.
 */
const maxFilesBytes = 6 * 2 ** 30;
const maxOpenFiles = 1024;
/** Pipes that are open at a time. waypipe has 1024 descriptors, and needs three for each. */
const maxPipes = 128;
/** Descriptors that wait for their message. */
const maxQueued = 64;

export interface Descriptors {
  /** One end opens a file of a size, or a pipe into which these write. */
  open(
    sender: FrameSender,
    opened: { number: number; kind: "file" | "pipe"; size: number; writers?: readonly FrameSender[] },
  ): void;
  /**
   * The descriptor of this number; undefined for one that has ended when the other end did not know it yet.
   *
   * @throws {Violation} when there never was one
   */
  find(number: number, kind: Descriptor["kind"]): Descriptor | undefined;
  extend(file: Descriptor, to: { sender: FrameSender; size: number }): void;
  /** An end sends bytes into a pipe. Whether they pass: what is pasted is cut. */
  write(pipe: Descriptor, bytes: number): boolean;
  /**
   * An end writes into a pipe no longer, as itself or its reader says. The pipe ends with its last writer: waypipe's
   * ends forget it then, and 0.8 and 0.9 give the connection up for a frame about what they have forgotten.
   *
   * @returns whether that was not said before: the other end is to hear of it
   */
  close(pipe: Descriptor, writer: FrameSender): boolean;
  /** The guard opens a pipe of its own, from the container. Returns its number. */
  openOwn(reader: PipeReader): number;
  /** A pipe of which the guard is an end is over: what still comes is for nobody. */
  forget(number: number): void;
  /** Whether a pipe is not over. */
  isOpen(number: number): boolean;
  /** Whether descriptors of the host's wait for their message. */
  areWaiting(): boolean;
  /**
   * Queues a descriptor for the next messages. Returns whether it is a real one: the other end is told of no others.
   */
  send(sender: FrameSender, number: number): boolean;
  /** Takes the next descriptor for a message's argument. In the place of a file of the host's there may be none. */
  take(sender: FrameSender, kind: "file" | "pipe"): Descriptor;
  use(file: Descriptor): void;
  /** It does so no longer; with the last of them, the file ends. */
  release(file: Descriptor): void;
}

function fresh(): Pick<Descriptor, "isSent" | "uses" | "written" | "writers"> {
  return { isSent: false, uses: 0, written: 0, writers: new Set() };
}

export function descriptorsOf(): Descriptors {
  const known = new Map<number, Descriptor>();
  const queues: Record<FrameSender, Descriptor[]> = { container: [], host: [] };
  const highest: Record<FrameSender, number> = { container: 0, host: 0 };
  let nextOwn = firstOwnPipe;
  const openerOf = (number: number): FrameSender => number > 0 ? "container" : "host";
  const counts = { file: 0, pipe: 0, none: 0 };
  let filesBytes = 0;
  const add = (descriptor: Descriptor): void => {
    known.set(descriptor.number, descriptor);
    counts[descriptor.kind]++;
    filesBytes += descriptor.size;
  };
  const remove = (descriptor: Descriptor | undefined): void => {
    if (!descriptor || known.get(descriptor.number) !== descriptor) return;
    known.delete(descriptor.number);
    counts[descriptor.kind]--;
    filesBytes -= descriptor.size;
  };
  const checkSize = (size: number, before: number): void => {
    if (size > maxFileBytes || filesBytes - before + size > maxFilesBytes) {
      throw new Violation("its pictures need too much memory");
    }
  };
  return {
    open(sender, { number, kind, size, writers }) {
      // waypipe counts its own from 1, upwards at the container's end and downwards at the host's; 0.11 not in their
      // order.
      if (number === 0 || openerOf(number) !== sender || known.has(number)) {
        throw new Violation("the number of a file or pipe is taken");
      }
      if (kind === "file") checkSize(size, 0);
      if (counts[kind] >= (kind === "file" ? maxOpenFiles : maxPipes)) {
        throw new Violation(`it has too many ${kind}s`);
      }
      highest[sender] = Math.max(highest[sender], Math.abs(number));
      add({ ...fresh(), number, kind, size, opener: sender, writers: new Set(writers) });
    },
    find(number, kind) {
      const found = known.get(number);
      if (found?.kind === kind) return found;
      if (!found && number <= firstOwnPipe && number > nextOwn) return undefined;
      if (found || number === 0 || Math.abs(number) > highest[openerOf(number)]) {
        throw new Violation(`there is no ${kind} of this number`);
      }
      return undefined;
    },
    extend(file, { sender, size }) {
      if (file.opener !== sender || size <= file.size) throw new Violation("a file does not grow");
      checkSize(size, file.size);
      filesBytes += size - file.size;
      file.size = size;
    },
    write(pipe, bytes) {
      pipe.written += bytes;
      return pipe.written <= maxDataBytes && pipe.mayPass?.(bytes) !== false;
    },
    close(pipe, writer) {
      const isNews = pipe.writers.delete(writer);
      if (pipe.writers.size === 0 && pipe.isSent) remove(pipe);
      return isNews;
    },
    openOwn(reader) {
      const number = nextOwn--;
      const writers = new Set<FrameSender>(["container"]);
      add({ ...fresh(), number, kind: "pipe", size: 0, opener: "host", isSent: true, writers, reader });
      return number;
    },
    forget: (number) => remove(known.get(number)),
    isOpen: (number) => known.has(number),
    areWaiting: () => queues.host.length > 0,
    send(sender, number) {
      if (queues[sender].length >= maxQueued) throw new Violation("too many descriptors wait for a message");
      const found = known.get(number);
      const isNone = !found && sender === "host" && Math.abs(number) > highest.host && openerOf(number) === sender;
      if (isNone) {
        highest.host = Math.abs(number);
        queues.host.push({ ...fresh(), number, kind: "none", size: 0, opener: sender, isSent: true });
        return false;
      }
      if (!found || found.opener !== sender || found.isSent) throw new Violation("an unknown descriptor is sent");
      found.isSent = true;
      if (found.kind === "pipe" && found.writers.size === 0) remove(found);
      queues[sender].push(found);
      return true;
    },
    take(sender, kind) {
      const next = queues[sender].shift();
      if (next?.kind === "none" && kind === "file") return next;
      if (next?.kind !== kind) throw new Violation("a message has a descriptor of the wrong kind");
      // What the host's end sends is a keymap or the like: waypipe changes it no more.
      if (sender === "host" && kind === "file") remove(next);
      return next;
    },
    use: (file) => void file.uses++,
    release(file) {
      if (--file.uses === 0) remove(file);
    },
  };
}
