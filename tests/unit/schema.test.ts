import { assert, assertEquals, assertRejects } from "@std/assert";
import { parsePart } from "../../lib/create/cloud_init.ts";
import { UserError } from "../../lib/base/errors.ts";
import { checkSchema, schemaMistakes } from "../../lib/create/schema.ts";
import { type Answer, recordingHost } from "./recording_host.ts";

/** What cloud-init 25.1 prints besides, run by a user on a machine that is no cloud's. */
const noise = "2026-01-01 00:00:00,000 - log_util.py[WARNING]: Getting data from <class 'DataSourceNone'> failed\n";

function mistakes(content: string, errors: string): string[] {
  return schemaMistakes(
    "a.yaml",
    content,
    `${noise}Error: Cloud config schema errors: ${errors}\n\nError: Invalid schema: user-data\n\n`,
  );
}

Deno.test("schemaMistakes() gives line and column of each mistake", () => {
  const content = "#cloud-config\nruncmd: ls\nusers:\n  - name: x\n    gecos: 3\nwrite_files:\n- content: y\n";
  assertEquals(
    mistakes(
      content,
      "runcmd: 'ls' is not of type 'array', users.0.gecos: 3 is not of type 'string', write_files.0: 'path' is a required property",
    ),
    [
      `a.yaml:2:1: "runcmd": 'ls' is not of type 'array'`,
      `a.yaml:5:5: "users.0.gecos": 3 is not of type 'string'`,
      `a.yaml:7:1: "write_files.0": 'path' is a required property`,
    ],
  );
});

Deno.test("schemaMistakes() names each unknown key, on any level", () => {
  const content = "#cloud-config\npakages: [a]\ngrowpart:\n  x: 1\n  y: 2\n";
  assertEquals(mistakes(content, "pakages: Additional properties are not allowed ('pakages' was unexpected)"), [
    `a.yaml:2:1: cloud-init knows no key "pakages"`,
  ]);
  assertEquals(
    mistakes(
      content,
      ": Additional properties are not allowed ('pakages', 'more' were unexpected), growpart: Additional properties are not allowed ('x', 'y' were unexpected)",
    ),
    [
      `a.yaml:2:1: cloud-init knows no key "pakages"`,
      `a.yaml:1:1: cloud-init knows no key "more"`,
      `a.yaml:4:3: cloud-init knows no key "growpart.x"`,
      `a.yaml:5:3: cloud-init knows no key "growpart.y"`,
    ],
  );
});

Deno.test("schemaMistakes() takes no commas and colons of a value for another mistake", () => {
  assertEquals(mistakes(`#cloud-config\nruncmd: "a, b: c, "\n`, "runcmd: 'a, b: c, ' is not of type 'array'"), [
    `a.yaml:2:1: "runcmd": 'a, b: c, ' is not of type 'array'`,
  ]);
});

Deno.test("schemaMistakes() knows what cloud-init's YAML parser does not take", () => {
  const errors =
    "format-l4.c4: File /dev/stdin is not valid YAML. while scanning for the next token\nfound character '@' that cannot start any token";
  assertEquals(mistakes("#cloud-config\n", errors), [
    "a.yaml:4:4: Not valid YAML: while scanning for the next token",
  ]);
});

function checking(answer: Answer, content = "#cloud-config\npakages: [a]\nruncmd: ls\n") {
  const recorded = recordingHost({ answer: () => answer });
  return { recorded, check: () => checkSchema(recorded.host, "a.yaml", parsePart("a.yaml", content)) };
}

Deno.test("checkSchema() refuses by the first mistake, shows the others, and hands the text over on stdin", async () => {
  const errors = "pakages: Additional properties are not allowed ('pakages' was unexpected), runcmd: 'ls' is bad";
  const { recorded, check } = checking({ code: 1, stderr: `Error: Cloud config schema errors: ${errors}\n` });
  const error = await assertRejects(check, UserError, 'a.yaml:2:1: cloud-init knows no key "pakages"');
  assertEquals([error.exitCode, error.output], [2, `a.yaml:3:1: "runcmd": 'ls' is bad`]);
  assertEquals(recorded.options[0]!.stdin, { text: "#cloud-config\npakages: [a]\nruncmd: ls\n" });
});

Deno.test("checkSchema() goes on without cloud-init, with what is only deprecated, and past a broken cloud-init", async () => {
  const missing = new UserError("none", { hint: "", exitCode: 127 });
  for (const answer of [missing, { stdout: "Cloud config schema deprecations: apt_update: Deprecated\n" }]) {
    const { recorded, check } = checking(answer);
    await check();
    assertEquals(recorded.said, []);
  }
  for (const stderr of ["Traceback (most recent call last):\n", "argument subcommand: invalid choice: 'schema'\n"]) {
    const { recorded, check } = checking({ code: 2, stderr });
    await check();
    assert(
      recorded.said[0]?.startsWith('warn: This host\'s cloud-init could not check "a.yaml"'),
      recorded.said.join(),
    );
  }
});

Deno.test("checkSchema() has only cloud-configs checked", async () => {
  const { recorded, check } = checking({}, "#!/bin/sh\n");
  await check();
  assertEquals(recorded.calls, []);
});
