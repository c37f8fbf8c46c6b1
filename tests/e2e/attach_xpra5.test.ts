// xpra 5, the long-term version, in the container, and the host's xpra 6.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { xpra5Wheel } from "../lab/xpra.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { windowWith } from "./windows.ts";
import { shareContainer } from "./world.ts";

const parts = [...needed, "xpra5"] as const;

const nameOn = shareContainer("xpra5", {
  prepare: async (engine, name) => {
    const wheel = xpra5Wheel();
    await Deno.copyFile(wheel, join(mountsRoot, name, "share", basename(wheel)));
    const install = "python3 -m pip uninstall --quiet --yes --break-system-packages xpra; " +
      'python3 -m pip install --quiet --break-system-packages --no-deps --no-index "$1"';
    await sh([engine, "exec", name, "--", "sh", "-ec", install, "sh", `/home/ubuntu/share/${basename(wheel)}`]);
    assertStringIncludes(await inContainer(engine, name, "xpra --version"), "v5.");
  },
});

testOnOneEngine("attach.ts shows windows of xpra 5, with keys, clipboard and shared memory", parts, async (engine) => {
  const name = nameOn(engine);
  const app = `xterm -T five -e sh -c 'read -r line; printf %s "$line" >share/typed; exec sleep 600'`;
  const attach = startScript("attach", engine, ["--session=five", name, app]);
  const window = await windowWith(`\\[${name}\\] five`);
  await sh(["xdotool", "windowactivate", "--sync", window, "type", "--delay", "20", "key to app"]);
  await sh(["xdotool", "key", "Return"]);
  const typed = join(mountsRoot, name, "share", "typed");
  assertEquals(
    await eventually(
      "what was typed",
      () => Deno.readTextFile(typed).then((text) => text || undefined, () => undefined),
    ),
    "key to app",
  );
  await inSession(
    engine,
    name,
    "five",
    "printf 'of the app' | timeout 60 xclip -selection clipboard -in >/dev/null 2>&1 &",
  );
  await eventually(
    "the app's text on the host",
    async () => await sh(["sh", "-c", "timeout 2 xclip -selection clipboard -out || true"]) === "of the app",
  );
  const fastPixels = async (): Promise<number> =>
    (await Deno.readTextFile(join(mountsRoot, name, "xpra", "five.log"))).match(/mmap is enabled/g)?.length ?? 0;
  assertEquals(await fastPixels(), 1);
  attach.kill("SIGINT");
  assertEquals((await attach.ended).code, 130);
  const back = startScript("attach", engine, [name]);
  await windowWith(`\\[${name}\\] five`);
  assertEquals(await fastPixels(), 2);
  assertEquals((await script("attach", engine, ["--join", name, "sh -c 'exit 3'"])).code, 1);
  await script("attach", engine, ["--stop", name, "five"]);
  assertEquals((await back.ended).code, 0);
  await inSession(engine, name, "five", "true").catch(() => {});
  await nothingLeft(engine, name);
});

testOnOneEngine("attach.ts ends with an app under xpra 5", parts, async (engine) => {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, ["--preset=trusted", name, "sh -c 'xclock & sleep 4; exit 3'"]);
  await windowWith(`\\[${name}\\] xclock`);
  const { code, stderr } = await attach.ended;
  assertEquals(code, 1);
  assertStringIncludes(stderr, '"sh" ended with exit status 3');
  await nothingLeft(engine, name);
});
