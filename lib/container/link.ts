/**
 * The one SSH connection of a run to a container on another machine: OpenSSH's master (ssh_config(5), ControlMaster),
 * through which every other ssh of the run goes. A connection through the engine's exec takes many round trips of the
 * network; a program over one that is open takes one or two.
 *
 * The container may have replaced its sshd. All that it gets is a way to the sockets that {@linkcode Link.lend} names.
 */

import { delay } from "@std/async";
import { causedBy, isProcessError, orElse, ProcessError, type ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { endProcess, type RunningProcess } from "../base/process.ts";
import { answerLimits, hasNoAnswer } from "../engine/exec.ts";
import { canAsk, controlOption, sshDestination, sshError, sshOptions, type SshTarget, Unreachable } from "./ssh.ts";

/** How SSH reaches a container by a connection: `control` is the path of its socket, in a private directory. */
export type LinkTarget = SshTarget & { control: string };

/** A connection that is open. It ends with the scope of this value, and with the run, even if that is killed. */
export interface Link extends AsyncDisposable {
  target: SshTarget;
  /** Makes a socket on this side whose connections go to one in the container. */
  reach(path: string, inContainer: string): Promise<void>;
  /** Makes a socket in the container whose connections go to one on this side. */
  lend(inContainer: string, path: string): Promise<void>;
  isLost(): Promise<boolean>;
}

/**
 * How long it takes at most until a connection over which nothing comes counts as lost: three questions without an
 * answer, each after this many seconds.
 */
const aliveSeconds = 3;

/** How long a connection may take until it is ready, in milliseconds. */
const connectMs = 60_000;

/** How often to look whether it is ready, in milliseconds. */
const pollMs = 5;

/** How many bytes longer the name is under which ssh first makes its socket (10.0). */
export const sshSpare = 17;

/**
 * The command line of the master. It ends with the process that has started it.
 *
 * @param target with `control`: where the master's socket is to be
 */
export function masterArgv(target: SshTarget, { mayAsk }: { mayAsk: boolean }): string[] {
  const settings = {
    ControlPersist: "no",
    Compression: "yes",
    ServerAliveInterval: aliveSeconds,
    ServerAliveCountMax: 3,
    StreamLocalBindUnlink: "yes",
  };
  // Where the network is away, the engine's CLI would wait for it when ssh has given up.
  const proxy = target.proxy && { proxy: ["setpriv", "--pdeathsig", "KILL", ...target.proxy] };
  const ssh = ["setpriv", "--pdeathsig", "TERM", "ssh", "-M", "-N"];
  const own = Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  return [...ssh, ...own, ...sshOptions({ ...target, ...proxy }, { mayAsk }), sshDestination(target)];
}

/**
 * The command line that sends the master a request.
 *
 * @param words what follows `-O` (ssh(1))
 */
export function controlArgv(target: LinkTarget, words: readonly string[]): string[] {
  return ["ssh", "-F", "none", ...controlOption(target.control), "-O", ...words, sshDestination(target)];
}

/**
 * The options of ssh that forward one socket to another: `-L` or `-R`, listening first. Each path is taken as it is.
 */
export function forwardOption(option: "-L" | "-R", listen: string, connect: string): string[] {
  const escaped = (path: string): string => path.replace(/[\\:]/g, "\\$&").replaceAll("%", "%%");
  return [option, `${escaped(listen)}:${escaped(connect)}`];
}

/**
 * Opens the connection.
 *
 * @throws {Unreachable} when the container cannot be reached at the moment
 * @throws {UserError} when its host key is another one, or when it does not accept the user's keys
 */
export async function openLink(host: Host, target: LinkTarget): Promise<Link> {
  let master = await startMaster(host, target, { mayAsk: false });
  if (hasNoAnswer(master)) master = await startMaster(host, target, { mayAsk: false });
  if (!("kill" in master)) {
    const error = sshError(target, master);
    // A key with a passphrase: ssh asks for it on the terminal, so it must belong there. Ctrl-C then ends it.
    if (error instanceof Unreachable || !canAsk() || !/Permission denied/.test(master.output)) throw error;
    master = await startMaster(host, target, { mayAsk: true });
  }
  if (!("kill" in master)) throw sshError(target, master);
  return linkOf(master, { host, target });
}

/** Starts a master and waits until it is ready, or has ended. */
async function startMaster(
  host: Host,
  target: LinkTarget,
  { mayAsk }: { mayAsk: boolean },
): Promise<RunningProcess | ProcessError> {
  await Deno.remove(target.control).catch(() => {});
  host.signal.throwIfAborted();
  // Detached, so that Ctrl-C does not reach it from the terminal: what is to be told to the container then still can
  // be.
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
