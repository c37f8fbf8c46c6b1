/**
 * Judges our tests: changes one expression of the guard's, of what lends files, or of what asks the engine, at a time, in a
 * copy of the checkout, and runs the unit test at the same path, or else those of the folder. What passes both them and
 * the type checker has survived.
 *
 * `MUTANTS=COUNT` and `SEED=NUMBER` choose the sample.
 */

import { dirname, fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "../lab/files.ts";
import type { Results, Suite } from "./suite.ts";

const rooms = ["lib/guard", "lib/container/lend", "lib/engine"];
const checkout = fromFileUrl(new URL("../..", import.meta.url));

/** How long tests may take, in milliseconds: a loop that has lost its end takes longer. */
const testMs = 60_000;

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
        ...{ file, line, before },
        after: before.slice(0, match.index) + to(...match) + before.slice(match.index + match[0].length),
      }))
    );
  });
}

/** The tests that judge a file: first its own, then all of its folder. */
function testsOf(file: string): string[] {
  const own = file.replace(/^lib\//, "tests/unit/").replace(/\.ts$/, ".test.ts");
  return [own, dirname(own)].filter((path) => exists(join(checkout, path)));
}

function testArgs(tests: string): string[] {
  return ["test", "-A", "--quiet", "--no-check", "--fail-fast", tests];
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function* random(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    yield ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }
}

export const mutants: Suite = {
  about: "expressions of ours that no test misses (MUTANTS=COUNT SEED=NUMBER)",
  async run() {
    const [count, seed] = [Number(Deno.env.get("MUTANTS") ?? 20), Number(Deno.env.get("SEED") ?? 1)];
    await using stack = new AsyncDisposableStack();
    const copy = await Deno.makeTempDir({ prefix: "mutants." });
    stack.defer(() => Deno.remove(copy, { recursive: true }));
    await runProcess(["sh", "-ec", 'git ls-files -z | tar --null -T - -c | tar -x -C "$0"', copy], { cwd: checkout });
    const { stdout } = await runProcess(["git", "ls-files", ...rooms], { cwd: checkout });
    const left = stdout.trim().split("\n").filter((file) => file.endsWith(".ts")).flatMap((file) =>
      mutantsOf(file, Deno.readTextFileSync(join(copy, file)))
    );
    const deno = async (args: string[]): Promise<boolean> => {
      const argv = ["nice", "-n", "19", "timeout", "--kill-after=1", `${testMs / 1000}`, Deno.execPath(), ...args];
      return (await runProcess(argv, { cwd: copy, okCodes: "any" })).code === 0;
    };
    const passing = new Map<string, Promise<boolean>>();
    /** Whether tests pass without any change: what fails anyway says nothing. */
    const isSound = (tests: string): Promise<boolean> =>
      passing.getOrInsertComputed(tests, () => deno(testArgs(tests)));
    const numbers = random(seed);
    const results: Results = new Map();
    while (results.size < count && left.length > 0) {
      const mutant = left.splice(Math.floor(numbers.next().value * left.length), 1)[0]!;
      const tests: string[] = [];
      for (const each of testsOf(mutant.file)) if (await isSound(each)) tests.push(each);
      if (tests.length === 0) throw new Error(`The tests of ${mutant.file} fail without any change`);
      const path = join(copy, mutant.file);
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, text.split("\n").with(mutant.line, mutant.after).join("\n"));
      let survives = true;
      for (const each of tests) survives &&= await deno(testArgs(each));
      survives &&= await deno(["check", "--quiet", mutant.file]);
      await Deno.writeTextFile(path, text);
      const name = `${mutant.file} ${mutant.before.trim()} -> ${mutant.after.trim() || "(nothing)"}`;
      results.set(name, { isPassed: !survives, said: `line ${mutant.line + 1} survives` });
    }
    return results;
  },
};
