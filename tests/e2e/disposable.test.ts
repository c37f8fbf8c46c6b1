// attach.ts --disposable on a real engine: a copy that shares nothing with its container, and of which nothing stays.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import type { ProcessOptions, RunningProcess } from "../../lib/base/process.ts";
import { assertRefused } from "../unit/refusals.ts";
import { withFault, writeFakes } from "./faults.ts";
import { eventually, inContainer, mountsRoot, root, script, sh, startScript } from "./run.ts";
import { needed, testOnOneEngine } from "./sessions.ts";
import { desktop, waylandParts, windows } from "./wayland_desktop.ts";
import { xWindows } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines, testOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-disposable-${engine}`;

/** Starts attach.ts with a copy. At the end of the scope it is ended, if it still runs. */
function dispose(
  engine: EngineName,
  args: readonly string[],
  options?: Partial<ProcessOptions>,
): RunningProcess & AsyncDisposable {
  const run = startScript("attach", engine, ["--disposable", ...args], options);
  return {
    ...run,
    async [Symbol.asyncDispose]() {
      run.kill("SIGTERM");
      await run.ended;
    },
  };
}

function disposed(
  engine: EngineName,
  args: readonly string[],
  options?: Partial<ProcessOptions>,
): Promise<ProcessResult> {
  return script("attach", engine, ["--disposable", ...args], options);
}

/** The copies of the container that the engine has, with their states, and those that have a directory. */
async function copies(engine: EngineName): Promise<{ instances: Record<string, string>; directories: string[] }> {
  const isCopy = (name: string): boolean => new RegExp(`^${nameOn(engine)}-d[0-9a-f]{5}$`).test(name);
  const all = JSON.parse(await sh([engine, "query", "/1.0/instances?recursion=1"])) as {
    name: string;
    status: string;
  }[];
  const found = all.filter(({ name }) => isCopy(name));
  return {
    instances: Object.fromEntries(found.map(({ name, status }) => [name, status])),
    directories: [...Deno.readDirSync(mountsRoot)].map(({ name }) => name).filter(isCopy),
  };
}

/** Fails unless nothing of any copy is there. */
async function nothingLeft(engine: EngineName): Promise<void> {
  assertEquals(await copies(engine), { instances: {}, directories: [] });
}

/** Waits for the window of an app in a copy. Returns the copies' names, by the windows' titles. */
async function copiesShown(engine: EngineName, { count = 1 } = {}): Promise<string[]> {
  return await eventually(`${count} windows of copies`, async () => {
    const title = `\\[${nameOn(engine)}-d[0-9a-f]{5}\\]`;
    const titles = await xWindows(title, { show: "titles" });
    const names = [...new Set(titles.map((title) => title.slice(1, title.indexOf("]"))))];
    return names.length === count && names;
  });
}

/** What is to differ between a container and a copy of it, as root sees it there. */
async function identity(engine: EngineName, name: string): Promise<Record<string, string>> {
  const inside = await sh([
    engine,
    "exec",
    name,
    "--",
    "/bin/sh",
    "-ec",
    `cat /etc/machine-id; cd /etc/ssh; cat ssh_host_*_key | sha256sum; sort -u ssh_host_*_key.pub | cut -d " " -f 1
    ls -A /home/ubuntu; uname -n`,
  ]);
  const [machineId, keys, ...rest] = inside.split("\n");
  const { config } = JSON.parse(await sh([engine, "query", `/1.0/instances/${name}`]));
  return {
    machineId: machineId!,
    keys: keys!,
    ids: config["volatile.idmap.current"],
    mac: config["volatile.eth0.hwaddr"],
    rest: rest.join(" "),
  };
}

shareOnEngines({
  make: async (engine) => {
    await makeContainer(engine, nameOn(engine));
    await inContainer(engine, nameOn(engine), "touch ~/later ~/share/later");
  },
  remove: async (engine) => {
    await removeContainer(engine, nameOn(engine));
    await nothingLeft(engine);
  },
});

testOnEngines(
  "attach.ts --disposable shows an app in a copy of its own, lends it a file, and leaves nothing",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-disposable-" });
    const file = join(directory, `it's a "$HOME" \`id\`.txt`);
    await Deno.writeTextFile(file, "lent");
    try {
      const began = performance.now();
      const app = `sh -c '{ cat "$1"; echo x >"$1" || printf %s "$1"; } >share/seen 2>/dev/null; exec xclock' sh`;
      await using run = dispose(engine, [name, app, "--border=red", file]);
      const [copy] = await copiesShown(engine);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      Deno.stdout.writeSync(new TextEncoder().encode(`${seconds} s to the window\n`));
      assertEquals(
        await Deno.readTextFile(join(mountsRoot, copy!, "share", "seen")),
        `lent/home/ubuntu/maps/it's a "$HOME" \`id\`.txt`,
      );
      const [own, other] = [await identity(engine, copy!), await identity(engine, name)];
      for (const key of ["machineId", "keys", "ids", "mac"]) assert(own[key] !== other[key], `${key}: ${own[key]}`);
      assertMatch(own.machineId!, /^[0-9a-f]{32}$/);
      const words = own.rest!.split(" ");
      // The one of its own, in all files.
      assertEquals(words.filter((word) => word.startsWith("ssh-")), ["ssh-ed25519"]);
      assertEquals([words.includes("maps"), words.includes("later"), words.at(-1)], [true, false, copy]);
      assertEquals(
        (await Deno.readDir(join(mountsRoot, name, "share"))[Symbol.asyncIterator]().next()).value.name,
        "later",
      );
      const sessions = JSON.parse((await script("attach", engine, ["--list", "--json"])).stdout);
      assert(
        sessions.some(({ container, app }: Record<string, string>) => container === copy && app!.includes("xclock")),
      );
      await inContainer(engine, copy!, "pkill xclock");
      const { code, stdout, stderr } = await run.ended;
      assertEquals([code, stdout], [1, ""], stderr);
      assertStringIncludes(
        stderr,
        `"${copy}" is a copy of "${name}": all that is in it is deleted when the app ends`,
      );
      assertStringIncludes(stderr, "hint: The copy is removed, and its logs with it");
      assertStringIncludes(stderr, `"${copy}" is gone. It had 1 file lent`);
      assertEquals(await Deno.readTextFile(file), "lent");
      await nothingLeft(engine);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testOnOneEngine(
  "attach.ts --disposable copies nothing that has become of the container, and Ctrl-C removes what it has closed",
  needed,
  async (engine) => {
    const app = "sh -c 'test ! -e later && mkdir -p share/closed/deep && chmod 000 share/closed && exec xclock'";
    await using run = dispose(engine, [nameOn(engine), app]);
    const [copy] = await copiesShown(engine);
    assertEquals([...Deno.readDirSync(join(mountsRoot, copy!, "share"))].map(({ name }) => name), ["closed"]);
    run.kill("SIGINT");
    const { code, stderr } = await run.ended;
    assertEquals(code, 130, stderr);
    assert(!/To come back|error:/.test(stderr), stderr);
    await nothingLeft(engine);
  },
);

testOnOneEngine(
  "attach.ts --disposable removes what a killed run has left, and not what another one uses",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await using killed = dispose(engine, [name, "xclock"]);
    await using other = dispose(engine, [name, "xclock"]);
    const shown = await copiesShown(engine, { count: 2 });
    killed.kill("SIGKILL");
    await killed.ended;
    const next = await disposed(engine, [name, "true"]);
    assertEquals(next.code, 0, next.stderr);
    // Another run of this user may have come first: of another test, or by hand.
    const { instances, directories: [used] } = await eventually("what was left is gone", async () => {
      const found = await copies(engine);
      return found.directories.length === 1 && found;
    });
    assert(shown.includes(used!), next.stderr);
    assertEquals(instances, { [used!]: "Running" });
    const refused = await script("create", engine, ["--delete", name]);
    assertRefused(refused, { code: 1, names: [`"${used}"`, `"${name}"`, "in use"] });
    other.kill("SIGTERM");
    assertEquals((await other.ended).code, 143);
    await nothingLeft(engine);
  },
);

testOnOneEngine(
  "attach.ts --disposable leaves nothing when a step fails, or a signal ends it",
  needed,
  async (engine) => {
    const base = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-disposable-" });
    const fakes = join(base, "fakes");
    await writeFakes(fakes);
    try {
      // One of each kind: tests/unit/attach/disposable/make_disposable.test.ts has all calls, on an engine in memory.
      for (
        const [at, fault, code] of [
          [/ query --request POST .*"copy"/, "fail", 1],
          [/ file push .*machine-id/, "TERM", 143],
          [/^setfacl/, "INT", 130],
          [/ exec .*verb=start/, "fail", 1],
        ] as const
      ) {
        const run = (env: Record<string, string>): Promise<ProcessResult> =>
          disposed(engine, [nameOn(engine), "xclock"], { env });
        const { result, calls } = await withFault({ fakes }, { at, fault }, run);
        assertEquals(result.code, code, `${at}: ${result.stderr}\n${calls.join("\n")}`);
        await nothingLeft(engine);
      }
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  },
);

testOnOneEngine("attach.ts --disposable on Wayland ends with its windows at Ctrl-C", waylandParts, async (engine) => {
  await using run = dispose(engine, [nameOn(engine), "foot -T throw-away sleep 600"], { env: desktop() });
  const isShown = async (): Promise<boolean> => (await windows()).some(({ name }) => name.endsWith("] throw-away"));
  await eventually("a window", isShown);
  run.kill("SIGINT");
  const { code, stderr } = await run.ended;
  assertEquals(code, 130);
  assertStringIncludes(stderr, "windows over Wayland");
  assert(!stderr.includes("The windows stay"), stderr);
  await eventually("the end of the window", async () => !await isShown());
  await nothingLeft(engine);
});

testOnOneEngine("a file is viewed in a disposable container from the desktop", needed, async (engine) => {
  const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-disposable-" });
  try {
    const entry = await Deno.readTextFile(join(root, "examples/desktop-files/view-in-disposable.desktop"));
    const launcher = join(directory, "view.desktop");
    const app = `sh -c 'exec xterm -T "$1" -e sleep 600' sh`;
    await Deno.writeTextFile(
      launcher,
      entry.replace(
        /--disposable (\S+) \S+ "[^"]*"/,
        (_, preset) =>
          `--disposable ${preset} ${nameOn(engine)} "${app.replaceAll('"', '\\\\"').replaceAll("$", "\\\\$")}"`,
      ),
    );
    const file = join(directory, "a  letter's.pdf");
    await Deno.writeTextFile(file, "x");
    const env = { PATH: `${root}:${Deno.env.get("PATH")}`, GUI_CONTAINER_ENGINE: engine };
    await sh(["gio", "launch", launcher, file], { env, output: "inherit" });
    const [copy] = await copiesShown(engine);
    const titles = await xWindows(`\\[${copy}\\]`, { show: "titles" });
    assertStringIncludes(titles.join("\n"), "/home/ubuntu/maps/a  letter's.pdf");
    await inContainer(engine, copy!, "pkill xterm");
    await eventually("the end", async () => Object.keys((await copies(engine)).instances).length === 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testOnOneEngine("attach.ts --disposable says what is missing, and what cannot be", needed, async (engine) => {
  const name = nameOn(engine);
  const snapshots = async (): Promise<string[]> =>
    JSON.parse(await sh([engine, "query", `/1.0/instances/${name}/snapshots`]));
  assertEquals((await snapshots()).length, 1);
  await sh([engine, "query", "--request", "DELETE", "--wait", `/1.0/instances/${name}/snapshots/made`]);
  const none = await disposed(engine, [name, "xclock"]);
  assertEquals(none.code, 1);
  const [, line] = /^hint: .*, and copies are made of that: (.*)$/m.exec(none.stderr)!;
  await sh(["/bin/sh", "-c", line!]);
  assertEquals((await snapshots()).length, 1);
  for (
    const [args, message] of [
      [["--disposable", "--detached", name, "xclock"], /exclude each other/],
      [["--disposable", "--join", name, "xclock"], /--disposable cannot be used with --join/],
      [["--disposable", name], /needs an APP/],
      [["--disposable", name, "xclock", join(mountsRoot, name, "share/later")], /a container can write to/],
    ] as const
  ) {
    const { code, stderr } = await script("attach", engine, args);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
  }
  const needsWayland = await disposed(engine, [name, "foot"]);
  assertRefused(needsWayland, { code: 1, names: '"foot"', hint: "Wayland desktop" });
  const gone = await disposed(engine, ["no-such", "xclock"]);
  assertRefused(gone, { code: 1, names: 'no container "no-such"' });
  await nothingLeft(engine);
});
