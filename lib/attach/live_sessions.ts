/** The live sessions of containers, as the containers' systemd knows them: to list, to choose, to stop, to join. */

import { attachLine } from "./advice.ts";
import findSession from "./find_session.sh" with { type: "text" };
import joinScript from "./join_session.sh" with { type: "text" };
import listScript from "./list_sessions.sh" with { type: "text" };
import stopScript from "./stop_sessions.sh" with { type: "text" };
import { noSuchApp } from "./app.ts";
import { mapSome } from "../base/settle.ts";
import { ExitCode, inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Engine } from "../engine/engine.ts";
import { findInstance, type Instance, isLost, listInstances, setConfig, whichAreHere } from "../engine/instance.ts";
import { reachContainer } from "../container/connect.ts";
import { labelOf, mountsOf } from "../container/mounts.ts";
import { isSessionName, sessionNames } from "../container/names.ts";
import { findOurs, isOurs, sessionKey } from "../container/ours.ts";
import { canAsk, sshScript, type SshTarget } from "../container/ssh.ts";
import { containerPaths } from "../container/user.ts";

/** A session that runs. */
export interface LiveSession {
  /** The name of its container. */
  container: string;
  /** Its name, unique within its container. */
  session: string;
  /** What shows its windows. */
  display: "x11" | "wayland";
  /** The app's command line, quoted for a POSIX shell. */
  app: string;
  /** The app's process id in the container. */
  pid: number;
  /** How many clients are attached. A session on Wayland has one, and lives no longer than that. */
  clients: number;
  /** When it was started, ISO 8601. */
  since: string;
}

/** How long a container may take to tell its sessions, in milliseconds. */
const listTimeoutMs = 5_000;

/**
 * How many containers are asked at once: those that do not answer cost one deadline together, and the machine has room
 * for the ssh of each.
 */
const mostAtOnce = 64;

/** The longest command line of an app that is shown, in UTF-16 code units. */
const longestApp = 4096;

/**
 * The live sessions of a container that runs, oldest first.
 *
 * @param options `mayAsk`: ssh may ask the user for a passphrase, who then has a minute to type it
 */
export async function listSessions(
  host: Host,
  target: SshTarget,
  { mayAsk = true }: { mayAsk?: boolean } = {},
): Promise<LiveSession[]> {
  const limit = mayAsk && canAsk(host) ? {} : { timeoutMs: listTimeoutMs };
  const { stdout } = await sshScript(host, target, { script: listScript, mayAsk, ...limit });
  return parseSessions(target.name, stdout);
}

/** Reads what list_sessions.sh prints. The container is not trusted: lines that do not fit are left out. */
function parseSessions(container: string, stdout: string): LiveSession[] {
  const sessions = stdout.split("\n").flatMap((line): LiveSession[] => {
    const [, session, display, pid, clients, since, record] =
      /^([\w.-]+)\t(x11|wayland)\t(\d*)\t(\d+)\t(\d+)\t(".*")$/.exec(line) ?? [];
    if (session === undefined || !isSessionName(session)) return [];
    try {
      return [{
        container,
        session,
        display: display as LiveSession["display"],
        app: String(JSON.parse(record!)).slice(0, longestApp),
        pid: Number(pid),
        clients: Number(clients),
        since: new Date(Number(since) * 1000).toISOString(),
      }];
    } catch {
      return [];
    }
  });
  return sessions.sort((a, b) => a.since < b.since ? -1 : a.since > b.since ? 1 : 0);
}

/**
 * The live sessions of all containers that run, or of the one that is named. Without a name, a container that cannot be
 * asked only causes a warning.
 *
 * @throws {UserError} when there is no container of that name, or when it cannot be asked
 */
export async function listContainers(engine: Engine, container: string | undefined): Promise<LiveSession[]> {
  const { host } = engine;
  const names = container === undefined ? await withSessions(engine) : [container];
  if (container !== undefined && !host.dryRun) {
    if ((await findOurs(engine, container)).status !== "Running") return [];
  }
  const ask = async (name: string): Promise<LiveSession[]> => {
    try {
      const target = await reachContainer(engine, name, mountsOf(host, name, engine.server), {
        bootTimeoutMs: listTimeoutMs,
      });
      // Several questions at once could not be told apart.
      return await listSessions(host, target, { mayAsk: container !== undefined });
    } catch (error) {
      if (container !== undefined || !(error instanceof UserError || error instanceof ProcessError)) throw error;
      host.ui.warn(`Cannot list the sessions of "${labelOf(engine.server, name)}": ${error.message}`);
      return [];
    }
  };
  return (await mapSome(names, { atOnce: mostAtOnce, act: ask })).flat();
}

/**
 * The names of our containers that run and may have sessions. None of them is asked: a session has left a trace on this
 * side.
 */
async function withSessions(engine: Engine): Promise<string[]> {
  const { host } = engine;
  const instances = await listInstances(engine);
  // What a lost one is, the engine does not say.
  for (const member of new Set(instances.filter(isLost).map(({ location }) => location))) {
    host.ui.warn(`The member "${member}" of the cluster does not answer: sessions on it are not listed`);
  }
  const running = instances.filter((instance) => isOurs(instance) && instance.status === "Running");
  const here = await whichAreHere(engine, running);
  const may = await Promise.all(running.map(async (instance) => {
    const { name, config, startedAt } = instance;
    if (!here.includes(instance)) return config[sessionKey] === startedAt;
    return (await sessionNames(mountsOf(host, name, engine.server).xpra)).length > 0;
  }));
  return running.filter((_, index) => may[index]).map(({ name }) => name);
}

/**
 * Marks an instance that is elsewhere as one that may have sessions, until its next start. A failure only costs its
 * sessions their lines in the list of all.
 */
export async function markAsUsed(engine: Engine, name: string): Promise<void> {
  try {
    const instance: Instance | undefined = await findInstance(engine, name);
    if (!instance || instance.config[sessionKey] === instance.startedAt) return;
    await setConfig(engine, name, { [sessionKey]: instance.startedAt });
  } catch (error) {
    if (!(error instanceof ProcessError || error instanceof UserError)) throw error;
  }
}

/**
 * The live session called `wanted`; without a name the only one, or the one that the user chooses.
 *
 * @throws {UserError} when there is no such session; with exit code 2 when there are several and nobody chooses
 */
export async function chooseSession(
  host: Host,
  target: SshTarget,
  wanted?: string,
): Promise<Pick<LiveSession, "session" | "display" | "clients">> {
  const sessions = await listSessions(host, target);
  if (host.dryRun) return { session: wanted ?? "SESSION", display: "x11", clients: 0 };
  if (wanted !== undefined) {
    const found = sessions.find(({ session }) => session === wanted);
    if (!found) throw noSession(target, wanted);
    return found;
  }
  if (sessions.length === 0) {
    throw new UserError(`No session runs in "${target.name}"`, {
      hint: `Start one: attach.ts ${target.name} APP_CMDLINE`,
    });
  }
  const several = `Several sessions run in "${target.name}"`;
  const chosen = sessions.length === 1
    ? sessions[0]
    : await host.ui.choose(several, sessions, ({ session, app }) => `${session}  ${app}`);
  if (chosen) return chosen;
  throw inputError(
    `${several}: ${sessions.map(({ session }) => session).join(", ")}`,
    "Name one with --session",
  );
}

/**
 * Guesses from the sockets on the host which session {@linkcode chooseSession} will return: the wanted one, or the only
 * one; undefined when there is none, or more than one.
 *
 * @param xpraDirectory of the container's mounts
 */
export async function likelySession(xpraDirectory: string, wanted: string | undefined): Promise<string | undefined> {
  const names = await sessionNames(xpraDirectory);
  if (wanted !== undefined) return names.find((name) => name === wanted);
  return names.length === 1 ? names[0] : undefined;
}

/** Stops sessions: the app, xpra, X server and bus of each. */
export async function stopSessions(host: Host, target: SshTarget, names: readonly string[]): Promise<void> {
  await sshScript(host, target, { script: stopScript, parameters: names });
}

/** Exit statuses of find_session.sh: there is no such session; there is none, or more than one. */
export const notLive = 76;
/** See above. */
export const notOne = 77;

/**
 * Runs an app in a live session until the app ends.
 *
 * @param options `session`: its name; the only session when it is undefined
 * @returns the session's name and the app's exit status; undefined when no name is given and there is not just one
 * session
 * @throws {UserError} when there is no such session; with exit code 127 when there is no such app
 */
export async function joinSession(
  host: Host,
  target: SshTarget,
  { session, app }: { session: string | undefined; app: readonly string[] },
): Promise<{ session: string; status: number } | undefined> {
  const result = await sshScript(host, target, {
    script: findSession + joinScript,
    values: {
      xpra_directory: containerPaths(target.user).xpra,
      session: session ?? "",
      not_live: `${notLive}`,
      not_one: `${notOne}`,
    },
    parameters: app,
    timeoutMs: Infinity,
  }).catch((error) => {
    if (error instanceof ProcessError) return error;
    throw error;
  });
  const [, joined] = /^([\w.-]+)\n/.exec(result.stdout) ?? [];
  if (joined === undefined && result instanceof ProcessError) {
    if (session === undefined && (result.code === notOne || result.code === notLive)) return undefined;
    if (result.code === notLive) throw noSession(target, session ?? "");
    if (result.code === ExitCode.missingProgram) throw noSuchApp(app[0]!, target.name, result);
    throw result;
  }
  if (result.code === 255) {
    throw new UserError(`"${app[0]}" ended with the session "${joined}"`, { hint: "Start it again" });
  }
  return { session: joined ?? "", status: result.code };
}

/** The error for a session that does not run. */
export function noSession(target: SshTarget, session: string): UserError {
  return inputError(`There is no session "${session}" in "${target.name}"`, `See ${attachLine(target, "--list")}`);
}
