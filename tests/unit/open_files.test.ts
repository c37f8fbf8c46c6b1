import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { finishUnmap, listeningSessions } from "../../lib/map/open_files.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("listeningSessions() names the sockets of sessions that a process listens on, each once", async () => {
  const { host } = recordingHost({
    answer: () => ({
      stdout: `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 2001 /run/dbus/system_bus_socket
0000000000000000: 00000002 00000000 00010000 0001 01 2002 /home/ubuntu/.xpra/writer
0000000000000000: 00000002 00000000 00010000 0001 01 2003 /home/ubuntu/.xpra/editor-2
0000000000000000: 00000003 00000000 00000000 0001 03 2004 /home/ubuntu/.xpra/editor-2
0000000000000000: 00000002 00000000 00000000 0001 01 2005 /home/ubuntu/.xpra/stale
0000000000000000: 00000002 00000000 00010000 0001 01 2006 /home/ubuntu/.xpra/a b
0000000000000000: 00000002 00000000 00010000 0001 01 2007 /home/ubuntu/.xpra/below/it
0000000000000000: 00000002 00000000 00010000 0001 01 2008
`,
    }),
  });
  assertEquals(await listeningSessions(engineCalled(host, "lxc"), "box"), ["editor-2", "writer"]);
});

Deno.test("listeningSessions() names none when the container does not answer", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr: "Error: The instance is not running" }) });
  assertEquals(await listeningSessions(engineCalled(host, "lxc"), "box"), []);
});

Deno.test("finishUnmap() removes empty mount points, and names the programs that have a file open", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [open, closed] = ["-it's open", "closed\n$x"].map((name) => join(directory, name)) as [string, string];
    const [empty, full] = ["empty\n'1'", "full"].map((name) => join(directory, name)) as [string, string];
    for (const file of [open, closed, full]) await Deno.writeTextFile(file, "text");
    await Deno.writeTextFile(empty, "");
    const files = await Promise.all([open, closed, empty, full].map(async (container) => {
      const { dev, ino } = await Deno.stat(container);
      return { container, dev, ino: ino!, bornMs: null };
    }));
    // What the engine would run in the container is run here.
    const { host, calls } = recordingHost();
    await finishUnmap(engineCalled(host, "lxc"), "box", files);
    const inContainer = calls[0]!.slice(calls[0]!.indexOf("--") + 1);
    using _held = await Deno.open(open);
    const { stdout } = await runProcess(inContainer);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assertEquals(names, ["-it's open", "closed\n$x", "full"]);
    const { host: answering } = recordingHost({ answer: () => ({ stdout }) });
    const found = await finishUnmap(engineCalled(answering, "lxc"), "box", files);
    assertEquals(found.map(({ container }) => container), [open]);
    assert(found[0]!.programs.some((program) => /deno/.test(program)), found[0]!.programs.join());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("finishUnmap() removes the mount points through the engine when the container does not answer", async () => {
  const { host, calls } = recordingHost({ answer: (argv) => ({ code: argv[1] === "exec" ? 1 : 0 }) });
  const file = { container: "/home/ubuntu/maps/0123456789-a b", dev: 1, ino: 2, bornMs: null };
  assertEquals(await finishUnmap(engineCalled(host, "incus"), "box", [file]), []);
  assertEquals(calls[1], [
    ...["incus", "query", "--request", "DELETE"],
    "/1.0/instances/box/files?path=%2Fhome%2Fubuntu%2Fmaps%2F0123456789-a%20b",
  ]);
});
