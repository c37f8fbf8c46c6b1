// What a hostile container says for hours does not fill the host's memory: each flood runs in a process with a small
// heap. And the processes that read what it says have limits of the system's or V8's, should it find another way.

import { assertEquals, assertMatch } from "@std/assert";
import { guardLauncher } from "../../../lib/attach/display/guard.ts";
import { runProcess } from "../../../lib/base/process.ts";

/** How much JavaScript may keep there, in MiB. */
const heap = 48;

const deno = Deno.execPath();

/** A program that keeps this many MiB, in so many parts, and prints what it could not have. */
function keeping(mib: number, part: string): string {
  return `const kept = [];
    try {
      for (let mib = 0; mib < ${mib}; mib += 8) kept.push(${part});
      console.log("had it");
    } catch (error) {
      console.log(error.message);
    }`;
}

Deno.test("a guard has no more than 2 GiB of memory, and much less is enough for it", async () => {
  for (const [mib, output] of [[512, /^had it$/m], [2_048, /^Array buffer allocation failed$/m]] as const) {
    const argv = [...guardLauncher, deno, "run", "--quiet", "-"];
    const { stdout } = await runProcess(argv, { stdin: { text: keeping(mib, "new Uint8Array(2 ** 23)") } });
    assertMatch(stdout, output);
  }
});

Deno.test("attach.ts has no more than 512 MiB for all that it says and hears", async () => {
  const script = await Deno.readTextFile(new URL("../../../attach.ts", import.meta.url));
  const [, options] = /^exec deno run (.+) "\$@"/m.exec(script)!;
  for (const [mib, isEnough] of [[256, true], [1_024, false]] as const) {
    const { code, stdout } = await runProcess([deno, "run", ...options!.split(" "), "-"], {
      stdin: { text: keeping(mib, "new Array(2 ** 20).fill(0.5)") },
      okCodes: "any",
    });
    assertEquals([code === 0, stdout], [isEnough, isEnough ? "had it\n" : ""]);
  }
});

/** Runs a module that hears a flood, with that heap and in the directory of the checkout. */
async function flood(module: string): Promise<void> {
  const argv = ["run", "--quiet", "--allow-all", "--no-check", `--v8-flags=--max-old-space-size=${heap}`, "-"];
  const root = new URL("../../..", import.meta.url).pathname;
  const { code, stdout, stderr } = await runProcess([deno, ...argv], {
    stdin: { text: module },
    okCodes: "any",
    cwd: root,
  });
  assertEquals([code, stdout], [0, "done\n"], stderr.slice(0, 500));
}

Deno.test("paths that an agent says were saved are not kept, unless they are lent", () =>
  flood(`
    import { createDialogs } from "./lib/channels/file_dialogs.ts";
    import { localBox } from "./tests/unit/containers.ts";
    import { recordingHost } from "./tests/unit/recording_host.ts";
    const { host } = recordingHost();
    const loans = { copies: () => ["/lent"], writeBack: async () => {}, end: async () => {} };
    for (const lends of [false, true]) {
      const dialogs = createDialogs({ ...localBox(host), loans: async () => loans }, {
        session: "s", signal: AbortSignal.timeout(60_000), send() {}, runsOn: () => Promise.resolve(false), now: () => 0,
      }).served({ closing: new AbortController().signal });
      if (lends) dialogs.ready();
      await new Promise((resolve) => setTimeout(resolve));
      for (let line = 0; line < 3_000; line++) {
        dialogs.take({ ask: "saved", path: \`/\${line}\${"\\u4e00".repeat(16_000)}\` });
      }
    }
    console.log("done");
    Deno.exit();
  `));

Deno.test("an agent that does not read its answers is not heard", () =>
  flood(`
    import { startAgent } from "./lib/attach/agent/agent.ts";
    import { localBox } from "./tests/unit/containers.ts";
    import { recordingHost } from "./tests/unit/recording_host.ts";
    const { host } = recordingHost();
    const ended = new Promise(() => {});
    let hear;
    host.start = (_argv, { output }) => (hear = output.line, { pid: 1, ended, kill() {} });
    // A clock by which as many lines may come as do.
    performance.now = () => Date.now() * 1e6;
    const answer = "x".repeat(1_000);
    let heard = 0;
    const agent = await startAgent(localBox(host), {
      session: "s", channels: [{ name: "links" }], onLine: () => (heard++, agent.send({ answer })),
    });
    for (let count = 0; count < 100; count++) agent.sendSamples(new Uint8Array(10));
    const hearAll = async () => {
      for (let count = 0; count < 100_000; count++) await hear('{"ask":"ready"}');
    };
    const heardAll = hearAll();
    while (heard <= 10) await new Promise((resolve) => setTimeout(resolve));
    await Promise.race([heardAll, new Promise((resolve) => setTimeout(resolve, 300))]);
    // Samples, which have no end, do not count.
    if (heard > 10 && heard < 100) console.log("done");
    Deno.exit();
  `));
