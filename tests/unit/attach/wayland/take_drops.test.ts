// A guard asks the run that serves its session for what is dropped on a window.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { join } from "@std/path";
import { keepDrops, takeDrops } from "../../../../lib/attach/wayland/take_drops.ts";
import type { Given } from "../../../../lib/guard/wayland/dropped_files.ts";
import { readText, sendText } from "../../../../lib/guard/sockets.ts";
import { privateNames } from "../../../../lib/guard/wayland/process_interface.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { lendByRun } from "../../../../lib/guard/wayland/process.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { lockedDirectory } from "../../runs.ts";

Deno.test("what is dropped on a window is lent by the run that serves its session last, else by none, with a line", async () => {
  const root = await Deno.makeTempDir();
  try {
    const { host, said } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root } });
    const mounts = mountsIn(host, "box");
    const [guard, first, second] = [".attach-1w", ".attach-2", ".attach-3"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    using _lock = await lockedDirectory(guard);
    for (const path of [first, second]) await Deno.mkdir(path);
    await Deno.writeTextFile(join(guard, "session.json"), JSON.stringify({ mounts: mounts.directory, session: "web" }));
    const told: string[] = [];
    const give = (how: Given): Promise<string> =>
      lendByRun("a list", { how, path: join(guard, "files"), tell: (line) => told.push(line) });
    const giveNobody = (how: Given): Promise<Error> => assertRejects(() => give(how), Error);
    const takes = (directory: string, session = "web"): Promise<AsyncDisposable | undefined> =>
      takeDrops(localBox(host, { mounts, directory }), {
        session,
        async lend(list, how) {
          await Promise.resolve();
          if (how === "again") throw new Error("a full disk");
          return how === "pasted" ? "" : `${list} ${how} for ${directory.at(-1)}`;
        },
      });

    assertEquals(await takes(first, "other"), undefined);
    await giveNobody("dropped");
    {
      await using _first = await takes(first);
      assertEquals(await give("dropped"), "a list dropped for 2");
      await using _second = await takes(second);
      const both = await Promise.all([give("pasted"), give("dropped")]);
      assertEquals(both, ["", "a list dropped for 3"], "a no is an answer");
      await giveNobody("again");
      assertEquals([told.length, said], [1, []], "the run itself says why");
      // What is no list of a guard's.
      using other = await Deno.connect({ transport: "unix", path: join(guard, "files") });
      await sendText(other, "file:///home/me/a");
      assertEquals(await readText(other), "");
    }
    {
      const portals = { give: () => Promise.resolve("the first"), onAgain: () => Promise.resolve() };
      await using _first = await keepDrops(localBox(host, { mounts, directory: second }), { session: "web", portals });
      const later = await takes(join(root, ".attach-2"));
      assertEquals(await give("dropped"), "a list dropped for 2");
      await later![Symbol.asyncDispose]();
      const place = join(root, ".attach-2", "guard");
      Deno.writeTextFileSync(place, "the next one's");
      // Deno removed it in its next turn.
      await delay(5);
      await Deno.remove(place);
      await portals.onAgain();
      assertEquals(await give("dropped"), "the first");
    }
    await giveNobody("pasted");
    assertEquals(told.map((line) => line.split(":")[0]), [
      "Files dropped are not lent",
      "Files pasted are not lent",
    ]);
    assertEquals([...Deno.readDirSync(second)].length + [...Deno.readDirSync(first)].length, 0);
    // What keeps the run from listening does not end the session.
    assertEquals([await takes(join(root, ".attach-4")), said.length], [undefined, 1]);
    assertMatch(said[0]!, /^warn: Files dropped on "web", or pasted, are not lent: /);
    await Deno.remove(join(guard, "files"));
    await Deno.rename(guard, join(root, "gone"));
    assertEquals([await takes(first), said.length], [undefined, 1]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("what takes long to be lent is not said to be lent by none", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, privateNames.files);
    const told: string[] = [];
    // As a run does that is stopped (Ctrl-Z), or sends a large file to another machine.
    using _run = Deno.listen({ transport: "unix", path });
    const options = { how: "dropped", path, tell: (line: string) => told.push(line), limitMs: 50 } as const;
    await assertRejects(() => lendByRun("a list", options), Error);
    assertEquals([told.length, told[0]?.startsWith("Lending files dropped takes too long")], [1, true]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
