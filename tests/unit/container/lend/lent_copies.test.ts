// Files lent as copies, with a directory in place of the container: what the engine is to run there runs here.

import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { ProcessError, type ProcessResult, UserError } from "../../../../lib/base/errors.ts";
import { type Host, realHost, type RunOptions } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { withUndo } from "../../../../lib/base/undo.ts";
import { type Engine, engineCalled } from "../../../../lib/engine/engine.ts";
import { type History, openHistory, readHistory } from "../../../../lib/container/history.ts";
import { lendFiles, takeFilesBack } from "../../../../lib/container/lend/lend.ts";
import { putVersion } from "../../../../lib/container/lend/handed_version.ts";
import { bringVersion, keepCopies, takeBackCopies } from "../../../../lib/container/lend/lent_copies.ts";
import { holdFile } from "../../../../lib/container/lend/held_file.ts";
import {
  copyFiles,
  lockCopy,
  readLoans,
  withJournalLock,
  writeCopies,
} from "../../../../lib/container/lend/journal.ts";
import { versionOf } from "../../../../lib/container/handed.ts";
import { isCopy, type LentCopy, type Loan } from "../../../../lib/container/lend/loan.ts";
import { recover, takeBackRecorded } from "../../../../lib/container/lend/recover.ts";
import { recordingUi } from "../../recording_host.ts";
import { slowClient } from "../../slow_client.ts";

const readCopies = async (host: Host): Promise<LentCopy[]> => (await readLoans(host)).filter(isCopy);

/** What a program is answered with in place of being run. */
type Answer = (argv: readonly string[], options: RunOptions) => Promise<ProcessResult> | undefined;

interface World {
  host: Host;
  engine: Engine;
  /** The lent file. */
  file: string;
  said: string[];
  /** What answers in place of a program; set by a test. */
  answer: { now: Answer };
  /** Programs that ran in the container or wrote on the host. */
  calls: string[];
  lend(options?: { readOnly?: boolean; handed?: boolean; history?: History }): Promise<LentCopy>;
  takeBack(): Promise<string[]>;
  /** Names in the file's directory. */
  names(): string[];
}

const result = (argv: readonly string[], code = 0, stdout = ""): ProcessResult => ({
  argv,
  code,
  signal: null,
  stdout,
  stderr: "",
});

async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const { ui, said } = recordingUi();
  const real = realHost({ ui, signal: new AbortController().signal, verbose: false });
  const answer: { now: Answer } = { now: () => undefined };
  const calls: string[] = [];
  const env: Record<string, string> = { XDG_STATE_HOME: join(root, "state"), HOME: root };
  const host: Host = {
    ...real,
    env: (name) => env[name],
    forCleanup: () => host,
    async run(argv, options = {}) {
      calls.push(argv.join(" "));
      const answered = answer.now(argv, options);
      if (answered) {
        const { code } = await answered;
        const { okCodes = [0] } = options;
        if (okCodes === "any" || okCodes.includes(code)) return await answered;
        throw new ProcessError(await answered);
      }
      if (argv[1] === "query") {
        return result(
          argv,
          0,
          JSON.stringify({ name: "box", status: "Running", config: {}, devices: {}, expanded_devices: {} }),
        );
      }
      if (argv[1] !== "exec") return await real.run(argv, options);
      // What looks for open files would look at this machine's.
      if (!argv.includes("setpriv")) return result(argv, 0, "\u0004");
      const inside = argv.slice(argv.indexOf("--") + 1);
      return await real.run(inside.filter((word) => !/^(setpriv|--re[ug]id=.*|--clear-groups)$/.test(word)), options);
    },
  };
  const engine = { ...engineCalled("incus"), server: { remote: "far", project: undefined, isLocal: false } };
  const user = { name: "me", uid: "1000", gid: "1000", home: join(root, "home") };
  // A home in a temporary directory is longer than that of a container may be: the record's user is the one of Ubuntu
  // then.
  const directory = join(root, "files");
  const file = join(directory, "letter.odt");
  try {
    await Deno.mkdir(directory);
    await Deno.writeTextFile(file, "lent", { mode: 0o640 });
    await withJournalLock(host, () => Promise.resolve());
    await test({
      host,
      engine,
      file,
      said,
      answer,
      calls,
      async lend({ handed = false, readOnly = handed, history } = {}) {
        const held = (await holdFile(file))!;
        const mappable = { path: file, file: held, state: held.stat(), directories: [] };
        const options = { instance: { engine, name: "box" }, user, readOnly, owner: "run-1", uid: undefined };
        const recorded = { ...history ? { history } : {}, ...handed ? { handed } : {} };
        const [copy] = await withUndo(host, (undo) => lendFiles(host, [mappable], { ...options, ...recorded, undo }));
        held.close();
        return copy as LentCopy;
      },
      async takeBack() {
        const found: string[] = [];
        const tell = (finding: string): void => void found.push(finding);
        await takeBackCopies(host, { engine, name: "box" }, await readCopies(host), { tell });
        return found;
      },
      names: () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort(),
    });
    assertEquals([...Deno.readDirSync(join(root, "state/gui-container/mappings"))].map(({ name }) => name), ["lock"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const text = (path: string): string => Deno.readTextFileSync(path);

Deno.test("lendCopies() puts a private copy into the container, and takeBackCopies() removes it", async () => {
  for (const readOnly of [false, true]) {
    await withWorld(async ({ lend, takeBack, file, names, host }) => {
      const copy = await lend({ readOnly });
      assert(basename(copy.containerPath).endsWith("-letter.odt"));
      assertEquals([text(copy.containerPath), Deno.statSync(copy.containerPath).mode! & 0o777], [
        "lent",
        readOnly ? 0o400 : 0o600,
      ]);
      assertEquals((await readCopies(host)).map(({ server, lent }) => [server, lent?.size]), [[
        { remote: "far", project: "default" },
        4,
      ]]);
      if (readOnly) {
        await Deno.chmod(copy.containerPath, 0o600);
        await Deno.writeTextFile(copy.containerPath, "changed all the same");
      }
      assertEquals(await takeBack(), []);
      assertEquals([text(file), names()], ["lent", ["letter.odt"]]);
      await assertRejects(() => Deno.lstat(copy.containerPath), Deno.errors.NotFound);
    });
  }
});

Deno.test("takeBackCopies() writes what the container has changed in place: inode, names and mode stay", async () => {
  for (const changed of ["changed", "", "x".repeat(3_000_000)]) {
    await withWorld(async ({ lend, takeBack, file }) => {
      await Deno.link(file, `${file}.link`);
      const before = await Deno.stat(file);
      const copy = await lend();
      await Deno.writeTextFile(copy.containerPath, changed);
      assertEquals(await takeBack(), []);
      const after = await Deno.stat(file);
      assertEquals(text(`${file}.link`), changed);
      assertEquals([after.ino, after.mode, after.nlink], [before.ino, before.mode, 2]);
      await assertRejects(() => Deno.lstat(copy.containerPath), Deno.errors.NotFound);
    });
  }
});

Deno.test("the history says of a file that it was lent, and whether it came back changed, also earlier", async () => {
  await withWorld(async ({ lend, host, engine, file }) => {
    const instance = { engine, name: "box" };
    const lineOf = async (act: (path: string) => Promise<unknown>): Promise<unknown[]> => {
      const name = crypto.randomUUID();
      const history = openHistory(host, { name });
      const { containerPath } = await lend({ history });
      await act(containerPath);
      await takeFilesBack(host, instance, await readCopies(host));
      await history.written();
      return (await readHistory(host, name)).map(({ time: _, ...line }) => line);
    };
    const lines = (changed: boolean): unknown[] => [
      { kind: "file", what: "lent", path: file, readOnly: false },
      { kind: "file", what: "back", path: file, changed },
    ];
    assertEquals(await lineOf(() => Promise.resolve()), lines(false));
    assertEquals(await lineOf((path) => Deno.writeTextFile(path, "changed")), lines(true));
    const savedBefore = async (path: string): Promise<void> => {
      await Deno.writeTextFile(path, "saved");
      for (const copy of await readCopies(host)) await bringVersion(host, instance, copy);
    };
    assertEquals(await lineOf(savedBefore), lines(true));
  });
});

Deno.test("the history has one line for a file that came back, whatever other runs and other files do", async () => {
  await withWorld(async ({ lend, host, engine, file, answer }) => {
    const name = "box";
    const instance = { engine, name };
    const history = openHistory(host, { name });
    const [one, other] = [await lend({ history }), await lend({ history })];
    const backs = async (): Promise<unknown[]> =>
      (await readHistory(host, name)).flatMap((line) =>
        line.kind === "file" && line.what === "back" ? [[line.path, line.changed]] : []
      );
    await Deno.writeTextFile(one.containerPath, "changed");
    answer.now = (argv) => argv.includes(other.containerPath) ? Promise.resolve(result(argv, 1)) : undefined;
    const copies = await readCopies(host);
    await assertRejects(() => takeFilesBack(host, instance, copies), UserError, "does not give its version");
    assertEquals(await backs(), [[file, true]]);
    answer.now = () => undefined;
    // The first is back: a run that does not know that has nothing to say of it.
    await takeFilesBack(host, instance, copies);
    assertEquals(await backs(), [[file, true], [file, false]]);
    await takeFilesBack(host, instance, copies);
    assertEquals((await backs()).length, 2);
    await history.written();
  });
});

Deno.test("takeBackCopies() puts the container's version beside a file that was changed here, under a free name", async () => {
  await withWorld(async ({ lend, takeBack, file, names }) => {
    await Deno.symlink("/nonexistent", `${file}.from-box`);
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await Deno.writeTextFile(file, "here");
    const [finding] = await takeBack();
    assertStringIncludes(
      finding!,
      `"${file}" was changed here and in "far:box"; the container's version is "${file}.from-box-2"`,
    );
    assertEquals([text(file), text(`${file}.from-box-2`)], ["here", "there"]);
    assertEquals(Deno.statSync(`${file}.from-box-2`).mode! & 0o777, 0o600);
    assertEquals(names(), ["letter.odt", "letter.odt.from-box", "letter.odt.from-box-2"]);
  });
});

Deno.test("takeBackCopies() puts the container's version beside where the file was replaced or is gone", async () => {
  for (const way of ["replaced", "link", "gone"]) {
    await withWorld(async ({ lend, takeBack, file }) => {
      const copy = await lend();
      await Deno.writeTextFile(copy.containerPath, "there");
      await Deno.rename(file, `${file}.old`);
      if (way === "replaced") await Deno.writeTextFile(file, "lent");
      if (way === "link") await Deno.symlink(`${file}.old`, file);
      const [finding] = await takeBack();
      assertStringIncludes(finding!, way === "gone" ? "is not there any more" : "was replaced here");
      assertEquals([text(`${file}.old`), text(`${file}.from-box`)], ["lent", "there"]);
    });
  }
});

Deno.test("takeBackCopies() leaves the file alone when the container has no regular file any more, or is gone", async () => {
  for (const way of ["removed", "link", "pipe", "directory", "container"]) {
    await withWorld(async ({ lend, takeBack, file, answer }) => {
      const copy = await lend();
      await Deno.remove(copy.containerPath);
      if (way === "link") await Deno.symlink("/etc/passwd", copy.containerPath);
      if (way === "directory") await Deno.mkdir(copy.containerPath);
      if (way === "pipe") await new Deno.Command("mkfifo", { args: [copy.containerPath] }).output();
      if (way === "container") {
        answer.now = (argv) =>
          argv[1] === "query"
            ? Promise.resolve({ ...result(argv, 1), stderr: "Error: Instance not found" })
            : undefined;
      }
      const [finding] = await takeBack();
      assertStringIncludes(finding!, way === "container" ? '"far:box" is gone' : '"far:box"; it stays as it is here');
      assertEquals(text(file), "lent");
    });
  }
});

/** A cp that is cut off when it writes to the lent file: what it has written by then. */
function failingCp(torn: string, file: string): Answer {
  let fails = true;
  return (argv) => {
    if (argv[0] !== "cp" || !argv.at(-1)!.startsWith("/proc/") || !fails) return undefined;
    fails = false;
    Deno.writeTextFileSync(file, torn);
    return Promise.resolve(result(argv, 1));
  };
}

Deno.test("takeBackCopies() gives a file back what it had when it cannot be written, and puts the other version beside", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = failingCp("th", file);
    const [finding] = await takeBack();
    assertStringIncludes(finding!, "cannot be written now");
    assertEquals([text(file), text(`${file}.from-box`)], ["lent", "there"]);
  });
});

/** Leaves the state of a run that was killed while it wrote to the file. */
async function killedWhileWriting({ host, file }: World, copy: LentCopy, torn: string): Promise<void> {
  const { back, old } = copyFiles(host, copy);
  await Deno.writeTextFile(back, "there", { mode: 0o600 });
  await Deno.writeTextFile(old, "lent", { mode: 0o600 });
  await Deno.writeTextFile(`${old}.part`, "le", { mode: 0o600 });
  await Deno.writeTextFile(file, torn);
}

Deno.test("takeBackCopies() ends a writing that was cut off, whatever has been written by then", async () => {
  for (const torn of ["lent", "", "th", "there"]) {
    await withWorld(async (world) => {
      const copy = await world.lend();
      // The container goes on changing its copy: that comes as well.
      await Deno.writeTextFile(copy.containerPath, "later");
      await killedWhileWriting(world, copy, torn);
      assertEquals(await world.takeBack(), [], torn);
      assertEquals([text(world.file), world.names()], ["later", ["letter.odt"]], torn);
    });
  }
});

Deno.test("takeBackCopies() puts both versions beside a file that was changed after a writing was cut off", async () => {
  await withWorld(async (world) => {
    const { file } = world;
    const copy = await world.lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await killedWhileWriting(world, copy, "mine");
    const findings = await world.takeBack();
    assertEquals(findings.length, 2, findings.join("\n"));
    assertEquals([text(file), text(`${file}.from-box`), text(`${file}.as-lent`)], ["mine", "there", "lent"]);
  });
});

Deno.test("takeBackCopies() loses nothing of a torn file that was moved away or replaced by then", async () => {
  for (const way of ["gone", "replaced"]) {
    await withWorld(async (world) => {
      const { file } = world;
      const copy = await world.lend();
      await Deno.writeTextFile(copy.containerPath, "there");
      await killedWhileWriting(world, copy, "th");
      await Deno.rename(file, `${file}.torn`);
      if (way === "replaced") await Deno.writeTextFile(file, "mine");
      assertEquals((await world.takeBack()).length, way === "gone" ? 3 : 2);
      assertEquals([text(`${file}.from-box`), text(`${file}.as-lent`)], ["there", "lent"]);
      if (way === "replaced") assertEquals(text(file), "mine");
    });
  }
});

Deno.test("takeBackCopies() takes a writing for done when only what was kept is left, also after a later change", async () => {
  await withWorld(async (world) => {
    const { host, file } = world;
    const copy = await world.lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await killedWhileWriting(world, copy, "mine");
    const content = { size: 5, sha256: createHash("sha256").update("there").digest("hex") };
    await writeCopies(host, [{ ...copy, lent: content }]);
    assertEquals(await world.takeBack(), []);
    assertEquals([text(file), world.names()], ["mine", ["letter.odt"]]);
  });
});

Deno.test("takeBackRecorded() mends a torn file also while the container cannot be reached", async () => {
  await withWorld(async (world) => {
    const { host, file } = world;
    const copy = await world.lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await killedWhileWriting(world, copy, "th");
    // The CLI has no remote of that name.
    await assertRejects(() => takeBackRecorded(host, [copy]), UserError);
    assertEquals(text(file), "there");
    assertEquals(await world.takeBack(), []);
  });
});

Deno.test("takeBackCopies() says why the container's version has no place here, and keeps the file lent", async () => {
  await withWorld(async ({ lend, takeBack, file, answer, host }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = (argv) =>
      argv[0] === "cp"
        ? Promise.resolve({
          ...result(argv, 1),
          stderr: `cp: error writing '${argv.at(-1)}': No space left on device\n`,
        })
        : undefined;
    const error = await assertRejects(takeBack, UserError);
    assertEquals(
      error.message,
      `What "far:box" has made of "${file}" cannot be put beside it: No space left on device`,
    );
    assertEquals([text(file), (await readCopies(host)).length], ["lent", 1]);
    answer.now = () => undefined;
    await takeBack();
    assertEquals(text(file), "there");
  });
});

Deno.test("takeBackRecorded() says how to forget what is lent to a remote that is gone, and forgets it when told to", async () => {
  await withWorld(async (world) => {
    const { host, said } = world;
    const copy = await world.lend();
    const error = await assertRejects(() => takeBackRecorded(host, [copy]), UserError, 'There is no remote "far"');
    assertStringIncludes(error.hint, "map.ts --unmap --force far:box");
    assertEquals((await readCopies(host)).length, 1);
    const lost: Loan[] = [];
    const handed = await world.lend({ handed: true });
    await takeBackRecorded(host, [copy, handed], { forget: true, lost });
    assertEquals(world.names(), []);
    assertEquals([lost.map(({ id }) => id), await readCopies(host)], [[copy.id, handed.id], []]);
    assertStringIncludes(said.join("\n"), 'There is no remote "far"');
  });
});

Deno.test("takeBackRecorded() forgets nothing of a container that only does not run", async () => {
  await withWorld(async (world) => {
    const { host, answer } = world;
    const copy = { ...await world.lend(), server: { remote: "local", project: "default" } };
    const stopped = JSON.stringify({ name: "box", status: "Stopped", config: {}, devices: {}, expanded_devices: {} });
    answer.now = (argv) => argv[1] === "query" ? Promise.resolve(result(argv, 0, stopped)) : undefined;
    await assertRejects(() => takeBackRecorded(host, [copy], { forget: true }), UserError, "is not running");
    assertEquals((await readCopies(host)).length, 1);
    answer.now = () => undefined;
    await world.takeBack();
  });
});

Deno.test("recover() mends a torn file also where its copy is too large to be taken back now", async () => {
  await withWorld(async (world) => {
    const { host, file, said } = world;
    const copy = await world.lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await killedWhileWriting(world, copy, "th");
    // A program that another test starts just now has this process' locks until it runs.
    for (let tries = 0; tries < 5 && text(file) !== "there"; tries++) await recover(host, { maxBytes: 0 });
    assertEquals(text(file), "there");
    assertEquals(said.at(-1), `warn: "${file}" is still lent, and large. To take it back: map.ts --unmap`);
    assertEquals(await world.takeBack(), []);
  });
});

Deno.test("takeBackCopies() does not write over what comes to the file while its old content is kept", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = (argv) => {
      if (argv[0] === "stat") Deno.writeTextFileSync(file, "mine");
      return undefined;
    };
    const [finding] = await takeBack();
    assertStringIncludes(finding!, `cannot be written now; what "far:box" has made of it is "${file}.from-box"`);
    assertEquals([text(file), text(`${file}.from-box`)], ["mine", "there"]);
  });
});

Deno.test("takeBackCopies() tells what it found also when the container cannot be asked for open files any more", async () => {
  await withWorld(async ({ lend, file, answer, said, host, engine }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await Deno.writeTextFile(file, "here");
    answer.now = (argv) => {
      if (argv[1] !== "exec" || argv.includes("setpriv")) return undefined;
      throw new UserError("The network is gone", { hint: "Wait" });
    };
    const instance = { engine, name: "box" };
    await assertRejects(() => takeBackCopies(host, instance, [copy]), UserError, "The network is gone");
    assertStringIncludes(said.join("\n"), `the container's version is "${file}.from-box"`);
  });
});

Deno.test("a run that is to stop does not wait for one that takes a copy back", async () => {
  await withWorld(async ({ lend, takeBack, host, engine }) => {
    const copy = await lend();
    const stop = new AbortController();
    const stopped = { ...host, signal: stop.signal };
    {
      await using _lock = await lockCopy(host, copy);
      await takeBackCopies(host, { engine, name: "box" }, [copy], { wasKilled: true });
      assertEquals((await readCopies(host)).length, 1, "what another run takes back is left to it");
      const waiting = lockCopy(stopped, copy);
      stop.abort(new Error("stop"));
      await assertRejects(() => waiting, Error, "stop");
    }
    assertEquals(await takeBack(), []);
  });
});

Deno.test("takeBackCopies() lets nothing of a copy that did not arrive whole come back", async () => {
  await withWorld(async ({ lend, takeBack, file, host }) => {
    const copy = await lend();
    await writeCopies(host, [{ ...copy, lent: null }]);
    await Deno.writeTextFile(copy.containerPath, "le");
    assertEquals(await takeBack(), []);
    assertEquals(text(file), "lent");
  });
});

Deno.test("takeBackCopies() reads a copy again of which the engine has lost what was printed", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    let lost = 3;
    answer.now = (argv) => argv.includes(copy.containerPath) && lost-- > 0 ? Promise.resolve(result(argv)) : undefined;
    await assertRejects(() => takeBack(), UserError, "whole");
    assertEquals(text(file), "lent");
    lost = 2;
    assertEquals(await takeBack(), []);
    assertEquals(text(file), "there");
  });
});

Deno.test("lendCopies() takes back all when one does not arrive whole", async () => {
  await withWorld(async ({ lend, answer }) => {
    answer.now = (argv) => argv.at(-1) === "0600" ? Promise.resolve(result(argv, 0, "3\n\u0004")) : undefined;
    const error = await assertRejects(() => lend(), UserError);
    assertStringIncludes(error.message, "did not arrive whole");
    answer.now = () => undefined;
  });
});

Deno.test("takeBackCopies() takes a copy that changes before it is removed once more", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    let isFirst = true;
    answer.now = (argv) => {
      if (argv.at(-2) !== copy.containerPath || !isFirst) return undefined;
      isFirst = false;
      Deno.writeTextFileSync(copy.containerPath, "and more");
      return undefined;
    };
    assertEquals(await takeBack(), []);
    assertEquals(text(file), "and more");
  });
});

Deno.test("takeBackCopies() begins with nothing where the engine has lost the answer of a first try", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    let isFirst = true;
    answer.now = (argv, { output }) => {
      if (!isFirst || !/^[0-9a-f]{64}$/.test(argv.at(-1)!)) return undefined;
      isFirst = false;
      return (async () => {
        const { bytes } = output as { bytes: (piece: Uint8Array) => unknown };
        await bytes(
          new TextEncoder().encode("data 99 5 6 2026-11-26 09:46:00.1 +0000 2026-11-26 09:46:00.1 +0000\nthe"),
        );
        throw new ProcessError({ ...result(argv), code: 1, stderr: "Error: Only running operations can be connected" });
      })();
    };
    assertEquals(await takeBack(), []);
    assertEquals([isFirst, text(file)], [false, "there"]);
  });
});

Deno.test("takeBackCopies() has the container's program end once the version is here", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = (argv, options) =>
      /^[0-9a-f]{64}$/.test(argv.at(-1)!)
        ? runProcess(slowClient(argv.slice(argv.indexOf("/bin/sh"))), options)
        : undefined;
    assertEquals(await takeBack(), []);
    assertEquals(text(file), "there");
  });
});

Deno.test("takeBackCopies() reads a copy again at once that shrinks or is replaced while it is read", async () => {
  const changes = [
    [': >"$COPY"', ""],
    ['truncate -s 2 "$COPY"', "th"],
    ['echo other >"$COPY.new"; mv "$COPY.new" "$COPY"; head -c 2; exit', "other\n"],
    // It has sent less than there was, and the file has its size again.
    [': >"$COPY"; cat; printf THERE >"$COPY"; exit', "THERE"],
  ] as const;
  for (const [change, found] of changes) {
    await withWorld(async ({ lend, takeBack, file, answer }) => {
      const copy = await lend();
      await Deno.writeTextFile(copy.containerPath, "there");
      const bin = await Deno.makeTempDir();
      // What reads the copy changes it, the first time only.
      const reader = `#!/bin/sh\nrm "$0"\n${change}\nexec cat\n`;
      await Deno.writeTextFile(join(bin, "cat"), reader, { mode: 0o755 });
      const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, COPY: copy.containerPath };
      let reads = 0;
      answer.now = (argv, options) => {
        if (!/^[0-9a-f]{64}$/.test(argv.at(-1)!)) return undefined;
        reads++;
        return runProcess(argv.slice(argv.indexOf("/bin/sh")), { ...options, env });
      };
      assertEquals(await takeBack(), []);
      assertEquals([text(file), reads], [found, 2], change);
      await Deno.remove(bin, { recursive: true });
    });
  }
});

/** What a container sends in place of its version. */
async function lie(pieces: Iterable<string>): Promise<UserError> {
  let error: UserError | undefined;
  await withWorld(async ({ lend, takeBack, file, answer, host }) => {
    await lend();
    answer.now = (argv, { output }) => {
      if (argv.length < 3 || !/^[0-9a-f]{64}$/.test(argv.at(-1)!)) return undefined;
      return (async () => {
        const { bytes } = output as { bytes: (piece: Uint8Array) => unknown };
        for (const piece of pieces) await bytes(new TextEncoder().encode(piece));
        return result(argv);
      })();
    };
    error = await assertRejects(() => takeBack(), UserError);
    const [copy] = await readCopies(host);
    assertEquals(text(file), "lent");
    await assertRejects(() => Deno.lstat(copyFiles(host, copy!).part), Deno.errors.NotFound);
    answer.now = () => undefined;
    assertEquals(await takeBack(), []);
  });
  return error!;
}

function* endless(piece: string): Generator<string> {
  for (;;) yield piece;
}

Deno.test("takeBackCopies() takes nothing that the container does not send as it has said", async () => {
  const line = (size: number | string): string =>
    `data ${size} 5 6 2026-11-26 09:46:00.1 +0000 2026-11-26 09:46:00.1 +0000\n`;
  for (
    const pieces of [
      [],
      [line(5), "ther"],
      [line(5), "there", "!"],
      [line(4).replace("data", "same"), "x"],
      [line("5; rm -rf ~")],
      [line(-1)],
      ["x\n"],
      endless("x"),
      [...line(5), "the"],
    ]
  ) {
    assertStringIncludes((await lie(pieces)).message, "did not send its version", JSON.stringify(pieces));
  }
  const error = await lie([line(2 ** 40)]);
  assertStringIncludes(error.message, "1 TiB large, and at most 256 MiB come back");
  assertStringIncludes(error.hint, "incus exec far:box -- cat /");
});

Deno.test("takeBackCopies() leaves all on record when the container does not run", async () => {
  await withWorld(async ({ lend, takeBack, answer, host }) => {
    await lend();
    answer.now = (argv) =>
      argv[1] === "query"
        ? Promise.resolve(
          result(argv, 0, '{"name":"box","status":"Frozen","config":{},"devices":{},"expanded_devices":{}}'),
        )
        : undefined;
    const error = await assertRejects(() => takeBack(), UserError);
    assertStringIncludes(error.message, 'The files lent to "far:box" stay there: it is not running');
    assertEquals((await readCopies(host)).length, 1);
    answer.now = () => undefined;
    assertEquals(await takeBack(), []);
  });
});

Deno.test("takeBackCopies() forgets a copy that the container does not let be removed, and says so", async () => {
  await withWorld(async ({ lend, takeBack, answer }) => {
    const copy = await lend();
    answer.now = (argv) => argv.at(-2) === copy.containerPath ? Promise.resolve(result(argv, 6)) : undefined;
    assertStringIncludes((await takeBack())[0]!, "does not let its copy of");
  });
});

Deno.test("keepCopies() and takeBackCopies() know a copy that another run has taken back", async () => {
  await withWorld(async ({ lend, takeBack, host, engine, said }) => {
    const copy = await lend();
    assertEquals((await keepCopies(host, [copy])).length, 1);
    assertEquals((await readCopies(host)).map(({ owner }) => owner), [null]);
    await Promise.all([takeBack(), takeBack()]);
    assertEquals(await keepCopies(host, [copy]), []);
    await takeBackCopies(host, { engine, name: "box" }, [copy]);
    assertEquals(said, []);
  });
});

Deno.test("what a container has made of a file that was handed over is put beside that, once, and the file goes", async () => {
  for (const isChanged of [true, false]) {
    await withWorld(async ({ lend, file, names, host, engine, said }) => {
      const history = openHistory(host, { name: "box" });
      const copy = await lend({ handed: true, history });
      assertEquals(Deno.statSync(copy.containerPath).mode! & 0o777, 0o600);
      // As many apps save.
      if (isChanged) {
        await Deno.writeTextFile(`${copy.containerPath}.new`, "there");
        await Deno.rename(`${copy.containerPath}.new`, copy.containerPath);
      }
      await takeFilesBack(host, { engine, name: "box" }, await readCopies(host));
      assertEquals(said, []);
      assertEquals(names(), isChanged ? [".version"] : []);
      if (isChanged) assertEquals(text(versionOf(file)), "there");
      assertEquals([...Deno.readDirSync(join(copy.containerPath, ".."))].length, 0);
      await history.written();
      const lines = (await readHistory(host, "box")).map(({ time: _, ...line }) => line);
      assertEquals(lines, [
        { kind: "file", what: "lent", path: file, readOnly: false },
        { kind: "file", what: "back", path: file, changed: isChanged },
      ]);
    });
  }
});

Deno.test("a file that was handed over stays where it is lent again at once", async () => {
  await withWorld(async ({ lend, file, names, host, engine }) => {
    await lend({ handed: true });
    await takeFilesBack(host, { engine, name: "box" }, await readCopies(host), { isAgain: true });
    assertEquals([names(), await readCopies(host)], [[basename(file)], []]);
  });
});

Deno.test("what does not come now of a file that was handed over may come later, and what never will is told", async () => {
  await withWorld(async ({ lend, file, names, takeBack, host, engine, answer }) => {
    const box = { engine, name: "box" };
    const history = openHistory(host, { name: "box" });
    const { containerPath } = await lend({ handed: true, history });
    await Deno.writeTextFile(containerPath, "there");
    answer.now = (argv) => argv[1] === "exec" ? Promise.resolve(result(argv, 1)) : undefined;
    await assertRejects(takeBack, UserError, "does not give its version");
    assertEquals([names(), (await readCopies(host)).length], [[basename(file)], 1]);
    await Deno.remove(join(file, ".."), { recursive: true });
    // What shows it may take long.
    answer.now = (argv) => argv[0] === "notify-send" ? new Promise(() => {}) : undefined;
    await takeFilesBack(host, box, await readCopies(host));
    await history.written();
    const { time: _, ...last } = (await readHistory(host, "box")).at(-1)!;
    assertEquals(last, { kind: "file", what: "back", path: file, changed: true });
    await Deno.mkdir(join(file, ".."));
    await Deno.writeTextFile(file, "lent");
    await lend({ handed: true });
    answer.now = (argv) =>
      argv[1] === "query" ? Promise.resolve({ ...result(argv, 1), stderr: "Error: Instance not found" }) : undefined;
    assertStringIncludes((await takeBack())[0]!, `"far:box" is gone, and with it its copy of "${file}". If`);
    assertEquals(names(), []);
  });
});

Deno.test("a container has nothing put on the host but a regular file that is not too large, and no name of its own", async () => {
  for (const way of ["link", "pipe", "huge", "removed", "nobody waits"]) {
    await withWorld(async ({ lend, file, names, takeBack, answer }) => {
      answer.now = (argv) => argv[0] === "notify-send" ? Promise.resolve(result(argv)) : undefined;
      const { containerPath } = await lend({ handed: true });
      if (way !== "huge") await Deno.remove(containerPath);
      if (way === "link") await Deno.symlink("/etc/passwd", containerPath);
      if (way === "pipe") await new Deno.Command("mkfifo", { args: [containerPath] }).output();
      if (way === "huge") await Deno.truncate(containerPath, 2 ** 28 + 8);
      if (way === "nobody waits") {
        await Deno.writeTextFile(containerPath, "there");
        await Deno.remove(join(file, ".."), { recursive: true });
      }
      const [finding = ""] = await takeBack();
      assertStringIncludes(
        finding,
        {
          link: "it is no regular file any more",
          pipe: "it is no regular file any more",
          huge: "256 MiB large, and at most 256 MiB come back",
          removed: "",
          "nobody waits": `What "far:box" has made of "letter.odt" is here: ${join(file, "../../letter.odt")}`,
        }[way]!,
      );
      if (way === "nobody waits") {
        assertEquals(text(join(file, "../../letter.odt")), "there");
        await Deno.mkdir(join(file, ".."));
      }
      assertEquals(names(), [], way);
    });
  }
});

Deno.test("putVersion() puts a version beside a file under a name that is free, whatever is there, and follows no link", async () => {
  await withWorld(async ({ file, host, engine }) => {
    const box = { engine, name: "box" };
    const user = { name: "me", uid: "1000", gid: "1000", home: "/home/me" };
    const directory = join(file, "../docs");
    await Deno.mkdir(directory);
    await Deno.writeTextFile(join(directory, "a b.ods"), "first");
    const secret = join(file, "../secret");
    await Deno.symlink(secret, join(directory, "a b (2).ods"));
    await new Deno.Command("mkfifo", { args: [join(directory, "a b (3).ods")] }).output();
    await Deno.mkdir(join(directory, "a b (4).ods"));
    const options = { path: file, name: "a b.ods", directory, user };
    for (const number of [5, 6]) {
      await Deno.writeTextFile(file, `version ${number}`);
      assertEquals(await putVersion(host, box, options), join(directory, `a b (${number}).ods`));
      assertEquals(text(join(directory, `a b (${number}).ods`)), `version ${number}`);
      assertEquals(Deno.statSync(join(directory, `a b (${number}).ods`)).mode! & 0o777, 0o600);
    }
    assertEquals([...Deno.readDirSync(directory)].length, 6, "something is left");
    assertEquals([...Deno.readDirSync(join(directory, "a b (4).ods"))], []);
    await assertRejects(() => Deno.stat(secret), Deno.errors.NotFound);
    for (let number = 7; number < 100; number++) await Deno.mkdir(join(directory, `a b (${number}).ods`));
    await assertRejects(() => putVersion(host, box, options), UserError, 'No name is free in "far:box"');
    assertEquals([...Deno.readDirSync(directory)].length, 99, "something is left");
  });
});
