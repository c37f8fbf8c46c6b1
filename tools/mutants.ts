/**
 * Whether tests notice a change: `deno run -A tools/mutants.ts PLACE… [--seconds 600] [--seed 1]` makes changes one at
 * a time in a copy of the checkout, at random places of the files in those directories of `lib` that have a test of their
 * own, and runs that test, then those beside it. What none notices is printed; exit status 1 if there is any.
 */

import { parseArgs } from "node:util";
import { dirname, fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { chanceFrom } from "../tests/fuzz/random.ts";
import { filesBelow } from "./unit_tests.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** How long a test may take, in milliseconds: a change that makes it wait for ever is noticed. */
const timeoutMs = 60_000;

/** What becomes of what; the types stay the same. */
const changes: readonly (readonly [from: RegExp, to: string])[] = [
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ < /g, " <= "],
  [/ > /g, " >= "],
  [/ <= /g, " < "],
  [/ >= /g, " > "],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/(?<=[(&| ])!(?=[\w(])/g, ""],
  [/\.some\(/g, ".every("],
  [/\.every\(/g, ".some("],
  [/Math\.max\(/g, "Math.min("],
  [/Math\.min\(/g, "Math.max("],
  [/(?<=[ ([])\d+(?=[,;)\]])/g, "7"],
];

/** A change at a place of a file. */
interface Mutant {
  file: string;
  at: number;
  was: string;
  now: string;
}

/** What can be changed in a file: in its code, not in comments, imports, types and texts. */
function mutantsOf(file: string): Mutant[] {
  const text = Deno.readTextFileSync(join(root, file));
  const found: Mutant[] = [];
  let at = 0;
  for (const line of text.split("\n")) {
    const code = line.replaceAll(/"(?:[^"\\]|\\.)*"|`[^`]*`|\/\/.*$/g, (part) => "\0".repeat(part.length));
    if (!/^\s*(?:\*|\/\*|import |export type |type |interface |throw )/.test(line)) {
      for (const [from, now] of changes) {
        for (const { 0: was, index } of code.matchAll(from)) {
          if (was !== now) found.push({ file, at: at + index, was, now });
        }
      }
    }
    at += line.length + 1;
  }
  return found;
}

function testOf(file: string): string {
  return file.replace(/^lib\/(.*)\.ts$/, "tests/unit/$1.test.ts");
}

/** A copy of the checkout, in which files are changed. */
async function makeCopy(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "mutants." });
  await runProcess(["sh", "-c", 'git ls-files -z | xargs -0 cp --parents -t "$1"', "sh", copy], { cwd: root });
  return copy;
}

/** Whether the change is noticed, by the test or by the types. */
async function isNoticed(copy: string, { file, at, was, now }: Mutant): Promise<boolean> {
  const text = await Deno.readTextFile(join(root, file));
  await Deno.writeTextFile(join(copy, file), text.slice(0, at) + now + text.slice(at + was.length));
  const run = (...args: string[]): Promise<boolean> =>
    runProcess(["timeout", `${timeoutMs / 1000}`, Deno.execPath(), ...args], {
      cwd: copy,
      env: { NO_COLOR: "1" },
      okCodes: "any",
      output: "discard",
    }).then(({ code }) => code !== 0);
  try {
    const test = ["test", "-A", "--quiet", "--no-check", "--fail-fast"];
    // What is of another type is no change that anybody could make.
    return await run(...test, testOf(file)) || await run("check", "--quiet", file) ||
      await run(...test, dirname(testOf(file)));
  } finally {
    await Deno.writeTextFile(join(copy, file), text);
  }
}

/** A mutant in a line: where it is, that line, and what it becomes. */
function described({ file, at, was, now }: Mutant): string {
  const text = Deno.readTextFileSync(join(root, file));
  const begin = text.lastIndexOf("\n", at - 1) + 1;
  const line = text.slice(begin, text.indexOf("\n", at));
  const changed = line.slice(0, at - begin) + now + line.slice(at - begin + was.length);
  return `${file}:${text.slice(0, at).split("\n").length}\n  - ${line.trim()}\n  + ${changed.trim()}`;
}

async function main(): Promise<number> {
  const options = { seconds: { type: "string", default: "600" }, seed: { type: "string", default: "1" } } as const;
  const { values, positionals } = parseArgs({ args: Deno.args, options, allowPositionals: true });
  const chance = chanceFrom(Number(values.seed));
  const isTested = (file: string): boolean => {
    try {
      return Deno.statSync(join(root, testOf(file))).isFile;
    } catch {
      return false;
    }
  };
  const files = positionals.flatMap((place) => filesBelow(root, place, /\.ts$/)).filter(isTested).toSorted();
  const mutants = files.flatMap(mutantsOf);
  const copy = await makeCopy();
  const say = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  let [noticed, missed] = [0, 0];
  try {
    const end = performance.now() + Number(values.seconds) * 1000;
    while (performance.now() < end && mutants.length > 0) {
      const [mutant] = mutants.splice(chance.below(mutants.length), 1);
      if (await isNoticed(copy, mutant!)) noticed++;
      else {
        missed++;
        say(described(mutant!));
      }
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
  say(`${noticed} noticed, ${missed} not, of ${mutants.length + noticed + missed} in ${files.length} files`);
  return missed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
