import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Host } from "../../../../lib/base/host.ts";
import { runProcess, startProcess } from "../../../../lib/base/process.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { finishUnmap, makeDirectories } from "../../../../lib/container/lend/open_files.ts";
import { recordingHost } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

const effect = "!";

Deno.test("finishUnmap() removes empty mount points, and names the programs that have a file open", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [open, closed] = ["-it's open", "closed\n$x"].map((name) => join(directory, name)) as [string, string];
    const [empty, full] = ["empty\n'1'", "full"].map((name) => join(directory, name)) as [string, string];
    for (const file of [open, closed, full]) await Deno.writeTextFile(file, "text");
    await Deno.writeTextFile(empty, "");
    const files = await Promise.all([open, closed, empty, full].map(async (containerPath) => {
      const { dev, ino } = await Deno.stat(containerPath);
      return { containerPath, dev, ino: ino!, bornMs: null };
    }));
    // What the engine would run in the container is run here.
    const { host, calls } = recordingHost();
    await finishUnmap(host, { engine: engineCalled("lxc"), name: "box" }, { files, effect });
    const inContainer = calls[0]!.slice(calls[0]!.indexOf("--") + 1);
    const opened = Promise.withResolvers<void>();
    const holder = startProcess(["tail", "-f", "--", open], { output: { bytes: () => opened.resolve() } });
    await opened.promise;
    const { stdout } = await runProcess(inContainer).finally(() => holder.kill("SIGKILL"));
    await holder.ended;
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assertEquals(names, ["-it's open", "closed\n$x", "full"]);
    const { host: answering } = recordingHost({ answer: () => ({ stdout }) });
    const found = await finishUnmap(answering, { engine: engineCalled("lxc"), name: "box" }, { files, effect });
    // A program that Deno was just starting may have what Deno had open when it wrote the files.
    const [line, ...more] = found.filter((line) => /\btail\b/.test(line));
    assertMatch(line!, /\btail\b.* in "box" still has ".*\/-it's open" open!$/);
    assertEquals(more, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith(
  ["python3.13"],
  "finishUnmap() names the programs that have a file in their memory, though it is not open",
  async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "text");
    const { dev, ino } = await Deno.stat(file);
    const files = [{ containerPath: file, dev, ino: ino!, bornMs: null }];
    const { host, calls } = recordingHost();
    await finishUnmap(host, { engine: engineCalled("lxc"), name: "box" }, { files, effect });
    const keep = "import mmap, sys, time\nfile = open(sys.argv[1], 'r+b')\n" +
      "memory = mmap.mmap(file.fileno(), 0, trackfd=False)\nfile.close()\nprint('ready', flush=True)\ntime.sleep(60)";
    const ready = Promise.withResolvers<void>();
    const keeper = startProcess(["python3.13", "-c", keep, file], { output: { line: () => ready.resolve() } });
    try {
      await ready.promise;
      const { stdout } = await runProcess(calls[0]!.slice(calls[0]!.indexOf("--") + 1));
      const { host: answering } = recordingHost({ answer: () => ({ stdout }) });
      const [found] = await finishUnmap(answering, { engine: engineCalled("lxc"), name: "box" }, { files, effect });
      assertEquals(found, `python3.13 in "box" still has "${file}" open!`, stdout);
    } finally {
      keeper.kill("SIGKILL");
      await keeper.ended;
      await Deno.remove(file);
    }
  },
);

Deno.test("finishUnmap() names a few programs, however many the container tells of", async () => {
  const stdout = Array.from({ length: 1000 }, (_, number) => `5:7 program ${number}\n`).join("");
  const { host } = recordingHost({ answer: () => ({ stdout }) });
  const files = [{ containerPath: "/f", dev: 5, ino: 7 }];
  const [found] = await finishUnmap(host, { engine: engineCalled("lxc"), name: "box" }, { files, effect });
  assertEquals(found?.match(/program \d/g)?.length, 10);
});

Deno.test("finishUnmap() knows a file that is mapped into memory on a device of any number", async () => {
  // Its major number is 0xa, its minor one 0x105.
  const { host } = recordingHost({ answer: () => ({ stdout: "map 0a:105 7 sleep\n" }) });
  const box = { engine: engineCalled("lxc"), name: "box" };
  const files = [{ containerPath: "/f", dev: 0x100a05, ino: 7 }, { containerPath: "/g", dev: 0xa05, ino: 7 }];
  assertEquals(await finishUnmap(host, box, { files, effect }), [`sleep in "box" still has "/f" open${effect}`]);
});

Deno.test("finishUnmap() removes the mount points through the engine when the container does not answer", async () => {
  const { host, calls } = recordingHost({ answer: (argv) => ({ code: argv[1] === "exec" ? 1 : 0 }) });
  // A shell that succeeds without a word.
  const silent: Host = {
    ...host,
    run: async (argv, options) => ({ ...await host.run(argv, { ...options, okCodes: "any" }), code: 0, stdout: "" }),
  };
  const file = { containerPath: "/home/ubuntu/maps/0123456789/a b", dev: 1, ino: 2, bornMs: null };
  for (const each of [host, silent]) {
    assertEquals(
      await finishUnmap(each, { engine: engineCalled("incus"), name: "box" }, { files: [file], effect }),
      [],
    );
    assertEquals(calls.splice(0).filter(([, command]) => command === "query").map((argv) => argv.slice(2)), [
      ["--request", "DELETE", "/1.0/instances/box/files?path=%2Fhome%2Fubuntu%2Fmaps%2F0123456789%2Fa%20b"],
      ["--request", "DELETE", "/1.0/instances/box/files?path=%2Fhome%2Fubuntu%2Fmaps%2F0123456789"],
    ]);
  }
});

const isRoot = Deno.uid() === 0;
Deno.test({
  name: `a lent file has a directory of the user's for itself, which goes with it, unless more is in it${
    isRoot ? "" : " (skipped: only root can become the user)"
  }`,
  ignore: !isRoot,
  fn: async () => {
    const home = await Deno.makeTempDir();
    try {
      const paths = ["0123456789/it's", "0123456788/kept"].map((name) => join(home, "maps", name));
      const { host, calls } = recordingHost();
      const box = { engine: engineCalled("lxc"), name: "box" };
      const user = { name: "me", uid: `${Deno.uid()}`, gid: `${Deno.gid()}`, home };
      const inContainer = async (): Promise<unknown> => {
        const [argv] = calls.splice(0);
        return await runProcess(argv!.slice(argv!.indexOf("--") + 1));
      };
      await makeDirectories(host, box, { user, paths });
      await inContainer();
      for (const path of paths) await Deno.writeTextFile(path, "");
      await Deno.writeTextFile(join(home, "maps/0123456788/.lock"), "an app's");
      const files = paths.map((containerPath) => ({ containerPath, dev: 1, ino: 2 }));
      await finishUnmap(host, box, { files, effect });
      await inContainer();
      assertEquals([...Deno.readDirSync(join(home, "maps"))].map(({ name }) => name), ["0123456788"]);
      assertEquals([...Deno.readDirSync(join(home, "maps/0123456788"))].map(({ name }) => name), [".lock"]);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});
