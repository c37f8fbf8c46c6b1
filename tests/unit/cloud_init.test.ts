import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  foundSource,
  parsePart,
  parseStatus,
  type Part,
  userData,
  waitForCloudInit,
} from "../../lib/create/cloud_init.ts";
import { chooseEngine, type Engine } from "../../lib/engine/engine.ts";
import { ProcessError, UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { type Answer, recordingHost } from "./recording_host.ts";
import { testWith } from "./samples.ts";

Deno.test("parsePart() takes the type from the first line, the longer beginning first", () => {
  for (
    const [content, type] of [
      ["#cloud-config\npackages: [a]\n", "text/cloud-config"],
      ["#cloud-config\r\npackages: [a]\r\n", "text/cloud-config"],
      ["#cloud-config-archive\n- type: text/plain\n", "text/cloud-config-archive"],
      ["#cloud-config-jsonp\n[]\n", "text/cloud-config-jsonp"],
      ["#include-once\nhttps://example.org/\n", "text/x-include-once-url"],
      ["#include https://example.org/\n", "text/x-include-url"],
      ["#cloud-boothook\n#!/bin/sh\n", "text/cloud-boothook"],
      ["#part-handler\n", "text/part-handler"],
      ["## template: jinja\n#cloud-config\n{{ not: yaml", "text/jinja2"],
      ["## template: jinja\n\n{% set a = 1 %}\n#cloud-config\na: {{ a }}\n", "text/jinja2"],
      ["## template: jinja\r\n#!/bin/sh\r\n", "text/jinja2"],
      ["#!/bin/sh\n: [not yaml\n", "text/x-shellscript"],
      ["#!/bin/sh", "text/x-shellscript"],
    ] as const
  ) assertEquals(parsePart("some/dir/x y", content), { filename: "x y", type, content });
});

Deno.test("parsePart() refuses a file that cloud-init would ignore, with file, line and column", () => {
  for (
    const content of ["packages: [a]\n", "\n#cloud-config\na: 1\n", " #cloud-config\na: 1\n", "# cloud-config\na: 1\n"]
  ) {
    const error = assertThrows(() => parsePart("a/b.yaml", content), UserError, "a/b.yaml:1:1: ");
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("parsePart() refuses a template of which cloud-init would not know what it becomes", () => {
  for (
    const [content, at] of [
      ["## template: jinja\npackages: [a]\n", "t:2:1: "],
      ["## template: jinja\n\npackages: [a]\n", "t:3:1: "],
      ["## template: jinja\n", "t:2:1: "],
      ["## template: jinja", "t:2:1: "],
    ] as const
  ) assertEquals(assertThrows(() => parsePart("t", content), UserError, at).exitCode, 2);
});

Deno.test("parsePart() refuses YAML that does not parse where it stops to", () => {
  const error = assertThrows(
    () => parsePart("b.yaml", "#cloud-config\npackages:\n  - a\n bad: [\n"),
    UserError,
    "b.yaml:",
  );
  assert(/^b\.yaml:[45]:\d+: Not valid YAML: /.test(error.message), error.message);
  assertEquals(error.exitCode, 2);
});

Deno.test("parsePart() refuses a cloud-config that is no map, and an archive that is no list", () => {
  for (
    const content of [
      "#cloud-config\n",
      "#cloud-config\n- a\n",
      "#cloud-config\ntext\n",
      "#cloud-config-archive\na: 1\n",
    ]
  ) {
    assertThrows(() => parsePart("x", content), UserError, "x:1:1: The file is not a ");
  }
});

const parts: Part[] = [
  { filename: "one.yaml", type: "text/cloud-config", content: "#cloud-config\npackages: [a]\n" },
  { filename: "no end of line.sh", type: "text/x-shellscript", content: "#!/bin/sh\necho ünï 𝄞 'q' \"q\" \\ $x" },
  { filename: "blank lines", type: "text/x-shellscript", content: "#!/bin/sh\n\n\n\tx  \n\n\n" },
  { filename: "crlf", type: "text/cloud-config", content: "#cloud-config\r\na: b\r\n" },
  {
    filename: "boundary",
    type: "text/x-shellscript",
    content: "#!/bin/sh\n--gui-container-part-0\n--gui-container-part-1--\nFrom me\n.\n--\n=20\n",
  },
  { filename: `a"b\nc;ü.sh`, type: "text/x-shellscript", content: "#!x" },
  { filename: "long", type: "text/cloud-config", content: `#cloud-config\na: ${"ü€ ".repeat(500)}\n` },
  { filename: "template", type: "text/jinja2", content: "## template: jinja\n#cloud-config\na: {{ b }}\n" },
];

testWith(
  ["python3"],
  "userData() is read by Python's email package, as cloud-init reads it, byte for byte",
  async () => {
    const program = `
import email, json, sys
message = email.message_from_string(sys.stdin.buffer.read().decode("utf-8"))
assert message.is_multipart() and not message.defects, message.defects
for part in message.walk():
    if part is message: continue
    assert not part.defects and not part.is_multipart(), part.defects
    print(json.dumps([part.get_content_type(), part.get_content_charset(), part.get_payload(decode=True).decode("utf-8", "surrogateescape"), part["Merge-Type"]]))
`;
    const { stdout } = await runProcess(["python3", "-c", program], {
      stdin: { text: userData(parts) },
      env: { PYTHONIOENCODING: "utf-8" },
    });
    const add = "list(append)+dict(recurse_list)+str()";
    assertEquals(
      stdout.trimEnd().split("\n").map((line) => JSON.parse(line)),
      parts.map(({ type, content }) => [
        type,
        "utf-8",
        content,
        type === "text/cloud-config" || type === "text/jinja2" ? add : null,
      ]),
    );
  },
);

Deno.test("userData() names each part by its file, safe for a header, and no two alike", () => {
  // cloud-init writes a script to a file of that name: the second of two alike would replace the first.
  const same = ["run.sh", "run.sh", "run.sh-2", `a"b\nc.sh`, "ü.sh", "é.sh"].map((filename): Part => ({
    filename,
    type: "text/x-shellscript",
    content: "#!/bin/sh\n",
  }));
  const names = [...userData(same).matchAll(/filename=(.*)$/gm)].map(([, name]) => name!);
  assertEquals(names.length, same.length);
  assertEquals(new Set(names).size, same.length);
  assertEquals(names.slice(0, 3), [`"run.sh"`, `"run.sh-2"`, `"run.sh-2-2"`]);
  for (const name of names) assert(/^"[\w.-]+"$/.test(name), name);
});

Deno.test("userData() is the same text for the same parts", () => {
  assertEquals(userData(parts), userData(structuredClone(parts)));
  assert(userData(parts) !== userData(parts.toReversed()));
});

Deno.test("parseStatus() tells done, degraded and failed apart by the exit status", () => {
  assertEquals(parseStatus('{"status":"done"}', 0), { kind: "done" });
  assertEquals(
    parseStatus('{"status":"done","recoverable_errors":{"WARNING":["one","two"],"ERROR":["three"]}}', 2),
    { kind: "degraded", warnings: ["one", "two", "three"] },
  );
  assertEquals(parseStatus('{"errors":["bad","worse"]}', 1), { kind: "error", errors: ["bad", "worse"] });
  assertEquals(parseStatus('{"errors":[],"detail":"why"}', 1), { kind: "error", errors: ["why"] });
});

Deno.test("parseStatus() takes what is no status for the reason, and needs none", () => {
  assertEquals(parseStatus("Traceback: x\n", 1), { kind: "error", errors: ["Traceback: x"] });
  for (const stdout of ["", "{}", "null"]) {
    assertEquals(parseStatus(stdout, 1), { kind: "error", errors: ["cloud-init gave no reason"] });
    assertEquals(parseStatus(stdout, 2), { kind: "degraded", warnings: [] });
  }
});

async function engineThat(answer: (argv: readonly string[]) => Answer): Promise<Engine> {
  return await chooseEngine(recordingHost({ answer }).host, "lxc");
}

Deno.test("waitForCloudInit() fails with cloud-init's own errors and the end of its output log", async () => {
  const engine = await engineThat((argv) =>
    argv.includes("tail")
      ? { stdout: "E: no such package\n" }
      : { code: 3, stdout: '{"errors":["first","second"]}\n1 42\n' }
  );
  const error = await assertRejects(() => waitForCloudInit(engine, "box", { timeoutMs: 1000 }), UserError, "first");
  assertEquals(error.output, "second\nE: no such package\n");
  assertEquals(error.exitCode, 1);
});

Deno.test("waitForCloudInit() says that the image has no cloud-init", async () => {
  const engine = await engineThat(() => ({ code: 3, stdout: "127 0\n" }));
  const error = await assertRejects(() => waitForCloudInit(engine, "box", { timeoutMs: 1000 }), UserError, '"box"');
  assert(error.hint.includes("--image"));
});

Deno.test("waitForCloudInit() says that it took too long, with the end of the output log", async () => {
  const result = { argv: ["lxc"], code: 143, signal: null, stdout: "", stderr: "" };
  const tooLong = new ProcessError(result, { timedOutAfterMs: 1000 });
  const engine = await engineThat((argv) => argv.includes("tail") ? { stdout: "Unpacking\n" } : tooLong);
  const error = await assertRejects(
    () => waitForCloudInit(engine, "box", { timeoutMs: 1000 }),
    UserError,
    'still runs after 1 s in "box"',
  );
  assertEquals([error.exitCode, error.output], [1, "Unpacking\n"]);
  assert(error.hint.includes("--timeout"));
});

Deno.test("waitForCloudInit() tells a failure of the engine's CLI from one of cloud-init", async () => {
  const engine = await engineThat(() => ({ code: 1, stderr: "Error: Instance is not running\n" }));
  const error = await assertRejects(() => waitForCloudInit(engine, "box", { timeoutMs: 1000 }), ProcessError);
  assertEquals(error.output, "Error: Instance is not running");
});

Deno.test("waitForCloudInit() ends by its own error when what it does beside fails before", async () => {
  const { host } = recordingHost();
  const run: typeof host.run = (argv) =>
    argv.includes("cat")
      ? Promise.reject(new Error("beside"))
      : new Promise((_, reject) => setTimeout(() => reject(new Error("itself")), 2_500));
  const engine = { ...await chooseEngine(host, "lxc"), host: { ...host, run } };
  await assertRejects(() => waitForCloudInit(engine, "box", { timeoutMs: 1000 }), Error, "itself");
});

Deno.test("waitForCloudInit() gives back the warnings of a degraded one", async () => {
  const engine = await engineThat(() => ({ stdout: '{"recoverable_errors":{"WARNING":["w"]}}\n2 42\n' }));
  assertEquals(await waitForCloudInit(engine, "box", { timeoutMs: 1000 }), { kind: "degraded", warnings: ["w"] });
});

Deno.test("waitForCloudInit() reads a status of several lines, and the size of the user-data after it", async () => {
  const engine = await engineThat(() => ({ stdout: '{\n "status": "done",\n "errors": []\n}\n0 2048\n' }));
  assertEquals(await waitForCloudInit(engine, "box", { timeoutMs: 1000 }), { kind: "done" });
});

Deno.test("waitForCloudInit() fails when cloud-init was given no user-data, done or degraded", async () => {
  for (const code of [0, 2]) {
    const engine = await engineThat(() => ({ stdout: `{"status":"done"}\n${code} 0\n` }));
    const error = await assertRejects(
      () => waitForCloudInit(engine, "box", { timeoutMs: 1000 }),
      UserError,
      'no user-data in "box"',
    );
    assertEquals(error.exitCode, 1);
    assert(error.hint.includes("security.devlxd"), error.hint);
  }
});

Deno.test("waitForCloudInit() names cloud-init's own error rather than the missing user-data", async () => {
  const engine = await engineThat((argv) =>
    argv.includes("tail") ? {} : { code: 3, stdout: '{"errors":["no datasource"]}\n1 0\n' }
  );
  await assertRejects(() => waitForCloudInit(engine, "box", { timeoutMs: 1000 }), UserError, "no datasource");
});

Deno.test("foundSource() knows when cloud-init has looked, and whether it found something", () => {
  const status = (datasource: string | null, finished: number | null): string =>
    JSON.stringify({ v1: { datasource, "init-local": { finished, start: 1.5 }, init: { finished: null } } });
  assertEquals(foundSource(status("DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]", 2.5)), true);
  assertEquals(foundSource(status(null, 2.5)), false);
  for (const early of [status(null, null), "", "{}", "no such file"]) assertEquals(foundSource(early), undefined);
});

Deno.test("waitForCloudInit() asks once, and in a dry run judges nothing", async () => {
  const recorded = recordingHost({ dryRun: true });
  const engine = await chooseEngine(recorded.host, "lxc");
  assertEquals(await waitForCloudInit(engine, "box", { timeoutMs: 1000 }), { kind: "done" });
  assertEquals(recorded.calls.map((argv) => argv.slice(0, 8)), [
    ["lxc", "exec", "box", "--mode", "non-interactive", "--", "/bin/sh", "-c"],
  ]);
});
