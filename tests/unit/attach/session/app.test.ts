import { assert, assertEquals, assertThrows } from "@std/assert";
import { appScript, type AppWords, sortAppWords, splitCommandLine } from "../../../../lib/attach/session/app.ts";
import { type ProcessResult, UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { awkwardWords, randomWords } from "../../samples.ts";

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

Deno.test("sortAppWords() gives the app all words behind it but xpra's options, and all behind --, as they are", () => {
  const options = ["--keyboard-layout=de"];
  for (
    const [words, rest, app, userOptions] of [
      [["xterm -e 'a b'"], [], ["xterm", "-e", "a b"], []],
      [["firefox", "https://a/?b c", ...options], [], ["firefox", "https://a/?b c"], options],
      [["firefox", ...options, "https://a"], ["-P"], ["firefox", "https://a", "-P"], options],
      [["libreoffice", "--writer"], [], ["libreoffice", "--writer"], []],
      [["firefox", "--private-window", "https://a"], [], ["firefox", "--private-window", "https://a"], []],
      [["xterm", "-w", "3", "-e", "top", "--"], [], ["xterm", "-w", "3", "-e", "top", "--"], []],
      [["mpv", "--volume=50", "a"], ["--title=x"], ["mpv", "--volume=50", "a", "--title=x"], []],
      [["vlc", "--no-audio", "--audio"], [], ["vlc", "--no-audio", "--audio"], []],
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

Deno.test("sortAppWords() takes words behind APP that are no options for files where these are lent", () => {
  assertEquals(sorted(["evince --presentation", "--fullscreen", "--opengl=no", "a.pdf"], ["-x"], true), {
    app: ["evince", "--presentation", "--fullscreen", "-x"],
    userOptions: ["--opengl=no"],
    files: ["a.pdf"],
  });
});

Deno.test("sortAppWords() refuses what xpra would take otherwise than it is meant, and says what to type", () => {
  for (
    const [words, message, hint] of [
      [
        ["mpv", "--audio=no", "a b"],
        '"--audio=no" is not handed on to xpra: channels are opened and closed by name',
        "Use --allow sound or --deny sound. For the app: attach.ts box -- mpv --audio=no a b",
      ],
      [
        ["firefox", "--title", "https://a"],
        '"--title" is an option of xpra, and lacks its value',
        "Write it as one word: --title=…. For the app: attach.ts box -- firefox --title https://a",
      ],
      [
        ["--new", "firefox"],
        '"--new" is not an option of attach.ts, nor one that it hands on to xpra',
        "See attach.ts --help. For the app: attach.ts box -- firefox --new",
      ],
      [
        ["-x"],
        '"-x" is not an option of attach.ts, nor one that it hands on to xpra',
        "See attach.ts --help",
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
