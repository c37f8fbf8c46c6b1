// Where a container is, by its record and by the engine.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { resolveContainer } from "../../../lib/container/resolve.ts";
import { formatUser, ubuntuUser, userKey } from "../../../lib/container/user.ts";
import { recordingHost } from "../recording_host.ts";
import { alice, record, resolved } from "../resolved.ts";

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

Deno.test("a container whose directories somebody has removed says so, and what to do", async () => {
  await resolved({ record }, async (container) => {
    await Deno.remove(container.mounts.directory, { recursive: true });
    const error = await assertRejects(() => container.reach(), UserError, 'directories of "box"');
    assertMatch(error.hint!, /create\.ts --delete box$/);
  });
  await resolved({ record: { ...record, location: "m2" }, location: "m2" }, async (container) => {
    await Deno.remove(container.mounts.directory, { recursive: true });
    const error = await assertRejects(() => container.reach(), UserError, 'directories of "box"');
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
    await assertRejects(() => container.reach(), UserError, '"box" is on another machine');
  });
  // The server has joined a cluster since, and still has it.
  await resolved({ record, location: "m1" }, async (container) => {
    assertEquals((await container.reach()).user, ubuntuUser);
  });
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
