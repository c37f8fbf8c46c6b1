/**
 * The names of containers and sessions, read from create.ts's directories on the host. A container can write to the
 * shared ones, so a name counts only if it is valid: then it has no character that is special to a shell or a terminal.
 */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import { exists, isThere, readDirectory } from "../base/files.ts";
import { disposableRecordPath } from "./paths.ts";
import { isInstanceName } from "../engine/instance_name.ts";
import { isPlainName } from "../engine/server.ts";

/**
 * Whether `name` is valid for a session. It becomes part of a systemd unit name and of paths, and xpra must not take it
 * for a URL.
 */
export function isSessionName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name) && !/\.(log|service|socket)$/.test(name);
}

/**
 * Checks the user's name for a session.
 *
 * @throws {UserError} exit code 2
 */
export function checkSessionName(name: string): void {
  if (isSessionName(name)) return;
  throw inputError(
    `"${name}" cannot be the name of a session`,
    'Use up to 64 letters, digits, "_", "." and "-"; do not end in ".log", ".service" or ".socket"',
  );
}

/** The default name of a session: the base name of the app's program, without invalid characters. */
export function sessionNameOf(program: string): string {
  const name = program.slice(program.lastIndexOf("/") + 1).replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "").slice(0, 60);
  return name || "app";
}

/** Whether a program, given by its base name, only runs others: the app has another name. */
export function isLauncher(program: string): boolean {
  return /^(?:env|flatpak|snap|gapplication|gtk-launch|xdg-open|java|wine|(?:ba|da|z)?sh|(?:gjs|node|perl|python|ruby)[0-9.]*)$/
    .test(program);
}

/** Whether a text is a valid container name, `[REMOTE:]NAME`, in the CLI's default project. */
export function isContainerName(text: string): boolean {
  const [name, remote, ...more] = text.split(":").reverse();
  return more.length === 0 && isInstanceName(name!) && (remote === undefined || isPlainName(remote));
}

/** Whether a name has the form of a disposable copy's. */
export function isDisposableName(name: string): boolean {
  return /-d[0-9a-f]{5}$/.test(name);
}

/**
 * The names of the containers whose host keys are pinned, without disposable copies and those of other projects,
 * sorted.
 *
 * @param root the directory of all containers, as `mountsRoot` returns it
 */
export async function containerNames(root: string): Promise<string[]> {
  const names = (await readDirectory(root)).map(({ name }) => name).filter(isContainerName);
  const meant = await Promise.all(names.map(async (name) => {
    const directory = join(root, name);
    return await isThere(join(directory, "known_hosts")) && !await exists(disposableRecordPath({ directory }));
  }));
  return names.filter((_, index) => meant[index]).sort();
}
