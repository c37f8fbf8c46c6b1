// The channels of a run: what closes one, and what the user is told.

import { assertEquals, assertMatch } from "@std/assert";
import { createPermissions, type Permissions } from "../../../../lib/attach/session/permissions.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { startTime } from "../../../model/time.ts";

/** The channels of a run that begins at noon, in the model's time until the end of the scope. */
function run(
  options: {
    open: readonly ChannelName[];
    times?: readonly (readonly [ChannelName, number])[];
    env?: Record<string, string>;
  },
): Disposable & {
  permissions: Permissions;
  /** Lets milliseconds pass. */
  pass: (ms: number) => Promise<void>;
  said: string[];
  shown: () => string[];
} {
  const { host, said, calls } = recordingHost({ env: options.env ?? {} });
  const time = startTime();
  time.setClock(Date.UTC(2026, 0, 1, 12) - Date.now());
  const permissions = createPermissions(localBox(host), {
    open: new Set(options.open),
    times: new Map(options.times),
  });
  return {
    permissions,
    pass: time.pass,
    said,
    shown: () => calls.filter(([program]) => program === "notify-send").map((argv) => argv.at(-1)!),
    [Symbol.dispose]: () => time[Symbol.dispose](),
  };
}

Deno.test("a channel that is closed stays so, in the set that all go by, and what it has under way ends", () => {
  using world = run({ open: ["microphone", "links"] });
  const { permissions } = world;
  const { open } = permissions;
  const [microphone, links] = [permissions.closing("microphone"), permissions.closing("links")];
  let changes = 0;
  permissions.onChange = () => changes++;
  assertEquals(permissions.close(["microphone", "sound"]), ["microphone"]);
  assertEquals([[...open], microphone.aborted, links.aborted, changes], [["links"], true, false, 1]);
  assertEquals([permissions.close(["microphone"]), changes], [[], 1]);
  assertEquals([permissions.closing("microphone").aborted, permissions.closing("sound").aborted], [true, true]);
});

Deno.test("channels that are open for a while close together when it is over, and the user is told once of each", async () => {
  const times = [["clipboard-in", 60_000], ["clipboard-out", 60_000], ["microphone", 120_000], ["tray", 1]] as const;
  using world = run({ open: ["clipboard-in", "clipboard-out", "microphone"], times });
  const { permissions, pass, said, shown } = world;
  permissions.begin();
  const told = (minute: number, name: string): RegExp =>
    new RegExp(
      `The channel ${name} of .*box.* is open until \\d\\d:0${minute}:00. To close sooner: attach.ts --deny box ${name}$`,
    );
  for (const [index, name] of ["clipboard", "microphone"].entries()) {
    for (const texts of [said, shown()]) assertMatch(texts[index]!, told(index + 1, name));
  }
  assertEquals([said.length, shown().length], [2, 2]);
  await pass(59_000);
  assertEquals([permissions.open.size, permissions.ends().size], [3, 3]);
  await pass(1_000);
  assertEquals([[...permissions.open], [...permissions.ends().keys()]], [["microphone"], ["microphone"]]);
  assertEquals(said.slice(2), ['status: The channel clipboard of "box" is closed: the time is over']);
  assertEquals(permissions.end(), ["microphone"]);
  await pass(120_000);
  assertEquals([permissions.open.size, said.length, shown().length], [0, 3, 3]);
});

Deno.test("what the user closes before its time is over ends once", async () => {
  const times = [["clipboard-in", 60_000], ["clipboard-out", 60_000]] as const;
  using world = run({ open: ["clipboard-in", "clipboard-out"], times });
  const { permissions, pass, said } = world;
  permissions.begin();
  permissions.close(["clipboard-in"]);
  assertEquals([...permissions.ends().keys()], ["clipboard-out"]);
  await pass(60_000);
  assertEquals([permissions.open.size, said.length], [0, 2]);
});

Deno.test("what is closed before its time has begun has none", () => {
  using world = run({ open: ["microphone"], times: [["microphone", 60_000]] });
  const { permissions, said } = world;
  permissions.close(["microphone"]);
  permissions.begin();
  assertEquals([said, permissions.ends().size], [[], 0]);
});

Deno.test("a yes for an hour prolongs nothing that is open for a while", async () => {
  using world = run({ open: ["printing"], times: [["printing", 60_000]] });
  const { permissions, pass, said } = world;
  let ends = 0;
  const hour = { ms: 3_600_000, then: "asked for again", end: () => ends++ };
  permissions.begin();
  const [[, endMs]] = [...permissions.ends()] as [[ChannelName, number]];
  permissions.allowFor(["printing"], hour);
  assertEquals([...permissions.ends()], [["printing", endMs]]);
  assertMatch(said[1]!, /The channel printing of "box" is open until \d\d:01:00\. /);
  await pass(60_000);
  assertEquals([permissions.open.size, permissions.ends().size], [0, 0]);
  await pass(3_600_000);
  assertEquals([ends, said.length], [0, 3]);
});

Deno.test("the end of an hour leaves a longer time of the channel as it is", async () => {
  using world = run({ open: ["printing"], times: [["printing", 7_200_000]] });
  const { permissions, pass } = world;
  permissions.begin();
  const [[, endMs]] = [...permissions.ends()] as [[ChannelName, number]];
  permissions.allowFor(["printing"], { ms: 3_600_000, then: "asked for again", end() {} });
  assertEquals([...permissions.ends()], [["printing", endMs - 3_600_000]]);
  await pass(3_600_000);
  assertEquals([[...permissions.ends()], permissions.open.size], [[["printing", endMs]], 1]);
  assertEquals([permissions.end(), permissions.ends().size], [["printing"], 0]);
});

Deno.test("a notification has the line to type as the script was called", () => {
  using world = run({ open: ["links"], env: { GUI_CALLED: "./attach.ts" } });
  const { permissions, shown } = world;
  permissions.allowFor(["links"], { ms: 60_000, then: "asked for again", end() {} });
  assertMatch(shown()[0]!, /To close sooner: \.\/attach\.ts --deny box links$/);
});

Deno.test("the time of what is allowed in a question ends it, and not the channel", async () => {
  using world = run({ open: ["links"] });
  const { permissions, pass, said } = world;
  let ends = 0;
  permissions.allowFor(["links"], { ms: 60_000, then: "asked for again", end: () => ends++ });
  await pass(60_000);
  assertEquals([ends, [...permissions.open], permissions.ends().size], [1, ["links"], 0]);
  assertEquals(said[1], 'status: The channel links of "box" is asked for again: the time is over');
  permissions.allowFor(["links"], { ms: 60_000, then: "asked for again", end: () => ends++ });
  permissions.close(["links"]);
  await pass(60_000);
  assertEquals([ends, said.length], [1, 3]);
});
