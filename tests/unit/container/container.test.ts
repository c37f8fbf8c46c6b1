// What is asked of the engine about a container that has been found.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { ubuntuUser, userKey } from "../../../lib/container/user.ts";
import { record, resolved } from "../resolved.ts";

Deno.test("the engine's word on a container's user counts, whatever is on record", async () => {
  await resolved({ record }, async (container) => assertEquals((await container.reach()).user, ubuntuUser));
  await resolved({ record, config: { [userKey]: "root:0:0:/root" } }, async (container) => {
    await assertRejects(() => container.reach(), UserError, "ordinary user");
  });
});

Deno.test("only a container on this machine that this run boots gets its first script by the engine", async () => {
  const cases = [
    { location: "none", status: "Stopped", by: "engine" },
    { location: "none", status: "Running", by: "ssh" },
    { location: "m2", status: "Stopped", by: "ssh" },
    { location: "m2", status: "Running", by: "ssh" },
  ];
  for (const { by, ...world } of cases) {
    await resolved({ record: { ...record, location: world.location }, ...world }, async (container, { calls }) => {
      // No program answers.
      await container.earlyScript({ script: "a script" }).catch(() => {});
      const ran = calls.find((argv) => argv.some((word) => word.includes("a script")));
      assertEquals(ran?.[0] === "ssh" ? "ssh" : ran && "engine", by, JSON.stringify(world));
    });
  }
});
