// What the agent makes of an app's filters: no line of it is longer than the host's end reads.

import { assert, assertEquals } from "@std/assert";
import { maxLine, offerPortals, startAgent } from "../../../../lib/attach/agent/agent.ts";
import { dialogAsks } from "../../../../lib/channels/file_dialogs.ts";
import type { FileFilter } from "../../../../lib/channels/requests.ts";
import { loadOpen } from "../../../../lib/channels/table.ts";
import { runProcess, startProcess } from "../../../../lib/base/process.ts";
import { withValues } from "../../../../lib/base/shell_words.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

/** Runs the agent's functions about filters alone: the rest needs a session and its bus. */
const program = `
import ast, json, mimetypes, os, sys, time
from types import SimpleNamespace

tree = ast.parse(open(sys.argv[1]).read())
wanted = lambda node: isinstance(node, ast.FunctionDef) and node.name in ("patterns", "on_call") or \\
    isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("MAX_FILTERS", "last_wanted", "apps", "TWICE_SECONDS")
tree.body = [node for node in tree.body if wanted(node)]
exec(compile(tree, sys.argv[1], "exec"))

def ask(_connection, _handle, message, _done):
    print(json.dumps({"id": 1, **message}, ensure_ascii=False))
    return 1

on_call(None, None, None, None, "OpenFile", SimpleNamespace(unpack=lambda: ("/1", json.load(sys.stdin))), None)
`;

const pathOf = (path: string): string => new URL(`../../../../lib/${path}`, import.meta.url).pathname;

async function askWith(filters: unknown): Promise<{ line: string; filters: FileFilter[] }> {
  const { stdout } = await runProcess(["python3", "-c", program, pathOf("channels/file_dialogs.py")], {
    stdin: { text: JSON.stringify({ filters }) },
  });
  const request = dialogAsks.open(JSON.parse(stdout), 1);
  assert(request);
  return { line: stdout, filters: request.filters };
}

const endings = (count: number): [number, string][] => Array.from({ length: count }, (_, index) => [0, `*.x${index}`]);

testWith(["python3"], "the agent sends the first 256 patterns of a filter, and those of a type of MIME", async () => {
  const { line, filters } = await askWith([["Many", endings(300)], ["Pictures", [[1, "image/png"], [1, "image/*"]]]]);
  assertEquals(filters.map(({ label }) => label), ["Many", "Pictures"]);
  const [many] = JSON.parse(line).filters as [[string, string[]]];
  assertEquals([many[1].length, many[1].at(-1)], [256, "*.x255"]);
  assertEquals(filters[1]!.patterns[0], "*.png");
  assert(filters[1]!.patterns.includes("*.gif"));
});

testWith(
  ["python3"],
  "the agent leaves the last filters out where their line would be too long to be read",
  async () => {
    const { line, filters } = await askWith(Array.from({ length: 16 }, (_, index) => [`F${index}`, endings(140)]));
    assert(line.length <= maxLine, `${line.length}`);
    assert(filters.length > 4 && filters.length < 16, `${filters.length}`);
    assertEquals(filters[0]!.label, "F0");
  },
);

Deno.test("an agent that sends a line without an end is ended, and what it says is left out", async () => {
  const { host } = recordingHost();
  host.start = (_argv, { output = "capture" } = {}) =>
    startProcess(["sh", "-c", 'echo "{}"; while :; do printf %065536d 1; done'], { output });
  const lines: unknown[] = [];
  const agent = await startAgent(localBox(host), {
    session: "s",
    channels: [],
    waits: false,
    onLine: (line) => lines.push(line),
  });
  assertEquals([await agent.ended, lines], ["gone", [{}]]);
});

/** Runs the agent's functions about the host's colours alone, over a bus on which it loses its name, and gets it again. */
const coloursProgram = `
import ast, json, os, sys, tempfile, time
from types import SimpleNamespace

core, part = (ast.parse(open(path).read()) for path in sys.argv[1:])
names = ("on_scheme", "on_name", "on_line")
core.body = [node for node in core.body if isinstance(node, ast.FunctionDef) and node.name in names]
part.body = [node for node in part.body if isinstance(node, ast.FunctionDef) and node.name in names
    or "on_named" in ast.unparse(node)]
scratch = tempfile.TemporaryDirectory()
said, directory, PATH, on_named, on_key = [], scratch.name, "/", [], {}
host_scheme = late_scheme = None
GLib = SimpleNamespace(Variant=lambda _kind, value: value)
bus = SimpleNamespace(emit_signal=lambda *signal: said.append(signal[4][2]))
agent = SimpleNamespace(bus=bus, has_name=False, has_environment=True, owned=[], last_call=0, line="")
SETTINGS = "Settings"
send = lambda line: said.append(line["ask"])
settings = lambda: {"appearance": {"color-scheme": host_scheme}}
own_names = lambda: (said.append("asks for the name"), agent.owned.append(1))
for tree in (core, part):
    exec(compile(tree, "agent", "exec"))

on_scheme("prefer-dark")
on_scheme("prefer-light")
on_name(None, None)
on_scheme("default")
print(json.dumps(said))
`;

testWith(
  ["python3"],
  "the agent tells apps of the host's colours once it has its name: nobody else is heard",
  async () => {
    const { stdout } = await runProcess([
      ...["python3", "-c", coloursProgram],
      ...["attach/agent/agent.py", "attach/agent/settings.py"].map(pathOf),
    ]);
    assertEquals(JSON.parse(stdout), ["asks for the name", "ready", "prefer-light", "default"]);
  },
);

/** Runs a channel's part in a session that was started without the channel. */
const partProgram = `
import ast, json, sys, tempfile

path, *CHANNELS = sys.argv[1:]
said, scratch = [], tempfile.TemporaryDirectory()
directory, lacks = scratch.name, lambda *words: said.append(words)
tree = ast.parse(open(path).read())
tree.body = [node for node in tree.body if isinstance(node, ast.If)]
exec("import os\\n" + ast.unparse(tree))
print(json.dumps([said, CHANNELS]))
`;

for (const name of ["microphone", "sign"]) {
  testWith(
    ["python3"],
    `the part of ${name} tells that the session was started without it, and nothing where the bus starts it without a host's end`,
    async () => {
      const part = pathOf(`channels/${name}/agent.py`);
      const run = async (channels: string[]): Promise<unknown> =>
        JSON.parse((await runProcess(["python3", "-c", partProgram, part, ...channels])).stdout);
      assertEquals(await run(["dialogs", name]), [[["no-part", name]], ["dialogs"]]);
      assertEquals(await run(["dialogs"]), [[], ["dialogs"]]);
    },
  );
}

Deno.test("the session's xdg-open asks the host first, then opens here, and does not ask itself", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { script, values } = offerPortals(await loadOpen(new Set(["links"])));
    const env = { RUNTIME_DIRECTORY: directory, PATH: `${directory}:${Deno.env.get("PATH")}` };
    await runProcess(["/bin/sh", "-ec", withValues(script, values)], { env });
    const opener = `${directory}/bin/xdg-open`;
    const program = (name: string, text: string): Promise<void> =>
      Deno.writeTextFile(`${directory}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const text = await Deno.readTextFile(opener);
    await Deno.writeTextFile(opener, text.replace("/usr/bin/xdg-open", `${directory}/here`));
    // As where the session's browser is the only one: it asks again.
    await program("here", `echo "here: $*"; [ "$1" != https://loop.example/ ] || exec ${opener} "$@"`);
    await program("dbus-send", `for word; do :; done; echo "$word" >>'${directory}/asked'; [ ! -e '${directory}/no' ]`);
    const open = async (word: string): Promise<[string, number]> => {
      const { stdout, code } = await runProcess([opener, word], { env, okCodes: "any", cwd: directory });
      return [stdout, code];
    };
    for (const word of ["https://example.org/?a=1&b=$x", "a b.txt", "mailto:a/b@example.org", "file:///x"]) {
      assertEquals(await open(word), ["", 0]);
    }
    assertEquals((await Deno.readTextFile(`${directory}/asked`)).split("\n").slice(0, -1), [
      "string:https://example.org/?a=1&b=$x",
      `string:${await Deno.realPath(directory)}/a b.txt`,
      "string:mailto:a/b@example.org",
      "string:file:///x",
    ]);
    await program("no", "");
    assertEquals(await open("mailto:a/b@example.org"), ["here: mailto:a/b@example.org\n", 0]);
    assertEquals(await open("https://loop.example/"), ["here: https://loop.example/\n", 3]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
