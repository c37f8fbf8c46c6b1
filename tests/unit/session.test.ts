import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { openChannels } from "../../lib/attach/channels.ts";
import { type ProcessResult, UserError } from "../../lib/base/errors.ts";
import { mountsOf } from "../../lib/container/mounts.ts";
import { runProcess } from "../../lib/base/process.ts";
import {
  appScript,
  checkSessionName,
  sessionNameOf,
  type SessionPlan,
  socketPath,
  startSession,
} from "../../lib/attach/session.ts";
import type { SshTarget } from "../../lib/container/ssh.ts";
import { type Answer, type RecordingHost, recordingHost } from "./recording_host.ts";
import { argumentsSeenByShell, awkwardWords, randomWords } from "./samples.ts";

Deno.test("sessionNameOf() is the app's base name, without what a name cannot hold", () => {
  for (
    const [app, name] of [
      ["firefox", "firefox"],
      ["/usr/lib/x/foo-bar_1.2", "foo-bar_1.2"],
      ["./my app", "my-app"],
      ["it's", "it-s"],
      ["-x", "x"],
      [".hidden", "hidden"],
      ["..", "app"],
      ["/", "app"],
      ["[", "app"],
      ["日本", "app"],
      ["über", "ber"],
      ["a\nb", "a-b"],
      ["x".repeat(300), "x".repeat(60)],
    ] as const
  ) assertEquals(sessionNameOf(app), name);
});

Deno.test("sessionNameOf() is a name that checkSessionName() takes, with room to count, whatever the app", () => {
  for (const app of [...awkwardWords, ...randomWords(300, 5)]) checkSessionName(`${sessionNameOf(app)}-99`);
});

Deno.test("checkSessionName() refuses what could leave its directory or a unit's name, with exit code 2", () => {
  for (const name of ["a", "9", "a.b_c-d", "x".repeat(64)]) checkSessionName(name);
  for (const name of ["", ".", "..", "-a", ".a", "a/b", "a b", "a\n", "a@b", "ä", "a%i", "x".repeat(65)]) {
    assertEquals(assertThrows(() => checkSessionName(name), UserError, "name of a session").exitCode, 2);
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

Deno.test("socketPath() refuses a path that is longer than a socket's can be, counted in bytes", () => {
  assertEquals(socketPath("/m/box/xpra", "firefox"), "/m/box/xpra/firefox");
  const room = 107 - "/".length - "/s".length;
  assertEquals(socketPath(`/${"a".repeat(room)}`, "s").length, 107);
  for (const directory of [`/${"a".repeat(room + 1)}`, `/${"ü".repeat(room / 2 + 1)}`]) {
    const error = assertThrows(() => socketPath(directory, "s"), UserError, "longer than 107 bytes");
    assertEquals(error.exitCode, 2);
    assertStringIncludes(error.hint, "GUI_CONTAINER_MOUNTS");
  }
});

function start(answer: Answer, plan: Partial<SessionPlan> = {}): { recorded: RecordingHost; session: Promise<string> } {
  const recorded = recordingHost({ env: { HOME: "/home/me" }, answer: () => answer });
  const target: SshTarget = { name: "box", address: "10.0.0.5", mounts: mountsOf(recorded.host, "box") };
  const whole: SessionPlan = {
    app: ["xterm"],
    run: "1234abcd",
    name: "xterm",
    exact: false,
    open: openChannels({}),
    screen: { width: 800, height: 600, dpi: 96, monitors: [] },
    ...plan,
  };
  return { recorded, session: startSession(recorded.host, target, whole) };
}

Deno.test("startSession() gives back the name that the container chose, after one SSH call", async () => {
  const { recorded, session } = start({ stdout: "xterm-3\n" });
  assertEquals(await session, "xterm-3");
  assertEquals(recorded.calls.map(([program]) => program), ["ssh"]);
});

Deno.test("startSession() takes back a session whose name xpra could take for a URL", async () => {
  for (const stdout of ["xpra+tcp:10.0.0.1:14500\n", "..\n", "Welcome!\nxterm\n", ""]) {
    const { recorded, session } = start({ stdout });
    await assertRejects(() => session, UserError, "does not tell the name of the session");
    assertEquals(recorded.calls.map(([program]) => program), ["ssh", "ssh"]);
  }
});

Deno.test("startSession() carries the app through both shells byte for byte", async () => {
  const app = ["show", ...awkwardWords.filter((word) => word !== "")];
  const { recorded, session } = start({ stdout: "x\n" }, { app, exact: true, name: "x" });
  await session;
  const [words] = await argumentsSeenByShell(`show ${recorded.calls[0]!.at(-1)!}`);
  assertEquals(words!.slice(0, 2), ["/bin/sh", "-c"]);
  assertEquals(words!.slice(3, 7), ["gui-container", "x", "exact", "show"]);
  assertEquals(words![7], "1234abcd");
  assert(words!.includes(`--setenv=GUI_CONTAINER_APP=${appScript(app)}`));
  assert(words!.includes("800x600"));
});

Deno.test("startSession() sends scripts that a POSIX shell can parse", async () => {
  const { recorded, session } = start({ stdout: "x\n" });
  await session;
  const [words] = await argumentsSeenByShell(`show ${recorded.calls[0]!.at(-1)!}`);
  const variable = "--setenv=GUI_CONTAINER_SERVER=";
  const scripts = words!.filter((_, index) => words![index - 1] === "-c")
    .concat(words!.filter((word) => word.startsWith(variable)).map((word) => word.slice(variable.length)));
  assertEquals(scripts.length, 3);
  for (const script of scripts) await runProcess(["/bin/sh", "-n", "-c", script]);
});

Deno.test("startSession() tells a missing app, a missing xpra and a name that is taken apart", async () => {
  for (
    const [answer, message, exitCode] of [
      [{ code: 127, stderr: "foo: not found\n" }, 'no program "foo" in the container "box"', 127],
      [{ code: 127, stderr: "xpra: not found\n" }, 'There is no xpra in the container "box"', 127],
      [{ code: 75 }, 'There is a session "mine" in "box" already', 2],
      [{ code: 1, stderr: "Failed to connect to bus\n" }, 'could not be started in "box"', 1],
    ] as const
  ) {
    const { session } = start(answer, { app: ["foo"], name: "mine", exact: true });
    const error = await assertRejects(() => session, UserError, message);
    assertEquals(error.exitCode, exitCode);
  }
});
