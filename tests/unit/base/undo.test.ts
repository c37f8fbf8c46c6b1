import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Host } from "../../../lib/base/host.ts";
import { endOfRun, withUndo } from "../../../lib/base/undo.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("withUndo() undoes nothing when all went well, and gives back the result", async () => {
  const { host, said } = recordingHost();
  let undone = false;
  const result = await withUndo(host, (undo) => {
    undo.add("x", () => Promise.resolve(undone = true));
    return Promise.resolve(5);
  });
  assertEquals([result, undone, said], [5, false, []]);
});

Deno.test("withUndo() undoes newest first, one after the other, then throws the same error", async () => {
  const { host } = recordingHost();
  const order: string[] = [];
  const failure = new RangeError("boom");
  const thrown = await assertRejects(() =>
    withUndo(host, async (undo) => {
      for (const name of ["a", "b", "c"]) {
        undo.add(name, async () => {
          order.push(`${name} starts`);
          await new Promise((done) => setTimeout(done, 1));
          order.push(`${name} ends`);
        });
        await Promise.resolve();
      }
      throw failure;
    }), RangeError);
  assert(thrown === failure);
  assertEquals(order, ["c starts", "c ends", "b starts", "b ends", "a starts", "a ends"]);
});

Deno.test("withUndo() goes on after an undoing that fails, and tells it", async () => {
  const { host, said } = recordingHost();
  const order: string[] = [];
  await assertRejects(
    () =>
      withUndo(host, (undo) => {
        undo.add("remove a", () => Promise.resolve(order.push("a")));
        undo.add("remove b", () => Promise.reject(new Error("busy")));
        undo.add("remove c", () => {
          throw new Error("at once");
        });
        return Promise.reject(new TypeError("first"));
      }),
    TypeError,
    "first",
  );
  assertEquals(order, ["a"]);
  assertEquals(said, ["error: Could not remove c: at once", "error: Could not remove b: busy"]);
});

Deno.test("withUndo() cleans up with a host that the signal of the run does not stop, one for all", async () => {
  const ending = new AbortController();
  const { host } = recordingHost();
  const signals: AbortSignal[] = [];
  const cleaners: Host[] = [];
  const interrupted: Host = {
    ...host,
    signal: ending.signal,
    forCleanup(signal) {
      signals.push(signal);
      return { ...host, signal };
    },
  };
  await assertRejects(
    () =>
      withUndo(interrupted, (undo) => {
        undo.add("a", (cleaning) => Promise.resolve(cleaners.push(cleaning)));
        undo.add("b", (cleaning) => Promise.resolve(cleaners.push(cleaning)));
        ending.abort(new Error("Ctrl-C"));
        ending.signal.throwIfAborted();
        return Promise.resolve();
      }),
    Error,
    "Ctrl-C",
  );
  assertEquals(signals.length, 1);
  assertEquals(cleaners.length, 2);
  assert(cleaners[0] === cleaners[1]);
  assert(!cleaners[0]!.signal.aborted);
});

Deno.test("endOfRun() tells after a signal that the disk is full, and says nothing of the signal itself", async () => {
  const { host, said } = recordingHost();
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const signalled = { ...host, signal: AbortSignal.abort(new Error("Ctrl-C")) };
  await assertRejects(() => endOfRun(host, Promise.reject(full)), Error, "No space");
  assertEquals(said, []);
  await assertRejects(() => endOfRun(signalled, Promise.reject(signalled.signal.reason)), Error, "Ctrl-C");
  await assertRejects(() => endOfRun(signalled, Promise.reject(full)), Error, "No space");
  assertEquals(said, ["warn: No space left on device (os error 28)"]);
});
