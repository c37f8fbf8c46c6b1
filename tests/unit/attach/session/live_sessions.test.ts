// What is known of a session that runs: its record, how it is listed, and its end when it is served again.

import { assertEquals, assertRejects } from "@std/assert";
import { dataOf } from "../../../../lib/attach/list.ts";
import { noteChannels, stopAtEnd } from "../../../../lib/attach/session/live_sessions.ts";
import { mayRunOn, reportServedOutcome } from "../../../../lib/attach/session/outcome.ts";
import { ProcessError, UserError } from "../../../../lib/base/errors.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { localBox, remoteBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("the end of a session that is served again is an error if nobody knows how its app ended", async () => {
  const report = async (end: string): Promise<string[]> => {
    const { host, said } = recordingHost();
    const log = () => Promise.resolve({ text: `The app is started\n${end}` });
    await reportServedOutcome({ host, label: "box", options: [], log } as unknown as Container, "web");
    return said;
  };
  assertEquals(await report("The app ended with exit status 0\n"), []);
  assertEquals(await report("The app ended with exit status 3\n"), [
    'status: The app of "web" ended with exit status 3',
  ]);
  assertEquals(await report("The session is stopped\n"), ['status: The session "web" was stopped']);
  const error = await assertRejects(() => report(""), UserError, 'The session "web" was ended from outside');
  assertEquals(error.exitCode, 1);
});

Deno.test("noteChannels() fails when the container cannot write the record", async () => {
  const full = new ProcessError({ argv: ["ssh"], code: 2, signal: null, stdout: "", stderr: "No space left" });
  const container = { script: () => Promise.reject(full) } as unknown as Container;
  await assertRejects(() => noteChannels(container, { session: "web", channels: "sound" }), ProcessError);
});

Deno.test("--list --json tells the channels of a session one by one, and those that are asked for", () => {
  const session = { container: "box", session: "web", display: "x11", app: "firefox", pid: 7, clients: 1, since: "" };
  const live = { ...session, display: "x11", channels: "sound,links?,evil", isServed: true } as const;
  assertEquals(dataOf(live), { ...session, channels: ["sound", "links"], asks: ["links"] });
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
