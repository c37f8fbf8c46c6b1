import { assert, assertEquals, assertThrows } from "@std/assert";
import { appScript, type AppWords, sortAppWords, splitCommandLine } from "../../lib/attach/session/app.ts";
import { type ProcessResult, UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { awkwardWords, randomWords } from "./samples.ts";

Deno.test("splitCommandLine() refuses an open quote and a line without a program, with exit code 2", () => {
  assertEquals(splitCommandLine(`xterm -T "it's"`), ["xterm", "-T", "it's"]);
  for (const line of ["", "  ", "''", `"xterm`]) {
    assertEquals(assertThrows(() => splitCommandLine(line), UserError, "cannot be split").exitCode, 2);
  }
});

/** What the words after NAME mean, with those behind `--`. */
function sorted(words: string[], rest: string[] = [], lendsFiles = false): AppWords {
  return sortAppWords(words, { rest, lendsFiles, line: (...app) => `attach.ts box -- ${app.join(" ")}` });
}

Deno.test("sortAppWords() gives words behind APP_CMDLINE and behind -- to the app as they are", () => {
  const options = ["--border=red"];
  for (
    const [words, rest, app, userOptions] of [
      [["xterm -e 'a b'"], [], ["xterm", "-e", "a b"], []],
      [["firefox", "https://a/?b c", ...options], [], ["firefox", "https://a/?b c"], options],
      [["firefox", ...options, "https://a"], ["-P"], ["firefox", "https://a", "-P"], options],
      [[...options, "xterm"], [], ["xterm"], options],
      [options, ["xterm -e", "--preset=x"], ["xterm -e", "--preset=x"], options],
      [options, [], undefined, options],
      [[], [], undefined, []],
    ] as const
  ) {
    assertEquals(sorted([...words], [...rest]), {
      app: app && [...app],
      userOptions: [...userOptions],
      files: [],
    });
  }
});

Deno.test("sortAppWords() takes words behind APP_CMDLINE for files where these are lent", () => {
  assertEquals(sorted(["evince --presentation", "--border=red", "a.pdf"], ["-x"], true), {
    app: ["evince", "--presentation", "-x"],
    userOptions: ["--border=red"],
    files: ["a.pdf"],
  });
});

Deno.test("sortAppWords() refuses what may be xpra's or the app's, and says what to type", () => {
  for (
    const [words, message, hint] of [
      [
        ["xterm", "-e", "top"],
        '"-e" is not an option of attach.ts or of xpra',
        "For the app: attach.ts box -- xterm -e top",
      ],
      [
        ["firefox", "--title", "https://a"],
        'Does "https://a" belong to the option --title, or to the app?',
        "For the option: --title=https://a. For the app: attach.ts box -- firefox --title https://a",
      ],
    ] as const
  ) {
    const error = assertThrows(() => sorted([...words]), UserError);
    assertEquals([error.message, error.hint, error.exitCode], [message, hint, 2]);
  }
});

/** Runs an app as its session does, in a runtime directory of its own. */
async function runApp(app: readonly string[]): Promise<ProcessResult> {
  const directory = await Deno.makeTempDir();
  try {
    return await runProcess(["/bin/sh", "-c", appScript(app)], {
      env: { RUNTIME_DIRECTORY: directory, TMPDIR: "/server" },
      okCodes: "any",
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("appScript() runs the app's words byte for byte, and tells its exit status", async () => {
  const words = [...awkwardWords, ...randomWords(100, 6)];
  const { stdout, stderr } = await runApp(["printf", "%s\\0", "first", ...words]);
  assertEquals(stderr, "");
  assertEquals(stdout.split("\0").slice(1), [...words, "The app ended with exit status 0\n"]);
});

Deno.test("appScript() ends with the app's exit status, without the server's TMPDIR", async () => {
  const { code, stdout } = await runApp(["sh", "-c", 'echo "[${TMPDIR-}]"; exit 7']);
  assertEquals(code, 7);
  assert(stdout.endsWith("[]\nThe app ended with exit status 7\n"), stdout);
});

Deno.test("appScript() takes no app for a word of the shell's grammar", async () => {
  for (const program of ["A=b", "if", "while", "!"]) assertEquals((await runApp([program, "x"])).code, 127);
});
