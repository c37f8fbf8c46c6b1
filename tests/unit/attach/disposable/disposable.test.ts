// What is found out before a copy is made, and told of one that is gone.

import { assertEquals, assertRejects } from "@std/assert";
import { runDisposable, withoutCopy } from "../../../../lib/attach/disposable/disposable.ts";
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

Deno.test("withoutCopy() leaves out advice on a copy that is gone, and keeps what the app needs", () => {
  const hintOf = (hint: string): string =>
    (withoutCopy(new UserError("It failed", { hint }), "desks-1a2b", "desks") as UserError).hint;
  const gone = 'The copy is removed, and its logs with it. For a longer look, run the app in "desks" itself';
  const log = "To see what the app and the server printed: ./attach.ts --logs desks-1a2b foot";
  const needs = "an app that knows only Wayland needs a Wayland desktop";
  assertEquals(hintOf(log), gone);
  assertEquals(hintOf(`${log}; ${needs}`), `${gone}; ${needs}`);
  assertEquals(hintOf("The app goes on; to end it: ./attach.ts --stop desks-1a2b foot"), gone);
  assertEquals(hintOf("Start it again"), "Start it again");
});
