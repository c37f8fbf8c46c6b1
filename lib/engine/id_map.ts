/** The id maps of instances: which uid on this machine a user of an instance has. */

import { UserError } from "../base/errors.ts";
import type { InstanceInfo } from "./instance.ts";

/** One range of an instance's id map, as in `volatile.idmap.current`. */
export interface IdMapRange {
  /** Whether it maps user ids. */
  Isuid: boolean;
  /** The first id on the host. */
  Hostid: number;
  /** The first id in the container. */
  Nsid: number;
  /** The number of ids. */
  Maprange: number;
}

/** The uid on this machine of a user of an instance, also before its first start; undefined when it has none. */
export function findHostUid({ config }: Pick<InstanceInfo, "config">, uid: number): number | undefined {
  const mapOf = (key: string): IdMapRange[] => JSON.parse(config[key] ?? "[]");
  const current = mapOf("volatile.idmap.current");
  const range = (current.length > 0 ? current : mapOf("volatile.idmap.next"))
    .find(({ Isuid, Nsid, Maprange }) => Isuid && uid >= Nsid && uid < Nsid + Maprange);
  return range && range.Hostid + uid - range.Nsid;
}

/**
 * As {@linkcode findHostUid}.
 *
 * @param uid in decimal
 * @throws {UserError} when it has none, as in a privileged instance
 */
export function hostUid(instance: Pick<InstanceInfo, "config">, uid: string): number {
  const onHost = findHostUid(instance, Number(uid));
  if (onHost !== undefined) return onHost;
  throw new UserError(`The container's id map has no user ${uid}`, {
    hint: "It must be unprivileged: remove security.privileged and raw.idmap from its profile",
  });
}
