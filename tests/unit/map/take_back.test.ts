// map.ts --unmap: which files it takes back, and what it says of them.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { readLoans, withJournalLock, writeRecords } from "../../../lib/container/lend/journal.ts";
import { listLoans } from "../../../lib/map/list.ts";
import { takeBack, tellTakenBack } from "../../../lib/map/take_back.ts";
import { sampleMapping } from "../mappings.ts";
import { recordingHost } from "../recording_host.ts";
import { assertRefuses, assertSaid } from "../refusals.ts";

Deno.test("tellTakenBack() counts the files, and names those that were not taken back", () => {
  const files = ["/a", "/b", "/c"].map((hostPath) => sampleMapping({ hostPath }));
  for (
    const [count, lost, code, ...names] of [
      [0, 0, 0, "No file"],
      [1, 0, 0, "The file"],
      [3, 0, 0, "3 files"],
      [3, 2, 1, "1 file is", 'Not taken back: "/a", "/b"'],
      [1, 1, 1, 'Not taken back: "/a"'],
    ] as const
  ) {
    const { host, said } = recordingHost();
    assertEquals(tellTakenBack(host, files.slice(0, count), files.slice(0, lost)), code);
    assertSaid(said, [["status", ...names]]);
  }
});

Deno.test("a file that is not lent, and a remote that there is not, are refused before an engine is asked", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { host, calls } = recordingHost({ env: { HOME: home, XDG_STATE_HOME: home } });
    const options = { engine: undefined, forget: false };
    for (
      const [words, names] of [[["box", "/none/a.txt"], ['"/none/a.txt"', '"box"']], [
        ["far:box"],
        'remote "far"',
      ]] as const
    ) {
      await assertRefuses(() => takeBack(host, words, options), { code: 2, names });
    }
    assertEquals(calls, []);
    assertEquals(await takeBack(host, [], options), 0);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("--unmap NAME asks nothing of an engine in whose containers no file is: its remote may be wrong", async () => {
  const home = await Deno.makeTempDir();
  try {
    const env = { HOME: home, XDG_STATE_HOME: home, INCUS_REMOTE: "nowhere" };
    const { host, said } = recordingHost({ env });
    const options = { engine: undefined, forget: false };
    assertEquals(await takeBack(host, ["box"], options), 0);
    assertSaid(said.slice(-1), [["status", "No file", '"box"']]);
    await withJournalLock(host, () => writeRecords(host, [sampleMapping({ hostPath: "/none/a.txt", restored: true })]));
    await assertRejects(() => takeBack(host, ["box", "/none/b.txt"], options), UserError, "/none/b.txt");
    await assertRejects(() => takeBack(host, ["nowhere:box"], options), UserError, 'no remote "nowhere"');
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("--unmap takes a file by its path in the container, too, and leaves other loans of it", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { host, said } = recordingHost({ env: { HOME: home, XDG_STATE_HOME: home } });
    const loans = ["1", "2"].map((id) =>
      sampleMapping({ id: `map-${id}`, containerPath: `/home/ubuntu/maps/${id}/a`, restored: true })
    );
    await withJournalLock(host, () => writeRecords(host, loans));
    await takeBack(host, ["box", "/home/ubuntu/maps/1/a"], { engine: undefined, forget: false }).catch(() => {});
    assertEquals(said.filter((line) => line.startsWith("result: ")), ["result: /d/file\t/home/ubuntu/maps/1/a"]);
    assertEquals((await readLoans(host)).map(({ id }) => id), ["map-2"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("--unmap without a name shows what all containers have, and asks; without an answer it is refused", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { host, said } = recordingHost({ env: { HOME: home, XDG_STATE_HOME: home } });
    const loans = ["box", "bag"].map((instance, index) =>
      sampleMapping({ id: `map-${index}`, hostPath: `/d/${instance}.txt`, instance, restored: true })
    );
    await withJournalLock(host, () => writeRecords(host, loans));
    const options = { engine: undefined, forget: false };
    const error = await assertRejects(() => takeBack(host, [], options), UserError);
    assertEquals([error.exitCode, error.hint], [2, "Name a container: map.ts --unmap NAME, or add --yes"]);
    assertEquals(said.filter((line) => line.startsWith("status: ")).sort(), [
      "status: /d/bag.txt\tbag",
      "status: /d/box.txt\tbox",
    ]);
    assertEquals((await readLoans(host)).length, 2);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("--list names the container of each file, mapped or copied", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { host, said } = recordingHost({ env: { HOME: home, XDG_STATE_HOME: home } });
    const { original: _, granted: _granted, uid: _uid, ...record } = sampleMapping({ id: "map-2" });
    const copy = { ...record, server: { remote: "far", project: "default" }, user: "", lent: null, maxBytes: 1_000 };
    await withJournalLock(host, () => writeRecords(host, [sampleMapping(), copy]));
    await listLoans(host, { engine: undefined });
    assertEquals(said.at(-1)!.split("\n").map((line) => line.split("\t").at(-1)).sort(), ["box", "far:box"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
