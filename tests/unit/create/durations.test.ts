import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { keepSeconds, usualSeconds } from "../../../lib/create/durations.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("usualSeconds() is an average of what was kept for the same words, in which the last times count most", async () => {
  const state = await Deno.makeTempDir();
  const { host } = recordingHost({ env: { XDG_STATE_HOME: state } });
  const real = { ...host, change: async <T>(_: unknown, act: () => Promise<T>) => await act() };
  try {
    assertEquals(await usualSeconds(real, "ubuntu: firefox"), undefined);
    for (const seconds of [40, 50, 60]) await keepSeconds(real, "ubuntu: firefox", seconds);
    await keepSeconds(real, "ubuntu: gimp", 9);
    assertEquals(await usualSeconds(real, "ubuntu: firefox"), 52.5);
    await Deno.writeTextFile(join(state, "gui-container/durations.json"), "half a rec");
    assertEquals(await usualSeconds(real, "ubuntu: firefox"), undefined);
    for (let number = 0; number < 101; number++) await keepSeconds(real, `no ${number}`, 1);
    assertEquals([await usualSeconds(real, "no 0"), await usualSeconds(real, "no 100")], [undefined, 1]);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
});

Deno.test("keepSeconds() fails without a word on a disk that is full", async () => {
  const { host } = recordingHost({ env: { XDG_STATE_HOME: "/proc" } });
  await keepSeconds({ ...host, change: async (_: unknown, act) => await act() }, "x", 1);
});
