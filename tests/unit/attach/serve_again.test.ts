import { assertEquals } from "@std/assert";
import { serveAgain } from "../../../lib/attach/serve_again.ts";
import { openChannels, recordChannels } from "../../../lib/attach/session/channels.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("who comes back to windows on Wayland with fewer channels is warned of those that stay open", async () => {
  const nothing = 'Nothing is to be served again: the windows of "web", its clipboard and its sound are as they were';
  for (
    const [started, wanted, open] of [
      [{ preset: "trusted" }, { preset: "isolated" }, "clipboard, sound"],
      [{}, { preset: "isolated", allow: "clipboard-in,look" }, "clipboard-out, sound"],
      [{}, { preset: "isolated", allow: "clipboard,sound" }, undefined],
      [{ preset: "isolated" }, { preset: "isolated" }, undefined],
    ] as const
  ) {
    const { host, said, calls } = recordingHost();
    const channels = recordChannels(openChannels(started), new Set());
    await serveAgain(localBox(host), { session: "web", channels, open: openChannels(wanted), asks: new Set() });
    assertEquals(said, [
      ...open === undefined ? [] : [
        `warn: "web" was started with ${open}, which cannot be closed while its windows are shown. ` +
        "To end it: attach.ts --stop box web",
      ],
      `status: ${nothing}`,
    ]);
    assertEquals(calls, []);
  }
});
