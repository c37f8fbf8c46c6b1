/**
 * A container that create.ts made, as the scripts hold it. It is resolved once, from the word on the command line, and
 * nobody above asks where it is: one on this machine (`local.ts`) shares directories with it, one on another
 * (`remote.ts`) is reached over one SSH connection through the engine.
 */

import type { ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import type { Address } from "./address.ts";
import type { BootOptions } from "./connect.ts";
import type { History } from "./history.ts";
import type { Loan, SessionLoans } from "./lend/loan.ts";
import type { LendRequest, SourceFile } from "./lend/source_file.ts";
import type { OpenFifo, SessionLog } from "./session_files.ts";
import type { ScriptOptions } from "./ssh.ts";
import type { ContainerPaths, ContainerUser } from "./user.ts";

/** What is in a container: its user, and the paths in that user's home. */
export interface Inside extends ContainerPaths {
  user: ContainerUser;
}

/** What depends on where a container is: on this machine, or on another one. */
export interface Site {
  /**
   * Whether what passes between it and this machine crosses a network: it is kept small then, and no directories are
   * shared.
   */
  readonly crossesNetwork: boolean;
  /**
   * Like {@linkcode Container.boot}, and opens one connection for all that follows, where one for each would be slow.
   */
  connect(): Promise<Inside>;
  /**
   * A socket on this side that leads a client to a session. It leads to the socket that was there when it was asked
   * for, whatever the container puts in its place later.
   *
   * @throws {Error} when there is something else in its place
   */
  socket(session: string): Promise<string>;
  /** Lends files to the container, which runs: themselves where it is on this machine, else copies of them. */
  lend(files: readonly SourceFile[], request: LendRequest): Promise<Loan[]>;
  /** Gives the container a socket `name` in the directory of the sockets, which leads to one on this side. */
  lendSocket(path: string, name: string): Promise<string>;
  /** The sessions that have a socket on this side; undefined where only the container knows. */
  seenSessions(): Promise<string[] | undefined>;
  /** The end of the log of a session, or of the one that has printed last; undefined where there is none. */
  log(options: { session: string | undefined; bytes: number }): Promise<SessionLog | undefined>;
  /**
   * What comes through a FIFO in the directory of the sockets: that FIFO, or the command line of a program that
   * prints it. Undefined where it is known that there is no such FIFO.
   */
  readFifo(name: string): Promise<OpenFifo | { argv: string[] } | undefined>;
  /** Whether a connection of {@linkcode Site.connect} is lost. */
  isLost(): Promise<boolean>;
  /**
   * Opens a connection again that is lost. Tries until it succeeds, or until the run is to end.
   *
   * @throws {UserError} when nothing is to be expected any more: the container does not run, or is not the one it was
   */
  reconnect(): Promise<void>;
}

/** A container that is resolved. What it has opened ends with its scope. */
export interface Container extends Address, Site, AsyncDisposable {
  readonly host: Host;
  readonly history: History;
  /** What the engine says of it: "Running", "Stopped", "Frozen", …; "Running" in a dry run. */
  status(): Promise<string>;
  /** Whether its network is closed or limited, so that it reaches less than the host does; false in a dry run. */
  isConfined(): Promise<boolean>;
  /** Starts the container if it does not run. */
  boot(): Promise<Inside>;
  /** Like {@linkcode Container.boot}, but does not wait for the engine where the container's record has the answer. */
  inside(): Promise<Inside>;
  /** The same, and waits until SSH reaches it. */
  reach(): Promise<Inside>;
  /** Runs a script for sh as the container's user; see `sshScript`. */
  script(options: ScriptOptions): Promise<ProcessResult>;
  /** The same, but while this run boots a container on this machine, before SSH reaches it: see `runAtBoot`. */
  earlyScript(options: ScriptOptions): Promise<ProcessResult>;
  /** The command line that runs a program as the container's user, for a caller that starts it by itself. */
  command(argv: readonly string[]): Promise<string[]>;
  /** This run's private directory on the host, which no container sees. */
  directory(): Promise<string>;
  /** The files that are lent to the apps of one of its sessions. */
  loans(session: string): Promise<SessionLoans>;
}

/** What the scripts know of a container before they use it. */
export interface KnownContainer extends Address, BootOptions, Pick<Container, "host" | "history"> {
  /** Its user, where that is known without the engine: for a dry run. */
  plannedUser: ContainerUser;
  /** Whether it is a copy that has never run. */
  isNew?: boolean;
  /**
   * What the engine says of it, with its address, asked once; undefined in a dry run.
   *
   * @throws {UserError} when there is no such container, or when create.ts did not make it
   */
  instance(): Promise<InstanceInfo | undefined>;
  /** What its record says: its user, and its address when the engine last said one. Undefined where it may have moved. */
  last?: { user: ContainerUser; address: string | undefined } | undefined;
  /** What the engine has said of it before: that may do. */
  listed?: InstanceInfo | undefined;
}
