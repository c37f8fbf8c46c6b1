/** What every container can do that SSH reaches, wherever it is. */

import { once } from "../base/promises.ts";
import { type InstanceInfo, isConfined } from "../engine/instance.ts";
import { bootInstance, reachInstance, runAtBoot } from "./connect.ts";
import type { Container, Inside, KnownContainer, Site } from "./container.ts";
import { makePrivateDirectory } from "./private_directory.ts";
import { sshArgv, sshRun, sshScript, type SshTarget } from "./ssh.ts";
import { containerPaths, type ContainerUser, userOf } from "./user.ts";

/** What both kinds of containers are made with. */
export interface Parts extends Pick<Container, "boot" | "directory" | "reach"> {
  /** What is to be closed at the end of the container's scope. */
  opened: AsyncDisposableStack;
  /** How SSH reaches it, once it is started. */
  target(): Promise<SshTarget>;
  /** The user of a container to which SSH comes later than the engine, since this run boots it. */
  early(): Promise<ContainerUser | undefined>;
}

/** The parts of a container. `throughEngine`: SSH reaches it through the engine, whether it has a network or not. */
export function partsOf(known: KnownContainer, { throughEngine }: { throughEngine: boolean }): Parts {
  const opened = new AsyncDisposableStack();
  const booted = once(async () => {
    const found = await known.instance();
    const user = found ? userOf(found) : known.plannedUser;
    await bootInstance(known.host, known, { found, throughEngine });
    const boots = found ? found.status !== "Running" : known.isNew;
    return { found, user, early: boots && !throughEngine ? user : undefined };
  });
  const boot = async (): Promise<Inside> => {
    const { user } = await booted();
    return { ...containerPaths(user), user };
  };
  const target = once(async () => reachInstance(known.host, known, { ...known, ...await booted(), throughEngine }));
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
 * How a container lends files.
 *
 * @param uidOf the uid on this machine of the container's user; undefined where files themselves cannot be lent
 */
export function lendTo(
  { host, history, listed, instance, ...known }: KnownContainer,
  uidOf: (instance: InstanceInfo | undefined, user: ContainerUser) => number | string | undefined,
): Container["lend"] {
  return async (files, request) => {
    const found = listed ?? await instance();
    const user = found ? userOf(found) : known.plannedUser;
    const { lendFiles } = await import("./lend/lend.ts");
    return await lendFiles(host, files, {
      ...request,
      history,
      instance: found ?? known,
      user,
      uid: uidOf(found, user),
    });
  };
}

/**
 * A container that runs programs by SSH.
 *
 * @param parts `target`: how SSH reaches it just now
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
    run: async (argv, options) => await sshRun(known.host, await target(), argv, options),
    script: async ({ host = known.host, ...options }) => await sshScript(host, await target(), options),
    async earlyScript({ host, ...options }) {
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
