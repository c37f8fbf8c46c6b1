// map.ts asks: on a terminal, and by dialogs on a real display, which are driven by keys.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { mapDevices, permissions, startMap, withDirectory } from "./lending.ts";
import { eventually, inContainer, root, script, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { windowWith, xWindows } from "./windows.ts";
import { type EngineName, shareContainer, testOnEngines } from "./world.ts";

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

testOnEngines("map.ts asks for the container and the files on a terminal", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const files = ["it's one", "two"].map((part) => join(directory, part));
    for (const file of files) await Deno.writeTextFile(file, "text");
    const before = await permissions(files);
    const run = await onTerminal(engine, directory, ["--verbose"]);
    await run.shows("Containers that run:");
    await run.shows("Which one?");
    const listed = await Deno.readTextFile(join(directory, "terminal"));
    const number = new RegExp(`^ +(\\d+) +${name}\\r?$`, "m").exec(listed)?.[1];
    assert(number, listed);
    await run.type(`${number}\n`);
    await run.shows("File: ");
    await run.type(`"${files[0]}" \n`);
    await run.shows("File: ");
    await run.type("'not closed\n");
    await run.shows("not closed");
    await run.type(`${files[1]}\n`);
    await run.shows("File: ");
    await run.shows("File: ");
    await run.type("\n");
    await run.shows("Press Enter");
    assertEquals((await mapDevices(engine, name)).length, 2);
    await run.type("\n");
    assertEquals((await run.ended).code, 0);
    assertEquals(await permissions(files), before);
  });
});

testOnOneEngine("map.ts --for ends what is lent also in the background of a terminal", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "text");
    const command = quoteWords([join(root, "map.ts"), `--engine=${engine}`, name, file, "--for=2s"]);
    const words = ["script", "-qec", quoteWords(["bash", "-mc", `${command} & wait -f; jobs`]), "/dev/null"];
    const printed = await sh(words, { timeoutMs: 30_000 });
    assertStringIncludes(printed, "The file is taken back");
    assertEquals(await mapDevices(engine, name), []);
  });
});

testOnEngines("map.ts warns on a terminal while a session runs, and asks again", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "text");
    await withSession(engine, name, async () => {
      const run = await onTerminal(engine, directory, [name, file]);
      await run.shows("Press Enter");
      await run.type("\n");
      await run.shows(`The session editor still runs in "${name}"`);
      await run.shows("[y/N]");
      await run.type("n\n");
      await run.shows("Press Enter");
      assertEquals((await mapDevices(engine, name)).length, 1);
      await run.type("\n");
      await run.shows("[y/N]");
      await run.type("y\n");
      assertEquals((await run.ended).code, 0);
      // Nobody can be asked through a pipe: its end takes the files back.
      const piped = await script("map", engine, [name, file], { stdin: { text: "\n" } });
      assertEquals(piped.code, 0);
      assertStringIncludes(piped.stderr, "The session editor still runs");
      const yes = await script("map", engine, ["--yes", name, file], { stdin: { text: "\n" } });
      assertEquals([yes.code, yes.stderr.includes("editor")], [0, false]);
    });
    assertEquals(await mapDevices(engine, name), []);
  });
});

testOnOneEngine("map.ts --for takes the files back when the time is over", ["user"], async (engine) => {
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
    const run = await startMap(engine, ["--for", "2s", name, file]);
    assertEquals((await run.ended).code, 0);
    const early = await startMap(engine, ["--for", "1h", name, file]);
    assertEquals((await early.enter()).code, 0);
    assertEquals(await permissions([file]), before);
    for (const args of [["--for", "2", name, file], ["--for", "2s", "--no-wait", name, file]]) {
      assertEquals((await script("map", engine, args)).code, 2, args.join(" "));
    }
  });
});

testOnOneEngine("map.ts without a terminal and a display tells what is missing", ["user"], async (engine) => {
  const name = nameOn(engine);
  for (const [args, what] of [[[], "NAME"], [[name], "FILE..."]] as const) {
    const { code, stderr } = await script("map", engine, args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, what);
  }
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

testOnOneEngine("map.ts shows an error on the desktop that nobody would see", onDisplay, async (engine) => {
  const directory = await Deno.makeTempDir();
  try {
    const bin = join(directory, "bin");
    await Deno.mkdir(bin);
    // A desktop without a notification service: then it is a window, which closes by itself.
    await Deno.writeTextFile(join(bin, "notify-send"), '#!/bin/sh\nprintf "%s\\n" "$@" >"$SEEN"\nexit ${NOTIFY:-0}\n', {
      mode: 0o755,
    });
    const seen = join(directory, "seen");
    const environment = `SEEN=${seen} PATH=${bin}:$PATH`;
    const start = (extra: string): Promise<ProcessResult> =>
      startProcess([
        "sh",
        "-c",
        `${environment} ${extra} "$0/map.ts" --engine=${engine} ${nameOn(engine)} /no/such "a&b" 2>"$1"`,
        root,
        join(directory, "err"),
      ]).ended;
    assertEquals((await start("")).code, 2);
    assertStringIncludes(await Deno.readTextFile(seen), 'map.ts: There is no file "/no/such"');
    const shown = start("NOTIFY=1");
    await press("map.ts: There is no file", "Return");
    assertEquals((await shown).code, 2);
    // Where somebody reads stderr, nothing is shown.
    await Deno.remove(seen);
    const read = await script("map", engine, [nameOn(engine), "/no/such"], {
      env: { PATH: `${bin}:${Deno.env.get("PATH")}`, SEEN: seen },
    });
    assertEquals(read.code, 2);
    assertEquals(await Deno.stat(seen).then(() => true, () => false), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
