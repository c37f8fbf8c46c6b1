/**
 * Runs the unit tests: `deno task test:unit`. Those of a directory of `tests/unit` are imported into one module, so that
 * what they need is loaded once.
 */

import { fromFileUrl, join, toFileUrl } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** The files of such names below a directory of the checkout, as paths in that. */
export function filesBelow(checkout: string, directory: string, names: RegExp): string[] {
  return [...Deno.readDirSync(join(checkout, directory))].flatMap(({ name, isDirectory }) => {
    const path = join(directory, name);
    return isDirectory ? filesBelow(checkout, path, names) : names.test(name) ? [path] : [];
  });
}

/** The test of a worker, whose lines are not ours and take four times as long while they are counted. */
const ofWorker = "tests/unit/guard/xpra/decoder.test.ts";

/**
 * Writes a module for each room of the unit tests (`tests/unit/attach`, …) that imports them, and returns their paths. A
 * failure names the test's own file.
 */
async function writeRooms(directory: string): Promise<string[]> {
  const tests = filesBelow(root, "tests/unit", /\.test\.ts$/).filter((path) => path !== ofWorker).toSorted();
  const rooms = Map.groupBy(tests, (path) => /^tests\/unit\/([\w-]+)/.exec(path)![1]!);
  return await Promise.all([...rooms].map(async ([room, tests]) => {
    const path = join(directory, `${room}.test.ts`);
    await Deno.writeTextFile(path, tests.map((test) => `import "${toFileUrl(join(root, test))}";\n`).join(""));
    return path;
  }));
}

/**
 * Runs all unit tests and returns the exit code.
 *
 * @param options `coverage`: a directory for Deno's record of the lines that are run
 */
export async function runUnitTests({ coverage }: { coverage?: string } = {}): Promise<number> {
  const rooms = await Deno.makeTempDir({ prefix: "gui-container-tests-" });
  const deno = [Deno.execPath(), "test", "-A", "--quiet", "--no-check"];
  const options = { output: "inherit", cwd: root, okCodes: "any" } as const;
  try {
    const plain = await runProcess([...deno, ofWorker], options);
    const counting = coverage === undefined ? [] : ["env", `DENO_COVERAGE_DIR=${coverage}`];
    const counted = await runProcess([...counting, ...deno, "--parallel", ...await writeRooms(rooms)], options);
    return plain.code || counted.code;
  } finally {
    await Deno.remove(rooms, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await runUnitTests());
