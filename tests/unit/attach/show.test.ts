// A session that cannot be shown.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DisplayWindows } from "../../../lib/attach/display/display.ts";
import { createPermissions } from "../../../lib/attach/session/permissions.ts";
import { show } from "../../../lib/attach/show.ts";
import type { Host } from "../../../lib/base/host.ts";
import type { Container } from "../../../lib/container/container.ts";
import { readLoans, withJournalLock, writeRecords } from "../../../lib/container/lend/journal.ts";
import { localBox } from "../containers.ts";
import { sampleMapping } from "../mappings.ts";
import { recordingHost } from "../recording_host.ts";

/**
 * Shows a new session by a client that fails, when the run is to end already.
 *
 * @returns what cleaning up has run, and what was said
 */
async function failing(answer: Error | Record<never, never>): Promise<{ calls: string[][]; said: string[] }> {
  const cleaning = recordingHost({ answer: () => answer });
  const { host: base, said } = recordingHost();
  const run = (): Promise<never> => Promise.reject(new Error("Ctrl-C"));
  const host: Host = { ...base, run, signal: AbortSignal.abort(), forCleanup: () => cleaning.host };
  const windows: DisplayWindows = {
    note: "",
    outlivesRun: "session",
    serverEnd: () => Promise.reject(new Error("not started")),
    show: () => Promise.reject(new Error("no socket")),
    ended: () => new Promise(() => {}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const directory = await Deno.makeTempDir();
  await assertRejects(() => showIn(localBox(host, { directory }), windows), Error, "no socket");
  await Deno.remove(directory, { recursive: true });
  return { calls: cleaning.calls, said };
}

Deno.test("show() ends a new session that it cannot show, also after Ctrl-C, and tells nothing of channels", async () => {
  const { calls, said } = await failing({});
  assertEquals(calls.map(([program]) => program), ["ssh"]);
  assertStringIncludes(calls[0]!.join(" "), "xterm");
  assertEquals(said, []);
});

/** Shows a session whose client ends. Returns whether its file is still lent then. */
async function isLentAfter(live: boolean): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  try {
    const instance = { name: "box", status: "Running", config: {}, devices: {}, location: "none" };
    const listed = 'xterm\tx11\t7\t0\t1700000000\t\t\t"xterm"\n';
    const answer = ([program, verb]: readonly string[]) =>
      program === "ssh" ? { stdout: live ? listed : "" } : verb === "query" ? { stdout: JSON.stringify(instance) } : {};
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer });
    const server = { remote: "local", project: "default" };
    const stayed = ["xterm", "other"].map((session) =>
      sampleMapping({ id: `map-${session}`, session, server, engine: "incus" })
    );
    await withJournalLock(host, () => writeRecords(host, stayed));
    const windows: DisplayWindows = {
      note: "",
      outlivesRun: "session",
      serverEnd: () => Promise.reject(new Error("not started")),
      show: () => Promise.resolve(),
      ended: () => Promise.resolve({ windows: "closed", failure: () => Promise.resolve(undefined) }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const seenSessions = () => Promise.resolve(live ? ["xterm"] : []);
    const box = { ...localBox(host), seenSessions, isLost: () => Promise.resolve(false) };
    const permissions = createPermissions(box, { open: new Set() });
    await show(box, { permissions, open: permissions.open, asks: new Set(), windows, session: "xterm" });
    return (await readLoans(host)).some(({ session }) => session === "xterm");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("show() takes back what other runs have let stay with a session that has ended, whatever its channels are", async () => {
  assertEquals(await isLentAfter(false), false);
});

Deno.test("show() leaves a session its files when its client has ended, and its app runs on", async () => {
  assertEquals(await isLentAfter(true), true);
});

Deno.test("show() says how to end a session that it can neither show nor end", async () => {
  const { said } = await failing(new Error("unreachable"));
  assertEquals(said, ['warn: "xterm" could not be stopped. To try it again: attach.ts --stop box xterm']);
});

Deno.test("show() leaves a new session that has its windows when Ctrl-C comes before SSH, and stops one without by the engine", async () => {
  const ends = new AbortController();
  const cleaning = recordingHost();
  const { host: base, said } = recordingHost();
  const host: Host = { ...base, signal: ends.signal, forCleanup: () => cleaning.host };
  const late = (): Promise<never> => {
    ends.abort(new Error("Ctrl-C"));
    return Promise.reject(ends.signal.reason);
  };
  const box = { ...localBox(host, { boots: true }), reach: late, seenSessions: () => Promise.resolve(["xterm"]) };
  const ended = (show: () => Promise<void>): Promise<void> =>
    assertRejects(
      () =>
        showIn(box, {
          note: "",
          outlivesRun: "session",
          serverEnd: () => Promise.reject(new Error("not started")),
          show,
          ended: late,
          [Symbol.asyncDispose]: () => Promise.resolve(),
        }),
      Error,
      "Ctrl-C",
    ).then(() => {});
  await ended(() => Promise.resolve());
  assertEquals(cleaning.calls, []);
  assertStringIncludes(said.join("\n"), "attach.ts --session xterm box --preset=isolated --allow=sound");
  await ended(late);
  assertEquals(cleaning.calls.map((argv) => argv.slice(0, 3)), [["incus", "exec", "box"]]);
});

Deno.test("show() closes in new windows what --deny has closed before they were known", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory } });
    const box = localBox(host, { directory });
    const permissions = createPermissions(box, { open: new Set(["clipboard-in", "clipboard-out"]) });
    const closed: unknown[] = [];
    const windows: DisplayWindows = {
      note: "",
      outlivesRun: "windows",
      serverEnd: () => Promise.reject(new Error("not started")),
      show: () => Promise.resolve(void permissions.close(["clipboard-in"])),
      closeClipboard: (session, channels) => Promise.resolve(void closed.push(session, channels)),
      ended: () => Promise.resolve({ windows: "closed", failure: () => Promise.resolve(undefined) }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const starting = { start: () => Promise.resolve(), run: "1234abcd" };
    await show(box, { permissions, open: permissions.open, asks: new Set(), windows, session: "xterm", starting });
    assertEquals(closed, ["xterm", ["clipboard-in"]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

function showIn(box: Container, windows: DisplayWindows): Promise<number> {
  const starting = { start: () => Promise.resolve(), run: "1234abcd" };
  const permissions = createPermissions(box, { open: new Set() });
  // Another client plays its sound.
  return show(box, { permissions, open: new Set(["sound"]), asks: new Set(), windows, session: "xterm", starting });
}
