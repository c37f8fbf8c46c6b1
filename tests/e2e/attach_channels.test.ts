// Each channel works when it is open, and does not when it is closed: with a server in the container that has opened
// all of them, since its end may be hostile. The options of the client are what closes them.

import { memoryLimit } from "../../lib/attach/box/box.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { managerRuntimeDir } from "../lab/user_manager.ts";
import { assertRefused } from "../unit/refusals.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, output, testOnOneEngine } from "./sessions.ts";
import { noting, standIns } from "./stand_ins.ts";
import { heardByHost, loud, loudness, quiet, recordSound } from "./sound.ts";
import { pressIn, windowWith } from "./windows.ts";
import { type EngineName, shareContainer } from "./world.ts";

/** How long something closed is given to come through after all, in milliseconds. */
const patienceMs = 2_000;

/**
 * Stands before the container's xpra: where the file "hostile" is, its server opens everything, whatever it was told.
 */
const hostileXpra = `#!/bin/sh
case $1 in seamless)
  [ ! -e /home/ubuntu/share/hostile ] || set -- "$@" --file-transfer=yes --open-files=yes --open-url=yes --printing=yes \\
    --notifications=yes --system-tray=yes --webcam=yes --clipboard=yes --clipboard-direction=both --audio=yes \\
    --speaker=on --microphone=on --pulseaudio=yes --forward-xdg-open=yes --control=yes --start-new-commands=yes \\
    --dbus-control=yes --remote-logging=both ;;
esac
exec /opt/xpra "$@"
`;

/** The host's programs that open links, replaced by one that notes them. */
const openers = ["xdg-open", "x-www-browser"];

/** A session that is shown. */
interface Shown {
  engine: EngineName;
  name: string;
  /** Runs a shell script in the session. */
  inside(shell: string): Promise<string>;
  /** Has xpra's server do something, as a hostile one would by itself. */
  control(...words: string[]): Promise<string>;
  /** The links that were opened on the host. */
  links(): Promise<string>;
  /** What was saved to the user's downloads. */
  saved(): string[];
  /** The notifications that the host's bus has carried. */
  notifications(): string;
  /** The process ids of what records for the session. */
  recorders(): Promise<string>;
}

const nameOn = shareContainer("channels", {
  prepare: async (engine, name) => {
    const install = 'x=$(command -v xpra) && mv "$x" /opt/xpra && cat >"$x" && chmod 755 "$x"';
    await sh([engine, "exec", name, "--", "sh", "-c", install], { stdin: { text: hostileXpra } });
  },
});

testOnOneEngine("attach.ts follows the settings that --save has written, and opens no more", needed, async (engine) => {
  const name = nameOn(engine);
  const config = await Deno.makeTempDir({ prefix: "e2e-settings-" });
  const env = { XDG_CONFIG_HOME: config };
  const attach = (...args: string[]): ReturnType<typeof script> => script("attach", engine, args, { env });
  try {
    const saved = await attach(name, "--preset=isolated", "--border=blue", "--save");
    assertEquals(saved.code, 0, saved.stderr);
    const [own, kept] = ["config", "saved"].map((file) => join(config, `gui-container/${file}.yaml`));
    await Deno.writeTextFile(own!, `containers:\n  - name: ${name}\n    at-most: isolated\n`, { mode: 0o600 });
    const shown = await attach("--settings", "--json", name);
    assertEquals(JSON.parse(shown.stdout).settings.preset, { value: "isolated", from: `${kept}:4` });
    const listed = await script("create", engine, ["--list", "--json"], { env });
    const { state, sessions, preset, disposable } = JSON.parse(listed.stdout)
      .find((one: { name: string }) => one.name === name);
    assertEquals({ state, sessions, preset, disposable }, {
      state: "running",
      sessions: [],
      preset: "isolated",
      disposable: true,
    });
    const refused = await attach(name, "xclock", "--allow=sound");
    assertRefused(refused, { code: 2, names: '"sound"' });
    const planned = await attach("--dry-run", name, "xclock");
    assertStringIncludes(planned.stderr, `Open channels: none (set in ${kept}:4, ${own}:3)`);
    await showing(engine, [], { hostile: true, env }, async ({ inside }) => {
      await setClipboard("of the host");
      await pause(patienceMs);
      assertEquals(await inside("timeout 2 xclip -selection clipboard -out 2>/dev/null || true"), "");
    });
  } finally {
    await Deno.remove(config, { recursive: true });
  }
});

testOnOneEngine("attach.ts opens notifications, links and files when it is told to", needed, async (engine) => {
  await showing(engine, ["--preset=trusted"], { hostile: false }, async (shown) => {
    // notify-send takes the first of two backslashes away, in the container and on the host.
    await shown.inside(String.raw`notify-send 'note when open' 'body \\074a href=\\042file:///x\\042\\076 &'`);
    await shown.inside("xdg-open 'http://example.org/open?a=1&b=2'");
    await shown.inside("echo text >share/when-open.txt");
    await shown.inside("xdg-open share/when-open.txt");
    await eventually("the notification", () => Promise.resolve(shown.notifications().includes("note when open")));
    assertStringIncludes(shown.notifications(), String.raw`string "body \074a href=\042file:///x\042\076 &amp;"`);
    await eventually(
      "the link",
      async () => (await shown.links()) === "http://example.org/open?a=1&b=2\n",
    );
    await eventually("the file", () => Promise.resolve(shown.saved().includes("when-open.txt")));
  });
});

testOnOneEngine("attach.ts keeps every channel closed to a hostile server", needed, async (engine) => {
  await setClipboard("of the host");
  await showing(engine, ["--preset=isolated"], { hostile: true }, async (shown) => {
    await shown.inside("notify-send 'note when closed' body");
    await shown.control("send-notification", "9", "note of the server", "body", "*");
    await shown.control("open-url", "http://example.org/closed", "*");
    await shown.inside(
      "PATH=/usr/local/libexec/xpra:/usr/libexec/xpra:$PATH xdg-open http://example.org/closed || true",
    );
    await shown.inside("echo text >share/when-closed.txt");
    await shown.control("send-file", "/home/ubuntu/share/when-closed.txt", "yes", "*");
    await shown.control("print", "/home/ubuntu/share/when-closed.txt", "*");
    await shown.inside("printf 'of the app' | timeout 30 xclip -selection clipboard -in >/dev/null 2>&1 &");
    assertStringIncludes(await shown.control("client", "quit"), "forwarded to 0 clients");
    await pause(patienceMs);
    assertEquals(shown.notifications().match(/note (when closed|of the server)/), null);
    assertEquals(await shown.links(), "");
    assertEquals(shown.saved(), []);
    assertEquals(await clipboard(), "of the host");
    await shown.inside("pkill xclip || true");
    assertEquals(await shown.inside("timeout 2 xclip -selection clipboard -out 2>/dev/null || true"), "");
    // It is all closed, and still the session is shown.
    const [session] = JSON.parse((await script("attach", engine, ["--json", "--list", shown.name])).stdout);
    assertEquals(session.clients, 1);
    assertEquals(
      (await output([
        "dbus-send",
        "--session",
        "--print-reply",
        "--dest=org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus.ListNames",
      ])).match(/org\.xpra\.Client.*/),
      null,
    );
  });
});

testOnOneEngine("attach.ts lets the clipboard pass one way only", needed, async (engine) => {
  await setClipboard("of the host");
  await showing(engine, ["--preset=isolated", "--allow=clipboard-in"], { hostile: true }, async ({ inside }) => {
    const window = await windowWith(`\\[${nameOn(engine)}\\] xclock`);
    await eventually("the host's text in the container", async () => {
      await pressIn(window);
      return await inside("timeout 2 xclip -selection clipboard -out 2>/dev/null || true") === "of the host";
    });
    await inside("printf 'of the app' | timeout 30 xclip -selection clipboard -in >/dev/null 2>&1 &");
    await pause(patienceMs);
    assertEquals(await clipboard(), "of the host");
  });
  await showing(engine, ["--preset=isolated", "--allow=clipboard-out"], { hostile: true }, async ({ inside }) => {
    await pause(patienceMs);
    const window = await windowWith(`\\[${nameOn(engine)}\\] xclock`);
    await pressIn(window);
    assertEquals(await inside("timeout 2 xclip -selection clipboard -out 2>/dev/null || true"), "");
    await eventually("the app's text on the host", async () => {
      await pressIn(window);
      await inside("printf 'of the app' | timeout 30 xclip -selection clipboard -in >/dev/null 2>&1 &");
      return await clipboard() === "of the app";
    });
    const denied = await script("attach", engine, ["--deny", nameOn(engine), "clipboard"]);
    assertEquals([denied.code, denied.stdout], [0, "channels: clipboard-out\n"], denied.stderr);
    assertEquals(await clipboard(), "");
  });
  const { stdout } = await script("attach", engine, ["--history", "--json", nameOn(engine)]);
  const lines = JSON.parse(stdout) as Record<string, unknown>[];
  const crossed = lines.filter(({ kind, type }) => kind === "clipboard" && type === "UTF8_STRING");
  assertEquals(crossed.map(({ direction, times, bytes }) => [direction, Number(bytes) / Number(times)]), [
    ["in", "of the host".length],
    ["out", "of the app".length],
  ]);
  const what = lines.filter(({ kind, channels }) => kind === "session" && `${channels}`.startsWith("clipboard-"));
  assertEquals(what.slice(-2).map(({ channels }) => channels), ["clipboard-in", "clipboard-out"]);
  assert(!stdout.includes("of the"), "never the text");
});

testOnOneEngine("a long text is copied out over X", needed, async (engine) => {
  await showing(engine, [], { hostile: false }, async ({ inside }) => {
    const window = await windowWith(`\\[${nameOn(engine)}\\] xclock`);
    // More than the 1 MiB from which xclip hands it out in pieces.
    const text = "All of a long text. ".repeat(60_000);
    await eventually("the text on the host", async () => {
      await pressIn(window);
      await inside(`yes 'All of a long text. ' | tr -d '\\n' | head -c ${text.length} >text
timeout 30 xclip -selection clipboard -in <text >/dev/null 2>&1 &`);
      return await clipboard() === text;
    });
    // xclip goes on to serve others.
    assertEquals(Number(await inside("timeout 8 xclip -selection clipboard -out | wc -c")), text.length);
  });
});

testOnOneEngine("what an app is slow to give that was copied in it is pasted over X", needed, async (engine) => {
  await showing(engine, [], { hostile: false }, async ({ inside }) => {
    const window = await windowWith(`\\[${nameOn(engine)}\\] xclock`);
    const app = startProcess(["xclip", "-quiet", "-selection", "clipboard", "-in"], { stdin: { text: "slowly" } });
    const paste = async (): Promise<string> => {
      await pressIn(window);
      return await inside("timeout 8 xclip -selection clipboard -out -target UTF8_STRING 2>/dev/null || true");
    };
    try {
      await eventually("the text in the container", async () => await paste() === "slowly");
      app.kill("SIGSTOP");
      const pasted = paste();
      await pause(2_000);
      app.kill("SIGCONT");
      assertEquals(await pasted, "slowly");
    } finally {
      app.kill("SIGKILL");
      await app.ended;
    }
  });
});

testOnOneEngine("attach.ts plays and records sound only when it is told to", [...needed, "sound"], async (engine) => {
  const share = join(mountsRoot, nameOn(engine), "share");
  await sh(["sox", "-qn", join(share, "app.wav"), "synth", "60", "sine", "660"]);
  const tone = await Deno.makeTempFile({ suffix: ".wav" });
  await sh(["sox", "-qn", tone, "synth", "60", "sine", "520"]);
  const hostTone = startProcess(["paplay", tone]);
  const heardByApp = async (shown: Shown): Promise<number> => {
    await shown.inside(`${recordSound} >share/app.raw || true`);
    return await loudness(join(share, "app.raw"), 520);
  };
  try {
    await showing(engine, ["--preset=isolated", "--allow=sound,microphone:1h"], { hostile: false }, async (shown) => {
      const player = shown.inside("paplay share/app.wav || true");
      await eventually("the app's tone on the host", async () => await heardByHost(660) > loud);
      assertEquals(await shown.recorders(), "");
      await eventually("the host's tone in the app", async () => await heardByApp(shown) > loud);
      const mark = `${shown.name} listens to your microphone`;
      await eventually("the mark of the microphone", () => Promise.resolve(shown.notifications().includes(mark)));
      // Nothing listens any more.
      await eventually("the end of the recorder", async () => await shown.recorders() === "");
      const [live] = JSON.parse((await script("attach", engine, ["--json", "--list", shown.name])).stdout);
      assertEquals(Object.keys(live.until), ["microphone"]);
      const recording = shown.inside("timeout 300 parec >share/app.raw || true");
      await eventually("a recorder", async () => await shown.recorders() !== "");
      const denied = await script("attach", engine, ["--deny", shown.name, "sound,microphone"]);
      assertEquals([denied.code, denied.stdout], [0, "channels: sound, microphone\n"], denied.stderr);
      await eventually("the end of the recorder", async () => await shown.recorders() === "");
      await eventually("silence", async () => await heardByHost(660) < quiet);
      await shown.inside("pkill 'parec|paplay'");
      await Promise.all([player, recording]);
    });
    await showing(engine, ["--preset=isolated"], { hostile: true }, async (shown) => {
      const player = shown.inside("paplay share/app.wav || true");
      await shown.control("audio-output", "start", "*");
      await pause(patienceMs);
      await eventually("the host's own tone", async () => await heardByHost(520) > loud);
      assert(await heardByHost(660) < quiet, "the host hears the app");
      assert(await heardByApp(shown) < quiet, "the app hears the host");
      await shown.inside("pkill paplay || true");
      await player;
    });
  } finally {
    hostTone.kill("SIGTERM");
    await hostTone.ended;
    await Deno.remove(tone);
  }
});

testOnOneEngine("a session whose service starts late has sound", [...needed, "sound"], async (engine) => {
  const directory = "~/.config/systemd/user/gui-container-.service.d";
  const inside = (shell: string): Promise<string> =>
    inContainer(engine, nameOn(engine), `${shell}; XDG_RUNTIME_DIR=/run/user/1000 systemctl --user daemon-reload`);
  await sh(["sox", "-qn", join(mountsRoot, nameOn(engine), "share", "app.wav"), "synth", "60", "sine", "660"]);
  await inside(`mkdir -p ${directory}; printf '[Service]\nExecStartPre=/bin/sleep 2\n' >${directory}/late.conf`);
  try {
    await showing(engine, ["--preset=isolated", "--allow=sound"], { hostile: false }, async (shown) => {
      const player = shown.inside("paplay share/app.wav || true");
      await eventually("the app's tone on the host", async () => await heardByHost(660) > loud);
      await shown.inside("pkill paplay");
      await player;
    });
  } finally {
    await inside(`rm -r ${directory}`);
  }
});

testOnOneEngine(
  "attach.ts runs a client in a scope whose memory systemd limits",
  [...needed, "userManager"],
  async (engine) => {
    const env = { XDG_RUNTIME_DIR: managerRuntimeDir() };
    const running = startScript("attach", engine, [nameOn(engine), "xterm -T limited -e cat"], { env });
    await windowWith("limited");
    const box = await sh(["pgrep", "--oldest", "-f", `bwrap .*/\\.attach-${running.pid}/guard`]);
    const groups = await Deno.readTextFile(`/proc/${box}/cgroup`);
    const [, scope] = /([^/]+\.scope)$/m.exec(groups) ?? [];
    assert(scope, groups);
    const properties = await sh(["systemctl", "--user", "show", "--property=MemoryMax,MemorySwapMax", scope], { env });
    const limits = Object.fromEntries(properties.split("\n").map((line) => line.split("=")));
    const limit = memoryLimit(Deno.systemMemoryInfo().total);
    assert(Math.abs(Number(limits["MemoryMax"]) / limit - 1) < 0.01, properties);
    assertEquals(limits["MemorySwapMax"], "0");
    running.kill("SIGINT");
    await running.ended;
  },
);

/** Shows a session and does something in it. */
async function showing(
  engine: EngineName,
  options: readonly string[],
  { hostile, env = {} }: { hostile: boolean; env?: Record<string, string> },
  action: (shown: Shown) => Promise<void>,
): Promise<void> {
  const name = nameOn(engine);
  const marker = join(mountsRoot, name, "share", "hostile");
  if (hostile) await Deno.writeTextFile(marker, "");
  else await Deno.remove(marker).catch(() => {});
  await using host = await standIns((directory) => noting(directory, ...openers));
  let notifications = "";
  const monitor = startProcess([
    "dbus-monitor",
    "--session",
    "interface='org.freedesktop.Notifications',member='Notify'",
  ], {
    output: { line: (line) => notifications += `${line}\n` },
  });
  const attach: RunningProcess = startScript("attach", engine, [...options, "--session=channels", name, "xclock"], {
    env: { ...env, ...host.env },
  });
  try {
    await windowWith(`\\[${name}\\] xclock`);
    await action({
      engine,
      name,
      inside: (shell) => inSession(engine, name, "channels", shell),
      control: (...words) =>
        inSession(
          engine,
          name,
          "channels",
          `timeout 20 xpra control socket:///home/ubuntu/.xpra/channels ${
            words.map((word) => `'${word}'`).join(" ")
          } 2>&1 || true`,
        ),
      links: () => host.read("told"),
      saved: host.saved,
      notifications: () => notifications,
      recorders: () => output(["pgrep", "-P", `${attach.pid}`, "-f", "^pacat --record"]),
    });
  } finally {
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
    monitor.kill("SIGTERM");
    await monitor.ended;
  }
  await nothingLeft(engine, name);
}

async function setClipboard(text: string): Promise<void> {
  await sh(["xclip", "-selection", "clipboard", "-in"], { stdin: { text }, output: "inherit" });
}

async function clipboard(): Promise<string> {
  const argv = ["timeout", "2", "xclip", "-selection", "clipboard", "-out"];
  return (await runProcess(argv, { okCodes: "any" })).stdout;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
