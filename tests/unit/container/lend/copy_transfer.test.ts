// Copies that do not arrive whole, change on their way, or are not what the container has said.

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { copyFiles, writeCopies } from "../../../../lib/container/lend/journal.ts";
import { readCopies, result, text, withWorld } from "../../lent_world.ts";
import { slowClient } from "../../slow_client.ts";
import { sendCopy, watchTransfer } from "../../../../lib/container/lend/copy_transfer.ts";
import { startTime } from "../../../model/time.ts";
import { recordingHost } from "../../recording_host.ts";

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

Deno.test("sendCopy() does not take a file for whole that cannot be read to its end", async () => {
  await withWorld(async ({ host, engine, file }) => {
    const copy = {
      hostPath: file,
      containerPath: `${file}.there`,
      readOnly: false,
      user: "me:1000:1000:/home/me",
    };
    for (const fails of [true, false]) {
      using opened = await Deno.open(file);
      const torn = Object.assign(Object.create(opened) as Deno.FsFile, {
        stat: async () => ({ ...await opened.stat(), size: 8 }),
        seek: () => opened.seek(0, Deno.SeekMode.Start),
        async read(into: Uint8Array<ArrayBuffer>) {
          const count = await opened.read(into);
          if (count === null && fails) throw new Error("Input/output error (os error 5)");
          return count;
        },
      });
      const sending = sendCopy(host, { engine, name: "box" }, { copy, file: torn });
      await assertRejects(() => sending, UserError, "whole");
      await Deno.remove(copy.containerPath);
    }
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

Deno.test("takeBackCopies() takes a version that comes byte by byte", async () => {
  await withWorld(async ({ lend, takeBack, file, answer }) => {
    const copy = await lend();
    await Deno.writeTextFile(copy.containerPath, "there");
    answer.now = (argv, { output, ...options }) => {
      if (!/^[0-9a-f]{64}$/.test(argv.at(-1)!)) return undefined;
      const { bytes } = output as { bytes: (piece: Uint8Array) => unknown };
      const slowly = async (piece: Uint8Array): Promise<void> => {
        for (const byte of piece) await bytes(new Uint8Array([byte]));
      };
      return runProcess(argv.slice(argv.indexOf("/bin/sh")), { ...options, output: { bytes: slowly } });
    };
    assertEquals(await takeBack(), []);
    assertEquals(text(file), "there");
  });
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
  assertStringIncludes(error.message, "1 TiB; at most 256 MiB comes back");
  assertStringIncludes(error.hint, "incus exec far:box -- cat /");
});

Deno.test("watchTransfer() says how far a long transfer is, and gives one up that has stalled", async () => {
  using time = startTime();
  const { host, said } = recordingHost();
  {
    using watch = watchTransfer(host, { what: "Lending file", stalledMs: 300 });
    watch.moved(2 ** 20, 3 * 2 ** 20);
    assertEquals([said, watch.signal.aborted], [[], false]);
    await time.pass(1_100);
    watch.moved(2 ** 20, 3 * 2 ** 20);
    assertEquals([said.length, watch.signal.aborted], [1, true]);
    assertMatch(said[0]!, /^progress: Lending file: 1 MiB of 3 MiB, 1 s$/);
    assertEquals(
      watch.signal.reason.message,
      "Lending file: the transfer has stalled after 1 MiB",
    );
  }
  assertMatch(said.at(-1)!, /^status: Lending file: 2 MiB of 3 MiB, \d+ s$/);
});

Deno.test("watchTransfer() gives a transfer up within which not 128 KiB move in a minute, by default", async () => {
  using time = startTime();
  using watch = watchTransfer(recordingHost().host, { what: "Lending file" });
  await time.pass(59_000);
  watch.moved(2 ** 17, 2 ** 20);
  await time.pass(60_000);
  watch.moved(2 ** 17 - 1, 2 ** 20);
  assertEquals(watch.signal.aborted, false);
  await time.pass(2_000);
  assertEquals(watch.signal.aborted, true);
});
