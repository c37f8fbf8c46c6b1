import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import type { ProcessResult } from "../../../lib/base/errors.ts";
import { runProcess, startProcess } from "../../../lib/base/process.ts";
import { quoteWords } from "../../../lib/base/shell_words.ts";

/** The command line of a script that only does this with its terminalUi `ui`. */
function argvOf(body: string, options: Record<string, boolean>): string[] {
  const all = { quiet: false, json: false, yes: false, ...options };
  const script = `import { terminalUi } from ${
    JSON.stringify(new URL("../../../lib/base/ui.ts", import.meta.url).href)
  };
const ui = terminalUi({ ...${JSON.stringify(all)}, signal: new AbortController().signal });
${body}`;
  return [Deno.execPath(), "eval", "--ext=ts", "--no-lock", script];
}

/** What such a script prints. */
function ui(body: string, options: Record<string, boolean>, stdin = ""): Promise<ProcessResult> {
  return runProcess(argvOf(body, options), { stdin: { text: stdin } });
}

/** What it prints on a terminal, at which somebody types this. */
async function onTerminal(body: string, options: Record<string, boolean> = {}, typed = ""): Promise<string> {
  const argv = ["script", "-qec", quoteWords(argvOf(body, options)), "/dev/null"];
  const env = { NO_COLOR: "1", SHELL: "/bin/sh" };
  return (await runProcess(argv, { env, stdin: { text: typed } })).stdout;
}

Deno.test("terminalUi() lets no control character of a message reach the terminal", async () => {
  const text = '"a\\x1b[2Jb\\x07"';
  const { stdout, stderr } = await ui(
    `ui.status(${text}); ui.warn(${text}); ui.progress(${text}); ui.error({ message: ${text}, hint: ${text}, output: ${text} });`,
    {},
  );
  const seen = "a\ufffd[2Jb\ufffd";
  assertEquals(stdout, "");
  assertEquals(stderr, `${seen}\nwarning: ${seen}\n${seen}\nerror: ${seen}\n    ${seen}\nhint: ${seen}\n`);
});

Deno.test("terminalUi() gives a program each byte of a result, and a terminal none that steers it", async () => {
  // "\x1b]52;" writes to the clipboard.
  const body = `ui.result("a\\x1b]52;c;cHduZWQ=\\x07", { a: "\\x9b2J" }); ui.plan("\\x1b[2J")`;
  const raw = await ui(body, {});
  assertEquals(raw.stdout, "a\x1b]52;c;cHduZWQ=\x07\n\x1b[2J\n");
  for (const json of [false, true]) {
    const stdout = await onTerminal(body, { json });
    // deno-lint-ignore no-control-regex
    assert(!/[\x1b\x07\x9b]/.test(stdout) && stdout.includes("\ufffd"), JSON.stringify(stdout));
  }
});

Deno.test("terminalUi() shows the state of a step whole on a terminal, and no line of a plan behind it", async () => {
  const body = `ui.progress("Making it"); ui.plan("make it"); ui.result("made", {});`;
  assertEquals(await onTerminal(body), "\r\x1b[KMaking it\r\x1b[Kmake it\r\nmade\r\n");
});

Deno.test("terminalUi() says an error in one line, and indents each line that a program printed", async () => {
  const { stderr } = await ui(
    `ui.error({ message: "No file \\"a\\nb\\"", hint: "Do\\nthis", output: "one\\n\\ntwo\\n\\n" });`,
    { quiet: true },
  );
  assertEquals(stderr, 'error: No file "a b"\n    one\n    \n    two\nhint: Do this\n');
});

Deno.test("terminalUi() shows the end of what a program printed, not all of a flood", async () => {
  const { stderr } = await ui(`ui.error({ message: "m", output: "flood\\n".repeat(100_000) + "the end" });`, {});
  assert(stderr.length < 150_000 && stderr.endsWith("    the end\n"), `${stderr.length}`);
});

Deno.test("terminalUi() says only errors when it is to be quiet, and still gives the result", async () => {
  const { stdout, stderr } = await ui(
    `ui.status("s"); ui.warn("w"); ui.progress("p"); ui.error({ message: "e" }); ui.result("text", { a: "\\u001b" });`,
    { quiet: true },
  );
  assertEquals([stdout, stderr], ["text\n", "error: e\n"]);
});

Deno.test("terminalUi() waits for Enter or the end of the input, and answers no without a terminal", async () => {
  for (const stdin of ["", "\n", "y\nmore"]) {
    const { stdout } = await ui(
      `ui.result(String(await ui.confirm("Sure?")), 0); await ui.enter("Press"); Deno.exit();`,
      {},
      stdin,
    );
    assertEquals(stdout, "false\n");
  }
});

Deno.test("terminalUi() lets nobody choose without a terminal, whatever the input holds", async () => {
  const { stdout, stderr } = await ui(
    `ui.result(String(await ui.choose("Session", ["a", "b"])), 0); Deno.exit();`,
    { yes: true },
    "1\n",
  );
  assertEquals([stdout, stderr], ["undefined\n", ""]);
});

Deno.test("terminalUi() says progress in plain lines without a terminal, and what is to be left out not at all", async () => {
  const { stdout, stderr } = await ui(
    `ui.progress("one"); ui.progress("two, shown in place", { plain: "two" }); ui.progress("three", { plain: "" });`,
    {},
  );
  assertEquals([stdout, stderr], ["", "one\ntwo\n"]);
});

Deno.test("terminalUi() goes on when its terminal is closed, and says no more", async () => {
  const file = await Deno.makeTempFile();
  const body = `Deno.addSignalListener("SIGHUP", () => {}); ui.status("here");
while (Deno.stderr.isTerminal()) await new Promise((done) => setTimeout(done, 10));
ui.status("gone"); ui.progress("gone"); ui.error({ message: "gone" }); ui.result("gone", {});
Deno.writeTextFileSync(${JSON.stringify(file)}, "went on"); Deno.exit();`;
  try {
    const argv = ["script", "-qec", quoteWords(argvOf(body, {})), "/dev/null"];
    const line = (text: string): void => text.includes("here") ? terminal.kill("SIGKILL") : undefined;
    const terminal = startProcess(argv, { output: { line }, env: { SHELL: "/bin/sh" } });
    await terminal.ended;
    for (let tries = 0; tries < 200 && await Deno.readTextFile(file) === ""; tries++) await delay(50);
    assertEquals(await Deno.readTextFile(file), "went on");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("terminalUi() asks a person at a terminal, for whom --yes does not answer where only a person may", async () => {
  const body = `ui.result(String(await ui.confirm("Sure?", { personOnly: true })), 0); Deno.exit();`;
  for (const [typed, answer] of [["y\n", "true"], ["\n", "false"]] as const) {
    const printed = await onTerminal(body, { yes: true }, typed);
    assertStringIncludes(printed, "Sure? [y/N]");
    assert(printed.endsWith(`${answer}\r\n`), printed);
  }
});

Deno.test("terminalUi() has a person choose by number, and asks for a line", async () => {
  const body =
    `const name = await ui.choose("Containers", ["web", "mail"]); ui.result(name + await ui.ask("File: "), 0);
Deno.exit();`;
  const printed = await onTerminal(body, {}, "2\n'it is'\n");
  for (const line of ["1  web", "2  mail", "File: "]) assertStringIncludes(printed, line);
  assert(printed.endsWith("mail'it is'\r\n"), printed);
});

Deno.test("terminalUi() waits in the background, and takes Enter once it is in the foreground", async () => {
  const file = await Deno.makeTempFile();
  const body = `const over = await ui.enter("", { signal: AbortSignal.timeout(200) });
Deno.writeTextFileSync(${JSON.stringify(file)}, String(over)); ui.result(String(await ui.enter("")), 0); Deno.exit();`;
  try {
    const jobs = `trap '' TTIN; ${quoteWords(argvOf(body, {}))} & until [ -s ${file} ]; do sleep 0.1; done; fg`;
    const argv = ["script", "-qec", quoteWords(["bash", "-mc", jobs]), "/dev/null"];
    const { stdout } = await runProcess(argv, { stdin: { text: "\n" }, env: { SHELL: "/bin/sh" }, timeoutMs: 20_000 });
    assertEquals(await Deno.readTextFile(file), "false");
    assertStringIncludes(stdout, "true\r\n");
  } finally {
    await Deno.remove(file);
  }
});
