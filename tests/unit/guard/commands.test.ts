// Commands to a process that goes on.

import { assert, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { join } from "@std/path";
import { exists } from "../../../lib/base/files.ts";
import { commandNames, sendCommand } from "../../../lib/guard/commands.ts";

Deno.test("a command that nobody obeys leaves the place of its socket to the next one", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(directory, commandNames.directory));
    const own = join(directory, "guard");
    const signal = AbortSignal.timeout(20);
    await assertRejects(() => sendCommand(directory, { request: {}, own, signal }), DOMException);
    Deno.writeTextFileSync(own, "the next one's");
    // Deno removed it in its next turn.
    await delay(20);
    assert(await exists(own));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
