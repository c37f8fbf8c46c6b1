// What a hostile container says for hours does not fill the host's memory: each flood runs in a process with a small heap.

import { assertEquals } from "@std/assert";
import { runProcess } from "../../lib/base/process.ts";

/** How much JavaScript may keep there, in MiB. */
const heap = 48;

/** Runs a module that hears a flood, with that heap and in the directory of the checkout. */
async function flood(module: string): Promise<void> {
  const argv = ["run", "--quiet", "--allow-all", "--no-check", `--v8-flags=--max-old-space-size=${heap}`, "-"];
  const root = new URL("../..", import.meta.url).pathname;
  const { code, stdout, stderr } = await runProcess([Deno.execPath(), ...argv], {
    stdin: { text: module },
    okCodes: "any",
    cwd: root,
  });
  assertEquals([code, stdout], [0, "done\n"], stderr.slice(0, 500));
}

Deno.test("paths that an agent says were saved are not kept, unless they are lent", () =>
  flood(`
    import { createDialogs } from "./lib/attach/portals/dialogs.ts";
    import { localBox } from "./tests/unit/containers.ts";
    import { recordingHost } from "./tests/unit/recording_host.ts";
    const { host } = recordingHost();
    const loans = { copies: () => ["/lent"], writeBack: async () => {}, end: async () => {} };
    for (const lends of [false, true]) {
      const dialogs = createDialogs({ ...localBox(host), loans: async () => loans }, {
        session: "s", inside: { share: "/share" }, signal: AbortSignal.timeout(60_000), send() {}, runsOn: () => false,
      });
      if (lends) await dialogs.begin();
      for (let line = 0; line < 3_000; line++) void dialogs.writeBack(\`/\${line}\${"\\u4e00".repeat(16_000)}\`);
    }
    console.log("done");
    Deno.exit();
  `));

Deno.test("an agent that does not read its answers is not heard", () =>
  flood(`
    import { startAgent } from "./lib/attach/portals/agent.ts";
    import { localBox } from "./tests/unit/containers.ts";
    import { recordingHost } from "./tests/unit/recording_host.ts";
    const { host } = recordingHost();
    const ended = new Promise(() => {});
    let hear;
    host.start = (_argv, { output }) => (hear = output.bytes, { pid: 1, ended, kill() {} });
    // A clock by which as many lines may come as do.
    performance.now = () => Date.now() * 1e6;
    const answer = "x".repeat(1_000);
    let heard = 0;
    const agent = await startAgent(localBox(host), {
      session: "s", channels: ["links"], onRequest: () => (heard++, agent.send({ answer })),
    });
    const lines = new TextEncoder().encode('{"ask":"ready"}\\n'.repeat(100_000));
    const heardAll = hear(lines);
    await Promise.race([heardAll, new Promise((resolve) => setTimeout(resolve, 500))]);
    if (heard < 100) console.log("done");
    Deno.exit();
  `));
