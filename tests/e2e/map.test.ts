// map.ts on a real engine: a file is lent, used, and taken back exactly.

// @ts-types="../../lib/types/std_assert.d.ts"
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import { startProcess } from "../../lib/process.ts";
import {
  type EngineName,
  eventually,
  inContainer,
  makeContainer,
  removeContainer,
  root,
  script,
  sh,
  testOnEngines,
} from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-map-${engine}`;

testOnEngines("map.ts: a container to map into", ["user"], (engine) => makeContainer(engine, nameOn(engine)));

testOnEngines("map.ts lends a file of any name, and restores its ACL and mode", ["user"], async (engine) => {
  const name = nameOn(engine);
  const directory = await Deno.makeTempDir();
  const awkward = join(directory, `a "b" 'c' $d\ne\\ ü.txt`);
  const plain = join(directory, "plain");
  await Deno.writeTextFile(awkward, "from the host\n");
  await Deno.writeTextFile(plain, "plain\n");
  await Deno.chmod(awkward, 0o750);
  await sh(["setfacl", "-m", "u:12345:rwx,m::r-x", "--", awkward]);
  const before = await permissions([awkward, plain]);

  // An input that does not end: map.ts waits.
  const fifo = join(directory, "input");
  await sh(["mkfifo", fifo]);
  using _input = await Deno.open(fifo, { read: true, write: true });
  const lines: string[] = [];
  const map = startProcess(
    ["sh", "-c", 'exec "$@" <"$0"', fifo, join(root, "map.ts"), `--engine=${engine}`, "--json", name, awkward, plain],
    { stdin: "null", output: { line: (text) => lines.push(text) } },
  );
  const mapped = await eventually(
    "the result of map.ts",
    () => Promise.resolve(lines.find((text) => text.startsWith("["))),
  );
  const [first, second] = JSON.parse(mapped);
  assertEquals(first.host, awkward);
  assertMatch(first.container, /^\/home\/ubuntu\/maps\/[0-9a-f]{10}-a "b" 'c' \$d\ne\\ ü\.txt$/s);
  assertEquals(
    await inContainer(engine, name, 'cat -- "$1" "$2"', first.container, second.container),
    "from the host\nplain",
  );
  await inContainer(engine, name, 'echo "from the app" >>"$1"', first.container);
  assertEquals(await Deno.readTextFile(awkward), "from the host\nfrom the app\n");

  map.kill("SIGTERM");
  assertEquals((await map.ended).code, 143);
  assertEquals(await permissions([awkward, plain]), before);
  assertEquals(await inContainer(engine, name, "ls maps"), "");
  assertEquals(await sh([engine, "config", "device", "list", name]).then((list) => /map-/.test(list)), false);
  await Deno.remove(directory, { recursive: true });
});

testOnEngines("map.ts ends at the end of its input, and prints host and container path", ["user"], async (engine) => {
  const name = nameOn(engine);
  const file = await Deno.makeTempFile();
  const before = await permissions([file]);
  const { code, stdout } = await script("map", engine, ["--read-only", name, file]);
  assertEquals(code, 0);
  assertMatch(stdout, new RegExp(`^${file}\t/home/ubuntu/maps/[0-9a-f]{10}-\\S+\n$`));
  assertEquals(await permissions([file]), before);
  await Deno.remove(file);
});

testOnEngines("map.ts restores a file that is lent twice when the last one is done", ["user"], async (engine) => {
  const name = nameOn(engine);
  const file = await Deno.makeTempFile();
  await sh(["setfacl", "-m", "u:12345:rw-,m::r--", "--", file]);
  const before = await permissions([file]);
  assertEquals((await script("map", engine, ["--no-wait", name, file])).code, 0);
  const lent = await permissions([file]);
  // The end of its input takes the second one back at once.
  const second = await script("map", engine, ["--read-only", name, file]);
  assertEquals([second.code, second.stderr.includes("warning")], [0, false], second.stderr);
  assertEquals(await permissions([file]), lent);
  assertMatch((await script("map", engine, ["--list"])).stdout, new RegExp(`^${file}\t`));
  const back = await script("map", engine, ["--unmap", name, file]);
  assertEquals([back.code, back.stderr.includes("warning")], [0, false], back.stderr);
  assertEquals(await permissions([file]), before);
  assertEquals((await script("map", engine, ["--unmap", name, file])).code, 2, "it is not mapped any more");
  await Deno.remove(file);
});

testOnEngines("map.ts --recover takes back what a killed run has lent", ["user"], async (engine) => {
  const name = nameOn(engine);
  const directory = await Deno.makeTempDir();
  const [file, fifo] = [join(directory, "file"), join(directory, "input")];
  await Deno.writeTextFile(file, "text");
  const before = await permissions([file]);
  await sh(["mkfifo", fifo]);
  using _input = await Deno.open(fifo, { read: true, write: true });
  const map = startProcess([
    "sh",
    "-c",
    'exec "$@" <"$0"',
    fifo,
    join(root, "map.ts"),
    `--engine=${engine}`,
    name,
    file,
  ], {
    stdin: "null",
  });
  await eventually("the mapped file", async () => (await inContainer(engine, name, "ls maps")) !== "");
  map.kill("SIGKILL");
  await map.ended;
  assertEquals(await inContainer(engine, name, "cat maps/*"), "text");
  const recovered = await script("map", engine, ["--recover"]);
  assertEquals(recovered.code, 0, recovered.stderr);
  assertEquals(await permissions([file]), before);
  assertEquals(await inContainer(engine, name, "ls maps"), "");
  assertStringIncludes((await script("map", engine, ["--recover"])).stderr, "No file is mapped");
  await Deno.remove(directory, { recursive: true });
});

testOnEngines("map.ts refuses what it cannot map before anything is touched", ["user"], async (engine) => {
  const name = nameOn(engine);
  const file = await Deno.makeTempFile();
  const before = await permissions([file]);
  for (const other of ["/", "/dev/null", "/no/such/file", "/etc/shadow"]) {
    const { code, stderr } = await script("map", engine, [name, file, other]);
    assertEquals(code, 2, other);
    assertStringIncludes(stderr, other);
  }
  assertEquals(await permissions([file]), before);
  await Deno.remove(file);
});

testOnEngines("map.ts: the container is removed", ["user"], (engine) => removeContainer(engine, nameOn(engine)));

async function permissions(files: readonly string[]): Promise<string> {
  return await sh(["getfacl", "-cnpE", "--", ...files]) + await sh(["stat", "-c", "%a %u %g", "--", ...files]);
}
