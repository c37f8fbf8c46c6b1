/**
 * The container's user, who runs the apps. create.ts stores name, uid and home in the instance's configuration, which
 * the container cannot change; the container is never asked for them again.
 */

import { engineLine, labelOf } from "../engine/engine.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { inputError, UserError } from "../base/errors.ts";

/** A user of a container. All fields are text; in a dry run, placeholders. */
export interface ContainerUser {
  name: string;
  /** The user's id, in decimal. */
  uid: string;
  /** The id of the user's primary group, in decimal. */
  gid: string;
  /** The user's home: an absolute path. */
  home: string;
}

/** The instance's configuration key that holds its user, as {@linkcode formatUser} writes it. */
export const userKey = "user.gui-container.user";

/** The user of a container without {@linkcode userKey}, which an older create.ts made: the user in Ubuntu's images. */
export const ubuntuUser: ContainerUser = { name: "ubuntu", uid: "1000", gid: "1000", home: "/home/ubuntu" };

/** Paths in a container, in the home of its user. */
export interface ContainerPaths {
  /** Sockets and logs of sessions, shared with the host. */
  sockets: string;
  /** Files that both sides may use, shared with the host. */
  share: string;
  /** The files that map.ts lends. */
  maps: string;
}

export function containerPaths({ home }: ContainerUser): ContainerPaths {
  return { sockets: `${home}/.xpra`, share: `${home}/share`, maps: `${home}/maps` };
}

/** The user as one line: `NAME:UID:GID:HOME`. */
export function formatUser({ name, uid, gid, home }: ContainerUser): string {
  return [name, uid, gid, home].join(":");
}

/** A command line that runs a program as the user. Root in the container calls it. */
export function asUser({ uid, gid }: Pick<ContainerUser, "uid" | "gid">, argv: readonly string[]): string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...argv];
}

/** Valid user names: those that systemd accepts everywhere (systemd.io/USER_NAMES). */
const namePattern = "[A-Za-z_][A-Za-z0-9_-]{0,30}";

/**
 * The highest id of an ordinary user or group; the lowest uid is 1000. System users are below, "nobody" and users that
 * systemd creates above (systemd.io/UIDS-GIDS).
 */
const maxId = 60_000;

/**
 * The maximum length of a home's path, in characters: the path of a socket in it, with a session's name, has at most
 * 107 bytes.
 */
const maxHomeLength = 40;

/**
 * {@linkcode formatUser}'s line. The home has no character that a shell or systemd would expand, and no "." or "..".
 */
const userPattern = new RegExp(
  `^(${namePattern}):([1-9]\\d{3,4}):([1-9]\\d{0,4}):((?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)$`,
);

/**
 * Parses the line of {@linkcode formatUser}, which may come from a container.
 *
 * @returns undefined for anything but an ordinary user with a plain home
 */
export function parseUser(line: string): ContainerUser | undefined {
  const [, name, uid, gid, home] = userPattern.exec(line) ?? [];
  if (name === undefined || uid === undefined || gid === undefined || home === undefined) return undefined;
  const isOrdinary = Number(uid) <= maxId && Number(gid) <= maxId && home.length <= maxHomeLength;
  return isOrdinary ? { name, uid, gid, home } : undefined;
}

/**
 * Checks the name for the container's user that was given on the command line.
 *
 * @throws {UserError} exit code 2
 */
export function checkUserName(name: string): void {
  if (name === "root") throw inputError("root cannot be the container's user", "Name an ordinary user, or a new one");
  if (new RegExp(`^${namePattern}$`).test(name)) return;
  throw inputError(
    `"${name}" cannot be the name of the container's user`,
    'Use 1 to 31 letters, digits, "_" and "-"; start with a letter or "_"',
  );
}

/**
 * The user of a container that create.ts made.
 *
 * @throws {UserError} when {@linkcode userKey} was changed to a value that names no ordinary user
 */
export function userOf(instance: Pick<InstanceInfo, "engine" | "name" | "config">): ContainerUser {
  const line = instance.config[userKey];
  if (line === undefined) return ubuntuUser;
  const user = parseUser(line);
  if (user) return user;
  const set = ["config", "set", labelOf(instance), `${userKey}=${formatUser(ubuntuUser)}`];
  throw new UserError(`The configuration of "${instance.name}" names no ordinary user: ${userKey}`, {
    hint: `Set it to NAME:UID:GID:HOME: ${engineLine(instance.engine, set)}`,
  });
}

/** The container's user in a dry run, which asks no engine. */
export const plannedUser: ContainerUser = { name: "<USER>", uid: "<UID>", gid: "<GID>", home: "<HOME>" };
