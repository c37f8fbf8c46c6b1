// What --list says of a session.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dataOf, showSessions } from "../../../lib/attach/list.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("--list --json tells the channels of a session one by one, and those that are asked for", () => {
  const session = { container: "box", session: "web", display: "x11", app: "firefox", pid: 7, clients: 1, since: "" };
  const live = { ...session, display: "x11", channels: "sound,links?,evil", isServed: true } as const;
  assertEquals(dataOf(live), { ...session, channels: ["sound", "links"], asks: ["links"] });
  const left = dataOf({ ...live, clients: 0, display: "wayland", isServed: false });
  assertEquals(left.clients, 1, "its windows are there after Ctrl-C");
});

Deno.test("of a container that is paused, or worse, it is not said that no session runs: nobody can ask it", async () => {
  const mounts = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${mounts}/box/xpra`, { recursive: true });
    await new Deno.Command("mkfifo", { args: [`${mounts}/box/xpra/firefox`] }).output();
    const config = { "user.gui-container": "1" };
    let box = { name: "box", status: "Frozen", location: "none", config, expanded_devices: {} };
    const { host, said, calls } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: mounts },
      answer: ([, , path = ""]) => ({ stdout: JSON.stringify(path.startsWith("/1.0/instances?") ? [box] : box) }),
    });
    const options = { engine: "incus", project: undefined };
    const error = await assertRejects(() => showSessions(host, "box", options), UserError, '"box" is paused');
    assertEquals([error.hint, said], ["Resume it: incus start box", []]);
    await showSessions(host, undefined, options);
    assertEquals(said.slice(0, 2), [
      'warn: Cannot list the sessions of "box": "box" is paused',
      "status: Cannot tell whether a session runs in box",
    ]);
    box = { ...box, status: "Aborting" };
    const unknown = await assertRejects(() => showSessions(host, "box", options), UserError, 'says "Aborting"');
    assertEquals(unknown.hint, "See its state: incus info box");
    await showSessions(host, undefined, options);
    assertStringIncludes(said.findLast((line) => line.startsWith("warn: "))!, `"box" neither runs nor is stopped`);
    assertEquals(calls.filter(([program]) => program !== "incus"), []);
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
});
