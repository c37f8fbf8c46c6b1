import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { appNames, listeningSessions, seenSessions, sessionNames } from "../../../lib/container/sessions.ts";
import { formatUser, userKey } from "../../../lib/container/user.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";

const box = { engine: engineCalled("lxc"), name: "box", config: {} };

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

Deno.test("listeningSessions() names the sockets of sessions that a process listens on, each once", async () => {
  const { host } = recordingHost({
    env: { HOME: "/nowhere" },
    answer: () => ({
      stdout: `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 2001 /run/dbus/system_bus_socket
0000000000000000: 00000002 00000000 00010000 0001 01 2002 /home/ubuntu/.xpra/writer
0000000000000000: 00000002 00000000 00010000 0001 01 2003 /home/ubuntu/.xpra/editor-2
0000000000000000: 00000003 00000000 00000000 0001 03 2004 /home/ubuntu/.xpra/editor-2
0000000000000000: 00000002 00000000 00000000 0001 01 2005 /home/ubuntu/.xpra/stale
0000000000000000: 00000002 00000000 00010000 0001 01 2006 /home/ubuntu/.xpra/a b
0000000000000000: 00000002 00000000 00010000 0001 01 2007 /home/ubuntu/.xpra/below/it
0000000000000000: 00000002 00000000 00010000 0001 01 2008
/run/user/1000/gui-container-web/wayland
/run/user/1000/gui-container-*/wayland
/run/user/1000/gui-container-evil/../wayland
`,
    }),
  });
  const sessions = await listeningSessions(host, box);
  assertEquals(sessions, ["editor-2", "web", "writer"]);
  // A container without a directory on this host is asked.
  assertEquals(await seenSessions(host, box), sessions);
  // The same answer, in a container with another user.
  const other = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
  assertEquals(await listeningSessions(host, { ...box, config: { [userKey]: formatUser(other) } }), []);
});

Deno.test("listeningSessions() does not know when the container does not answer, or has no ordinary user", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr: "Error: The instance is not running" }) });
  assertEquals(await listeningSessions(host, box), undefined);
  const odd = { ...box, config: { [userKey]: "root:0:0:/root" } };
  assertEquals(await listeningSessions(recordingHost().host, odd), undefined);
});
