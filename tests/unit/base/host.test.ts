import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProcessError } from "../../../lib/base/errors.ts";
import { dryRunHost, type Host, plannedWord, realHost } from "../../../lib/base/host.ts";
import { quoteWords, withValues } from "../../../lib/base/shell_words.ts";
import { recordingUi } from "../recording_host.ts";

const never = new AbortController().signal;

/** A dry run, and the lines that it has printed. */
function dryRun(): { host: Host; lines: () => string[] } {
  const { ui, said } = recordingUi();
  return { host: dryRunHost({ ui, signal: never }), lines: () => said.map((text) => text.replace(/^plan: /, "")) };
}

Deno.test("a dry run runs nothing, and answers with success and no output", async () => {
  const { host, lines } = dryRun();
  const result = await host.run(["false"]);
  assertEquals([result.code, result.stdout, result.stderr], [0, "", ""]);
  assertEquals((await host.start(["no-such-program"]).ended).code, 0);
  await host.change("touch x", () => Promise.reject(new Error("It acted")));
  assertEquals(await host.look("planned", () => Promise.reject(new Error("It looked"))), "planned");
  await host.forCleanup(never).run(["rm", "x"]);
  await host.run(["lxc", "query", "/1.0"], { looksOnly: true });
  assertEquals(lines(), ["false", "no-such-program", "touch x", "rm x"]);
});

Deno.test("a dry run has a result where it has nothing to do, and else none", async () => {
  const { host, lines } = dryRun();
  host.ui.result("one", 1);
  await host.change("touch x", () => Promise.resolve());
  host.ui.result("two", 2);
  assertEquals(lines(), ["result: one", "touch x"]);
});

Deno.test("a dry run shows what a program reads, and its environment", async () => {
  const { host, lines } = dryRun();
  await host.run(["cat"], { stdin: { bytes: new ReadableStream<Uint8Array>(), from: "/it's here" } });
  await host.run(["cat"], { stdin: { text: "one\ntwo\n" }, env: { TZ: "UTC" } });
  assertEquals(lines(), ["cat <'/it'\\''s here'", "TZ=UTC cat <<<'one…'"]);
});

Deno.test("a dry run shows a value that it does not know as a placeholder", async () => {
  const { host, lines } = dryRun();
  const { stdout: value } = await host.run(["lxc", "config", "get", "box", "x"], { planned: "<HOST_UID>" });
  await host.run(["setfacl", "-m", `u:${value}:rwx`, "--", "/it is"]);
  assertEquals(lines(), ["lxc config get box x", "setfacl -m u:<HOST_UID>:rwx -- '/it is'"]);
});

Deno.test("a dry run shows a script by its file's name, also behind ssh, and of a long text its beginning", () => {
  const script = withValues("# shellcheck shell=sh\n# first.sh\necho 'it'\n# second.py\n", { name: "it's" });
  assertEquals(plannedWord(script), "first.sh+second.py");
  assertEquals(plannedWord(quoteWords(["/bin/sh", "-c", script])), "first.sh+second.py");
  assertEquals(plannedWord(`${"x".repeat(500)}`), `'${"x".repeat(160)}…'`);
});

Deno.test("each script has its name in a comment of its own", async () => {
  let count = 0;
  const look = async (directory: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) await look(new URL(`${name}/`, directory));
      else if (/\.(sh|py)$/.test(name)) {
        // That of a channel has the channel's name in front.
        const channel = /\/channels\/(\w+\/)$/.exec(directory.pathname)?.[1] ?? "";
        const named = plannedWord(await Deno.readTextFile(new URL(name, directory)));
        assert([name, channel + name].includes(named), `${named} in ${directory}${name}`);
        count++;
      }
    }
  };
  await look(new URL("../../../lib/", import.meta.url));
  assert(count > 20);
});

Deno.test("a real host takes an empty variable for one that is not set", () => {
  const { ui } = recordingUi();
  for (const host of [realHost({ ui, signal: never, verbose: false }), dryRunHost({ ui, signal: never })]) {
    Deno.env.set("GUI_CONTAINER_TEST", "");
    assertEquals(host.env("GUI_CONTAINER_TEST"), undefined);
    Deno.env.set("GUI_CONTAINER_TEST", "x");
    assertEquals(host.env("GUI_CONTAINER_TEST"), "x");
    Deno.env.delete("GUI_CONTAINER_TEST");
    assertEquals(host.env("GUI_CONTAINER_TEST"), undefined);
  }
});

Deno.test("a verbose host echoes each command before it runs, quoted for pasting, and of a script its name", async () => {
  const { ui, said } = recordingUi();
  const host = realHost({ ui, signal: never, verbose: true });
  await assertRejects(() => host.run(["sh", "-c", "exit 3"]), ProcessError);
  await host.run(["echo", "it's"], { planned: "X" });
  await host.run(["sh", "-c", `# first.sh\n${": long\n".repeat(100)}`, "x".repeat(200)]);
  await host.start(["true"]).ended;
  await host.change("touch 'a b'", () => Promise.resolve());
  assertEquals(said, [
    "command: sh -c 'exit 3'",
    `command: echo 'it'\\''s'`,
    `command: sh -c first.sh ${"x".repeat(200)}`,
    "command: true",
    "command: touch 'a b'",
  ]);
});

Deno.test("a quiet host echoes nothing, acts, and gives what a program printed in place of a placeholder", async () => {
  const { ui, said } = recordingUi();
  const host = realHost({ ui, signal: never, verbose: false });
  const { stdout: value } = await host.run(["echo", "5"], { planned: "X" });
  let acted = false;
  await host.change("x", () => Promise.resolve(acted = true));
  const found = await host.look("planned", () => Promise.resolve("found"));
  assertEquals([value, acted, found, said], ["5\n", true, "found", []]);
});

Deno.test("a host for cleaning up runs when the run is ended, out of reach of Ctrl-C", async () => {
  const ending = new AbortController();
  const host = realHost({ ui: recordingUi().ui, signal: ending.signal, verbose: false });
  ending.abort(new RangeError("ended"));
  await assertRejects(() => host.run(["true"]), RangeError, "ended");
  // The sixth field is the session: proc_pid_stat(5).
  const script = 'read -r a b c d e session rest </proc/$$/stat; [ "$session" = $$ ] && echo its own';
  const { stdout } = await host.forCleanup(never).run(["sh", "-c", script]);
  assertEquals(stdout, "its own\n");
});
