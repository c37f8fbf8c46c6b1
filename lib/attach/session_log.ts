/** The log of a session, beside its socket: what the app and the server printed, and how the app ended. */

import { join } from "@std/path";

/** The line from which on the app may have printed. */
export const startLine = "The app is started";

/** How the app of a session ended, as far as its log tells. */
export interface AppEnding {
  /** The app's exit status; undefined when the log does not have it: the session was ended from outside. */
  status: number | undefined;
  /** Somebody stopped the session. */
  stopped: boolean;
  /** An option of the server's that the xpra in the container does not know. */
  unknownOption: string | undefined;
  /** The end of what the app and the server printed. */
  output: string;
}

/** How much of the end of a log tells how its app ended, in bytes. */
const tailBytes = 256 * 1024;

/**
 * The log of a session; of the one that was started last when no name is given. Undefined when there is none.
 *
 * @param bytes no more than so much of its end
 */
export async function readSessionLog(
  xpraDirectory: string,
  session?: string,
  bytes = Infinity,
): Promise<string | undefined> {
  try {
    const name = session ?? await newestLog(xpraDirectory);
    if (name === undefined) return undefined;
    const path = join(xpraDirectory, `${name}.log`);
    // The container can write here: a pipe in place of the log would be waited for for ever.
    const { isFile, size } = await Deno.lstat(path);
    if (!isFile) return undefined;
    using file = await Deno.open(path);
    await file.seek(Math.max(0, size - bytes), Deno.SeekMode.Start);
    return await new Response(file.readable).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function newestLog(xpraDirectory: string): Promise<string | undefined> {
  let newest: { name: string; time: number } | undefined;
  for await (const { name } of Deno.readDir(xpraDirectory)) {
    if (!name.endsWith(".log")) continue;
    const time = (await Deno.lstat(join(xpraDirectory, name))).mtime?.getTime() ?? 0;
    if (!newest || time > newest.time) newest = { name: name.slice(0, -".log".length), time };
  }
  return newest?.name;
}

/** How the app of a session that has ended did so, by its log; undefined when there is none. */
export async function appEnding(xpraDirectory: string, session: string): Promise<AppEnding | undefined> {
  const log = await readSessionLog(xpraDirectory, session, tailBytes);
  if (log === undefined) return undefined;
  const end = [...log.matchAll(/^The app ended with exit status (\d+)$/gm)].at(-1);
  const start = log.indexOf(`${startLine}\n`);
  const output = log.slice(Math.max(0, start), end?.index).split("\n").slice(1);
  return {
    status: end && Number(end[1]),
    stopped: /^The session is stopped$/m.test(log),
    unknownOption: start < 0 ? /^no such option: (\S+)$/m.exec(log)?.[1] : undefined,
    output: output.filter((line) => !xpraLine.test(line)).slice(-15).join("\n"),
  };
}

/** A line that xpra itself logs starts with its time: what is left is the app's. */
const xpraLine = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /;
