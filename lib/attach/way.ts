/**
 * The way of a run to its container: none of its own on this machine; over one connection to another machine, which is
 * opened again when it breaks, so that a session can be shown again.
 */

import { delay } from "@std/async";
import { join } from "@std/path";
import { makePrivateDirectory, sessionSocketIn } from "./attach_directory.ts";
import { socketPath } from "./session_name.ts";
import { ProcessError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { reachContainer } from "../container/connect.ts";
import { type Link, openLink } from "../container/link.ts";
import { findOurs } from "../container/ours.ts";
import type { Place } from "../container/place.ts";
import { type SshTarget, Unreachable } from "../container/ssh.ts";
import { containerPaths } from "../container/user.ts";
import { type Engine, engineOn } from "../engine/engine.ts";
import { findInstance, isHere } from "../engine/instance.ts";

/** How a container is reached. */
export interface Way {
  /** By SSH. */
  target: SshTarget;
  /** What of it exists only for a container on another machine. */
  remote?: {
    /** The connection. */
    link: Link;
    /** The private directory of this run. */
    directory: string;
  };
}

/** The pauses between tries to open a connection again, in milliseconds: each is twice as long as the last. */
const firstPauseMs = 1_000;
const longestPauseMs = 10_000;

/** How long the engine may take to say whether a container still runs, in milliseconds. */
const askMs = 10_000;

/** Whether a container seems to be on another machine, as far as that is known before its engine is asked. */
export async function seemsElsewhere({ server, mounts }: Place): Promise<boolean> {
  // For a container on another member of this machine's cluster, create.ts makes no shared directories.
  return !server.isLocal || await exists(mounts.directory) && !await exists(mounts.xpra);
}

/**
 * Starts the container if it does not run, and opens the connection to one on another machine, which ends with `scope`.
 *
 * @param options `directory`: the private directory of this run, if there is one already; `expected`: where the
 * container seemed to be. If it is not there, no connection is opened
 */
export async function findWay(
  host: Host,
  { name, mounts, engine }: Place,
  scope: AsyncDisposableStack,
  { directory, expected }: { directory?: string | undefined; expected?: "here" | "elsewhere" } = {},
): Promise<Way> {
  const target = await reachContainer(await engine, name, mounts);
  if (!target.elsewhere || expected === "here") return { target };
  const path = directory ?? scope.use(await makePrivateDirectory(host)).path;
  const link = scope.use(await openLink(host, target, path));
  return { target: link.target, remote: { link, directory: path } };
}

/** Whether the engine says that a container is on another machine. Where it does not answer, that is not known. */
export async function isElsewhere({ name, engine }: Place): Promise<boolean> {
  try {
    const asked = await engine;
    return !await isHere(asked, await findOurs(asked, name));
  } catch (error) {
    if (error instanceof UserError || error instanceof ProcessError) return false;
    throw error;
  }
}

/** The socket on this side by which a client comes to a session. */
export async function sessionSocket({ target, remote }: Way, session: string): Promise<string> {
  if (!remote) return socketPath(target.mounts.xpra, session);
  const { link, directory } = remote;
  const path = sessionSocketIn(directory);
  await link.reach(path, join(containerPaths(target.user).xpra, session));
  return path;
}

/**
 * Opens a connection again that is lost. Tries until it succeeds, or until the run is to end.
 *
 * @throws {UserError} when nothing is to be expected any more: the container does not run, or is not the one it was
 */
export async function findWayAgain(
  host: Host,
  { name, engine }: Place,
  { target, remote }: Way,
  scope: AsyncDisposableStack,
): Promise<Way> {
  const { directory } = remote!;
  host.ui.warn(`The connection to "${target.name}" is lost. The app runs on. Trying again until Ctrl-C`);
  for (let pauseMs = firstPauseMs;; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    await delay(pauseMs, { signal: host.signal });
    try {
      const link = scope.use(await openLink(host, target, directory));
      host.ui.status(`Connected to "${target.name}" again`);
      return { target: link.target, remote: { link, directory } };
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
    await checkStillThere(await engine, name, target);
  }
}

/**
 * Checks that a container may be reached again. One whose server does not answer, or whose member of the cluster is
 * down, may.
 *
 * @throws {UserError} when it is not there, does not run, or when its server is not the one it was
 */
async function checkStillThere(engine: Engine, name: string, { name: label }: SshTarget): Promise<void> {
  const { host } = engine;
  const run: Host["run"] = (argv, options) => host.run(argv, { timeoutMs: askMs, ...options });
  try {
    const instance = await findInstance(engineOn(engine, { ...host, run }), name);
    if (instance && instance.status !== "Stopped") return;
  } catch (error) {
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    // Another certificate, or one of ours that is not trusted any more.
    if (/certificate/.test(error.message)) throw error;
    return;
  }
  throw new UserError(`The container "${label}" does not run any more`, {
    hint: `Its sessions have ended with it. To start one: attach.ts ${label} APP_CMDLINE`,
  });
}
