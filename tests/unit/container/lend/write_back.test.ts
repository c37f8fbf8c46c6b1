// The container's version of a file comes to the host's file, or beside it, also where that was cut off.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { UserError } from "../../../../lib/base/errors.ts";
import { writeCopies } from "../../../../lib/container/lend/journal.ts";
import { takeBackCopies } from "../../../../lib/container/lend/lent_copies.ts";
import { type Answer, killedWhileWriting, readCopies, result, text, withWorld } from "../../lent_world.ts";
import { type HostSide, planReturn } from "../../../../lib/container/lend/write_back.ts";
import type { Content } from "../../../../lib/container/lend/loan.ts";

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

Deno.test("takeBackCopies() keeps the container's version where what stands beside the file has become another", async () => {
  await withWorld(async ({ lend, takeBack, file, names, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    await Deno.writeTextFile(file, "here");
    answer.now = (argv) => {
      if (argv[0] !== "cp") return undefined;
      Deno.writeTextFileSync(argv.at(-1)!, "th");
      return Promise.resolve(result(argv));
    };
    await assertRejects(takeBack, UserError, file);
    assertEquals([text(file), names()], ["here", ["letter.odt"]]);
    answer.now = () => undefined;
    assertEquals((await takeBack()).length, 1);
    assertEquals(text(`${file}.from-box`), "there");
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
      assertStringIncludes(finding!, way === "gone" ? "no longer exists" : "was replaced here");
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

Deno.test("takeBackCopies() looks for no disposable copy that is gone: nobody has renamed it", async () => {
  for (const name of ["box", "box-d01aef"]) {
    await withWorld(async ({ lend, host, engine, file, answer }) => {
      const { containerPath } = await lend();
      answer.now = (argv) =>
        argv[1] === "query" ? Promise.resolve({ ...result(argv, 1), stderr: "Error: Instance not found" }) : undefined;
      const found: string[] = [];
      const tell = (finding: string): void => void found.push(finding);
      await takeBackCopies(host, { engine, name }, await readCopies(host), { tell });
      const gone = `"far:${name}" is gone, and with it its copy of "${file}"; that stays as it is here`;
      const renamed = `. If the container was renamed or moved, the copy is "${containerPath}" in it`;
      assertEquals(found, [name === "box" ? gone + renamed : gone]);
    });
  }
});

Deno.test("takeBackCopies() says that a container is gone which is deleted while it reads, and forgets its copies", async () => {
  await withWorld(async ({ lend, takeBack, host, file, answer }) => {
    await lend();
    let isGone = false;
    answer.now = (argv) => {
      if (argv[1] === "exec") isGone = true;
      return isGone ? Promise.resolve({ ...result(argv, 1), stderr: "Error: Instance not found" }) : undefined;
    };
    const [finding, ...more] = await takeBack();
    assertStringIncludes(finding!, `"far:box" is gone, and with it its copy of "${file}"`);
    assertEquals([more, await readCopies(host), text(file)], [[], [], "lent"]);
  });
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
      `The version of "${file}" from "far:box" cannot be put beside it: No space left on device`,
    );
    assertEquals([text(file), (await readCopies(host)).length], ["lent", 1]);
    answer.now = () => undefined;
    await takeBack();
    assertEquals(text(file), "there");
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
    assertStringIncludes(finding!, `cannot be written now; the version from "far:box" is "${file}.from-box"`);
    assertEquals([text(file), text(`${file}.from-box`)], ["mine", "there"]);
  });
});

const [lent, one, two] = ["a", "b", "c"].map((sha256) => ({ size: 1, sha256 })) as [
  { size: number; sha256: string },
  { size: number; sha256: string },
  { size: number; sha256: string },
];

Deno.test("planReturn() writes only over what was lent, and loses no version of either side", () => {
  const table: [Content, HostSide, ReturnType<typeof planReturn>["action"], string | undefined][] = [
    [lent, lent, "nothing", undefined],
    [lent, two, "nothing", undefined],
    [lent, "replaced", "nothing", undefined],
    [lent, "gone", "nothing", 'no longer exists; "box" has not changed its copy'],
    [one, lent, "write", undefined],
    [one, one, "nothing", undefined],
    [one, two, "beside", 'was changed here and in "box"; the container\'s version is'],
    [one, "replaced", "beside", 'was replaced here and changed in "box"; the container\'s version is'],
    [one, "gone", "beside", 'no longer exists; the version from "box" is'],
    [{ ...lent, size: 2 }, lent, "write", undefined],
  ];
  for (const [container, here, action, because] of table) {
    assertEquals(
      planReturn(lent, { container, here, label: "box" }),
      { action, ...(because === undefined ? {} : { because }) },
      JSON.stringify([container, here]),
    );
  }
});
