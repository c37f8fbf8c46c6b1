/**
 * The file descriptors of a connection. waypipe gives each a number, under which its ends exchange kind and content.
 */

import { Violation } from "../faults.ts";
import type { PipeReader } from "./carrying.ts";
import { maxDataBytes } from "../limits.ts";

/** The end that has sent something. */
export type FrameSender = "container" | "host";

export class Descriptor {
  /** The size of a file, in bytes. */
  size = 0;
  /** Whether it was queued for a message. */
  isSent = false;
  /** How many objects use a file. The file ends with the last one. */
  uses = 0;
  /** How many bytes have come through a pipe. */
  written = 0;
  /** For a pipe: records these bytes, and returns whether they pass. By default, all pass. */
  mayPass?: (bytes: number) => boolean;
  /** For a pipe: which ends may still write into it. One frame ends that: either the writer's own, or the reader's. */
  writers = new Set<FrameSender>();
  /**
   * Takes what the end that did not open the pipe sends into it, in place of the opener. For the guard's own pipes,
   * which the host's end does not know, or an app's.
   */
  reader?: PipeReader;

  /**
   * A descriptor with waypipe's number for it. Only its opener may change a file. "none": waypipe could not pass it on,
   * but sent a number.
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

/** The largest file, in bytes: foot has 512 MiB for the buffers of each window. */
const maxFileBytes = 2 ** 30;
/**
 * How large all files together may be, in bytes: twelve windows of `foot --server`. waypipe maps each file twice, in 16
 * GiB of address space; its sandbox limits how much of that is in memory.
 */
const maxFilesBytes = 6 * 2 ** 30;
const maxOpenFiles = 1024;
/** Pipes that may be open at a time. waypipe may have 1024 descriptors, and needs three for each pipe. */
const maxPipes = 128;
/** Descriptors that may wait for their message. */
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
    // waypipe numbers its own from 1 upwards in the container, and from -1 downwards on the host; 0.11 not in sequence.
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
   * Returns the descriptor of this number; undefined if it has ended and the sender did not know that yet.
   *
   * @throws {Violation} when there never was such a descriptor
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

  /** Counts bytes that an end sends into a pipe. Returns whether they pass: data beyond the limit is cut off. */
  write(pipe: Descriptor, bytes: number): boolean {
    pipe.written += bytes;
    return pipe.written <= maxDataBytes && pipe.mayPass?.(bytes) !== false;
  }

  /**
   * Notes that an end no longer writes into a pipe, as that end or its reader reports. The pipe ends with its last
   * writer: waypipe's ends then forget it, and 0.8 and 0.9 close the connection at a frame about a forgotten pipe.
   *
   * @returns whether that is new, so that the other end must hear of it
   */
  close(pipe: Descriptor, writer: FrameSender): boolean {
    const isNews = pipe.writers.delete(writer);
    if (pipe.writers.size === 0 && pipe.isSent) this.#remove(pipe);
    return isNews;
  }

  /** Opens a pipe from the container to the guard. Returns its number. */
  openOwn(reader: PipeReader): number {
    const number = this.#nextOwn--;
    this.#add(new Descriptor(number, "pipe", "host", { writers: new Set(["container"]), reader }));
    return number;
  }

  /** Forgets a pipe that the guard reads or writes: what still comes is dropped. */
  forget(number: number): void {
    this.#remove(this.#known.get(number));
  }

  /** Whether a pipe has not ended. */
  isOpen(number: number): boolean {
    return this.#known.has(number);
  }

  /** Whether descriptors of the host's wait for their message. */
  areWaiting(): boolean {
    return this.#queues.host.length > 0;
  }

  /**
   * Queues a descriptor for the next messages. Returns whether it is a real one: the other end must not hear of others.
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

  /** Takes the next descriptor for a message's argument. For a file from the host, its kind may be "none". */
  take(sender: FrameSender, kind: "file" | "pipe"): Descriptor {
    const next = this.#queues[sender].shift();
    if (next?.kind === "none" && kind === "file") return next;
    if (next?.kind !== kind) throw new Violation("a message has a descriptor of the wrong kind");
    // The host's end sends only keymaps and the like, which waypipe never changes.
    if (sender === "host" && kind === "file") this.#remove(next);
    return next;
  }

  use(file: Descriptor): void {
    file.uses++;
  }

  /** An object no longer uses a file. The file ends with its last user. */
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
