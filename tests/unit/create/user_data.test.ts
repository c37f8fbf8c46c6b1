import { assert, assertEquals, assertThrows } from "@std/assert";
import { parsePart, userData, type UserDataPart } from "../../../lib/create/user_data.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { testWith } from "../samples.ts";

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
  ) assertEquals(parsePart({ path: "some/dir/x y", text: content }), { path: "some/dir/x y", text: content, type });
});

Deno.test("parsePart() refuses a file that cloud-init would ignore, with file, line and column", () => {
  for (
    const content of ["packages: [a]\n", "\n#cloud-config\na: 1\n", " #cloud-config\na: 1\n", "# cloud-config\na: 1\n"]
  ) {
    const error = assertThrows(() => parsePart({ path: "a/b.yaml", text: content }), UserError, "a/b.yaml:1:1: ");
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
  ) assertEquals(assertThrows(() => parsePart({ path: "t", text: content }), UserError, at).exitCode, 2);
});

Deno.test("parsePart() refuses YAML that does not parse where it stops to", () => {
  const error = assertThrows(
    () => parsePart({ path: "b.yaml", text: "#cloud-config\npackages:\n  - a\n bad: [\n" }),
    UserError,
    "b.yaml:",
  );
  assert(/^b\.yaml:[45]:\d+: Not valid YAML: /.test(error.message), error.message);
  assertEquals(error.exitCode, 2);
});

/** What PyYAML's safe loader takes (YAML 1.1), each as a whole cloud-config behind its first line. */
const yaml11 = [
  // cloud-init's own example of write_files
  "write_files:\n- content: !!binary |\n    f0VMRgIBAQAAAAAAAAAAAAIAPgABAAAAwARAAAAAAAB\n    IPAABAAAA\n  path: /bin/arch\n  permissions: '0555'\n",
  "a: !!binary >-\n  aGVs\n  bG8=\n",
  'a: !!binary "aGVs bG8="\n',
  "a: !<tag:yaml.org,2002:binary> aGVs bG8=\n",
  "write_files: [{path: /a, permissions: 0644, defer: yes}]\npackage_update: on\napt: {preserve_sources_list: off}\n",
  "a: !!bool yes\nb: !!bool 'off'\nc: !!null\nd: !!int '3'\ne: !!int 0644\nf: !!int 190:20:30\ng: !!float 1\nh: !!str 1\n",
  "a: !!set {x, y}\nb: !!set\n  ? x\n  ? y\nc: !!omap [x: 1, y: 2]\nd: !!pairs [x: 1, x: 2]\ne: !!timestamp '2001-12-14'\n",
  "b: &b {x: 1}\nc: &c {z: 1}\na:\n  <<: [*b, *c]\n  y: 2\n",
  "power_state: {delay: 1:30, condition: True}\n",
  "%YAML 1.1\n---\na: 1\n...\n",
  "!!str a: b\n",
];

Deno.test("parsePart() takes the YAML that cloud-init takes", () => {
  for (const yaml of yaml11) parsePart({ path: "a.yaml", text: `#cloud-config\n${yaml}` });
  // A tag that it does not know makes cloud-init ignore the whole part.
  for (const yaml of ["a: !foo b\n", "a: !!python/tuple [1]\n", "a: !!binaries b\n"]) {
    assertThrows(() => parsePart({ path: "a.yaml", text: `#cloud-config\n${yaml}` }), UserError, "a.yaml:2:");
  }
});

Deno.test("parsePart() takes a key that is there twice, as cloud-init does, and warns of it", () => {
  const content = "#cloud-config\nruncmd: [a]\napt:\n  conf: x\nruncmd: [!!str b]\n";
  const warnings: string[] = [];
  assertEquals(
    parsePart({ path: "a.yaml", text: content }, { warn: (message) => warnings.push(message) }).text,
    content,
  );
  assertEquals(warnings, ['cloud-init takes the last of two values for one key: a.yaml:5: "runcmd: [!!str b]"']);
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
    assertThrows(() => parsePart({ path: "x", text: content }), UserError, "x:1:1: ");
  }
});

const parts: UserDataPart[] = [
  { path: "one.yaml", type: "text/cloud-config", text: "#cloud-config\npackages: [a]\n" },
  { path: "no end of line.sh", type: "text/x-shellscript", text: "#!/bin/sh\necho ünï 𝄞 'q' \"q\" \\ $x" },
  { path: "blank lines", type: "text/x-shellscript", text: "#!/bin/sh\n\n\n\tx  \n\n\n" },
  { path: "crlf", type: "text/cloud-config", text: "#cloud-config\r\na: b\r\n" },
  {
    path: "boundary",
    type: "text/x-shellscript",
    text: "#!/bin/sh\n--gui-container-part\n--gui-container-part--\nFrom me\n.\n--\n=20\n",
  },
  { path: `a"b\nc;ü.sh`, type: "text/x-shellscript", text: "#!x" },
  { path: "long", type: "text/cloud-config", text: `#cloud-config\na: ${"ü€ ".repeat(500)}\n` },
  { path: "template", type: "text/jinja2", text: "## template: jinja\n#cloud-config\na: {{ b }}\n" },
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
      parts.map(({ type, text }) => [
        type,
        "utf-8",
        text,
        type === "text/cloud-config" || type === "text/jinja2" ? add : null,
      ]),
    );
  },
);

Deno.test("userData() names each part by its file, safe for a header, and no two alike", () => {
  // cloud-init writes a script to a file of that name: the second of two alike would replace the first.
  const same = ["run.sh", "run.sh", "run.sh-2", `a"b\nc.sh`, "ü.sh", "é.sh"].map((path): UserDataPart => ({
    path,
    type: "text/x-shellscript",
    text: "#!/bin/sh\n",
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
