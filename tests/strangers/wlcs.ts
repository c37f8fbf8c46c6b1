/**
 * wlcs, the Wayland conformance suite of Mir's, on Mir itself with waypipe's two ends and the guard between. The tests
 * load `wlcs_shim.c` as the compositor's module, which takes each connection through that chain.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { startChain } from "./chain.ts";
import { built, installed } from "./sources.ts";
import type { Results, Suite } from "./suite.ts";

const wlcs = "/usr/lib/x86_64-linux-gnu/wlcs/wlcs";
const mir = "/usr/lib/x86_64-linux-gnu/mir/miral_wlcs_integration.so";

/** How long the tests of a suite may take, in milliseconds: one that fails may wait for ten seconds. */
const suiteMs = 120_000;

/** What the guard may hold in the end beyond what it held at first: descriptors, and memory in KiB. */
const maxMoreDescriptors = 4;
const maxMoreMemory = 200 * 2 ** 10;

/** How many suites run at a time, each on a chain of its own. */
const chains = 2;

/** What the user does: is away or at work in the windows, or types into each that gets the keyboard. */
type User = "away" | "at work" | "typing";

/**
 * All tests; with `isOneSession`, in one session of the guard in place of one for each. Mir 2.20 lacks what the guard draws
 * borders with.
 */
export function wlcsSuite(user: User, { isOneSession = false }: { isOneSession?: boolean } = {}): Suite {
  const about = isOneSession ? "in one long session" : `with the user ${user}`;
  return {
    about: `Wayland's conformance behind waypipe and the guard, ${about}`,
    listOf: user === "away" ? "wlcs" : "wlcs_used",
    async run() {
      await installed("wlcs=1.7.0-1", "mir-wlcs-integration=2.20.2-2", "gcc", "libc6-dev", "libwayland-dev", "waypipe");
      const shim = await built(fromFileUrl(new URL("wlcs_shim.c", import.meta.url)), "-shared -fPIC");
      const { stdout } = await runProcess([wlcs, mir, "--gtest_list_tests"], { okCodes: "any" });
      const suites = Object.values(testsIn(stdout)).toSorted((one, other) => other.length - one.length);
      const results: Results = new Map();
      await Promise.all(Array.from({ length: isOneSession ? 1 : chains }, async (_, number) => {
        await using stack = new AsyncDisposableStack();
        const directory = await Deno.makeTempDir({ prefix: "wlcs." });
        stack.defer(() => Deno.remove(directory, { recursive: true }));
        const host = join(directory, "host");
        // waypipe's client looks for its compositor once, when it starts. The module listens there later.
        const first = Deno.listen({ transport: "unix", path: host });
        const chain = stack.use(await startChain(directory, { host, isUsed: user === "at work" }));
        first.close();
        const env = {
          XDG_RUNTIME_DIR: directory,
          CHAIN_MODULE: mir,
          CHAIN_HOST: host,
          CHAIN_DISPLAY: chain.display,
          ...isOneSession ? {} : { CHAIN_SESSION: chain.session },
          ...user === "typing" ? { CHAIN_KEYS: "1" } : {},
        };
        const before = heldBy(chain.guard);
        for (let names = suites.shift(); names; names = suites.shift()) await runTests(names, results, { shim, env });
        const after = heldBy(chain.guard);
        results.set(`what the guard of chain ${number} holds`, {
          isPassed: after.descriptors <= before.descriptors + maxMoreDescriptors &&
            after.memory <= before.memory + maxMoreMemory,
          said: JSON.stringify({ before, after }),
        });
      }));
      return results;
    },
  };
}

/** What a process holds: open descriptors, and memory in KiB. */
function heldBy(pid: number): { descriptors: number; memory: number } {
  const [, memory] = /^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return { descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length, memory: Number(memory) };
}

/** The tests of each suite, by what wlcs lists: a suite's name, and below it those of its tests, with comments. */
function testsIn(listed: string): Record<string, string[]> {
  const suites: Record<string, string[]> = {};
  let suite = "";
  for (const line of listed.split("\n")) {
    const name = line.split("#")[0]!.trim();
    if (!line.startsWith(" ")) suite = name.slice(0, -1);
    else if (!name.startsWith("DISABLED_")) (suites[suite] ??= []).push(`${suite}.${name}`);
  }
  return suites;
}

/** How a test of wlcs begins and ends, in a line. */
const lineForm = /^\[ *(RUN|OK|FAILED|SKIP|SKIPPED) *\] (\S+?)(?:,| \(|$)/;

/**
 * Runs tests until each has a result: one that takes too long, or ends wlcs twice, is left out when the rest begins again.
 * Mir's module crashes now and then, by no one test.
 */
async function runTests(
  names: readonly string[],
  results: Results,
  { shim, env }: { shim: string; env: Record<string, string> },
): Promise<void> {
  const crashed = new Set<string>();
  for (let left = names; left.length > 0; left = left.filter((name) => !results.has(name))) {
    let running: string | undefined;
    let said: string[] = [];
    const before = results.size;
    const line = (line: string): void => {
      const [, word, name] = lineForm.exec(line) ?? [];
      if (word === undefined) return void said.push(line);
      if (word === "RUN") running = name;
      else if (name === running) {
        results.set(name!, { isPassed: word === "OK", said: reasonIn(said.join("\n")) });
        running = undefined;
      }
      said = [];
    };
    // Preloaded, it answers for a surface's number, too.
    const argv = ["env", `LD_PRELOAD=${shim}`, wlcs, shim, `--gtest_filter=${left.join(":")}`];
    const end = await runProcess(["timeout", "--kill-after=1", `${suiteMs / 1000}`, ...argv], {
      env,
      okCodes: "any",
      output: { line },
    });
    if (running !== undefined && end.code !== 124 && !crashed.has(running)) {
      crashed.add(running);
      continue;
    }
    const how = end.code === 124 ? "it takes too long" : `it ends wlcs, with ${end.signal ?? end.code}`;
    const ended = running !== undefined ? [running] : results.size === before ? left : [];
    for (const name of ended) results.set(name, { isPassed: false, said: how });
  }
}

/** Why a test has not passed: what the compositor lacks, or its first complaint, in a line. */
function reasonIn(text: string): string {
  const [, missing] = /(?:Failed to bind to|Missing extension:) (\w+)/.exec(text) ?? [];
  if (missing !== undefined) return `no ${missing}`;
  const complaint = /Failure\n([^]*)$|(Reason[^]*)$/.exec(text)?.[0] ?? text;
  return complaint.replaceAll(/\s+/g, " ").trim().slice(0, 300);
}
