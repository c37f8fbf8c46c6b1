// Windows on a Wayland desktop: the same product as on X, but a window lives with its client, and so does the session.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { globals } from "../../lib/guard/wayland/rules.ts";
import { withDescendants } from "../lab/daemons.ts";
import { fromToday, todayOptions } from "../lab/today.ts";
import { assertRefused } from "../unit/refusals.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { clientsOf, guardsOf, inSession, nothingLeft, testOnIncus } from "./sessions.ts";
import { desktop, startCompositor, startSway, type, waylandParts, windowCalled, windows } from "./wayland_desktop.ts";
import { type EngineName, makeContainer, removeContainer, shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("wayland");

function attach(engine: EngineName, args: readonly string[], env = desktop()): RunningProcess {
  return startScript("attach", engine, args, { env });
}

/** Runs attach.ts to its end on the Wayland desktop. */
function attached(engine: EngineName, args: readonly string[], env = desktop()): ReturnType<typeof script> {
  return script("attach", engine, args, { env, timeoutMs: 60_000 });
}

testOnEngines(
  "attach.ts shows a window over Wayland, keys reach the app, and it ends clean",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const app = `foot -T title sh -c 'read -r line; echo "$line" >share/typed'`;
    const running = attach(engine, ["--session=w", name, app]);
    const window = await windowCalled(`[${name}] title`);
    assertEquals([window.app_id, window.focused], [`${name}.foot`, true]);
    assertStringIncludes(await Deno.readTextFile(join(mountsRoot, name, "xpra", "w.log")), "The app is started\n");
    await type("hunter22\n");
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr], [0, "Open channels: clipboard, sound, look, dialogs; windows over Wayland\n"]);
    assertEquals(await inContainer(engine, name, "cat share/typed"), "hunter22");
    assertEquals(await windows(), []);
    await nothingLeft(engine, name);
    await eventually("the player's end", async () => await playerOf(name, "w") === "");
  },
);

testOnIncus(
  "attach.ts, Wayland: an app takes what a virtual keyboard types, which has no keymap for a moment, and lives on",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const app = `foot -T virtual sh -c 'while read -r line && [ "$line" != end ]; do echo "$line" >>share/words; done'`;
    const running = attach(engine, ["--session=virtual", name, app]);
    await windowCalled(`[${name}] virtual`);
    const words = ["one", "two", "three", "four", "five"];
    // Each makes a keyboard anew: the first key of a new one is lost.
    for (const word of [...words, "end"]) {
      await sh(["wtype", "-d", "40", ` ${word}`, "-k", "Return"], { env: desktop() });
    }
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr], [0, "Open channels: clipboard, sound, look, dialogs; windows over Wayland\n"]);
    assertEquals(await inContainer(engine, name, "cat share/words"), words.join("\n"));
  },
);

testOnIncus(
  "attach.ts, Wayland: a list of files that an app copies stays in the container, and it clears no clipboard that is closed",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const share = (file: string): Promise<string> =>
      Deno.readTextFile(join(mountsRoot, name, "share", file)).catch(() => "");
    const copied = (): Promise<string> => sh(["wl-paste", "--list-types"], { env: desktop() });
    await sh(["wl-copy", "of the desktop"], { env: desktop(), output: "discard" });
    const running = attach(engine, ["--session=lists", name, "foot -T lists sh"]);
    await windowCalled(`[${name}] lists`);
    await eventually("the host's text in the container", async () => {
      await type(" \nwl-paste --no-newline >share/pasted\n");
      return await share("pasted") === "of the desktop";
    });
    const list = "x-special/gnome-copied-files";
    // wl-copy opens a window of its own, which may come long after the last key.
    await type(` \nsleep 2; printf 'cut\\nfile:///etc/hostname' | wl-copy --type ${list}\n`);
    const mark = `application/x-gui-container.${name}`;
    await eventually("what the host has of it", async () => await copied() === `${mark};${list}\n${mark}`);
    // Until wl-copy's window is gone, keys go there.
    await eventually("the focus", async () => (await windowCalled(`[${name}] lists`)).focused);
    await type(`wl-paste --no-newline --type ${list} >share/list\n`);
    await eventually("another app's paste", async () => await share("list") === "cut\nfile:///etc/hostname");
    await type("exit\n");
    await running.ended;
    const history = (await attached(engine, ["--history", "--json", name])).stdout;
    const crossed = JSON.parse(history).filter(({ kind }: Record<string, unknown>) => kind === "clipboard");
    const { direction, bytes, times } = crossed.at(-1);
    assertEquals([direction, bytes / times], ["in", "of the desktop".length]);

    await sh(["wl-copy", "of the desktop"], { env: desktop(), output: "discard" });
    const isolated = attach(engine, ["--preset=isolated", "--session=clears", name, "foot -T clears sh"]);
    await windowCalled(`[${name}] clears`);
    await type(" \nwl-copy --clear; echo cleared >share/cleared; exit\n");
    await isolated.ended;
    assertEquals(await share("cleared"), "cleared\n");
    assertEquals(await sh(["wl-paste", "--no-newline"], { env: desktop() }), "of the desktop");
  },
);

testOnIncus(
  "attach.ts, Wayland: Ctrl-C leaves the windows, which --list, --join and --stop know",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const running = attach(engine, ["--session=stays", name, "foot -T one sleep 600"]);
    await windowCalled(`[${name}] one`);
    running.kill("SIGINT");
    const { code, stderr } = await running.ended;
    assertEquals(code, 130);
    const line = `\\S*attach\\.ts (--engine=\\w+ )?`;
    assertMatch(
      stderr,
      new RegExp(
        "The windows stay, and the app runs on, without dialogs. " +
          `To have that again: ${line}--session stays ${name}. To end it: ${line}--stop ${name} stays`,
      ),
    );
    await windowCalled(`[${name}] one`);
    const [live] = JSON.parse((await attached(engine, ["--json", "--list", name])).stdout);
    assertEquals([live.session, live.display, live.clients], ["stays", "wayland", 1]);
    const serving = '[ -s "$XDG_RUNTIME_DIR/gui-container-stays/attached" ] && echo yes || :';
    await eventually("the end of serving", async () => await inSession(engine, name, "stays", serving) === "");
    const joined = attach(engine, ["--join", name, "foot -T two sh -c 'read -r _'"]);
    await windowCalled(`[${name}] two`);
    const back = await attached(engine, ["--preset=isolated", name]);
    assertEquals(back.code, 0, back.stderr);
    assertMatch(
      back.stderr,
      /"stays" was started with clipboard,sound, which stays open .*\nThere is nothing to resume: .*\n$/,
    );
    const denied = await attached(engine, ["--deny", name, "clipboard"]);
    assertEquals([denied.code, denied.stdout], [0, "stays: clipboard\n"], denied.stderr);
    const path = await Deno.makeTempDir();
    await Deno.writeTextFile(`${path}/xdg-open`, `#!/bin/sh\necho "$1" >'${path}/opened'\n`, { mode: 0o755 });
    const again = attach(engine, ["--display=wayland", "--allow=links", name], {
      ...desktop(),
      PATH: `${path}:${Deno.env.get("PATH")}`,
    });
    await eventually("a run that serves", async () => await inSession(engine, name, "stays", serving) === "yes");
    await inSession(engine, name, "stays", "xdg-open https://example.org/again");
    await eventually("the link", async () => (await Deno.readTextFile(`${path}/opened`)).endsWith("/again\n"));
    await Deno.remove(path, { recursive: true });
    await type("\n");
    assertEquals((await joined.ended).code, 0);
    await windowCalled(`[${name}] one`);
    const stopped = await attached(engine, ["--stop", name]);
    assertEquals([stopped.code, stopped.stdout], [0, "stays\n"]);
    const ended = await again.ended;
    assertEquals(ended.code, 0);
    const open = "Open channels: sound, look, dialogs, links";
    assertEquals(
      ended.stderr,
      `${open}; the windows of "stays", its clipboard and its sound are unchanged\nThe session "stays" was stopped\n`,
    );
    await eventually("the end of the windows", async () => (await windows()).length === 0);
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts, Wayland: --copy and --paste carry one text each where the clipboard is closed, whoever attends the session",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const env = desktop();
    const share = join(mountsRoot, name, "share");
    const typed = (): Promise<string> => Deno.readTextFile(join(share, "typed")).catch(() => "");
    // foot puts on the clipboard what the app tells it to, and pastes at the key p.
    const app =
      `stty -echo; read -r _; printf '\\033]52;c;%s\\007' "$(printf 'of the app' | base64)"; cat >share/typed`;
    const foot = ["foot", "-T", "carry", "-o", "key-bindings.clipboard-paste=p", "sh", "-c", app];
    const running = attach(engine, ["--preset=isolated", "--session=carry", name, "--", ...foot]);
    const other = attach(engine, ["--session=other", name, "foot -T other sleep 600"]);
    await windowCalled(`[${name}] other`);
    await sh(["wl-copy", "of the host"], { env, output: "discard" });
    const focus = async (): Promise<void> => {
      await sh(["swaymsg", `[con_id=${(await windowCalled(`[${name}] carry`)).id}]`, "focus"], { env });
    };
    await focus();
    await type("\n");
    const copy = await eventually("the app's text", async () => {
      const copy = await attached(engine, ["--session=carry", "--copy", name]);
      return copy.code === 0 ? copy : undefined;
    });
    assertEquals(copy.stdout, `10 characters (text/plain) from ${name} put on the clipboard\n`);
    assertEquals(await sh(["wl-paste", "--no-newline"], { env }), "of the app");
    await type("p\n");
    running.kill("SIGINT");
    await running.ended;
    await sh(["wl-copy", "carried"], { env, output: "discard" });
    const paste = await attached(engine, ["--session=carry", "--paste", name]);
    assertEquals(paste.stdout, `7 characters (text/plain) put on the clipboard of ${name} for a minute\n`);
    await focus();
    await eventually("the text in the app", async () => {
      await type("p\n");
      return (await typed()).includes("carried\n");
    });
    await sh(["wl-copy", "a password"], { env, output: "discard" });
    await type("p\nend\n");
    await eventually("the last line", async () => (await typed()).endsWith("end\n"));
    // A paste that foot is slow with stands in one line with the next one.
    assertEquals((await typed()).split("\n").filter((line) => !/^(carried)*(end)?$/.test(line.trim())), []);
    const open = await attached(engine, ["--session=other", "--paste", name]);
    assertMatch(open.stderr, new RegExp(`clipboard .*"${name}"`));
    await attached(engine, ["--stop", name, "--all"]);
    await other.ended;
    await nothingLeft(engine, name);
  },
);

/** The process id of what plays the sound of a session: it reads the FIFO. Nothing when there is none. */
function playerOf(name: string, session: string): Promise<string> {
  const script = `for pid in $(pgrep -u "$(id -u)" -x sh); do
    case $(readlink "/proc/$pid/fd/4") in */"$1"/xpra/"$2"~sound*) echo "$pid" ;; esac
  done`;
  return sh(["sh", "-c", script, "sh", name, session]);
}

testOnIncus("attach.ts, Wayland: windows and sound outlive a run that is killed", waylandParts, async (engine) => {
  const name = nameOn(engine);
  const running = attach(engine, ["--session=killed", name, "foot -T alive sleep 600"]);
  await windowCalled(`[${name}] alive`);
  const player = await eventually("a player", async () => await playerOf(name, "killed") || undefined);
  const shell = await sh(["pgrep", "-f", "--", `--session=killed ${name}`]);
  for (const pid of shell.split("\n")) Deno.kill(Number(pid), "SIGKILL");
  await running.ended;
  await new Promise((resolve) => setTimeout(resolve, 500));
  await windowCalled(`[${name}] alive`);
  assertEquals(await playerOf(name, "killed"), player);
  const boxes = await clientsOf(name);
  assertEquals(boxes.length, 2);
  assertEquals((await guardsOf(name)).length, 1);
  for (const box of boxes) assertEquals(await Deno.readTextFile(`/proc/${box}/environ`), "");
  assertEquals((await attached(engine, ["--stop", name, "killed"])).code, 0);
  await eventually("the player's end", async () => await playerOf(name, "killed") === "");
  await nothingLeft(engine, name);
});

testOnIncus(
  "attach.ts, Wayland: late buses have sound, too, and a guard that dies is named",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const asRoot = (script: string): Promise<string> => sh([engine, "exec", name, "--", "sh", "-ec", script]);
    await asRoot(`cd /usr/bin; mv dbus-daemon dbus-daemon.real
cat >dbus-daemon <<'END'
#!/bin/bash
case $* in *--fork*) sleep 2 ;; esac
exec -a "$0" /usr/bin/dbus-daemon.real "$@"
END
chmod 755 dbus-daemon`);
    try {
      const running = attach(engine, ["--session=late", name, "foot -T late sleep 600"]);
      await windowCalled(`[${name}] late`);
      await eventually("a player", async () => await playerOf(name, "late") !== "");
      const guard = await sh(["pgrep", "-f", "--", `--guard-wayland .*/${name}/xpra/`]);
      Deno.kill(Number(guard), "SIGABRT");
      const { code, stderr } = await running.ended;
      assertEquals(code, 1);
      assertStringIncludes(stderr, "warning: The guard of these windows was ended by SIGABRT");
      await nothingLeft(engine, name);
    } finally {
      await asRoot("mv /usr/bin/dbus-daemon.real /usr/bin/dbus-daemon");
    }
  },
);

testOnIncus(
  "attach.ts, Wayland: apps that fail or are not there, and a name that is taken",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const failed = await attached(engine, ["--session=f", name, "sh -c 'echo no display; exit 3'"]);
    assertRefused(failed, { code: 1, names: ['"f"', "status 3"], hint: "--display x11" });
    assertMatch(failed.stderr, /^ +no display$/m);
    const missing = await attached(engine, [name, "no-such-app"]);
    assertRefused(missing, { code: 127, names: '"no-such-app"' });
    const first = attach(engine, ["--session=taken", name, "foot -T first sleep 600"]);
    await windowCalled(`[${name}] first`);
    const second = await attached(engine, ["--session=taken", name, "true"]);
    assertRefused(second, { code: 2, names: ['"taken"', `"${name}"`, "runs"] });
    await windowCalled(`[${name}] first`);
    const third = attach(engine, [name, "foot -T third sh -c 'read -r _'"]);
    await windowCalled(`[${name}] third`);
    await sh(["swaymsg", `[title="."] kill`], { env: desktop() });
    assertEquals(await Promise.all([first, third].map(async ({ ended }) => (await ended).code > 128)), [false, false]);
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts, Wayland: an app that runs is started once more in its session, which is served again if nobody does",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const said = '"foot" already runs: it opens in its session "foot"\n';
    const first = attach(engine, [name, "foot -T first sleep 600"]);
    await windowCalled(`[${name}] first`);
    const refused = await attached(engine, ["--preset=isolated", name, "foot"]);
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(
      refused.stderr,
      "with other channels: clipboard, sound, look, dialogs\nhint: To start it there: ",
    );
    const second = attach(engine, [name, "foot -T second sh -c 'until [ -e again ]; do sleep 0.1; done'"]);
    await windowCalled(`[${name}] second`);
    await inContainer(engine, name, "touch again");
    const { code, stderr } = await second.ended;
    assertEquals([code, stderr], [0, said]);
    first.kill("SIGINT");
    await first.ended;
    const third = attach(engine, [name, "foot -T third sleep 600"]);
    await windowCalled(`[${name}] third`);
    await inContainer(engine, name, "rm again");
    assertEquals((await attached(engine, ["--stop", name])).stdout, "foot\n");
    const ended = await third.ended;
    const served =
      'Open channels: clipboard, sound, look, dialogs; the windows of "foot", its clipboard and its sound are unchanged\n';
    assertEquals([ended.code, ended.stderr], [0, `${said}${served}The session "foot" was stopped\n`]);
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts, Wayland: a program of /usr/games, foot's server, and an app that leaves for the background",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    await sh([engine, "exec", name, "--", "ln", "-sf", "/usr/bin/foot", "/usr/games/playable"]);
    const game = attach(engine, [name, "playable -T game"]);
    await windowCalled(`[${name}] game`);
    assertEquals((await attached(engine, ["--stop", name])).stdout, "playable\n");
    assertEquals((await game.ended).code, 0);
    const server = attach(engine, [name, "foot --server"]);
    await eventually(
      "foot's server",
      async () => await inContainer(engine, name, 'ls "$XDG_RUNTIME_DIR"/foot-*.sock || true') !== "",
    );
    const client = attach(engine, ["--join", "--session=foot", name, "footclient -T client"]);
    await windowCalled(`[${name}] client`);
    await sh(["swaymsg", '[title="client"] kill'], { env: desktop() });
    await client.ended;
    await attached(engine, ["--stop", name]);
    assertEquals((await server.ended).code, 0);
    const left = attach(engine, [name, "--", "sh", "-c", "(sleep 1; exec foot -T left) & sleep 0.2"]);
    await windowCalled(`[${name}] left`);
    await sh(["swaymsg", '[title="left"] kill'], { env: desktop() });
    assertEquals((await left.ended).code, 0);
    await nothingLeft(engine, name);
  },
);

testOnIncus("attach.ts, Wayland: no question outlives its session", waylandParts, async (engine) => {
  const name = nameOn(engine);
  const isAsked = async (): Promise<boolean> =>
    (await windows()).some(({ name: title }) => title.includes(`may ${name}`));
  const running = attach(engine, [name, "foot -T asking sleep 600", "--ask=links"]);
  await windowCalled(`[${name}] asking`);
  const opening = attach(engine, [name, "--join", "--", "xdg-open", "https://example.org/"]);
  await eventually("the question", isAsked);
  await script("attach", engine, ["--stop", name, "--all"]);
  assertEquals((await running.ended).code, 0);
  await opening.ended;
  await eventually("the end of the question", async () => !await isAsked());
});

testOnIncus("attach.ts takes X where Wayland does not fit, and says why", waylandParts, async (engine) => {
  const name = nameOn(engine);
  for (
    const [args, why] of [
      [["--no-box", name, "xclock"], "waypipe runs in a sandbox only"],
      [[name, "xclock", "--title=@title@"], '"--title=@title@" is an option for xpra'],
    ] as const
  ) {
    const running = attach(engine, args);
    // Through Xwayland.
    await windowCalled(`[${name}] xclock`);
    running.kill("SIGINT");
    const { stderr } = await running.ended;
    assertStringIncludes(stderr, `; windows over X: ${why}\n`);
    await attached(engine, ["--stop", name, "--all"]);
    const refused = await attached(engine, ["--display=wayland", ...args]);
    assertRefused(refused, { code: 2, names: ["Wayland", why] });
  }
  const withoutX = await attached(engine, ["--no-box", name, "xclock"], { ...desktop(), DISPLAY: "" });
  assertRefused(withoutX, { code: 1, names: ["$DISPLAY", "Wayland", "waypipe"] });
  const unknown = await attached(engine, ["--display=mir", name, "xclock"]);
  assertRefused(unknown, { code: 2, names: '"mir"' });
  const quiet = attach(engine, ["--display=x11", name, "xclock"]);
  await windowCalled(`[${name}] xclock`);
  await attached(engine, ["--stop", name, "--all"]);
  assertStringIncludes((await quiet.ended).stderr, "Open channels: clipboard, sound, look, dialogs\n");
  await nothingLeft(engine, name);
});

testOnIncus("attach.ts takes X where the container has no waypipe, and says so", waylandParts, async (engine) => {
  const name = nameOn(engine);
  await sh([engine, "exec", name, "--", "mv", "/usr/bin/waypipe", "/usr/bin/waypipe.away"]);
  try {
    const record = `${mountsRoot}/${name}/shown-over-wayland`;
    await Deno.writeTextFile(record, "");
    for (const display of [[], ["--display=wayland"]]) {
      const refused = await attached(engine, [...display, name, "xclock"]);
      assertRefused(refused, { code: 127, names: `waypipe is missing in "${name}"`, hint: "--display x11" });
    }
    await Deno.remove(record);
    const refused = await attached(engine, ["--display=wayland", name, "xclock"]);
    assertRefused(refused, { code: 127, names: `no waypipe in "${name}"` });
    const running = attach(engine, [name, "xclock"]);
    await windowCalled(`[${name}] xclock`);
    await attached(engine, ["--stop", name, "--all"]);
    assertStringIncludes((await running.ended).stderr, `; windows over X: there is no waypipe in "${name}"\n`);
    await nothingLeft(engine, name);
  } finally {
    await sh([engine, "exec", name, "--", "mv", "/usr/bin/waypipe.away", "/usr/bin/waypipe"]);
  }
});

testOnIncus(
  "attach.ts, Wayland: a compositor that dies ends the session, and nothing is left",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    try {
      await using own = await startSway();
      const running = attach(
        engine,
        ["--session=crash", name, "foot -T crash sh -c 'touch share/crash; sleep 600'"],
        own.env,
      );
      await eventually("the app", () => Deno.lstat(join(mountsRoot, name, "share", "crash")).catch(() => undefined));
      own.process.kill("SIGKILL");
      assertRefused(await running.ended, { code: 1, names: ["desktop", '"crash"'] });
      await nothingLeft(engine, name);
    } finally {
      await inContainer(engine, name, "rm -f share/crash");
    }
  },
);

testOnIncus("attach.ts, Wayland: an app follows the scale of its monitor at once", waylandParts, async (engine) => {
  const name = nameOn(engine);
  await using own = await startSway();
  const { env } = own;
  const sway = (command: string): Promise<string> => sh(["swaymsg", command], { env });
  const log = join(mountsRoot, name, "xpra", "scale.log");
  /** Waits until foot says that it has taken letters of another width; it is 6 pixels at scale 1. */
  const width = async (pixels: number): Promise<unknown> =>
    await eventually(`letters ${pixels} pixels wide`, async () => {
      const widths = [...(await Deno.readTextFile(log)).matchAll(/cell width=(\d+)/g)];
      return Number(widths.at(-1)?.[1]) === pixels;
    });
  const running = attach(engine, ["--session=scale", name, "foot --log-level=info sleep 600"], env);
  await eventually("the log", () => Deno.lstat(log).catch(() => undefined));
  await width(6);
  await sway("output HEADLESS-1 scale 1.5");
  await width(10);
  // A second monitor, of another scale, comes and goes.
  await sway("create_output");
  await sway("output HEADLESS-2 scale 2");
  await sway("move container to output HEADLESS-2");
  await width(13);
  await sway("output HEADLESS-2 unplug");
  await width(10);
  assertEquals((await attached(engine, ["--stop", name, "scale"])).code, 0);
  await running.ended;
  await nothingLeft(engine, name);
});

testOnIncus(
  "attach.ts, Wayland: an app whose container stands still for twelve seconds goes on",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const signal = (which: string): Promise<string> => inContainer(engine, name, `pkill -${which} -x waypipe`);
    const app = `foot -T still sh -c 'while read -r line; do echo "$line" >share/still; done'`;
    const running = attach(engine, ["--session=still", name, app]);
    await eventually("the focus", async () => (await windowCalled(`[${name}] still`)).focused);
    await signal("STOP");
    // More than the sockets of a process take that stands still.
    await type(`${"a".repeat(500)}\n`);
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await signal("CONT");
    const line = await eventually(
      "the line",
      async () => await inContainer(engine, name, "cat share/still || true") || undefined,
    );
    assertEquals(line, "a".repeat(500));
    await attached(engine, ["--stop", name, "still"]);
    await running.ended;
    await nothingLeft(engine, name);
  },
);

testOnEngines(
  "attach.ts, Wayland: a container may be called as a mode of waypipe is, and have a newer one than the host",
  [...waylandParts, "today"],
  async (engine) => {
    const name = "recon";
    await makeContainer(engine, name, undefined, todayOptions);
    try {
      const running = attach(engine, ["--deny=dialogs", "--session=w", name, "foot -T newer sleep 600"]);
      await windowCalled(`[${name}] newer`);
      assertEquals((await attached(engine, ["--stop", name, "--all"])).code, 0);
      const { code, stderr } = await running.ended;
      const shown = "Open channels: clipboard, sound, look; windows over Wayland\n";
      assertEquals([code, stderr], [0, `${shown}The session "w" was stopped\n`]);
      await nothingLeft(engine, name);
    } finally {
      await removeContainer(engine, name);
    }
  },
  ["lxc"],
);

testOnIncus(
  "attach.ts shows a container the same globals on every compositor: those of its own windows",
  [...waylandParts, "today"],
  async (engine) => {
    const name = nameOn(engine);
    const kwin = ["kwin_wayland", "--virtual", "--width=1280", "--height=800", "--no-lockscreen", "--socket=kwin"];
    for (
      const [argv, socket] of [
        [["weston", "--backend=headless", "--socket=plain", "--shell=kiosk"], "plain"],
        [["labwc"], "wayland-0"],
        // Every client of its own sees the screen and types.
        [["cage", "--", "sleep", "600"], "wayland-0"],
        // Its security contexts leave the clipboard managers' protocol, layers and input methods.
        [fromToday(kwin), "kwin"],
      ] as const
    ) {
      await using compositor = await startCompositor(argv, socket);
      const shown = await attached(engine, [name, "wayland-info"], compositor.env);
      assertEquals(shown.code, 0, shown.stderr);
      assertMatch(shown.stderr, /; windows over Wayland$/m);
      const info = (await attached(engine, ["--logs", name, "wayland-info"])).stdout;
      const names = [...info.matchAll(/^interface: '(\w+)'/gm)].map(([, global]) => global!);
      assert(names.includes("xdg_wm_base"), info);
      assertEquals(names.filter((global) => !globals.includes(global)), [], argv.join(" "));
    }
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "hostile: a container that speaks raw to waypipe's client harms its own windows at most",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const running = attach(engine, ["--session=raw", name, "foot -T honest sleep 600"]);
    await windowCalled(`[${name}] honest`);
    // Garbage, and a header with garbage behind it.
    const raw = `
import os, socket, struct
path = os.path.expanduser("~/.xpra/raw")
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(0.2); s.connect(path); return s
def tell(*parts):
    s = connect()
    try:
        for part in parts: s.sendall(part)
        s.recv(4096)
    except OSError: pass
    finally: s.close()
header = struct.pack("<IIII", (16 << 16) | (1 << 7) | (1 << 8) | (1 << 11) | (1 << 2), 1, 2, 3)
for seed in range(20):
    noise = os.urandom(64 + seed * 160)
    tell(noise)
    tell(header, noise)
    # Messages of every type, with sizes that do not fit.
    tell(header, *(struct.pack("<I", (size << 5) | kind) + os.urandom(64) for kind in range(24) for size in (8, 64, 2**26)))
print("done")
`;
    assertStringIncludes(await inContainer(engine, name, 'python3 -c "$1"', raw), "done");
    await windowCalled(`[${name}] honest`);
    assertEquals((await windows()).length, 1);
    assertEquals((await attached(engine, ["--stop", name, "raw"])).code, 0);
    assertEquals((await running.ended).code, 0);
    await nothingLeft(engine, name);
  },
);

/** Starts waypipe's client as somebody does by hand, with a socket that the container can reach as ~/.xpra/by-hand. */
async function waypipeByHand(engine: EngineName): Promise<AsyncDisposable & Pick<RunningProcess, "pid">> {
  const path = join(mountsRoot, nameOn(engine), "xpra", "by-hand");
  const argv = ["waypipe", "--no-gpu", "-c", "none", "--secctx", "x", "--socket", path, "client"];
  const client = startProcess(argv, { env: desktop(), output: { line: () => {} } });
  await eventually("waypipe's socket", () => Deno.lstat(path).catch(() => undefined));
  await Deno.chmod(path, 0o660);
  return {
    pid: client.pid,
    async [Symbol.asyncDispose]() {
      client.kill("SIGTERM");
      await client.ended;
      await sh(["pkill", "-f", "--", "--secctx x --socket"]).catch(() => {});
      await Deno.remove(path).catch(() => {});
    },
  };
}

/** The command lines of the processes that come from one, and its own. */
async function descendants(pid: number): Promise<string[]> {
  const rows = (await sh(["ps", "-e", "-ww", "-o", "pid=,ppid=,args="])).split("\n").map((line) =>
    /^ *(\d+) +(\d+) (.*)$/.exec(line)!
  );
  const parents = new Map(rows.map(([, pid, parent]) => [Number(pid), Number(parent)]));
  const all = withDescendants([pid], parents);
  return rows.flatMap(([, pid, , args]) => all.has(Number(pid)) ? [args!] : []);
}

/**
 * Connects a hundred times to a socket of waypipe's, each time with a header that it takes, and stays for some seconds.
 */
const crowd = `
import os, socket, struct, sys, time
held = []
for _ in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(1)
    try:
        s.connect(os.path.expanduser(sys.argv[1]))
        s.sendall(struct.pack("<IIII", (16 << 16) | (1 << 7) | (1 << 8) | (1 << 11) | (1 << 2), 1, 2, len(held)))
    except OSError:
        pass
    held.append(s)
time.sleep(4)
`;

testOnIncus(
  "hostile: each connection makes waypipe start a process, and attach.ts sets a limit to that",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    /** The most processes of that waypipe whose command line has this, while the container connects. */
    const most = async (socket: string, ancestor: number, pattern: string): Promise<number> => {
      const crowding = inContainer(engine, name, 'python3 -c "$1" "$2"', crowd, socket);
      let found = 0;
      const isOver = crowding.then(() => true);
      while (!await Promise.race([isOver, new Promise((resolve) => setTimeout(resolve, 200, false))])) {
        found = Math.max(found, (await descendants(ancestor)).filter((args) => args.includes(pattern)).length);
      }
      return found;
    };
    {
      await using waypipe = await waypipeByHand(engine);
      const started = await most("~/.xpra/by-hand", waypipe.pid, "--secctx x --socket");
      assert(started >= 100, `${started} processes`);
    }
    const running = attach(engine, ["--session=crowd", name, "foot -T honest sleep 600"]);
    await windowCalled(`[${name}] honest`);
    const started = await most(
      "~/.xpra/crowd",
      running.pid,
      "waypipe --no-gpu --compress none --socket /run/gui-container/own",
    );
    assert(started > 40 && started <= 64, `${started} processes`);
    await windowCalled(`[${name}] honest`);
    assertEquals((await attached(engine, ["--stop", name, "crowd"])).code, 0);
    await running.ended;
    await nothingLeft(engine, name);
  },
);

/**
 * Announces six files of 3.75 GiB each to waypipe, as an app does with the memory of its windows, and stays for a
 * while.
 */
const giant = `
import os, socket, struct, sys, time
s = socket.socket(socket.AF_UNIX)
s.settimeout(1)
s.connect(os.path.expanduser(sys.argv[1]))
try:
    s.sendall(struct.pack("<IIII", (16 << 16) | (1 << 7) | (1 << 8) | (1 << 11) | (1 << 2), 1, 2, 3))
    for file in range(1, 7):
        s.sendall(struct.pack("<IiI", (12 << 5) | 2, file, 0xf0000000))
        time.sleep(0.1)
except OSError:
    pass
time.sleep(2)
`;

testOnIncus(
  "hostile: waypipe takes as much memory as a container announces, and attach.ts sets a limit to that",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    /**
     * The most address space, in GiB, of the waypipe whose command line has this, while the container announces files.
     */
    const most = async (socket: string, pattern: string): Promise<number> => {
      const announcing = inContainer(engine, name, 'python3 -c "$1" "$2"', giant, socket);
      let found = 0;
      const isOver = announcing.then(() => true);
      while (!await Promise.race([isOver, new Promise((resolve) => setTimeout(resolve, 100, false))])) {
        const { stdout } = await runProcess(["pgrep", "-f", "--", pattern], { okCodes: "any" });
        for (const pid of stdout.split("\n").filter(Boolean)) {
          const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
          found = Math.max(found, Number(/^VmPeak:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 2 ** 20);
        }
      }
      return found;
    };
    {
      await using _socket = await waypipeByHand(engine);
      const taken = await most("~/.xpra/by-hand", "--secctx x --socket");
      assert(taken > 40, `${taken} GiB`);
    }
    const running = attach(engine, ["--session=giant", name, "foot -T honest sleep 600"]);
    await windowCalled(`[${name}] honest`);
    const taken = await most("~/.xpra/giant", "waypipe --no-gpu --compress none --socket /run/gui-container/own");
    assert(taken > 0 && taken <= 8, `${taken} GiB`);
    await windowCalled(`[${name}] honest`);
    assertEquals((await attached(engine, ["--stop", name, "giant"])).code, 0);
    await running.ended;
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "hostile: links in place of the socket and the pipe lead waypipe's boxes nowhere",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const secret = join(Deno.env.get("HOME")!, ".ssh", "id_ed25519");
    const { mode } = await Deno.stat(secret);
    // Whoever gives the socket to the container by hand follows a link that has come there meanwhile.
    const victim = await Deno.makeTempFile();
    await inContainer(engine, name, 'ln -s "$1" .xpra/by-hand', victim);
    await Deno.chmod(join(mountsRoot, name, "xpra", "by-hand"), 0o660);
    assertEquals((await Deno.stat(victim)).mode! & 0o777, 0o660);
    await Deno.remove(victim);
    await inContainer(engine, name, "rm .xpra/by-hand");
    const trap = `
import os, time
directory = os.path.expanduser("~/.xpra")
end = time.time() + 6
while time.time() < end:
    for name in os.listdir(directory):
        if name.startswith(".wayland-"):
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                try:
                    os.unlink(path); os.symlink("${secret}", path)
                except OSError: pass
`;
    const trapping = inContainer(engine, name, 'python3 -c "$1"', trap);
    const { code } = await attached(engine, ["--display=wayland", "--session=trap", name, "true"]);
    assert(code !== 0, "the session cannot be shown");
    await trapping;
    assertEquals((await Deno.stat(secret)).mode, mode);
    await inContainer(engine, name, "rm -f .xpra/.wayland-*");
    // They wait ten seconds for a session that never opens the pipe.
    await eventually("the boxes' end", async () => (await clientsOf(name)).length === 0);
    await nothingLeft(engine, name);
  },
);
