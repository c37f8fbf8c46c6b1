import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { isMap, locateKey, parseYaml } from "../../../lib/base/yaml.ts";

Deno.test("parseYaml() gives the values of one document", () => {
  assertEquals(parseYaml("x", "#cloud-config\na: [1, two]\nb: |\n  text\n"), { a: [1, "two"], b: "text\n" });
  assertEquals(parseYaml("x", ""), null);
  assertEquals(parseYaml("x", "# only a comment\n"), null);
});

Deno.test("parseYaml() names file, line and column of what is wrong", () => {
  for (
    const [text, place] of [
      ["a: b: c\n", "x.yaml:1:"],
      ["a: 1\nb: [1, 2\nc: 3\n", "x.yaml:3:"],
      ["a:\n\t- b\n", "x.yaml:2:"],
      ["a: 'b\n", "x.yaml:"],
      ["a: 1\na: 2\n", "x.yaml:2:"],
      ["a: *nothing\n", "x.yaml:1:"],
    ] as const
  ) {
    const error = assertThrows(() => parseYaml("x.yaml", text), UserError, place);
    assert(/^x\.yaml:[1-9]\d*:[1-9]\d*: Not valid YAML: \S/.test(error.message), error.message);
    assert(!error.message.includes("\n"), error.message);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("parseYaml() refuses a second document", () => {
  assertThrows(() => parseYaml("x", "a: 1\n---\nb: 2\n"), UserError, "x:");
});

Deno.test("isMap() tells a map from a list, null and text", () => {
  assert(isMap({}));
  for (const data of [[], null, undefined, "a", 1]) assert(!isMap(data));
});

Deno.test("locateKey() finds a key on its level, not one of the same name elsewhere", () => {
  const text = `# name: in a comment
devices:
  eth0:
    name: eth0
    type: nic
  name:
    type: disk
config:
  user.x: |
    name: in a text
  "quoted key": "1"
  'single': 2
name: top
`;
  assertEquals(locateKey(text, ["name"]), { line: 13, column: 1 });
  assertEquals(locateKey(text, ["devices", "name"]), { line: 6, column: 3 });
  assertEquals(locateKey(text, ["devices", "eth0", "type"]), { line: 5, column: 5 });
  assertEquals(locateKey(text, ["devices", "name", "type"]), { line: 7, column: 5 });
  assertEquals(locateKey(text, ["config", "quoted key"]), { line: 11, column: 3 });
  assertEquals(locateKey(text, ["config", "single"]), { line: 12, column: 3 });
});

Deno.test("locateKey() gives the innermost key that it could find", () => {
  const text = "a: 1\ndevices: {eth0: {type: nic, mtu: 1500}}\nconfig:\n  mtu: 1\n";
  assertEquals(locateKey(text, ["devices", "eth0", "mtu"]), { line: 2, column: 1 });
  const list = "containers:\n- name: a\n- name: b\n  ask: y\n";
  assertEquals(locateKey(list, ["containers", 0, "ask"]), { line: 2, column: 1 });
  assertEquals(locateKey(list, ["containers", 1, "ask"]), { line: 4, column: 3 });
  assertEquals(locateKey("devices:\n  a: 1\nconfig:\n  b: 1\n", ["devices", "b"]), { line: 1, column: 1 });
  assertEquals(locateKey("devices: {}\n  # none\nconfig: 1\n", ["devices", "config"]), { line: 1, column: 1 });
  assertEquals(locateKey(text, ["nowhere"]), { line: 1, column: 1 });
  assertEquals(locateKey(text, []), { line: 1, column: 1 });
  assertEquals(locateKey("", ["a"]), { line: 1, column: 1 });
});

Deno.test("locateKey() copes with CRLF line ends and a document that is indented", () => {
  assertEquals(locateKey("a:\r\n  b: 1\r\n", ["a", "b"]), { line: 2, column: 3 });
  assertEquals(locateKey("---\n  a:\n      b: 1\n  c: 2\n", ["c"]), { line: 4, column: 3 });
});

Deno.test("locateKey() counts the items of a list, wherever their dashes stand", () => {
  for (const indentation of ["", "  "]) {
    const text = `containers:\n- name: a\n  ask:\n  - links\n-\n  name: b\n  ask: [links]\nname: c\n`
      .replace(/^(?=[ -])/gm, indentation);
    const column = indentation.length;
    assertEquals(locateKey(text, ["containers", 0]), { line: 2, column: column + 1 });
    assertEquals(locateKey(text, ["containers", 0, "name"]), { line: 2, column: column + 3 });
    assertEquals(locateKey(text, ["containers", 0, "ask"]), { line: 3, column: column + 3 });
    assertEquals(locateKey(text, ["containers", 1, "ask"]), { line: 7, column: column + 3 });
    assertEquals(locateKey(text, ["containers", 0, "ask", 1]), { line: 3, column: column + 3 });
    assertEquals(locateKey(text, ["containers", 2, "name"]), { line: 1, column: 1 });
    assertEquals(locateKey(text, ["name"]), { line: 8, column: 1 });
  }
});
