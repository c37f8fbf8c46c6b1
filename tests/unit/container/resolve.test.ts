// Where a container is, by its record and by the engine.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { readContainerRecord } from "../../../lib/container/record.ts";
import { resolveContainer } from "../../../lib/container/resolve.ts";
import { formatUser, ubuntuUser, userKey } from "../../../lib/container/user.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { alice, record, resolved } from "../resolved.ts";

const instanceQuery = ["incus", "query", "/1.0/instances/box?recursion=1"];

Deno.test("a container on record is resolved without a call of the engine, and reached by one", async () => {
  await resolved({ record, config: { [userKey]: formatUser(alice) } }, async (container, { calls }) => {
    assertEquals([container.crossesNetwork, calls], [false, []]);
    assertEquals((await container.reach()).user, alice);
    await container.script({ script: "true" });
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

/** Whom ssh was told to log in as, and where, in order; and how often the engine was asked about the container. */
function asked(calls: readonly string[][]): [string[], number] {
  const questions = calls.filter((argv) => argv.join() === instanceQuery.join());
  return [calls.filter(([program]) => program === "ssh").map((argv) => argv.at(-3)!), questions.length];
}

const ofAlice = { [userKey]: formatUser(alice) };

Deno.test("the engine's answer is written down, and the next run goes by it while the engine is asked again", async () => {
  await resolved({ record, config: ofAlice }, async (container, { calls }) => {
    await container.earlyScript({ script: "true" });
    assertEquals(calls.map(([program]) => program), ["incus", "ssh"]);
    assertEquals(await readContainerRecord(container.mounts), { ...record, address: "fd00::5" });
  });
  await resolved({ record: { ...record, address: "fd00::5" }, config: ofAlice }, async (container, { calls }) => {
    assertEquals((await container.inside()).sockets, "/srv/alice/.xpra");
    assertEquals(calls, []);
    await container.earlyScript({ script: "true" });
    await container.reach();
    assertEquals(asked(calls), [["alice@fd00::5"], 1]);
  });
});

Deno.test("an address on record that the container has no longer is called off, and the new one written down", async () => {
  for (const stderr of ["ssh: connect to host fd00::4 port 22: No route to host", "Host key verification failed."]) {
    const ssh = (argv: readonly string[]): Answer => argv.at(-3) === "alice@fd00::4" ? { code: 255, stderr } : {};
    await resolved(
      { record: { ...record, address: "fd00::4" }, config: ofAlice, ssh },
      async (container, { calls }) => {
        await container.earlyScript({ script: "true" });
        assertEquals(asked(calls), [["alice@fd00::4", "alice@fd00::5"], 1]);
        assertEquals((await readContainerRecord(container.mounts))?.address, "fd00::5");
      },
    );
  }
});

Deno.test("what fails at the address on record is no reason to do it twice", async () => {
  const options = { record: { ...record, address: "fd00::5" }, config: ofAlice };
  await resolved({ ...options, ssh: () => ({ code: 3 }) }, async (container, { calls }) => {
    await assertRejects(() => container.earlyScript({ script: "exit 3" }), ProcessError);
    assertEquals(asked(calls), [["alice@fd00::5"], 1]);
  });
  // Its host keys are not pinned any more.
  await resolved(options, async (container, { calls }) => {
    await Deno.remove(container.mounts.knownHosts);
    await assertRejects(() => container.earlyScript({ script: "true" }), UserError, "not pinned");
    assertEquals(asked(calls), [[], 1]);
  });
});

Deno.test("another user than on record is told of, and no text that is no address is taken for one", async () => {
  await resolved({ record: { ...record, address: "fd00::5" } }, async (container) => {
    await assertRejects(() => container.reach(), UserError, '"box" has another user now: "ubuntu"');
  });
  for (const address of ["-oProxyCommand=x", "a b", "host", 5, ""]) {
    await resolved({ record: { ...record, address }, config: ofAlice }, async (container, { calls }) => {
      await container.earlyScript({ script: "true" });
      assertEquals(asked(calls), [["alice@fd00::5"], 1]);
    });
  }
});
