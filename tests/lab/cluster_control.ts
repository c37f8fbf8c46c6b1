/**
 * Kills and starts servers of `lab cluster` and slows their links, for tests too: these run as the lab's user, and a
 * process of root, which listens on a socket that only this user can open, does for them these few things and no
 * others.
 */

import { join } from "@std/path";
import { inputError, UserError } from "../../lib/base/errors.ts";
import { runtimeDir } from "./checkout.ts";
import {
  clearLink,
  ensureHostBridge,
  killServer,
  type Link,
  type ServerName,
  serverNames,
  setLink,
  startServer,
} from "./cluster_servers.ts";
import { endProcess, launchDaemon, logTail, socketAnswers, until } from "./daemons.ts";
import { hint } from "./options.ts";
import { labState, saveState } from "./state.ts";
import type { Lab } from "./steps.ts";

/** Something that can be asked for; without a link in `link`, it is to be as fast as it was. */
export type ControlRequest =
  | { command: "kill" | "start"; server: ServerName }
  | { command: "link"; server: ServerName; link?: Link };

/** What the socket gives back. */
type Answer = { said: string } | { error: string };

/** How long a request may take: a daemon that starts alone waits for the other members of its cluster. */
const timeoutMs = 90_000;

/**
 * Does what the words say: `kill SERVER`, `start SERVER`, `link SERVER [--delay 20ms] [--rate 10mbit] [--drop]`.
 * Returns what was done, in a few words. The delay is that of a round trip, half of it each way.
 *
 * @example
 * ```ts
 * await controlCluster(["kill", "m2"]);
 * await controlCluster(["link", "far", "--delay=20ms", "--rate=10mbit"]);
 * ```
 * @throws {UserError} for words that it does not know, and when it cannot be done
 */
export async function controlCluster(words: readonly string[]): Promise<string> {
  const request = parseControl(words);
  if (Deno.uid() === 0) return await perform(request);
  let connection: Deno.Conn;
  try {
    connection = await Deno.connect({ transport: "unix", path: socketPath() });
  } catch (cause) {
    throw new UserError("The cluster is not up, or belongs to another user", {
      hint: "deno task lab cluster up, as root",
      cause,
    });
  }
  using _closed = connection;
  await write(connection, words);
  const answer = await read<Answer>(connection);
  if ("error" in answer) throw new UserError(answer.error, { hint: "See deno task lab status" });
  return answer.said;
}

/** What the words ask for. */
export function parseControl(words: readonly string[]): ControlRequest {
  const [command, server, ...rest] = words;
  if (command !== "kill" && command !== "start" && command !== "link") {
    throw inputError(`Unknown command "cluster ${command ?? ""}"`, hint);
  }
  if (!isServer(server)) {
    throw inputError(`There is no server "${server ?? ""}": they are ${serverNames.join(", ")}`, hint);
  }
  if (command === "link") return rest.length === 0 ? { command, server } : { command, server, link: parseLink(rest) };
  if (rest.length > 0) throw inputError(`Unexpected "${rest[0]}"`, hint);
  return { command, server };
}

function isServer(name: string | undefined): name is ServerName {
  return (serverNames as readonly (string | undefined)[]).includes(name);
}

function parseLink(words: readonly string[]): Link {
  const link: Link = { roundTripMs: 0, rateMbit: 0, drop: false };
  const rest = words.flatMap((word) => /^--\w+=/.test(word) ? word.split("=", 2) : [word]);
  for (let word; (word = rest.shift()) !== undefined;) {
    if (word === "--drop") link.drop = true;
    else if (word === "--delay") link.roundTripMs = amount(rest.shift(), "ms", word);
    else if (word === "--rate") link.rateMbit = amount(rest.shift(), "mbit", word);
    else throw inputError(`Unexpected "${word}"`, hint);
  }
  return link;
}

function amount(text: string | undefined, unit: string, option: string): number {
  const [, number] = new RegExp(`^(\\d+(?:\\.\\d+)?)${unit}$`).exec(text ?? "") ?? [];
  if (number === undefined) throw inputError(`The option ${option} needs a number with "${unit}" behind it`, hint);
  return Number(number);
}

/** Serves the lab's user, until it is ended: what `lab cluster control` does, as root. */
export async function serveControl(): Promise<number> {
  const { user } = labState();
  if (Deno.uid() !== 0 || !user) throw inputError("Only lab cluster up starts this", hint);
  const path = socketPath();
  await Deno.remove(path).catch(() => {});
  Deno.umask(0o177);
  const listener = Deno.listen({ transport: "unix", path });
  Deno.umask(0o022);
  Deno.chownSync(path, user.uid, user.gid);
  let last: Promise<unknown> = Promise.resolve();
  for await (const connection of listener) {
    // One after the other: a start and a kill of the same server get in each other's way.
    // One that went away does not hear the answer.
    last = last.then(() => serve(connection)).catch(() => {});
  }
  return 0;
}

async function serve(connection: Deno.Conn): Promise<void> {
  using _closed = connection;
  let answer: Answer;
  try {
    answer = { said: await perform(parseControl((await read<unknown[]>(connection)).map(String))) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  await write(connection, answer);
}

async function perform(request: ControlRequest): Promise<string> {
  const { cluster } = labState();
  if (!cluster) throw new UserError("The cluster is not up", { hint: "deno task lab cluster up" });
  const { server } = request;
  switch (request.command) {
    case "kill":
      return `${server}: ${await killServer(server)} processes killed`;
    case "start":
      await ensureHostBridge(cluster.subnet);
      await startServer(server, cluster.subnet);
      return `${server}: started`;
    case "link":
      if (!request.link) {
        await clearLink(server);
        return `${server}: the link is as it was`;
      }
      await setLink(server, request.link, cluster.subnet);
      return `${server}: ${describeLink(request.link)}`;
  }
}

function describeLink({ roundTripMs, rateMbit, drop }: Link): string {
  if (drop) return "nothing comes through";
  return `${roundTripMs} ms, ${rateMbit === 0 ? "no limit" : `${rateMbit} Mbit/s`}`;
}

/** Starts the process that serves the lab's user, in place of one that runs an older version of this. */
export async function restartControl(lab: Lab): Promise<void> {
  await stopControl(lab);
  const { cluster } = lab.state;
  if (!cluster) return;
  Deno.mkdirSync(runtimeDir(), { recursive: true });
  const main = new URL("main.ts", import.meta.url).href;
  cluster.control = launchDaemon("cluster-control", [Deno.execPath(), "run", "-A", main, "cluster", "control"]);
  saveState(lab.state);
  if (await until(() => socketAnswers(socketPath()))) return;
  throw new UserError(`The cluster's control does not come up: ${logTail("cluster-control")}`, {
    hint: "deno task lab cluster up tries again",
  });
}

/** Ends that process. */
export async function stopControl(lab: Lab): Promise<void> {
  await endProcess(lab.state.cluster?.control);
  await Deno.remove(socketPath()).catch(() => {});
}

function socketPath(): string {
  return join(runtimeDir(), "cluster.socket");
}

async function write(connection: Deno.Conn, value: unknown): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  writer.releaseLock();
}

/** One line of JSON. */
async function read<T>(connection: Deno.Conn): Promise<T> {
  const timer = setTimeout(() => connection.close(), timeoutMs);
  try {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4096);
    let text = "";
    for (let length; !text.includes("\n") && (length = await connection.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
      if (text.length > 65536) throw new Error("Too long a line");
    }
    return JSON.parse(text) as T;
  } finally {
    clearTimeout(timer);
  }
}
