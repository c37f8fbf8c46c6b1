/**
 * What the servers of `lab cluster` are set up with: the preseed of `incus admin init` and `lxd init`, which is YAML or
 * JSON.
 */

import { poolName } from "./engines.ts";

/** A bridge of instances: in each server's own namespace, so that all may have the same addresses. */
const instanceBridge = "guilab-inst0";

/** A server that stands alone, or with `member` the first one of a cluster. */
export function firstPreseed(
  address: string,
  { poolMiB, member }: { poolMiB: number; member?: string },
): Record<string, unknown> {
  return {
    config: {
      "core.https_address": `${address}:8443`,
      // Nothing here has a way to an image server.
      "images.auto_update_interval": "0",
    },
    storage_pools: [{ name: poolName, driver: "btrfs", config: { size: `${poolMiB}MiB` } }],
    networks: [{
      name: instanceBridge,
      type: "bridge",
      config: { "ipv4.address": "198.19.0.1/24", "ipv4.nat": "true", "ipv6.address": "none" },
    }],
    profiles: [{
      name: "default",
      devices: {
        root: { type: "disk", path: "/", pool: poolName },
        eth0: { type: "nic", network: instanceBridge, name: "eth0" },
      },
    }],
    ...(member ? { cluster: { enabled: true, server_name: member } } : {}),
  };
}

/** One more member, which gets all but its pool's file from the cluster. */
export function joinPreseed(
  address: string,
  { poolMiB, token }: { poolMiB: number; token: string },
): Record<string, unknown> {
  return {
    cluster: {
      enabled: true,
      server_address: `${address}:8443`,
      cluster_token: token,
      member_config: [
        { entity: "storage-pool", name: poolName, key: "size", value: `${poolMiB}MiB` },
        { entity: "storage-pool", name: poolName, key: "source", value: "" },
      ],
    },
  };
}
