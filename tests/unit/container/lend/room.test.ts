// The room that is left on a disk.

import { assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { checkRoom } from "../../../../lib/container/lend/room.ts";
import { recordingHost } from "../../recording_host.ts";

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
