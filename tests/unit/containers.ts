/** Containers for unit tests: reached already, on this machine or on another one, with programs that a host answers. */

import { addressOf } from "../../lib/container/address.ts";
import type { Host } from "../../lib/base/host.ts";
import type { Container, Inside, KnownContainer } from "../../lib/container/container.ts";
import { type History, openHistory } from "../../lib/container/history.ts";
import { localContainer } from "../../lib/container/local.ts";
import { type Mounts, mountsIn } from "../../lib/container/paths.ts";
import { partsOf } from "../../lib/container/over_ssh.ts";
import { remoteContainer } from "../../lib/container/remote.ts";
import type { SshTarget } from "../../lib/container/ssh.ts";
import { containerPaths, type ContainerUser, plannedUser, ubuntuUser } from "../../lib/container/user.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { ownServer } from "../../lib/engine/server.ts";

/** What a container of a test is like. */
export interface ContainerOptions {
  user?: ContainerUser;
  /** Its directories on the host; by default, below `/m`. */
  mounts?: Mounts;
  /** What replaces the private directory of the run. */
  directory?: string;
  /** Where it is written down what passes; by default, nowhere. */
  history?: History;
  /** How SSH reaches it, besides what is usual. */
  target?: Partial<SshTarget>;
  /** Whether this run boots it. */
  boots?: boolean;
}

/** The container "box" of this machine. */
export function localBox(host: Host, options: ContainerOptions = {}): Container {
  const known = knownBox(host, "box", options);
  return localContainer(known, partsFor(known, { address: "10.0.0.5" }, options));
}

/** The container "far:box" of another machine. */
export function remoteBox(host: Host, options: ContainerOptions = {}): Container {
  const known = knownBox(host, "far:box", options);
  return remoteContainer(known, partsFor(known, { address: "box", proxy: ["incus", "exec", "far:box"] }, options));
}

function knownBox(
  host: Host,
  label: string,
  { mounts = mountsIn({ env: () => "/m" }, "box"), history = openHistory(host, undefined) }: ContainerOptions,
): KnownContainer {
  const server = label === "box" ? ownServer : { remote: "far", project: undefined, isLocal: false };
  const engine = { ...engineCalled("incus"), server };
  const instance = (): Promise<undefined> => Promise.resolve(undefined);
  const address = addressOf({ env: () => "/m" }, { engine, name: "box" });
  return { ...address, host, history, mounts, plannedUser, instance };
}

function partsFor(
  known: KnownContainer,
  way: Pick<SshTarget, "address" | "proxy">,
  { user = ubuntuUser, target, directory, boots = false }: ContainerOptions,
): ReturnType<typeof partsOf> {
  const inside: Inside = { ...containerPaths(user), user };
  return {
    ...partsOf(known, { throughEngine: way.proxy !== undefined }),
    ...(directory === undefined ? {} : { directory: () => Promise.resolve(directory) }),
    boot: () => Promise.resolve(inside),
    reach: () => Promise.resolve(inside),
    early: () => Promise.resolve(boots ? user : undefined),
    target: () => Promise.resolve({ name: known.label, mounts: known.mounts, user, ...way, ...target }),
  };
}
