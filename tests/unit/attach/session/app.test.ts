import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  appScript,
  joinedAppScript,
  noSuchApp,
  sortAppWords,
  splitCommandLine,
} from "../../../../lib/attach/session/app.ts";
import { outcomeIn } from "../../../../lib/attach/session/outcome.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { programs } from "../../../../lib/base/programs.ts";
import { awkwardWords, randomWords } from "../../samples.ts";

Deno.test("splitCommandLine() refuses an open quote and a line without a program, with exit code 2", () => {
  assertEquals(splitCommandLine(`xterm -T "it's"`), ["xterm", "-T", "it's"]);
  for (const line of ["", "  ", "''", `"xterm`]) {
    assertEquals(assertThrows(() => splitCommandLine(line), UserError, "cannot be split").exitCode, 2);
  }
});

/** What the words after NAME mean, with those behind `--`. */
function sorted(words: string[], rest: string[] = [], lendsFiles = false): ReturnType<typeof sortAppWords> {
  return sortAppWords(words, { rest, lendsFiles, line: (app) => `attach.ts box -- ${app.join(" ")}` });
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

/**
 * Runs an app as a session on Wayland does, in a runtime directory of its own.
 *
 * @param options `xServer`: a script for sh that is called Xwayland, without which there is none; `manager`: one that is
 * called openbox; `ldd`: one that is called so; `display`: `$DISPLAY`; `script`: for sh
 * @returns its exit status, and the session's log
 */
async function runApp(
  app: readonly string[],
  { xServer, manager = "", ldd = "", display, script = appScript(app) }: {
    xServer?: string;
    manager?: string;
    ldd?: string;
    display?: string;
    script?: string;
  } = {},
): Promise<{ code: number; log: string }> {
  const directory = await Deno.makeTempDir();
  try {
    if (xServer !== undefined) {
      const programs = { Xwayland: xServer, openbox: manager, ldd };
      for (const [name, text] of Object.entries(programs)) {
        await Deno.writeTextFile(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      }
    }
    // The host may have one.
    const without = xServer === undefined ? "command() { false; }\n" : "";
    const argv = ["env", display === undefined ? "--unset=DISPLAY" : `DISPLAY=${display}`, "/bin/sh", "-c"];
    const { code } = await runProcess([...argv, `exec >"$RUNTIME_DIRECTORY/log" 2>&1\n${without}${script}`], {
      env: { RUNTIME_DIRECTORY: directory, TMPDIR: "/server", PATH: `${directory}:/usr/bin:/bin` },
      okCodes: "any",
    });
    return { code, log: await Deno.readTextFile(join(directory, "log")) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("appScript() runs the app's words byte for byte, and tells its exit status", async () => {
  const words = [...awkwardWords, ...randomWords(100, 6)];
  const { log } = await runApp(["printf", "%s\\0", "first", ...words]);
  assertEquals(log.split("\0").slice(1), [...words, "The app ended with exit status 0\n"]);
});

Deno.test("appScript() ends with the app's exit status, without the server's TMPDIR", async () => {
  const { code, log } = await runApp(["sh", "-c", 'echo "[${TMPDIR-}]"; exit 7']);
  assertEquals(code, 7);
  assert(log.endsWith("[]\nThe app ended with exit status 7\n"), log);
});

Deno.test("appScript() takes no app for a word of the shell's grammar", async () => {
  for (const program of ["A=b", "if", "while", "!"]) assertEquals((await runApp([program, "x"])).code, 127);
});

/** An X server that is ready at once. */
const xServer = '[ "$1" = -help ] || { echo 7 >&3; exec 3>&- sleep 60; }';

Deno.test("appScript() starts an app that finds no X display once more on an X server, which ends with it", async () => {
  const says = (words: string): string[] => [
    "sh",
    "-c",
    `echo "try \${DISPLAY-}"; [ "\${DISPLAY-}" ] || { cat <<'END' >&2; exit 1; }\n${words}\nEND\nexit 5`,
  ];
  const isStarted = async (words: string): Promise<boolean> => {
    const { code, log } = await runApp(says(words), { xServer });
    assertEquals(code, log.includes("try :7\n") ? 5 : 1, log);
    return log.includes("try :7\n");
  };
  for (
    const words of [
      "xterm: Xt error: Can't open display: ",
      "Error: Can't open display: ",
      "feh ERROR: Can't open X display. It *is* running, yeah?",
      "(gimp:1): Gtk-WARNING **: 10:00:00.000: cannot open display: ",
      "Application initialization failed: no display name and no $DISPLAY environment variable",
      'Exception in thread "main" java.awt.HeadlessException: ',
      "qt.qpa.xcb: could not connect to display ",
      'This application failed to start because no Qt platform plugin could be initialized: Could not load the Qt platform plugin "xcb"',
      "Could not initialize SDL: No available video device",
      "GLFW error: X11: The DISPLAY environment variable is missing",
      "[1:1:ERROR:ozone_platform_x11.cc(240)] Missing X server or $DISPLAY",
      "display: unable to open X server `' @ error",
    ]
  ) assert(await isStarted(words), words);
  for (
    const words of [
      "main interface error: no suitable interface module",
      "ArgumentNullException: Could not open display (X-Server required. Check your DISPLAY environment variable)",
    ]
  ) {
    const app = `echo "try \${DISPLAY-}"; [ "\${DISPLAY-}" ] || echo '${words}'`;
    assertStringIncludes((await runApp(["sh", "-c", app], { xServer })).log, "try :7\n");
    const without = await runApp(["sh", "-c", app]);
    assertEquals([without.code, outcomeIn(without.log).lacksX], [1, true], without.log);
  }
  for (
    const words of [
      "Cannot connect to server",
      "No such file",
      "cannot open shared object file",
      "failed to reach the linux server",
      "nginx server: no such file",
      "cannot open display settings",
    ]
  ) assert(!await isStarted(words), words);
});

Deno.test("appScript() starts a program that turns to a terminal again if it is linked with X", async () => {
  for (const words of ["Vim: Warning: Output is not to a terminal", "emacs: standard input is not a tty"]) {
    const app = ["sh", "-c", `echo "try \${DISPLAY-}"; echo '${words}'; exit 1`];
    for (const [library, isStarted] of [["libX11.so.6", true], ["libtinfo.so.6", false]] as const) {
      const { log } = await runApp(app, { xServer, ldd: `[ "\${1##*/}" = sh ] && echo ${library}` });
      assertEquals(log.includes("try :7\n"), isStarted, log);
    }
  }
});

Deno.test("appScript() starts an app no third time, nor one that ends well, is stopped, has a display, or worked for a while", async () => {
  const appOf = (shell: string): string[] => ["sh", "-c", `echo try; echo "Can't open display"; ${shell}`];
  const tries = async (shell: string, options = {}): Promise<number> => {
    const app = appOf(shell);
    const { log } = await runApp(app, { xServer, ...options });
    return log.split("try\n").length - 1;
  };
  assertEquals(await tries("exit 1"), 2);
  assertEquals(await tries("exit 0"), 1);
  // Qt's apps end with 134.
  for (const [status, expected] of [[130, 1], [134, 2], [143, 1]]) {
    assertEquals(await tries(`exit ${status}`), expected, `${status}`);
  }
  assertEquals(await tries("exit 1", { display: ":0" }), 1);
  // LibreOffice ends with another status.
  assertEquals(await tries('touch "$RUNTIME_DIRECTORY/stopped"; exit 79'), 1);
  const long = "sleep 2; exit 1";
  assertEquals(await tries(long, { script: appScript(appOf(long)).replace("-lt 10", "-lt 2") }), 1);
});

Deno.test("appScript() says that there is no Xwayland, and lets an app fail whose X server does not start", async () => {
  const app = ["sh", "-c", 'echo "Can\'t open display"; exit 3'];
  const without = await runApp(app);
  const line = `There is no Xwayland or openbox in this container: apt-get install ${programs["Xwayland"]!.package}`;
  assert(without.log.includes(`\n${line}\nThe app ended`), without.log);
  assertEquals(outcomeIn(without.log).lacksX, true);
  // An app that joins the session prints it to the same log.
  assertEquals(outcomeIn(`The app is started\n${line}\nbye\nThe app ended with exit status 3\n`).lacksX, false);
  const broken = await runApp(app, { xServer: "echo broken; exit 1" });
  assert(broken.log.includes("broken\n"), broken.log);
  assertEquals([without.code, broken.code], [3, 3]);
});

Deno.test("appScript() takes the end of an X server that the user has closed for the app's good end, and no crash of it", async () => {
  const app = ["sh", "-c", `[ "\${DISPLAY-}" ] || { echo "Can't open display"; exit 1; }; sleep 0.6; exit 84`];
  const endsWith = async (status: number): Promise<number> =>
    (await runApp(app, { xServer: `[ "$1" = -help ] || { echo 7 >&3; exec 3>&-; sleep 0.3; exit ${status}; }` })).code;
  assertEquals([await endsWith(0), await endsWith(1)], [0, 84]);
});

Deno.test("a session waits for a Firefox that restarts itself, and knows its process; not for another program that stays", async () => {
  const known = "grep -qx $$ $RUNTIME_DIRECTORY/pid";
  const again = `MOZ_LAUNCHED_CHILD= sleep 60 & until ${known}; do sleep 0.1; done; echo known`;
  const restart = `env MOZ_LAUNCHED_CHILD=1 sh -c '${again}' & sleep 0.3; exit 3`;
  const { code, log } = await runApp(["sh", "-c", restart]);
  assertEquals([code, log], [3, "The app is started\nknown\nThe app ended with exit status 3\n"]);
  const startMs = performance.now();
  await runApp(["sh", "-c", "sleep 60 & exit 3"]);
  assert(performance.now() - startMs < 30_000);
});

Deno.test("a session goes on with an app that leaves for the background, while that is on the display, and with no other one", async () => {
  const line = "0000000000000000: 00000003 00000000 00000000 0001 03 4242 gui-kate";
  const sockets = await Deno.makeTempFile();
  try {
    // One of a bus, which has nothing of the app's environment, stays behind.
    const run = async (shell: string): Promise<string> => {
      await Deno.writeTextFile(sockets, "");
      const app = ["sh", "-c", `(${shell}; echo gone) & env -i sleep 60 &`];
      const script = appScript(app).replaceAll("/proc/net/unix", sockets)
        .replaceAll("sleep 0.5", "sleep 0.05");
      return (await runApp(app, { script: `WAYLAND_DISPLAY=gui-kate; ${script}` })).log;
    };
    const shown = await run(`sleep 0.2; echo '${line}' >${sockets}; sleep 1; : >${sockets}`);
    assertEquals(shown, "The app is started\ngone\nThe app ended with exit status 0\n");
    assertEquals(await run("sleep 60"), "The app is started\nThe app ended with exit status 0\n");
  } finally {
    await Deno.remove(sockets);
  }
});

Deno.test("joinedAppScript starts an app once its window manager is ready, ends that, and then holds the session no longer", async () => {
  const joined =
    `set -- 1 sh -c 'echo "Cannot open display"; cat "$RUNTIME_DIRECTORY/managed"; exit 3'; ${joinedAppScript}`;
  const script = `exec 9>"$RUNTIME_DIRECTORY/lock"; (flock --shared 9; ${joined})
    exec 9>&-; flock --timeout 60 "$RUNTIME_DIRECTORY/lock" echo free`;
  const manager =
    'echo "Openbox-Message"; sleep 0.3; echo "It is ready" >"$RUNTIME_DIRECTORY/managed"; eval "$5"; exec sleep 60';
  const { code, log } = await runApp([], { xServer, manager, script });
  assertEquals(code, 0, log);
  assert(log.includes("started again") && log.endsWith("\nIt is ready\nfree\n"), log);
});

Deno.test("noSuchApp() says how to open a file of this host's that stands in the app's place", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "a letter.txt");
    await Deno.writeTextFile(file, "");
    const { hint, exitCode } = await noSuchApp(splitCommandLine(file), "box", undefined);
    assertStringIncludes(hint, `file://${directory}/a%20letter.txt`);
    assertEquals(exitCode, 127);
    for (const app of ["no-such-app --flag", directory]) {
      assertStringIncludes(
        (await noSuchApp(splitCommandLine(app), "box", undefined)).hint,
        "create.ts --install box apt:",
      );
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
