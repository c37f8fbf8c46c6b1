/**
 * Every test: brings the lab up, runs the unit tests here and the end-to-end tests as the lab's user, and adds up. Ends
 * with a line "N passed, N failed, N skipped"; exit status 1 when a test failed or a part could not be run.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
const unit = [Deno.execPath(), "test", "-A", "--parallel", "tests/unit"];

/**
 * The end-to-end tests in two groups, each of which runs one file after the other: those that show windows, of which
 * only one can have the keyboard, and those that do not.
 */
function endToEnd(): string[][] {
  const files = [...Deno.readDirSync(join(root, "tests/e2e"))].map(({ name }) => name)
    .filter((name) => name.endsWith(".test.ts")).sort();
  const isWindowless = (name: string): boolean => /^(create|map|package)/.test(name) && name !== "map_asking.test.ts";
  return [files.filter(isWindowless), files.filter((name) => !isWindowless(name))].map((group) => [
    ...[...lab, "run", "--", "deno", "test", "-A"],
    ...group.map((name) => `tests/e2e/${name}`),
  ]);
}

const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs one `deno test`, shows what it prints, and adds its summary line to the total. */
async function runTests(argv: readonly string[]): Promise<void> {
  let summary: RegExpExecArray | null = null;
  const { code } = await runProcess(argv, {
    cwd: root,
    env: { NO_COLOR: "1" },
    okCodes: "any",
    output: {
      line(line) {
        say(line);
        summary = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?: \| (\d+) ignored)?/.exec(line) ?? summary;
      },
    },
  });
  const [, passed = "0", failed = "0", skipped = "0"] = summary ?? [];
  total.passed += Number(passed);
  total.failed += Number(failed);
  total.skipped += Number(skipped);
  if (code !== 0 && failed === "0") {
    say(`${argv.slice(0, 4).join(" ")} … could not be run: exit status ${code}`);
    total.failed++;
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const wanted = Deno.args[0] ?? "all";
await runProcess([...lab, "up"], { output: "inherit", okCodes: "any" });
if (wanted === "all" || wanted === "unit") await runTests(unit);
if (wanted === "all" || wanted === "e2e") {
  for (const part of [["xpra5"], ["cluster", "up"]]) {
    await runProcess([...lab, ...part], { output: "inherit", okCodes: "any" });
  }
  await runProcess([...lab, "run", "--", "deno", "run", "-A", "tests/e2e/sweep.ts"], {
    output: "inherit",
    okCodes: "any",
  });
  await Promise.all(endToEnd().map(runTests));
}
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
