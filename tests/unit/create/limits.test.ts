import { assertEquals } from "@std/assert";
import { warnOfLimits } from "../../../lib/create/limits.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** As Incus 7.0.2 tells it on a host with cgroup v1. */
const warnings = [
  { type: "Couldn't find the CGroup pids controller", last_message: "process limits will be ignored" },
  { type: "AppArmor support has been disabled", last_message: "Disabled because of lack of kernel support" },
  { type: "Couldn't find the CGroup memory controller", last_message: "memory limits will be ignored" },
];

async function warned(config: Record<string, string>, answer: Answer): Promise<{ said: string[]; calls: string[][] }> {
  const { host, said, calls } = recordingHost({
    answer: (argv) =>
      argv.includes("/1.0") ? { stdout: '{"environment": {"server_version": "7.0.2", "project": "default"}}' } : answer,
  });
  await warnOfLimits(host, engineCalled("incus"), config);
  return { said, calls };
}

Deno.test("warnOfLimits() names the limits of the profile that the engine ignores, and no others", async () => {
  const config = { "limits.memory": "2GiB", "limits.cpu": "2", "security.nesting": "false" };
  const { said } = await warned(config, { stdout: JSON.stringify(warnings) });
  assertEquals(said, [
    'warn: "limits.memory" has no effect on this host: Incus says ' +
    '"Couldn\'t find the CGroup memory controller: memory limits will be ignored"',
  ]);
});

Deno.test("warnOfLimits() says nothing of what was missing under a kernel before", async () => {
  const stdout = JSON.stringify(warnings.map((warning) => ({ ...warning, status: "resolved" })));
  assertEquals((await warned({ "limits.memory": "2GiB" }, { stdout })).said, []);
});

Deno.test("warnOfLimits() asks nothing for a profile without limits", async () => {
  assertEquals((await warned({}, { stdout: JSON.stringify(warnings) })).calls, []);
});

Deno.test("warnOfLimits() says nothing to a user who may not see the engine's warnings", async () => {
  assertEquals((await warned({ "limits.memory": "2GiB" }, { code: 1, stderr: "Error: not authorized" })).said, []);
});
