/**
 * Runs shellcheck on all `.sh` and `.bash` files: `deno run -A tools/shellcheck.ts`. Where shellcheck is not installed,
 * it says so and does not fail.
 */

import { fromFileUrl, join } from "@std/path";
import { ExitCode, UserError } from "../lib/base/errors.ts";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** What git ignores, and its own. */
const notOurs = new Set([".git", "bin", "coverage", "dist", "node_modules"]);

/** The shell scripts of the checkout. */
function shellFiles(directory = ""): string[] {
  return [...Deno.readDirSync(join(root, directory))].flatMap(({ name, isDirectory }) => {
    const path = join(directory, name);
    if (isDirectory) return directory === "" && notOurs.has(name) ? [] : shellFiles(path);
    return /\.(sh|bash)$/.test(name) || path === ".ci/run" ? [path] : [];
  });
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const files = shellFiles();
  try {
    const { code } = await runProcess(["shellcheck", ...files], { cwd: root, output: "inherit", okCodes: "any" });
    return code;
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.missingProgram) throw error;
    Deno.stderr.writeSync(new TextEncoder().encode("shellcheck is not installed: the shell scripts are not checked\n"));
    return 0;
  }
}

if (import.meta.main) Deno.exit(await main());
