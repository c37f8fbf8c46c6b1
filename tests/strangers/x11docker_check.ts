/**
 * Usage: x11docker_check.ts ENGINE x11|wayland DIRECTORY. Runs x11docker's checks, which are in the directory, in a session,
 * beside a window of the host's own, and hands back whether each has got what it was after. That they work is seen on the
 * app's own window, where the app has an X display.
 */

import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, sh, startScript } from "../e2e/run.ts";
import { desktop, type, windowCalled } from "../e2e/wayland_desktop.ts";
import { pressIn, windowWith } from "../e2e/windows.ts";
import type { EngineName } from "../lab/state.ts";
import { container, handBack } from "./in_lab.ts";

const [engine, display, directory] = Deno.args as [EngineName, "x11" | "wayland", string];

/** What is typed, copied and in a title on the host. Only on the host has a segment of memory this size. */
const [secret, bytes] = ["hunter22", "7654321"];

const isX = display === "x11";
const env = isX ? {} : desktop();
await using box = await container(engine, "x11docker");
const share = join(mountsRoot, box.name, "share");
for (const { name } of [...Deno.readDirSync(directory)]) await Deno.copyFile(join(directory, name), join(share, name));

const terminal = isX ? ["xterm", "-T", secret, "-e", "sleep", "600"] : ["foot", "-T", secret, "sleep", "600"];
const window = startProcess(terminal, { env, output: "discard" });
await using _window = { [Symbol.asyncDispose]: () => (window.kill("SIGKILL"), window.ended.then(() => {})) };
const segment = (await sh(["ipcmk", "-M", bytes])).split(" ").at(-1)!;
await using _segment = { [Symbol.asyncDispose]: () => sh(["ipcrm", "-m", segment]).then(() => {}) };
await sh(isX ? ["xclip", "-selection", "clipboard", "-in"] : ["wl-copy"], {
  env,
  stdin: { text: secret },
  output: "discard",
});

const app = isX ? "xterm -T app -e sleep 600" : "foot -T app sleep 600";
const attach = startScript("attach", engine, ["--session=check", "--preset=isolated", box.name, app], { env });
const title = `[${box.name}] app`;
const [own, host] = isX
  ? [await windowWith(`\\[${box.name}\\] app`), await windowWith(secret)]
  : [(await windowCalled(title)).id, (await windowCalled(secret)).id];
const inside = (shell: string): Promise<string> =>
  inContainer(engine, box.name, `. "$XDG_RUNTIME_DIR/gui-container-check/environment"; cd share; ${shell}`);
const check = (name: string): Promise<string> => inside(`timeout 5 bash ./${name} 2>&1 || true`);
const typeIn = async (window: string | number): Promise<void> => {
  if (isX) await sh(["xdotool", "windowactivate", "--sync", String(window), "type", "--delay", "20", secret]);
  else {
    await sh(["swaymsg", `[con_id=${window}] focus`], { env });
    await type(secret);
  }
};

const logger = inside("timeout 30 stdbuf -oL bash ./keylogger >keys 2>&1 || true");
const keys = (): number => (Deno.readTextFileSync(join(share, "keys")).match(/^key press/gm) ?? []).length;
if (isX) {
  await eventually("the key logger sees the app's own keys", async () => {
    await pressIn(String(own));
    return keys() > 0;
  });
}
await typeIn(host);
if (isX) {
  // What is typed later is seen later.
  const seen = keys();
  await eventually("the key logger has caught up", async () => {
    await pressIn(String(own));
    return keys() > seen;
  });
}
await inContainer(engine, box.name, "pkill -x xinput || true");
await logger;
const text = await Deno.readTextFile(join(share, "keys"));
const count = keys();
// Shift, which was pressed in the app's window, has one code.
const codes = new Set([...text.matchAll(/^key press +(\d+)/gm)].map(([, code]) => code));
handBack(`${display}: keylogger`, { isPassed: codes.size <= 1, said: `${count} keys: ${text}` });
for (
  const [name, loot] of [["clipboard", secret], ["windowlist", secret], ["windowevents", secret], ["showipc", bytes]]
) {
  const said = await check(name!);
  handBack(`${display}: ${name}`, { isPassed: !said.includes(loot!), said });
}
attach.kill("SIGTERM");
await attach.ended;
