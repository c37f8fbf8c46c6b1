/**
 * Runs shellcheck on all `.sh` and `.bash` files: `deno run -A tools/shellcheck.ts`. Where shellcheck is not installed,
 * it says so and does not fail.
 */

import { fromFileUrl } from "@std/path";
import { ExitCode, UserError } from "../lib/base/errors.ts";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** The shell scripts of the checkout, those that git does not know yet included. */
async function shellFiles(): Promise<string[]> {
  const argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.sh", "*.bash", ".ci/run"];
  const { stdout } = await runProcess(argv, { cwd: root });
  return stdout.split("\n").filter(Boolean);
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const files = await shellFiles();
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
