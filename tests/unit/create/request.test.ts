// The command line of create.ts.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { readCreateRequest } from "../../../lib/create/request.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("readCreateRequest() names the word that is missing, and shows a line that has it", async () => {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" } });
  for (
    const [words, missing, line] of [
      ["box key.pub firefox", "PROFILE", "box key.pub gui firefox"],
      ["box key.pub firefox vlc", "PROFILE", "box key.pub gui firefox vlc"],
      ["box firefox", "AUTHORIZED_KEYS", "box ~/.ssh/id_ed25519.pub gui firefox"],
      ["box gui firefox", "AUTHORIZED_KEYS", "box ~/.ssh/id_ed25519.pub gui firefox"],
      ["box gui", "AUTHORIZED_KEYS", "box ~/.ssh/id_ed25519.pub gui firefox"],
      ["box key.pub gui", "CLOUD_INIT", "box key.pub gui firefox"],
      ["box key.pub ./my.yaml", "CLOUD_INIT", "box key.pub ./my.yaml firefox"],
      ["box", "AUTHORIZED_KEYS", "box ~/.ssh/id_ed25519.pub gui firefox"],
    ] as const
  ) {
    const args = { flags: new Map(), values: new Map(), positionals: words.split(" "), rest: [], own: [] };
    const error = await assertRejects(() => readCreateRequest(host, args), UserError, `${missing} is missing`);
    assertEquals([error.hint, error.exitCode], [`For example: create.ts ${line}`, 2]);
  }
});

Deno.test("readCreateRequest() says that a name is impossible before it says what is missing", async () => {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" } });
  for (const words of ["Müller key.pub gui", "Müller", "key.pub gui firefox"]) {
    const args = { flags: new Map(), values: new Map(), positionals: words.split(" "), rest: [], own: [] };
    await assertRejects(() => readCreateRequest(host, args), UserError, "cannot be the name of a container");
  }
});
