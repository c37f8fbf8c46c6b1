// Files that nobody takes back.

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, NoEngine, UserError } from "../../../../lib/base/errors.ts";
import { findOrphans, writeCopies } from "../../../../lib/container/lend/journal.ts";
import { recoverFrom, takeBackAtEnd, takeBackRecorded } from "../../../../lib/container/lend/recover.ts";
import { killedWhileWriting, readCopies, result, text, withWorld } from "../../lent_world.ts";
import { assertSaid } from "../../refusals.ts";

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

Deno.test("takeBackRecorded() says how to forget what is lent to a remote that is gone, and forgets it when told to", async () => {
  await withWorld(async (world) => {
    const { host, said } = world;
    const copy = await world.lend();
    const error = await assertRejects(() => takeBackRecorded(host, [copy]), UserError, 'no remote "far"');
    assertStringIncludes(error.hint, "map.ts --unmap --force far:box");
    assertEquals((await readCopies(host)).length, 1);
    const handed = await world.lend({ handed: true });
    const lost = await takeBackRecorded(host, [copy, handed], { forget: true });
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

Deno.test("takeBackRecorded() mends a torn file also where its copy is too large to be taken back now", async () => {
  await withWorld(async (world) => {
    const { host, file, said } = world;
    const copy = await world.lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await killedWhileWriting(world, copy, "th");
    // A program that another test starts just now has this process' locks until it runs.
    for (let tries = 0; tries < 5 && text(file) !== "there"; tries++) {
      await takeBackRecorded(host, await findOrphans(host), { maxBytes: 0, wasKilled: true });
    }
    assertEquals(text(file), "there");
    assertSaid(said.slice(-1), [["warn", `"${file}"`, "large", "map.ts --unmap"]]);
    assertEquals(await world.takeBack(), []);
  });
});

Deno.test("recoverFrom() takes back what is lent to a container that is to be removed, if it can be had, and no more", async () => {
  await withWorld(async ({ host, lend, file, said, answer }) => {
    const server = { remote: "local", project: "default" };
    const copy = { ...await lend(), server };
    await writeCopies(host, [copy]);
    await Deno.writeTextFile(copy.containerPath, "there");
    const box = { name: "box", engine: "incus", server };
    const stopped = JSON.stringify({ name: "box", status: "Stopped", config: {}, devices: {}, expanded_devices: {} });
    answer.now = (argv) => argv[1] === "query" ? Promise.resolve(result(argv, 0, stopped)) : undefined;
    await recoverFrom(host, [box]);
    answer.now = () => undefined;
    await recoverFrom(host, [{ ...box, name: "other" }]);
    assertEquals([text(file), (await readCopies(host)).length], ["lent", 1]);
    // As above.
    for (let tries = 0; tries < 5 && text(file) !== "there"; tries++) await recoverFrom(host, [box]);
    assertEquals([text(file), await readCopies(host), said], ["there", [], []]);
  });
});

Deno.test("takeBackAtEnd() says that files stay lent when the server does not answer, also after a signal", async () => {
  await withWorld(async ({ host, engine, said }) => {
    const ending = new AbortController();
    const act = (): Promise<never> => Promise.reject(new NoEngine("It does not answer", { hint: "See why" }));
    const end = async (): Promise<string> => {
      const taken = takeBackAtEnd({ ...host, signal: ending.signal }, {
        instance: { engine, name: "box" },
        loans: [],
        act,
      });
      const { message, hint, exitCode } = await assertRejects(() => taken, UserError);
      assertEquals(exitCode, ExitCode.noEngine);
      return `warn: ${message}. ${hint}`;
    };
    const told = await end();
    assertMatch(told, /does not answer\. See why\. The files stay lent; .*map\.ts .*--unmap far:box$/);
    assertEquals(said, []);
    ending.abort();
    await end();
    assertEquals(said, [told]);
  });
});

Deno.test("takeBackRecorded() leaves copies that are larger than it may take, and says so", async () => {
  await withWorld(async (world) => {
    const { host, said, file } = world;
    const copy = await world.lend();
    const { size } = copy.lent!;
    await takeBackRecorded(host, [copy], { maxBytes: size - 1 });
    assertSaid(said.slice(-1), [["warn", `"${file}"`, "large", "map.ts --unmap"]]);
    assertEquals((await readCopies(host)).length, 1);
    said.length = 0;
    // Its remote is none that this test's home has.
    await assertRejects(() => takeBackRecorded(host, [copy], { maxBytes: size }), UserError, "no remote");
    assertEquals(said, []);
    assertEquals(await world.takeBack(), []);
  });
});
