import { assertEquals } from "@std/assert";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { appScript } from "../../lib/attach/app.ts";
import { appOutcome, printedBytes, readSessionLog } from "../../lib/attach/session_log.ts";

Deno.test("appOutcome() reads the app's exit status, and of its output what is not xpra's", async () => {
  const directory = await Deno.makeTempDir();
  const time = "2026-01-01 10:00:00,123";
  const write = (appOutput: string): Promise<void> =>
    Deno.writeTextFile(
      `${directory}/s.log`,
      `${time} xpra is ready\nno time\n${time} started command '/bin/sh app' with pid 5\n${appOutput}`,
    );
  try {
    assertEquals(await appOutcome(directory, "s"), undefined);
    // What an app prints may look like our own line: the last one counts.
    const runtime = await Deno.makeTempDir({ dir: directory });
    const runApp = (app: string[]): Promise<ProcessResult> =>
      runProcess(["/bin/sh", "-c", appScript(app, { xpraDirectory: "/home/ubuntu/.xpra", links: false })], {
        env: { RUNTIME_DIRECTORY: runtime },
        okCodes: "any",
      });
    const script = `echo one; echo The app ended with exit status 0; echo "${time} more of xpra"; echo two; exit 3`;
    await write(`${(await runApp(["sh", "-c", script])).stdout}${time} the end\n`);
    const outcome = await appOutcome(directory, "s");
    assertEquals(outcome?.status, 3);
    assertEquals(outcome?.output, "one\nThe app ended with exit status 0\ntwo\n");
    await write("ended in the middle\n");
    assertEquals((await appOutcome(directory, "s"))?.status, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("appOutcome() names an option that the server's xpra does not know, but not one of the app's", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const complaint = "xpra initialization error:\nno such option: --audio\n";
    await Deno.writeTextFile(`${directory}/old.log`, complaint);
    assertEquals((await appOutcome(directory, "old"))?.unknownOption, "--audio");
    await Deno.writeTextFile(`${directory}/app.log`, `The app is started\n${complaint}`);
    assertEquals((await appOutcome(directory, "app"))?.unknownOption, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readSessionLog() reads the newest log or the end of one, and neither waits for a pipe nor follows a link", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertEquals(await readSessionLog(`${directory}/none`), undefined);
    assertEquals(await readSessionLog(directory), undefined);
    await Deno.writeTextFile(`${directory}/a.log`, "first\n");
    await Deno.writeTextFile(`${directory}/b.log`, "second\n");
    await Deno.utime(`${directory}/a.log`, 1, 1);
    await runProcess(["mkfifo", `${directory}/pipe.log`]);
    await Deno.symlink("/etc/hostname", `${directory}/link.log`);
    // Newer than all, but no session can be called so.
    await Deno.writeTextFile(`${directory}/$(id).log`, "no name\n");
    assertEquals((await readSessionLog(directory))?.text, "second\n");
    assertEquals((await readSessionLog(directory, { session: "a" }))?.text, "first\n");
    assertEquals(await readSessionLog(directory, { session: "a", bytes: 3 }), { text: "st\n", omittedBytes: 3 });
    for (const session of ["none", "pipe", "link"]) {
      assertEquals(await readSessionLog(directory, { session }), undefined, session);
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
    const log = await readSessionLog(directory, { session: "s" });
    assertEquals([log?.text.length, log?.omittedBytes], [printedBytes, 2 ** 40 - printedBytes]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
