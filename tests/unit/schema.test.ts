import { assert, assertEquals, assertRejects } from "@std/assert";
import { parsePart } from "../../lib/create/user_data.ts";
import { UserError } from "../../lib/base/errors.ts";
import { checkSchema, schemaMistakes } from "../../lib/create/schema.ts";
import { type Answer, recordingHost } from "./recording_host.ts";

/** The mistakes in what cloud-init 25.1 prints, run by a user on a machine that is no cloud's. */
function mistakes(content: string, { stdout = "", stderr = "" }): string[] {
  const noise = "2026-01-01 00:00:00,000 - log_util.py[WARNING]: Getting data from <class 'DataSourceNone'> failed\n";
  return schemaMistakes({ path: "a.yaml", text: content }, {
    stdout,
    stderr: `${noise}${stderr}Error: Invalid schema: user-data\n\n`,
  });
}

Deno.test("schemaMistakes() gives line, column and text of each line that is marked", () => {
  const content =
    "#cloud-config\nruncmd: ls\nusers:\n  - name: x\n    gecos: 3\nwrite_files:\n- content: y\napt_update: true\n";
  const stdout = `#cloud-config
runcmd: ls\t\t# E1
users:
  - name: x
    gecos: 3\t\t# E2,E3
write_files:
- content: y\t\t# E4
apt_update: true\t\t# D1

# Errors: -------------
# E1: 'ls' is not of type 'array'
# E2: 3 is not of type 'string'
# E3: another
# E4: 'path' is a required property


# Deprecations: -------------
# D1:  Deprecated in version 22.2. Use **package_update** instead.


`;
  assertEquals(mistakes(content, { stdout }), [
    `a.yaml:2:1: 'ls' is not of type 'array': "runcmd: ls"`,
    `a.yaml:5:5: 3 is not of type 'string': "gecos: 3"`,
    `a.yaml:5:5: another: "gecos: 3"`,
    `a.yaml:7:1: 'path' is a required property: "- content: y"`,
  ]);
});

Deno.test("schemaMistakes() names each unknown key, on any level", () => {
  const content = "#cloud-config\npakages: [a]\ngrowpart:\n  x: 1\n  y: 2\n";
  const stdout = `#cloud-config
pakages: [a]\t\t# E1
growpart:\t\t# E2
  x: 1
  y: 2

# Errors: -------------
# E1: Additional properties are not allowed ('pakages' was unexpected)
# E2: Additional properties are not allowed ('x', 'y' were unexpected)


`;
  assertEquals(mistakes(content, { stdout }), [
    `a.yaml:2:1: cloud-init knows no key 'pakages': "pakages: [a]"`,
    `a.yaml:3:1: cloud-init knows no key 'x', 'y': "growpart:"`,
  ]);
});

Deno.test("schemaMistakes() names two unknown keys on the top level, where cloud-init ends with a traceback", () => {
  const stderr = `Traceback (most recent call last):
cloudinit.config.schema.SchemaValidationError: Cloud config schema errors: : Additional properties are not allowed ('more', 'pakages' were unexpected)

During handling of the above exception, another exception occurred:

KeyError: ''
`;
  assertEquals(mistakes("#cloud-config\npakages: [a]\nmore: 1\n", { stderr }), [
    `a.yaml:3:1: cloud-init knows no key 'more'`,
    `a.yaml:2:1: cloud-init knows no key 'pakages'`,
  ]);
});

Deno.test("schemaMistakes() takes no text of the file for a mark or a message", () => {
  const content = '#cloud-config\r\nruncmd: "x # E1"\r\n# E1: mine\r\n';
  const stdout =
    `#cloud-config\r\nruncmd: "x # E1"\r\t\t# E1\n# E1: mine\r\n\n# Errors: -------------\n# E1: its\n\n\n`;
  assertEquals(mistakes(content, { stdout }), [`a.yaml:2:1: its: "runcmd: "x # E1""`]);
});

Deno.test("schemaMistakes() knows what cloud-init's YAML parser does not take", () => {
  const stdout = `#cloud-config
a: @x\t\t# E1

# Errors: -------------
# E1: File /dev/stdin is not valid YAML. while scanning for the next token
found character '@' that cannot start any token
  in "<unicode string>", line 2, column 4:
    a: @x
       ^


`;
  assertEquals(mistakes("#cloud-config\na: @x\n", { stdout }), [
    'a.yaml:2:1: File /dev/stdin is not valid YAML. while scanning for the next token: "a: @x"',
  ]);
});

function checking(answer: Answer, content = "#cloud-config\napt_update: true\n") {
  const recorded = recordingHost({ answer: () => answer });
  return { recorded, check: () => checkSchema(recorded.host, parsePart({ path: "a.yaml", text: content })) };
}

Deno.test("checkSchema() refuses by the first mistake, shows the others, and hands the text over on stdin", async () => {
  const stdout = `#cloud-config
pakages: [a]\t\t# E1
runcmd: ls\t\t# E2

# Errors: -------------
# E1: Additional properties are not allowed ('pakages' was unexpected)
# E2: 'ls' is bad


`;
  const { recorded, check } = checking({ code: 1, stdout }, "#cloud-config\npakages: [a]\nruncmd: ls\n");
  const error = await assertRejects(check, UserError, `a.yaml:2:1: cloud-init knows no key 'pakages'`);
  assertEquals([error.exitCode, error.output], [2, `a.yaml:3:1: 'ls' is bad: "runcmd: ls"`]);
  assertEquals(recorded.options[0]!.stdin, { text: "#cloud-config\npakages: [a]\nruncmd: ls\n" });
});

Deno.test("checkSchema() goes on without cloud-init, with what is only deprecated, and past a broken cloud-init", async () => {
  const missing = new UserError("none", { hint: "", exitCode: 127 });
  for (
    const answer of [missing, {
      stdout:
        "#cloud-config\napt_update: true\t\t# D1\n\n# Deprecations: -------------\n# D1: Deprecated\n\n\nValid schema /dev/stdin\n",
    }]
  ) {
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
