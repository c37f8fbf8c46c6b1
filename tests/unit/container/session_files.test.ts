import { assertEquals, assertRejects } from "@std/assert";
import type { ProcessResult } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { appScript } from "../../../lib/attach/session/app.ts";
import { type AppOutcome, appOutcome, outcomeIn } from "../../../lib/attach/session/outcome.ts";
import { readSessionLog } from "../../../lib/container/session_files.ts";
import readLog from "../../../lib/container/read_log.sh" with { type: "text" };
import { UserError } from "../../../lib/base/errors.ts";
import { withValues } from "../../../lib/base/shell_words.ts";
import { localBox, remoteBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

/** How much of a log is read at most, in bytes. */
const bytes = 4096;

/** What appOutcome() tells of a session whose log is in this directory. */
function outcomeOf(sockets: string, session: string): Promise<AppOutcome | undefined> {
  const mounts = { directory: sockets, sockets, share: sockets, shared: [sockets], knownHosts: sockets, ssh: sockets };
  return appOutcome(localBox(recordingHost().host, { mounts }), session);
}

Deno.test("appOutcome() reads the app's exit status, and of its output what is not xpra's", async () => {
  const directory = await Deno.makeTempDir();
  const time = "2026-01-01 10:00:00,123";
  const write = (appOutput: string): Promise<void> =>
    Deno.writeTextFile(
      `${directory}/s.log`,
      `${time} xpra is ready\nno time\n${time} started command '/bin/sh app' with pid 5\n${appOutput}`,
    );
  try {
    assertEquals(await outcomeOf(directory, "s"), undefined);
    // What an app prints may look like our own line: the last one counts.
    const runtime = await Deno.makeTempDir({ dir: directory });
    const runApp = (app: string[]): Promise<ProcessResult> =>
      runProcess(["/bin/sh", "-c", appScript(app)], {
        env: { RUNTIME_DIRECTORY: runtime, DISPLAY: ":0" },
        okCodes: "any",
      });
    const script = `echo one; echo The app ended with exit status 0; echo "${time} more of xpra"; echo two; exit 3`;
    await write(`${(await runApp(["sh", "-c", script])).stdout}${time} the end\n`);
    const outcome = await outcomeOf(directory, "s");
    assertEquals(outcome?.status, 3);
    assertEquals(outcome?.output, "one\nThe app ended with exit status 0\ntwo\n");
    await write("ended in the middle\n");
    assertEquals((await outcomeOf(directory, "s"))?.status, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("outcomeIn() knows the end of an app that has not ended its last line", () => {
  const failed = outcomeIn("The app is started\nPassword: The app ended with exit status 3\n");
  assertEquals([failed.status, failed.output], [3, "Password: "]);
  const stopped = "The app is started\n50 %The session is stopped\nThe app ended with exit status 143\n";
  assertEquals(outcomeIn(stopped).stopped, true);
});

Deno.test("appOutcome() names an option that the server's xpra does not know, but not one of the app's", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const complaint = "xpra initialization error:\nno such option: --audio\n";
    await Deno.writeTextFile(`${directory}/old.log`, complaint);
    assertEquals((await outcomeOf(directory, "old"))?.unknownOption, "--audio");
    await Deno.writeTextFile(`${directory}/app.log`, `The app is started\n${complaint}`);
    assertEquals((await outcomeOf(directory, "app"))?.unknownOption, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readSessionLog() reads the newest log or the end of one, and neither waits for a pipe nor follows a link", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertEquals(await readSessionLog(`${directory}/none`, { session: undefined, bytes }), undefined);
    assertEquals(await readSessionLog(directory, { session: undefined, bytes }), undefined);
    await Deno.writeTextFile(`${directory}/a.log`, "first\n");
    await Deno.writeTextFile(`${directory}/b.log`, "second\n");
    await Deno.utime(`${directory}/a.log`, 1, 1);
    await runProcess(["mkfifo", `${directory}/pipe.log`]);
    await Deno.symlink("/etc/hostname", `${directory}/link.log`);
    // Newer than all, but no session can be called so.
    await Deno.writeTextFile(`${directory}/$(id).log`, "no name\n");
    assertEquals((await readSessionLog(directory, { session: undefined, bytes }))?.text, "second\n");
    assertEquals((await readSessionLog(directory, { session: "a", bytes }))?.text, "first\n");
    assertEquals(await readSessionLog(directory, { session: "a", bytes: 3 }), { text: "st\n", omittedBytes: 3 });
    for (const session of ["none", "pipe", "link"]) {
      assertEquals(await readSessionLog(directory, { session, bytes }), undefined, session);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readSessionLog() reads no more than the end of a log of a terabyte", async () => {
  const directory = await Deno.makeTempDir();
  try {
    using file = await Deno.open(`${directory}/s.log`, { write: true, create: true });
    await file.truncate(2 ** 40);
    const log = await readSessionLog(directory, { session: "s", bytes });
    assertEquals([log?.text.length, log?.omittedBytes], [bytes, 2 ** 40 - bytes]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("log() asks a container on another machine, and takes a bounded answer of the right form only", async () => {
  for (
    const [stdout, log] of [
      ["12\nHello\nthere\n", { text: "Hello\nthere\n", omittedBytes: 0 }],
      ["1000000\nthe end\n", { text: "the end\n", omittedBytes: 1_000_000 - 20 }],
      ["", undefined],
      ["ls: cannot\n", undefined],
      ["99999999999999999999\n", undefined],
    ] as const
  ) {
    const recorded = recordingHost({ answer: () => ({ stdout }) });
    assertEquals(await remoteBox(recorded.host).log({ session: "s", bytes: 20 }), log);
    assertEquals(recorded.calls.length, 1);
    assertEquals([recorded.options[0]!.maxOutputBytes, recorded.options[0]!.timeoutMs], [20 + 1024, 60_000]);
  }
  const { host } = recordingHost({ answer: () => ({ code: 255, stderr: "ssh: connection refused\n" }) });
  await assertRejects(
    () => appOutcome(remoteBox(host), "s"),
    UserError,
    '"far:box" through the engine',
  );
});

Deno.test("read_log.sh prints the size and the end of a log, or of the newest one, and nothing where there is none", async () => {
  const directory = await Deno.makeTempDir();
  const read = async (session: string, bytes = 4): Promise<string> => {
    const script = withValues(readLog, { sockets: directory, session, bytes: `${bytes}` });
    return (await runProcess(["/bin/sh", "-c", script])).stdout;
  };
  try {
    assertEquals([await read(""), await read("a")], ["", ""]);
    await Deno.writeTextFile(`${directory}/a.log`, "of a\n");
    await Deno.utime(`${directory}/a.log`, 1, 1);
    await Deno.writeTextFile(`${directory}/b.log`, "of b, longer\n");
    assertEquals([await read(""), await read("a"), await read("a", 99), await read("c")], [
      "13\nger\n",
      "5\nf a\n",
      "5\nof a\n",
      "",
    ]);
    assertEquals((await readSessionLog(directory, { session: "a", bytes: 4 }))?.text, "f a\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
