import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Host } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { appNames, runningSessions, sessionNames, sessionsOf } from "../../../lib/container/sessions.ts";
import { formatUser, userKey } from "../../../lib/container/user.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const box = { engine: engineCalled("lxc"), name: "box", config: {}, status: "Running" };

Deno.test("sessionNames() are those of sockets, where a container may have put anything", async () => {
  const sockets = await Deno.makeTempDir();
  using _ = Deno.listen({ transport: "unix", path: join(sockets, "firefox") });
  using _other = Deno.listen({ transport: "unix", path: join(sockets, "$(id)") });
  try {
    await Deno.writeTextFile(join(sockets, "file"), "");
    await Deno.symlink("firefox", join(sockets, "link"));
    assertEquals(await sessionNames(sockets), ["firefox"]);
    assertEquals(await sessionNames(join(sockets, "none")), []);
  } finally {
    await Deno.remove(sockets, { recursive: true });
  }
});

Deno.test("appNames() are those of the logs of sessions, each once, where a container may have put anything", async () => {
  const sockets = await Deno.makeTempDir();
  try {
    for (const name of ["gimp.log", "gimp-2.log", "firefox-esr.log", "$(id).log", ".log", "x.log.log", "vlc"]) {
      await Deno.writeTextFile(join(sockets, name), "");
    }
    await Deno.symlink("gimp.log", join(sockets, "link.log"));
    assertEquals(await appNames(sockets), ["firefox-esr", "gimp"]);
  } finally {
    await Deno.remove(sockets, { recursive: true });
  }
});

Deno.test("runningSessions() names the directories of sessions, each once", async () => {
  const asked: string[] = [];
  const { host } = recordingHost({
    env: { HOME: "/nowhere" },
    answer: (argv) => {
      asked.push(...argv.join(" ").match(/ls \/\S+/g) ?? []);
      return {
        stdout:
          "bus\ngui-container-writer\ngui-container-web-2\ngui-container-writer\ngui-container-a b\ngui-container-.\n",
      };
    },
  });
  const sessions = await runningSessions(host, box);
  assertEquals(sessions, ["web-2", "writer"]);
  // A container without a directory on this host is asked.
  assertEquals(await sessionsOf(host, box), sessions);
  const other = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
  await runningSessions(host, { ...box, config: { [userKey]: formatUser(other) } });
  assertEquals(asked, ["ls /run/user/1000", "ls /run/user/1000", "ls /run/user/1234"]);
});

Deno.test("sessionsOf() asks a container that runs about its sockets: one that was killed has left some", async () => {
  const root = await Deno.makeTempDir();
  try {
    const { sockets } = mountsIn({ env: () => root }, "box");
    await Deno.mkdir(sockets, { recursive: true });
    let answer: Answer = { stdout: "" };
    const { host, calls } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root }, answer: () => answer });
    assertEquals([await sessionsOf(host, box), calls], [[], []]);
    using _ = Deno.listen({ transport: "unix", path: join(sockets, "web") });
    assertEquals([await sessionsOf(host, { ...box, status: "Frozen" }), calls], [["web"], []]);
    assertEquals(await sessionsOf(host, box), []);
    answer = { stdout: "gui-container-web\n" };
    assertEquals(await sessionsOf(host, box), ["web"]);
    answer = { code: 1 };
    assertEquals(await sessionsOf(host, box), ["web"]);
    // A shell that says nothing, and succeeds: the container would be missing from the list.
    const silent: Host = { ...host, run: async (...given) => ({ ...await host.run(...given), stdout: "" }) };
    answer = {};
    assertEquals(await sessionsOf(silent, box), ["web"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("runningSessions() does not know when the container does not answer, or has no ordinary user", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr: "Error: The instance is not running" }) });
  assertEquals(await runningSessions(host, box), undefined);
  const odd = { ...box, config: { [userKey]: "root:0:0:/root" } };
  assertEquals(await runningSessions(recordingHost().host, odd), undefined);
});

Deno.test("a container's sockets count up to a hundred, however many it makes", async () => {
  const sockets = await Deno.makeTempDir();
  try {
    await runProcess(["mkfifo", ...Array.from({ length: 300 }, (_, number) => join(sockets, `s${number}`))]);
    assertEquals((await sessionNames(sockets)).length, 100);
  } finally {
    await Deno.remove(sockets, { recursive: true });
  }
});
