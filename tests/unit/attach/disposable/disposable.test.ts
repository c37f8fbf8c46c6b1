// What is found out before a copy is made.

import { assertRejects } from "@std/assert";
import { runDisposable } from "../../../../lib/attach/disposable/disposable.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { keepsBorder, request } from "../../borders.ts";
import type { Answer } from "../../recording_host.ts";

Deno.test("a copy of a container without a snapshot changes no border", async () => {
  const instance = JSON.stringify({ name: "box", status: "Running", config: { "user.gui-container": "1" } });
  const answer = ([, , path]: readonly string[]): Answer =>
    path?.endsWith("/snapshots/made") ? { code: 1, stderr: "Error: not found" } : { stdout: instance };
  await keepsBorder(
    async (container) => void await assertRejects(() => runDisposable(container, request()), UserError, "no snapshot"),
    { env: { DISPLAY: ":0" }, answer },
  );
});
