// Runs that take commands, and those that answer none.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { deny } from "../../../../lib/attach/deny.ts";
import { createPermissions } from "../../../../lib/attach/session/permissions.ts";
import { denyInRun, findRuns, openToCommands } from "../../../../lib/attach/session/runs.ts";
import { closeInGuard } from "../../../../lib/attach/wayland/ask_guard.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { withRuns } from "../../runs.ts";

Deno.test("a run that cannot watch for commands is known, and so is what it may have open", async () => {
  await withRuns([], async ({ box, root, env }) => {
    const directory = join(root, ".attach-own");
    const { host, said } = recordingHost({ env });
    const own = localBox(host, { mounts: box.mounts, directory });
    await Deno.writeTextFile(join(directory, "commands"), "");
    const permissions = createPermissions(own, { open: new Set(["microphone"]) });
    await using _commands = await openToCommands(own, { session: "foot", permissions, asks: new Set() });
    assertEquals(said.map((line) => line.split(":", 2).join(":")), [
      "warn: attach.ts --list and --deny do not reach this run",
    ]);
    const denied = deny(box, { channels: ["microphone"], session: undefined });
    await assertRejects(() => denied, UserError, '"foot" of "box"');
  });
});

Deno.test("a run that is stopped, and a guard that hangs, are said not to answer; one that has ended is nothing", async () => {
  await withRuns(["foot"], async ({ box, root, guard }) => {
    const [run] = await findRuns(box.host);
    const stopped = { ...run!, directory: join(root, ".attach-stopped") };
    const channels: ChannelName[] = ["clipboard-in"];
    assertEquals(await denyInRun(box, { run: stopped, channels }), undefined);
    await Deno.mkdir(join(stopped.directory, "commands"), { recursive: true });
    using lock = await Deno.open(join(stopped.directory, "lock"), { write: true, create: true });
    await lock.lock(false);
    const denied = denyInRun(box, { run: stopped, channels }, AbortSignal.timeout(20));
    const { hint } = await assertRejects(
      () => denied,
      UserError,
      '"foot" of "box" does not answer: its channels',
    );
    assertEquals(hint, "If it is stopped, type fg there. To end the session: attach.ts --stop box foot");
    await guard("foot", () => new Promise(() => {}));
    const closed = closeInGuard(box, { session: "foot", channels, signal: AbortSignal.timeout(20) });
    await assertRejects(() => closed, UserError, ": its clipboard");
  });
});
