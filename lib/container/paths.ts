/** The paths of a container on the host: its directories, and the files with its records. */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { type OnServer, withRemote } from "../engine/server.ts";

export interface Mounts {
  /** `MOUNTS/NAME`. */
  directory: string;
  /** Sockets and logs of sessions. In the container: `.xpra` in the user's home. */
  sockets: string;
  /** Files shared by both sides. In the container: `share` in the user's home. */
  share: string;
  /** These two directories, the only ones that the container sees; empty if its server is on another machine. */
  shared: readonly string[];
  /** The file that pins the container's SSH host keys. */
  knownHosts: string;
  /** The directory with ssh's settings for the container: they name the keys that ssh offers. */
  ssh: string;
}

/**
 * The directory of all containers: `$GUI_CONTAINER_MOUNTS` or else `$HOME/container_mounts`.
 *
 * @throws {UserError} exit code 2 when neither variable is set, and for a path that Deno or ssh cannot use
 */
export function mountsRoot(host: Pick<Host, "env">): string {
  const home = host.env("HOME");
  const base = host.env("GUI_CONTAINER_MOUNTS") ?? (home && join(home, "container_mounts"));
  if (!base) throw inputError("Neither $GUI_CONTAINER_MOUNTS nor $HOME is set", "Set one of them");
  if (!base.startsWith("/")) {
    throw inputError(`$GUI_CONTAINER_MOUNTS is not an absolute path: "${base}"`, "Start it with /");
  }
  // Deno splits lists of paths at commas. The other characters are special in ssh's options that name a file.
  // deno-lint-ignore no-control-regex
  if (/[,"\\$\x00-\x1f\x7f]/.test(base)) {
    throw inputError(
      `The directories of containers cannot be in "${base}"`,
      'Set $GUI_CONTAINER_MOUNTS to a path without commas, ", \\, $ and control characters',
    );
  }
  return base;
}

/**
 * Refuses a world-writable directory of all containers: it holds pinned host keys, records and locks. A missing one is
 * made later.
 *
 * @throws {UserError} exit code 2 when others may write to it; and as {@linkcode mountsRoot}
 */
export async function checkMountsRoot(host: Pick<Host, "env">): Promise<void> {
  const root = mountsRoot(host);
  const mode = (await Deno.stat(root).catch(() => undefined))?.mode ?? 0;
  if ((mode & 0o002) === 0) return;
  throw inputError(
    `Everybody may write in "${root}", where the keys of containers are pinned`,
    `Set $GUI_CONTAINER_MOUNTS to a directory of your own, or run: chmod o-w ${quoteWords([root])}`,
  );
}

/** The lock file in the directory of all containers, for actions that only one run may take at a time. */
export function lockPath(root: string): string {
  return join(root, ".lock");
}

/**
 * The prefix of the names of runs' private directories, which lie beside those of containers; no container has such a
 * name. The process id follows: attach.ts has permission only for the sockets in its own directory.
 */
export const privatePrefix = ".attach-";

/**
 * A container's name on this host, whatever the CLI's defaults are: `[REMOTE:][PROJECT_]NAME`, or just `NAME` in this
 * machine's default project, or in the project that Incus makes for each user.
 */
export function hostNameOf({ engine: { server }, name }: OnServer): string {
  const { remote, project, isLocal } = server;
  const isPlain = project === undefined || project === "default" || isLocal && /^user-\d+$/.test(project);
  return withRemote({ remote: remote === "local" ? undefined : remote }, isPlain ? name : `${project}_${name}`);
}

/**
 * The paths of a container: see {@linkcode hostNameOf}.
 *
 * @throws {UserError} as {@linkcode mountsRoot}
 */
export function mountsOf(host: Pick<Host, "env">, instance: OnServer): Mounts {
  return mountsIn(host, hostNameOf(instance), { isShared: instance.engine.server.isLocal });
}

/**
 * The paths of the container whose directory has this name, below {@linkcode mountsRoot}.
 *
 * @param options `isShared`: whether it is on this machine
 * @throws {UserError} as {@linkcode mountsRoot}
 */
export function mountsIn(
  host: Pick<Host, "env">,
  hostName: string,
  { isShared = true }: { isShared?: boolean } = {},
): Mounts {
  const directory = join(mountsRoot(host), hostName);
  const sockets = join(directory, "xpra");
  const share = join(directory, "share");
  return {
    directory,
    sockets,
    share,
    shared: isShared ? [sockets, share] : [],
    knownHosts: join(directory, "known_hosts"),
    ssh: join(directory, "ssh"),
  };
}

/**
 * The directory of files that are kept from run to run: `$XDG_STATE_HOME/gui-container`, by default below
 * `~/.local/state` (XDG Base Directory Specification).
 *
 * @throws {UserError} exit code 2 when neither variable is set
 */
export function stateDirectory(host: Pick<Host, "env">): string {
  const home = host.env("HOME");
  const state = host.env("XDG_STATE_HOME") ?? (home && join(home, ".local", "state"));
  if (state) return join(state, "gui-container");
  throw inputError("Neither $XDG_STATE_HOME nor $HOME is set", "Set one of them");
}

/** The file that a run locks while the engine chooses the ids of a new instance: see `isStartFailure`. */
export function idsLockPath(host: Pick<Host, "env">): string {
  return join(mountsRoot(host), ".ids.lock");
}

/** The file with a container's record. */
export function containerRecordPath({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "container.json");
}

/** The file that create.ts keeps locked while it makes a container. */
export function creationRecordPath({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "creating.json");
}

export function disposableRecordPath({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "disposable.json");
}
