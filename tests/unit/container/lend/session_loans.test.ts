// The files of a session: which of those that an earlier run has let stay are its own.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../../../lib/base/process.ts";
import { inputError, NoEngine, UserError } from "../../../../lib/base/errors.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import type { Host } from "../../../../lib/base/host.ts";
import { forgetLoans, readLoans, withJournalLock, writeRecords } from "../../../../lib/container/lend/journal.ts";
import type { Loan } from "../../../../lib/container/lend/loan.ts";
import { recoverFirst, takeBackRecorded } from "../../../../lib/container/lend/recover.ts";
import { sessionLoans } from "../../../../lib/container/lend/session_loans.ts";
import { localBox } from "../../containers.ts";
import { sampleMapping } from "../../mappings.ts";
import { type Answer, recordingHost } from "../../recording_host.ts";

/** An engine whose containers run, with these sessions. */
function answerWith(...sessions: string[]) {
  return (argv: readonly string[]): Answer =>
    argv[1] === "query"
      ? {
        stdout: JSON.stringify({
          name: "box",
          status: "Running",
          config: { "user.gui-container": "1" },
          devices: {},
          location: "none",
        }),
      }
      : { stdout: sessions.map((session) => `gui-container-${session}\n`).join("") };
}

/** The container "box" of LXD. */
function boxOf(host: Host): Container {
  return { ...localBox(host), engine: engineCalled("lxc") };
}

Deno.test("a session takes over the files of its own container only, not of one of that name in another project", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: answerWith("editor", "viewer") });
    const stayed = (id: string, project: string, session = "editor") =>
      sampleMapping({ id, session, server: { remote: "local", project } });
    const records = [stayed("map-1", "default"), stayed("map-2", "other"), stayed("map-3", "default", "viewer")];
    await withJournalLock(host, () => writeRecords(host, records));
    await sessionLoans(boxOf(host), "editor");
    const owners = (await readLoans(host)).map(({ id, owner }) => [id, owner !== null]).sort();
    assertEquals(owners, [["map-1", true], ["map-2", false], ["map-3", false]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("files of a session that has ended while nobody showed it are taken back by the next run", async () => {
  const directory = await Deno.makeTempDir();
  try {
    let answer: (argv: readonly string[]) => Answer = () => ({ code: 1, stderr: "Error: no answer" });
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: (argv) => answer(argv) });
    const server = { remote: "local", project: "default" };
    const stayed = ["ended", "live"].map((session) => sampleMapping({ id: `map-${session}`, session, server }));
    const byHand = sampleMapping({ id: "map-by-hand", server });
    await withJournalLock(host, () => writeRecords(host, [...stayed, byHand]));
    const left = async (): Promise<string[]> => (await readLoans(host)).map(({ id }) => id).sort();
    await recoverFirst(host);
    assertEquals(await left(), ["map-by-hand", "map-ended", "map-live"], "the container does not answer");
    answer = answerWith("live");
    await sessionLoans(boxOf(host), "next");
    assertEquals(await left(), ["map-by-hand", "map-live"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("files are forgotten whose server is gone or does not answer, not where something else is wrong", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const silent = new NoEngine("LXD does not answer", { hint: "Start it" });
    const wrong = inputError("Something is wrong", "Do otherwise");
    for (
      const [remote, failure, isForgotten] of [
        ["gone", wrong, true],
        ["local", silent, true],
        ["local", wrong, false],
      ] as const
    ) {
      const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: () => failure });
      const loan = sampleMapping({ hostPath: join(directory, "file"), server: { remote, project: "default" } });
      await withJournalLock(host, () => writeRecords(host, [loan]));
      const { hint } = await assertRejects(() => takeBackRecorded(host, [loan]), UserError);
      assertEquals(hint.includes("--force"), isForgotten, hint);
      const forgetting = takeBackRecorded(host, [loan], { forget: true });
      await (isForgotten ? forgetting : assertRejects(() => forgetting, UserError, "Something is wrong"));
      assertEquals((await readLoans(host)).length, isForgotten ? 0 : 1);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("at the end of a session, what another run has let stay meanwhile is taken back, too", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: answerWith() });
    const loans = await sessionLoans(boxOf(host), "editor");
    const server = { remote: "local", project: "default" };
    const other = sampleMapping({ id: "map-1", session: "editor", server });
    await withJournalLock(host, () => writeRecords(host, [other]));
    await loans.end({ runsOn: true });
    assertEquals((await readLoans(host)).length, 1);
    await loans.end({ runsOn: false });
    assertEquals(await readLoans(host), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("nothing comes back of a copy that a session has to read, whatever its apps save", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const hostPath = join(directory, "a.pdf");
    for (const readOnly of [true, false]) {
      const { host, calls } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: answerWith("editor") });
      const server = { remote: "local", project: "default" };
      const { original: _, granted: __, uid: ___, mode: ____, ...record } = sampleMapping({
        hostPath,
        readOnly,
        server,
      });
      const copy = {
        ...record,
        session: "editor",
        user: "ubuntu:1000:1000:/home/ubuntu",
        lent: { size: 1, sha256: "" },
        maxBytes: 1_000,
      };
      await withJournalLock(host, () => writeRecords(host, [copy]));
      const loans = await sessionLoans(boxOf(host), "editor");
      assertEquals(loans.copies(), readOnly ? [] : [copy.containerPath]);
      calls.length = 0;
      // The other one is read back, and the engine of this test has nothing to send.
      await loans.writeBack(copy.containerPath).catch(() => {});
      assertEquals(calls.length > 0, !readOnly);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that is lent to read is lent anew to be changed, and the other way round", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const hostPath = join(directory, "a.pdf");
    await Deno.writeTextFile(hostPath, "a");
    const { dev, ino } = await Deno.stat(hostPath);
    for (const readOnly of [true, false]) {
      const env = { HOME: directory, XDG_STATE_HOME: join(directory, `${readOnly}`) };
      const { host } = recordingHost({ env, answer: answerWith("editor") });
      const server = { remote: "local", project: "default" };
      const { original: _, granted: __, uid: ___, mode: ____, ...record } = sampleMapping({
        id: `map-${readOnly}`,
        hostPath,
        readOnly,
        server,
        session: "editor",
        dev,
        ino: ino!,
        bornMs: null,
        containerPath: "/home/ubuntu/maps/1-a.pdf",
      });
      const lent = { size: 1, sha256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" };
      const copy = { ...record, user: "ubuntu:1000:1000:/home/ubuntu", lent, maxBytes: 1_000 };
      await withJournalLock(host, () => writeRecords(host, [copy]));
      const fresh = { ...copy, id: "map-2", readOnly: !readOnly, containerPath: "/home/ubuntu/maps/2-a.pdf" };
      const lend: Container["lend"] = (files) => Promise.resolve(files.map(() => fresh));
      const loans = await sessionLoans({ ...boxOf(host), lend }, "editor");
      assertEquals(await loans.open([hostPath], { readOnly }), [copy.containerPath]);
      assertEquals(await loans.open([hostPath], { readOnly: !readOnly }), [fresh.containerPath]);
      await loans.end({ runsOn: true });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a session lends files of 64 MiB as copies, to read also larger ones", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const hostPath = join(directory, "a.pdf");
    await Deno.writeTextFile(hostPath, "a");
    const { host } = recordingHost({
      env: { HOME: directory, XDG_STATE_HOME: directory },
      answer: answerWith("editor"),
    });
    const asked: unknown[] = [];
    const lend: Container["lend"] = (files, { maxCopiedBytes }) => {
      asked.push(maxCopiedBytes);
      return Promise.resolve(files.map(() => sampleMapping({ hostPath })) as unknown as Loan[]);
    };
    const loans = await sessionLoans({ ...boxOf(host), lend }, "editor");
    await loans.open([hostPath], { readOnly: true });
    await loans.open([hostPath]);
    assertEquals(asked, [Infinity, 64 * 2 ** 20]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that was taken back from a session meanwhile is lent anew, and what apps save in the others comes back", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const server = { remote: "local", project: "default" };
    const names = ["a.pdf", "b.pdf", "c.pdf"];
    const copies = await Promise.all(names.map(async (name, index) => {
      const hostPath = join(directory, name);
      await Deno.writeTextFile(hostPath, name);
      const { dev, ino } = await Deno.stat(hostPath);
      const { original: _, granted: __, uid: ___, mode: ____, ...record } = sampleMapping({
        id: `map-${index}`,
        hostPath,
        server,
        session: "editor",
        dev,
        ino: ino!,
        bornMs: null,
        containerPath: `/home/ubuntu/maps/${index}-${name}`,
      });
      const lent = { size: 1, sha256: "" };
      return { ...record, user: "ubuntu:1000:1000:/home/ubuntu", lent, maxBytes: 1_000 };
    }));
    const { host } = recordingHost({
      env: { HOME: directory, XDG_STATE_HOME: directory },
      answer: answerWith("editor"),
    });
    await withJournalLock(host, () => writeRecords(host, copies));
    const fresh = { ...copies[0]!, id: "map-9", containerPath: "/home/ubuntu/maps/9-a.pdf" };
    const lend: Container["lend"] = (files) => Promise.resolve(files.map(() => fresh));
    const loans = await sessionLoans({ ...boxOf(host), lend }, "editor");
    await withJournalLock(host, () => forgetLoans(host, [copies[0]!]));
    assertEquals(await loans.open([copies[0]!.hostPath]), [fresh.containerPath]);
    const lent = [copies[1]!, copies[2]!, fresh].map(({ containerPath }) => containerPath);
    assertEquals(loans.copies().toSorted(), lent);
    await loans.end({ runsOn: true });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a session says of a file that it is not there, also where its directory is a file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "a.pdf"), "a");
    const { host } = recordingHost({
      env: { HOME: directory, XDG_STATE_HOME: directory },
      answer: answerWith("editor"),
    });
    const loans = await sessionLoans(boxOf(host), "editor");
    for (const name of ["b.pdf", "a.pdf/b.pdf"]) {
      const path = join(directory, name);
      await assertRejects(() => loans.open([path]), UserError, `There is no file "${path}"`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a session does not take over a file that another run is just taking back", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { XDG_STATE_HOME: directory }, answer: answerWith("editor") });
    const server = { remote: "local", project: "default" };
    const records = ["map-1", "map-2"].map((id) => sampleMapping({ id, session: "editor", server }));
    await withJournalLock(host, () => writeRecords(host, records));
    const { promise: hasRead, resolve: read } = Promise.withResolvers<void>();
    // It announces itself once it has read the records, for which it waits here.
    const watched = {
      ...host,
      look: async <T>(planned: T, act: () => Promise<T>) => {
        read();
        return await host.look(planned, act);
      },
    };
    const session = await withJournalLock(host, async () => {
      const taking = sessionLoans(boxOf(watched), "editor");
      await Promise.race([hasRead, new Promise((resolve) => setTimeout(resolve, 200))]);
      await forgetLoans(host, [records[0]!]);
      return { taking };
    });
    await session!.taking;
    assertEquals((await readLoans(host)).map(({ id }) => id), ["map-2"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that was made for an app to save to goes where it cannot be lent, and no other", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({
      env: { HOME: directory, XDG_STATE_HOME: directory },
      answer: answerWith("editor"),
    });
    const run: Host["run"] = (argv, options) =>
      ["cp", "find"].includes(argv[0]!) ? runProcess(argv, options) : recorded.host.run(argv, options);
    const host: Host = { ...recorded.host, run, forCleanup: () => host };
    const lend: Container["lend"] = () => Promise.reject(inputError("Containers can write there", "Choose another"));
    const loans = await sessionLoans({ ...boxOf(host), lend }, "editor");
    const [made, there] = [join(directory, "new.txt"), join(directory, "old.txt")];
    await Deno.writeTextFile(there, "");
    for (const path of [made, there]) await assertRejects(() => loans.save(path), UserError, "Containers can write");
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".txt")), [
      "old.txt",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
