// Files lent as copies, with a directory in place of the container: what the engine is to run there runs here.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { basename, dirname } from "@std/path";
import { NoEngine, UserError } from "../../../../lib/base/errors.ts";
import { dryRunHost } from "../../../../lib/base/host.ts";
import { openHistory, readHistory } from "../../../../lib/container/history.ts";
import { letStay, lockCopy, writeCopies } from "../../../../lib/container/lend/journal.ts";
import { keepFiles, takeFilesBack } from "../../../../lib/container/lend/lend.ts";
import { bringVersion, takeBackCopies } from "../../../../lib/container/lend/lent_copies.ts";
import { readCopies, result, text, withWorld } from "../../lent_world.ts";
import { recordingUi } from "../../recording_host.ts";

Deno.test("lendCopies() puts a private copy into the container, and takeBackCopies() removes it", async () => {
  for (const readOnly of [false, true]) {
    await withWorld(async ({ lend, takeBack, file, names, host }) => {
      const copy = await lend({ readOnly });
      assertEquals(basename(copy.containerPath), "letter.odt");
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
      await assertRejects(() => Deno.lstat(dirname(copy.containerPath)), Deno.errors.NotFound);
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
    await assertRejects(() => takeFilesBack(host, instance, copies), UserError, "its version");
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

Deno.test("bringVersion() leaves a version for later that is written while it comes", async () => {
  for (const then of ["half", "half of it"]) {
    await withWorld(async ({ host, engine, lend, takeBack, file, answer }) => {
      const copy = await lend();
      await Deno.writeTextFile(copy.containerPath, "half");
      let reads = 0;
      answer.now = (argv) => {
        if (argv.includes("setpriv") && ++reads === 2) Deno.writeTextFileSync(copy.containerPath, then);
        return undefined;
      };
      assertEquals(await bringVersion(host, { engine, name: "box" }, copy), false);
      assertEquals([reads, text(file)], [2, "lent"]);
      assertEquals(await takeBack(), []);
      assertEquals(text(file), then);
    });
  }
});

Deno.test("takeBackCopies() tells what it found also when the container cannot be asked for open files any more", async () => {
  await withWorld(async ({ lend, file, answer, said, host, engine }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await Deno.writeTextFile(file, "here");
    answer.now = (argv) => {
      if (argv[1] !== "exec" || argv.includes("setpriv")) return undefined;
      throw new NoEngine("The network is gone", { hint: "Wait" });
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
      const lost = await takeBackCopies(host, { engine, name: "box" }, [copy], { wasKilled: true });
      assertEquals(lost.map(({ id }) => id), [copy.id], "it has not come back");
      assertEquals((await readCopies(host)).length, 1, "what another run takes back is left to it");
      const waiting = lockCopy(stopped, copy);
      stop.abort(new Error("stop"));
      await assertRejects(() => waiting, Error, "stop");
    }
    assertEquals(await takeBack(), []);
  });
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

Deno.test("keepFiles() waits for a version that is coming, whose record has the run for its owner", async () => {
  await withWorld(async ({ lend, takeBack, host, engine }) => {
    const copy = await lend();
    let keeping: Promise<unknown>;
    {
      await using _lock = await lockCopy(host, copy);
      keeping = keepFiles(host, { engine, name: "box" }, [copy]);
      assertEquals(await Promise.race([keeping.then(() => "kept"), delay(100).then(() => "waits")]), "waits");
      await writeCopies(host, [{ ...copy, isChanged: true }]);
    }
    await keeping;
    assertEquals((await readCopies(host)).map(({ owner, isChanged }) => [owner, isChanged]), [[null, true]]);
    assertEquals(await takeBack(), []);
  });
});

Deno.test("letStay() and takeBackCopies() know a copy that another run has taken back", async () => {
  await withWorld(async ({ lend, takeBack, host, engine, said }) => {
    const copy = await lend();
    assertEquals((await letStay(host, [copy])).length, 1);
    assertEquals((await readCopies(host)).map(({ owner }) => owner), [null]);
    await Promise.all([takeBack(), takeBack()]);
    assertEquals(await letStay(host, [copy]), []);
    await takeBackCopies(host, { engine, name: "box" }, [copy]);
    assertEquals(said, []);
  });
});

Deno.test("bringVersion() says when it has put the container's version beside the file, which the user has changed", async () => {
  await withWorld(async ({ host, engine, lend, takeBack, file, said }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await Deno.writeTextFile(file, "here");
    assertEquals(await bringVersion(host, { engine, name: "box" }, copy), true);
    assertEquals([text(file), text(`${file}.from-box`)], ["here", "there"]);
    assertStringIncludes(said.join("\n"), `${file}.from-box`);
    await takeBack();
  });
});

Deno.test("a dry run shows how a copy would be taken back, and leaves it on record", async () => {
  await withWorld(async ({ host, engine, lend, takeBack }) => {
    const copy = await lend();
    const { ui, said } = recordingUi();
    const plan = dryRunHost({ ui, signal: AbortSignal.any([]) });
    assertEquals(await takeBackCopies(plan, { engine, name: "box" }, [copy]), []);
    assertStringIncludes(said.join("\n"), copy.containerPath);
    assertEquals((await readCopies(host)).length, 1);
    assertEquals(await takeBack(), []);
  });
});

Deno.test("takeBackCopies() removes a file that was made for an app to save to, if it has not, and no other", async () => {
  for (const [content, made] of [["", true], ["", false], ["x", true], ["lent", true]] as const) {
    await withWorld(async ({ host, lend, takeBack, file }) => {
      const copy = await lend();
      await Deno.writeTextFile(file, content);
      // The app has not saved yet.
      await writeCopies(host, [{ ...copy, lent: null, saving: { made } }]);
      await takeBack();
      const isThere = await Deno.stat(file).then(() => true, () => false);
      assertEquals(isThere, content !== "" || !made, `"${content}", ${made}`);
    });
  }
});
