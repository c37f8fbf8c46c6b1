// Which container a word names, and the command line that names it again.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { findAddress, scriptLine } from "../../../lib/container/address.ts";
import { chooseEngine, type EngineCli } from "../../../lib/engine/engine.ts";
import { ownServer, type Server } from "../../../lib/engine/server.ts";
import { big, configText, withConfig } from "../engine_hosts.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("findAddress() asks no engine where it is on record, or where any does, and for the one that has the remote", async () => {
  await withConfig(configText, async (env) => {
    const { host } = recordingHost({ env, answer: () => new Error("no engine") });
    const own = await findAddress(host, { word: "box", needsEngine: false });
    assertEquals([own.label, own.mounts.directory], ["box", "/m/box"]);
    await assertRejects(() => findAddress(host, { word: "box" }), Error);
    const root = await Deno.makeTempDir();
    const mounts = { ...env, GUI_CONTAINER_MOUNTS: root };
    await Deno.mkdir(join(root, "box"));
    await Deno.writeTextFile(
      join(root, "box/container.json"),
      JSON.stringify({ engine: "incus", server: { remote: "local", project: "default" }, user: "", location: "none" }),
    );
    const { host: silent, calls } = recordingHost({ env: mounts });
    assertEquals([(await findAddress(silent, { word: "box" })).engine.cli, calls], ["incus", []]);
    await Deno.remove(root, { recursive: true });
    const there = await findAddress(recordingHost({ env, answer: () => ({ stdout: "{}" }) }).host, { word: "big:box" });
    assertEquals([there.name, there.label, there.mounts.directory], ["box", "big:box", "/m/big:work_box"]);
    assertEquals(there.engine.cli, "incus");
  });
});

Deno.test("scriptLine() names the project and the engine, where a run without them would mean others", async () => {
  const line = async (
    option: EngineCli | undefined,
    server: Partial<Server>,
    env: Record<string, string> = {},
  ): Promise<string> => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_ENGINE: "incus", ...env } });
    const engine = await chooseEngine(host, { engine: option });
    return scriptLine({ ...engine, server: { ...ownServer, ...server } }, ["create.ts", "--delete", "box"]);
  };
  assertEquals(await line(undefined, {}), "create.ts --delete box");
  assertEquals(await line(undefined, { project: "work" }), "create.ts --project=work --delete box");
  assertEquals(
    await line("incus", big, { GUI_CONTAINER_ENGINE: "" }),
    "create.ts --engine=incus --project=work --delete box",
  );
  assertEquals(await line("incus", {}, { GUI_CONTAINER_ENGINE: "incus" }), "create.ts --delete box");
  assertEquals(await line("lxc", {}, { GUI_CONTAINER_ENGINE: "incus" }), "create.ts --engine=lxc --delete box");
});
