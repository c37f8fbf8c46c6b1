/** A container of this machine that is treated as one of another, so that one machine and one engine do. */

import { addressOf } from "../../lib/container/address.ts";
import type { Host } from "../../lib/base/host.ts";
import { type Container } from "../../lib/container/container.ts";
import { containerAt } from "../../lib/container/resolve.ts";
import { findManaged } from "../../lib/container/managed.ts";
import { remoteContainer } from "../../lib/container/remote.ts";
import { plannedUser } from "../../lib/container/user.ts";
import type { Instance } from "../../lib/engine/engine.ts";

/** The container of this name on a server of this machine, reached as from another one. */
export async function asFromElsewhere(host: Host, instance: Instance): Promise<Container> {
  const container = await containerAt(host, addressOf(host, instance));
  return remoteContainer({ ...container, plannedUser, instance: () => findManaged(host, instance) });
}
