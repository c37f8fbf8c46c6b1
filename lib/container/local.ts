/**
 * A container on this machine: the two share directories, and SSH reaches it by its network or through the engine. Code
 * that needs node:fs is loaded on demand, since that takes 10 ms and `attach.ts --join` needs none of it.
 */

import { join } from "@std/path";
import type { Container, KnownContainer } from "./container.ts";
import { sessionNames } from "./sessions.ts";
import { insideBy, lendTo, overSsh, type Parts, partsOf } from "./over_ssh.ts";
import { holdSocket, socketPath } from "./session_socket.ts";
import { hostUid } from "../engine/id_map.ts";

export function localContainer(
  known: KnownContainer,
  parts: Parts = partsOf(known, { throughEngine: false }),
): Container {
  const { host, mounts: { sockets } } = known;
  const { opened, directory, boot } = parts;
  return overSsh(known, parts, {
    crossesNetwork: false,
    connect: insideBy(known, boot),
    async socket(session) {
      const path = socketPath(sockets, session);
      const held = await host.look(undefined, () => holdSocket(path));
      if (!held) return path;
      opened.defer(held.close);
      // Deno 2.9 grants access to sockets path by path, and checks the path as given: so a link leads there.
      const link = socketPath(await directory(), "session");
      await host.run(["ln", "-s", "--", held.handle, link]);
      return link;
    },
    lend: lendTo(known, (found, user) => found ? hostUid(found, user.uid) : "<HOST_UID>"),
    lendSocket: async (_path, name) => join((await insideBy(known, boot)()).sockets, name),
    seenSessions: () => sessionNames(sockets),
    log: async (options) => (await import("./session_files.ts")).readSessionLog(sockets, options),
    readFifo(name) {
      const path = join(sockets, name);
      return host.look({ path, close() {} }, async () => (await import("./session_files.ts")).openFifo(path));
    },
    isLost: () => Promise.resolve(false),
    reconnect: () => Promise.resolve(),
  });
}
