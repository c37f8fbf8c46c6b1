/** A container that is found, for tests. */

import type { Container } from "../../lib/container/container.ts";
import { containerRecordPath, mountsIn } from "../../lib/container/paths.ts";
import type { ContainerRecord } from "../../lib/container/record.ts";
import { resolveContainer } from "../../lib/container/resolve.ts";
import { formatUser } from "../../lib/container/user.ts";
import { type Answer, type RecordingHost, recordingHost } from "./recording_host.ts";

export const alice = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };

export const record: ContainerRecord = {
  engine: "incus",
  server: { remote: "local", project: "default" },
  user: formatUser(alice),
  location: "none",
};

/** What the engine answers. The container of this name is on this machine when its `location` is "none" or "m1". */
interface World {
  record?: unknown;
  config?: Record<string, string>;
  location?: string;
  status?: string;
  /** What ssh answers; by default, that it has done what it was told. */
  ssh?: (argv: readonly string[]) => Answer;
}

/** Resolves "box", with such a record and such an answer of the engine. */
export async function resolved<T>(
  { record, config = {}, location = "none", status = "Running", ssh = () => ({}) }: World,
  use: (container: Container, recorded: RecordingHost) => Promise<T>,
): Promise<T> {
  const root = await Deno.makeTempDir();
  const addresses = [{ family: "inet6", scope: "global", address: "fd00::5" }];
  const instance = {
    name: "box",
    status,
    location,
    config: { "user.gui-container": "1", ...config },
    devices: {},
    expanded_devices: { eth0: { type: "nic" } },
    state: { network: { eth0: { addresses } } },
  };
  const recorded = recordingHost({
    env: { GUI_CONTAINER_MOUNTS: root },
    answer: (argv) =>
      argv[0] === "ssh" ? ssh(argv) : {
        stdout: JSON.stringify(argv.at(-1) === "/1.0" ? { environment: { server_name: "m1" } } : instance),
      },
  });
  const mounts = mountsIn(recorded.host, "box");
  try {
    await Deno.mkdir(mounts.directory);
    await Deno.writeTextFile(mounts.knownHosts, "");
    if (record !== undefined) await Deno.writeTextFile(containerRecordPath(mounts), JSON.stringify(record));
    await using container = await resolveContainer(recorded.host, { word: "box" });
    return await use(container, recorded);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
