// create.ts --list: whose containers it has, and what is left out.

import { assertEquals, assertRejects } from "@std/assert";
import { copyOfKey } from "../../../lib/container/managed.ts";
import { MissingProgram, UserError } from "../../../lib/base/errors.ts";
import { listContainers } from "../../../lib/create/list.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const mark = { "user.gui-container": "1" };

/** What the list has in a home with directories of `own`, where the engine has these instances. */
async function listed(
  own: readonly string[],
  instances: readonly { name: string; config: Record<string, string>; status?: string }[],
  { word, cli = "incus", output = "" }: { word?: string; cli?: string; output?: string } = {},
): Promise<string[]> {
  const mounts = await Deno.makeTempDir();
  try {
    for (const name of own) await Deno.mkdir(`${mounts}/${name}/xpra`, { recursive: true });
    await new Deno.Command("mkfifo", { args: own.map((name) => `${mounts}/${name}/xpra/firefox`) }).output();
    const all = instances.map((instance) => ({
      status: "Stopped",
      location: "none",
      expanded_devices: {},
      ...instance,
    }));
    const answer = ([program, , path = ""]: readonly string[]): Answer => {
      if (program !== cli && output !== "") return { code: 1, stderr: output };
      if (program !== cli) return new MissingProgram("no", { hint: "" });
      if (path.includes("/snapshots/")) return { stdout: JSON.stringify({ created_at: "2026-01-02T03:04:05Z" }) };
      const one = all.find(({ name }) => path === `/1.0/instances/${name}`);
      return { stdout: JSON.stringify(one ?? (path.startsWith("/1.0/instances?") ? all : {})) };
    };
    const settings = `${mounts}/.config/gui-container`;
    await Deno.mkdir(settings, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${settings}/config.yaml`, "containers:\n  - name: bank\n    preset: isolated\n", {
      mode: 0o600,
    });
    const { host, said } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts, HOME: mounts }, answer });
    await listContainers(host, { word });
    return said;
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
}

Deno.test("the list has the containers that create.ts has made for this user, and no copies", async () => {
  const instances = [
    { name: "bank", config: mark },
    { name: "others", config: mark },
    { name: "by-hand", config: {} },
    { name: "copy", config: { ...mark, [copyOfKey]: "bank" } },
  ];
  const row = "bank\tincus\tstopped\t-\tisolated\t2026-01-02\tyes";
  assertEquals(await listed(["bank", "by-hand", "copy"], instances), [`result: ${row}`]);
  assertEquals(await listed([], instances), ["status: You have no containers", "result: "]);
});

Deno.test("the sessions of a container are listed that is paused, and none of one that is stopped", async () => {
  const sessions = async (status: string): Promise<string | undefined> =>
    (await listed(["box"], [{ name: "box", config: mark, status }]))[0]!.split("\t")[3];
  assertEquals([await sessions("Frozen"), await sessions("Stopped")], ["firefox", "-"]);
});

Deno.test("the list asks all engines that answer, and takes no name of a container", async () => {
  const here = [{ name: "box", config: mark }];
  assertEquals((await listed(["box"], here, { cli: "lxc" }))[0]!.split("\t")[1], "lxc");
  const [warning, row] = await listed(["box"], here, {
    output: 'Error: Get "http://unix.socket/1.0": dial unix /run/lxd.socket: connect: permission denied',
  });
  assertEquals([warning, row!.split("\t")[0]], ["warn: Permission denied on LXD's socket", "result: box"]);
  await assertRejects(() => listed(["box"], here, { cli: "none" }), UserError);
  const error = await assertRejects(() => listed([], [], { word: "box" }), UserError, "--list");
  assertEquals(error.exitCode, 2);
});

Deno.test("a container of which not all can be known is listed all the same, with a warning", async () => {
  const instances = [{ name: "box", config: { ...mark, "user.gui-container.user": "alice" } }, {
    name: "bag",
    config: mark,
  }];
  const said = await listed(["box", "bag"], instances);
  assertEquals(
    said.at(-1),
    "result: box\tincus\tstopped\t-\tdesktop\t-\tno\nbag\tincus\tstopped\t-\tdesktop\t2026-01-02\tyes",
  );
  assertEquals(
    said.filter((line) => line.startsWith('warn: "box" is listed without its details: ')).length,
    1,
    said.join("\n"),
  );
});
