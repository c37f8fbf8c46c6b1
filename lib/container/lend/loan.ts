/** The record of a lent file, which is lent itself or as a copy. */

import { isSameServer, type ServerRecord, withRemote } from "../../engine/server.ts";
import type { History } from "../history.ts";
import type { Acl } from "./acl.ts";
import type { HeldFile, InodeId } from "./held_file.ts";

/** What the records of all lent files have. They name the inode: a file that replaces it is another one. */
export interface LoanRecord extends InodeId {
  /** The name of the record, and of the device that shows a mapped file: `map-` and ten hexadecimal digits. */
  id: string;
  engine: string;
  server: ServerRecord;
  instance: string;
  /** The file on the host, without symbolic links. */
  hostPath: string;
  containerPath: string;
  /** The container may read a mapped file, not write it; a copy does not come back. */
  readOnly: boolean;
  /** The `Presence` of the run that waits and will take it back; null when it stays lent until `--unmap`. */
  owner: string | null;
  /**
   * Another container has handed it over: the copy may be changed, and the user is asked about its new version, see
   * `container/handed.ts`.
   */
  handed?: true;
  /** The session for which the user chose it, in a dialog of its own. */
  session?: string;
  /** Where it is written down that it was lent, and is to be that it came back. */
  history?: History["keptAs"];
}

/** A file that is lent itself: mapped into the container. */
export interface Mapping extends LoanRecord {
  /** The container user's uid on the host; in a dry run, what stands for it. */
  uid: number | string;
  /** The mode bits before it was mapped. */
  mode: number;
  /** Its size before it was mapped, in bytes. */
  size: number;
  /** When it was written to last before it was mapped, in milliseconds since 1970. */
  writtenMs: number;
  /** The ACL is restored already; the device, or its mount point, may still be there. */
  restored?: boolean;
  /** The access ACL before the first of all mappings that the inode has now. */
  original: Acl;
  /** The access ACL that was set for this mapping. */
  granted: Acl;
  /** The file, if this run holds it. This is not on record. */
  file?: HeldFile;
}

/** The content of a file, as far as it is needed to see whether it has changed. */
export interface Content {
  /** Its size, in bytes. */
  size: number;
  /** Its SHA-256, in hexadecimal. */
  sha256: string;
}

export interface LentCopy extends LoanRecord {
  /** The container's user, as `formatUser` writes it. */
  user: string;
  /** What both sides had in common last; null until the copy is whole. */
  lent: Content | null;
  /** A version of the container's has come, at least once. */
  isChanged?: true;
  /**
   * It was chosen to save to, and nothing has come yet. What is in the file did not go to the container. `made`: it was
   * made for this, and is empty.
   */
  saving?: { made: boolean };
  /** The largest version that comes back, in bytes, however often it has grown. */
  maxBytes: number;
}

export type Loan = Mapping | LentCopy;

/** Tells the user something about a file that was lent. */
export type Tell = (finding: string) => void;

export interface TakeBackOptions {
  /** The run that lent them was killed; what it began may just be going on. */
  wasKilled?: boolean;
  /** Is told what the user should know. Default: a warning. */
  tell?: Tell;
}

export function isCopy(loan: Loan): loan is LentCopy {
  return "lent" in loan;
}

/** Whether a file is lent itself. */
export function isMapping(loan: Loan): loan is Mapping {
  return !isCopy(loan);
}

/** A container, or a copy of one, as a loan names it. */
export interface Borrower {
  name: string;
  engine: string;
  server: ServerRecord;
}

export function isLentTo({ instance, engine, server }: Loan, containers: readonly Borrower[]): boolean {
  return containers.some((one) => one.name === instance && one.engine === engine && isSameServer(one.server, server));
}

/** Whether the container may have a version of the file that is nowhere else. */
export function isCopyOut(loan: Loan): loan is LentCopy {
  return isCopy(loan) && (!loan.readOnly || loan.handed === true);
}

export function labelOfLoan({ instance, server }: LoanRecord): string {
  return withRemote({ remote: server.remote === "local" ? undefined : server.remote }, instance);
}

/** The files that are lent to the apps of one session. */
export interface SessionLoans {
  /**
   * Lends files, those that are lent already included.
   *
   * @param paths as the user has chosen them
   * @param options `readOnly`: copies, of which nothing comes back; `handed`: these may be changed, see `container/handed.ts`
   * @returns their paths in the container
   * @throws {UserError} when one of them cannot be lent. Then none is
   */
  open(paths: readonly string[], options?: { readOnly?: boolean; handed?: boolean }): Promise<string[]>;
  /**
   * Lends a file to save to, and makes it if it is missing. Its content does not go to the container.
   *
   * @returns its path in the container, where nothing is yet
   */
  save(path: string): Promise<string>;
  /** Writes back what an app has saved at this path of the container, if the file is one of these and was changed. */
  writeBack(containerPath: string): Promise<void>;
  /** The paths in the container of copies, which may be saved to. */
  copies(): string[];
  /** Takes the files back; or if the session runs on without this run, lets them stay, and says so. */
  end(options: { runsOn: boolean }): Promise<void>;
}
