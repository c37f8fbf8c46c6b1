/**
 * A container that create.ts made. The scripts resolve it once, from the word on the command line; after that, no
 * caller needs to know where it is. A container on this machine (`local.ts`) shares directories with it; one on another
 * machine (`remote.ts`) is reached over one SSH connection through the engine.
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

/** A container's user, and the paths in that user's home. */
export interface Inside extends ContainerPaths {
  user: ContainerUser;
}

/** The parts of a container that depend on its place: on this machine, or on another. */
export interface Site {
  /** Whether data between it and this machine crosses a network: then little is sent, and no directories are shared. */
  readonly crossesNetwork: boolean;
  /** Like {@linkcode Container.boot}. On another machine, also opens one connection for all later commands. */
  connect(): Promise<Inside>;
  /**
   * A socket on this side that connects a client to a session. It keeps leading to the socket that was there at the
   * time of this call, whatever the container puts in its place later.
   *
   * @throws {Error} when something else is in its place
   */
  socket(session: string): Promise<string>;
  /** Lends files to the running container: the files themselves if it is on this machine, else copies. */
  lend(files: readonly SourceFile[], request: LendRequest): Promise<Loan[]>;
  /** Makes a socket `name` in the container's directory of sockets that leads to a socket on this side. */
  lendSocket(path: string, name: string): Promise<string>;
  /** The sessions that have a socket on this side; undefined if only the container knows them. */
  seenSessions(): Promise<string[] | undefined>;
  /** The end of a session's log, by default of the log written to last; undefined if there is none. */
  log(options: { session: string | undefined; bytes: number }): Promise<SessionLog | undefined>;
  /**
   * Reads a FIFO in the directory of the sockets: returns the open FIFO, or the command line of a program that prints
   * what comes through it. Undefined if it is certain that there is no such FIFO.
   */
  readFifo(name: string): Promise<OpenFifo | { argv: string[] } | undefined>;
  /** Whether a connection of {@linkcode Site.connect} is lost. */
  isLost(): Promise<boolean>;
  /**
   * Opens a lost connection again. Tries until it succeeds, or the run is told to end.
   *
   * @throws {UserError} when retrying is useless: the container does not run, or is a different one
   */
  reconnect(): Promise<void>;
}

/** A resolved container. Whatever it opens is closed at the end of its scope. */
export interface Container extends Address, Site, AsyncDisposable {
  readonly host: Host;
  readonly history: History;
  /** Its status in the engine: "Running", "Stopped", "Frozen", …; "Running" in a dry run. */
  status(): Promise<string>;
  /** Whether its network is closed or limited, so that it can reach less than the host can; false in a dry run. */
  isConfined(): Promise<boolean>;
  /** Starts the container if it does not run. */
  boot(): Promise<Inside>;
  /** Like {@linkcode Container.boot}, but does not wait for the engine if the container's record has the answer. */
  inside(): Promise<Inside>;
  /** Like {@linkcode Container.boot}, and waits until SSH reaches it. */
  reach(): Promise<Inside>;
  /** Runs an sh script as the container's user; see `sshScript`. */
  script(options: ScriptOptions): Promise<ProcessResult>;
  /** The same, but if this run is booting a container on this machine, before SSH reaches it: see `runAtBoot`. */
  earlyScript(options: ScriptOptions): Promise<ProcessResult>;
  /** The command line that runs a program as the container's user, for callers that start it themselves. */
  command(argv: readonly string[]): Promise<string[]>;
  /** This run's private directory on the host, which no container sees. */
  directory(): Promise<string>;
  /** The files that are lent to the apps of one of its sessions. */
  loans(session: string): Promise<SessionLoans>;
}

/** What is known about a container before it is used. */
export interface KnownContainer extends Address, BootOptions, Pick<Container, "host" | "history"> {
  /** Its user as far as known without the engine, for a dry run. */
  plannedUser: ContainerUser;
  /** Whether it is a copy that has never run. */
  isNew?: boolean;
  /**
   * Its state in the engine, with its address. The engine is asked once. Undefined in a dry run.
   *
   * @throws {UserError} when there is no such container, or when create.ts did not make it
   */
  instance(): Promise<InstanceInfo | undefined>;
  /** From its record: its user, and its last known address. Undefined if the container may have moved. */
  last?: { user: ContainerUser; address: string | undefined } | undefined;
  /** Its state in an earlier list of the engine, for callers that need nothing newer. */
  listed?: InstanceInfo | undefined;
}
