import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { updateNamed } from "../../../lib/create/update.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";

/** The outside of a run that updates the container "box", which is stopped. */
function stoppedBox(root: string, answer: (line: string) => Answer | undefined): RecordingHost {
  const instance = {
    ...{ name: "box", status: "Stopped", location: "none", devices: {}, config: { "user.gui-container": "1" } },
    expanded_devices: { eth0: { type: "nic" }, root: { type: "disk", path: "/", pool: "default" } },
  };
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: root },
    answer(argv) {
      const text = argv.join(" ");
      return answer(text) ??
        { stdout: /recursion=1$/.test(text) && !/box/.test(text) ? "[]" : JSON.stringify(instance) };
    },
  });
}

function update(host: Host, words = ["box"]): Promise<number> {
  return updateNamed(host, { words, engineOptionsOf: () => Promise.resolve({ engine: "incus" }) });
}

Deno.test("where a stopped container cannot be started to be updated, it is said why", async () => {
  const root = await Deno.makeTempDir();
  const { host, said } = stoppedBox(
    root,
    (text) =>
      /"action": ?"start"|\bstart\b/.test(text)
        ? { code: 1, stderr: 'Error: Missing source path "/gone"\n' }
        : /"action": ?"stop"|\bstop\b/.test(text)
        ? { code: 1, stderr: "Error: The instance is already stopped\n" }
        : undefined,
  );
  try {
    const error = await assertRejects(() => update(host), UserError, 'The software of "box" could not be updated');
    assertEquals(error.output, 'Error: Missing source path "/gone"');
    assertEquals(said.filter((line) => line.startsWith("warn: ")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("where a container that was started to be updated cannot be stopped, the user is told", async () => {
  const root = await Deno.makeTempDir();
  const { host, said } = stoppedBox(
    root,
    (text) =>
      /"action": ?"stop"|\bstop\b/.test(text)
        ? { code: 1, stderr: "Error: It hangs\n" }
        : /\/bin\/sh/.test(text)
        ? { code: 100, stderr: "No packages\n" }
        : undefined,
  );
  try {
    const error = await assertRejects(() => update(host), UserError, 'The software of "box" could not be updated');
    assertEquals(error.output, "No packages");
    assertEquals(said.filter((line) => line.startsWith("warn: ")).length, 1, said.join("\n"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("where the disk of one container is full, the others are updated", async () => {
  const root = await Deno.makeTempDir();
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const { host, said } = stoppedBox(root, (text) => /\bfull\b/.test(text) ? full : undefined);
  try {
    assertEquals(await update(host, ["full", "box"]), 1);
    assertEquals(said.filter((line) => /^(error|result): /.test(line)), [
      "error: No space left on device (os error 28)",
      "result: box: up to date, also in its disposable copies",
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
