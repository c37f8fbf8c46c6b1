/**
 * How much of the code the tests run, the scripts that they start included: `deno task coverage [E2E_TEST_FILE...]`, by
 * default all of them. The end-to-end tests see the checkout at another path, as the lab's user; both count as one.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** The URL of a file of the checkout, wherever that was seen; undefined for all other files. */
export function inCheckout(url: string, directory: string): string | undefined {
  const path = /^file:\/\/.*?\/((?:lib\/[\w-]+\/)?[\w-]+\.ts)$/.exec(url)?.[1];
  const isOurs = path !== undefined && (path.startsWith("lib/") || /^(create|attach|map)\.ts$/.test(path)) &&
    !/\/(node_modules|tests|tools)\//.test(url);
  return isOurs ? `file://${join(directory, path)}` : undefined;
}

async function main(files: readonly string[]): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "gui-container-coverage-" });
  try {
    await Deno.chmod(directory, 0o777);
    const deno = [Deno.execPath(), "test", "-A", "--quiet"];
    const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts"), "run", "--"];
    const variable = `DENO_COVERAGE_DIR=${directory}`;
    const e2e = ["deno", ...deno.slice(1), ...(files.length > 0 ? files : ["tests/e2e"])];
    // Failing tests are reported by other tasks.
    for (const argv of [["env", variable, ...deno, "--parallel", "tests/unit"], [...lab, "env", variable, ...e2e]]) {
      await runProcess(argv, { output: "inherit", cwd: root, okCodes: "any" });
    }
    for await (const { name } of Deno.readDir(directory)) {
      const path = join(directory, name);
      const profile = JSON.parse(await Deno.readTextFile(path)) as { url: string };
      const url = inCheckout(profile.url, root);
      if (url === undefined) await Deno.remove(path);
      else if (url !== profile.url) await Deno.writeTextFile(path, JSON.stringify({ ...profile, url }));
    }
    await runProcess([Deno.execPath(), "coverage", directory], { output: "inherit", cwd: root });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) await main(Deno.args);
