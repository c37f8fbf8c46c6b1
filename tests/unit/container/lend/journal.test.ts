import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import type { Host } from "../../../../lib/base/host.ts";
import {
  announcePresence,
  findOrphans,
  forgetLoans,
  letStay,
  lockCopy,
  readLoans,
  readMappings,
  withJournalLock,
  writeCopies,
  writeRecords,
} from "../../../../lib/container/lend/journal.ts";
import { isCopy, type LentCopy } from "../../../../lib/container/lend/loan.ts";
import { engineOfRecord } from "../../../../lib/container/address.ts";
import { serverRecord } from "../../../../lib/engine/server.ts";
import { sampleMapping } from "../../mappings.ts";
import { lockFile, release } from "../../../../lib/base/lock.ts";
import { recordingHost } from "../../recording_host.ts";
import { assertSaid } from "../../refusals.ts";

const copy: LentCopy = {
  id: "map-0123456789",
  engine: "incus",
  server: { remote: "big", project: "default" },
  instance: "box",
  hostPath: "/d/file",
  containerPath: "/home/ubuntu/maps/0123456789/file",
  user: "ubuntu:1000:1000:/home/ubuntu",
  readOnly: false,
  owner: null,
  dev: 1,
  ino: 5,
  bornMs: 50,
  lent: null,
  maxBytes: 1_000,
};

/** A host whose `incus` has this configuration, and a journal of its own. */
async function withConfig(config: string, test: (host: Host, said: string[]) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "config.yml"), config);
    const { host, said } = recordingHost({ env: { INCUS_CONF: directory, XDG_STATE_HOME: directory } });
    await test(host, said);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const remotes = (standard: string, project = ""): string =>
  `default-remote: ${standard}
remotes:
  big:
    addr: https://10.0.0.1:8443
    protocol: incus
  local:
    addr: unix://
    public: false
${project === "" ? "" : `    project: ${project}\n`}`;

Deno.test("a record names the server that was meant, whatever the CLI's defaults are later", async () => {
  const own = { server: serverRecord({ remote: undefined, project: undefined, isLocal: true }) };
  const big = { server: serverRecord({ remote: "big", project: "p", isLocal: false }) };
  const borrower = { engine: "incus", instance: "box" };
  const serverOf = async (host: Host, record: typeof own): Promise<unknown[]> => {
    const { server } = await engineOfRecord(host, { ...borrower, ...record });
    return [server.remote, server.project, server.isLocal];
  };
  await withConfig(remotes("local"), async (host) => {
    assertEquals(await serverOf(host, own), [undefined, undefined, true]);
    assertEquals(await serverOf(host, big), ["big", "p", false]);
  });
  await withConfig(remotes("big", "other"), async (host) => {
    assertEquals(await serverOf(host, own), ["local", "default", true]);
    assertEquals(await serverOf(host, big), ["big", "p", false]);
  });
  await withConfig("remotes: {}\n", async (host) => {
    await assertRejects(() => engineOfRecord(host, { ...borrower, ...big }), UserError, 'no remote "big"');
  });
});

Deno.test("the journal keeps copies and mappings apart, and what it cannot read", async () => {
  await withConfig("", async (host, said) => {
    await withJournalLock(host, () => writeRecords(host, [sampleMapping()]));
    await writeCopies(host, [copy]);
    const journal = join(host.env("XDG_STATE_HOME")!, "gui-container/mappings");
    await Deno.writeTextFile(join(journal, "map-2.json"), '{"id":"map-2"');
    await Deno.writeTextFile(join(journal, "map-3.json.new"), "{");
    await Deno.writeTextFile(join(journal, "map-3.lock"), "");
    // As 0.1.0 has written them, and 0.2.0.
    const old = { engine: "incus", instance: "box", host: "/d/file", container: "/c", ino: 5, uid: 1001000 };
    await Deno.writeTextFile(join(journal, "map-4.json"), JSON.stringify({ ...old, device: "map-4", original: {} }));
    await Deno.writeTextFile(
      join(journal, "map-5.copy"),
      JSON.stringify({ ...old, id: "map-5", lent: null, user: "" }),
    );
    await Deno.writeTextFile(join(journal, "map-6.copy"), JSON.stringify({ ...copy, id: "map-6" }));
    const original = { user: 6, users: [], group: 4, groups: [], mask: null, other: 4 };
    await Deno.writeTextFile(
      join(journal, "map-7.json"),
      JSON.stringify({ ...sampleMapping(), id: "map-7", original }),
    );
    // Without a limit, a container could send a version of any size.
    const endless = JSON.stringify({ ...copy, id: "map-8", maxBytes: undefined });
    await Deno.writeTextFile(join(journal, "map-8.json"), endless);
    const refused = ["map-2.json", "map-4.json", "map-5.copy", "map-6.copy", "map-7.json", "map-8.json"];
    assertEquals((await readLoans(host)).filter(isCopy), [copy]);
    assertSaid(said.splice(0).sort(), refused.map((name) => ["warn", `"${journal}/${name}"`, "version"]));
    assertEquals((await readMappings(host)).length, 1);
    await findOrphans(host);
    const names = [...Deno.readDirSync(journal)].map(({ name }) => name).sort();
    assertEquals(names, ["lock", "map-0123456789.json", "map-1.json", ...refused]);
    assertEquals(said, [], "a run reads the journal again and again, and warns once");
  });
});

Deno.test("files are orphans when their run is dead, whether or not its presence is there, which is removed", async () => {
  await withConfig("", async (host) => {
    await using live = await announcePresence(host);
    const journal = join(host.env("XDG_STATE_HOME")!, "gui-container/mappings");
    await Deno.writeTextFile(join(journal, "run-dead"), "");
    const owners = [live.owner, "run-dead", "run-gone", null];
    const copies = owners.map((owner, index) => ({ ...copy, id: `map-${index}`, owner }));
    await writeCopies(host, copies);
    for (const _ of ["its presence is there", "it is removed"]) {
      assertEquals((await findOrphans(host)).map(({ owner }) => owner).sort(), ["run-dead", "run-gone"]);
      const runs = [...Deno.readDirSync(journal)].map(({ name }) => name).filter((name) => name.startsWith("run-"));
      assertEquals(runs, [live.owner]);
    }
  });
});

Deno.test("letStay() keeps the order of loans, and what other runs have written down or taken back", async () => {
  await withConfig("", async (host) => {
    const loans = [3, 1, 4, 5, 9, 2, 6].map((number) => ({ ...copy, id: `map-${number}`, owner: "run-1" }));
    const lent = { size: 1, sha256: "" };
    await writeCopies(host, loans.slice(1).map((loan) => ({ ...loan, lent })));
    const kept = loans.slice(1).map((loan) => ({ ...loan, lent }));
    assertEquals(await letStay(host, loans), kept);
    assertEquals((await readLoans(host)).map(({ owner }) => owner), kept.map(() => null));
  });
});

Deno.test("letStay() keeps a file that is still mapped, not one whose ACL another run has restored", async () => {
  await withConfig("", async (host) => {
    const [lent, restored] = [sampleMapping({ id: "map-1" }), sampleMapping({ id: "map-2", restored: true })];
    await withJournalLock(host, () => writeRecords(host, [lent, restored]));
    assertEquals((await letStay(host, [restored, lent])).map(({ id }) => id), ["map-1"]);
  });
});

Deno.test("a run that waits for the journal ends by a signal", async () => {
  await withConfig("", async (host) => {
    await withJournalLock(host, () => Promise.resolve());
    const path = join(host.env("XDG_STATE_HOME")!, "gui-container/mappings/lock");
    const other = await lockFile(path, { signal: AbortSignal.any([]) });
    const ending = new AbortController();
    const waiting = withJournalLock({ ...host, signal: ending.signal }, () => Promise.resolve("never"));
    ending.abort(new Error("Ctrl-C"));
    await assertRejects(() => waiting, Error, "Ctrl-C");
    release(other);
  });
});

Deno.test("a copy's lock is there as long as its record; that of a run that comes too late, until the next run", async () => {
  await withConfig("", async (host) => {
    await writeCopies(host, [copy]);
    const directory = join(host.env("XDG_STATE_HOME")!, "gui-container/mappings");
    const names = (): string[] => [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
    const lock = `${copy.id}.lock`;
    (await lockCopy(host, copy))![Symbol.dispose]();
    assertEquals(names(), ["lock", `${copy.id}.json`, lock]);
    const late = await lockCopy(host, copy);
    // What a run that was killed has left, too.
    await Deno.writeTextFile(join(directory, `${copy.id}.json.1.new`), "{");
    await withJournalLock(host, () => forgetLoans(host, [copy]));
    late![Symbol.dispose]();
    (await lockCopy(host, copy))![Symbol.dispose]();
    assertEquals(await findOrphans(host), []);
    assertEquals(names(), ["lock"]);
  });
});
