// Transfers that take long, and that stall.

import { assertEquals, assertMatch } from "@std/assert";
import { watchTransfer } from "../../../../lib/container/lend/transfer_watch.ts";
import { startTime } from "../../../model/time.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("watchTransfer() says how far a long transfer is, and gives one up that has stalled", async () => {
  using time = startTime();
  const { host, said } = recordingHost();
  {
    using watch = watchTransfer(host, { what: "Lending file", stalledMs: 300 });
    watch.expect(3 * 2 ** 20);
    watch.moved(2 ** 20);
    assertEquals([said, watch.signal.aborted], [[], false]);
    await time.pass(1_100);
    watch.moved(2 ** 20);
    assertEquals([said.length, watch.signal.aborted], [1, true]);
    assertMatch(said[0]!, /^progress: Lending file: 2 MiB of 3 MiB, \d+ s$/);
    assertEquals(
      watch.signal.reason.message,
      "Lending file: nothing moves any more, after 1 MiB",
    );
  }
  assertMatch(said.at(-1)!, /^status: Lending file: 2 MiB of 3 MiB, \d+ s$/);
});
