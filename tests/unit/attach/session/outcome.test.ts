// How a session has ended.

import { assertEquals, assertRejects } from "@std/assert";
import { endedFromOutside, outcomeIn, reportOutcome, runsOnAfter } from "../../../../lib/attach/session/outcome.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("the end of a session that is served again is an error if nobody knows how its app ended", async () => {
  const report = async (end: string): Promise<string[]> => {
    const instance = { name: "box", status: "Running", config: {}, devices: {}, location: "none" };
    const { host, said } = recordingHost({ answer: () => ({ stdout: JSON.stringify(instance) }) });
    const log = () => Promise.resolve({ text: `The app is started\n${end}` });
    const container: Container = { ...localBox(host), log } as unknown as Container;
    const failure = () => endedFromOutside(container, { session: "web" });
    await reportOutcome(container, { session: "web", end: { windows: "unknown", failure } });
    return said;
  };
  assertEquals(await report("The app ended with exit status 0\n"), []);
  assertEquals(await report("The app ended with exit status 3\n"), [
    'status: The app of "web" ended with exit status 3',
  ]);
  assertEquals(await report("The session is stopped\n"), ['status: The session "web" was stopped']);
  const error = await assertRejects(() => report(""), UserError, '"web" was ended from outside');
  assertEquals(error.exitCode, 1);
});

Deno.test("a session runs on without its client, unless its app has ended, it was stopped, or its container is gone", async () => {
  const runsOn = async (
    { status = "Running", seen = ["web"], live = 'web\tx11\t7\t0\t1700000000\t\t\t"foot"\n', end = "" },
  ): Promise<boolean> => {
    const instance = { name: "box", status, config: {}, devices: {}, location: "none" };
    const answer = ([program]: readonly string[]) => ({ stdout: program === "ssh" ? live : JSON.stringify(instance) });
    const { host } = recordingHost({ answer });
    const log = () => Promise.resolve({ text: `The app is started\n${end}` });
    const seenSessions = () => Promise.resolve(seen);
    return await runsOnAfter({ ...localBox(host), log, seenSessions } as unknown as Container, "web");
  };
  assertEquals(await runsOn({}), true);
  assertEquals(
    await Promise.all([
      runsOn({ end: "The app ended with exit status 0\n" }),
      runsOn({ end: "The session is stopped\n" }),
      // A killed container leaves its sockets.
      runsOn({ status: "Stopped" }),
      runsOn({ seen: [] }),
      runsOn({ live: "" }),
    ]),
    [false, false, false, false, false],
  );
});

Deno.test("an app that fails since its desktop has ended is not blamed", async () => {
  const report = async (isLost: boolean): Promise<void> => {
    const { host } = recordingHost();
    const log = () => Promise.resolve({ text: "The app is started\nThe app ended with exit status 1\n" });
    const lost = () => Promise.resolve(isLost ? new UserError("The desktop has ended", { hint: "" }) : undefined);
    await reportOutcome({ host, label: "box", engine: engineCalled("incus"), log } as unknown as Container, {
      session: "web",
      end: { windows: "other", lost, failure: () => Promise.resolve(undefined) },
    });
  };
  await assertRejects(() => report(true), UserError, "desktop");
  await assertRejects(() => report(false), UserError, 'app of "web" ended with exit status 1');
});

Deno.test("an app that ends well is told of only if it has shown no window", async () => {
  const report = async (windows: "none" | "closed" | "other"): Promise<string[]> => {
    const { host, said } = recordingHost();
    const log = () => Promise.resolve({ text: "The app is started\nThe app ended with exit status 0\n" });
    await reportOutcome({ host, label: "box", engine: engineCalled("incus"), log } as unknown as Container, {
      session: "kate",
      end: { windows, failure: () => undefined as never },
    });
    return said;
  };
  assertEquals([await report("closed"), await report("other")], [[], []]);
  assertEquals(await report("none"), [
    'status: The app of "kate" ended without an error and without a window. To see what the app and the server printed: ' +
    "attach.ts --logs box kate",
  ]);
});

Deno.test("a session that has ended with its container is not said to have been ended from outside", async () => {
  const ended = async (status: string | undefined): Promise<string> => {
    const instance = { name: "box", status, config: {}, devices: {}, location: "none" };
    const answer = () =>
      status === undefined ? { code: 1, stderr: "Error: Instance not found" } : { stdout: JSON.stringify(instance) };
    return (await endedFromOutside(localBox(recordingHost({ answer }).host), { session: "web" })).message;
  };
  assertEquals(await ended("Running"), 'The session "web" was ended from outside');
  assertEquals(await ended("Stopped"), 'The container "box" is no longer running, and "web" with it');
  assertEquals(await ended(undefined), 'The container "box" is gone, and "web" with it');
});

Deno.test("why an app was never started is told, also in one line", () => {
  assertEquals(
    outcomeIn("env: 'dbus-daemon': No such file or directory\n").output.trim(),
    "env: 'dbus-daemon': No such file or directory",
  );
});
