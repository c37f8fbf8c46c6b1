// What is asked of the engine about a container that has been found.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { ubuntuUser, userKey } from "../../../lib/container/user.ts";
import { record, resolved } from "../resolved.ts";

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
