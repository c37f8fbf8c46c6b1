// What --list says of a session.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dataOf, showSessions } from "../../../lib/attach/list.ts";
import { MissingProgram, UserError } from "../../../lib/base/errors.ts";
import { copyOfKey } from "../../../lib/container/managed.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("--list --json tells the channels of a session one by one, and those that are asked for", () => {
  const session = { container: "box", session: "web", display: "x11", app: "firefox", pid: 7, clients: 1, since: "" };
  const live = { ...session, display: "x11", channels: "sound,links?,evil", isServed: true } as const;
  assertEquals(dataOf(live), { ...session, channels: ["sound", "links"], asks: ["links"] });
  const left = dataOf({ ...live, clients: 0, display: "wayland", isServed: false });
  assertEquals(left.clients, 1, "its windows are there after Ctrl-C");
});

Deno.test("of a container that is paused, or worse, it is not said that no session runs: nobody can ask it", async () => {
  const mounts = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${mounts}/box/xpra`, { recursive: true });
    await new Deno.Command("mkfifo", { args: [`${mounts}/box/xpra/firefox`] }).output();
    const config = { "user.gui-container": "1" };
    let box = { name: "box", status: "Frozen", location: "none", config, expanded_devices: {} };
    const { host, said, calls } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: mounts },
      answer: ([, , path = ""]) => ({ stdout: JSON.stringify(path.startsWith("/1.0/instances?") ? [box] : box) }),
    });
    const options = { engine: "incus", project: undefined };
    const error = await assertRejects(() => showSessions(host, "box", options), UserError, '"box" is paused');
    assertEquals([error.hint, said], ["Resume it: incus start box", []]);
    await showSessions(host, undefined, options);
    assertEquals(said.slice(0, 2), [
      'warn: Cannot list the sessions of "box": "box" is paused',
      "status: Cannot tell whether a session runs in box",
    ]);
    box = { ...box, status: "Aborting" };
    const unknown = await assertRejects(() => showSessions(host, "box", options), UserError, 'says "Aborting"');
    assertEquals(unknown.hint, "See its state: incus info box");
    await showSessions(host, undefined, options);
    assertStringIncludes(said.findLast((line) => line.startsWith("warn: "))!, `"box" neither runs nor is stopped`);
    assertEquals(calls.filter(([program]) => program !== "incus"), []);
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
});

interface Box {
  name: string;
  status: string;
  copyOf?: string;
}

/** The containers that --list asks for sessions, where each engine has these. One that is paused is a warning. */
async function asked(boxes: Readonly<Record<string, readonly Box[]>>, word?: string): Promise<string[]> {
  const mounts = await Deno.makeTempDir();
  try {
    for (const { name } of Object.values(boxes).flat()) {
      await Deno.mkdir(`${mounts}/${name}/xpra`, { recursive: true });
      await new Deno.Command("mkfifo", { args: [`${mounts}/${name}/xpra/foot`] }).output();
    }
    const { host, said } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: mounts },
      answer([program, , path = ""]) {
        const list = boxes[program!]?.map(({ copyOf = "", ...box }) => ({
          ...box,
          location: "none",
          expanded_devices: {},
          config: { "user.gui-container": "1", ...copyOf === "" ? {} : { [copyOfKey]: copyOf } },
        }));
        if (!list) return new MissingProgram("no", { hint: "" });
        const isList = path.startsWith("/1.0/instances?");
        return {
          stdout: JSON.stringify(
            isList ? list : list.find(({ name }) => path.split("?")[0] === `/1.0/instances/${name}`),
          ),
        };
      },
    });
    const engine = word === undefined ? undefined : "incus";
    await showSessions(host, word, { engine, project: undefined });
    // The containers are looked at together: which is told first, is chance.
    return said.flatMap((line) => /^warn: .*"(.*)" is paused/.exec(line)?.[1] ?? []).toSorted();
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
}

Deno.test("--list asks the containers of both engines", async () => {
  const [box, web] = ["box", "web"].map((name) => ({ name, status: "Frozen" })) as [Box, Box];
  assertEquals(await asked({ lxc: [box], incus: [web] }), ["box", "web"]);
  assertEquals(await asked({ incus: [web] }), ["web"], "LXD is not installed");
});

Deno.test("--list NAME has the sessions of its disposable copies, and of no others", async () => {
  const boxes = [
    { name: "box", status: "Stopped" },
    { name: "box-d00001", status: "Frozen", copyOf: "box" },
    { name: "web", status: "Frozen" },
    { name: "web-d00002", status: "Frozen", copyOf: "web" },
  ];
  assertEquals(await asked({ incus: boxes }, "box"), ["box-d00001"]);
});
