// What is known of a session that runs, and how it is stopped.

import { assertEquals, assertRejects } from "@std/assert";
import {
  listAllSessions,
  listSessions,
  mayRunOn,
  noteChannels,
  stopAtEnd,
} from "../../../../lib/attach/session/live_sessions.ts";
import { ProcessError } from "../../../../lib/base/errors.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { listInstances } from "../../../../lib/engine/instance.ts";
import { localBox, remoteBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { assertSaid } from "../../refusals.ts";

Deno.test("noteChannels() fails when the container cannot write the record", async () => {
  const full = new ProcessError({ argv: ["ssh"], code: 2, signal: null, stdout: "", stderr: "No space left" });
  const container = { script: () => Promise.reject(full) } as unknown as Container;
  await assertRejects(() => noteChannels(container, { session: "web", channels: "sound" }), ProcessError);
});

Deno.test("a run that a signal ends stops its session, and asks for it, on the host for cleaning up alone", async () => {
  const cleaner = recordingHost();
  const { host: ended, calls } = recordingHost({ answer: () => new DOMException("Ctrl-C", "AbortError") });
  const host = { ...ended, forCleanup: () => cleaner.host };
  for (const container of [localBox(host), remoteBox(host)]) {
    await stopAtEnd(container, "web");
    assertEquals(await mayRunOn(remoteBox(host), "web"), false);
  }
  const scripts = cleaner.calls.map((argv) => /^verb=(\w+)$/m.exec(argv.at(-1)!)?.[1]);
  assertEquals(scripts, ["stop", "list", "stop", "list"]);
  assertEquals(calls, []);
});

Deno.test("a session runs on, as far as is known, in a container that cannot be reached", async () => {
  const { host } = recordingHost({ answer: ([program]) => program === "ssh" ? { code: 255 } : {} });
  assertEquals(await mayRunOn(remoteBox(host), "web"), true);
});

Deno.test("a session on a display that the container makes up is left out", async () => {
  const stdout = ["x11", "constructor", "__proto__", "", "X11", "wayland"].map((display) =>
    `on-${display}\t${display}\t7\t0\t1700000000\t\t\t"foot"\n`
  ).join("");
  const { host } = recordingHost({ answer: () => ({ stdout }) });
  const found = await listSessions(remoteBox(host));
  assertEquals(found.map(({ session }) => session), ["on-x11", "on-wayland"]);
});

Deno.test("of containers on another machine, only those are asked by SSH in which the engine sees a session", async () => {
  const config = { "user.gui-container": "1" };
  const boxes = ["idle", "busy"].map((name) => ({ name, status: "Running", location: "none", config }));
  const { host, said } = recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/no-such-directory" },
    answer([, verb, word = ""]) {
      if (verb === "exec") return { stdout: `systemd\n${word === "far:busy" ? "gui-container-web\n" : ""}\u0004` };
      return { stdout: JSON.stringify(word.includes("/1.0/instances?") ? boxes : boxes[1]) };
    },
  });
  const server = { remote: "far", project: undefined, isLocal: false };
  const { sessions, unasked } = await listAllSessions(
    host,
    await listInstances(host, { ...engineCalled("incus"), server }),
  );
  assertEquals([sessions, unasked], [[], ["far:busy"]]);
  assertSaid(said, [["warn", '"far:busy"', "directories"]]);
});
