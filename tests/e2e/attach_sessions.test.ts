// Several sessions, clients and starts at once, and how windows are marked.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { clientsOf, inSession, needed, nothingLeft, testOnIncus } from "./sessions.ts";
import { closeWindow, windowWith } from "./windows.ts";
import { shareContainer } from "./world.ts";

const nameOn = shareContainer("sessions");

testOnIncus(
  "attach.ts starts several sessions at the same moment, each with its own name",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const started = await Promise.all(
      Array.from({ length: 4 }, () => script("attach", engine, ["--detached", name, "xclock"])),
    );
    assertEquals(started.map(({ code }) => code), [0, 0, 0, 0], started.map(({ stderr }) => stderr).join());
    const names = started.map(({ stdout }) => stdout.trim());
    assertEquals(names.toSorted(), ["xclock", "xclock-2", "xclock-3", "xclock-4"]);
    const listed = JSON.parse((await script("attach", engine, ["--json", "--list", name])).stdout);
    assertEquals(listed.map(({ session }: { session: string }) => session).sort(), names.toSorted());

    const same = await Promise.all(
      Array.from({ length: 3 }, () => script("attach", engine, ["--detached", "--session=one", name, "xclock"])),
    );
    assertEquals(same.map(({ code }) => code).sort(), [0, 2, 2], same.map(({ stderr }) => stderr).join());
    await eventually("five apps", async () => await inContainer(engine, name, "pgrep -c -x xclock || true") === "5");
    assertEquals(
      (await script("attach", engine, ["--stop", name, "--all"])).stdout.split("\n").filter(Boolean).length,
      5,
    );
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts started twice at once in a stopped container shows both windows, in one session",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await sh([engine, "stop", "--force", name]);
    const runs = [1, 2].map((number) => startScript("attach", engine, [name, "xclock", "-title", `window ${number}`]));
    for (const number of [1, 2]) await windowWith(`\\[${name}\\] window ${number}`);
    for (const number of [1, 2]) await closeWindow(await windowWith(`\\[${name}\\] window ${number}`));
    for (const run of runs) assert(!/Starting.*error:/s.test((await run.ended).stderr));
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts starts its client once, and has it wait for a container that is slow to answer",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const path = await Deno.makeTempDir({ prefix: "e2e-path-" });
    const slow = `#!/bin/sh\nsleep 3\nPATH=${Deno.env.get("PATH")} exec ssh "$@"\n`;
    await Deno.writeTextFile(`${path}/ssh`, slow, { mode: 0o755 });
    const env = { PATH: `${path}:${Deno.env.get("PATH")}` };
    for (const isNew of [true, false]) {
      // All of it: of what a process prints, only the end is kept.
      let stderr = "";
      const attach = startScript("attach", engine, ["--verbose", name, ...(isNew ? ["xclock"] : [])], {
        env,
        output: { line: (line) => stderr += `${line}\n` },
      });
      await windowWith(`\\[${name}\\] xclock`);
      const boxes = await clientsOf(name);
      assertEquals(boxes.length, 1);
      // What is in the box can read the environment of bubblewrap.
      assertEquals(await Deno.readTextFile(`/proc/${boxes[0]}/environ`), "");
      if (isNew) attach.kill("SIGINT");
      else await script("attach", engine, ["--stop", name, "--all"]);
      const { code } = await attach.ended;
      assertEquals(code, isNew ? 130 : 0, stderr);
      assertEquals(stderr.match(/^\+ setpriv .* bwrap .* xpra attach /gm)?.length, 1, stderr);
      assertStringIncludes(stderr, "Open channels: clipboard, sound, look, dialogs\n");
      assert(!stderr.includes("Another client"), stderr);
    }
    await Deno.remove(path, { recursive: true });
    await nothingLeft(engine, name);
  },
);

testOnIncus("attach.ts shows a session to a second client, and the first one stays", needed, async (engine) => {
  const name = nameOn(engine);
  const first = startScript("attach", engine, ["--session=shared", name, "xclock"]);
  await windowWith(`\\[${name}\\] xclock`);
  const second = startScript("attach", engine, ["--session=shared", name, "--title=@title@ [again]"]);
  await windowWith("xclock \\[again\\]");
  await eventually("two clients", async () => {
    const [session] = JSON.parse((await script("attach", engine, ["--json", "--list", name])).stdout);
    return session.clients === 2;
  });
  assertEquals((await clientsOf(name)).length, 2);
  second.kill("SIGINT");
  const { code: secondCode, stderr: secondStderr } = await second.ended;
  assertEquals(secondCode, 130);
  assertStringIncludes(
    secondStderr,
    'Another client is attached to "shared", and plays its sound\nOpen channels: clipboard, look, dialogs\n',
  );
  assertStringIncludes(secondStderr, `--session shared ${name}\n`);
  await windowWith(`\\[${name}\\] xclock`);
  await script("attach", engine, ["--stop", name, "--all"]);
  const { code, stderr } = await first.ended;
  assertEquals(code, 0, stderr);
  await nothingLeft(engine, name);
});

testOnIncus("attach.ts plays no sound by xpra when a container has taken its FIFO away", needed, async (engine) => {
  const name = nameOn(engine);
  await script("attach", engine, ["--detached", "--session=mute", name, "xclock"]);
  await Deno.remove(`${mountsRoot}/${name}/xpra/mute~sound`);
  const attach = startScript("attach", engine, ["--session=mute", name]);
  await windowWith(`\\[${name}\\] xclock`);
  const [client] = await clientsOf(name);
  assertStringIncludes(await Deno.readTextFile(`/proc/${client}/cmdline`), "\0--speaker=disabled\0");
  await script("attach", engine, ["--stop", name, "--all"]);
  const { stderr } = await attach.ended;
  assertStringIncludes(
    stderr,
    'There is no sound: "mute" was started without the channel\nOpen channels: clipboard, look, dialogs\n',
  );
});

testOnIncus("attach.ts marks windows with the container's border, which stays, and a title", needed, async (engine) => {
  const name = nameOn(engine);
  const title = `--title=@title@, not to be trusted on ${engine}`;
  // As a PPM: what is black and white alone would be grey in a PNG, and has no green.
  const colours = async (window: string, crop: string): Promise<number[]> => {
    const shell =
      'import -window "$0" ppm:- | convert ppm:- -crop "$1" +repage -format "%[fx:mean.r],%[fx:mean.g]" info:';
    return (await sh(["sh", "-c", shell, window, crop])).split(",").map(Number);
  };
  const hasBorder = async (window: string): Promise<boolean> => {
    const [red, green] = await colours(window, "5x100+0+50").catch(() => []);
    return red! > 0.5 && green === 0;
  };
  const first = startScript("attach", engine, ["--session=marked", name, "xev", "--border=red,5", title]);
  const window = await windowWith(`not to be trusted on ${engine}`);
  await eventually("a red border of five pixels", () => hasBorder(window));
  const [red, green] = await colours(window, "20x100+5+50");
  assert(red! > 0.5 && green! > 0.5, `the app's own picture is inside of the border: ${red}, ${green}`);
  // All of it: the window is larger by the border.
  const sizeOf = (info: string): number[] =>
    [...info.matchAll(/(?:Width|Height): (\d+)/g)].map(([, length]) => Number(length));
  const own = sizeOf(await inSession(engine, name, "marked", "xwininfo -name 'Event Tester'"));
  assertEquals(sizeOf(await sh(["xwininfo", "-id", window])), own.map((length) => length + 10));
  first.kill("SIGINT");
  assertStringIncludes((await first.ended).stderr, "Open channels: clipboard, sound, look, dialogs\n");
  const again = startScript("attach", engine, ["--session=marked", name]);
  await eventually(
    "the border of the window that is shown again",
    async () => hasBorder(await windowWith(`\\[${name}\\] Event`)),
  );
  again.kill("SIGINT");
  await again.ended;
  const without = startScript("attach", engine, ["--session=marked", name, "--border=auto"]);
  await eventually("the app's own picture", async () => {
    const bare = await windowWith(`\\[${name}\\] Event`);
    return (await colours(bare, "5x100+0+50").catch(() => []))[1]! > 0.5;
  });
  await script("attach", engine, ["--stop", name, "--all"]);
  await without.ended;
});

testOnIncus("attach.ts runs with its own permissions where LD_LIBRARY_PATH is set", needed, async (engine) => {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, [name, "xclock"], { env: { LD_LIBRARY_PATH: "/usr/lib/nowhere" } });
  await windowWith(`\\[${name}\\] xclock`);
  await script("attach", engine, ["--stop", name, "--all"]);
  const { code, stderr } = await attach.ended;
  assertEquals([code, stderr], [
    0,
    `Open channels: clipboard, sound, look, dialogs\nThe session "xclock" was stopped\n`,
  ]);
});
