// attach.ts on a real engine, with real xpra and real windows on the lab's display.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { assertRefused } from "../unit/refusals.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { heardByHost, loud } from "./sound.ts";
import { coloursOf, pressIn, windowWith } from "./windows.ts";
import { shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("attach");

testOnEngines("attach.ts shows a window, keys reach the app, and it ends clean", needed, async (engine) => {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, [
    name,
    `xterm -T "it's a *window*" -e sh -c 'read -r line; printf %s "$line" >share/typed'`,
  ]);
  const window = await windowWith(`\\[${name}\\] it's a \\*window\\*`);
  await eventually("a picture in the window that is not one flat colour", async () => await coloursOf(window) > 1);
  await sh(["xdotool", "windowactivate", "--sync", window, "type", "--delay", "20", "key to app"]);
  await sh(["xdotool", "key", "Return"]);
  const ended = await attach.ended;
  assertEquals(ended.code, 0, ended.stderr);
  assertEquals(ended.stdout, "");
  assertStringIncludes(ended.stderr, "Open channels: clipboard, sound, look, dialogs");
  assertEquals(await Deno.readTextFile(join(mountsRoot, name, "share", "typed")), "key to app");
  await nothingLeft(engine, name);
});

testOnOneEngine("attach.ts carries the clipboard both ways", needed, async (engine) => {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, ["--session=clip", name, "xterm -T clipboard -e sleep 600"]);
  const window = await windowWith(`\\[${name}\\] clipboard`);
  const onDisplay = (command: string): Promise<string> => inSession(engine, name, "clip", command);
  await sh(["xclip", "-selection", "clipboard", "-in"], { stdin: { text: "from the host" }, output: "inherit" });
  const pasted = (): Promise<string> => onDisplay("timeout 2 xclip -selection clipboard -out || true");
  assertEquals(await pasted(), "", "nobody works in its windows");
  await eventually("the host's text in the container's clipboard", async () => {
    await pressIn(window);
    return await pasted() === "from the host";
  });
  await eventually("the app's text in the host's clipboard", async () => {
    await pressIn(window);
    await onDisplay("printf 'from the app' | xclip -selection clipboard -in >/dev/null 2>&1");
    const { stdout } = await runProcess(["timeout", "2", "xclip", "-selection", "clipboard", "-out"], {
      okCodes: "any",
    });
    return stdout === "from the app";
  });
  await inContainer(engine, name, "pkill xterm");
  await attach.ended;
  await nothingLeft(engine, name);
});

testOnOneEngine(
  "attach.ts starts a sound server for an app that plays, and the host hears a tone of 440 Hz, and rests then",
  [
    ...needed,
    "sound",
  ],
  async (engine) => {
    const name = nameOn(engine);
    await sh(["sox", "-qn", join(mountsRoot, name, "share", "tone.wav"), "synth", "60", "sine", "440"]);
    const attach = startScript("attach", engine, [
      name,
      `sh -c 'pgrep -cf "^pulseaudio -n" >share/servers; xclock & paplay share/tone.wav; wait'`,
    ]);
    try {
      await eventually("a tone of 440 Hz at the host's sound server", async () => await heardByHost(440) > loud);
      assertEquals(await Deno.readTextFile(join(mountsRoot, name, "share", "servers")), "0\n");
      const streams = (): Promise<string> => sh(["pactl", "list", "short", "sink-inputs"]);
      assert(await streams() !== "");
      await inContainer(engine, name, "pkill paplay");
      await eventually("the sound card may rest", async () => await streams() === "");
    } finally {
      attach.kill("SIGTERM");
      await attach.ended;
      await inContainer(engine, name, "pkill xclock || true");
    }
    await nothingLeft(engine, name);
  },
);

testOnOneEngine("attach.ts detaches on Ctrl-C, and the app runs on", needed, async (engine) => {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, [name, "xclock"]);
  await windowWith(`\\[${name}\\] xclock`);
  attach.kill("SIGINT");
  const { code, stderr } = await attach.ended;
  assertEquals(code, 130);
  assertStringIncludes(stderr, "Detached");
  assertEquals(await inContainer(engine, name, "pgrep -c xclock"), "1");
  await inContainer(engine, name, "pkill xclock");
  await nothingLeft(engine, name);
});

testOnOneEngine("attach.ts says that an app is not there, or died, with its exit code", needed, async (engine) => {
  const name = nameOn(engine);
  const missing = await script("attach", engine, [name, "no-such-app --flag"]);
  assertRefused(missing, { code: 127, names: 'no program "no-such-app"' });
  const unseen = await script("attach", engine, ["--detached", name, "foot"]);
  assertRefused(unseen, { code: 1, names: ['"foot"', "Wayland", "--detached"] });
  const died = await script("attach", engine, [name, "sh -c 'echo last words >&2; exit 7'"]);
  assertRefused(died, { code: 1, names: ['"sh"', "status 7"], hint: "--logs" });
  assertStringIncludes(died.stderr, "    last words\n");
  await nothingLeft(engine, name);
});

testOnOneEngine("attach.ts starts, lists, joins, reattaches and stops sessions", needed, async (engine) => {
  const name = nameOn(engine);
  const run = (...args: string[]): Promise<ProcessResult> => script("attach", engine, args);
  assertEquals((await run("--detached", name, "xclock -update 1")).stdout, "xclock\n");
  assertEquals((await run("--detached", name, "xclock")).stdout, "xclock-2\n", "a name that is taken is counted up");
  const taken = await run("--detached", "--session=xclock", name, "xclock");
  assertRefused(taken, { code: 2, names: ['"xclock"', "runs"] });
  const sessions = await eventually("both apps' process ids", async () => {
    const list = JSON.parse((await run("--json", "--list", name)).stdout);
    return list.every(({ pid }: { pid: number }) => pid > 1) && list;
  });
  assertEquals(sessions.map(({ session, app, clients }: Record<string, unknown>) => [session, app, clients]).sort(), [
    ["xclock", "xclock -update 1", 0],
    ["xclock-2", "xclock", 0],
  ]);
  assertEquals((await run(name)).code, 2, "which of two cannot be known without a terminal");
  const either = await run("--join", name, "true");
  assertRefused(either, { code: 2, names: ["sessions", `"${name}"`] });

  const joined = await run("--join", "--session=xclock", name, `sh -c 'echo "joined $DISPLAY"; exit 5'`);
  assertRefused(joined, { code: 1, names: ['"sh"', "status 5"] });
  assertMatch((await run("--logs", name, "xclock")).stdout, /^joined :\d+$/m);

  const back = startScript("attach", engine, ["--session=xclock-2", name]);
  await windowWith(`\\[${name}\\] xclock`);
  assertEquals((await run("--stop", name, "xclock-2")).code, 0);
  assertEquals((await back.ended).code, 0);
  assertEquals((await run("--join", name, "true")).code, 0, "the only one that is left");
  for (const status of [76, 77, 127]) {
    const ended = await run("--join", name, `sh -c 'exit ${status}'`);
    assertRefused(ended, { code: 1, names: ['"sh"', `status ${status}`], hint: `--logs ${name} xclock` });
  }
  assertEquals((await run("--join", name, "no-such-app")).code, 127);
  assertEquals((await run("--stop", name, "--all")).code, 0);
  assertEquals((await run("--list", name)).stdout, "");
  assertEquals((await run("--stop", name, "xclock")).code, 2);
  const none = await run("--join", name, "true");
  assertRefused(none, { code: 1, names: ["session", `"${name}"`] });
  await nothingLeft(engine, name);
});

testOnOneEngine("attach.ts hands every word to the app as it is", needed, async (engine) => {
  const name = nameOn(engine);
  const words = [
    `it's`,
    `"quoted"`,
    "$HOME `id` $(id) ; & | > <",
    "line\nbreak",
    "tab\there",
    "ü€😀",
    "-dash",
    "",
    "\\",
    "%s %% $$",
  ];
  const command = ["sh", "-c", `printf '%s\\0' "$@" >share/words`, "sh", ...words];
  const { code, stderr } = await script("attach", engine, [name, quoteWords(command)]);
  assertEquals(code, 0, stderr);
  assertEquals((await Deno.readTextFile(join(mountsRoot, name, "share", "words"))).split("\0"), [...words, ""]);
  await nothingLeft(engine, name);
});

testOnEngines("attach.ts starts a stopped container, and its app as in one that runs", needed, async (engine) => {
  const name = nameOn(engine);
  const tool =
    '#!/bin/sh\n{ env | grep -vE "PID=|^(INVOCATION_ID|GUI_CONTAINER_STARTED|_)=" | sort; pwd; } >"share/environment"\nexec xclock\n';
  const write = "tee /usr/games/e2e-tool >/home/ubuntu/e2e-tool; chmod 755 /usr/games/e2e-tool /home/ubuntu/e2e-tool";
  await sh([engine, "exec", name, "--", "sh", "-c", write], { stdin: { text: tool } });
  const seen: string[] = [];
  for (const [app, isStopped] of [["e2e-tool", false], ["e2e-tool", true], ["./e2e-tool", true]] as const) {
    if (isStopped) await sh([engine, "stop", "--force", name]);
    const attach = startScript("attach", engine, ["--session=tool", name, app]);
    await windowWith(`\\[${name}\\] xclock`);
    seen.push(await Deno.readTextFile(join(mountsRoot, name, "share", "environment")));
    await inContainer(engine, name, "pkill xclock");
    await attach.ended;
    await nothingLeft(engine, name);
  }
  const [running, stopped, relative] = seen.map((text) => text.split("\n"));
  assertEquals([stopped, relative], [running, running]);
});
