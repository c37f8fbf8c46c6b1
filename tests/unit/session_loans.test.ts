// The files of a session: which of those that an earlier run has let stay are its own.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { readLoans, withJournalLock, writeRecords } from "../../lib/container/lend/journal.ts";
import { checkRoom, sessionLoans } from "../../lib/container/lend/session_loans.ts";
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

Deno.test("checkRoom() refuses a place to save to on a full disk, unless what is there makes room", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [fresh, large] = [join(directory, "new"), join(directory, "large")];
    await (await Deno.create(large)).truncate(2 ** 21);
    const check = (stdout: string, path = fresh): Promise<void> =>
      checkRoom(recordingHost({ answer: () => ({ stdout }) }).host, path);
    const full = "12 4096 1000\n";
    const error = await assertRejects(() => check(full), UserError, "no space is left");
    assertStringIncludes(error.message, fresh);
    await check(full, large);
    await check("256 4096 1000\n");
    // A file system that does not tell, and a program that fails.
    await check("0 4096 0\n");
    await check("");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
