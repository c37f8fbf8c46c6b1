/** The records of lent files, lent themselves or as copies. */

import { isSameServer, type ServerRecord, withRemote } from "../../engine/server.ts";
import type { History } from "../history.ts";
import type { Acl } from "./acl.ts";
import type { HeldFile, InodeId } from "./held_file.ts";

/** The fields of every record. They identify the inode: a file that replaces it is a different file. */
export interface LoanRecord extends InodeId {
  /** The name of the record, and of a mapped file's device: `map-` and ten hexadecimal digits. */
  id: string;
  engine: string;
  server: ServerRecord;
  instance: string;
  /** The file on the host, without symbolic links. */
  hostPath: string;
  containerPath: string;
  /** The container may only read a mapped file; a copy's new version does not come back. */
  readOnly: boolean;
  /** The `Presence` of the run that will take it back; null if it stays lent until `--unmap`. */
  owner: string | null;
  /**
   * Another container handed it over: the copy may be changed, and the user is asked about its new version; see
   * `container/handed.ts`.
   */
  handed?: true;
  /** The session for which the user chose it in a dialog. */
  session?: string;
  /** The history that records that it was lent, and that it came back. */
  history?: History["keptAs"];
}

/** A file that is itself lent: mapped into the container. */
export interface Mapping extends LoanRecord {
  /** The container user's uid on the host; in a dry run, a placeholder. */
  uid: number | string;
  /** The mode bits before it was mapped. */
  mode: number;
  /** Its size before it was mapped, in bytes. */
  size: number;
  /** Its modification time before it was mapped, in milliseconds since 1970. */
  writtenMs: number;
  /** The ACL is already restored; the device or its mount point may still exist. */
  restored?: boolean;
  /** The access ACL before the first of the inode's current mappings. */
  original: Acl;
  /** The access ACL that was set for this mapping. */
  granted: Acl;
  /** The file, if this run holds it. Not part of the record. */
  file?: HeldFile;
}

/** Identifies the content of a file, to see whether it has changed. */
export interface Content {
  /** Its size, in bytes. */
  size: number;
  /** Its SHA-256, in hexadecimal. */
  sha256: string;
}

export interface LentCopy extends LoanRecord {
  /** The container's user, as `formatUser` writes it. */
  user: string;
  /** The last content that both sides had in common; null until the copy is complete. */
  lent: Content | null;
  /** At least one new version has come from the container. */
  isChanged?: true;
  /**
   * It was chosen to save to, and nothing has been saved yet. Its content was not sent to the container. `made`: it was
   * made for this, and is empty.
   */
  saving?: { made: boolean };
  /** The maximum size of a version that comes back, in bytes, over the whole loan. */
  maxBytes: number;
}

export type Loan = Mapping | LentCopy;

/** Tells the user something about a lent file. */
export type Tell = (finding: string) => void;

export interface TakeBackOptions {
  /** The run that lent them was killed; an operation that it began may still be going on. */
  wasKilled?: boolean;
  /** Called with messages for the user. Default: shows a warning. */
  tell?: Tell;
}

export function isCopy(loan: Loan): loan is LentCopy {
  return "lent" in loan;
}

/** Whether the file itself is lent, not a copy. */
export function isMapping(loan: Loan): loan is Mapping {
  return !isCopy(loan);
}

/** A container, or a disposable copy, as a loan identifies it. */
export interface Borrower {
  name: string;
  engine: string;
  server: ServerRecord;
}

export function isLentTo({ instance, engine, server }: Loan, containers: readonly Borrower[]): boolean {
  return containers.some((one) => one.name === instance && one.engine === engine && isSameServer(one.server, server));
}

/** Whether the container may have the only copy of a new version. */
export function isCopyOut(loan: Loan): loan is LentCopy {
  return isCopy(loan) && (!loan.readOnly || loan.handed === true);
}

export function labelOfLoan({ instance, server }: LoanRecord): string {
  return withRemote({ remote: server.remote === "local" ? undefined : server.remote }, instance);
}

/** The files that are lent to the apps of one session. */
export interface SessionLoans {
  /**
   * Lends files; some may already be lent.
   *
   * @param paths the paths that the user chose
   * @param options `readOnly`: copies whose changes do not come back; `handed`: may be changed: see
   * `container/handed.ts`
   * @returns their paths in the container
   * @throws {UserError} when one of them cannot be lent. Then none is lent
   */
  open(paths: readonly string[], options?: { readOnly?: boolean; handed?: boolean }): Promise<string[]>;
  /**
   * Lends a file to save to, and makes it if missing. Its content is not sent to the container.
   *
   * @returns its path in the container, where there is no file yet
   */
  save(path: string): Promise<string>;
  /** Writes back what an app has saved at this path in the container, if it is a lent file and has changed. */
  writeBack(containerPath: string): Promise<void>;
  /** The paths in the container of the copies that apps may save to. */
  copies(): string[];
  /** Takes the files back; if the session outlives this run, lets them stay lent, and says so. */
  end(options: { runsOn: boolean }): Promise<void>;
}
