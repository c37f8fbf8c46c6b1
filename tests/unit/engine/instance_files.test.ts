// Files in an instance.

import { assertRejects } from "@std/assert";
import { ProcessError } from "../../../lib/base/errors.ts";
import { deleteFile } from "../../../lib/engine/instance_files.ts";
import { ownServer } from "../../../lib/engine/server.ts";
import { engineOn } from "../engine_hosts.ts";

Deno.test("deleteFile() goes on where a file is not there, as each engine says that, and at nothing else", async () => {
  const remove = async (stderr: string): Promise<void> => {
    const { host, engine } = engineOn(ownServer, { code: 1, stderr });
    await deleteFile(host, { engine, name: "box" }, { path: "/etc/x" });
  };
  for (const stderr of ["Error: Not Found\n", "Error: remove /etc/x: file does not exist\n"]) await remove(stderr);
  for (const stderr of ["Error: remove /etc/x: permission denied\n", "Error: file does not exist\n"]) {
    await assertRejects(() => remove(stderr), ProcessError);
  }
});
