import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { updateNamed } from "../../../lib/create/update.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("where a stopped container cannot be started to be updated, it is said why", async () => {
  const root = await Deno.makeTempDir();
  const instance = {
    ...{ name: "box", status: "Stopped", location: "none", devices: {}, config: { "user.gui-container": "1" } },
    expanded_devices: { eth0: { type: "nic" }, root: { type: "disk", path: "/", pool: "default" } },
  };
  const { host } = recordingHost({
    env: { GUI_CONTAINER_MOUNTS: root },
    answer(argv) {
      const text = argv.join(" ");
      if (/"action": ?"start"|\bstart\b/.test(text)) return { code: 1, stderr: 'Error: Missing source path "/gone"\n' };
      if (/"action": ?"stop"|\bstop\b/.test(text)) {
        return { code: 1, stderr: "Error: The instance is already stopped\n" };
      }
      return { stdout: /recursion=1$/.test(text) && !/box/.test(text) ? "[]" : JSON.stringify(instance) };
    },
  });
  try {
    const error = await assertRejects(
      () => updateNamed(host, { words: ["box"], engineOptionsOf: () => Promise.resolve({ engine: "incus" }) }),
      UserError,
      'The software of "box" could not be updated',
    );
    assertEquals(error.output, 'Error: Missing source path "/gone"');
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
