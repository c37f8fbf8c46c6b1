/** What containers on this machine and on others have in common: SSH reaches both. */

import { exists } from "../base/files.ts";
import { once } from "../base/promises.ts";
import { type InstanceInfo, isConfined } from "../engine/instance.ts";
import { bootInstance, reachInstance, runAtBoot, sshTarget } from "./connect.ts";
import type { Container, Inside, KnownContainer, Site } from "./container.ts";
import { makePrivateDirectory } from "./private_directory.ts";
import { recordAddress } from "./record.ts";
import { sshArgv, sshScript, type SshTarget, Unreachable } from "./ssh.ts";
import { containerPaths, type ContainerUser, userOf } from "./user.ts";

/** What local and remote containers are built from. */
export interface Parts extends Pick<Container, "boot" | "directory" | "reach"> {
  /** Whatever must be closed at the end of the container's scope. */
  opened: AsyncDisposableStack;
  /** How SSH reaches it. Starts the container first. */
  target(): Promise<SshTarget>;
  /** The container's user, if this run boots it, so that the engine reaches it before SSH does; undefined otherwise. */
  early(): Promise<ContainerUser | undefined>;
}

function insideOf(user: ContainerUser): Inside {
  return { ...containerPaths(user), user };
}

/** Makes a container's parts. `throughEngine`: SSH reaches it through the engine, whether it has a network or not. */
export function partsOf(known: KnownContainer, { throughEngine }: { throughEngine: boolean }): Parts {
  const opened = new AsyncDisposableStack();
  const booted = once(async () => {
    const found = await known.instance();
    const user = found ? userOf(found) : known.plannedUser;
    await bootInstance(known.host, known, { found, throughEngine });
    const boots = found ? found.status !== "Running" : known.isNew;
    return { found, user, early: boots && !throughEngine ? user : undefined };
  });
  const boot = async (): Promise<Inside> => insideOf((await booted()).user);
  const target = once(async () => {
    const reached = await reachInstance(known.host, known, { ...known, ...await booted(), throughEngine });
    const isNews = known.last && !reached.proxy && reached.address !== known.last.address;
    // If this fails, the next run just asks the engine first.
    if (isNews) await recordAddress(known, reached.address).catch(() => {});
    return reached;
  });
  return {
    opened,
    directory: once(async () => opened.use(await makePrivateDirectory(known.host)).path),
    boot,
    async reach() {
      await target();
      return await boot();
    },
    target,
    early: async () => (await booted()).early,
  };
}

/**
 * Makes a container's function to lend files.
 *
 * @param uidOf the container user's uid on this machine; undefined if only copies can be lent
 */
export function lendTo(
  { host, history, listed, instance, ...known }: KnownContainer,
  uidOf: (instance: InstanceInfo | undefined, user: ContainerUser) => number | string | undefined,
): Container["lend"] {
  return async (files, request) => {
    const found = listed ?? await instance();
    const user = found ? userOf(found) : known.plannedUser;
    const { lendFiles } = await import("./lend/lend.ts");
    const borrower = { instance: found ?? known, user, uid: uidOf(found, user) };
    return await lendFiles(host, files, { ...request, history, ...borrower });
  };
}

/** See {@linkcode Container.inside}. */
export function insideBy({ last }: KnownContainer, boot: Parts["boot"]): Parts["boot"] {
  return last?.address === undefined ? boot : () => Promise.resolve(insideOf(last.user));
}

/**
 * Tries a container's last known address while the engine, which takes 0.1 s, is asked about it. The host key proves
 * that the right container answers. If the engine reports another state or address, the attempt is aborted.
 *
 * @returns the result of `act`; undefined if the caller must ask the engine first
 */
async function atLastAddress<T>(
  { host, last, instance, ...known }: KnownContainer,
  act: (target: SshTarget, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  if (last?.address === undefined || !await exists(known.mounts.knownHosts)) return undefined;
  const otherwise = new AbortController();
  const isThere = instance().then((found) => found?.status === "Running" && found.address === last.address);
  isThere.then((isThere) => isThere || otherwise.abort(), () => otherwise.abort());
  const target = await sshTarget(host, known, { ...last, hasNetwork: true });
  try {
    return await act(target, otherwise.signal);
  } catch (error) {
    if (await isThere && !(error instanceof Unreachable)) throw error;
    return undefined;
  }
}

/**
 * A container whose programs are run by SSH.
 *
 * @param parts `target`: how SSH reaches it at the moment
 */
export function overSsh(
  known: KnownContainer,
  { opened, boot, directory, reach, target, early }: Parts,
  site: Site,
): Container {
  return {
    ...known,
    ...site,
    boot,
    directory,
    reach,
    status: async () => (await known.instance())?.status ?? "Running",
    async isConfined() {
      const found = await known.instance();
      return found !== undefined && isConfined(found);
    },
    loans: async (session) => (await import("./lend/session_loans.ts")).sessionLoans({ ...known, ...site }, session),
    script: async ({ host = known.host, ...options }) => await sshScript(host, await target(), options),
    inside: insideBy(known, boot),
    async earlyScript({ host, ...options }) {
      const done = await atLastAddress(
        known,
        (target, signal) => sshScript(host ?? known.host, target, { ...options, signal }),
      );
      if (done) return done;
      const user = await early();
      return user
        ? await runAtBoot(host ?? known.host, known, { ...options, waits: !host, user })
        : await sshScript(host ?? known.host, await target(), options);
    },
    command: async (argv) => sshArgv(await target(), argv, { mayAsk: false }),
    async [Symbol.asyncDispose]() {
      await opened.disposeAsync();
      await known.history.written();
    },
  };
}
