import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { join } from "@std/path";
import { recordingHost } from "../recording_host.ts";
import { readJson } from "../../../lib/base/json_file.ts";
import { claimFile, claimRecord, inTurn, isClaimed, lockFile, release } from "../../../lib/base/lock.ts";

async function inTempDir(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file that is claimed is another's until it is released, and one that was removed is nobody's", () =>
  inTempDir(async (directory) => {
    const path = join(directory, "claim");
    assertEquals(await isClaimed(path), false);
    const first = await claimFile(path);
    assert(first);
    assertEquals([await isClaimed(path), await claimFile(path)], [true, undefined]);
    release(first);
    const second = await claimFile(path);
    assert(second);
    await Deno.remove(path);
    assertEquals(await claimFile(path, { create: false }).catch((error) => error.name), "NotFound");
    release(second);
  }));

Deno.test("a record is locked while its run lives, and the next run reads it; one that cannot be written is not there", () =>
  inTempDir(async (directory) => {
    const path = join(directory, "record");
    const first = await claimRecord(path, { made: 1 });
    assertEquals([await isClaimed(path), await claimRecord(path, { made: 2 })], [true, undefined]);
    release(first);
    assertEquals([await isClaimed(path), await readJson(path)], [false, { made: 1 }]);
    const onFullDisk = {
      toJSON() {
        throw new Error("No space left");
      },
    };
    await assertRejects(() => claimRecord(path, onFullDisk), Error, `No space left: "${path}"`);
    assertEquals([...Deno.readDirSync(directory)], []);
  }));

Deno.test("a file that is released is free at once, while programs are started", () =>
  inTempDir(async (directory) => {
    const code = 'for (;;) await new Deno.Command("true").output();';
    const worker = new Worker(URL.createObjectURL(new Blob([code])), { type: "module" });
    try {
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (let count = 0; count < 200; count++) {
        const file = await claimFile(join(directory, "claim"));
        assert(file, `after ${count} times`);
        release(file);
      }
    } finally {
      worker.terminate();
    }
  }));

Deno.test("what is done in turn overlaps with nothing of its kind, also when it fails", () =>
  inTempDir(async (directory) => {
    let running = 0;
    const act = async (): Promise<void> => {
      assertEquals(++running, 1);
      await delay(5);
      running--;
      throw new Error("failed");
    };
    const runs = Array.from({ length: 6 }, () => inTurn(recordingHost().host, { path: join(directory, "turn"), act }));
    for (const { reason } of await Promise.allSettled(runs) as PromiseRejectedResult[]) {
      assertEquals(reason.message, "failed");
    }
  }));

Deno.test("nobody waits for a turn for ever, or at all once the run is to end", () =>
  inTempDir(async (directory) => {
    const path = join(directory, "turn");
    const other = await lockFile(path, { signal: AbortSignal.any([]) });
    const { host } = recordingHost();
    const ending = new AbortController();
    const act = () => Promise.resolve("done");
    const ended = inTurn({ ...host, signal: ending.signal }, { path, act });
    ending.abort(new Error("Ctrl-C"));
    await assertRejects(() => ended, Error, "Ctrl-C");
    assertEquals(await inTurn(host, { path, act, maxMs: 20 }), "done");
    release(other);
  }));

Deno.test("lockFile() keeps others out also when the run that it waits for removes the file", () =>
  inTempDir(async (directory) => {
    const path = join(directory, "lock");
    const options = { signal: AbortSignal.any([]) };
    const first = await lockFile(path, options);
    const waiting = lockFile(path, options);
    await delay(50);
    await Deno.remove(path);
    release(first);
    using _second = await waiting;
    await assertRejects(() => lockFile(path, { signal: AbortSignal.timeout(50) }), DOMException);
  }));
