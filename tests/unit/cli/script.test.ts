import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import config from "../../../deno.json" with { type: "json" };
import { type ProcessResult } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { helpText } from "../../../lib/cli/options.ts";
import { spec } from "../scripts.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** A script whose main function has this body, run as a user would. */
async function runMain(
  body: string,
  args: readonly string[],
  { through = [], env = {} }: { through?: readonly string[]; env?: Record<string, string> } = {},
): Promise<ProcessResult> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const library = (name: string): string => JSON.stringify(join(root, "lib", name));
    await Deno.writeTextFile(
      file,
      `import { runScript } from ${library("cli/script.ts")};
import { inputError, ProcessError, UserError } from ${library("base/errors.ts")};
await runScript(${JSON.stringify(spec)}, {
  async main(host, args) { ${body} },
  diagnosis: () => Promise.resolve({
    script: "map",
    checks: [],
    outcome: (_, { wanted }) => ({ verdict: "broken", what: "looked " + wanted }),
  }),
});
Deno.exit(99);`,
    );
    const argv = [
      ...through,
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      "--no-lock",
      "--config",
      join(root, "deno.json"),
      file,
      ...args,
    ];
    return await runProcess(argv, { okCodes: "any", env });
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("an error or a warning that nobody would see is shown on the desktop, but with options that print", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const shown = join(directory, "shown");
    await Deno.writeTextFile(join(directory, "notify-send"), `#!/bin/sh\nprintf '%s\\n' "$@" >>"${shown}"\n`, {
      mode: 0o755,
    });
    const unseen = ["sh", "-c", 'exec "$@" </dev/null >/dev/null 2>&1', "sh"];
    const env = { DISPLAY: ":99", PATH: `${directory}:${Deno.env.get("PATH")}` };
    // Of the last, a pipe takes what it says.
    for (const [args, through] of [[["--delete"], unseen], [["x"], unseen], [["read"], []]] as const) {
      await runMain(`throw inputError("No " + args.positionals[0], "Look")`, args, { through, env });
    }
    assertEquals((await Deno.readTextFile(shown)).split("\n").slice(-4), ["--", "try.ts: No x", "Look", ""]);
    assertEquals((await Deno.readTextFile(shown)).match(/^--$/gm)?.length, 1);
    const warns = `host.ui.warn("Slow"); host.ui.warn("Slow"); host.ui.warn("Lent", { onDesktop: true }); return 0`;
    for (const [args, through] of [[["--delete"], unseen], [["x"], unseen], [["x"], []]] as const) {
      await runMain(warns, args, { through, env });
    }
    assertEquals((await Deno.readTextFile(shown)).split("\n").slice(-4), ["--", "try.ts", "Slow", ""]);
    assertEquals((await Deno.readTextFile(shown)).match(/^--$/gm)?.length, 2, "once, and where nobody would see it");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Makes the end of a scope fail with an error. */
function failingEnd(error: string): string {
  return `await using _ = { [Symbol.asyncDispose]() { throw new ${error} } }`;
}

/** What a main function does, how the script is called, and how it ends. */
type Run = [body: string, args: string[], code: number, stdout: string, stderr: string];

/** Registers a test of several runs. */
function testRuns(name: string, runs: readonly Run[]): void {
  Deno.test(`runScript() ${name}`, async () => {
    const results = await Promise.all(runs.map(([body, args]) => runMain(body, args)));
    for (const [index, [body, args, ...ended]] of runs.entries()) {
      const { code, stdout, stderr } = results[index]!;
      assertEquals([code, stdout, stderr], ended, `${body} ${args.join(" ")}`);
    }
  });
}

testRuns("keeps results on stdout, and all else on stderr", [
  ["throw 1", ["--help"], 0, `${helpText(spec)}\n`, ""],
  [`host.ui.warn("w", { security: true })`, ["-q", "x"], 0, "", "warning: w\n"],
  ["throw 1", ["-V"], 0, `try.ts ${config.version}\n`, ""],
  ["throw 1", ["--doctor", "--engine=incus", "-n"], 1, "broken  looked incus\n", ""],
  [`host.ui.status("s"); host.ui.progress("p"); host.ui.result("text", {a: 1})`, ["x"], 0, "text\n", "s\np\n"],
  [`host.ui.status("s"); host.ui.warn("w"); host.ui.result("text", {a: 1})`, ["-q", "--json"], 0, '{"a":1}\n', ""],
  ["return 7", [], 7, "", ""],
  [
    `await host.run(["no-such-program-x", "a b"])`,
    ["-n"],
    0,
    "no-such-program-x 'a b'\n",
    "",
  ],
]);

testRuns("tells an error by one line, what to do by another, and the outcome by the exit code", [
  [
    `throw inputError("No", "Look")`,
    ["delete", "x"],
    2,
    "",
    "error: No\nhint: Look. If you mean the option: try.ts --delete x\n",
  ],
  [`throw inputError("No", "Look")`, ["x", "delete"], 2, "", "error: No\nhint: Look\n"],
  ["throw 1", ["--bogus"], 2, "", 'error: Unknown option "--bogus"\nhint: See try.ts --help\n'],
  [
    `throw new UserError("Bad \\"x\\"", { hint: "Mend it", exitCode: 125, output: "said\\n\\x1b[31mred" })`,
    ["--quiet"],
    125,
    "",
    'error: Bad "x"\n    said\n    \ufffd[31mred\nhint: Mend it\n',
  ],
  [
    `await host.run(["sh", "-c", "echo why >&2; exit 5"])`,
    [],
    1,
    "",
    'error: "sh -c echo why >&2; exit 5" failed with exit status 5\n    why\nhint: Run it again with --verbose to see each command\n',
  ],
  [
    `await host.run(["no-such-program-x"])`,
    [],
    127,
    "",
    'error: The program "no-such-program-x" is not installed\nhint: Install it\n',
  ],
]);

testRuns("has --yes answer a question, but for one to a person", [
  [`return await host.ui.confirm("Sure?") ? 3 : 4`, [], 4, "", ""],
  [`return await host.ui.confirm("Sure?") ? 3 : 4`, ["--yes"], 3, "", ""],
  [`return await host.ui.confirm("Sure?", { personOnly: true }) ? 3 : 4`, ["-y"], 4, "", ""],
]);

testRuns("cleans up first, and tells what has ended the run, and what else has failed", [
  // The end of a scope fails after it.
  [
    `${failingEnd('UserError("Late", { hint: "Do" })')}; throw inputError("No", "Look")`,
    ["x"],
    2,
    "",
    "warning: Late. Do\nerror: No\nhint: Look\n",
  ],
  [`${failingEnd("Deno.errors.BrokenPipe()")}; throw new Deno.errors.BrokenPipe()`, ["x"], 1, "", ""],
  [`Deno.kill(Deno.pid, "SIGTERM"); await host.run(["sleep", "9"])`, [], 143, "", ""],
  [
    `Promise.reject(inputError("No", "Look"));
      await host.run(["sleep", "9"]).finally(() => host.ui.status("cleaned up"))`,
    [],
    2,
    "",
    "cleaned up\nerror: No\nhint: Look\n",
  ],
  [
    `setTimeout(() => { throw inputError("No", "Look"); });
      await host.run(["sleep", "9"]).finally(() => host.ui.status("cleaned up"))`,
    [],
    2,
    "",
    "cleaned up\nerror: No\nhint: Look\n",
  ],
  [
    `setTimeout(() => { throw inputError("No", "Look"); });
      await host.run(["sleep", "9"]).finally(async () => {
        Promise.reject(new Error("Left behind"));
        Promise.reject(host.signal.reason);
        await new Promise((resolve) => addEventListener("unhandledrejection", resolve));
      })`,
    [],
    2,
    "",
    "warning: Error: Left behind\nerror: No\nhint: Look\n",
  ],
  [
    `Promise.reject(inputError("No", "Look")); await new Promise((resolve) => addEventListener("unhandledrejection", resolve))`,
    [],
    2,
    "",
    "error: No\nhint: Look\n",
  ],
]);

Deno.test("runScript() shows a stack only with --verbose", async () => {
  const body = `throw new RangeError("odd")`;
  const [plain, verbose] = await Promise.all([runMain(body, []), runMain(body, ["--verbose"])]);
  assertEquals([plain.code, verbose.code], [1, 1]);
  assertStringIncludes(plain.stderr, "error: RangeError: odd\nhint: ");
  assert(!/^\s+at /m.test(plain.stderr), plain.stderr);
  assertMatch(verbose.stderr, /^\s+at /m);
});
