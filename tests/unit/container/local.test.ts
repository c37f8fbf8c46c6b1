import { assertEquals } from "@std/assert";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("seenSessions() are the sockets of sessions, and nothing else that the container puts there", async () => {
  const directory = await Deno.makeTempDir();
  const listeners: Deno.UnixListener[] = [];
  const listen = (name: string): void => {
    listeners.push(Deno.listen({ transport: "unix", path: `${directory}/${name}` }));
  };
  const seen = async (sockets: string): Promise<string[] | undefined> => {
    const mounts = {
      directory: sockets,
      sockets,
      share: sockets,
      shared: [sockets],
      knownHosts: sockets,
      ssh: sockets,
    };
    return await localBox(recordingHost().host, { mounts }).seenSessions();
  };
  try {
    assertEquals(await seen(directory), []);
    for (const name of ["xpra+tcp:10.0.0.1:14500", "xpra+ssh:c?proxy_host=x;id", "one~sound", ".1234abcd"]) {
      listen(name);
    }
    await Deno.writeTextFile(`${directory}/one.log`, "");
    await Deno.symlink("one", `${directory}/link`);
    await Deno.mkdir(`${directory}/directory`);
    assertEquals(await seen(directory), []);
    listen("two");
    listen("one");
    assertEquals(await seen(directory), ["one", "two"]);
    assertEquals(await seen(`${directory}/none`), []);
  } finally {
    for (const listener of listeners) listener.close();
    await Deno.remove(directory, { recursive: true });
  }
});
