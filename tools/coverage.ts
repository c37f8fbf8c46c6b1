/**
 * How much of the code the tests run, the scripts that they start included: `deno task coverage [E2E_TEST_FILE...]`, by
 * default all of them. The end-to-end tests see the checkout at another path, as the lab's user; both count as one. With
 * `--unit` it runs the unit tests alone, ends as they do, and says the figure alone.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { filesBelow, runUnitTests } from "./unit_tests.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** The scripts and all modules of the library, as paths in the checkout. */
export function modulesOf(checkout: string): string[] {
  return ["create.ts", "attach.ts", "map.ts", ...filesBelow(checkout, "lib", /^[\w-]+\.ts$/)];
}

/** The URL of a file of the checkout, wherever that was seen; undefined for all other files. */
export function inCheckout(url: string, directory: string): string | undefined {
  const path = /^file:\/\/.*?\/(lib\/(?:[\w-]+\/)*[\w-]+\.ts|(?:create|attach|map)\.ts)$/.exec(url)?.[1];
  const isOurs = path !== undefined && !/\/(node_modules|tests|tools)\//.test(url);
  return isOurs ? `file://${join(directory, path)}` : undefined;
}

/**
 * What part of the lines was run, in percent, given a report in lcov's format and the texts of all modules. One that no
 * test has loaded counts with its lines of code, unless it has types alone.
 */
export function figureOf(lcov: string, modules: ReadonlyMap<string, string>): number {
  let [lines, run] = [0, 0];
  const loaded = new Set<string>();
  for (const record of lcov.split("end_of_record\n")) {
    const numberOf = (key: string): number => Number(new RegExp(`^${key}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
    loaded.add(/^SF:(.*)$/m.exec(record)?.[1] ?? "");
    lines += numberOf("LF");
    run += numberOf("LH");
  }
  for (const [path, text] of modules) {
    if (loaded.has(path) || !/^(export )?(async )?(function|const|class)\b/m.test(text)) continue;
    lines += text.split("\n").filter((line) => /^\s*[^\s/*]/.test(line)).length;
  }
  return 100 * run / lines;
}

async function main(args: readonly string[]): Promise<number> {
  const isUnit = args[0] === "--unit";
  const directory = await Deno.makeTempDir({ prefix: "gui-container-coverage-" });
  const say = (text: string): unknown => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  try {
    await Deno.chmod(directory, 0o777);
    const deno = [Deno.execPath(), "test", "-A", "--quiet", "--no-check"];
    const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts"), "run", "--"];
    const variable = `DENO_COVERAGE_DIR=${directory}`;
    const e2e = ["deno", ...deno.slice(1), ...(args.length > 0 ? args : ["tests/e2e"])];
    const options = { output: "inherit", cwd: root, okCodes: "any" } as const;
    const code = await runUnitTests({ coverage: directory });
    // Failing tests are reported by other tasks.
    if (!isUnit) await runProcess([...lab, "env", variable, ...e2e], options);
    for await (const { name } of Deno.readDir(directory)) {
      const path = join(directory, name);
      const profile = JSON.parse(await Deno.readTextFile(path)) as { url: string };
      const url = inCheckout(profile.url, root);
      if (url === undefined) await Deno.remove(path);
      else if (url !== profile.url) await Deno.writeTextFile(path, JSON.stringify({ ...profile, url }));
    }
    const report = join(directory, "lcov");
    await runProcess([Deno.execPath(), "coverage", "--lcov", `--output=${report}`, directory], { cwd: root });
    if (!isUnit) await runProcess([Deno.execPath(), "coverage", directory], { output: "inherit", cwd: root });
    const modules = new Map(modulesOf(root).map((path) => [join(root, path), Deno.readTextFileSync(join(root, path))]));
    const figure = figureOf(await Deno.readTextFile(report), modules).toFixed(1);
    say(`The ${isUnit ? "unit " : ""}tests run ${figure} % of the lines of the scripts and of lib`);
    return isUnit ? code : 0;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
