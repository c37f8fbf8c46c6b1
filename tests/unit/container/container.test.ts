// A word of the command line becomes a container: what is asked of the engine for that, and what a record is worth.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { addressOf } from "../../../lib/container/address.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { type Container } from "../../../lib/container/container.ts";
import { resolveContainer } from "../../../lib/container/resolve.ts";
import { containerRecordPath, mountsIn } from "../../../lib/container/paths.ts";
import { type ContainerRecord, readContainerRecord, writeContainerRecord } from "../../../lib/container/record.ts";
import { formatUser, ubuntuUser, userKey } from "../../../lib/container/user.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { type RecordingHost, recordingHost } from "../recording_host.ts";

const alice = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
const record: ContainerRecord = {
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
}

/** Resolves "box", with such a record and such an answer of the engine. */
async function resolved<T>(
  { record, config = {}, location = "none", status = "Running" }: World,
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
      argv[0] === "ssh" ? {} : {
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

const instanceQuery = ["incus", "query", "/1.0/instances/box?recursion=1"];

Deno.test("a container on record is resolved without a call of the engine, and reached by one", async () => {
  await resolved({ record, config: { [userKey]: formatUser(alice) } }, async (container, { calls }) => {
    assertEquals([container.crossesNetwork, calls], [false, []]);
    assertEquals((await container.reach()).user, alice);
    await container.run(["true"]);
    assertEquals(calls.slice(0, -1), [instanceQuery]);
    assertEquals(calls.at(-1)!.at(-3), "alice@fd00::5");
  });
});

Deno.test("a container that is paused neither runs nor is stopped", async () => {
  await resolved({ record, status: "Frozen" }, async (container) => {
    assertEquals([await container.isRunning(), await container.isStopped()], [false, false]);
  });
  await resolved({ record, status: "Stopped" }, async (container) => assert(await container.isStopped()));
});

Deno.test("the engine's word on a container's user counts, whatever is on record", async () => {
  await resolved({ record }, async (container) => assertEquals((await container.reach()).user, ubuntuUser));
  await resolved({ record, config: { [userKey]: "root:0:0:/root" } }, async (container) => {
    await assertRejects(() => container.reach(), UserError, "ordinary user");
  });
});

Deno.test("a container whose directories somebody has removed says so, and what to do", async () => {
  await resolved({ record }, async (container) => {
    await Deno.remove(container.mounts.directory, { recursive: true });
    const error = await assertRejects(() => container.reach(), UserError, 'There are no directories of "box" here');
    assertMatch(error.hint!, /create\.ts --delete box$/);
  });
  await resolved({ record: { ...record, location: "m2" }, location: "m2" }, async (container) => {
    await Deno.remove(container.mounts.directory, { recursive: true });
    const error = await assertRejects(() => container.reach(), UserError, 'There are no directories of "box" here');
    assertEquals(error.hint!.includes("--delete"), false);
  });
});

Deno.test("without a record, and in a cluster, the engine says where a container is", async () => {
  const inCluster = { ...record, location: "m1" };
  for (
    const [world, isRemote] of [
      [{}, false],
      [{ record: "{" }, false],
      [{ record: { ...record, engine: "docker" } }, false],
      [{ record: inCluster, location: "m1" }, false],
      // Moved, or evacuated.
      [{ record: inCluster, location: "m2" }, true],
      // It was on another member once.
      [{ record: { ...record, location: "m2" }, location: "m1" }, false],
    ] as const
  ) {
    await resolved(world, (container) => Promise.resolve(assertEquals(container.crossesNetwork, isRemote)));
  }
});

Deno.test("a record that says where a container is no longer is told of, not believed", async () => {
  await resolved({ record, location: "m2" }, async (container) => {
    await assertRejects(() => container.reach(), UserError, 'The container "box" is on another machine now');
  });
  // The server has joined a cluster since, and still has it.
  await resolved({ record, location: "m1" }, async (container) => {
    assertEquals((await container.reach()).user, ubuntuUser);
  });
});

Deno.test("readContainerRecord() takes a record of the right form only", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertEquals(await readContainerRecord({ directory }), undefined);
    for (const text of ["", "[]", "null", JSON.stringify({ ...record, user: 5 }), '{"engine":"lxc"}']) {
      await Deno.writeTextFile(containerRecordPath({ directory }), text);
      assertEquals(await readContainerRecord({ directory }), undefined, text);
    }
    await Deno.writeTextFile(containerRecordPath({ directory }), JSON.stringify({ ...record, more: 1 }));
    assertEquals(await readContainerRecord({ directory }), record);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("writeContainerRecord() writes a record whole or not at all", async () => {
  const root = await Deno.makeTempDir();
  const { rename } = Deno;
  try {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root } });
    const address = addressOf(host, { engine: engineCalled("incus"), name: "box" });
    const { mounts } = address;
    await Deno.mkdir(mounts.directory);
    const write = (location: string): Promise<void> => writeContainerRecord(host, address, { user: alice, location });
    await write("none");
    assertEquals(await readContainerRecord(mounts), record);
    Deno.rename = () => Promise.reject(new Error("killed"));
    await assertRejects(() => write("m1"), Error, "killed");
    assertEquals(await readContainerRecord(mounts), record);
    Deno.rename = rename;
    await write("m1");
    assertEquals([...Deno.readDirSync(mounts.directory)].map(({ name }) => name), ["container.json"]);
  } finally {
    Deno.rename = rename;
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("resolveContainer() says that there is no such container, and not what fails later because of that", async () => {
  const { host } = recordingHost({
    env: { HOME: "/nowhere" },
    answer: () => ({ code: 1, stderr: "Error: not found" }),
  });
  await assertRejects(
    () => resolveContainer(host, { word: "typo", engine: "lxc" }),
    UserError,
    'no container "typo" in LXD',
  );
});
