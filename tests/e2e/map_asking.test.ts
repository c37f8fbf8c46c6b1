// map.ts asks: on a terminal, and by dialogs on a real display, which are driven by keys. What it asks is in tests/unit/map.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { mapDevices, permissions, startMap, withDirectory } from "./lending.ts";
import { eventually, inContainer, root, script, sh } from "./run.ts";
import { testOnIncus, testOnOneEngine } from "./sessions.ts";
import { windowWith, xWindows } from "./windows.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("asking");

/** The directory of a session that runs, and the socket of one that a crash has left. */
async function withSession(engine: EngineName, name: string, test: () => Promise<void>): Promise<void> {
  const stale = `python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/home/ubuntu/.xpra/stale")'`;
  await inContainer(engine, name, `mkdir /run/user/1000/gui-container-editor && ${stale}`);
  try {
    await test();
  } finally {
    await inContainer(engine, name, "rmdir /run/user/1000/gui-container-editor; rm .xpra/stale");
  }
}

/** map.ts on a terminal of its own. */
interface TerminalRun {
  /** Waits until the terminal shows a text that was not waited for yet. */
  shows(text: string): Promise<void>;
  type(text: string): Promise<void>;
  ended: Promise<ProcessResult>;
}

async function onTerminal(engine: EngineName, directory: string, args: readonly string[]): Promise<TerminalRun> {
  const fifo = join(directory, "keys");
  await sh(["mkfifo", fifo]);
  const keys = await Deno.open(fifo, { read: true, write: true });
  const command = quoteWords([join(root, "map.ts"), `--engine=${engine}`, ...args]);
  const log = join(directory, "terminal");
  const run = startProcess(["sh", "-c", 'exec script -qefc "$1" "$2" <"$0"', fifo, command, log]);
  let seen = 0;
  return {
    async shows(text) {
      const at = await eventually(`"${text}" on the terminal`, async () => {
        const at = (await Deno.readTextFile(log).catch(() => "")).indexOf(text, seen);
        return at >= 0 && at + text.length;
      });
      seen = at;
    },
    type: async (text) => void await keys.write(new TextEncoder().encode(text)),
    ended: run.ended.finally(async () => {
      keys.close();
      await Deno.remove(fifo);
      await Deno.remove(log);
    }),
  };
}

testOnIncus(
  "map.ts asks on a terminal for the container and the files, and again while a session runs",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await withDirectory(async (directory) => {
      const files = ["it's one", "two"].map((part) => join(directory, part));
      for (const file of files) await Deno.writeTextFile(file, "text");
      const before = await permissions(files);
      await withSession(engine, name, async () => {
        const run = await onTerminal(engine, directory, ["--verbose"]);
        await run.shows("Containers:");
        await run.shows("Which one?");
        const listed = await Deno.readTextFile(join(directory, "terminal"));
        const number = new RegExp(`^ +(\\d+) +${name}\\r?$`, "m").exec(listed)?.[1];
        assert(number, listed);
        await run.type(`${number}\n`);
        await run.shows("File: ");
        await run.type(`"${files[0]}" \n`);
        await run.shows("File: ");
        await run.type(`${files[1]}\n`);
        await run.shows("File: ");
        await run.type("\n");
        await run.shows("Press Enter");
        await run.type("\n");
        await run.shows(`session editor still runs in "${name}"`);
        await run.shows("[y/N]");
        await run.type("n\n");
        await run.shows("Press Enter");
        assertEquals((await mapDevices(engine, name)).length, 2);
        await run.type("\n");
        await run.shows("[y/N]");
        await run.type("y\n");
        assertEquals((await run.ended).code, 0);
      });
      assertEquals(await mapDevices(engine, name), []);
      assertEquals(await permissions(files), before);
    });
  },
);

testOnOneEngine(
  "map.ts --for takes the files back when the time is over, and Enter does before",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await withDirectory(async (directory) => {
      const file = join(directory, "file");
      await Deno.writeTextFile(file, "text");
      const before = await permissions([file]);
      const startMs = performance.now();
      const timed = await script("map", engine, ["--for", "2s", name, file]);
      assertEquals(timed.code, 0, timed.stderr);
      assert(performance.now() - startMs > 2_000, "the end of the input is no answer");
      assertEquals(await permissions([file]), before);
      const early = await startMap(engine, ["--for", "1h", name, file]);
      assertEquals((await early.enter()).code, 0);
      assertEquals(await permissions([file]), before);
    });
  },
);

testOnOneEngine("map.ts --for takes the files back in the background of a terminal, too", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "text");
    const command = quoteWords([join(root, "map.ts"), `--engine=${engine}`, name, file, "--for=2s"]);
    const words = ["script", "-qec", quoteWords(["bash", "-mc", `${command} & wait -f; jobs`]), "/dev/null"];
    await sh(words, { timeoutMs: 30_000 });
    assertEquals(await mapDevices(engine, name), []);
  });
});

const onDisplay = ["user", "display", "windowManager"] as const;

/** Starts map.ts as a desktop's menu does: nothing to read from, and nobody who reads. */
function fromMenu(engine: EngineName, directory: string, args: readonly string[]): RunningProcess {
  const shell = 'exec "$@" >"$0/out" 2>"$0/err"';
  return startProcess(["sh", "-c", shell, directory, join(root, "map.ts"), `--engine=${engine}`, ...args]);
}

async function press(title: string, ...keys: string[]): Promise<void> {
  const window = await windowWith(title);
  await sh(["xdotool", "windowactivate", "--sync", window]);
  // GTK maps a window before it takes keys.
  await new Promise((resolve) => setTimeout(resolve, 700));
  for (const key of keys) {
    await sh(key.startsWith("/") ? ["xdotool", "type", "--delay", "20", key] : ["xdotool", "key", key]);
  }
}

async function gone(title: string): Promise<void> {
  await eventually(`no window "${title}"`, async () => {
    return (await xWindows(title)).length === 0;
  });
}

testOnOneEngine("map.ts asks by dialogs when there is a display and no terminal", onDisplay, async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "letter");
    await Deno.writeTextFile(file, "text");
    const before = await permissions([file]);
    await withSession(engine, name, async () => {
      const { ended } = fromMenu(engine, directory, ["--verbose"]);
      await windowWith("Lend files");
      const line = /zenity --list .*--column=Container (.*)$/m.exec(await Deno.readTextFile(join(directory, "err")))!;
      const index = line[1]!.split(" ").indexOf(name);
      await press("Lend files", ...Array(index).fill("Down"), "Return");
      // Typing a path opens the line for it; what GTK adds behind is removed.
      await press(`Files to lend to ${name}`, file, "shift+End", "Delete", "Return");
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (await windowWith(`Files to lend to ${name}|Lent to ${name}`) && !await isShown(`Lent to ${name}`)) {
        await press(`Files to lend to ${name}`, "Return");
      }
      await windowWith(`Lent to ${name}`);
      const container = (await Deno.readTextFile(join(directory, "out"))).trimEnd().split("\t")[1]!;
      assertEquals(await inContainer(engine, name, 'cat "$1"', container), "text");
      await press(`Lent to ${name}`, "Return");
      await press("Take the files back", "Escape");
      await gone("Take the files back");
      await press(`Lent to ${name}`, "Return");
      assertEquals((await mapDevices(engine, name)).length, 1);
      await press("Take the files back", "Tab", "Return");
      const { code } = await ended;
      assertEquals(code, 0, await Deno.readTextFile(join(directory, "err")));
    });
    assertEquals(await permissions([file]), before);
    assertEquals(await mapDevices(engine, name), []);
  });
});

async function isShown(title: string): Promise<boolean> {
  return (await xWindows(title)).length > 0;
}

testOnOneEngine("map.ts takes back what a dialog shows, by signal and by time", onDisplay, async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "letter");
    await Deno.writeTextFile(file, "text");
    const before = await permissions([file]);
    const timed = fromMenu(engine, directory, ["--for", "3s", name, file]);
    await windowWith(`Lent to ${name}`);
    assertEquals((await timed.ended).code, 0);
    await gone(`Lent to ${name}`);
    const run = fromMenu(engine, directory, [name, file]);
    await windowWith(`Lent to ${name}`);
    run.kill("SIGTERM");
    assertEquals((await run.ended).code, 143);
    await gone(`Lent to ${name}`);
    assertEquals(await permissions([file]), before);
    // A dialog that is closed is an answer, not an error.
    const closed = fromMenu(engine, directory, [name]);
    await press(`Files to lend to ${name}`, "Escape");
    assertEquals((await closed.ended).code, 1);
    assertEquals(await Deno.readTextFile(join(directory, "err")), "");
  });
});
