// @ts-types="../../lib/types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { attachClient } from "../../lib/client.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("attachClient() starts nothing when the run is ended while it still looks at the host", async () => {
  const ending = new AbortController();
  const { host, calls } = recordingHost({
    answer: () => {
      ending.abort();
      return { stdout: "Xft.dpi: 96\n" };
    },
  });
  const options = { socket: "/no/such/socket", container: "c", open: new Set<"sound">(["sound"]), userOptions: [] };
  assertEquals(await attachClient({ ...host, signal: ending.signal }, options), undefined);
  assertEquals(calls, [["xrdb", "-query"]]);
});
