import { assertEquals } from "@std/assert";
import { likelySession } from "../../lib/attach/live_sessions.ts";

Deno.test("likelySession() is the wanted session, or the only one, and nothing else that the container puts there", async () => {
  const directory = await Deno.makeTempDir();
  const listeners: Deno.UnixListener[] = [];
  const listen = (name: string): void => {
    listeners.push(Deno.listen({ transport: "unix", path: `${directory}/${name}` }));
  };
  try {
    assertEquals(await likelySession(directory, undefined), undefined);
    for (const name of ["xpra+tcp:10.0.0.1:14500", "xpra+ssh:c?proxy_host=x;id", "one~sound", ".1234abcd"]) {
      listen(name);
    }
    await Deno.writeTextFile(`${directory}/one.log`, "");
    await Deno.symlink("one", `${directory}/link`);
    await Deno.mkdir(`${directory}/directory`);
    assertEquals(await likelySession(directory, undefined), undefined);
    listen("one");
    assertEquals(await likelySession(directory, undefined), "one");
    assertEquals(await likelySession(directory, "one"), "one");
    for (const name of ["two", "link", "directory", "one.log", "xpra+tcp:10.0.0.1:14500"]) {
      assertEquals(await likelySession(directory, name), undefined);
    }
    listen("two");
    assertEquals(await likelySession(directory, undefined), undefined);
    assertEquals(await likelySession(directory, "two"), "two");
    assertEquals(await likelySession(`${directory}/none`, "two"), undefined);
  } finally {
    for (const listener of listeners) listener.close();
    await Deno.remove(directory, { recursive: true });
  }
});
