import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../lib/base/errors.ts";
import { reachContainer } from "../../lib/container/connect.ts";
import { mountsOf } from "../../lib/container/mounts.ts";
import { formatUser, ubuntuUser, userKey } from "../../lib/container/user.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("reachContainer() learns a running container's address and user by one call of the engine", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/box`);
    await Deno.writeTextFile(`${directory}/box/known_hosts`, "");
    const alice = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
    const reach = async (config: Record<string, string>) => {
      const addresses = [{ family: "inet6", scope: "global", address: "fd00::5" }];
      const instance = {
        name: "box",
        status: "Running",
        config: { "user.gui-container": "1", ...config },
        devices: {},
        expanded_devices: { eth0: { type: "nic" } },
        state: { network: { eth0: { addresses } } },
      };
      const { host, calls } = recordingHost({
        answer: () => ({ stdout: JSON.stringify(instance) }),
        env: { GUI_CONTAINER_MOUNTS: directory },
      });
      const reached = reachContainer(engineCalled(host, "incus"), "box", mountsOf(host, "box"));
      await reached.catch(() => {});
      assertEquals(calls, [["incus", "query", "/1.0/instances/box?recursion=1"]]);
      const { address, user } = await reached;
      return { address, user };
    };
    assertEquals(await reach({ [userKey]: formatUser(alice) }), { address: "fd00::5", user: alice });
    assertEquals(await reach({}), { address: "fd00::5", user: ubuntuUser });
    await assertRejects(() => reach({ [userKey]: "root:0:0:/root" }), UserError, "not an ordinary user");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
