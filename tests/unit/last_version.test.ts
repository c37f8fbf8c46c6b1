import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { isWritten, keepLastVersions } from "../../lib/container/lend/last_version.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { sampleMapping } from "./mappings.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("isWritten() compares the time of the last change, in whatever zone, and takes what is no time for later", () => {
  const since = Date.UTC(2026, 0, 2, 3, 4, 5, 123) + 0.4567;
  const found = (time: string): string => `4 66 5 ${time} 2026-01-02 03:04:05.000000000 +0000`;
  assertEquals(isWritten(found("2026-01-02 03:04:05.123456789 +0000"), since), false);
  assertEquals(isWritten(found("2026-01-02 04:04:05.123456789 +0100"), since), false);
  assertEquals(isWritten(found("2026-01-02 03:04:05.124000000 +0000"), since), true);
  assertEquals(isWritten(found("2026-01-01 23:04:06.000000000 -0400"), since), true);
  for (const time of ["", "-", "9999-99-99 99:99:99.9 +0000"]) assertEquals(isWritten(found(time), since), true, time);
});

Deno.test("a container that does not give its last version of a deleted file does not stay in its way", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(directory, "gui-container/mappings"), { recursive: true });
    const found = { name: "box", status: "Running", config: {}, expanded_devices: {} };
    const { host, calls } = recordingHost({
      env: { XDG_STATE_HOME: directory },
      answer: (argv) => argv[1] === "query" ? { stdout: JSON.stringify(found) } : { stdout: "no such line" },
    });
    const instance = { engine: engineCalled(host, "lxc"), name: "box" };
    const mapping = sampleMapping({ hostPath: join(directory, "gone") });
    const { findings: [finding], stuck } = await keepLastVersions(instance, [mapping]);
    assertEquals(stuck, []);
    assertMatch(finding!, /^"box" does not give what it has made of ".*gone", which is lost: /);
    assertEquals([...Deno.readDirSync(join(directory, "gui-container/mappings"))], []);
    // Nothing is asked for what cannot have been changed, or is here.
    calls.length = 0;
    await Deno.writeTextFile(join(directory, "here"), "");
    const { dev, ino, birthtime } = await Deno.stat(join(directory, "here"));
    const here = { hostPath: join(directory, "here"), dev, ino: ino!, bornMs: birthtime?.getTime() ?? null };
    await keepLastVersions(instance, [{ ...mapping, readOnly: true }, sampleMapping(here)]);
    assertEquals(calls, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
