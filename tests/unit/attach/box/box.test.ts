import { assert, assertEquals } from "@std/assert";
import {
  boxedArgv,
  type BoxOptions,
  boxStart,
  displaySocketOf,
  memoryLimit,
  prepareBoxes,
  type StartBox,
} from "../../../../lib/attach/box/box.ts";
import { closedCalls, judgedCalls } from "../../../../lib/attach/box/seccomp.ts";
import { modeOf } from "../../../../lib/base/files.ts";
import { type Host, realHost } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { recordingHost, recordingUi } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

const hostVariables: Record<string, string> = {
  DISPLAY: ":7",
  HOME: "/home/me",
  XDG_RUNTIME_DIR: "/run/user/1",
  LANG: "de_DE.UTF-8",
  SSH_AUTH_SOCK: "/run/agent",
  DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/bus",
};

function options(more: Partial<BoxOptions> = {}, env: Record<string, string> = {}): BoxOptions {
  const variables = { ...hostVariables, ...env };
  return {
    socket: "/m/.attach-1/guard",
    pixels: "/m/.attach-1/.pixels-x",
    env: { XPRA_SSH_AGENT: "0" },
    hostEnv: (name) => variables[name],
    ...more,
  };
}

/** The paths of the host that a box shows. */
function shown(boxed: readonly string[]): string[] {
  return boxed.flatMap((word, index) => /^--(?:ro-|dev-)?bind(?:-try)?$/.test(word) ? [boxed[index + 1]!] : []);
}

const client = ({ socket, pixels }: { socket: string; pixels: string | undefined }): string[] => [
  "client",
  socket,
  pixels ?? "none",
];

Deno.test("a box may take a quarter of the memory, and half of what is small", () => {
  const gib = 2 ** 30;
  assertEquals([2, 8, 12, 64].map((machine) => memoryLimit(machine * gib) / gib), [1, 4, 4, 16]);
});

Deno.test("boxedArgv() shows the system, the display, the socket and the pixels, and nothing else", () => {
  const boxed = boxedArgv(client, options());
  const paths = shown(boxed).filter((path) =>
    !/^\/(usr|bin|sbin|lib\w*|etc\/.*|var\/cache\/fontconfig|nix\/store|run\/current-system)$/.test(path)
  );
  assertEquals(paths, [
    "/tmp/.X11-unix/X7",
    "/home/me/.Xauthority",
    "/m/.attach-1/guard",
    "/m/.attach-1/.pixels-x",
    "/m/.attach-1/sitecustomize.py",
  ]);
  for (const option of ["--unshare-all", "--clearenv", "--new-session", "--die-with-parent"]) {
    assert(boxed.includes(option));
  }
  assert(!boxed.includes("--share-net"));
  assertEquals(boxed.slice(-3), ["client", "/run/gui-container/guard", "/run/gui-container/.pixels-x"]);
});

Deno.test("boxedArgv() hands on language, pointer and display, and neither agent nor bus", () => {
  const boxed = boxedArgv(client, options({}, { XAUTHORITY: "/run/x", XCURSOR_THEME: "DMZ" }));
  const env = Object.fromEntries(
    boxed.flatMap((word, index) => word === "--setenv" ? [[boxed[index + 1]!, boxed[index + 2]!]] : []),
  );
  assertEquals(Object.keys(env).toSorted(), [
    "DISPLAY",
    "HOME",
    "LANG",
    "PATH",
    "PYTHONPATH",
    "XAUTHORITY",
    "XCURSOR_THEME",
    "XDG_RUNTIME_DIR",
    "XPRA_SSH_AGENT",
  ]);
  assert(shown(boxed).includes("/run/x") && env.HOME !== "/home/me");
});

Deno.test("displaySocketOf() knows the displays of this machine; another one needs the network", () => {
  for (const display of [":7", ":7.0", "unix:7"]) assertEquals(displaySocketOf(display), "/tmp/.X11-unix/X7");
  for (const display of ["localhost:10.0", "host:0", "", "wayland-0"]) {
    assertEquals(displaySocketOf(display), undefined);
  }
  assert(boxedArgv(client, options({}, { DISPLAY: "localhost:10.0" })).includes("--share-net"));
});

testWith(["bwrap"], "what runs in the box reaches neither home, network, bus, agent nor other processes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const secret = `${directory}/home/secret`;
    await Deno.mkdir(`${directory}/home`);
    for (const path of [secret, `${directory}/guard`, `${directory}/pixels`]) {
      await Deno.writeTextFile(path, "hunter22");
    }
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const probe = `
cat ${secret} ~/secret /root/.profile 2>/dev/null
[ -e /run/user ] && echo runtime
[ -n "\$SSH_AUTH_SOCK\$DBUS_SESSION_BUS_ADDRESS" ] && echo variables
(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo network
ls /proc | grep -c '^[0-9]' | grep -qvx '[1-6]' && echo processes
touch /usr/x /etc/x 2>/dev/null && echo writes
cat "$1"; echo pixels >"$2"`;
    const argvFor = (
      { socket, pixels }: { socket: string; pixels: string | undefined },
    ): string[] => ["bash", "-c", probe, "bash", socket, pixels!];
    const env = { HOME: `${directory}/home`, SSH_AUTH_SOCK: "/run/a", DBUS_SESSION_BUS_ADDRESS: "unix:path=/b" };
    const unboxed = await runProcess(argvFor({ socket: `${directory}/guard`, pixels: `${directory}/pixels` }), {
      env,
      okCodes: "any",
    });
    for (const seen of ["hunter22", "variables", "network", "processes"]) assert(unboxed.stdout.includes(seen), seen);
    const boxed = await runProcess(
      boxedArgv(argvFor, options({ socket: `${directory}/guard`, pixels: `${directory}/pixels` }, env)),
      { env, okCodes: "any" },
    );
    listener.close();
    assertEquals([boxed.code, boxed.stdout], [0, "hunter22"], boxed.stderr);
    assertEquals(await Deno.readTextFile(`${directory}/pixels`), "pixels\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("boxes run in scopes with a limit of memory where one trial says that systemd makes them", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const [code, limit] of [[0, "--property=MemoryMax=4294967296"], [1, undefined]] as const) {
      const { host, calls } = recordingHost({
        env: { GUI_CONTAINER_MOUNTS: root },
        answer: () => ({ code, stdout: code === 0 ? "MemTotal:       16777216 kB\nMemFree: 1 kB\n" : "" }),
      });
      (await prepareBoxes(host))(boxStart({}), {});
      const box = calls.at(-1)!;
      assertEquals(calls.map(([program]) => program).toSorted(), ["bwrap", "setpriv", "systemd-run"]);
      assertEquals(box.find((word) => word.startsWith("--property=MemoryMax=")), limit);
      assertEquals(box.includes("systemd-run"), limit !== undefined);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** A real host, and how boxes start there. */
async function realBoxes(directory: string): Promise<{ host: Host; startBox: StartBox }> {
  const real = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
  const host = { ...real, env: (name: string) => name === "GUI_CONTAINER_MOUNTS" ? directory : real.env(name) };
  return { host, startBox: await prepareBoxes(host) };
}

/** Makes system calls, and prints how each ends. */
const callers = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def tries(name, result): print(name, "works" if result >= 0 else errno.errorcode[ctypes.get_errno()])
tries("a namespace", libc.unshare(0x10000000))
tries("netlink", libc.socket(16, 3, 0))
tries("unix", libc.socket(1, 1, 0))
tries("a pair of sockets", libc.socketpair(1, 1, 0, (ctypes.c_int * 2)()))
tries("ptrace", libc.ptrace(0, 0, 0, 0))
tries("a queue", libc.msgget(0, 0o600))
tries("personality", libc.personality(0xffffffff))
tries("memory policy", libc.syscall(239 if os.uname().machine == "x86_64" else 236, None, None, 0, None, 0))
tries("io_uring", libc.syscall(425, 0, None))
tries("newer", libc.syscall(453, 0, 0, 0))
pipes = os.pipe(), os.pipe()
os.write(pipes[0][1], b"x")
tries("splice", libc.splice(pipes[0][0], None, pipes[1][1], None, 1, 0))
tries("a line discipline", libc.ioctl(os.openpty()[1], 0x5423, ctypes.byref(ctypes.c_int(0))))
`;

testWith(
  ["bwrap", "python3", "setpriv"],
  "what runs in a box is refused the system calls that no client needs",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const { host, startBox } = await realBoxes(directory);
      const argv = [...boxStart({}), "--", "python3", "-c", callers];
      const [open, closed] = await Promise.all([host.run(argv), startBox(argv, { output: "capture" }).ended]);
      assertEquals(closed.code, 0, closed.stderr);
      const newer = /newer (\w+)/.exec(open.stdout)![1];
      assertEquals(
        open.stdout.replace(/newer \w+/, "newer ENOSYS"),
        "a namespace works\nnetlink works\nunix works\na pair of sockets works\nptrace works\na queue works\n" +
          "personality works\nmemory policy works\nio_uring EFAULT\nnewer ENOSYS\nsplice works\n" +
          "a line discipline works\n",
        newer,
      );
      assertEquals(
        closed.stdout,
        "a namespace EPERM\nnetlink EAFNOSUPPORT\nunix works\na pair of sockets works\nptrace EPERM\n" +
          "a queue EPERM\npersonality EPERM\nmemory policy EPERM\nio_uring EPERM\nnewer ENOSYS\nsplice EINVAL\n" +
          "a line discipline EPERM\n",
      );
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testWith(
  ["bwrap", "setpriv"],
  "what runs in a box is filtered and gains no privileges",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const { startBox } = await realBoxes(directory);
      const probe = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status";
      const argv = [...boxStart({}), "--", "sh", "-c", probe];
      const { stdout, stderr } = await startBox(argv, { output: "capture" }).ended;
      assertEquals(stdout, "NoNewPrivs:\t1\nSeccomp:\t2\n", stderr);
      assertEquals(await modeOf(`${directory}/.seccomp`), 0o600);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testWith(["bwrap"], "what runs in a box finds nothing of the host's environment in its first process", async () => {
  const directory = await Deno.makeTempDir();
  Deno.env.set("GUI_TEST_TOKEN", "hunter22");
  try {
    const socket = `${directory}/guard`;
    await Deno.writeTextFile(socket, "");
    const { host, startBox } = await realBoxes(directory);
    const probe = ["sh", "-c", "cat /proc/1/environ >&2; cat /proc/*/environ | tr '\\0' '\\n'"];
    for (
      const argv of [
        boxedArgv(() => probe, options({ socket, pixels: undefined })),
        [...boxStart({ LANG: "de_DE.UTF-8" }, ["--as-pid-1"]), "--", ...probe],
      ]
    ) {
      const unclean = await host.start(argv).ended;
      assertEquals(unclean.stdout.includes("hunter22"), !argv.includes("--as-pid-1"));
      const { code, stdout, stderr } = await startBox(argv, { output: "capture" }).ended;
      assertEquals(code, 0, stderr);
      assert(stdout.includes("LANG=de_DE.UTF-8") && !stdout.includes("hunter22"), stdout);
      if (!argv.includes("--as-pid-1")) assertEquals(stderr, "");
    }
  } finally {
    Deno.env.delete("GUI_TEST_TOKEN");
    await Deno.remove(directory, { recursive: true });
  }
});

testWith(
  ["bwrap", "prlimit"],
  "what runs in the box may take some GiB, and ends first when memory runs out",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const socket = `${directory}/guard`;
      await Deno.writeTextFile(socket, "");
      const probe = ["sh", "-c", "cat /proc/self/oom_score_adj; ulimit -v"];
      const { stdout } = await runProcess(boxedArgv(() => probe, options({ socket, pixels: undefined })));
      assertEquals(stdout, `1000\n${8 * 1024 * 1024}\n`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testWith(
  ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"],
  "the filter's numbers of system calls are the kernel's",
  async () => {
    const numbersIn = async (path: string): Promise<Map<string, number>> =>
      new Map(
        [...(await Deno.readTextFile(path)).matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm)]
          .map(([, name, number]) => [name!, Number(number)]),
      );
    const tables = [
      await numbersIn("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
      await numbersIn("/usr/include/asm-generic/unistd.h"),
    ];
    for (const [name, numbers] of Object.entries({ ...closedCalls, ...judgedCalls })) {
      const found = tables.map((table) => table.get(name) ?? null);
      assertEquals(found, typeof numbers === "number" ? [numbers, numbers] : [...numbers], name);
    }
    assertEquals(tables.map((table) => table.get("fchmodat2")), [452, 452]);
  },
);

/** Has as many threads as it may at once, up to 300, and prints how many. */
const manyThreads = `
import threading
end = threading.Event()
count = 0
try:
    for count in range(1, 301):
        threading.Thread(target=end.wait, daemon=True).start()
except RuntimeError:
    count -= 1
end.set()
print(count)
`;

testWith(
  ["bwrap", "prlimit", "python3", "setpriv"],
  "what runs in the box has some processes and threads, whatever else the user runs",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const socket = `${directory}/guard`;
      await Deno.writeTextFile(socket, "");
      await Deno.chmod(directory, 0o755);
      const probe = ["/usr/bin/python3", "-c", manyThreads];
      // The system counts none of root's.
      const asUser = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups", "--"] : [];
      const [open, boxed] = await Promise.all(
        [probe, boxedArgv(() => probe, options({ socket, pixels: undefined }))].map((argv) =>
          runProcess([...asUser, ...argv])
        ),
      );
      assertEquals(open!.stdout, "300\n");
      const count = Number(boxed!.stdout);
      assert(count > 100 && count < 128, boxed!.stdout);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
