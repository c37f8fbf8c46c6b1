import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { serveAgain } from "../../../lib/attach/serve_again.ts";
import type { Container } from "../../../lib/container/container.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { Unreachable } from "../../../lib/container/ssh.ts";
import { startTime } from "../../model/time.ts";
import { openChannels, recordChannels, splitTimes } from "../../../lib/settings/channels.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("who comes back to windows on Wayland with fewer channels is warned of those that stay open", async () => {
  const nothing = 'There is nothing to resume: the windows of "web", its clipboard and its sound are unchanged';
  for (
    const [started, wanted, open, clipboard] of [
      [{ preset: "trusted" }, { preset: "isolated" }, "clipboard,sound", "clipboard"],
      [{}, { preset: "isolated", allow: "clipboard-in,look" }, "clipboard-out,sound", "clipboard-out"],
      [{ preset: "isolated", allow: "sound" }, { preset: "isolated" }, "sound", undefined],
      [{}, { preset: "isolated", allow: "clipboard,sound" }, undefined, undefined],
      [{ preset: "isolated" }, { preset: "isolated" }, undefined, undefined],
    ] as const
  ) {
    const { host, said, calls } = recordingHost();
    const channels = recordChannels(openChannels(started), new Set());
    await serveAgain(localBox(host), { session: "web", channels, open: openChannels(wanted), asks: new Set() });
    assertEquals(said, [
      ...open === undefined ? [] : [
        `warn: "web" was started with ${open}, which stays open while its windows are shown. ` +
        `${clipboard === undefined ? "" : `To close it: attach.ts --deny box ${clipboard}. `}` +
        "To end the session: attach.ts --stop box web",
      ],
      `status: ${nothing}`,
    ]);
    assertEquals(calls, []);
  }
});

Deno.test("who gives a time to the clipboard of windows that have stayed is told that it does not close", async () => {
  for (const [allow, late] of [["clipboard:20m,sound:20m", "clipboard,sound"], ["links:20m", undefined]] as const) {
    const { host, said } = recordingHost();
    const { names, times } = splitTimes(allow);
    const [channels, open] = [recordChannels(openChannels({}), new Set()), openChannels({ allow: names })];
    const served = open.difference(new Set(["dialogs", "links"]));
    await serveAgain(localBox(host), { session: "web", channels, open: served, times, asks: new Set() });
    assertEquals(
      said.filter((line) => line.startsWith("warn: ")),
      late === undefined ? [] : [
        `warn: The time of ${late} has no effect: "web" keeps what it has. ` +
        "To close it: attach.ts --deny box clipboard. To end the session: attach.ts --stop box web",
      ],
    );
  }
});

Deno.test("who comes back for icons alone is told that this desktop takes none, and does not wait", async () => {
  const { host, said } = recordingHost({ answer: () => ({ stdout: "(false,)" }) });
  const open = openChannels({ preset: "isolated", allow: "tray" });
  await serveAgain(localBox(host), { session: "web", channels: "tray", open, asks: new Set() });
  assertEquals(said.map((line) => line.slice(0, 35)), [
    "status: This desktop has no tray",
    "status: There is nothing to resume:",
  ]);
});

Deno.test("who leaves a session whose desktop has no tray is not told that they go", async () => {
  const { host, said } = recordingHost({ answer: ([program]) => program === "gdbus" ? { stdout: "(false,)" } : {} });
  host.start = () => ({ pid: 1, ended: new Promise(() => {}), kill: () => {} });
  const ending = new AbortController();
  const box: Container = {
    ...localBox({ ...host, signal: ending.signal }),
    script({ script }) {
      if (/\bverb=await\b/.test(script)) ending.abort();
      return Promise.resolve({ argv: [], code: 0, signal: null, stdout: "", stderr: "" });
    },
  };
  const open = openChannels({ preset: "isolated", allow: "links,tray" });
  const left = serveAgain(box, { session: "web", channels: "tray,links", open, asks: new Set() });
  await assertRejects(() => left, DOMException);
  assertStringIncludes(said.at(-1)!, "the app runs on, without links. To have that again:");
});

Deno.test("an answer that does not come does not end a run that serves a session again; its container's end does", async () => {
  const instance = { name: "box", status: "Running", config: {}, devices: {}, location: "none" };
  const { host } = recordingHost({
    answer: ([, word]) => word === "query" ? { stdout: JSON.stringify(instance) } : {},
  });
  host.start = () => ({ pid: 1, ended: new Promise(() => {}), kill: () => {} });
  using time = startTime();
  let lists = 0;
  const box: Container = {
    ...localBox(host),
    seenSessions: () => Promise.resolve(["web"]),
    log: () => Promise.resolve(undefined),
    script({ script }) {
      if (/\bverb=list\b/.test(script)) {
        if (++lists === 2) instance.status = "Stopped";
        return Promise.reject(new Unreachable("No answer", { hint: "" }));
      }
      return Promise.resolve({ argv: [], code: 0, signal: null, stdout: "", stderr: "" });
    },
  };
  const open = openChannels({ preset: "isolated", allow: "links" });
  const served = serveAgain(box, { session: "web", channels: "links", open, asks: new Set() });
  await time.until(assertRejects(() => served, UserError, 'The container "box" is no longer running'));
  assertEquals(lists, 2);
});
