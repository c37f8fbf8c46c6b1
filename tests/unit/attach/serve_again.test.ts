import { assertEquals } from "@std/assert";
import { serveAgain } from "../../../lib/attach/serve_again.ts";
import { openChannels, recordChannels } from "../../../lib/attach/session/channels.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("who comes back to windows on Wayland with fewer channels is warned of those that stay open", async () => {
  const nothing = 'Nothing is to be served again: the windows of "web", its clipboard and its sound are as they were';
  for (
    const [started, wanted, open, clipboard] of [
      [{ preset: "trusted" }, { preset: "isolated" }, "clipboard,sound", "clipboard"],
      [{}, { preset: "isolated", allow: "clipboard-in,look" }, "clipboard-out,sound", "clipboard-out"],
      [{ preset: "isolated", allow: "sound" }, { preset: "isolated" }, "sound", undefined],
      [{}, { preset: "isolated", allow: "clipboard,sound" }, undefined, undefined],
      [{ preset: "isolated" }, { preset: "isolated" }, undefined, undefined],
    ] as const
  ) {
    const { host, said, calls } = recordingHost();
    const channels = recordChannels(openChannels(started), new Set());
    await serveAgain(localBox(host), { session: "web", channels, open: openChannels(wanted), asks: new Set() });
    assertEquals(said, [
      ...open === undefined ? [] : [
        `warn: "web" was started with ${open}, which stays open while its windows are shown. ` +
        `${clipboard === undefined ? "" : `To close it: attach.ts --deny box ${clipboard}. `}` +
        "To end the session: attach.ts --stop box web",
      ],
      `status: ${nothing}`,
    ]);
    assertEquals(calls, []);
  }
});
