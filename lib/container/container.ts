/**
 * A container that create.ts made, as the scripts hold it. It is resolved once, from the word on the command line, and
 * nobody above asks where it is: one on this machine (`local.ts`) shares directories with it, one on another
 * (`remote.ts`) is reached over one SSH connection through the engine.
 */

import { ExitCode, ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { once } from "../base/settle.ts";
import { quoteWords } from "../base/shell_words.ts";
import type { Host } from "../base/host.ts";
import { type Instance, labelOf } from "../engine/engine.ts";
import { type InstanceInfo, isHere } from "../engine/instance.ts";
import type { OpenFifo } from "./fifo.ts";
import type { Loan } from "./lend/loan.ts";
import type { SessionLoans } from "./lend/session_loans.ts";
import type { LendRequest, SourceFile } from "./lend/source_file.ts";
import { localContainer } from "./local.ts";
import { mountsOf } from "./mounts.ts";
import { findOurs } from "./ours.ts";
import { adviceOptions, type EngineOptions, findPlace, type Place } from "./place.ts";
import { containerRecordPath } from "./record.ts";
import type { SessionLog } from "./session_log.ts";
import type { ScriptOptions, SshRunOptions } from "./ssh.ts";
import { type ContainerPaths, type ContainerUser, parseUser, plannedUser } from "./user.ts";

/** What is in a container: its user, and the paths in that user's home. */
export interface Inside extends ContainerPaths {
  /** Its user, who runs the apps. */
  user: ContainerUser;
}

/** A container that is resolved. What it has opened ends with its scope. */
export interface Container extends Place, AsyncDisposable {
  /** The directory of the sessions' sockets, where this machine shares it with the container. */
  readonly sharedSockets: string | undefined;
  /** Whether what passes between it and this machine crosses a network: it is kept small then. */
  readonly crossesNetwork: boolean;
  /** Whether it runs; true in a dry run. */
  isRunning(): Promise<boolean>;
  /** Whether its network is closed or limited, so that it reaches less than the host does; false in a dry run. */
  isConfined(): Promise<boolean>;
  /** Starts the container if it does not run, and finds out how SSH reaches it. */
  reach(): Promise<Inside>;
  /** The same; and opens the connection by which all that follows goes, where one for each would be slow. */
  connect(): Promise<Inside>;
  /** Runs a program as the container's user; see `sshRun`. */
  run(argv: readonly string[], options?: SshRunOptions): Promise<ProcessResult>;
  /** Runs a script for sh as the container's user; see `sshScript`. */
  script(options: ScriptOptions): Promise<ProcessResult>;
  /** The command line that runs a program as the container's user, for a caller that starts it by itself. */
  command(argv: readonly string[]): Promise<string[]>;
  /** This run's private directory on the host, which no container sees. */
  directory(): Promise<string>;
  /**
   * A socket on this side by which a client comes to a session. It leads to the socket that was there when it was asked
   * for, whatever the container puts in its place later.
   *
   * @throws {SocketReplaced} when there is something else in its place
   */
  socket(session: string): Promise<string>;
  /** Lends files to the container, which runs: themselves where it is on this machine, else copies of them. */
  lend(files: readonly SourceFile[], request: LendRequest): Promise<Loan[]>;
  /** The files that are lent to the apps of one of its sessions. */
  loans(session: string): Promise<SessionLoans>;
  /** Gives the container a socket `name` in the directory of the sockets, which leads to one on this side. */
  lendSocket(path: string, name: string): Promise<string>;
  /** The sessions whose sockets are there; undefined where the container would have to be asked. */
  seenSessions(): Promise<string[] | undefined>;
  /** Has the list of all sessions ask this container, too. A failure only costs its sessions their lines there. */
  noteUse(): void;
  /** The end of the log of a session, or of the one that has printed last; undefined where there is none. */
  log(options: { session: string | undefined; bytes: number }): Promise<SessionLog | undefined>;
  /**
   * What comes through a FIFO in the directory of the sockets: that FIFO, or the command line of a program that
   * prints it. Undefined where it is known that there is no such FIFO.
   */
  readFifo(name: string): Promise<OpenFifo | { argv: string[] } | undefined>;
  /** Whether a connection of {@linkcode Container.connect} is lost. */
  isLost(): Promise<boolean>;
  /**
   * Opens a connection again that is lost. Tries until it succeeds, or until the run is to end.
   *
   * @throws {UserError} when nothing is to be expected any more: the container does not run, or is not the one it was
   */
  reconnect(): Promise<void>;
  /** The same container for another host, such as the one for cleaning up. */
  on(host: Host): Container;
}

/** What is known of a container when it is resolved. */
export interface KnownContainer extends Place {
  /** Its user, where that is known without the engine: for a dry run. */
  plannedUser: ContainerUser;
  /** How long it may take to boot, in milliseconds. */
  bootTimeoutMs?: number;
  /**
   * What the engine says of it, with its address, asked once; undefined in a dry run.
   *
   * @throws {UserError} when there is no such container, or when create.ts did not make it
   */
  instance(): Promise<InstanceInfo | undefined>;
  /** What the engine has said of it before: that may do. */
  listed?: InstanceInfo;
}

/**
 * Finds out what a word on the command line means, `[REMOTE:]NAME`. By create.ts's record this takes no call of the
 * engine, unless the container is in a cluster, which may have moved it.
 *
 * @throws {UserError} exit code 2 for a word that is not a container's name, and for an unknown remote
 */
export async function resolveContainer(
  host: Host,
  options: EngineOptions & { word: string },
): Promise<Container> {
  const { record, server, ...place } = await findPlace(host, options);
  const { name } = place;
  const isAlone = server.isLocal && record?.location === "none";
  const known: KnownContainer = {
    ...place,
    plannedUser: parseUser(record?.user ?? "") ?? plannedUser,
    instance: once(async () => {
      if (host.dryRun) return undefined;
      const engine = await place.engine;
      const instance = await findOurs({ engine, name }, { withState: server.isLocal });
      // Its server has joined a cluster since it was made.
      if (isAlone && !await isHere(instance)) throw hasMoved(place, instance);
      return instance;
    }),
  };
  const isLocal = server.isLocal && (host.dryRun || isAlone || await isOnThisMachine(known));
  return isLocal ? localContainer(known) : await loadRemote(known);
}

/** The container of this name on a server. */
export async function containerOn(instance: Instance): Promise<Container> {
  const { host, cli, server: { project } } = instance.engine;
  return await resolveContainer(host, { word: labelOf(instance), engine: cli, project });
}

/**
 * A container that the engine has just listed.
 *
 * @param options `bootTimeoutMs`: how long it may take to boot, in milliseconds
 */
export async function containerOf(
  instance: InstanceInfo,
  { bootTimeoutMs }: { bootTimeoutMs?: number } = {},
): Promise<Container> {
  const { engine, name } = instance;
  const known: KnownContainer = {
    ...{ host: engine.host, name, label: labelOf(instance), mounts: mountsOf(instance) },
    options: adviceOptions(engine),
    engine: Promise.resolve(engine),
    plannedUser,
    listed: instance,
    ...(bootTimeoutMs === undefined ? {} : { bootTimeoutMs }),
    instance: once(() => findOurs(instance, { withState: engine.server.isLocal })),
  };
  return await isHere(instance) ? localContainer(known) : await loadRemote(known);
}

/** Loaded only where it is needed: most containers are on this machine. */
async function loadRemote(known: KnownContainer): Promise<Container> {
  const { remoteContainer } = await import("./remote.ts");
  return remoteContainer(known);
}

/**
 * Whether the engine says that a container is on this machine. Where it does not answer, the directories are a sign:
 * create.ts makes those that are shared on this machine only.
 */
async function isOnThisMachine({ instance, mounts }: KnownContainer): Promise<boolean> {
  try {
    return await isHere((await instance())!);
  } catch (error) {
    const noAnswer = error instanceof ProcessError ||
      error instanceof UserError && error.exitCode === ExitCode.noEngine;
    if (!noAnswer) throw error;
    return !await exists(mounts.directory) || await exists(mounts.xpra);
  }
}

function hasMoved({ label, mounts }: Place, { location }: InstanceInfo): UserError {
  const path = containerRecordPath(mounts);
  return new UserError(`The container "${label}" is on another machine now: on the member "${location}"`, {
    hint: `Its record says otherwise. Remove it, and run this again: rm ${quoteWords([path])}`,
  });
}
