/** A command of the user's asks the guard of a session whose windows are on this host's Wayland desktop. */

import { abortable } from "@std/async";
import { join } from "@std/path";
import { UserError } from "../../base/errors.ts";
import { readJson } from "../../base/json_file.ts";
import { lockFile } from "../../base/lock.ts";
import type { Container } from "../../container/container.ts";
import { privateDirectories } from "../../container/private_directory.ts";
import { readText, writeText } from "../../guard/sockets.ts";
import type { CarryAnswer, CarryRequest } from "../../guard/wayland/carrying.ts";
import { type GuardedSession, privateNames } from "../../guard/wayland/request.ts";

/** How long a guard may take for its answer, in milliseconds: longer than it waits for an app. */
const answerMs = 8_000;

/**
 * Asks the guard of a session. The container has no part in that: which guard it is stands in a directory that only the
 * user can write.
 *
 * @throws {UserError} when there is none on this host, or when it does not answer
 */
export async function askGuard(
  container: Container,
  { session, request }: { session: string; request: CarryRequest },
): Promise<CarryAnswer> {
  const { host, label } = container;
  // This removes what killed guards have left.
  const own = join(await container.directory(), "guard");
  const guard = (await guardsOf(container)).get(session);
  if (guard === undefined) {
    throw new UserError(`The windows of "${session}" of "${label}" are not on a desktop of yours on this host`, {
      hint: "Run it where they were opened",
    });
  }
  using _turn = await lockFile(join(guard, "turn"), { signal: host.signal });
  using listener = Deno.listen({ transport: "unix", path: own });
  const path = join(guard, privateNames.command);
  const answer = async (): Promise<CarryAnswer> => {
    using connection = await listener.accept();
    await writeText(connection, JSON.stringify(request));
    return JSON.parse(await readText(connection));
  };
  // The guard sees the socket in its directory, and connects to it.
  await Deno.rename(own, path);
  try {
    return await abortable(answer(), AbortSignal.any([host.signal, AbortSignal.timeout(answerMs)]));
  } catch (error) {
    host.signal.throwIfAborted();
    throw new UserError(`The guard of "${session}" of "${label}" does not answer`, {
      hint: "Close its windows, and start the app again",
      cause: error,
    });
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

/** The names of the sessions of a container whose windows a guard on this host has. The container has no part in that. */
export async function guardedSessions(container: Container): Promise<string[]> {
  if ((await guardsOf(container)).size === 0) return [];
  // This removes what killed guards have left.
  await container.directory();
  return [...(await guardsOf(container)).keys()];
}

/** The directories of a container's guards on this host, by the names of their sessions. */
async function guardsOf({ host, mounts }: Container): Promise<Map<string, string>> {
  const guards = new Map<string, string>();
  for (const directory of await privateDirectories(host)) {
    const noted = await readJson(join(directory, privateNames.session)) as GuardedSession | undefined | null;
    if (noted?.mounts === mounts.directory) guards.set(noted.session, directory);
  }
  return guards;
}
