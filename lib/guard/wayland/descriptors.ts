/**
 * The file descriptors of a connection. waypipe sends none: each has a number, under which one end tells the other its
 * kind and its content.
 */

import { Violation } from "../faults.ts";
import type { PipeReader } from "./carrying.ts";
import { maxDataBytes } from "../limits.ts";

/** Who has sent something. */
export type FrameSender = "container" | "host";

export class Descriptor {
  /** Of a file, in bytes. */
  size = 0;
  /** It is in the queue of a message's descriptors, or was. */
  isSent = false;
  /** How many objects use a file. It ends with the last one. */
  uses = 0;
  /** How many bytes have come through a pipe. */
  written = 0;
  /** Of a pipe: whether these bytes pass, which it writes down. Without it, all do. */
  mayPass?: (bytes: number) => boolean;
  /** Of a pipe: which ends may still write into it. One frame tells that an end does so no longer: its own, or its reader's. */
  writers = new Set<FrameSender>();
  /**
   * Takes what the end sends that has not opened the pipe, which the opener does not get: of a pipe of the guard's own,
   * which the host's end does not know, or of an app's.
   */
  reader?: PipeReader;

  /**
   * One of this number of waypipe's, opened by that end: only the opener changes a file. "none": one that waypipe could
   * not pass on, and has sent a number for nevertheless.
   */
  constructor(
    readonly number: number,
    readonly kind: "file" | "pipe" | "none",
    readonly opener: FrameSender,
    more: Partial<Descriptor> = {},
  ) {
    Object.assign(this, more);
  }
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

/** The descriptors of a connection. */
export class Descriptors {
  readonly #known = new Map<number, Descriptor>();
  readonly #queues: Record<FrameSender, Descriptor[]> = { container: [], host: [] };
  readonly #highest: Record<FrameSender, number> = { container: 0, host: 0 };
  readonly #counts = { file: 0, pipe: 0, none: 0 };
  #nextOwn = firstOwnPipe;
  #filesBytes = 0;

  /** An end opens a file or a pipe. */
  open(opened: Descriptor): void {
    const { number, kind, opener, size } = opened;
    // waypipe counts its own from 1, upwards at the container's end and downwards at the host's; 0.11 not in their
    // order.
    if (number === 0 || openerOf(number) !== opener || this.isOpen(number)) {
      throw new Violation("the number of a file or pipe is taken");
    }
    this.#checkSize(size, 0);
    if (this.#counts[kind] >= (kind === "file" ? maxOpenFiles : maxPipes)) {
      throw new Violation(`it has too many ${kind}s`);
    }
    this.#highest[opener] = Math.max(this.#highest[opener], Math.abs(number));
    this.#add(opened);
  }

  /**
   * The descriptor of this number; undefined for one that has ended when the other end did not know it yet.
   *
   * @throws {Violation} when there never was one
   */
  find(number: number, kind: Descriptor["kind"]): Descriptor | undefined {
    const found = this.#known.get(number);
    if (found?.kind === kind) return found;
    const wasOwn = number <= firstOwnPipe && number > this.#nextOwn;
    const isUnknown = number === 0 || Math.abs(number) > this.#highest[openerOf(number)];
    if (found || isUnknown && !wasOwn) throw new Violation(`there is no ${kind} of this number`);
    return undefined;
  }

  extend(file: Descriptor, { sender, size }: { sender: FrameSender; size: number }): void {
    if (file.opener !== sender || size <= file.size) throw new Violation("a file does not grow");
    this.#checkSize(size, file.size);
    this.#filesBytes += size - file.size;
    file.size = size;
  }

  /** An end sends bytes into a pipe. Whether they pass: what is pasted is cut. */
  write(pipe: Descriptor, bytes: number): boolean {
    pipe.written += bytes;
    return pipe.written <= maxDataBytes && pipe.mayPass?.(bytes) !== false;
  }

  /**
   * An end writes into a pipe no longer, as itself or its reader says. The pipe ends with its last writer: waypipe's
   * ends forget it then, and 0.8 and 0.9 give the connection up for a frame about what they have forgotten.
   *
   * @returns whether that was not said before: the other end is to hear of it
   */
  close(pipe: Descriptor, writer: FrameSender): boolean {
    const isNews = pipe.writers.delete(writer);
    if (pipe.writers.size === 0 && pipe.isSent) this.#remove(pipe);
    return isNews;
  }

  /** The guard opens a pipe of its own, from the container. Returns its number. */
  openOwn(reader: PipeReader): number {
    const number = this.#nextOwn--;
    this.#add(new Descriptor(number, "pipe", "host", { isSent: true, writers: new Set(["container"]), reader }));
    return number;
  }

  /** A pipe of which the guard is an end is over: what still comes is for nobody. */
  forget(number: number): void {
    this.#remove(this.#known.get(number));
  }

  /** Whether a pipe is not over. */
  isOpen(number: number): boolean {
    return this.#known.has(number);
  }

  /** Whether descriptors of the host's wait for their message. */
  areWaiting(): boolean {
    return this.#queues.host.length > 0;
  }

  /**
   * Queues a descriptor for the next messages. Returns whether it is a real one: the other end is told of no others.
   */
  send(sender: FrameSender, number: number): boolean {
    const queue = this.#queues[sender];
    if (queue.length >= maxQueued) throw new Violation("too many descriptors wait for a message");
    const found = this.#known.get(number);
    if (!found && sender === "host" && openerOf(number) === sender && -number > this.#highest.host) {
      this.#highest.host = -number;
      queue.push(new Descriptor(number, "none", sender));
      return false;
    }
    if (!found || found.opener !== sender || found.isSent) throw new Violation("an unknown descriptor is sent");
    found.isSent = true;
    if (found.kind === "pipe" && found.writers.size === 0) this.#remove(found);
    queue.push(found);
    return true;
  }

  /** Takes the next descriptor for a message's argument. In the place of a file of the host's there may be none. */
  take(sender: FrameSender, kind: "file" | "pipe"): Descriptor {
    const next = this.#queues[sender].shift();
    if (next?.kind === "none" && kind === "file") return next;
    if (next?.kind !== kind) throw new Violation("a message has a descriptor of the wrong kind");
    // What the host's end sends is a keymap or the like: waypipe changes it no more.
    if (sender === "host" && kind === "file") this.#remove(next);
    return next;
  }

  use(file: Descriptor): void {
    file.uses++;
  }

  /** It does so no longer; with the last of them, the file ends. */
  release(file: Descriptor): void {
    if (--file.uses === 0) this.#remove(file);
  }

  #add(descriptor: Descriptor): void {
    this.#known.set(descriptor.number, descriptor);
    this.#counts[descriptor.kind]++;
    this.#filesBytes += descriptor.size;
  }

  #remove(descriptor: Descriptor | undefined): void {
    if (!descriptor || this.#known.get(descriptor.number) !== descriptor) return;
    this.#known.delete(descriptor.number);
    this.#counts[descriptor.kind]--;
    this.#filesBytes -= descriptor.size;
  }

  #checkSize(size: number, before: number): void {
    if (size > maxFileBytes || this.#filesBytes - before + size > maxFilesBytes) {
      throw new Violation("its pictures need too much memory");
    }
  }
}

function openerOf(number: number): FrameSender {
  return number > 0 ? "container" : "host";
}
