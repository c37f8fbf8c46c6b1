// What a session of xpra's knows at its end, and once a channel is closed.

import { assertEquals, assertThrows } from "@std/assert";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { closeTrays } from "../../../../lib/guard/xpra/session.ts";
import { client, server, session, usedSession } from "../../xpra_samples.ts";

Deno.test("closeTrays() takes the icons away once the tray is closed, and none comes back", () => {
  const channels = new Set<ChannelName>(["tray"]);
  const made = { ...usedSession(), open: channels };
  server(made, "new-tray", 9, 22, 22, new Map());
  assertEquals(closeTrays(made), []);
  channels.clear();
  assertEquals(closeTrays(made), [{ type: "lost-window", args: [9] }]);
  assertEquals(closeTrays(made), []);
  assertThrows(() => server(made, "new-tray", 10, 22, 22, new Map()), Refusal);
});

Deno.test("the guard of xpra knows whether the user has closed the last window", () => {
  const state = session();
  assertEquals(state.closing.end(), "other");
  client(state, "close-window", 1);
  server(state, "lost-window", 1);
  assertEquals(state.closing.end(), "closed");
});
