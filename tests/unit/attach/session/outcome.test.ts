// How a session has ended.

import { assertEquals, assertRejects } from "@std/assert";
import { endedFromOutside, outcomeIn, reportOutcome } from "../../../../lib/attach/session/outcome.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("the end of a session that is served again is an error if nobody knows how its app ended", async () => {
  const report = async (end: string): Promise<string[]> => {
    const { host, said } = recordingHost();
    const log = () => Promise.resolve({ text: `The app is started\n${end}` });
    const container = { host, label: "box", engine: engineCalled("incus"), log } as unknown as Container;
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
    'status: The app of "kate" ended well, without a window. To see what the app and the server printed: ' +
    "attach.ts --logs box kate",
  ]);
});

Deno.test("why an app was never started is told, also in one line", () => {
  assertEquals(
    outcomeIn("env: 'dbus-daemon': No such file or directory\n").output.trim(),
    "env: 'dbus-daemon': No such file or directory",
  );
});
