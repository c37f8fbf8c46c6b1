/**
 * Every check: brings the lab up, runs the gate with its unit tests here and the end-to-end tests as the lab's user, and
 * adds up. Ends with a line "N passed, N failed, N skipped"; exit status 1 when a test failed or a part could not be run.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { hostPackages, missingPackages, xpraRuntimePackages } from "./lab/packages.ts";
import { missingParts } from "./lab/state.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
/** Formatting, lint, types, docs, shellcheck and the unit tests: `deno task ok`. */
const gate = [Deno.execPath(), "task", "ok"];

/** The files whose tests on Incus run on Incus 7, and then on Debian 13's as well; all others run on Incus 7 alone. */
const onBothIncus = ["attach.test.ts", "create.test.ts", "disposable.test.ts", "map.test.ts"];

/** The words of `lab run` that make "incus" Debian 13's. */
const incus6 = ["--incus", "6"];

/**
 * The end-to-end tests in groups, each of which runs one file after the other: those that show windows on the lab's
 * desktops, of which only one can have the keyboard, and those that do not. A third group has desktops of its own, see
 * {@linkcode today}.
 */
function endToEnd(): string[][][] {
  const files = [...Deno.readDirSync(join(root, "tests/e2e"))].map(({ name }) => name)
    .filter((name) => name.endsWith(".test.ts") && !todayFiles.includes(name)).sort();
  const isWindowless = (name: string): boolean => /^(create|map|package)/.test(name) && name !== "map_asking.test.ts";
  const hasIncus7 = missingParts("incus7") === undefined;
  return [files.filter(isWindowless), files.filter((name) => !isWindowless(name))].map((group) => {
    const paths = group.map((name) => `tests/e2e/${name}`);
    const again = group.filter((name) => onBothIncus.includes(name)).map((name) => `tests/e2e/${name}`);
    return [
      [...lab, "run", "--", "deno", "test", "-A", ...paths],
      ...(hasIncus7
        ? [[...lab, "run", ...incus6, "--", "deno", "test", "-A", "--filter", "/^incus: /", ...again]]
        : []),
    ];
  });
}

const todayFiles = ["today.test.ts", "today_attacks.test.ts"];

/** The tests on desktops of today, in the lab's host of Debian testing where there is one. */
function today(): string[] {
  const host = missingParts("today") ? [] : ["--host", "today"];
  return [...lab, "run", ...host, "--", "deno", "test", "-A", ...todayFiles.map((name) => `tests/e2e/${name}`)];
}

const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs a command that ends with `deno test`, shows what it prints, and adds the summary line to the total. */
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
    say(`${argv.slice(0, 4).join(" ")} … failed: exit status ${code}`);
    total.failed++;
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Says what the run does to this machine, and how long it takes. */
async function announceRun(): Promise<void> {
  say(
    "Tests on real engines and desktops take about 35 minutes on two cores. What they make is kept for the next run.",
  );
  const missing = await missingPackages([...hostPackages, ...xpraRuntimePackages]).catch(() => []);
  if (missing.length > 0) {
    say(`First, in ten minutes more, this installs ${missing.length} Debian packages and what they depend on, builds`);
    say("xpra, container images and a desktop of Debian testing, and starts LXD and Incus.");
  }
  say("`deno task lab down --purge` removes all of that but the packages, and lists those.");
}

const wanted = Deno.args[0] ?? "all";
await announceRun();
await runProcess([...lab, "up"], { output: "inherit", okCodes: "any" });
const isEndToEnd = wanted === "all" || wanted === "e2e";
// It is made on its own, in minutes in which nothing else has to wait for it.
const todayUp = isEndToEnd
  ? runProcess([...lab, "today", "up"], { output: "inherit", okCodes: "any" })
  : Promise.resolve();
if (wanted === "all") await runTests(gate);
if (isEndToEnd) {
  for (const part of [["xpra5"], ["cluster", "up"]]) {
    await runProcess([...lab, ...part], { output: "inherit", okCodes: "any" });
  }
  for (const choice of [[], incus6]) {
    await runProcess([...lab, "run", ...choice, "--", "deno", "run", "-A", "tests/e2e/sweep.ts"], {
      output: "inherit",
      okCodes: "any",
    });
  }
  await Promise.all([
    ...endToEnd().map(async (group) => {
      for (const argv of group) await runTests(argv);
    }),
    todayUp.then(() => runTests(today())),
  ]);
}
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
