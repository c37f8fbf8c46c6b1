/**
 * A container on another machine. SSH reaches it through the engine, so no route to it is needed. Programs that run for
 * a while share one connection, which is opened again when it breaks.
 */

import { delay } from "@std/async";
import { join } from "@std/path";
import { isFailure, UserError } from "../base/errors.ts";
import { once } from "../base/promises.ts";
import { withValues } from "../base/shell_words.ts";
import { findInstance } from "../engine/instance.ts";
import type { Container, KnownContainer } from "./container.ts";
import { type Link, openLink, sshSpare } from "./link.ts";
import { lendTo, overSsh, type Parts, partsOf } from "./over_ssh.ts";
import readFifo from "./read_fifo.sh" with { type: "text" };
import readLog from "./read_log.sh" with { type: "text" };
import { parseSessionLog } from "./session_files.ts";
import { socketPath } from "./session_socket.ts";
import { sshArgv, sshScript, type SshTarget, Unreachable } from "./ssh.ts";

/** The pauses between attempts to reconnect, in milliseconds: each is twice as long as the last. */
const firstPauseMs = 1_000;
const maxPauseMs = 10_000;

/** The time limit for asking the engine whether a container still runs, in milliseconds. */
const stateMs = 10_000;

export function remoteContainer(
  known: KnownContainer,
  parts: Parts = partsOf(known, { throughEngine: true }),
): Container {
  const { host } = known;
  const { opened, directory, reach } = parts;
  let link: Link | undefined;
  const open = async (): Promise<Link> =>
    link = opened.use(
      await openLink(host, { ...await parts.target(), control: socketPath(await directory(), "ssh", sshSpare) }),
    );
  const first = once(open);
  /** Over the connection, if it was opened. */
  const target = async (): Promise<SshTarget> => link?.target ?? await parts.target();
  const linked = async (): Promise<Link> => {
    await first();
    return link!;
  };
  return overSsh(known, { ...parts, target }, {
    crossesNetwork: true,
    async connect() {
      await linked();
      return await reach();
    },
    async socket(session) {
      const path = socketPath(await directory(), "session");
      await (await linked()).reach(path, join((await reach()).sockets, session));
      return path;
    },
    lend: lendTo(known, () => undefined),
    async lendSocket(path, name) {
      const inside = join((await reach()).sockets, name);
      await (await linked()).lend(inside, path);
      return inside;
    },
    seenSessions: () => Promise.resolve(undefined),
    async log({ session, bytes }) {
      const { stdout } = await sshScript(host, await target(), {
        script: readLog,
        values: { sockets: (await reach()).sockets, session: session ?? "", bytes: `${bytes}` },
        maxOutputBytes: bytes + 1024,
        planned: "0\n",
      });
      return parseSessionLog(stdout, { bytes });
    },
    async readFifo(name) {
      const script = withValues(readFifo, { fifo: join((await reach()).sockets, name) });
      return { argv: sshArgv(await target(), ["/bin/sh", "-c", script], { mayAsk: false }) };
    },
    isLost: async () => link !== undefined && await link.isLost(),
    async reconnect() {
      host.ui.warn(`The connection to "${known.label}" is lost. The app runs on. Trying again until Ctrl-C`);
      for (let pauseMs = firstPauseMs;; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
        await delay(pauseMs, { signal: host.signal });
        try {
          await open();
          host.ui.status(`Connected to "${known.label}" again`);
          return;
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
        }
        await checkStillThere(known);
      }
    },
  });
}

/**
 * Checks that a container may become reachable again. If its server does not answer, or its cluster member is down, it
 * may.
 *
 * @throws {UserError} when it no longer exists or runs, or when its server is a different one
 */
async function checkStillThere({ host, label, ...address }: KnownContainer): Promise<void> {
  try {
    const instance = await findInstance(host, address, { timeoutMs: stateMs });
    if (instance && instance.status !== "Stopped") return;
  } catch (error) {
    // The server's certificate has changed, or it no longer trusts ours.
    if (!isFailure(error) || /certificate/.test(error.message)) throw error;
    return;
  }
  throw new UserError(`The container "${label}" is no longer running`, {
    hint: `Its sessions have ended with it. To start one: attach.ts ${label} APP`,
  });
}
