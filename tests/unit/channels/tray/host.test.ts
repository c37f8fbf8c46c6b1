// Icons in the host's tray: what a hostile container cannot have shown there, and what a click means.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { channel, createTray, type MenuEntry, type TrayLine } from "../../../../lib/channels/tray/host.ts";
import type { Served } from "../../../../lib/channels/io.ts";
import { requestIn } from "../../../../lib/channels/requests.ts";
import { recordingHost } from "../../recording_host.ts";
import type { ProcessResult } from "../../../../lib/base/errors.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { localBox } from "../../containers.ts";

/** What panel.py was told of an icon. */
interface Told {
  icon: number;
  gone?: true;
  title: string;
  pixels: string;
  menu: { id: number; label: string; menu: Told["menu"] }[];
}

/** A tray, what its program was told, and what the agent was. */
function withTray({ isDeaf = false } = {}): {
  tray: Served<TrayLine>;
  told: Told[];
  sent: unknown[];
  said: string[];
  killed: string[];
  /** The user does something. */
  does: (line: unknown) => unknown;
  end: (result: Partial<ProcessResult>) => void;
  close: () => void;
  pass: (ms: number) => void;
  /** Ends the pause between two changes. */
  pause: () => void;
  /** Waits until panel.py was told so many times. */
  shown: (times: number) => Promise<void>;
} {
  const recording = recordingHost();
  const [told, sent, killed]: [Told[], unknown[], string[]] = [[], [], []];
  let does = (_line: unknown): unknown => undefined;
  const { promise: ended, resolve } = Promise.withResolvers<ProcessResult>();
  const host: Host = {
    ...recording.host,
    start(argv, { stdin, output } = {}) {
      assert(typeof stdin === "object" && "bytes" in stdin && typeof output === "object" && "line" in output);
      assertEquals(argv.slice(0, 4), ["setpriv", "--pdeathsig", "TERM", "/usr/bin/python3"]);
      does = (line) => output.line(JSON.stringify(line));
      if (isDeaf) return { pid: 1, ended, kill: (signal) => void killed.push(signal) };
      stdin.bytes.pipeThrough(new TextDecoderStream()).pipeTo(
        new WritableStream({
          write: (text) => void told.push(...text.trim().split("\n").map((line) => JSON.parse(line))),
        }),
      );
      return { pid: 1, ended, kill: (signal) => void killed.push(signal) };
    },
  };
  const closer = new AbortController();
  let time = 0;
  const pauses: (() => void)[] = [];
  const tray = createTray(localBox(host), {
    send: (message) => sent.push(message),
    closing: closer.signal,
    now: () => time,
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  return {
    tray,
    told,
    sent,
    killed,
    said: recording.said,
    does: (line) => does(line),
    end: (result) => resolve({ argv: [], code: 1, signal: null, stdout: "", stderr: "", ...result }),
    close: () => closer.abort(),
    pass: (ms) => time += ms,
    pause: () => pauses.splice(0).forEach((end) => end()),
    async shown(times) {
      while (told.length < times) await wait(1);
    },
  };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const item = (id: number, label: string, menu: MenuEntry[] = []): MenuEntry => ({
  id,
  label,
  enabled: true,
  toggle: "",
  on: false,
  menu,
});

const icon = (id: number, title = "Mail", menu: MenuEntry[] = []): TrayLine => ({
  ask: "icon",
  id,
  title,
  status: "Active",
  isMenu: false,
  menu,
});

const parsed = (line: { ask: string } & Record<string, unknown>): TrayLine | undefined =>
  requestIn([channel], line)?.ask as TrayLine | undefined;

Deno.test("a line about an icon has pixels of its size, and a menu of thirty entries in two levels", () => {
  const pixels = { ask: "pixels", id: 1, width: 2, height: 1, argb: new Uint8Array(8).toBase64() };
  assertEquals(parsed(pixels), { ...pixels, argb: new Uint8Array(8) } as TrayLine);
  for (
    const wrong of [
      ...[{ width: 1 }, { height: 2 }, { width: 1e9, height: 1e9 }, { width: -2, height: -1 }, { width: "2" }],
      ...[{ argb: "?" }, { argb: 8 }, { argb: "" }, { id: -1 }, { width: 49, argb: new Uint8Array(196).toBase64() }],
    ]
  ) assertEquals(parsed({ ...pixels, ...wrong }), undefined, JSON.stringify(wrong));

  const deep = item(1, "a", [item(2, "b", [item(3, "c")])]);
  const given = { ...icon(1), status: "NeedsAttention", isMenu: 1, iconName: "/etc/passwd", uri: "file:///" };
  assertEquals(parsed({ ...given, menu: [deep, { id: 4 }, { label: "x" }, null, { id: 5, label: 5, toggle: "x" }] }), {
    ...icon(1),
    menu: [
      { ...deep, menu: [item(2, "b")] },
      { id: 4, enabled: false, toggle: "", on: false, menu: [] },
      { id: 5, enabled: false, toggle: "", on: false, menu: [] },
    ],
  } as TrayLine);
  const long = parsed({ ...icon(1), menu: Array.from({ length: 40 }, (_, id) => item(id, "a", [item(id + 99, "b")])) });
  assert(long?.ask === "icon");
  assertEquals([long.menu.length, long.menu.flatMap(({ menu }) => menu).length], [15, 15]);
  for (const wrong of [{ title: 1 }, { id: "1" }]) assertEquals(parsed({ ...icon(1), ...wrong }), undefined);
});

Deno.test("texts of an icon are one line each without markup, after the container's name", async () => {
  const { tray, told, shown } = withTray();
  const menu = [
    item(1, "<img src='https://a/'>&lt;"),
    item(2, "_Save __all_"),
    item(3, "evil\n\u202ePower off\x1b[2J"),
    item(4, "x".repeat(500)),
    item(5, "More", [item(6, "<b>")]),
  ];
  tray.take!(icon(7, "<b>Network</b>\n\u202eoff", menu));
  await shown(1);
  assertEquals(told[0]!.title, "[box] ‹b›Network‹/b› off");
  const labels = told[0]!.menu.map(({ label }) => label);
  assertEquals(labels.slice(0, 5), [
    "[box]",
    undefined,
    "‹img src='https://a/'›＆lt;",
    "Save __all",
    "evil Power off[2J",
  ]);
  assertEquals([labels[5], told[0]!.menu.at(-1)!.menu[0]!.label], ["x".repeat(60), "‹b›"]);
  tray.end!();
});

Deno.test("there are eight icons, and few new ones, however many a container has", async () => {
  const { tray, told, said, pass, pause, shown } = withTray();
  for (let id = 1; id <= 1000; id++) tray.take!(icon(id));
  await shown(8);
  assertEquals(told.map((one) => one.icon), [1, 2, 3, 4, 5, 6, 7, 8]);
  for (let time = 1; time <= 1000; time++) {
    tray.take!({ ask: "no-icon", id: 1 });
    tray.take!(icon(1));
  }
  pause();
  await shown(17);
  assertEquals(Math.max(...told.map((one) => one.icon)), 16);
  assertEquals(said, [
    'warn: "box" has more than 8 icons for the tray: not all are shown',
    'warn: "box" has new icons for the tray too often: not all are shown',
  ]);
  pass(10_000);
  tray.take!(icon(5000));
  pause();
  await shown(18);
  assertEquals(told.at(-1)!.icon, 17);
  tray.end!();
});

Deno.test("thousands of changes are shown as two", async () => {
  const { tray, told, pause, shown } = withTray();
  tray.take!(icon(1, "0"));
  await shown(1);
  for (let change = 1; change <= 5000; change++) {
    tray.take!(icon(1, `${change}`));
    if (change % 100 === 0) await wait(1);
  }
  pause();
  await shown(2);
  pause();
  await wait(1);
  assertEquals(told.map(({ title }) => title), ["[box] 0", "[box] 5000"]);
  tray.end!();
});

Deno.test("a channel that is closed takes the icons away at once, and none comes back", async () => {
  const { tray, told, sent, killed, close, pause, shown } = withTray();
  tray.take!(icon(1));
  await shown(1);
  close();
  assertEquals([killed, sent], [["SIGTERM"], [{ tray: false }]]);
  tray.take!(icon(2));
  pause();
  await wait(20);
  assertEquals(told.length, 1);
});

Deno.test("icons go with the agent, and a line about none starts nothing", async () => {
  const { tray, told, pause, shown } = withTray();
  tray.gone!();
  tray.take!({ ask: "no-icon", id: 1 });
  tray.take!({ ask: "pixels", id: 1, width: 1, height: 1, argb: new Uint8Array(4) });
  tray.take!(icon(1));
  await shown(1);
  tray.gone!();
  pause();
  await shown(2);
  assertEquals(told.map((one) => one.gone), [undefined, true]);
  tray.end!();
});

Deno.test("the user of a host without Python's gi is told once", async () => {
  const { tray, sent, said, end, shown } = withTray();
  tray.take!(icon(1));
  await shown(1);
  end({ stderr: "ModuleNotFoundError: No module named 'gi'" });
  await wait(1);
  assertEquals([said.length, sent], [1, [{ tray: false }]]);
  assertStringIncludes(said[0]!, "warn: Apps cannot use the tray: this host lacks Python's gi");
});

Deno.test("a panel.py that does not read is ended", async () => {
  const { tray, sent, said, killed, pause } = withTray({ isDeaf: true });
  for (let change = 1; change <= 1000 && said.length === 0; change++) {
    tray.take!(icon(1, `${change}`));
    pause();
    await wait(1);
  }
  assertEquals(said, ["warn: Apps cannot use the tray: panel.py has stopped reading"]);
  assertEquals([sent, killed], [[{ tray: false }], ["SIGTERM"]]);
});

Deno.test("there is a tray where a watcher is on the host's bus", async () => {
  for (const [stdout, expected] of [["(true,)\n", true], ["(false,)\n", false], ["", false]] as const) {
    assertEquals(await channel.whyNot!(recordingHost({ answer: () => ({ stdout }) }).host) === undefined, expected);
  }
  assert(await channel.whyNot!(recordingHost({ answer: () => new Error("no gdbus") }).host));
});

Deno.test("a click at an item that is another one by now is dropped, and one that is still there is not", async () => {
  const { tray, told, sent, does, pause, shown } = withTray();
  tray.take!(icon(7, "Mail", [item(1, "Show"), item(2, "Mute"), item(3, "More", [item(4, "Sub")])]));
  await shown(1);
  const [title, line, show, mute, more] = told[0]!.menu.map(({ id }) => id);
  const sub = told[0]!.menu[4]!.menu[0]!.id;
  tray.take!(icon(7, "Mail", [item(1, "Delete all"), item(2, "Mute"), { ...item(3, "More"), enabled: false }]));
  for (const id of [title, line, show, mute, more, sub, 99, -1, "1", null]) does({ icon: 1, item: id });
  assertEquals(sent, [{ tray: 7, item: 2 }]);
  does({ icon: 2, item: mute });
  does({ icon: 1, show: 0 });
  does({ icon: 1, show: mute });
  does({ icon: 1, show: show });
  does({ icon: 1, do: "Activate" });
  assertEquals(sent.slice(1), [{ tray: 7, show: 0 }, { tray: 7, show: 2 }, { tray: 7, do: "Activate" }]);
  pause();
  await shown(2);
  assertEquals(told[1]!.menu.map(({ id }) => id).slice(3), [mute, more]);
  assert(told[1]!.menu[2]!.id > sub);

  // The same id again, for another icon.
  tray.take!({ ask: "no-icon", id: 7 });
  tray.take!(icon(7, "Power", [item(2, "Mute")]));
  does({ icon: 1, item: mute });
  assertEquals(sent.length, 4);
  tray.end!();
});
