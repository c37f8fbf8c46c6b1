// The window "Containers", used on GNOME of today as a screen reader uses it. Runs in the lab's host of Debian testing.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, mountsRoot, root, script, sh } from "./run.ts";
import { nothingLeft } from "./sessions.ts";
import { act, evaluate, startDesktop, testToday } from "./today_desktop.ts";
import { makeContainer, removeContainer, shareOnEngines, testPart } from "./world.ts";

const engine = "incus";
const name = "e2e-today-manage";
/** The one that the window makes. */
const other = "e2e-today-manage-made";

shareOnEngines({
  make: () => makeContainer(engine, name),
  remove: () => removeContainer(engine, name),
});

/** What uses the window as a screen reader does. */
interface Reader extends AsyncDisposable {
  /** The names of all that is shown. */
  names(): Promise<string[]>;
  /** Presses a button or a switch, once it is there. */
  press(name: string): Promise<void>;
  /** Types into a field whose name begins so. */
  type(field: string, text: string): Promise<void>;
}

async function startReader(env: Record<string, string>): Promise<Reader> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const answers: ((line: string) => void)[] = [];
  const line = (text: string): void => answers.shift()?.(text);
  const argv = ["python3", join(root, "tests/e2e/accessible.py")];
  const ready = new Promise<string>((resolve) => answers.push(resolve));
  const reader = startProcess(argv, { env, stdin: { bytes: readable }, output: { line } });
  const writer = writable.getWriter();
  const ask = async (command: string): Promise<unknown> => {
    const answer = new Promise<string>((resolve) => answers.push(resolve));
    await writer.write(new TextEncoder().encode(`${command}\n`));
    return JSON.parse(await answer);
  };
  await ready;
  return {
    names: async () => (await ask("list") as [string, string][]).map(([name]) => name),
    press: async (name) => {
      await eventually(`"${name}" to press`, async () => await ask(`press ${name}`) === true);
    },
    type: async (field, text) => {
      await eventually(`"${field}" to type`, async () => await ask(`type ${field} ${text}`) === true);
    },
    async [Symbol.asyncDispose]() {
      reader.kill("SIGKILL");
      await reader.ended;
    },
  };
}

/** The window beside scripts that write down each call, and wait while there is a file "hold". */
async function countingCheckout(): Promise<{ directory: string; calls(): string[] }> {
  const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-manage-" });
  await sh(["cp", "-r", join(root, "manage"), directory]);
  const file = join(directory, "calls");
  for (const script of ["create.ts", "attach.ts", "map.ts"]) {
    const text = `#!/bin/sh
echo "${script} $*" >>'${file}'
while [ -e '${directory}/hold' ]; do sleep 0.05; done
exec '${join(root, script)}' "$@"
`;
    await Deno.writeTextFile(join(directory, script), text, { mode: 0o755 });
  }
  for (const empty of ["calls", "hold"]) await Deno.writeTextFile(join(directory, empty), "");
  return { directory, calls: () => Deno.readTextFileSync(file).trimEnd().split("\n") };
}

/** The value of a key (X11's keysymdef.h). */
const control = 0xffe3;

const print = (text: string): unknown => Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

testToday(
  "a person who uses no terminal starts an app, closes a channel, stops it, takes a file back",
  async (context) => {
    const { directory, calls } = await countingCheckout();
    await using desktop = await startDesktop("GNOME Shell");
    const env = {
      ...desktop.env,
      XDG_DATA_HOME: join(directory, "data"),
      AT_SPI_BUS_ADDRESS: desktop.env["DBUS_SESSION_BUS_ADDRESS"]!,
      GSK_RENDERER: Deno.env.get("GSK_RENDERER") ?? "cairo",
    };
    const file = join(directory, "letter.txt");
    await Deno.writeTextFile(file, "Dear reader\n");
    await script("map", engine, ["--no-wait", name, file]);
    await using reader = await startReader(env);
    // Without a keyboard, no window has the focus.
    await act([["key", control, true], ["key", control, false]], env);
    const startedMs = performance.now();
    // As on a desktop, which does not say which engine is meant.
    const argv = ["env", "-u", "GUI_CONTAINER_ENGINE", join(directory, "manage/containers.py"), name];
    const window = startProcess(argv, { env, output: "discard" });
    const sessions = async (): Promise<{ session: string; channels: string[] }[]> =>
      JSON.parse((await script("attach", engine, ["--list", "--json", name])).stdout);
    const own = "global.get_window_actors().map((a) => a.meta_window).find((w) => w.title === 'Containers')";
    try {
      await testPart(context, "the window is there before the first answer", async () => {
        await eventually("the window", async () => (await evaluate(`!!${own}`, env)).includes("'true'"));
        print(`the window is shown after ${Math.round(performance.now() - startedMs)} ms`);
        await evaluate(`(Main.activateWindow(${own}), 1)`, env);
        await eventually("the questions", () => Promise.resolve(calls().length >= 3));
        assert(!(await reader.names()).includes(name));
        await Deno.remove(join(directory, "hold"));
        await eventually("the answers", async () => (await reader.names()).some((text) => text.includes("letter.txt")));
      });
      await testPart(context, "an app comes into the menu, and is started", async () => {
        await reader.press("Add its apps to the menu");
        await reader.press("Start Foot");
        await eventually(
          "its window",
          () => Promise.resolve(desktop.titles.some((title) => title.startsWith(`[${name}]`))),
        );
      });
      await testPart(context, "a switch closes a channel at once", async () => {
        await reader.press("clipboard-in of foot");
        await eventually("a closed channel", async () => {
          const [live] = await sessions();
          return live?.session === "foot" && !live.channels.includes("clipboard-in") && live.channels.includes("sound");
        });
      });
      await testPart(context, "a lent file is taken back", async () => {
        assert((await reader.names()).some((text) => text.includes("letter.txt")));
        await reader.press(`Take back ${file}`);
        await eventually("no loan", async () => (await script("map", engine, ["--list", "--json"])).stdout === "[]\n");
      });
      await testPart(context, "the session is stopped", async () => {
        await reader.press("Stop foot");
        await eventually("no session", async () => (await sessions()).length === 0);
        await nothingLeft(engine, name);
      });
      await testPart(context, "a container is made, with progress, until that is cancelled", async () => {
        await reader.press("New container");
        await reader.type("Name", other);
        await reader.type("Apps", "apt:foot");
        await reader.press("Make");
        const line = `create.ts ${other} apt:foot --export — `;
        await eventually("progress", async () => (await reader.names()).some((text) => text.includes(line)));
        await reader.press("Cancel what runs");
        await eventually("the end", async () => !(await reader.names()).includes("Cancel what runs"));
        assertEquals(await sh([engine, "list", "--format=csv", "--columns=n", other]), "");
      });
      await testPart(context, "nothing is asked while the window is minimized", async () => {
        await evaluate(`(${own}.minimize(), 1)`, env);
        await sleep(3_000);
        const before = calls().length;
        await sleep(12_000);
        assertEquals(calls().slice(before), []);
        await evaluate(`(Main.activateWindow(${own}), 1)`, env);
        await eventually("questions", () => Promise.resolve(calls().length > before));
      });
      await testPart(context, "an app is started in a disposable copy, which goes with it", async () => {
        const copies = async (): Promise<string[]> =>
          (await sh([engine, "list", "--format=csv", "--columns=n", `${name}-d`])).split("\n").filter(Boolean);
        await reader.press("More for Foot");
        await reader.press("Start Foot in a disposable copy");
        const title = await eventually(
          "its window",
          () => Promise.resolve(desktop.titles.find((title) => title.startsWith(`[${name}-d`))),
        );
        const [copy] = await copies();
        assert(title.startsWith(`[${copy}]`), title);
        await eventually(
          "the copy's session",
          async () => (await reader.names()).some((text) => text.startsWith(`${copy} · `)),
        );
        await reader.press("Stop foot");
        await eventually("no copy", async () => (await copies()).length === 0);
      });
      await testPart(context, "a container is updated, and the window shows how far that is", async () => {
        const line = `create.ts --engine=${engine} --update ${name}`;
        await reader.press("Update its software");
        await eventually("progress", async () => (await reader.names()).some((text) => text.includes(`${line} — `)));
        await eventually("the end", async () => (await reader.names()).some((text) => text.endsWith(line)));
        assert(!(await reader.names()).includes("create could not do it"));
      });
      await testPart(context, "a container with files in its share is not removed, and a dialog says why", async () => {
        const left = join(mountsRoot, name, "share/left.txt");
        await Deno.writeTextFile(left, "");
        await reader.press("Remove this container");
        await reader.press("Remove");
        await eventually("the error", async () => (await reader.names()).includes("create could not do it"));
        assert((await reader.names()).some((text) => text.includes("error: ") && text.includes("share")));
        await reader.press("Close");
        assert((await sh([engine, "list", "--format=csv", "--columns=n", name])).includes(name));
        await Deno.remove(left);
      });
      await testPart(context, "a container is removed once the user agrees", async () => {
        await reader.press("Remove this container");
        await reader.press("Keep");
        await reader.press("Remove this container");
        await reader.press("Remove");
        await eventually(
          "no container",
          async () => (await sh([engine, "list", "--format=csv", "--columns=n", name])) === "",
        );
        await eventually("a window without it", async () => !(await reader.names()).includes(name));
      });
    } finally {
      await script("attach", engine, ["--stop", name, "--all"]);
      await script("map", engine, ["--unmap", name]);
      window.kill("SIGTERM");
      await window.ended;
      await Deno.remove(directory, { recursive: true });
    }
  },
  engine,
);
