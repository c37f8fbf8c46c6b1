// The apps' own file dialogs: a GTK app opens and saves files of the host that the user chooses in zenity or the
// desktop's own dialog, on X and on Wayland; and an agent that is not ours, runs that are killed, and what is left then.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { chooserOptions, type Choosing } from "../../lib/channels/file_dialogs.ts";
import type { FileFilter } from "../../lib/channels/requests.ts";
import { listOf } from "../../lib/channels/file_list.ts";
import { exists } from "../../lib/base/files.ts";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { chooseFiles } from "../../lib/base/zenity.ts";
import { eventually, inContainer, mountsRoot, root, script, sh, startScript } from "./run.ts";
import { agentPath, inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { standIns } from "./stand_ins.ts";
import { desktop, startPointer, startSway, type, waylandParts, windowCalled, windows } from "./wayland_desktop.ts";
import { windowWith, withDisplay } from "./windows.ts";
import { type EngineName, shareContainer, testPart } from "./world.ts";

/** In place of zenity: answers with what is in the file "answer", not sooner than a person, and counts the dialogs. */
const fakeZenity = (directory: string): string =>
  `#!/bin/sh
exec 9>>'${directory}/turn'
flock -n 9 || : >'${directory}/two-at-once'
printf '%s\\n' "$*" >>'${directory}/asked'
[ -s '${directory}/answer' ] || exit 1
sleep 3.1
date +%s%3N >'${directory}/answered'
cat '${directory}/answer'
# zenity tells of a button of ours so.
! grep -q ^Allow '${directory}/answer'
`;

/** In front of a program of attach.ts, which it kills when there are no calls left. */
const killer = (directory: string, real: string): string =>
  `#!/bin/sh
left=$(cat '${directory}/left' 2>/dev/null)
[ -z "$left" ] || echo $((left - 1)) >'${directory}/left'
[ "$left" = 1 ] || exec ${real} "$@"
[ "$(cat '${directory}/when')" = before ] || ${real} "$@"
kill -s KILL "$PPID"
`;

interface Done {
  path: string | null;
  text: string | null;
  ms: number;
}

/** A session with the app. */
interface Shown {
  name: string;
  env: Record<string, string>;
  /** The user's own directory. */
  home: string;
  /** Has the app do something. Returns what became of it. */
  app(todo: Record<string, unknown>): Promise<Done>;
  /** The same, without waiting. `app`: what ends the names of the app's files. */
  begin(todo: Record<string, unknown>, app?: string): Promise<() => Promise<Done>>;
  /** What the user chooses in all dialogs from now on. */
  choose(path: string): Promise<void>;
  /** The user agrees to what is asked from now on. */
  agree(): Promise<void>;
  downloads: string;
  asked(): Promise<string[]>;
  /**
   * Kills attach.ts with the so manieth program that it runs from now on: before that is run, or after it.
   */
  killAt(call: number, when: "before" | "after"): Promise<void>;
  map(...args: string[]): Promise<string>;
  attach: ReturnType<typeof startScript>;
  said(): string;
}

/** Shows the app, and ends its session at the end. */
async function showing(
  engine: EngineName,
  { env, zenity = "fake", noting, program = "python3 share/dialogs_app.py", args = [] }: {
    env: Record<string, string>;
    zenity?: "real" | "fake";
    /** What stands in for the programs that open links and show notifications. */
    noting?: (file: string, program: string) => string;
    program?: string;
    args?: string[];
  },
  action: (shown: Shown) => Promise<void>,
): Promise<void> {
  const name = nameOn(engine);
  const share = join(mountsRoot, name, "share");
  await using host = await standIns((directory) => {
    const note = (program: string): string => noting!(join(directory, "opened"), program);
    return Object.fromEntries([
      ...["lxc", "incus", "cp"].map((program) => [program, killer(directory, `/usr/bin/${program}`)]),
      // Deno looks for it when attach.ts starts.
      ...(zenity === "fake" ? [["zenity", fakeZenity(directory)]] : []),
      ...(noting ? ["xdg-open", "notify-send", "lp", "lpstat"].map((program) => [program, note(program)]) : []),
    ]);
  });
  const { directory: home, downloads } = host;
  const own = {
    ...env,
    // On the lab's bus, nobody answers for the accessibility of GTK 4, and zenity would wait for it.
    GTK_A11Y: "none",
    XDG_STATE_HOME: join(home, "state"),
    ...host.env,
  };
  await Deno.copyFile(join(root, "tests/e2e/dialogs_app.py"), join(share, "dialogs_app.py"));
  let said = "";
  const attach = startScript("attach", engine, ["--session=dialogs", ...args, name, program], {
    env: own,
    output: { line: (line) => said += `${line}\n` },
  });
  const begin = async (todo: Record<string, unknown>, app = ""): Promise<() => Promise<Done>> => {
    for (const file of [`todo${app}`, `done${app}`]) await Deno.remove(join(share, file)).catch(() => {});
    await Deno.writeTextFile(join(share, "todo.new"), JSON.stringify(todo));
    await Deno.rename(join(share, "todo.new"), join(share, `todo${app}`));
    return () =>
      eventually("what the app has done", async () => {
        const text = await Deno.readTextFile(join(share, `done${app}`)).catch(() => undefined);
        return text === undefined ? undefined : JSON.parse(text) as Done;
      });
  };
  try {
    await action({
      name,
      env: own,
      home,
      begin,
      app: async (todo) => await (await begin(todo))(),
      choose: (path) => host.write("answer", path),
      agree: () => host.write("answer", "Allow once"),
      downloads,
      asked: async () => (await host.read("asked")).split("\n").filter(Boolean),
      async killAt(call, when) {
        await host.write("when", when);
        await host.write("left", `${call}`);
      },
      map: async (...args) => (await script("map", engine, args, { env: own })).stdout,
      attach,
      said: () => said,
    });
    assert(!await exists(join(home, "two-at-once")), "two at once");
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.stack : error}\nattach.ts said: ${said}`);
  } finally {
    await script("attach", engine, ["--stop", name, "--all"], { env: own });
    // It takes the files back.
    await eventually("the end of attach.ts", async () => /^Z?$/.test(await state(attach.pid))).catch(() => {});
    attach.kill("SIGKILL");
    await attach.ended;
  }
}

/** The state of a process; empty when it has ended. */
const state = async (pid: number): Promise<string> =>
  (await runProcess(["ps", "-o", "stat=", "-p", `${pid}`], { okCodes: "any" })).stdout.trim().slice(0, 1);

/** Whether an agent is there. */
const hasAgent = async (engine: EngineName): Promise<boolean> => {
  const asking = "dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / " +
    "org.freedesktop.DBus.NameHasOwner string:org.freedesktop.impl.portal.desktop.guicontainer";
  return (await inSession(engine, nameOn(engine), "dialogs", asking).catch(() => "")).includes("true");
};

/** Dialogs reach the host from now on. */
const ready = (engine: EngineName): Promise<unknown> =>
  eventually("the agent", async () => {
    const isReady = '[ ! -e "$XDG_RUNTIME_DIR/gui-container-dialogs/awaited" ] && echo ready';
    return await inSession(engine, nameOn(engine), "dialogs", isReady).catch(() => "");
  });

const readText = (path: string): Promise<string> => Deno.readTextFile(path).catch(() => "");

const nameOn = shareContainer("dialogs");

/** For what is the same on both displays. */
const onWayland = { env: desktop(), args: ["--display=wayland"] };

/**
 * Chooses a path in a dialog of zenity's on X. Returns when the dialog was told so last, in milliseconds.
 *
 * A person pastes the path; the second Return is for the button. What is typed, GTK completes wrongly at times.
 */
async function chooseInDialog(title: string, path: string, env: Record<string, string>): Promise<number> {
  const dialog = await windowWith(title, { env });
  await new Promise((resolve) => setTimeout(resolve, 3_200));
  await sh(["xdotool", "windowactivate", "--sync", dialog], { env });
  for (let tries = 0; tries < 12; tries++) {
    if (tries % 4 === 0) {
      // On a busy machine the field comes late, and keys go elsewhere until then.
      await sh(["xdotool", "key", "ctrl+l"], { env });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await sh(["xdotool", "key", "ctrl+a"], { env });
      await sh(["sh", "-c", 'printf %s "$1" | xclip -selection clipboard -in >/dev/null 2>&1', "sh", path], { env });
      await sh(["xdotool", "key", "ctrl+v"], { env });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await sh(["xdotool", "key", "Return"], { env });
    const start = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 700));
    const open = await sh(["xdotool", "search", "--name", title], { env }).catch(() => "");
    if (open === "") return start;
  }
  throw new Error("The dialog stays");
}

testOnOneEngine(
  "an app's own Open and Save As reach the file that the user chooses, and no other",
  needed,
  async (engine, context) => {
    await withDisplay((display) =>
      showing(
        engine,
        { env: display, zenity: "real", args: ["--display=x11"] },
        async ({ app, begin, home, map, attach, said, name }) => {
          await windowWith("editor", { env: display });
          await ready(engine);
          const own = join(home, "letters");
          const [letter, newFile, other] = ["letter.txt", "new.txt", "other.txt"].map((file) => join(own, file)) as [
            string,
            string,
            string,
          ];
          await Deno.mkdir(own);
          await Deno.writeTextFile(letter, "from the host", { mode: 0o640 });
          await Deno.writeTextFile(other, "untouched");
          const stat = (path: string): Promise<string> => sh(["stat", "-c", "%i %a %U", path]);
          const before = await stat(letter);
          const paths: (string | null)[] = [];

          await testPart(context, "Open reads the file, and a save writes it, which stays what it was", async () => {
            const opening = await begin({ do: "open", text: "from the container" });
            const chosenMs = await chooseInDialog(`${name}: what may it open`, letter, display);
            const opened = await opening();
            assertMatch(opened.path!, /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/letter\.txt$/);
            assertEquals(opened.text, "from the host");
            // With the end of zenity, and with a save.
            assert(opened.ms - chosenMs < 10_000, `${opened.ms - chosenMs} ms`);
            await eventually("the version", async () => await readText(letter) === "from the container");
            assertEquals(await stat(letter), before);
            paths.push(opened.path);
          });
          await testPart(context, "Save As makes a file, which each later save writes", async () => {
            const saving = await begin({ do: "save as", name: "../../.config/new.txt", text: "first" });
            await chooseInDialog(`${name}: where may it save`, newFile, display);
            const saved = await saving();
            await eventually("the file", async () => await readText(newFile) === "first");
            await app({ do: "save", path: saved.path, text: "second" });
            await eventually("the next version", async () => await readText(newFile) === "second");
            assertEquals(await sh(["stat", "-c", "%a", newFile]), "644");
            paths.push(saved.path);
          });
          await testPart(context, "no other file is lent, made or changed", async () => {
            const listed = (await map("--list")).trim().split("\n").map((line) => line.split("\t").slice(0, 2));
            assertEquals(listed.toSorted(), [[letter, paths[0]], [newFile, paths[1]]]);
            assertEquals([...Deno.readDirSync(own)].map(({ name }) => join(own, name)).toSorted(), [
              ...[letter, newFile, other],
            ]);
            assertEquals(await readText(other), "untouched");
          });
          await testPart(context, "nothing is lent when the session has ended", async () => {
            assertEquals((await script("attach", engine, ["--stop", name, "dialogs"])).code, 0);
            await attach.ended;
            assertEquals(await map("--list"), "");
            // The channels, and the end: no word more.
            assertMatch(said(), /^[^\n]*\bdialogs\n[^\n]*"dialogs"[^\n]*\n$/);
            assertEquals(await inContainer(engine, name, "ls -A ~/maps"), "");
            await nothingLeft(engine, name);
          });
        },
      )
    );
  },
);

testOnOneEngine("files that are dropped on a window on Wayland are lent, all or none", [
  ...needed,
  ...waylandParts,
], async (engine) => {
  await using sway = await startSway();
  const { env } = sway;
  await using pointer = await startPointer(env);
  await showing(engine, { env, args: ["--display=wayland"] }, async ({ app, home, map, name, said }) => {
    const share = join(mountsRoot, name, "share");
    const editor = `[${name}] editor`;
    await windowCalled(editor, env);
    /** Moves the pointer to and fro in a window until something has become of it. */
    const moveIn = (title: string, what: string, isDone: () => boolean | Promise<boolean>): Promise<unknown> => {
      let step = 0;
      return eventually(what, async () => {
        const { rect: { x, y, width, height } } = await windowCalled(title, env);
        step = (step + 12) % 60;
        await pointer.does(`${Math.round(x + width / 2) + step} ${Math.round(y + height / 2)}`);
        return await isDone();
      });
    };
    const entered = async (): Promise<number> => (await readText(join(share, "entered"))).length;
    const dropped = async (): Promise<{ paths: string[]; texts: string[] }[]> =>
      (await readText(join(share, "dropped"))).split("\n").filter(Boolean).map((line) => JSON.parse(line));
    /** Drags these from a window of the host's to the app's. Returns what that gets when they are dropped there. */
    const drop = async (files: readonly string[]): Promise<{ paths: string[]; texts: string[] }> => {
      const before = (await dropped()).length;
      const lines: string[] = [];
      const source = startProcess(["python3", join(root, "tests/e2e/drag_app.py"), ...files], {
        env,
        output: { line: (line) => lines.push(line) },
      });
      try {
        // Until the app has answered to what is above its window, a drop fails.
        return await eventually("a drop", async () => {
          lines.length = 0;
          const times = await entered();
          await moveIn("files", "the pointer in the window", () => lines.includes("entered"));
          await pointer.does("press");
          await moveIn("files", "a drag", () => lines.includes("drags"));
          await moveIn(editor, "a drag over the app's window", async () => await entered() > times);
          await pointer.does("release");
          const end = await eventually("its end", async () => (await dropped())[before] ?? lines.includes("failed"));
          return end === true ? undefined : end;
        });
      } finally {
        source.kill("SIGKILL");
        await source.ended;
      }
    };
    const [letter, other] = [join(home, "a letter.txt"), join(home, "other.txt")];
    for (const path of [letter, other]) await Deno.writeTextFile(path, basename(path));
    const { paths, texts } = await drop([letter, other]);
    assertMatch(
      paths.join(),
      /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/a letter.txt,\/home\/ubuntu\/maps\/[0-9a-f]{10}\/other.txt$/,
    );
    assertEquals(texts, ["a letter.txt", "other.txt"]);
    assertStringIncludes(said(), `"${name}" and lent to it: a letter.txt, other.txt`);
    assertEquals((await map("--list")).trim().split("\n").length, 2);
    await app({ do: "save", path: paths[0], text: "changed" });
    await eventually("the version", async () => await readText(letter) === "changed");
    await Deno.writeTextFile(join(share, "hasty"), "");
    const again = await drop([other]);
    assertEquals(again.texts, ["other.txt"]);
    assertMatch(again.paths.join(), /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/other.txt$/);
    await Deno.remove(join(share, "hasty"));
    await sh(["mkfifo", join(home, "fifo")]);
    for (const [path, why] of [[home, "is a directory"], [join(home, "fifo"), "is not a regular file"]] as const) {
      assertEquals(await drop([other, path]), { paths: [], texts: [] });
      await eventually(why, () => Promise.resolve(said().includes(`"${path}" ${why}`)));
    }
    assertEquals((await map("--list")).trim().split("\n").length, 2);
  });
});

testOnOneEngine("files that are dragged out of a window on Wayland come to the downloads, and no directories", [
  ...needed,
  ...waylandParts,
], async (engine) => {
  await using sway = await startSway();
  const { env } = sway;
  await using pointer = await startPointer(env);
  const files = ["a letter.txt", "other.txt", "directory"];
  const program = `python3 share/drag_app.py ${files.map((file) => `'/home/ubuntu/share/${file}'`).join(" ")}`;
  const args = ["--display=wayland", "--deny=dialogs", "--allow=files"];
  await Deno.copyFile(join(root, "tests/e2e/drag_app.py"), join(mountsRoot, nameOn(engine), "share/drag_app.py"));
  await showing(engine, { env, program, args }, async ({ name, home, downloads, said }) => {
    const share = join(mountsRoot, name, "share");
    for (const file of files.slice(0, 2)) await Deno.writeTextFile(join(share, file), file);
    await Deno.mkdir(join(share, "directory"));
    const app = `[${name}] files`;
    await windowCalled(app, env);
    const source = startProcess(["python3", join(root, "tests/e2e/drag_app.py"), home], { env, output: { line() {} } });
    try {
      await windowCalled("files", env);
      const moveTo = async (title: string, step: number): Promise<void> => {
        const { rect: { x, y, width, height } } = await windowCalled(title, env);
        await pointer.does(`${Math.round(x + width / 2) + step} ${Math.round(y + height / 2)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      };
      const kept = (): string[] => [...Deno.readDirSync(downloads)].map((entry) => entry.name).toSorted();
      await eventually("the files", async () => {
        for (let step = 0; step < 5; step++) await moveTo(app, step);
        await pointer.does("press");
        for (let step = 0; step < 20; step++) await moveTo(app, 3 * step);
        for (let step = 0; step < 20; step++) await moveTo("files", step);
        await pointer.does("release");
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return kept().length >= 2;
      });
      assertEquals(await readText(join(downloads, "a letter.txt")), "a letter.txt");
      assertEquals(await readText(join(downloads, "other.txt")), "other.txt");
      await eventually(
        "the sentence",
        () => Promise.resolve(said().includes("only readable files can be dragged out")),
      );
      assertEquals(kept().filter((file) => !/^(a letter|other)( \(\d\))?\.txt$/.test(file)), []);
    } finally {
      source.kill("SIGKILL");
      await source.ended;
    }
  });
});

testOnOneEngine("files that are copied on the host are pasted once the user has agreed", [
  ...needed,
  ...waylandParts,
], async (engine) => {
  const env = desktop();
  await using _clear = { [Symbol.asyncDispose]: () => sh(["wl-copy", "--clear"], { env }).then(() => {}) };
  await showing(engine, { env, args: ["--display=wayland"] }, async ({ app, home, map, name, said, ...user }) => {
    await windowCalled(`[${name}] editor`);
    const files = ["a letter.txt", "other.txt"].map((file) => join(home, file));
    for (const path of files) await Deno.writeTextFile(path, basename(path));
    const copy = (text: string, type: string): Promise<string> =>
      sh(["wl-copy", "--type", type, text], { env, output: "discard" });
    const copyFiles = (paths: readonly string[]): Promise<string> => copy(listOf(paths), "text/uri-list");
    const questions = async (): Promise<number> =>
      (await user.asked()).filter((line) => line.includes(`may ${name} read and change the files`)).length;
    /** What is pasted, and how many questions there were. GTK 3 reads each offer once, whatever it has got. */
    const pasteFiles = async (paths: readonly string[]): Promise<(string | number | null)[]> => {
      await copyFiles(paths);
      const { text } = await app({ do: "paste" });
      return [text, await questions()];
    };
    await user.agree();
    assertEquals(await pasteFiles(files), ["", 0], "the user does not work there");
    await user.choose("");
    await type("x");
    await eventually("the question", async () => (await pasteFiles(files))[1] === 1);
    await user.agree();
    assertEquals(await pasteFiles(files), ["", 1], "the answer was no");
    assertEquals(await pasteFiles(files.slice(1)), ["other.txt", 2]);
    await copy("a text", "text/plain");
    assertEquals(await pasteFiles(files), ["a letter.txt\nother.txt", 3]);
    await copyFiles(files);
    const { path } = await app({ do: "paste" });
    assertMatch(
      path!,
      /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/a letter.txt\n\/home\/ubuntu\/maps\/[0-9a-f]{10}\/other.txt$/,
    );
    assertEquals(await questions(), 3);
    assertStringIncludes(said(), `Pasted into "${name}" and lent to it: a letter.txt, other.txt`);
    assertEquals((await map("--list")).trim().split("\n").length, 2);
    await app({ do: "save", path: path!.split("\n")[0], text: "changed" });
    await eventually("the version", async () => await readText(files[0]!) === "changed");
  });
});

testOnOneEngine("an app's own dialogs are the same on Wayland", [...needed, ...waylandParts], async (engine) => {
  await showing(
    engine,
    { env: desktop(), args: ["--display=wayland"] },
    async ({ app, asked, begin, choose, home, map, attach, name }) => {
      await windowCalled(`[${name}] editor`);
      await ready(engine);
      // It sleeps while nobody needs it.
      await eventually("the end of the agent", async () => !await hasAgent(engine));
      const file = join(home, "letter.txt");
      await Deno.writeTextFile(file, "from the host");
      await choose(file);
      assertEquals((await app({ do: "open", text: "changed" })).text, "from the host");
      await eventually("the version", async () => await readText(file) === "changed");
      await choose(join(home, "new.txt"));
      await app({ do: "save as", name: "x", text: "new" });
      await eventually("the file", async () => await readText(join(home, "new.txt")) === "new");
      const times: number[] = [];
      for (const letter of ["a.txt", "b.txt", "c.txt"]) {
        await Deno.writeTextFile(join(home, letter), letter);
        await choose(join(home, letter));
        const { text, ms } = await app({ do: "open" });
        assertEquals(text, letter);
        times.push(ms - Number(await readText(join(home, "answered"))));
      }
      // It is 0.2 s; other tests keep the machine busy.
      assert(Math.min(...times) < 3_000, `from the choice to what is in the file: ${times.map(Math.round)} ms`);
      const dialogs = async (): Promise<number> =>
        (await asked()).filter((line) => line.startsWith("--file-selection")).length;
      const before = await dialogs();
      const [once, again] = JSON.parse((await app({ do: "open twice" })).text!);
      assertMatch(once[0], /\/c\.txt$/);
      assertEquals([again, await dialogs() - before], [once, 1], "one dialog for both");
      // What the user has closed tells the app nothing.
      await choose("");
      assertEquals((await app({ do: "open" })).path, null);
      // Without the host's end, the container shows a dialog of its own, by an agent that is there for that alone.
      attach.kill("SIGINT");
      await attach.ended;
      await eventually("the end of the agent", async () => !await hasAgent(engine));
      assertEquals((await map("--list")).trim().split("\n").length, 5);
      await begin({ do: "open" });
      await windowCalled(`[${name}] Open`);
    },
  );
});

/** A desktop with a portal of its own, on which files are chosen. */
interface Portal {
  directory: string;
  env: Record<string, string>;
  choose(ask: "open" | "save", signal?: AbortSignal): Promise<string[]>;
  /** The options of a dialog, as the portal is given them. */
  optionsOf(ask: "open" | "save", options?: { multiple?: boolean; filters?: FileFilter[] }): string[];
  /** What the portal was asked. */
  asked(): Record<string, unknown>[];
}

/** Runs a test with a portal that chooses these files of the directory; without them, it has no such dialogs. */
async function withPortal(chosen: readonly string[], test: (portal: Portal) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const running: RunningProcess[] = [];
  try {
    await withDisplay(async (display) => {
      const address = `unix:path=${directory}/bus`;
      const env = { ...display, DBUS_SESSION_BUS_ADDRESS: address, GTK_A11Y: "none" };
      running.push(startProcess(["dbus-daemon", "--session", "--nofork", "--nopidfile", `--address=${address}`]));
      await eventually("the bus", () => Deno.lstat(`${directory}/bus`).catch(() => undefined));
      const said: string[] = [];
      const paths = chosen.map((file) => join(directory, file));
      for (const path of paths) await Deno.writeTextFile(path, "");
      const argv = ["/usr/bin/python3", join(root, "tests/e2e/file_chooser_portal.py"), ...paths];
      running.push(startProcess(argv, { env, output: { line: (line) => said.push(line) } }));
      await eventually("the portal", () => Promise.resolve(said.includes("ready")));
      const optionsOf: Portal["optionsOf"] = (ask, { multiple = false, filters = [] } = {}) => {
        const asking: Choosing = ask === "open" ? { ask, id: 1, multiple, filters } : { ask, id: 1, name: "", filters };
        return chooserOptions("box", asking);
      };
      const host: Parameters<typeof chooseFiles>[0] = {
        env: () => "test",
        run: (argv, { looksOnly: _, planned: _planned, ...options } = {}) =>
          runProcess(argv, { ...options, env: { ...env, ...options.env } }),
      };
      await test({
        directory,
        env,
        optionsOf,
        choose: (ask, signal) =>
          chooseFiles(host, {
            from: `${directory}/${ask === "save" ? "a.txt" : ""}`,
            isNew: ask === "save",
            optionsFrom: () => optionsOf(ask, { multiple: true, filters: [{ label: "Texts", patterns: ["*.txt"] }] }),
            ...(signal && { signal }),
          }),
        asked: () => said.filter((line) => line !== "ready").map((line) => JSON.parse(line)),
      });
    });
  } finally {
    for (const process of running.toReversed()) {
      process.kill("SIGTERM");
      await process.ended;
    }
    await Deno.remove(directory, { recursive: true });
  }
}

testOnOneEngine("files are chosen in the dialog of the desktop's portal", needed, async () => {
  await withPortal(["b c.txt"], async ({ directory, choose, optionsOf, asked }) => {
    for (const ask of ["open", "save"] as const) assertEquals(await choose(ask), [`${directory}/b c.txt`]);
    const filters = (of: string) => [[`${of}Texts`, ["*.txt"]], [`${of}All files`, ["*"]]];
    const [opening, saving] = (["open", "save"] as const).map((ask) => optionsOf(ask)[0]!.replace("--title=", ""));
    const all = asked();
    // zenity 4.1 does not name the directory to save in.
    delete all[1]!["folder"];
    assertEquals(all, [
      { method: "OpenFile", title: opening, folder: directory, name: null, filters: filters(""), multiple: true },
      { method: "SaveFile", title: saving, name: "a.txt", filters: filters("box: "), multiple: false },
    ]);
  });
});

testOnOneEngine("files are chosen in zenity's own dialog on a desktop whose portal has none", needed, async () => {
  await withPortal([], async ({ env, choose }) => {
    const end = new AbortController();
    const chosen = choose("open", end.signal);
    await windowWith("box: what may it open", { env });
    end.abort();
    assertEquals(await chosen, []);
  });
});

/** Has each Python of the container's user run this first, where it is the agent; nothing with an empty text. */
const customizeAgent = (engine: EngineName, text: string): Promise<string> => {
  const install = 'site=$(python3 -m site --user-site); mkdir -p "$site"; printf %s "$1" >"$site/usercustomize.py"';
  const isAgent = `any(re.search("${agentPath}", word) for word in getattr(sys, "orig_argv", []))`;
  const indented = text.trim().split("\n").map((line) => `    ${line}`).join("\n");
  return inContainer(engine, nameOn(engine), install, text && `import os, re, sys\nif ${isAgent}:\n${indented}\n`);
};

testOnOneEngine(
  "an app that asks before the agent is there waits for it",
  [...needed, ...waylandParts],
  async (engine) => {
    await customizeAgent(engine, "import time; time.sleep(4)");
    try {
      await showing(
        engine,
        { env: desktop(), args: ["--display=wayland"] },
        async ({ app, choose, home, name }) => {
          await windowCalled(`[${name}] editor`);
          const file = join(home, "letter.txt");
          await Deno.writeTextFile(file, "from the host");
          await choose(file);
          assertEquals((await app({ do: "open" })).text, "from the host");
        },
      );
    } finally {
      await customizeAgent(engine, "");
    }
  },
);

testOnOneEngine("an app of a session that nobody shows is answered soon", needed, async (engine) => {
  const name = nameOn(engine);
  await script("attach", engine, ["--detached", "--session=dialogs", name, "sleep", "infinity"]);
  try {
    const startMs = performance.now();
    const answer = await eventually("the look", async () =>
      await inSession(
        engine,
        name,
        "dialogs",
        "dbus-send --session --print-reply --dest=org.freedesktop.impl.portal.desktop.guicontainer " +
          "/org/freedesktop/portal/desktop org.freedesktop.impl.portal.Settings.Read " +
          "string:org.freedesktop.appearance string:color-scheme",
      ).catch(() => undefined));
    assertStringIncludes(answer, "uint32");
    assert(performance.now() - startMs < 10_000, `${performance.now() - startMs} ms`);
  } finally {
    await script("attach", engine, ["--stop", name, "dialogs"]);
  }
});

testOnOneEngine("what an app prints is a PDF where the user chooses", [...needed, ...waylandParts], async (engine) => {
  await showing(
    engine,
    { env: desktop(), args: ["--display=wayland"] },
    async ({ app, choose, home, asked, name }) => {
      await windowCalled(`[${name}] editor`);
      await ready(engine);
      const file = join(home, "letter.pdf");
      await choose(file);
      assertEquals((await app({ do: "print" })).path, "apply");
      await eventually("the PDF", async () => (await readText(file)).startsWith("%PDF-"));
      assertMatch((await asked()).join(), /--filename=\S*\/\w+\.pdf /);
    },
  );
});

/** What stands in for a program that is only told something. `lpstat` has a printer. */
const noting = (file: string, program: string): string =>
  program === "lpstat"
    ? "#!/bin/sh\necho 'system default destination: Office'\n"
    : `#!/bin/sh\n[ ${program} != lp ] || [ "$(head -c 5 "$7")" = %PDF- ] || exit\nprintf '%s\\n' "${program} $*" >>'${file}'\n`;

for (const display of ["x11", "wayland"] as const) {
  const parts = display === "wayland" ? [...needed, ...waylandParts] : needed;
  testOnOneEngine(
    `links, notifications and files of an app on ${display} reach the host, and its print jobs`,
    parts,
    async (engine) => {
      const show = (env: Record<string, string>): Promise<void> =>
        showing(
          engine,
          { env, args: ["--preset=trusted", ...(display === "x11" ? ["--display=x11"] : [])], noting },
          async (shown) => {
            const { app, home, name, said, downloads } = shown;
            await (display === "wayland" ? windowCalled(`[${name}] editor`) : windowWith("editor", { env }));
            await ready(engine);
            assertEquals(said().includes("; windows over Wayland"), display === "wayland", said());
            const told = async (text: string): Promise<string> =>
              await eventually(
                text,
                async () => (await readText(join(home, "opened"))).split("\n").find((line) => line.includes(text)),
              );
            await app({ do: "link", url: "https://example.org/a?b=c" });
            assertEquals(await told("a?b"), "xdg-open https://example.org/a?b=c");
            // By the portal, and by GLib.
            await app({ do: "portal", url: "https://example.org/portal" });
            assertEquals(await told("portal"), "xdg-open https://example.org/portal");
            await app({ do: "launch", url: "https://example.org/launch" });
            assertEquals(await told("launch"), "xdg-open https://example.org/launch");
            await app({ do: "link", url: "http://" + "x".repeat(9_000) });
            await app({ do: "notify", title: "Mail", body: "<b>new</b> \\\\074" });
            assertStringIncludes(await told("Mail"), `-- [${name}] Mail &lt;b&gt;new`);

            const share = join(mountsRoot, name, "share");
            await Deno.writeTextFile(join(share, "my letter.odt"), "x".repeat(300_000));
            const kept = (file: string): Promise<unknown> =>
              eventually(file, async () => (await readText(join(downloads, file))).length === 300_000);
            await app({ do: "link", url: "share/my letter.odt" });
            await kept("my letter.odt");
            await app({ do: "portal", file: "share/my letter.odt" });
            await kept("my letter (2).odt");
            assertEquals(await sh(["stat", "-c", "%a", join(downloads, "my letter.odt")]), "600");

            // GTK says "apply" as soon as the document is handed over.
            await shown.choose("");
            assertEquals((await app({ do: "print" })).path, "apply");
            const question = await eventually(
              "the question",
              async () => (await shown.asked()).find((argv) => argv.includes("asks to print a document")),
            );
            assertStringIncludes(question, `may ${name} print a document`);
            assertEquals(/^lp /m.test(await readText(join(home, "opened"))), false);
            await shown.agree();
            assertEquals((await app({ do: "print" })).path, "apply");
            assertMatch(await told("lp -d"), /^lp -d Office -t \S*\.pdf -o document-format=application\/pdf \//);

            for (let count = 0; count < 8; count++) await app({ do: "link", url: `https://example.org/${count}` });
            await eventually(
              "the end of patience",
              () => Promise.resolve(/failed: it asks too often/.test(said())),
            );
            const links = (await readText(join(home, "opened"))).split("\n").filter((line) =>
              line.startsWith("xdg-open ")
            );
            assert(links.length <= 9, links.join("\n"));
          },
        );
      await (display === "wayland" ? show(desktop()) : withDisplay(show));
    },
  );
}

testOnOneEngine(
  "an app on Wayland hears the host's microphone while it records, once the user has agreed",
  [...needed, ...waylandParts],
  async (engine) => {
    const noting = (file: string): string => `#!/bin/sh\nprintf '%s\\n' "$*" >>'${file}'\n`;
    const args = ["--display=wayland", "--preset=isolated", "--ask=microphone"];
    await showing(engine, { env: desktop(), args, noting }, async ({ choose, asked, home, name, said }) => {
      await windowCalled(`[${name}] editor`);
      await ready(engine);
      const record = async (seconds: number): Promise<number> => {
        const shell = `timeout ${seconds} parec --raw --format=s16le --rate=8000 --channels=1 | wc -c`;
        return Number(await inSession(engine, name, "dialogs", shell)) / 16_000;
      };
      await choose("");
      assertEquals(await record(2), 0);
      const questions = async (): Promise<number> =>
        (await asked()).filter((line) => line.includes(`may ${name} listen to your microphone?`)).length;
      assertEquals(await questions(), 1);
      await choose("Allow once\n");
      const heard = await record(12);
      assert(heard > 2 && heard < 9.2, `${heard} s`);
      assertEquals(await questions(), 2);
      assertMatch(await readText(join(home, "opened")), new RegExp(`${name} listens to your microphone`));
      await eventually(
        "the end of the microphone",
        () => Promise.resolve(said().includes("does not listen to your microphone any more")),
      );
    });
  },
);

testOnOneEngine(
  "two apps that ask at once are answered one after the other, in the directory of the last time",
  [...needed, ...waylandParts],
  async (engine) => {
    await showing(engine, { env: desktop(), args: ["--display=wayland"] }, async (shown) => {
      const { begin, choose, home, asked, env, name } = shown;
      await windowCalled(`[${name}] editor`);
      await ready(engine);
      const second = startScript("attach", engine, ["--join", name, "python3 share/dialogs_app.py 2"], { env });
      await eventually(
        "the second app",
        async () => (await windows()).filter((window) => window.name === `[${name}] editor`).length === 2,
      );
      const letters = join(home, "letters");
      await Deno.mkdir(letters);
      for (const letter of ["a", "b"]) await Deno.writeTextFile(join(letters, `${letter}.txt`), letter);
      await choose(join(letters, "a.txt"));
      const opening = [await begin({ do: "open" }), await begin({ do: "open" }, "2")];
      const first = await Promise.race(opening.map(async (opened, app) => ({ app, done: await opened() })));
      await choose(join(letters, "b.txt"));
      assertEquals([first.done.text, (await opening[1 - first.app]!()).text], ["a", "b"]);
      const dialogs = (await asked()).filter((line) => line.includes("--file-selection"));
      assertEquals(dialogs.map((line) => /--filename=(\S+)/.exec(line)?.[1]), [
        `${Deno.env.get("HOME")}/`,
        `${letters}/`,
      ]);
      await script("attach", engine, ["--stop", name, "dialogs"], { env });
      await second.ended;
    });
  },
);

testOnOneEngine("a large file is lent itself, and an app saves into it", waylandParts, async (engine) => {
  await showing(
    engine,
    onWayland,
    async ({ app, choose, home, map, attach, name, env }) => {
      await windowCalled(`[${name}] editor`);
      await ready(engine);
      const file = join(home, "film.txt");
      await Deno.writeTextFile(file, "before", { mode: 0o600 });
      await Deno.truncate(file, 64 * 2 ** 20 + 1);
      const state = async (): Promise<string> =>
        await sh(["sh", "-c", 'stat -c "%i %a %s" "$1"; getfacl -c "$1"', "sh", file]);
      const before = await state();
      await choose(file);
      const { path, text } = await app({ do: "open" });
      assertEquals(text!.slice(0, 7), "before\0");
      // Nothing has to come back.
      await app({ do: "save into", path, text: "after!" });
      assertEquals(await sh(["head", "-c", "6", file]), "after!");
      assertMatch(await map("--list"), new RegExp(`^${file}\t${path}\t${name}\n$`));
      await script("attach", engine, ["--stop", name, "dialogs"], { env });
      await attach.ended;
      assertEquals([await state(), await map("--list")], [before, ""]);
    },
  );
});

testOnOneEngine(
  "what a saved file replaces stays on the host, until all of it is there and may be replaced",
  waylandParts,
  async (engine) => {
    await showing(
      engine,
      onWayland,
      async ({ app, choose, home, attach, name, said }) => {
        await windowCalled(`[${name}] editor`);
        await ready(engine);
        const inside = (shell: string, path: string | null): Promise<string> => inContainer(engine, name, shell, path!);
        const secret = join(home, "secret.txt");
        await Deno.writeTextFile(secret, "a secret", { mode: 0o600 });
        await choose(secret);
        const { path } = await app({ do: "save as", name: "x" });
        assertEquals(
          await inside('ls "$1" 2>&1 || true', path),
          `ls: cannot access '${path}': No such file or directory`,
        );
        // More than may come back.
        await inside('truncate -s 3G "$1"', path);
        await eventually("the refusal", () => Promise.resolve(said().includes("at most")));
        assertEquals(await readText(secret), "a secret");
        await inside('rm "$1"', path);
        await app({ do: "save", path, text: "new" });
        await eventually("the version", async () => await readText(secret) === "new");
        await eventually("the end of writing", () => {
          const files = Deno.readDirSync(join(home, "state/gui-container/mappings"));
          return Promise.resolve(![...files].some(({ name }) => /\.(part|back|old)$/.test(name)));
        });
        assertEquals(await sh(["stat", "-c", "%a", secret]), "600");
        // The user has changed it as well.
        await Deno.writeTextFile(secret, "the user's");
        await app({ do: "save", path, text: "the app's" });
        await eventually("the other version", async () => await readText(`${secret}.from-${name}`) === "the app's");
        assertEquals(await readText(secret), "the user's");
        // Chosen, and never saved to.
        const unused = join(home, "unused.txt");
        await choose(unused);
        await app({ do: "save as", name: "y" });
        await script("attach", engine, ["--stop", name, "dialogs"]);
        await attach.ended;
        assertEquals(await Deno.stat(unused).catch(() => "gone"), "gone");
      },
    );
  },
);

for (const [call, when] of [[1, "before"], [2, "before"], [3, "before"], [3, "after"]] as const) {
  testOnOneEngine(
    `a save is lost by no kill: ${when} call ${call} of what brings it home`,
    waylandParts,
    async (engine) => {
      await showing(
        engine,
        onWayland,
        async ({ app, choose, home, map, attach, killAt, name }) => {
          await windowCalled(`[${name}] editor`);
          await ready(engine);
          const file = join(home, "letter.txt");
          await Deno.writeTextFile(file, "old");
          await choose(file);
          const { path } = await app({ do: "open" });
          const text = "new\n".repeat(10_000);
          await killAt(call, when);
          await app({ do: "save", path, text });
          // Its children hold on to its output.
          await eventually("the end of attach.ts", async () => /^Z?$/.test(await state(attach.pid)));
          assert(["old", text].includes(await readText(file)), "torn");
          await map("--yes", "--unmap");
          assertEquals([await readText(file), await map("--list")], [text, ""]);
          assertEquals(await inContainer(engine, name, "ls -A ~/maps"), "");
        },
      );
    },
  );
}

/** It takes the place of the agent. */
const hostileAgent = `
import json, threading, time
share = "/home/ubuntu/share/"
def note(name, text):
    with open(share + name, "a") as file: file.write(text + "\\n")
note("starts", "start")
def say(value): os.write(1, (json.dumps(value) + "\\n").encode())
if open(share + "starts").read().count("start") == 1:
    try:
        while True: os.write(1, b"x" * 65536)
    except OSError: os._exit(0)
say({"ask": "ready"})
say({"ask": "record", "on": True})
say({"ask": "lend", "id": 1, "path": "/etc/shadow"})
say({"id": 1, "paths": ["/etc/shadow"]})
say({"ask": "saved", "path": "/etc/shadow"})
say({"ask": "save", "id": 2, "name": "../../../.config/autostart/a.desktop", "filters": [["x", ["/etc/*"]]]})
def flood():
    for number in range(3, 400): say({"ask": "open", "id": number, "path": "/etc/shadow"})
    note("flooded", "yes")
threading.Thread(target=flood).start()
for line in sys.stdin: note("told", line.strip())
time.sleep(1000)
`;

testOnOneEngine("an agent that lies, floods and sends without end gets nothing", waylandParts, async (engine) => {
  const name = nameOn(engine);
  const share = join(mountsRoot, name, "share");
  await customizeAgent(engine, hostileAgent);
  await showing(
    engine,
    { ...onWayland, program: "foot -T honest sleep 600" },
    async ({ choose, asked, map, home }) => {
      await windowCalled(`[${name}] honest`);
      await choose("");
      await eventually("the flood", async () => (await readText(join(share, "flooded"))) !== "");
      // What it has sent waits in the connection, and is read slowly.
      const told = await eventually("most of the answers", async () => {
        const lines = (await readText(join(share, "told"))).split("\n").slice(0, -1);
        return lines.length > 200 && lines.map((line) => JSON.parse(line));
      });
      assertEquals(told.filter(({ paths = [], samples }) => paths.length > 0 || samples), []);
      const dialogs = await asked();
      assert(dialogs.length >= 1 && dialogs.length < 20, `${dialogs.length} dialogs`);
      assert(dialogs.every((argv) => !/shadow|autostart|\.desktop(?!_)|\/etc\//.test(argv)), dialogs.join("\n"));
      assertEquals(await map("--list"), "");
      assertEquals(
        [...Deno.readDirSync(home)].map(({ name }) => name).filter((name) => name.endsWith(".desktop")),
        [],
      );
      // Its window is there all the same.
      await windowCalled(`[${name}] honest`);
    },
  );
});
