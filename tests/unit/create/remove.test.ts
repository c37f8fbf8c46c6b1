// Directories that are a container's of the other engine, or of another project: they are neither removed nor shared.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Address, addressOf } from "../../../lib/container/address.ts";
import type { Host } from "../../../lib/base/host.ts";
import { checkExisting } from "../../../lib/create/existing.ts";
import { removeContainer } from "../../../lib/create/remove.ts";
import { engineCalled, type EngineCli } from "../../../lib/engine/engine.ts";
import { ownServer, type Server } from "../../../lib/engine/server.ts";
import type { Mounts } from "../../../lib/container/paths.ts";
import { exists } from "../../../lib/base/files.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";

const gone: Answer = { code: 1, stderr: "Error: not found\n" };

/** Runs `test` with directories of "box", which that engine has in a project, and this machine's server of LXD. */
async function withOwner(
  { cli, server = ownServer, name = "box" }: { cli: EngineCli | undefined; server?: Server; name?: string },
  test: (
    world: { host: Host; address: Address; mounts: Mounts; recorded: RecordingHost },
  ) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const share = { type: "disk", source: join(home, "container_mounts/box/share"), path: "/home/ubuntu/share" };
    const box = { name, config: { "user.gui-container": "1" }, devices: { share }, expanded_devices: { share } };
    const recorded = recordingHost({
      env: { HOME: home },
      answer: ([program, command, path]) => {
        if (command !== "query") return {};
        if (/\/instances\?/.test(path!)) return { stdout: JSON.stringify(program === cli ? [box] : []) };
        if (/\/operations/.test(path!)) return { stdout: "{}" };
        return program === cli && path === "big:/1.0/instances/box" ? { stdout: JSON.stringify(box) } : gone;
      },
    });
    await Deno.mkdir(join(home, ".config/incus"), { recursive: true });
    await Deno.writeTextFile(
      join(home, ".config/incus/config.yml"),
      "remotes:\n  big:\n    addr: https://192.0.2.7:8443\n",
    );
    const address = addressOf(recorded.host, { engine: { ...engineCalled("lxc"), server }, name: "box" });
    const { mounts } = address;
    await Deno.mkdir(mounts.share, { recursive: true });
    await test({ host: recorded.host, address, mounts, recorded });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const cases: [string, EngineCli, Server][] = [
  ["the other engine", "incus", ownServer],
  ["another project", "lxc", { ...ownServer, project: "user-1000" }],
  ["the other engine's remote of that name", "incus", { remote: "big", project: undefined, isLocal: false }],
];

for (const [where, cli, server] of cases) {
  Deno.test(`removeContainer() and checkExisting() leave the directories of a container of ${where} alone`, async () => {
    await withOwner({ cli, server }, async ({ host, address, mounts, recorded }) => {
      for (const force of [false, true]) {
        const error = await assertRejects(
          () => removeContainer(host, address, { force, recovered: false }),
          UserError,
          "belong to another container",
        );
        assertStringIncludes(error.message, cli === "incus" ? "of Incus" : "of LXD");
      }
      await assertRejects(
        () => checkExisting(host, address),
        UserError,
        "belong to another container",
      );
      assert(await exists(mounts.share));
      assertEquals(recorded.calls.filter(([, command]) => command !== "query"), []);
    });
  });
}

Deno.test("checkExisting() and removeContainer() say which container it is whose directories they leave alone, if it was renamed", async () => {
  await withOwner({ cli: "lxc", name: "old-box" }, async ({ host, address }) => {
    for (
      const act of [
        () => checkExisting(host, address),
        () => removeContainer(host, address, { force: true, recovered: false }),
      ]
    ) {
      const error = await assertRejects(act, UserError, 'belong to another container "old-box", of LXD');
      assertStringIncludes(error.hint, 'If it was called "box", rename it back; ');
    }
  });
});

Deno.test("removeContainer() touches nothing of a container that the engine protects", async () => {
  const engineWith = (own: Record<string, string>, profile: Record<string, string>): RecordingHost =>
    recordingHost({
      env: { GUI_CONTAINER_MOUNTS: "/nonexistent" },
      answer: ([, , path]) => ({
        stdout: JSON.stringify(
          path!.startsWith("/1.0/instances")
            ? { name: "box", status: "Running", config: own, devices: {}, expanded_devices: {} }
            : { config: profile, devices: {}, used_by: [] },
        ),
      }),
    });
  const on = { "security.protection.delete": "true" };
  const remove = ({ host }: RecordingHost): Promise<string[]> => {
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    return removeContainer(host, address, { force: true, recovered: false });
  };
  for (const [own, profile] of [[on, {}], [{}, on]] as const) {
    const recorded = engineWith(own, profile);
    const error = await assertRejects(() => remove(recorded), UserError, "protected");
    assertEquals(error.hint, "To allow it: lxc config set box security.protection.delete=false");
    assertEquals(recorded.calls.filter(([, command]) => command !== "query"), []);
  }
  assertEquals(await remove(engineWith({ "security.protection.delete": "false" }, on)), ["container", "profile"]);
});

Deno.test("removeContainer() removes directories that are no container's, by force", async () => {
  await withOwner({ cli: undefined }, async ({ host, address, mounts }) => {
    const remove = (force: boolean): Promise<string[]> => removeContainer(host, address, { force, recovered: false });
    await assertRejects(() => remove(false), UserError, "its directories are there");
    assertEquals(await remove(true), [mounts.directory]);
    assert(!await exists(mounts.directory));
  });
});
