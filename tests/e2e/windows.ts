/** Windows on an X display: the lab's, or one of a test's own. */

import { runProcess, startProcess } from "../../lib/base/process.ts";
import { eventually, sh } from "./run.ts";

/**
 * The X ids, or the titles, of the visible windows whose title matches a regular expression, on the display of `env` or
 * ours. xdotool fails when a window goes while it looks: then it looks again.
 */
export async function xWindows(
  title: string,
  { show = "ids", env = {} }: { show?: "ids" | "titles"; env?: Record<string, string> } = {},
): Promise<string[]> {
  const argv = ["xdotool", "search", "--onlyvisible", "--name", title];
  return await eventually("a look at all windows", async () => {
    const { stdout, stderr } = await runProcess(show === "ids" ? argv : [...argv, "getwindowname", "%@"], {
      okCodes: "any",
      env,
    });
    return !stderr.includes("BadWindow") && stdout.split("\n").slice(0, -1);
  });
}

/** The X id of the visible window whose title contains `title`, on the display of `env` or ours. */
export function windowWith(
  title: string,
  { env = {}, ...options }: { timeoutMs?: number; env?: Record<string, string> } = {},
): Promise<string> {
  return eventually(
    `a window with "${title}" in its title`,
    async () => (await xWindows(title, { env }))[0],
    options,
  );
}

/** Closes a window by the window manager's key, as its user does: again where that has gone to another window. */
export async function closeWindow(window: string): Promise<void> {
  const isGone = async (): Promise<boolean> => !(await xWindows(".")).includes(window);
  await eventually(`the end of the window ${window}`, async () => {
    await sh(["xdotool", "windowactivate", "--sync", window, "key", "alt+F4"]).catch(() => {});
    return await eventually("it", isGone, { timeoutMs: 8_000 }).catch(() => false);
  });
}

/** How many colours a window shows on the display of `env`, or on ours: none where it is gone. */
export async function coloursOf(window: string, env: Record<string, string> = {}): Promise<number> {
  // It counts colours itself (`%k`), in ten times as long.
  const args = ["-window", window, "-depth", "8", "rgba:-"];
  const { stdout } = await new Deno.Command("import", { args, env, stderr: "null" }).output();
  return new Set(new Uint32Array(stdout.slice().buffer)).size;
}

/** Waits until a window shows more than a flat colour or two. */
export async function painted(window: string): Promise<void> {
  await eventually(`a picture in the window ${window}`, async () => await coloursOf(window) > 16, {
    timeoutMs: 60_000,
  });
}

/**
 * Presses Shift in a window of a session, as somebody who works there does. Until xpra's client has noticed that the
 * window has the keyboard, no key counts: do it again.
 */
export async function pressIn(window: string, env: Record<string, string> = {}): Promise<void> {
  await sh(["xdotool", "windowactivate", "--sync", window], { env });
  await sh(["xdotool", "key", "shift"], { env });
}

/** Does something with an X server of its own, with a window manager on it. */
export async function withDisplay(action: (env: { DISPLAY: string }) => Promise<void>): Promise<void> {
  const number = await Deno.makeTempFile();
  const server = startProcess(
    ["sh", "-c", 'exec Xvfb -displayfd 1 -screen 0 1600x900x24 -nolisten tcp -noreset >"$0" 2>/dev/null', number],
    { env: { XAUTHORITY: "" } },
  );
  try {
    const display = await eventually(
      "an X server",
      async () => (await Deno.readTextFile(number)).match(/^(\d+)\n/)?.[1],
    );
    const env = { DISPLAY: `:${display}`, XAUTHORITY: "" };
    const manager = startProcess(["openbox", "--sm-disable"], { env });
    try {
      await eventually(
        "a window manager",
        async () => (await sh(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], { env })).includes("window id"),
      );
      await action(env);
    } finally {
      manager.kill("SIGTERM");
      await manager.ended;
    }
  } finally {
    server.kill("SIGTERM");
    await server.ended;
    await Deno.remove(number);
  }
}
