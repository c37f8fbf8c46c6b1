// What the product is for: real programs in the container that try to read and act beyond their own windows, once in a
// session, once with the host's X socket handed in as simpler solutions do. Prints what they got as a table.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, sh, startScript } from "./run.ts";
import { nothingLeft, testOnOneEngine } from "./sessions.ts";
import { pressIn, windowWith } from "./windows.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("proof");
const needed = ["user", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;

/** The colour of the host's own window, which nothing else on the display has. */
const colour = "#d10fa3";

/** What the keys are that a user types into a window of the host's own. */
const secret = "hunter22";

/** What the programs in the container got. */
interface Loot {
  keys: number;
  pixels: number;
  titles: number;
  commands: number;
  clipboard: number;
  files: number;
}

testOnOneEngine(
  "attach.ts keeps keys, screen, titles, terminals and files of the host from the app, which the host's X socket gives away",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const directory = await Deno.makeTempDir({ prefix: "e2e-proof-" });
    // The host's own window: a terminal with a shell.
    const title = `bank-${engine}`;
    const terminal = new Deno.Command("xterm", {
      args: ["-T", title, "-bg", colour, "-fg", colour, "-cr", colour, "-geometry", "60x20", "-e", "sh"],
      cwd: directory,
      env: { PS1: "" },
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await Deno.writeTextFile(join(directory, `${title}.txt`), secret);
      const window = await windowWith(title);
      const isolated = await inSessionOf(engine, { preset: "isolated", window, title, directory });
      const desktop = await inSessionOf(engine, { preset: "desktop", window, title, directory });
      const given = await withSocket(engine, { window, title, directory });
      await printTable(engine, { given, isolated, desktop });
      const nothing = { keys: 0, pixels: 0, titles: 0, commands: 0, clipboard: 0, files: 0 };
      assertEquals(isolated, nothing);
      assertEquals(desktop, nothing);
      assertEquals(given.keys, secret.length);
      assertEquals({ ...given, keys: 0, pixels: 0 }, { ...nothing, titles: 1, commands: 1, clipboard: 1 });
      assertEquals(given.pixels > 10_000, true, `${given.pixels} pixels`);
    } finally {
      terminal.kill("SIGKILL");
      await terminal.status;
      await Deno.remove(directory, { recursive: true });
    }
    await nothingLeft(engine, name);
  },
);

interface Scene {
  /** The X id of the host's own window, and its title. */
  window: string;
  title: string;
  /** Where its shell runs. */
  directory: string;
}

/** What a program gets in a session of ours. */
async function inSessionOf(engine: EngineName, scene: Scene & { preset: string }): Promise<Loot> {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, [
    `--preset=${scene.preset}`,
    "--session=hostile",
    name,
    "xterm -T app -e sh",
  ]);
  const own = await windowWith(`\\[${name}\\] app`);
  const environment = '. "$XDG_RUNTIME_DIR/gui-container-hostile/environment"';
  // That the logger and the grabber do work is seen on the app's own window.
  const logged = await loggedKeys(engine, { environment, own, window: own });
  assertEquals(logged, secret.length, "keys of the app's own window");
  const loot = await steal(engine, { ...scene, environment, own });
  attach.kill("SIGTERM");
  await attach.ended;
  await inContainer(engine, name, "systemctl --user stop gui-container-hostile.service");
  return loot;
}

/** What it gets with the socket of the host's X server and its cookie, as a bind mount or a proxy device gives them. */
async function withSocket(engine: EngineName, scene: Scene): Promise<Loot> {
  const name = nameOn(engine);
  const display = /:(\d+)/.exec(Deno.env.get("DISPLAY")!)![1]!;
  await sh([
    ...[engine, "config", "device", "add", name, "x0", "proxy", "bind=instance", "uid=1000", "gid=1000", "mode=0600"],
    ...[`connect=unix:/tmp/.X11-unix/X${display}`, "listen=unix:/tmp/.X11-unix/X99"],
    ...[`security.uid=${Deno.uid()}`, `security.gid=${Deno.gid()}`],
  ]);
  try {
    const cookies = join(mountsRoot, name, "share", "cookies");
    // -i: a directory that is not the user's cannot hold a lock.
    const shell = `xauth -i nlist "$DISPLAY" | sed 's/^..../ffff/' | xauth -f "$0" nmerge - 2>&1; chmod 660 "$0"`;
    await sh(["sh", "-c", shell, cookies]);
    const environment = "export DISPLAY=:99 XAUTHORITY=/home/ubuntu/share/cookies";
    return await steal(engine, { ...scene, environment, own: scene.window });
  } finally {
    await sh([engine, "config", "device", "remove", name, "x0"]);
    await inContainer(engine, name, "sudo rm /tmp/.X11-unix/X99");
  }
}

/** Tries everything, with the display that `environment` sets; a window whose keys are seen there is `own`. */
async function steal(engine: EngineName, scene: Scene & { environment: string; own: string }): Promise<Loot> {
  const { environment, own, window, title, directory } = scene;
  const inside = (shell: string): Promise<string> =>
    inContainer(engine, nameOn(engine), `${environment}; cd share; ${shell}`);
  const share = join(mountsRoot, nameOn(engine), "share");

  const keys = await loggedKeys(engine, { environment, own, window });
  // The terminal has an empty line again for what comes.
  await sh(["xdotool", "key", "--window", "0", "ctrl+u"]);
  await inside("xwd -root -silent -out screen.xwd");
  const pixels = Number(
    await sh([
      ...["convert", join(share, "screen.xwd"), "-fill", "black", "+opaque", colour],
      ...["-fill", "white", "-opaque", colour, "-format", "%[fx:mean*w*h]", "info:"],
    ]),
  );
  const titles = (await inside("xwininfo -root -tree")).includes(title) ? 1 : 0;

  const typed = join(directory, "typed-by-the-app");
  await inside(
    `w=$(xdotool search --name '^${title}$') || exit 0; xdotool windowfocus --sync $w type --delay 20 'touch typed-by-the-app'; xdotool key Return`,
  );
  // Where it works it is waited for.
  const commands = await eventually("the file", () => Deno.lstat(typed), own === window ? {} : { timeoutMs: 500 })
    .then(() => Deno.remove(typed)).then(() => 1, () => 0);

  await sh(["xclip", "-selection", "clipboard", "-in"], { stdin: { text: secret }, output: "inherit" });
  await pause(1_000);
  const clipboard = (await inside("timeout 2 xclip -selection clipboard -out 2>&1 || true")).includes(secret) ? 1 : 0;

  const found = await inside(`sudo find / -xdev -name '${title}.txt' 2>/dev/null || true; find . -name '${title}.txt'`);
  return { keys, pixels, titles, commands, clipboard, files: found === "" ? 0 : 1 };
}

/**
 * How many keys a logger on that display sees while they are typed into a window of the host's display. It is asked once
 * it has seen as many of those that are typed into a window whose keys it sees.
 */
async function loggedKeys(
  engine: EngineName,
  { environment, own, window }: { environment: string; own: string; window: string },
): Promise<number> {
  const log = join(mountsRoot, nameOn(engine), "share", "keys");
  await Deno.remove(log).catch(() => {});
  const logger = inContainer(
    engine,
    nameOn(engine),
    `${environment}; timeout 60 stdbuf -oL xinput test-xi2 --root >share/keys || true`,
  );
  const text = (): Promise<string> => Deno.readTextFile(log).catch(() => "");
  const codes = async (): Promise<string[]> =>
    [...(await text()).matchAll(/\(RawKeyPress\)\n(?: .*\n)*? *detail: (\d+)$/gm)].map(([, code]) => code!);
  // It lists the devices before it listens.
  const shift = await eventually("the key logger", async () => {
    await pressIn(own);
    return (await codes())[0];
  });
  const count = async (): Promise<number> => (await codes()).filter((code) => code !== shift).length;
  const windows = own === window ? [own] : [window, own];
  for (const one of windows) await sh(["xdotool", "windowactivate", "--sync", one, "type", "--delay", "20", secret]);
  await eventually("the keys that it sees", async () => await count() >= secret.length);
  // An app that has the keyboard gets the clipboard, too.
  await sh(["xdotool", "windowactivate", "--sync", window]);
  await inContainer(engine, nameOn(engine), "pkill -x xinput || true");
  await logger;
  return await count() - (windows.length - 1) * secret.length;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function printTable(
  engine: EngineName,
  { given, isolated, desktop }: { given: Loot; isolated: Loot; desktop: Loot },
): Promise<void> {
  const row = (what: string, show: (loot: Loot) => string): string =>
    `| ${what} | ${show(given)} | ${show(isolated)} | ${show(desktop)} |`;
  const yesNo = (key: keyof Loot) => (loot: Loot): string => loot[key] ? "yes" : "no";
  const lines = [
    "| a program in the container … | with the host's X socket | `--preset isolated` | `--preset desktop` |",
    "| --- | --- | --- | --- |",
    row("logs keys typed into another window (`xinput test-xi2 --root`)", ({ keys }) => `${keys} of ${secret.length}`),
    row("sees another window's pixels (`xwd -root`)", ({ pixels }) => String(pixels)),
    row("reads the titles of other windows (`xwininfo -root -tree`)", yesNo("titles")),
    row("types a command into a terminal of the host (`xdotool type`)", yesNo("commands")),
    row("reads the clipboard (`xclip -out`)", yesNo("clipboard")),
    row("finds a file of the user's (`sudo find /`)", yesNo("files")),
  ];
  const version = (await runProcess(["xpra", "--version"])).stdout.trim();
  await Deno.stdout.write(new TextEncoder().encode(`\n${engine}, ${version}\n\n${lines.join("\n")}\n\n`));
}
