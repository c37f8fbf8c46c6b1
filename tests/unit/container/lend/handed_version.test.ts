// What another container has made of a file, and where it is put.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { versionOf } from "../../../../lib/container/handed.ts";
import { openHistory, readHistory } from "../../../../lib/container/history.ts";
import { putVersion } from "../../../../lib/container/lend/handed_version.ts";
import { copyFiles } from "../../../../lib/container/lend/journal.ts";
import { takeBackMs, takeFilesBack } from "../../../../lib/container/lend/lend.ts";
import { readCopies, result, text, withWorld } from "../../lent_world.ts";

Deno.test("what a container has made of a file that was handed over is put beside that, once, and the file goes", async () => {
  for (const isChanged of [true, false]) {
    await withWorld(async ({ lend, file, names, host, engine, said, calls }) => {
      const history = openHistory(host, { name: "box" });
      const copy = await lend({ handed: true, history });
      assertEquals(Deno.statSync(copy.containerPath).mode! & 0o777, 0o600);
      // It may be 1 GiB by then.
      assert(takeBackMs([copy]) > 160_000);
      // As many apps save.
      if (isChanged) {
        await Deno.writeTextFile(`${copy.containerPath}.new`, "there");
        await Deno.rename(`${copy.containerPath}.new`, copy.containerPath);
      }
      await takeFilesBack(host, { engine, name: "box" }, await readCopies(host));
      assertEquals(said, []);
      assertEquals(names(), isChanged ? [".version.far:box"] : []);
      // map.ts may not write there itself.
      const programs = calls.filter((line) => line.includes(file) || line.includes(".version.")).map((line) =>
        line.split(" ")[0]
      );
      for (const program of isChanged ? ["cp", "mv", "rm"] : ["rm"]) assert(programs.includes(program), program);
      if (isChanged) assertEquals(text(versionOf(file, "far:box")), "there");
      assertEquals([...Deno.readDirSync(join(copy.containerPath, "../.."))].length, 0);
      await history.written();
      const lines = (await readHistory(host, "box")).map(({ time: _, ...line }) => line);
      assertEquals(lines, [
        { kind: "file", what: "lent", path: file, readOnly: false },
        { kind: "file", what: "back", path: file, changed: isChanged },
      ]);
    });
  }
});

Deno.test("what does not come now of a file that was handed over may come later, and what never will is told", async () => {
  await withWorld(async ({ lend, file, names, takeBack, host, engine, answer }) => {
    const box = { engine, name: "box" };
    const history = openHistory(host, { name: "box" });
    const copy = await lend({ handed: true, history });
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = (argv) => argv[1] === "exec" ? Promise.resolve(result(argv, 1)) : undefined;
    await assertRejects(takeBack, UserError, "its version");
    assertEquals([names(), (await readCopies(host)).length], [[basename(file)], 1]);
    await Deno.remove(join(file, ".."), { recursive: true });
    answer.now = (argv) => argv[0] === "mv" ? Promise.resolve({ ...result(argv, 1), stderr: "full" }) : undefined;
    await assertRejects(takeBack, UserError, "saved in");
    await assertRejects(() => Deno.lstat(copyFiles(host, copy).part), Deno.errors.NotFound);
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
  // 1 GiB is free. 8 GiB are, and soon no more.
  const disks: Record<string, string[]> = {
    "full disk": ["262144 4096 9"],
    "filled disk": ["2097152 4096 9", "0 4096 9"],
  };
  for (const way of ["link", "pipe", "huge", "full disk", "filled disk", "removed", "nobody waits", "no place"]) {
    await withWorld(async ({ lend, file, names, takeBack, host, answer }) => {
      let arrived: number | undefined;
      answer.now = (argv) => {
        if (argv[0] === "notify-send") return Promise.resolve(result(argv));
        const blocks = argv[0] === "stat" && disks[way]?.shift();
        if (blocks && blocks.startsWith("0 ")) arrived = Deno.statSync(copyFiles(host, copy).part).size;
        return blocks ? Promise.resolve(result(argv, 0, blocks)) : undefined;
      };
      const copy = await lend({ handed: true });
      const { containerPath } = copy;
      if (way !== "huge") await Deno.remove(containerPath);
      if (way.endsWith(" disk")) {
        await Deno.writeFile(containerPath, new Uint8Array());
        await Deno.truncate(containerPath, 300 * 2 ** 20);
      }
      if (way === "link") await Deno.symlink("/etc/passwd", containerPath);
      if (way === "pipe") await new Deno.Command("mkfifo", { args: [containerPath] }).output();
      if (way === "huge") await Deno.truncate(containerPath, 2 ** 30 + 8);
      if (way.startsWith("no")) await Deno.writeTextFile(containerPath, "there");
      if (way === "nobody waits") await Deno.remove(join(file, ".."), { recursive: true });
      if (way === "no place") await Deno.mkdir(versionOf(file, "far:box"));
      const [finding = ""] = await takeBack();
      const isHere = `The version of "letter.odt" from "far:box" is here: ${join(file, "../../Downloads/letter.odt")}`;
      assertStringIncludes(
        finding,
        {
          link: "it is no longer a regular file",
          pipe: "it is no longer a regular file",
          huge: "1 GiB; at most 1 GiB comes back",
          "full disk": "300 MiB; at most 256 MiB comes back",
          "filled disk": "300 MiB; at most 256 MiB comes back",
          removed: "",
          "nobody waits": isHere,
          "no place": isHere,
        }[way]!,
      );
      // It is refused while it comes.
      if (way === "filled disk") assert(arrived! < 100 * 2 ** 20, `${arrived}`);
      if (way.startsWith("no")) assertEquals(text(join(file, "../../Downloads/letter.odt")), "there");
      if (way === "nobody waits") await Deno.mkdir(join(file, ".."));
      if (way === "no place") await Deno.remove(versionOf(file, "far:box"));
      assertEquals(names(), [], way);
    });
  }
});

Deno.test("a small version comes whatever is free, also where the place it goes to is on another disk", async () => {
  const shared = await Deno.makeTempDir({ dir: "/dev/shm" });
  try {
    await withWorld(async ({ lend, file, names, takeBack, answer }) => {
      answer.now = (argv) => argv[0] === "stat" ? Promise.resolve(result(argv, 0, "2 4096 9")) : undefined;
      const { containerPath } = await lend({ handed: true });
      await Deno.writeTextFile(containerPath, "there".repeat(2 ** 14));
      await Deno.remove(join(file, ".."), { recursive: true });
      await Deno.symlink(shared, join(file, ".."));
      assertEquals([await takeBack(), names()], [[], [".version.far:box"]]);
      assertEquals(text(versionOf(file, "far:box")), "there".repeat(2 ** 14));
    });
  } finally {
    await Deno.remove(shared, { recursive: true });
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
    await assertRejects(() => putVersion(host, box, options), UserError, 'free in "far:box"');
    assertEquals([...Deno.readDirSync(directory)].length, 99, "something is left");
  });
});
