// The screen of a session, by what xrandr and xrdb say of the host's.

import { assert, assertEquals } from "@std/assert";
import { fallbackScreen, hostScreen, requireDisplay } from "../../../../lib/attach/x11/screen.ts";
import { ProcessError } from "../../../../lib/base/errors.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { type Answer, recordingHost } from "../../recording_host.ts";
import { assertRefuses } from "../../refusals.ts";
import { testWith } from "../../samples.ts";

const monitors = `Monitors: 2
 0: +*eDP-1 1920/344x1080/194+0+0  eDP-1
 1: +DP-1 2560/597x1440/336+1920+200  DP-1
`;

const screenOf = (xrandr: Answer, resources = ""): ReturnType<typeof hostScreen> =>
  hostScreen(
    recordingHost({
      env: { DISPLAY: ":7" },
      answer: ([program]) => program === "xrandr" ? xrandr : { stdout: resources },
    }).host,
  );

Deno.test("hostScreen() is as large as all monitors together, with the letters' size that is set", async () => {
  const places = ["1920/344x1080/194+0+0", "2560/597x1440/336+1920+200"];
  const both = { width: 4480, height: 1640, monitors: places };
  assertEquals(await screenOf({ stdout: monitors }), { ...both, dpi: 96 });
  assertEquals(await screenOf({ stdout: monitors }, "Xft.dpi:\t192\n"), { ...both, dpi: 192 });
  for (const wrong of ["49", "501", "x"]) {
    assertEquals((await screenOf({ stdout: monitors }, `Xft.dpi:\t${wrong}\n`)).dpi, 96, wrong);
  }
});

Deno.test("hostScreen() has a screen of its own where xrandr says nothing, and fails where no display opens", async () => {
  assertEquals(await screenOf({ stdout: "Monitors: 0\n" }), fallbackScreen);
  assertEquals(await screenOf({ code: 1, stderr: "RandR extension missing" }), fallbackScreen);
  const closed = { code: 1, stderr: "Can't open display :7" };
  await assertRefuses(() => screenOf(closed), { code: 1, names: ['":7"', "opened"] });
});

testWith(["xrandr"], "hostScreen() knows by xrandr's own words a display that cannot be opened", async () => {
  const env = { DISPLAY: ":999" };
  const { host } = recordingHost({ env });
  const real: Host = { ...host, run: (argv, options) => runProcess(argv, { ...options, env }) };
  await assertRefuses(() => hostScreen(real), { code: 1, names: '":999"', hint: "--detached" });
});

Deno.test("an X server that hangs holds nothing up: no program that asks it may take for ever", async () => {
  const { host, calls, options } = recordingHost({
    env: { DISPLAY: ":7" },
    answer: (argv) =>
      new ProcessError({ argv, code: 143, signal: "SIGTERM", stdout: "", stderr: "" }, { timedOutAfterMs: 5 }),
  });
  await assertRefuses(() => hostScreen(host), { code: 1, names: ['":7"', "answer"] });
  assertEquals(calls.map(([program]) => program).sort(), ["xrandr", "xrdb"]);
  for (const { timeoutMs = Infinity } of options) assert(timeoutMs <= 10_000);
});

Deno.test("requireDisplay() says why an X display is needed", async () => {
  requireDisplay(recordingHost({ env: { DISPLAY: ":7" } }).host);
  const { host } = recordingHost();
  await assertRefuses(() => requireDisplay(host), { code: 1, names: "$DISPLAY", hint: "--detached" });
  await assertRefuses(() => requireDisplay(host, "no --title"), { code: 1, names: ["Wayland", "no --title"] });
});
