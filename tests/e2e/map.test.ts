// map.ts on a real engine: a file is lent, used, and taken back exactly.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { assertRefused } from "../unit/refusals.ts";
import { type LentFile, permissions, startMap, withDirectory } from "./lending.ts";
import { eventually, inContainer, mountsRoot, root, script, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { type EngineName, shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("map");

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
    { output: { line: (text) => lines.push(text) } },
  );
  const mapped = await eventually(
    "the result of map.ts",
    () => Promise.resolve(lines.find((text) => text.startsWith("["))),
  );
  const [first, second] = JSON.parse(mapped);
  assertEquals(first.host, awkward);
  assertMatch(first.container, /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/a "b" 'c' \$d\ne\\ ü\.txt$/s);
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

testOnOneEngine("map.ts ends at the end of its input, and prints host and container path", ["user"], async (engine) => {
  const name = nameOn(engine);
  const file = await Deno.makeTempFile();
  const before = await permissions([file]);
  const { code, stdout } = await script("map", engine, ["--read-only", name, file]);
  assertEquals(code, 0);
  assertMatch(stdout, new RegExp(`^${file}\t/home/ubuntu/maps/[0-9a-f]{10}/\\S+\n$`));
  assertEquals(await permissions([file]), before);
  await Deno.remove(file);
});

testOnOneEngine("map.ts restores a file that is lent twice when the last one is done", ["user"], async (engine) => {
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

testOnOneEngine("map.ts --unmap takes back what a killed run has lent", ["user"], async (engine) => {
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
  ]);
  // Its directory is there a moment before it.
  const read = "cat maps/*/* 2>/dev/null || true";
  await eventually("the mapped file", async () => (await inContainer(engine, name, read)) === "text");
  map.kill("SIGKILL");
  await map.ended;
  assertEquals(await inContainer(engine, name, read), "text");
  const recovered = await script("map", engine, ["--yes", "--unmap"]);
  assertEquals(recovered.code, 0, recovered.stderr);
  assertEquals(await permissions([file]), before);
  assertEquals(await inContainer(engine, name, "ls maps"), "");
  assertStringIncludes((await script("map", engine, ["--yes", "--unmap"])).stderr, "No file is lent");
  await Deno.remove(directory, { recursive: true });
});

testOnOneEngine("map.ts refuses what it cannot map before anything is touched", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const path = (part: string): string => join(directory, part);
    const file = path("file");
    await Deno.writeTextFile(file, "text");
    await Deno.writeTextFile(path("unreadable"), "text");
    await Deno.chmod(path("unreadable"), 0);
    await Deno.mkdir(path("closed"));
    await Deno.writeTextFile(path("closed/file"), "text");
    await Deno.chmod(path("closed"), 0);
    await Deno.symlink(file, path("link"));
    await Deno.symlink("nowhere", path("dangling"));
    await sh(["mkfifo", path("fifo")]);
    await sh(["python3", "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path("socket")]);
    const shared = join(mountsRoot, name, "share", "file");
    await Deno.writeTextFile(shared, "text");
    const before = await permissions([file]);
    const refused: [string, string][] = [
      ["/", "directory"],
      ["/dev/null", "kernel"],
      [path("fifo"), "regular file"],
      [path("socket"), "regular file"],
      ["/no/such/file", "no file"],
      [`${file}/x`, "no file"],
      [path("dangling"), "no file"],
      [path("unreadable"), "read"],
      [path("closed/file"), "reached"],
      ["/proc/self/status", "kernel"],
      ["/sys/kernel/notes", "kernel"],
      ["/etc/passwd", "somebody else"],
      ["/etc/shadow", "somebody else"],
      [file, "same file"],
      [path("link"), "same file"],
      [shared, "container can write"],
    ];
    for (const [other, word] of refused) {
      const ended = await script("map", engine, [name, file, other]);
      assertRefused(ended, { code: 2, names: [`"${other}"`, word] });
      assertEquals(ended.stderr.trimEnd().split("\n").length, 2, ended.stderr);
    }
    await sh(["sh", "-ec", 'echo text >"$(printf \'%s/caf\\351\' "$1")"', "sh", directory]);
    const bytes = await sh([
      ...["sh", "-c", '"$@" "$0"/caf* 2>&1 || echo "status $?"', directory],
      ...[join(root, "map.ts"), `--engine=${engine}`, name, file],
    ]);
    assertStringIncludes(bytes, "is not UTF-8 text");
    assertStringIncludes(bytes, "status 2");
    assertEquals(await permissions([file]), before);
    await Deno.remove(shared);
  });
});

testOnOneEngine("map.ts refuses a file on a file system without ACLs", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const mount = join(directory, "mount");
    await Deno.mkdir(mount);
    // A namespace in which the user may mount one, and has no id but its own: setfacl is given that one.
    const setfacl =
      '#!/bin/sh\nfor a; do shift; set -- "$@" "$(echo "$a" | sed "s/u:[0-9][0-9]*:/u:$(id -u):/")"; done\n' +
      'exec /usr/bin/setfacl "$@"\n';
    await Deno.writeTextFile(join(directory, "setfacl"), setfacl, { mode: 0o755 });
    const shell = 'mount -t ramfs -o mode=1777 none "$1"; echo text >"$1/file"; shift; "$@" 2>&1 || echo "status $?"';
    const printed = await sh(
      [
        ...["unshare", "--user", "--map-current-user", "--mount", "--keep-caps", "sh", "-ec", shell, "sh", mount],
        ...[join(root, "map.ts"), `--engine=${engine}`, name, join(mount, "file")],
      ],
      { env: { PATH: `${directory}:${Deno.env.get("PATH")}` } },
    );
    assertStringIncludes(printed, `error: "${join(mount, "file")}" `);
    assertMatch(printed, /ACLs\n {4}.*\nhint: /);
    assertMatch(printed, /\nstatus 2$/);
    assertEquals(await inContainer(engine, name, "ls maps"), "");
  });
});

testOnEngines(
  "map.ts starts a container that is stopped, and refuses one that is not there, or not create's",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    const file = await Deno.makeTempFile();
    const refuse = async (container: string, word: string): Promise<void> =>
      assertRefused(await script("map", engine, [container, file]), { code: 2, names: [`"${container}"`, word] });
    await refuse("no-such-container", "no container");
    await refuse("-x", "option");
    await refuse("a_b", "name of a container");
    await sh([engine, "stop", "--force", name]);
    const lent = await script("map", engine, ["--no-wait", name, file]);
    assertEquals(lent.code, 0, lent.stderr);
    assertStringIncludes(lent.stderr, `Starting "${name}"`);
    assertEquals((await script("map", engine, ["--unmap", name])).code, 0);
    await sh([engine, "config", "unset", name, "user.gui-container"]);
    await refuse(name, "create.ts");
    await sh([engine, "config", "set", name, "user.gui-container=1"]);
    const bin = await Deno.makeTempDir();
    for (const program of ["deno", "getfacl", "setfacl", "stat"]) {
      await Deno.symlink(await sh(["/bin/sh", "-c", `command -v ${program}`]), join(bin, program));
    }
    for (
      const [words, names] of [
        [["no-such-container"], ["LXD", "Incus"]],
        [[name], [`"${engine}"`]],
        [[`--engine=${engine}`, name], [`"${engine}"`]],
      ] as const
    ) {
      const env = { PATH: bin, GUI_CONTAINER_ENGINE: "" };
      const none = await runProcess([join(root, "map.ts"), ...words, file], { okCodes: "any", env });
      assertRefused(none, { code: 125, names });
    }
    await Deno.remove(bin, { recursive: true });
    await Deno.remove(file);
  },
);

testOnEngines("map.ts lends a file of a name as long as can be", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const files = [`${"é".repeat(125)}.odt`, "x".repeat(255), "-".repeat(255)].map((part) => join(directory, part));
    for (const file of files) await Deno.writeTextFile(file, "text");
    const run = await startMap(engine, [name, ...files]);
    for (const { container } of run.lent) {
      assertEquals(await inContainer(engine, name, 'cat -- "$1"', container), "text");
      assertMatch(container, /^.{120,}$/);
    }
    assertMatch(run.lent[0]!.container, /é\.odt$/);
    assertEquals((await run.enter()).code, 0);
    assertEquals(await inContainer(engine, name, "ls maps"), "");
  });
});

/** Keeps a file in the memory of python3 without having it open. */
const keepInMemory = `
import mmap, os, sys, time
file = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(file, 0, trackfd=False)
os.close(file)
time.sleep(60)
`;

for (
  const { how, program, argv, isHeld } of [
    {
      how: "open",
      program: "sleep",
      argv: (path: string) => ["sh", "-c", 'exec sleep 60 <"$0"', path],
      isHeld: 'for pid in $(pgrep -x sleep); do ls -l /proc/$pid/fd; done 2>&1 | grep -qF "$1" && echo yes || true',
    },
    {
      how: "in its memory",
      program: "python3",
      argv: (path: string) => ["python3", "-c", keepInMemory, path],
      isHeld: 'grep -qs "$1" /proc/[0-9]*/maps && ! ls -l /proc/[0-9]*/fd 2>&1 | grep -qF "$1" && echo yes || true',
    },
  ]
) {
  testOnOneEngine(`map.ts says which program still has a file ${how}`, ["user"], async (engine) => {
    const name = nameOn(engine);
    await withDirectory(async (directory) => {
      const file = join(directory, "file");
      await Deno.writeTextFile(file, "text");
      const run = await startMap(engine, [name, file]);
      const path = run.lent[0]!.container;
      const reader = startProcess([
        ...[engine, "exec", name, "--mode=non-interactive", "--user=1000", "--group=1000", "--", ...argv(path)],
      ]);
      await eventually("the file is held", async () => await inContainer(engine, name, isHeld, path) === "yes");
      const { code, stderr } = await run.enter();
      assertEquals(code, 0);
      assertStringIncludes(stderr, `${program} in "${name}" still has "${path}" open`);
      await inContainer(engine, name, `pkill ${program}`);
      await reader.ended;
      // The directory is the container user's, also when it had to be made.
      await inContainer(engine, name, "rmdir maps");
      assertEquals((await script("map", engine, [name, file])).code, 0);
      assertEquals(await inContainer(engine, name, "stat -c %u:%g:%a maps"), "1000:1000:755");
    });
  });
}

testOnOneEngine("map.ts --json is one document for each way to use it", ["user"], async (engine) => {
  const name = nameOn(engine);
  const file = await Deno.makeTempFile();
  const other = engine === "lxc" ? "incus" : "lxc";
  const run = async (engine: EngineName, ...args: string[]): Promise<LentFile[]> => {
    const { code, stdout, stderr } = await script("map", engine, ["--json", ...args]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const lent = await run(engine, "--no-wait", name, file);
  assertEquals(Object.keys(lent[0]!), ["host", "container", "device", "readOnly", "name"]);
  assertEquals(await run(engine, "--list"), lent);
  for (const args of [["--list"], ["--unmap", name]]) assertEquals(await run(other, ...args), []);
  assertEquals(await run(engine, "--unmap", name, file), lent);
  for (const args of [["--list"], ["--yes", "--unmap"]]) assertEquals(await run(engine, ...args), []);
  await Deno.remove(file);
});
