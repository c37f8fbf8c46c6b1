// Where a container's directories are on this host.

import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { mountsIn, mountsOf } from "../../../lib/container/paths.ts";
import { ownServer, type Server, withRemote } from "../../../lib/engine/server.ts";
import { big } from "../engine_hosts.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("containers of other servers and projects have directories of their own", () => {
  const host = { env: (name: string) => ({ GUI_CONTAINER_MOUNTS: "/m" })[name] };
  const directory = (server: Partial<Server>): string =>
    mountsOf(host, { engine: { server: { ...ownServer, ...server } }, name: "box" }).directory;
  assertEquals(directory({}), "/m/box");
  assertEquals(directory({ remote: "local" }), "/m/box");
  assertEquals(directory({ project: "user-1000" }), "/m/box");
  // The name on the host is the same whatever the CLI's default is; the user's word is not.
  assertEquals([withRemote({ remote: "local" }, "box"), withRemote(ownServer, "box")], ["local:box", "box"]);
  assertEquals(directory({ project: "default" }), "/m/box");
  assertEquals(directory({ project: "work" }), "/m/work_box");
  assertEquals(directory({ ...big, project: undefined }), "/m/big:box");
  assertEquals(directory(big), "/m/big:work_box");
  assertEquals(directory({ ...big, project: "user-1000" }), "/m/big:user-1000_box");
});

Deno.test("mountsIn() is below $GUI_CONTAINER_MOUNTS, else below the home directory", () => {
  const mounts = mountsIn(recordingHost({ env: { HOME: "/home/me" } }).host, "box");
  assertEquals(mounts, {
    directory: "/home/me/container_mounts/box",
    sockets: "/home/me/container_mounts/box/xpra",
    share: "/home/me/container_mounts/box/share",
    shared: ["/home/me/container_mounts/box/xpra", "/home/me/container_mounts/box/share"],
    knownHosts: "/home/me/container_mounts/box/known_hosts",
    ssh: "/home/me/container_mounts/box/ssh",
  });
  assertEquals(
    mountsIn(recordingHost({ env: { HOME: "/home/me", GUI_CONTAINER_MOUNTS: "/m/" } }).host, "box").directory,
    "/m/box",
  );
});

Deno.test("mountsIn() refuses a relative path, and to guess", () => {
  for (const env of [{}, { GUI_CONTAINER_MOUNTS: "m" }, { GUI_CONTAINER_MOUNTS: "~/m", HOME: "/h" }]) {
    assertEquals(assertThrows(() => mountsIn(recordingHost({ env }).host, "box"), UserError).exitCode, 2);
  }
});

Deno.test("mountsIn() refuses a path that Deno's permissions or ssh cannot take", () => {
  for (const path of ["/a,b", '/a"b', "/a\\b", "/a$b", "/a\nb", "/a\tb"]) {
    assertEquals(
      assertThrows(() => mountsIn(recordingHost({ env: { GUI_CONTAINER_MOUNTS: path } }).host, "box"), UserError)
        .exitCode,
      2,
    );
  }
  for (const path of ["/it's a%h", "/ünï;&*"]) {
    assertEquals(mountsIn(recordingHost({ env: { GUI_CONTAINER_MOUNTS: path } }).host, "box").directory, `${path}/box`);
  }
});
