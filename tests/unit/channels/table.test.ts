// The table of channels: nothing else knows one, and nothing but it needs one.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { channels, channelsWith, loadOpen } from "../../../lib/channels/table.ts";
import { modulesOf } from "../../../tools/coverage.ts";
import { recordingHost } from "../recording_host.ts";
import { localBox } from "../containers.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));
const folders = channels.filter(({ load }) => load).map(({ name }) => name);

/** Takes channels out of a copy of the scripts: their rows and folders. Returns a function that puts them back. */
async function takeOut(names: readonly string[], copy: string): Promise<() => Promise<void>> {
  const path = join(copy, "lib/channels/table.ts");
  const whole = await Deno.readTextFile(path);
  const moves = names.map((name) => [join(copy, "lib/channels", name), join(copy, name)] as const);
  let table = whole;
  for (const [index, name] of names.entries()) {
    const rest = table.replace(new RegExp(`^  \\{\\s+name: "${name}",.*? \\},\n`, "ms"), "");
    assert(rest.length < table.length, name);
    table = rest;
    await Deno.rename(...moves[index]!);
  }
  await Deno.writeTextFile(path, table);
  return async () => {
    for (const [from, to] of moves) await Deno.rename(to, from);
    await Deno.writeTextFile(path, whole);
  };
}

Deno.test("without any one channel, all else starts; without all of them, all else passes its types", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // One copy for all, since Deno translates each file that it has not seen at its path.
    const copy = join(directory, "copy");
    const parts = ["attach.ts", "create.ts", "map.ts", "lib", "profiles", "examples", "deno.json", "deno.lock"];
    await Deno.mkdir(copy);
    await runProcess(["cp", "-r", ...parts.map((part) => join(root, part)), copy]);
    for (const name of folders) {
      const putBack = await takeOut([name], copy);
      const others = channelsWith().filter((other) => other !== name).join(",");
      const words = ["--dry-run", "--engine=incus", "--display=x11", "--preset=isolated", `--allow=${others}`];
      const { stdout } = await runProcess([join(copy, "attach.ts"), ...words, "box", "xterm"], {
        env: { GUI_CONTAINER_MOUNTS: join(directory, "mounts"), XDG_STATE_HOME: directory, DISPLAY: ":1" },
      });
      assert(stdout.includes(" session.sh start"), stdout);
      await putBack();
    }
    await takeOut(folders, copy);
    await runProcess([Deno.execPath(), "check", "--quiet", join(copy, "attach.ts")]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** What names a channel besides its folder and the table, and why. */
const named: Readonly<Record<string, readonly string[]>> = {
  // Files that are dropped on a window are lent as in a dialog, those that are dragged out come as if the app opened them.
  "lib/attach/agent/drops.ts": ["dialogs", "files"],
  "lib/attach/wayland/display.ts": ["dialogs", "files"],
  // The icons that xpra itself passes on are its guard's.
  "lib/attach/x11/xpra.ts": ["tray"],
  // An entry that starts a copy opens no links, which would lead from copy to copy.
  "lib/create/export/entry.ts": ["links"],
  // What two channels share.
  "lib/channels/file_dialogs.ts": ["dialogs"],
};

Deno.test("outside its folder, few modules name a channel", async () => {
  const found: Record<string, string[]> = {};
  for (const path of modulesOf(root).filter((path) => path.startsWith("lib/") && !path.startsWith("lib/guard/"))) {
    if (path === "lib/channels/table.ts") continue;
    const text = await Deno.readTextFile(join(root, path));
    const names = folders.filter((name) =>
      !path.startsWith(`lib/channels/${name}/`) &&
      new RegExp(`(?:has|closing|includes|isClosed|hourOf)\\("${name}"\\)|\\bchannel: "${name}"|\\[.*"${name}"`).test(
        text,
      )
    );
    if (names.length > 0) found[path] = names.toSorted();
  }
  assertEquals(found, named);
});

Deno.test("docs/channels.md has a row for each channel, as its row of the table says", async () => {
  const docs = await Deno.readTextFile(join(root, "docs/channels.md"));
  for (const { name, presets, isAskable = false } of channels) {
    const row = docs.split("\n").find((line) => line.startsWith("| ") && line.split(" | ")[0]!.includes(`\`${name}\``));
    const [, , opens, asks = ""] = row!.slice(2, -2).split(" | ");
    assertEquals(opens, presets.join(", ") || "none", name);
    assertEquals(/--ask|^always$/.test(asks), isAskable, name);
  }
});

Deno.test("each channel but those in the guards is served by the agent, or shown beside the windows, or in the session", async () => {
  const { host } = recordingHost();
  for (const { name, agent, session, show, serve } of await loadOpen(new Set(folders))) {
    assert(agent ? serve : session, name);
    if (!agent && !show) assertEquals(typeof await session!.values?.(localBox(host)), "object", name);
  }
});
