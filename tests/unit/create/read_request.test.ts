// The command line of create.ts.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { readCreateRequest } from "../../../lib/create/read_request.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("readCreateRequest() names the word that is missing", async () => {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" } });
  for (
    const [words, missing] of [
      ["box key.pub firefox", "PROFILE"],
      ["box key.pub firefox vlc", "PROFILE"],
      ["box firefox", "AUTHORIZED_KEYS"],
      ["box gui firefox", "AUTHORIZED_KEYS"],
      ["box gui", "AUTHORIZED_KEYS"],
      ["box key.pub gui", "CLOUD_INIT"],
      ["box key.pub ./my.yaml", "CLOUD_INIT"],
      ["box", "AUTHORIZED_KEYS"],
    ] as const
  ) {
    const args = { flags: new Map(), values: new Map(), positionals: words.split(" "), rest: [] };
    const error = await assertRejects(() => readCreateRequest(host, args), UserError, `${missing} is missing`);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("readCreateRequest() says that a name is impossible before it says what is missing", async () => {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" } });
  for (const words of ["Müller key.pub gui", "Müller", "key.pub gui firefox"]) {
    const args = { flags: new Map(), values: new Map(), positionals: words.split(" "), rest: [] };
    await assertRejects(() => readCreateRequest(host, args), UserError, "cannot be the name of a container");
  }
});
