import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { runProcess, startProcess } from "../../../lib/base/process.ts";
import { awkwardWords, randomWords } from "../samples.ts";

Deno.test("runProcess() hands arguments on byte for byte, past any shell", async () => {
  const words = [...awkwardWords, ...randomWords(50, 8)];
  const { stdout } = await runProcess(["printf", "%s\\0", ...words]);
  assertEquals(stdout.split("\0").slice(0, -1), words);
});

Deno.test("runProcess() keeps both streams apart, and the argument list", async () => {
  const argv = ["sh", "-c", "echo out; echo err >&2"];
  assertEquals(await runProcess(argv), { argv, code: 0, signal: null, stdout: "out\n", stderr: "err\n" });
});

Deno.test("runProcess() throws for a status that is not expected, with all that was said", async () => {
  const argv = ["sh", "-c", "echo out; echo ' err ' >&2; exit 3", "more"];
  const error = await assertRejects(() => runProcess(argv), ProcessError);
  assertEquals([error.code, error.stdout, error.output], [3, "out\n", "err"]);
  assertStringIncludes(error.message, "failed with exit status 3");
  assertStringIncludes(error.message, '"sh -c ');
});

Deno.test("startProcess() discards output without a pipe, so that a detached program can outlive this one", async () => {
  const file = await Deno.makeTempFile();
  try {
    const script = 'a=$(readlink "/proc/$$/fd/1" "/proc/$$/fd/2"); echo "$a" > "$0"; echo out; echo err >&2';
    const program = startProcess(["sh", "-c", script, file], { detached: true, output: "discard" });
    const { code, stdout, stderr } = await program.ended;
    assertEquals([code, stdout, stderr], [0, "", ""]);
    assertEquals(await Deno.readTextFile(file), "/dev/null\n/dev/null\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("runProcess() shows what is on stdout when stderr is empty", async () => {
  const error = await assertRejects(() => runProcess(["sh", "-c", "echo why; exit 1"]), ProcessError);
  assertEquals(error.output, "why");
});

Deno.test("runProcess() takes an expected status for an answer", async () => {
  assertEquals((await runProcess(["sh", "-c", "exit 2"], { okCodes: [0, 2] })).code, 2);
  assertEquals((await runProcess(["sh", "-c", "exit 99"], { okCodes: "any" })).code, 99);
  await assertRejects(() => runProcess(["true"], { okCodes: [1] }), ProcessError);
});

Deno.test("runProcess() tells the signal that ended a program", async () => {
  const error = await assertRejects(() => runProcess(["sh", "-c", "kill -9 $$"]), ProcessError, "SIGKILL");
  assertEquals(error.code, 137);
  assertStringIncludes(error.message, "was ended by SIGKILL");
});

Deno.test("runProcess() gives a program its whole input, and none when it is to read nothing", async () => {
  const text = "ünï 𝄞\n\0".repeat(100_000);
  assertEquals((await runProcess(["cat"], { stdin: { text } })).stdout, text);
  assertEquals((await runProcess(["cat"], { stdin: { text: "" } })).stdout, "");
  assertEquals((await runProcess(["cat"])).stdout, "");
});

Deno.test("runProcess() ends an empty input where that is to come after an output, or with the program", async () => {
  const until = (script: string) => runProcess(["sh", "-c", script], { openUntil: "!" });
  assertEquals((await until("printf first; printf '!'; cat; printf last")).stdout, "first!last");
  assertEquals((await until("printf only")).stdout, "only");
});

Deno.test("runProcess() does not mind a program that leaves its input unread", async () => {
  assertEquals((await runProcess(["true"], { stdin: { text: "x".repeat(1_000_000) } })).code, 0);
});

Deno.test("runProcess() does not wait for more input of a program that has ended", async () => {
  const { readable } = new TransformStream<Uint8Array, Uint8Array>();
  assertEquals((await runProcess(["true"], { stdin: { bytes: readable } })).code, 0);
});

Deno.test("runProcess() tells lines of both streams as they come, whole, the last one too", async () => {
  const lines: string[] = [];
  // The two bytes of ü come apart.
  const script = "printf 'one\\n\\n\\303'; sleep 0.05; printf '\\274ber'; sleep 0.05; printf '\\nlast'; echo err >&2";
  const { stdout, stderr } = await runProcess(["sh", "-c", script], {
    output: { line: (line) => lines.push(line) },
  });
  assertEquals(lines.filter((line) => line !== "err"), ["one", "", "über", "last"]);
  assert(lines.includes("err"));
  assertEquals([stdout, stderr], ["one\n\nüber\nlast", "err\n"]);
});

Deno.test("runProcess() adds to the environment, and starts in the directory", async () => {
  const { stdout } = await runProcess(["sh", "-c", 'echo "$PWD $X ${PATH:+path}"'], {
    env: { X: "y" },
    cwd: "/",
  });
  assertEquals(stdout, "/ y path\n");
});

Deno.test("runProcess() hides the dynamic linker's variables, which would stop a scoped --allow-run", async () => {
  Deno.env.set("LD_BIND_NOT", "1");
  try {
    assertEquals((await runProcess(["sh", "-c", 'echo "[$LD_BIND_NOT]"'])).stdout, "[]\n");
  } finally {
    Deno.env.delete("LD_BIND_NOT");
  }
});

Deno.test("startProcess() says that a program is missing, with its package and exit code 127", () => {
  const error = assertThrows(() => startProcess(["no-such-program-x"]), UserError, '"no-such-program-x"');
  assertEquals([error.exitCode, error.hint], [127, "Install it"]);
  assertEquals(error.cause instanceof Deno.errors.NotFound, true);
});

Deno.test("startProcess() names the package of a program that is missing", async () => {
  const script = `import { startProcess } from ${
    JSON.stringify(new URL("../../../lib/base/process.ts", import.meta.url).href)
  };
try { startProcess(["setfacl"]); } catch (error) { console.log(error.exitCode, error.hint); }`;
  // In a process of its own: the search path is one for all tests that run side by side.
  const argv = [Deno.execPath(), "eval", "--ext=ts", "--no-lock", script];
  const { stdout } = await runProcess(argv, { env: { PATH: "/nowhere", NO_COLOR: "1" } });
  assertEquals(stdout, "127 sudo apt install acl\n");
});

Deno.test("startProcess() refuses an empty argument list", () => {
  assertThrows(() => startProcess([]), TypeError);
});

Deno.test("startProcess() goes on beside the program; it can be ended, also twice", async () => {
  const child = startProcess(["sleep", "60"]);
  assert(child.pid > 0);
  child.kill("SIGTERM");
  assertEquals((await child.ended).signal, "SIGTERM");
  child.kill("SIGTERM");
});

Deno.test("runProcess() ends a program that takes too long, and says so", async () => {
  const message = "did not end within 0.05 s";
  await assertRejects(() => runProcess(["sleep", "60"], { timeoutMs: 50 }), ProcessError, message);
});

Deno.test("runProcess() says so too when the program ends itself on SIGTERM, as lxc exec does", async () => {
  const argv = ["sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.01; done"];
  await assertRejects(() => runProcess(argv, { timeoutMs: 100 }), ProcessError, "did not end within 0.1 s");
});

Deno.test("runProcess() does not wait for a program's own children when it was ended", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const pipe = join(directory, "pipe");
    // The child holds its parent's output until it can read from the pipe.
    const argv = ["sh", "-c", `mkfifo "$0"; read -r _ <"$0" & echo first; wait`, pipe];
    const ending = new AbortController();
    const line = (): void => ending.abort(new RangeError("Ctrl-C"));
    await assertRejects(() => runProcess(argv, { signal: ending.signal, output: { line } }), RangeError, "Ctrl-C");
    await Deno.writeTextFile(pipe, "\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("runProcess() does not wait for children of a program that has ended by itself, once its time is over", async () => {
  // ssh ends, and what it has started holds its stderr: a container may keep that running.
  const argv = ["sh", "-c", "sleep 60 >&2 & echo $!; exit 1"];
  for (const isSignal of [false, true]) {
    const options = isSignal ? { signal: AbortSignal.timeout(200) } : { timeoutMs: 200 };
    const start = performance.now();
    const child: string[] = [];
    const output = { line: (text: string) => child.push(text) };
    await assertRejects(() => runProcess(argv, { ...options, output }), Error);
    await runProcess(["kill", child[0]!]);
    assert(performance.now() - start < 10_000);
  }
});

Deno.test("runProcess() ends the program when the run is ended, and throws the reason", async () => {
  const ending = new AbortController();
  let pid = "";
  const line = (text: string): void => {
    pid = text;
    ending.abort(new RangeError("Ctrl-C"));
  };
  const argv = ["sh", "-c", "echo $$; exec sleep 60"];
  await assertRejects(
    () => runProcess(argv, { signal: ending.signal, output: { line } }),
    RangeError,
    "Ctrl-C",
  );
  await assertRejects(() => Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
});

Deno.test("runProcess() starts nothing when the run is ended already", async () => {
  const signal = AbortSignal.abort(new RangeError("ended"));
  await assertRejects(() => runProcess(["no-such-program-x"], { signal }), RangeError, "ended");
});

Deno.test("runProcess() kills a program that prints without end, and says so", async () => {
  for (const stream of ["", " >&2"]) {
    const argv = ["sh", "-c", `while :; do echo yyyyyyyyyyyyyyyy${stream}; done`];
    const error = await assertRejects(
      () => runProcess(argv, { maxOutputBytes: 100_000 }),
      ProcessError,
      "printed too much",
    );
    assert(error.overflowed && error.stdout.length + error.stderr.length <= 100_000);
  }
  // One that leaves a child behind which holds the pipe open.
  const argv = ["sh", "-c", "yes & yes"];
  await assertRejects(
    () => runProcess(argv, { maxOutputBytes: 1000, okCodes: "any" }),
    ProcessError,
    "printed too much",
  );
  assertEquals((await runProcess(["printf", "%1000d", "1"], { maxOutputBytes: 1000 })).stdout.length, 1000);
});

Deno.test("runProcess() hands on lines without keeping all of them, and those that do not end in parts", async () => {
  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);
  const script =
    "i=0; while [ $i -lt 9000 ]; do echo 0123456789012345; i=$((i+1)); done; head -c 200000 /dev/zero; echo; echo last";
  const { stdout } = await runProcess(["sh", "-c", script], { output: { line } });
  assertEquals([lines[0], lines.at(-1)], ["0123456789012345", "last"]);
  const parts = lines.slice(9000, -1);
  assertEquals(parts.reduce((sum, part) => sum + part.length, 0), 200_000);
  assert(parts.every((part) => part.length <= 2 * 65_536));
  assert(stdout.length <= 65_536 && stdout.endsWith("last\n"));
});

Deno.test("runProcess() lets a program that never ends its line wait for whoever takes its parts", async () => {
  let isBusy = false;
  let taken = 0;
  const line = async (part: string): Promise<void> => {
    assert(!isBusy && part.length <= 2 * 65_536);
    isBusy = true;
    await new Promise((done) => setTimeout(done));
    taken += part.length;
    isBusy = false;
  };
  await runProcess(["head", "-c", "1000000", "/dev/zero"], { output: { line } });
  assertEquals(taken, 1_000_000);
});

Deno.test("runProcess() hands on bytes as they are, one piece after the other", async () => {
  const pieces: number[] = [];
  let isBusy = false;
  const bytes = async (piece: Uint8Array): Promise<void> => {
    assert(!isBusy);
    isBusy = true;
    await new Promise((done) => setTimeout(done));
    pieces.push(...piece);
    isBusy = false;
  };
  const script = "printf '\\377\\000\\n'; sleep 0.05; printf '\\200'; echo why >&2";
  const { stdout, stderr } = await runProcess(["sh", "-c", script], { output: { bytes } });
  assertEquals([pieces, stdout, stderr], [[255, 0, 10, 128], "", "why\n"]);
});

Deno.test("runProcess() kills a program whose bytes are not wanted any more, and throws why", async () => {
  const bytes = (): never => {
    throw new Error("enough");
  };
  await assertRejects(() => runProcess(["cat", "/dev/zero"], { output: { bytes } }), Error, "enough");
});
