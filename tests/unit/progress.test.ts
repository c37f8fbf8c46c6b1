import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { duration, endLine, openTimes, outcomeOf } from "../progress.ts";

Deno.test("outcomeOf() adds up what deno test prints, and names what failed and what was skipped", () => {
  const printed = [
    "running 3 tests from ./tests/e2e/map.test.ts",
    "lxc: one ... ok (1s)",
    "lxc: two ...",
    "  a step ... FAILED (due to 1 failed step) (1s)",
    "lxc: two ... FAILED (due to 1 failed step) (2s)",
    "incus: three (skipped: no incus: it is not installed) ... ignored (0ms)",
    "./tests/unit/a.test.ts => four ... ignored (0ms)",
    "FAILED | 1 passed (2 steps) | 1 failed (1 step) | 2 ignored (4s)",
    "ok | 7 passed | 0 failed (1s)",
  ];
  assertEquals(outcomeOf(printed, 1), {
    passed: 8,
    failed: 1,
    skipped: ["incus: three: no incus: it is not installed", "four: see there"],
    failures: ["lxc: two ... FAILED (due to 1 failed step) (2s)"],
  });
});

Deno.test("outcomeOf() reads what suites of others print", () => {
  const failed = "try_syscall: X: chroot: it ends with 14, not 1: chroot: Bad address ... FAILED";
  const missing = "wlcs (skipped: it cannot be had here) ... ignored";
  assertEquals(outcomeOf(["try_syscall: …", failed, missing, "17 passed, 1 failed, 1 skipped"], 1), {
    passed: 17,
    failed: 1,
    skipped: ["wlcs: it cannot be had here"],
    failures: [failed],
  });
});

Deno.test("outcomeOf() counts a job that ends badly without a failed test", () => {
  assertEquals(outcomeOf(["error: Type checking failed"], 1).failures, ["exit status 1"]);
  assertEquals(outcomeOf([], 124), { passed: 0, failed: 1, skipped: [], failures: ["took too long"] });
});

Deno.test("openTimes() knows what jobs took in earlier runs", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "times.json");
    assertEquals(openTimes(file).secondsOf("unknown"), 40);
    openTimes(file).note("map", 12);
    openTimes(file).note("attach", 34);
    assertEquals(["map", "attach"].map((name) => openTimes(file).secondsOf(name)), [12, 34]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("endLine() says what came of a job, and what is left", () => {
  const outcome = { passed: 3, failed: 0, skipped: [], failures: [] };
  assertEquals(
    endLine("map", outcome, { seconds: 41, left: 2, leftSeconds: 83 }),
    "   41 s  map: 3 passed (2 left, about 80 s)",
  );
  assertEquals(
    endLine("map", { ...outcome, failed: 1, skipped: ["a"] }, { seconds: 5, left: 0, leftSeconds: 0 }),
    "    5 s  map: 3 passed, 1 FAILED, 1 skipped (the last one)",
  );
  assertEquals([3, 89, 170].map(duration), ["10 s", "90 s", "3 min"]);
});
