import { assertEquals, assertRejects } from "@std/assert";
import { chooseEngine, type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import type { Host, RunOptions } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { exec } from "../../../lib/engine/exec.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { slowClient } from "../slow_client.ts";

async function lxcThat(
  answer: Answer,
): Promise<{ host: Host; recorded: RecordingHost; engine: Engine }> {
  const recorded = recordingHost({ answer: () => answer });
  return { host: recorded.host, recorded, engine: await chooseEngine(recorded.host, { engine: "lxc" }) };
}

Deno.test("exec() tries again, twice, where the engine gives no answer, and nowhere else", async () => {
  for (
    const [stderr, calls] of [
      ["Error: Failed to retrieve PID of executing child process\n", 3],
      ["Error: websocket: bad handshake\nOnly running operations can be connected\n", 3],
      ["Error: Instance is not running\n", 1],
    ] as const
  ) {
    const { host, recorded, engine } = await lxcThat({ code: 1, stderr });
    await assertRejects(() => exec(host, { engine, name: "box" }, ["true"]), ProcessError);
    assertEquals(recorded.calls.length, calls);
  }
});

Deno.test("exec() runs a program again whose answer has lost its end on the way, and not for ever", async () => {
  for (const losses of [1, 2, 3]) {
    let tries = 0;
    const { host } = recordingHost({ answer: () => ({ stdout: ++tries <= losses ? "who" : "whole\n" }) });
    const lossy = {
      ...host,
      run: async (argv: readonly string[], options?: RunOptions) => {
        const result = await host.run(argv, options);
        return tries <= losses ? { ...result, stdout: result.stdout.slice(0, -1) } : result;
      },
    };
    const ran = exec(lossy, { engine: engineCalled("incus"), name: "box" }, ["cat", "x"]);
    if (losses < 3) assertEquals((await ran).stdout, "whole\n");
    else await assertRejects(() => ran, UserError, 'in "box"');
    assertEquals(tries, Math.min(losses + 1, 3));
  }
});

Deno.test("exec() has a real shell end what a program that succeeds prints, and hands on its exit status", async () => {
  const run = async (script: string): Promise<[number, string]> => {
    const { host } = recordingHost();
    const real = {
      ...host,
      run: (argv: readonly string[], options?: RunOptions) => runProcess(argv.slice(6), options),
    };
    const { code, stdout } = await exec(
      real,
      { engine: engineCalled("incus"), name: "box" },
      ["/bin/sh", "-c", script],
      {
        okCodes: "any",
      },
    );
    return [code, stdout];
  };
  assertEquals(await run("printf '%s' \"it's\""), [0, "it's"]);
  assertEquals(await run("echo x; exit 3"), [3, "x\n"]);
  assertEquals(await run("cat; echo it has no input"), [0, "it has no input\n"]);
});

Deno.test("exec() has a program end once its answer is here: an engine may lose what is on its way then", async () => {
  const { host } = recordingHost();
  const slow = {
    ...host,
    run: (argv: readonly string[], options?: RunOptions) => runProcess(slowClient(argv.slice(6)), options),
  };
  const { stdout } = await exec(slow, { engine: engineCalled("incus"), name: "box" }, ["echo", "the answer"]);
  assertEquals(stdout, "the answer\n");
});

Deno.test("exec() does not take what a program in the container prints for the engine's own error", async () => {
  const stderr = 'Error: Get "http://unix.socket/1.0": dial unix /var/lib/lxd/unix.socket: connect: permission denied';
  for (const engineAnswers of [true, false]) {
    const { host } = recordingHost({
      answer: ([, verb]) => verb === "query" && engineAnswers ? { stdout: "{}" } : { code: 1, stderr },
    });
    const error = await assertRejects(() => exec(host, { engine: engineCalled("lxc"), name: "box" }, ["true"]), Error);
    assertEquals(
      [error instanceof ProcessError, error instanceof UserError && error.exitCode],
      engineAnswers ? [true, false] : [false, 125],
    );
  }
});
