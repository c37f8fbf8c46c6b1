// The host's menu: the entries that are written there, which files are replaced and removed, and which never are.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { modeOf } from "../../../../lib/base/files.ts";
import { withUndo } from "../../../../lib/base/undo.ts";
import { menuOf, writeFile } from "../../../../lib/create/export/menu.ts";
import { filesIn, withMenu, writer } from "../../menus.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("menuOf() is below $XDG_DATA_HOME, if that is absolute", () => {
  const entries = (env: Record<string, string>): string => menuOf(recordingHost({ env }).host, "box").entries;
  assertEquals(entries({ HOME: "/h", XDG_DATA_HOME: "/d" }), "/d/applications");
  assertEquals(entries({ HOME: "/h", XDG_DATA_HOME: "d" }), "/h/.local/share/applications");
  for (const env of [{}, { XDG_DATA_HOME: "/a,/" }, { HOME: "/h\n" }]) assertThrows(() => entries(env), UserError);
});

Deno.test("exportApps() waits for no lock that another user of the host can take", async () => {
  await withMenu({ one: writer }, async ({ exportNow, mounts }) => {
    // Whoever may read a directory may lock it.
    using other = await Deno.open(mounts.directory);
    await other.lock(true);
    assertEquals(await exportNow(), ["one"]);
    assertEquals(await modeOf(join(dirname(mounts.directory), ".export.lock")), 0o600);
  });
});

Deno.test("writeFile() that fails leaves a file alone that another run has put there meanwhile", async () => {
  const [directory, { host }, { rename }] = [await Deno.makeTempDir(), recordingHost(), Deno];
  const path = join(directory, "file");
  const write = (text: string): Promise<void> =>
    withUndo(host, (undo) => writeFile(path, { data: new TextEncoder().encode(text), undo }));
  try {
    Deno.rename = async (from, to) => {
      Deno.rename = rename;
      await write("other");
      await Deno.remove(from);
      await rename(from, to);
    };
    await assertRejects(() => write("failed"), Deno.errors.NotFound);
    assertEquals([await Deno.readTextFile(path), await filesIn(directory)], ["other", ["file"]]);
  } finally {
    Deno.rename = rename;
    await Deno.remove(directory, { recursive: true });
  }
});
