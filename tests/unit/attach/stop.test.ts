// What is asked about the sessions of a container that does not run: it has none, and is not started for that.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { copy } from "../../../lib/attach/clipboard.ts";
import { stop } from "../../../lib/attach/stop.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

function stopped(): { container: Container; calls: string[][] } {
  const { host, calls } = recordingHost({ env: { HOME: "/home/me", DISPLAY: ":0" } });
  return { container: { ...localBox(host), status: () => Promise.resolve("Stopped") }, calls };
}

Deno.test("a container is not started to stop a session of it, or to carry its clipboard", async () => {
  const { container, calls } = stopped();
  await assertRejects(
    () => stop(container, { session: undefined, all: false }),
    UserError,
    'session runs in "box"',
  );
  await assertRejects(() => stop(container, { session: "web", all: false }), UserError, 'no session "web"');
  await assertRejects(() => copy(container, undefined), UserError, 'session runs in "box"');
  assertEquals([await stop(container, { session: undefined, all: true }), calls], [0, []]);
});

Deno.test("a container that is paused has its sessions: it goes on to stop them", async () => {
  const { host, said } = recordingHost({ env: { HOME: "/home/me", DISPLAY: ":0" } });
  const done: string[] = [];
  const container = {
    ...localBox(host),
    status: () => Promise.resolve("Frozen"),
    connect: () => Promise.resolve(done.push("connect")),
    script: () => Promise.resolve({ code: 0, stdout: 'web\tx11\t7\t0\t1700000000\t\t\t"foot"\n' }),
    loans: () => Promise.resolve({ end: () => Promise.resolve(done.push("end")) }),
    history: { add: ({ what }: { what: string }) => done.push(what) },
  } as unknown as Container;
  for (const all of [true, false]) assertEquals(await stop(container, { session: undefined, all }), 0);
  assertEquals([said, done], [["result: web", "result: web"], ["connect", "end", "ends", "connect", "end", "ends"]]);
});

Deno.test("where several sessions run, it is said how to name one, and how to end all", async () => {
  const { host: given } = recordingHost({ env: { HOME: "/home/me", DISPLAY: ":0" } });
  const host = { ...given, ui: { ...given.ui, choose: () => Promise.resolve(undefined) } };
  const lines = ["web", "mail"].map((name) => `${name}\tx11\t7\t0\t1700000000\t\t\t"foot"\n`);
  const container = {
    ...localBox(host),
    status: () => Promise.resolve("Running"),
    connect: () => Promise.resolve(),
    script: () => Promise.resolve({ code: 0, stdout: lines.join("") }),
  } as unknown as Container;
  const error = await assertRejects(() => stop(container, { session: undefined, all: false }), UserError, "Several");
  assertEquals(error.hint, "Name one, for example --session web, or end all with --all");
});
