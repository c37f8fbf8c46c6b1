/**
 * Judges our tests: changes one expression of the guard's, of what lends files, or of what asks the engine, at a time, in a
 * copy of the checkout, and runs the unit tests that run its line, that of its file first. What passes both them and the
 * type checker has survived.
 *
 * `MUTANTS=COUNT` and `SEED=NUMBER` choose the sample. It is the same for the same code, and most of it stays the same
 * when other code changes, or when the code moves to another file.
 */

import { createHash } from "node:crypto";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { mapSome } from "../../lib/base/promises.ts";
import type { Results, Suite } from "./suite.ts";

const rooms = ["lib/guard", "lib/container/lend", "lib/engine"];
/** Where their tests are. */
const testRooms = [
  ...["tests/unit/guard", "tests/unit/container/lend", "tests/unit/engine"],
  ...["tests/unit/map", "tests/unit/attach/x11/guard.test.ts"],
];
const checkout = fromFileUrl(new URL("../..", import.meta.url));

/** How long a test may take, in milliseconds: a loop that has lost its end takes longer. */
const testMs = 120_000;

/** How many run at once, each in a copy of its own. */
const cores = navigator.hardwareConcurrency;

/** What becomes of a part of a line. */
const changes: readonly [from: RegExp, to: (...match: string[]) => string][] = [
  [/ (<=?|>=?) /g, (_, sign) => ` ${sign!.endsWith("=") ? sign!.slice(0, -1) : `${sign}=`} `],
  [/ ([!=])== /g, (_, sign) => sign === "!" ? " === " : " !== "],
  [/ (&&|\|\|) /g, (_, sign) => sign === "&&" ? " || " : " && "],
  [/ ([+-]) /g, (_, sign) => sign === "+" ? " - " : " + "],
  [/\b(true|false)\b/g, (_, word) => word === "true" ? "false" : "true"],
  [/(?<![\w.#"'`-])\d[\d_]*(?![\w."'`])/g, larger],
  [/(?<=[(&|] ?)!(?=[\w(])/g, () => ""],
  // A whole statement.
  [
    /^ +(?!const|let|import|export|return|type|throw|break|continue|default|yield\*?;)[\w$.?!]+(?:\(.*\)| [-+|&]?= .*|\+\+);$/g,
    () => "",
  ],
  [/^( *)if \((?!.*\belse\b).*\) (?:return|throw|continue|break)\b.*;$/g, () => ""],
];

/** A number that is not the same: of a limit, a thousand times as much. */
function larger(number: string): string {
  const value = Number(number.replaceAll("_", ""));
  return `${value < 2 ? value + 1 : value * 1000}`;
}

/** One change. */
interface Mutant {
  file: string;
  line: number;
  before: string;
  after: string;
}

/** All changes of a file. Types and comments have none. */
function mutantsOf(file: string, text: string): Mutant[] {
  return text.split("\n").flatMap((before, line) => {
    if (/^\s*(?:\/?\*|\/\/|import |export type |type |interface )|^ {2}\w+\??: .*;$/.test(before)) return [];
    return changes.flatMap(([from, to]) =>
      [...before.matchAll(from)].map((match) => ({
        file,
        line,
        before,
        after: before.slice(0, match.index) + to(...match) + before.slice(match.index + match[0].length),
      }))
    );
  });
}

/** What a mutant is called in the list. */
function nameOf({ file, before, after }: Mutant): string {
  return `${file} ${before.trim()} -> ${after.trim() || "(nothing)"}`;
}

/** As many mutants as wanted, by a hash of what is changed: a mutant keeps its place whatever else there is. */
function sampleOf(all: readonly Mutant[], { count, seed }: { count: number; seed: number }): Mutant[] {
  const placeOf = ({ before, after }: Mutant): string =>
    createHash("sha256").update(`${seed} ${before.trim()} -> ${after.trim()}`).digest("hex");
  const placed = all.map((mutant) => ({ mutant, place: placeOf(mutant) }));
  return placed.toSorted((a, b) => a.place < b.place ? -1 : a.place > b.place ? 1 : 0)
    .slice(0, count).map(({ mutant }) => mutant);
}

/** A file of tests, and the lines that it runs, as `FILE:LINE`. */
interface Test {
  path: string;
  ms: number;
  lines: ReadonlySet<string>;
}

/** The lines that a report of `deno coverage --lcov` has as run. */
function linesIn(report: string, root: string): Set<string> {
  const lines = new Set<string>();
  let file = "";
  for (const [, key, value] of report.matchAll(/^(SF|DA):(.*)$/gm)) {
    const [line, times] = value!.split(",");
    if (key === "SF") file = value!.slice(root.length + 1);
    else if (times !== "0") lines.add(`${file}:${line}`);
  }
  return lines;
}

/** A copy of the checkout, in which one file at a time is changed. */
class Copy {
  constructor(readonly root: string) {}

  /** Runs Deno there, patiently: others work on this machine. */
  run(...args: string[]): Promise<{ code: number; stdout: string }> {
    const argv = ["nice", "-n", "19", "timeout", "--kill-after=1", `${testMs / 1000}`, Deno.execPath(), ...args];
    return runProcess(argv, { cwd: this.root, okCodes: "any", env: { NO_COLOR: "1" } });
  }

  async passes(test: string, ...options: string[]): Promise<boolean> {
    return (await this.run("test", "-A", "--quiet", "--no-check", "--fail-fast", ...options, test)).code === 0;
  }

  /** Runs a test without any change. undefined: it fails anyway, and says nothing. */
  async measure(path: string): Promise<Test | undefined> {
    const coverage = join(this.root, "coverage");
    const start = performance.now();
    if (!await this.passes(path, `--coverage=${coverage}`, "--coverage-raw-data-only")) return undefined;
    const ms = performance.now() - start;
    const { stdout } = await this.run("coverage", "--lcov", "--include=/lib/", coverage);
    await Deno.remove(coverage, { recursive: true });
    return { path, ms, lines: linesIn(stdout, this.root) };
  }

  /** Whether neither the tests nor the types notice a change. */
  async survives({ file, line, after }: Mutant, tests: readonly Test[]): Promise<boolean> {
    const path = join(this.root, file);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.split("\n").with(line, after).join("\n"));
    try {
      for (const test of tests) if (!await this.passes(test.path)) return false;
      return (await this.run("check", "--quiet", file)).code === 0;
    } finally {
      await Deno.writeTextFile(path, text);
    }
  }
}

/** The tests that run a mutant's line, or one beside it, since a statement may have several: its file's own, then the fastest. */
function testsOf({ file, line }: Mutant, tests: readonly Test[]): Test[] {
  const own = file.replace(/^lib\//, "tests/unit/").replace(/\.ts$/, ".test.ts");
  return tests.filter(({ lines }) => [line, line + 1, line + 2].some((at) => lines.has(`${file}:${at}`)))
    .toSorted((a, b) => Number(b.path === own) - Number(a.path === own) || a.ms - b.ms);
}

/** A copy of what git tracks here, until the stack ends. */
async function makeCopy(stack: AsyncDisposableStack): Promise<Copy> {
  const root = await Deno.makeTempDir({ prefix: "mutants." });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  await runProcess(["sh", "-ec", 'git ls-files -z | tar --null -T - -c | tar -x -C "$0"', root], { cwd: checkout });
  return new Copy(root);
}

async function filesIn(...places: string[]): Promise<string[]> {
  const { stdout } = await runProcess(["git", "ls-files", ...places], { cwd: checkout });
  return stdout.trim().split("\n").filter((file) => file.endsWith(".ts"));
}

export const mutants: Suite = {
  about: "expressions of ours that no test misses (MUTANTS=COUNT SEED=NUMBER)",
  async run() {
    const [count, seed] = [Number(Deno.env.get("MUTANTS") ?? 400), Number(Deno.env.get("SEED") ?? 1)];
    await using stack = new AsyncDisposableStack();
    const copies = await Promise.all(Array.from({ length: cores }, () => makeCopy(stack)));
    const eachInCopy = <T, R>(items: readonly T[], act: (copy: Copy, item: T) => Promise<R>): Promise<R[]> =>
      mapSome(items, {
        atOnce: cores,
        async act(item) {
          const copy = copies.pop()!;
          try {
            return await act(copy, item);
          } finally {
            copies.push(copy);
          }
        },
      });
    const all = (await filesIn(...rooms)).flatMap((file) =>
      mutantsOf(file, Deno.readTextFileSync(join(checkout, file)))
    );
    const testFiles = (await filesIn(...testRooms)).filter((path) => path.endsWith(".test.ts"));
    const tests = (await eachInCopy(testFiles, (copy, path) => copy.measure(path))).filter((test) =>
      test !== undefined
    );
    const results: Results = new Map();
    await eachInCopy(sampleOf(all, { count, seed }), async (copy, mutant) => {
      const [survives, name] = [await copy.survives(mutant, testsOf(mutant, tests)), nameOf(mutant)];
      // A file may have the same line twice.
      if (survives || !results.has(name)) {
        results.set(name, { isPassed: !survives, said: `line ${mutant.line + 1} survives` });
      }
    });
    return results;
  },
};
