// What --list says of a session.

import { assertEquals } from "@std/assert";
import { dataOf } from "../../../lib/attach/list.ts";

Deno.test("--list --json tells the channels of a session one by one, and those that are asked for", () => {
  const session = { container: "box", session: "web", display: "x11", app: "firefox", pid: 7, clients: 1, since: "" };
  const live = { ...session, display: "x11", channels: "sound,links?,evil", isServed: true } as const;
  assertEquals(dataOf(live), { ...session, channels: ["sound", "links"], asks: ["links"] });
});
