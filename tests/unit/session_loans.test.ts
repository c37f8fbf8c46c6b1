// The files of a session: which of those that an earlier run has let stay are its own.

import { assertEquals } from "@std/assert";
import { engineCalled } from "../../lib/engine/engine.ts";
import { readLoans, withJournalLock, writeRecords } from "../../lib/container/lend/journal.ts";
import { sessionLoans } from "../../lib/container/lend/session_loans.ts";
import { sampleMapping } from "./mappings.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("a session takes over the files of its own container only, not of one of that name in another project", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory } });
    const stayed = (id: string, project: string, session = "editor") =>
      sampleMapping({ id, session, server: { remote: "local", project } });
    const records = [stayed("map-1", "default"), stayed("map-2", "other"), stayed("map-3", "default", "viewer")];
    await withJournalLock(host, () => writeRecords(host, records));
    await sessionLoans({ engine: engineCalled(host, "lxc"), name: "box" }, "editor");
    const owners = (await readLoans(host)).map(({ id, owner }) => [id, owner !== null]).sort();
    assertEquals(owners, [["map-1", true], ["map-2", false], ["map-3", false]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
