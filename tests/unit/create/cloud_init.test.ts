import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import awaitScript from "../../../lib/create/await_cloud_init.sh" with { type: "text" };
import { parseStatus, waitForCloudInit } from "../../../lib/create/cloud_init.ts";
import { dryRunHost, type Host } from "../../../lib/base/host.ts";
import { chooseEngine, type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { startProcess } from "../../../lib/base/process.ts";
import { startTime } from "../../model/time.ts";
import { type Answer, recordingHost, recordingUi } from "../recording_host.ts";

Deno.test("parseStatus() tells done, degraded and failed apart by the exit status", () => {
  assertEquals(parseStatus('{"status":"done"}', 0), { errors: [], warnings: [] });
  assertEquals(
    parseStatus('{"status":"done","recoverable_errors":{"WARNING":["one","two"],"ERROR":["three"]}}', 2),
    { errors: [], warnings: ["one", "two", "three"] },
  );
  assertEquals(parseStatus('{"errors":["bad","worse"]}', 1), { warnings: [], errors: ["bad", "worse"] });
  assertEquals(parseStatus('{"errors":[],"detail":"why"}', 1), { warnings: [], errors: ["why"] });
});

Deno.test("parseStatus() takes what is no status for the reason, and needs none", () => {
  assertEquals(parseStatus("Traceback: x\n", 1), { warnings: [], errors: ["Traceback: x"] });
  for (const stdout of ["", "{}", "[]"]) {
    assertEquals(parseStatus(stdout, 1), { warnings: [], errors: ["cloud-init gave no reason"] });
    assertEquals(parseStatus(stdout, 2), { errors: [], warnings: [] });
  }
});

Deno.test("parseStatus() takes texts only of what a container may have answered, and not too many", () => {
  for (const wrong of ['{"length":1}', '"text"', "[null,1,{},[]]", '[""]', "null", "7"]) {
    const stdout = `{"errors":${wrong},"detail":{},"recoverable_errors":${wrong}}`;
    assertEquals(parseStatus(stdout, 1), { warnings: [], errors: ["cloud-init gave no reason"] });
    assertEquals(parseStatus(`{"recoverable_errors":{"WARNING":${wrong}}}`, 2).errors, []);
    assertEquals(parseStatus(`{"recoverable_errors":{"W":[{}],"E":["e",1]}}`, 2), {
      errors: [],
      warnings: ["e"],
    });
  }
  for (const stdout of ["[]", "7", '"x"']) assertEquals(parseStatus(stdout, 2), { errors: [], warnings: [] });
  const many = JSON.stringify({ errors: Array(1_000).fill("x".repeat(10_000)) });
  assertEquals(parseStatus(many, 1), { warnings: [], errors: Array(50).fill("x".repeat(1_000)) });
});

async function engineThat(answer: (argv: readonly string[]) => Answer): Promise<{ host: Host; engine: Engine }> {
  const { host } = recordingHost({ answer });
  return { host, engine: await chooseEngine(host, { engine: "lxc" }) };
}

Deno.test("waitForCloudInit() fails with cloud-init's own errors and the end of its output log", async () => {
  const { host, engine } = await engineThat((argv) =>
    argv.includes("tail") ? { stdout: "E: no such package\n" } : { stdout: '{"errors":["first","second"]}\n1 42\n' }
  );
  const error = await assertRejects(
    () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
    UserError,
    "first",
  );
  assertEquals(error.output, "second\nE: no such package\n");
  assertEquals(error.exitCode, 1);
});

Deno.test("waitForCloudInit() says that the image has no cloud-init", async () => {
  const { host, engine } = await engineThat(() => ({ stdout: "127 0\n" }));
  const error = await assertRejects(
    () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
    UserError,
    '"box"',
  );
  assert(error.hint.includes("--image"));
});

Deno.test("waitForCloudInit() says that it took too long, with the end of the output log", async () => {
  const result = { argv: ["lxc"], code: 143, signal: null, stdout: "", stderr: "" };
  const tooLong = new ProcessError(result, { timedOutAfterMs: 1000 });
  const { host, engine } = await engineThat((argv) => argv.includes("tail") ? { stdout: "Unpacking\n" } : tooLong);
  const error = await assertRejects(
    () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
    UserError,
    '1 s in "box"',
  );
  assertEquals([error.exitCode, error.output], [1, "Unpacking\n"]);
  assert(error.hint.includes("--timeout"));
});

Deno.test("waitForCloudInit() tells a failure of the engine's CLI from one of cloud-init", async () => {
  const { host, engine } = await engineThat(() => ({ code: 1, stderr: "Error: Instance is not running\n" }));
  const error = await assertRejects(
    () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
    ProcessError,
  );
  assertEquals(error.output, "Error: Instance is not running");
});

Deno.test("waitForCloudInit() ends by its own error when what it does beside fails before", async () => {
  using time = startTime();
  const { host } = recordingHost();
  const run: typeof host.run = (argv) =>
    argv[1] === "query"
      ? Promise.reject(new Error("beside"))
      : new Promise((_, reject) => setTimeout(() => reject(new Error("itself")), 2_500));
  const engine = await chooseEngine(host, { engine: "lxc" });
  const wait = waitForCloudInit({ ...host, run }, { engine, name: "box" }, { timeoutMs: 1000 });
  await assertRejects(() => time.until(wait), Error, "itself");
});

Deno.test("waitForCloudInit() gives back the warnings of a degraded one", async () => {
  const { host, engine } = await engineThat(() => ({ stdout: '{"recoverable_errors":{"WARNING":["w"]}}\n2 42\n' }));
  assertEquals(await waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }), ["w"]);
});

Deno.test("waitForCloudInit() reads a status of several lines, and the size of the user-data after it", async () => {
  const { host, engine } = await engineThat(() => ({ stdout: '{\n "status": "done",\n "errors": []\n}\n0 2048\n' }));
  assertEquals(await waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }), []);
});

Deno.test("waitForCloudInit() fails when cloud-init was given no user-data, done or degraded", async () => {
  for (const code of [0, 2]) {
    const { host, engine } = await engineThat(() => ({ stdout: `{"status":"done"}\n${code} 0\n` }));
    const error = await assertRejects(
      () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
      UserError,
      'no user-data in "box"',
    );
    assertEquals(error.exitCode, 1);
    assert(error.hint.includes("security.devlxd"), error.hint);
  }
});

Deno.test("waitForCloudInit() names cloud-init's own error rather than the missing user-data", async () => {
  const { host, engine } = await engineThat((argv) =>
    argv.includes("tail") ? {} : { stdout: '{"errors":["no datasource"]}\n1 0\n' }
  );
  await assertRejects(
    () => waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }),
    UserError,
    "no datasource",
  );
});

Deno.test("waitForCloudInit() asks once, and in a dry run judges nothing", async () => {
  const { ui, said } = recordingUi();
  const host = dryRunHost({ ui, signal: AbortSignal.any([]) });
  const engine = await chooseEngine(host, { engine: "lxc" });
  assertEquals(await waitForCloudInit(host, { engine, name: "box" }, { timeoutMs: 1000 }), []);
  assertEquals(said, [
    "progress: Waiting for cloud-init",
    "plan: lxc exec box --mode non-interactive -- /bin/sh -c await_cloud_init.sh",
  ]);
});

Deno.test("waitForCloudInit() waits two minutes for an address, and then for none", async () => {
  using time = startTime();
  /** What becomes of a container that boots for a while, and then gets an address, or asks in vain. */
  const endOf = async (getsAddress: boolean): Promise<unknown> => {
    const status = Promise.withResolvers<string>();
    let looks = 0;
    const { host } = recordingHost({
      answer: (argv) => {
        if (argv[1] === "query") {
          // It is looked at every two seconds.
          const addresses = ++looks === 59 && getsAddress
            ? [{ family: "inet", scope: "global", address: "10.0.0.5" }]
            : [];
          if (addresses.length > 0) status.resolve("{}\n0 42\n");
          return { stdout: JSON.stringify({ name: "box", state: { network: { eth0: { addresses } } } }) };
        }
        return { stdout: '{"v1":{"datasource":"NoCloud"}}' };
      },
    });
    // cloud-init ends when there is an address, or the wait is given up.
    const run: Host["run"] = async (argv, options = {}) => {
      if (!argv.at(-1)!.includes("cloud-init status --wait")) return await host.run(argv, options);
      const given = Promise.withResolvers<never>();
      options.signal?.addEventListener("abort", () => given.reject(options.signal!.reason));
      const stdout = `${await Promise.race([status.promise, given.promise])}\u0004`;
      return { argv, code: 0, signal: null, stdout, stderr: "" };
    };
    const engine = engineCalled("lxc");
    const wait = waitForCloudInit({ ...host, run }, { engine, name: "box" }, { timeoutMs: 600_000 });
    return await time.until(wait).catch((error) => error.message);
  };
  assertEquals([await endOf(true), await endOf(false)], [[], 'The container "box" has no address']);
});

/** What await_cloud_init.sh prints, given cloud-init's files, of which `late` come while it waits, and its program. */
async function awaited(
  files: Readonly<Record<string, string>>,
  { late, program = 'echo asked: "$@"; exit 1', systemctl, sed }: {
    late?: Readonly<Record<string, string>>;
    program?: string;
    /** It stands for sed. */
    sed?: string;
    /** It stands for systemd, and time flies. */
    systemctl?: string;
  } = {},
): Promise<string> {
  const run = await Deno.makeTempDir();
  const write = async (texts: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(join(run, name), text);
  };
  try {
    await write(files);
    await Deno.writeTextFile(join(run, "cloud-init"), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    if (systemctl !== undefined) {
      await Deno.writeTextFile(join(run, "systemctl"), `#!/bin/sh\ncd ${run}\n${systemctl}\n`, { mode: 0o755 });
      await Deno.writeTextFile(join(run, "sleep"), "#!/bin/sh\n", { mode: 0o755 });
    }
    if (sed !== undefined) {
      await Deno.writeTextFile(join(run, "sed"), `#!/bin/sh\ncd ${run}\n${sed}\n`, { mode: 0o755 });
    }
    let stdout = "";
    const script = awaitScript.replace("run=/run/cloud-init", `run=${run}`)
      .replace("/var/lib/cloud/instance", run);
    const process = startProcess(["/bin/sh", "-c", script], {
      env: { PATH: `${run}:/usr/bin:/bin` },
      output: { line: (line) => stdout += `${line}\n` },
    });
    if (late !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      assertEquals(stdout, "", "it has not ended before");
      await write(late);
    }
    await process.ended;
    return stdout;
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

Deno.test("await_cloud_init.sh tells by cloud-init's files that all is well, and asks its program for all else", async () => {
  const stage = (rest: string): string =>
    `{\n "v1": {\n  "init": {\n${rest}   "finished": 2.5\n  },\n  "stage": null\n }\n}\n`;
  const well = stage('   "errors": [],\n   "recoverable_errors": {},\n');
  const result = { "result.json": "{}" };
  const asked = "asked: status --wait --format json\n1 0\n";

  assertEquals(await awaited({ "status.json": well, ...result }), "0 0\n");
  assertEquals(await awaited({ "status.json": stage('   "errors": [],\n'), ...result }), "0 0\n", "before 23.4");
  assertEquals(await awaited({ "status.json": well }, { late: result }), "0 0\n", "it is waited for");

  for (
    const status of [
      stage('   "errors": [\n    "first"\n   ],\n   "recoverable_errors": {},\n'),
      stage('   "errors": [],\n   "recoverable_errors": {\n    "WARNING": [\n     "w"\n    ]\n   },\n'),
      stage(""),
      '{"v1":{"init":{"errors":["first"],"recoverable_errors":{}}}}',
      "",
    ]
  ) assertEquals(await awaited({ "status.json": status, ...result }), asked, status);
  assertEquals(await awaited(result), asked);
  assertEquals(await awaited({ disabled: "" }, { program: "echo disabled" }), "disabled\n0 0\n");

  const looked = (datasource: string, finished: string): Readonly<Record<string, string>> => {
    const local = `  "datasource": ${datasource},\n  "init": {\n   "finished": null\n  },\n  "init-local": {\n`;
    return {
      "status.json": `{\n "v1": {\n${local}   "errors": [],\n   "finished": ${finished},\n   "start": 1.5\n  }\n }\n}`,
    };
  };
  assertEquals(await awaited(looked("null", "2.5")), "0 0\n", "there is no source of user-data");
  for (const waits of [looked("null", "null"), looked('"DataSourceNoCloud"', "2.5")]) {
    assertEquals(await awaited(waits, { late: { "status.json": well, ...result } }), "0 0\n", "it is waited for");
  }

  // It finds one while this looks.
  const found = looked('"DataSourceNoCloud"', "2.5")["status.json"]!;
  const finds = `cat >status.json <<'END'\n${found}\nEND\nexec /usr/bin/sed "$@"`;
  const both = { ...result, "status.json": well };
  assertEquals(await awaited(looked("null", "null"), { late: both, sed: finds }), "0 0\n", "it is waited for");

  const twice = "echo >>looks; [ $(wc -l <looks) -lt 2 ] || ";
  const ends = `${twice} echo {} >result.json; echo starting`;
  assertEquals(await awaited({ "status.json": well }, { systemctl: ends }), "0 0\n", "the boot goes on");
  const crashed = `${twice} { echo degraded; exit 1; }; echo starting`;
  assertEquals(await awaited({ "status.json": well }, { systemctl: crashed }), asked, "the boot is over without it");
});
