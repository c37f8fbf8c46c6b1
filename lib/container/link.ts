/**
 * A run's one SSH connection to a container on another machine: an OpenSSH master (ssh_config(5), ControlMaster) that
 * all other ssh processes of the run share. Connecting through the engine's exec takes many network round trips;
 * running a program over an open connection takes one or two.
 *
 * The container may have replaced its sshd. On this side, it can reach only sockets given to {@linkcode Link.lend}.
 */

import masterConf from "./ssh_master.conf" with { type: "text" };
import { delay } from "@std/async";
import { causedBy, isProcessError, orElse, ProcessError, type ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { endProcess, type RunningProcess } from "../base/process.ts";
import { answerLimits, hasNoAnswer } from "../engine/exec.ts";
import {
  canAsk,
  controlOption,
  settingsIn,
  sshDestination,
  sshError,
  sshOptions,
  type SshTarget,
  Unreachable,
} from "./ssh.ts";

/** How SSH reaches a container over a shared connection. `control`: the master's socket, in a private directory. */
export type LinkTarget = SshTarget & { control: string };

/** An open connection. It ends with the scope of this value, and with the run, even if the run is killed. */
export interface Link extends AsyncDisposable {
  target: SshTarget;
  /** Makes a socket on this side that forwards to one in the container. */
  reach(path: string, inContainer: string): Promise<void>;
  /** Makes a socket in the container that forwards to one on this side. */
  lend(inContainer: string, path: string): Promise<void>;
  isLost(): Promise<boolean>;
}

/** The time limit for opening a connection, in milliseconds. */
const connectMs = 60_000;

/** How often to check whether it is open, in milliseconds. */
const pollMs = 5;

/** ssh first makes its socket under a temporary name that is this many bytes longer (OpenSSH 10.0). */
export const sshSpare = 17;

/**
 * The command line of the master. It ends when the process that started it ends.
 *
 * @param target its `control` is where the master makes its socket
 */
export function masterArgv(target: SshTarget, { mayAsk }: { mayAsk: boolean }): string[] {
  const ssh = ["setpriv", "--pdeathsig", "TERM", "ssh", "-M", "-N"];
  const own = settingsIn(masterConf).flatMap((setting) => ["-o", setting]);
  return [...ssh, ...own, ...sshOptions(target, { mayAsk }), sshDestination(target)];
}

/**
 * The command line that sends the master a request.
 *
 * @param words what follows `-O` (ssh(1))
 */
export function controlArgv(target: LinkTarget, words: readonly string[]): string[] {
  return ["ssh", "-F", "none", ...controlOption(target.control), "-O", ...words, sshDestination(target)];
}

/** The ssh options that forward one socket to another: `-L` or `-R`, the listening socket first. Escapes the paths. */
export function forwardOption(option: "-L" | "-R", listen: string, connect: string): string[] {
  const escaped = (path: string): string => path.replace(/[\\:]/g, "\\$&").replaceAll("%", "%%");
  return [option, `${escaped(listen)}:${escaped(connect)}`];
}

/**
 * Opens the connection.
 *
 * @throws {Unreachable} when the container cannot be reached at the moment
 * @throws {UserError} when its host key is not the pinned one, or when it does not accept the user's keys
 */
export async function openLink(host: Host, target: LinkTarget): Promise<Link> {
  let master = await startMaster(host, target, { mayAsk: false });
  if (hasNoAnswer(master)) master = await startMaster(host, target, { mayAsk: false });
  if (!("kill" in master)) {
    const error = sshError(target, master);
    // The key may have a passphrase. ssh asks for it on the terminal, so it is not detached; Ctrl-C then ends it.
    if (error instanceof Unreachable || !canAsk() || !/Permission denied/.test(master.output)) throw error;
    master = await startMaster(host, target, { mayAsk: true });
  }
  if (!("kill" in master)) throw sshError(target, master);
  return linkOf(master, { host, target });
}

/** Starts a master and waits until it is connected, or has ended. */
async function startMaster(
  host: Host,
  target: LinkTarget,
  { mayAsk }: { mayAsk: boolean },
): Promise<RunningProcess | ProcessError> {
  await Deno.remove(target.control).catch(() => {});
  host.signal.throwIfAborted();
  // Detached, so that Ctrl-C on the terminal does not end it: the run still needs it to clean up in the container.
  const master = host.start(masterArgv(target, { mayAsk }), { detached: !mayAsk, output: { line: () => {} } });
  const isReady = (): Promise<boolean> =>
    Deno.lstat(target.control).then(({ isSocket }) => isSocket === true, () => false);
  let result: ProcessResult | undefined;
  master.ended.then((ended) => result = ended);
  const deadlineMs = performance.now() + connectMs;
  while (!result) {
    const isLate = performance.now() > deadlineMs;
    if (host.signal.aborted || isLate) {
      await endProcess(master);
      host.signal.throwIfAborted();
      throw new Unreachable(`The container "${target.name}" does not answer`, {
        hint: "Its sshd may hang, or may have been replaced",
      });
    }
    if (await host.look(true, isReady)) return master;
    await delay(pollMs);
  }
  return new ProcessError(result);
}

function linkOf(master: RunningProcess, { host, target }: { host: Host; target: LinkTarget }): Link {
  const tell = async (words: readonly string[]): Promise<void> => {
    await orElse(host.run(controlArgv(target, words), answerLimits), isProcessError, (error) => {
      throw new Unreachable(`The container "${target.name}" does not let ssh forward a socket`, {
        hint: "See AllowStreamLocalForwarding in its sshd_config, and whether its server answers",
        ...causedBy(error),
      });
    });
  };
  return {
    target,
    reach: (path, inContainer) => tell(["forward", ...forwardOption("-L", path, inContainer)]),
    lend: (inContainer, path) => tell(["forward", ...forwardOption("-R", inContainer, path)]),
    async isLost() {
      const options = { ...answerLimits, okCodes: "any", looksOnly: true } as const;
      return (await host.run(controlArgv(target, ["check"]), options)).code !== 0;
    },
    [Symbol.asyncDispose]: () => endProcess(master),
  };
}
