/** The live sessions of containers, as reported by the containers' systemd: to list, choose, stop and join them. */

import type { Host } from "../../base/host.ts";
import { attachLine } from "./advice.ts";
import { displayNamed, displayNames, displays } from "../../settings/displays.ts";
import { exitStatus, sessionScript, type Verb } from "./protocol.ts";
import { mapSome } from "../../base/promises.ts";
import { inputError, isFailure, ProcessError, type ProcessResult, UserError } from "../../base/errors.ts";
import { labelOf } from "../../engine/engine.ts";
import { findInstance, type InstanceInfo, isLost } from "../../engine/instance.ts";
import type { Container } from "../../container/container.ts";
import { addressOf, scriptLine } from "../../container/address.ts";
import { containerAt } from "../../container/resolve.ts";
import { isSessionName } from "../../container/names.ts";
import { runningSessions } from "../../container/sessions.ts";
import { isManaged, unusableError } from "../../container/managed.ts";
import { canAsk, type ScriptOptions } from "../../container/ssh.ts";

/** A running session. */
export type LiveSession = ReturnType<typeof parseSessions>[number];

/** How long a container may take to list its sessions, in milliseconds. */
const listTimeoutMs = 15_000;

/**
 * How many containers are asked at once: those that do not answer cost only one timeout together, and the machine can
 * run that many ssh processes.
 */
const maxAtOnce = 64;

/** The longest command line of an app that is shown, in UTF-16 code units. */
const maxAppLength = 4096;

/**
 * The live sessions of a container, oldest first.
 *
 * @param options `mayAsk`: ssh may ask the user for a passphrase, who has a minute to type it; `planned`: the session
 * that a dry run assumes
 */
export async function listSessions(
  container: Container,
  { mayAsk = true, host = container.host, planned = "SESSION" }: Pick<ScriptOptions, "mayAsk" | "host" | "planned"> =
    {},
): Promise<LiveSession[]> {
  const limit = mayAsk && canAsk() ? {} : { timeoutMs: listTimeoutMs };
  // A dry run assumes one that can be shown again, if the desktop can do that: the last display can.
  const display = displayNames.findLast((name) => host.env(displays[name].variable));
  const { stdout } = await container.script({
    host,
    script: sessionScript("list"),
    mayAsk,
    planned: `${planned}	${display}	1	0	0			""`,
    ...limit,
  });
  return parseSessions(container.label, stdout);
}

/** The live session of this name; undefined if there is none. Options as for {@linkcode listSessions}. */
export async function findSession(
  container: Container,
  session: string,
  options: Pick<ScriptOptions, "mayAsk" | "host"> = {},
): Promise<LiveSession | undefined> {
  return (await listSessions(container, { ...options, planned: session })).find((live) => live.session === session);
}

/** Parses the output of session.sh's `list`. The container is not trusted: malformed lines are skipped. */
function parseSessions(container: string, stdout: string) {
  const sessions = stdout.split("\n").flatMap((line) => {
    const [, session, word, pid, clients, since, channels, served, record] =
      /^([\w.-]+)\t(\w+)\t(\d*)\t(\d+)\t(\d+)\t([a-z,?-]{0,256})\t(served)?\t(".*")$/.exec(line) ?? [];
    const display = displayNamed(word);
    if (session === undefined || display === undefined || !isSessionName(session)) return [];
    try {
      return [{
        container,
        /** Its name, unique within its container. */
        session,
        /** The display that shows its windows. */
        display,
        /** The app's command line, quoted for a POSIX shell. */
        app: String(JSON.parse(record!)).slice(0, maxAppLength),
        /** The app's process id in the container. */
        pid: Number(pid),
        /** How many clients are attached. On Wayland: one, or none while no run serves its channels. */
        clients: Number(clients),
        /** Its open channels, as `recordChannels` in `channels.ts` writes them. */
        channels: channels!,
        /** Whether a run serves them, or will soon. */
        isServed: served !== undefined,
        /** When it was started, ISO 8601. */
        since: new Date(Number(since) * 1000).toISOString(),
      }];
    } catch {
      return [];
    }
  });
  return sessions.sort((a, b) => a.since < b.since ? -1 : a.since > b.since ? 1 : 0);
}

/** The live sessions of the managed instances that run, and those that could not be asked, each with a warning. */
export async function listAllSessions(
  host: Host,
  instances: readonly InstanceInfo[],
): Promise<{ sessions: LiveSession[]; unasked: string[] }> {
  const unasked: string[] = [];
  const ask = async (instance: InstanceInfo): Promise<LiveSession[]> => {
    try {
      await using container = await containerAt(host, addressOf(host, instance), {
        listed: instance,
        bootTimeoutMs: listTimeoutMs,
      });
      const seen = await container.seenSessions();
      if (seen?.length === 0) return [];
      if (instance.status !== "Running") throw unusableError(instance, instance.status);
      // Asking the engine is cheaper than SSH, and needs no SSH key.
      if (!seen && (await runningSessions(host, instance))?.length === 0) return [];
      // The user could not tell several simultaneous questions apart.
      return await listSessions(container, { mayAsk: false });
    } catch (error) {
      if (!isFailure(error)) throw error;
      host.ui.warn(`Cannot list the sessions of "${labelOf(instance)}": ${error.message}`);
      unasked.push(labelOf(instance));
      return [];
    }
  };
  // The engine cannot tell which of these are managed.
  for (const member of new Set(instances.filter(isLost).map(({ location }) => location))) {
    host.ui.warn(`The member "${member}" of the cluster does not answer: sessions on it are not listed`);
  }
  const up = instances.filter((one) => isManaged(one) && one.status !== "Stopped" && !isLost(one));
  return { sessions: (await mapSome(up, { atOnce: maxAtOnce, act: ask })).flat(), unasked };
}

/** How long the engine may take to report a container's status, in milliseconds. */
const statusMs = 5_000;

/** A container's current status; undefined if it no longer exists, "Running" if the engine does not answer. */
export async function statusNow(container: Container): Promise<string | undefined> {
  const { host } = container;
  return await findInstance(host, container, { timeoutMs: statusMs }).then((found) => found?.status, () => "Running");
}

/**
 * Whether a session is live. If its container is stopped, it is not, even if its socket is left.
 *
 * @param options `unknown`: the answer if the container runs but cannot be asked
 */
export async function isLive(
  container: Container,
  session: string,
  { unknown }: { unknown: boolean },
): Promise<boolean> {
  const seen = await container.seenSessions();
  if (seen && !seen.includes(session)) return false;
  // SSH would wait ten seconds for a stopped container.
  if (await statusNow(container) !== "Running") return false;
  try {
    return await findSession(container, session) !== undefined;
  } catch {
    container.host.signal.throwIfAborted();
    return unknown;
  }
}

/** Whether a session runs on after this run was ended. */
export async function mayRunOn(container: Container, session: string): Promise<boolean> {
  const seen = await container.seenSessions();
  if (seen) return seen.includes(session);
  const host = container.host.forCleanup(AbortSignal.timeout(askDeadlineMs));
  // If the container cannot be asked, assume it does.
  return await findSession(container, session, { host }).then(Boolean, () => true);
}

/** How long a container may take to report whether a session runs on, in milliseconds. */
const askDeadlineMs = 5_000;

/**
 * The live session named `wanted`; without a name, the only one, or the one that the user chooses.
 *
 * @param options `hint`: another way than naming one, if there are several
 * @throws {UserError} when there is no such session; with exit code 2 when there are several and the user cannot choose
 */
export async function chooseSession(
  container: Container,
  wanted?: string,
  { hint = "" }: { hint?: string } = {},
): Promise<Pick<LiveSession, "session" | "display" | "clients" | "channels">> {
  const { host, label } = container;
  if (wanted !== undefined) {
    const found = await findSession(container, wanted);
    if (!found) throw noSession(container, wanted);
    return found;
  }
  const sessions = await listSessions(container);
  if (sessions.length === 0) throw noSessions(container);
  const several = `Several sessions run in "${label}"`;
  const chosen = sessions.length === 1
    ? sessions[0]
    : await host.ui.choose(several, sessions, { describe: ({ session, app }) => `${session}  ${app}` });
  if (chosen) return chosen;
  throw inputError(
    `${several}: ${sessions.map(({ session }) => session).join(", ")}`,
    `Name one, for example --session ${sessions[0]!.session}${hint}`,
  );
}

/** The name of the session that {@linkcode chooseSession} would find. Mostly, this host's sockets tell it. */
export async function nameSession(container: Container, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined) return wanted;
  const seen = await container.seenSessions();
  return seen?.length === 1 ? seen[0]! : (await chooseSession(container)).session;
}

/**
 * Checks that a container is not stopped, before an action on a session that would start it.
 *
 * @param wanted the session's name, if one is named
 * @throws {UserError} when it is stopped
 */
export async function checkRunning(container: Container, wanted?: string): Promise<void> {
  if (await container.status() !== "Stopped") return;
  throw wanted === undefined ? noSessions(container) : noSession(container, wanted);
}

/** How long a session may take to stop at the end of a run, in milliseconds. */
const stopDeadlineMs = 15_000;

/**
 * Stops a session at the end of a run, even after a signal. If that fails, tells the user what to type. Returns whether
 * it is stopped.
 */
export async function stopAtEnd(container: Container, session: string): Promise<boolean> {
  const { host } = container;
  try {
    await stopSessions(container, [session], { host: host.forCleanup(AbortSignal.timeout(stopDeadlineMs)) });
    return true;
  } catch {
    host.ui.warn(`"${session}" could not be stopped. To try it again: ${attachLine(container, "--stop", session)}`);
    return false;
  }
}

/** Stops sessions: the app, xpra, X server and bus of each. */
export async function stopSessions(
  container: Container,
  names: readonly string[],
  options: Pick<ScriptOptions, "host"> = {},
): Promise<void> {
  // Not by the SSH connection, which may have failed.
  await container.earlyScript({ ...options, script: sessionScript("stop"), parameters: names });
}

/**
 * Runs a verb of session.sh for a live session.
 *
 * @param options `session`: its name; `isGuess`: the user has not named one, and the name may be that of a socket left
 * by a killed container
 * @returns the result, whatever its exit status
 * @throws {UserError} when there is no such session
 */
export async function runInSession(
  container: Container,
  { session, isGuess = false, verb, values, ...options }: Omit<ScriptOptions, "script"> & {
    session: string;
    isGuess?: boolean;
    verb: Verb;
  },
): Promise<ProcessResult | ProcessError> {
  const script = sessionScript(verb, { ...values, session });
  const result = await container.script({ ...options, script }).catch((error) => {
    if (error instanceof ProcessError) return error;
    throw error;
  });
  if (result.code === exitStatus.notLive && result.stdout === "") {
    if (isGuess && (await listSessions(container)).length === 0) throw noSessions(container);
    throw noSession(container, session);
  }
  return result;
}

/** How long a container may take to record the open channels, in milliseconds. */
export const noteMs = 5_000;

/**
 * Records in the container which channels of a session are open from now on, in the form of `recordChannels`.
 *
 * @throws {UserError} when there is no such session
 * @throws {ProcessError} when the container cannot write it: the next run of the same app would rely on a wrong record
 */
export async function noteChannels(
  container: Container,
  { session, channels, host = container.host }: { session: string; channels: string } & Pick<ScriptOptions, "host">,
): Promise<void> {
  const result = await runInSession(container, { host, session, verb: "note", values: { channels } });
  if (result instanceof ProcessError) throw result;
}

function noSessions({ label, engine }: Container): UserError {
  const start = scriptLine(engine, ["attach.ts", label, "APP"]);
  return new UserError(`No session runs in "${label}"`, { hint: `Start one: ${start}` });
}

function noSession(container: Container, session: string): UserError {
  return inputError(
    `There is no session "${session}" in "${container.label}"`,
    `See ${attachLine(container, "--list")}`,
  );
}
