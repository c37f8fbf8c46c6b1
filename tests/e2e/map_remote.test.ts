// map.ts and a container that is on another machine: copies are lent, and come back whatever happens meanwhile.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { clusterEnvironment, engineNames, memberEnvironment, missingParts } from "../lab/state.ts";
import { type Fault, withFault, writeFakes } from "./faults.ts";
import { permissions, startMap, withDirectory } from "./lending.ts";
import { eventually, script, sh } from "./run.ts";
import { type EngineName, makeShared, shareOnEngines } from "./world.ts";

/** The remote of each engine that is on a machine of its own, as far as the engine can tell. */
const remotes = { incus: "far", lxc: "lxdfar" } as const;

const labelOn = (engine: EngineName): string => `${remotes[engine]}:e2e-lend`;

function testFar(
  name: string,
  test: (engine: EngineName) => Promise<void>,
  engines: readonly EngineName[] = engineNames,
): void {
  for (const engine of engines) {
    const missing = missingParts("user", remotes[engine]);
    Deno.test({
      name: `${engine}: ${name}${missing ? ` (skipped: ${missing})` : ""}`,
      ignore: missing !== undefined,
      async fn() {
        await makeShared(engine);
        await test(engine);
      },
    });
  }
}

/** The engine's CLI, which knows the remote. */
function engineRun(engine: EngineName, ...args: string[]): Promise<string> {
  return sh([engine, ...args], { env: clusterEnvironment() });
}

async function removeContainer(engine: EngineName): Promise<void> {
  await engineRun(engine, "delete", "--force", labelOn(engine)).catch(() => {});
}

shareOnEngines({
  make: async (engine) => {
    await removeContainer(engine);
    const config = ["--config", "user.gui-container=true"];
    await engineRun(engine, "launch", `${remotes[engine]}:gui-lab`, labelOn(engine), ...config);
  },
  remove: removeContainer,
});

/** Runs a shell script in the directory of lent files: as the container's user, or as root. */
function inside(engine: EngineName, shell: string, { asRoot = false }: { asRoot?: boolean } = {}): Promise<string> {
  const user = asRoot ? [] : ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
  const place = "mkdir -p /home/ubuntu/maps; cd /home/ubuntu/maps;";
  return engineRun(
    engine,
    "exec",
    labelOn(engine),
    "--mode=non-interactive",
    "--",
    ...user,
    "sh",
    "-ec",
    place + shell,
  );
}

/** Files and a journal of one test. */
interface Case {
  engine: EngineName;
  directory: string;
  state: string;
  fakes: string;
  map(args: readonly string[], env?: Record<string, string>): Promise<ProcessResult>;
  /** Lends files that hold "lent" until they are taken back. */
  lend(names: readonly string[], options?: readonly string[]): Promise<{ host: string; container: string }[]>;
  /** What is in the directory of the files, by name. */
  files(): Record<string, string>;
}

async function withCase(engine: EngineName, test: (one: Case) => Promise<void>): Promise<void> {
  await withDirectory(async (base) => {
    const [directory, state, fakes] = ["files", "state", "fakes"].map((name) => join(base, name)) as [
      string,
      string,
      string,
    ];
    await Deno.mkdir(directory);
    await writeFakes(fakes);
    const map = (args: readonly string[], env: Record<string, string> = {}): Promise<ProcessResult> =>
      script("map", engine, args, { env: { ...clusterEnvironment(), XDG_STATE_HOME: state, ...env } });
    await test({
      engine,
      directory,
      state,
      fakes,
      map,
      async lend(names, options = []) {
        const paths = names.map((name) => join(directory, name));
        for (const path of paths) await Deno.writeTextFile(path, "lent");
        const { code, stdout, stderr } = await map(["--no-wait", "--json", ...options, labelOn(engine), ...paths]);
        assertEquals(code, 0, stderr);
        return JSON.parse(stdout);
      },
      files: () =>
        Object.fromEntries(
          [...Deno.readDirSync(directory)].filter(({ isFile }) => isFile)
            .map(({ name }) => [name, Deno.readTextFileSync(join(directory, name))]),
        ),
    });
  });
}

/** Nothing is left of what was lent: not in the container, not in the journal. */
function assertClean(one: Case, told = ""): void {
  const journal = [...Deno.readDirSync(join(one.state, "gui-container", "mappings"))].map(({ name }) => name);
  assertEquals(journal, ["lock"], told);
}

async function assertNothingInside(engine: EngineName): Promise<void> {
  assertEquals(await inside(engine, "ls -A"), "");
}

testFar("map.ts lends copies to another machine, and what either side has made of them is kept", async (engine) => {
  await withCase(engine, async (one) => {
    const names = ["it's\nodd", "there", "here", "both", "replaced", "gone", "removed"];
    const [path, linked] = [join(one.directory, "there"), join(one.directory, "linked")];
    await Deno.writeTextFile(path, "");
    await sh(["setfacl", "-m", "u:7:rwx,g:8:r,m:r", path]);
    const before = await permissions([path]);
    const { ino } = await Deno.stat(path);
    const lent = await one.lend(names);
    await Deno.link(path, linked);
    const list = await one.map(["--list"]);
    assertStringIncludes(list.stdout, `${path}\t${lent[1]!.container}\t${labelOn(engine)}`);
    assertEquals(Object.keys(lent[0]!).sort(), ["container", "copyIn", "device", "host", "name", "readOnly"]);
    assertEquals(
      await inside(engine, 'for i in */*; do cat "$i"; stat -c " %a %U" "$i"; done'),
      Array(7).fill("lent 600 ubuntu").join("\n"),
    );
    await inside(
      engine,
      `for i in there both replaced gone; do printf 'by the container' >"$(echo */$i)"; done; rm */removed`,
    );
    for (const name of ["here", "both"]) await Deno.writeTextFile(join(one.directory, name), "by the user");
    await sh(["sh", "-ec", 'cd "$0"; rm gone; printf new >other; mv other replaced', one.directory]);
    await inside(engine, 'sh -c "exec 3<$(echo */here); exec sleep 60" </dev/null >/dev/null 2>&1 &');
    const { code, stderr } = await one.map(["--unmap", labelOn(engine)]);
    assertEquals(code, 0, stderr);
    assertEquals(one.files(), {
      "it's\nodd": "lent",
      there: "by the container",
      linked: "by the container",
      here: "by the user",
      both: "by the user",
      "both.from-e2e-lend": "by the container",
      replaced: "new",
      "replaced.from-e2e-lend": "by the container",
      "gone.from-e2e-lend": "by the container",
      removed: "lent",
    });
    assertEquals((await Deno.stat(path)).ino, ino);
    assertEquals(await permissions([path]), before);
    assertEquals(stderr.match(/^warning: /gm)?.length, 5, stderr);
    assertStringIncludes(stderr, `sleep in "${labelOn(engine)}" still has "${lent[2]!.container}" open`);
    assertStringIncludes(stderr, `both" was changed here and in "${labelOn(engine)}"; `);
    assertClean(one);
    await assertNothingInside(engine);
  });
});

testFar(
  "map.ts waits with copies, and takes them back at its end, also when it was ended by a signal",
  async (engine) => {
    await withCase(engine, async (one) => {
      const file = join(one.directory, "file");
      await Deno.writeTextFile(file, "lent");
      const env = { ...clusterEnvironment(), XDG_STATE_HOME: one.state };
      for (const end of ["enter", "SIGTERM", "SIGKILL", "for"] as const) {
        const run = await startMap(engine, [...(end === "for" ? ["--for=1s"] : []), labelOn(engine), file], { env });
        await inside(engine, `printf ${end} >"$(echo */*)"`);
        const { code, stderr } = end === "for"
          ? await run.ended
          : end === "enter"
          ? await run.enter()
          : await run.kill(end);
        assertEquals(code, { enter: 0, SIGTERM: 143, SIGKILL: 137, for: 0 }[end], stderr);
        if (end === "SIGKILL") {
          assertEquals(await Deno.readTextFile(file), "SIGTERM");
          const recovered = await one.map(["--yes", "--unmap"]);
          assertEquals(recovered.code, 0, recovered.stderr);
        }
        assertEquals(await Deno.readTextFile(file), end);
        assertClean(one, end);
      }
      await one.lend(["file"], ["--read-only"]);
      assertEquals(
        await inside(engine, 'stat -c %a "$(echo */*)"; chmod u+w */*; printf changed >"$(echo */*)"'),
        "400",
      );
      assertEquals((await one.map(["--yes", "--unmap"])).code, 0);
      assertEquals(one.files(), { file: "lent" });
      assertClean(one);
      await assertNothingInside(engine);
    });
  },
  ["incus"],
);

testFar("map.ts takes nothing else from another machine than a file of a size that can be", async (engine) => {
  await withCase(engine, async (one) => {
    await one.lend(["link", "pipe", "directory", "huge"]);
    await inside(
      engine,
      `for i in */*; do rm "$i"; case $i in
        */link) ln -s /etc/passwd "$i" ;; */pipe) mkfifo "$i" ;; */directory) mkdir "$i" ;;
        *) truncate -s 1T "$i" ;; esac; done`,
    );
    const started = performance.now();
    const first = await one.map(["--yes", "--unmap"]);
    assert(performance.now() - started < 20_000);
    assertEquals(first.code, 1, first.stderr);
    assertEquals(first.stderr.match(/is no longer a regular file in/g)?.length, 3, first.stderr);
    assertMatch(
      first.stderr,
      /has grown ".*huge" to 1 TiB; at most 256 MiB comes back\nhint: .* -- cat .* >FILE/,
    );
    assertEquals(one.files(), { link: "lent", pipe: "lent", directory: "lent", huge: "lent" });
    // A container whose programs lie: it says that little comes, and sends without end.
    const cat = "/usr/local/bin/cat";
    await inside(
      engine,
      `truncate -s 9 */huge; printf '#!/bin/sh\\nexec /bin/cat /dev/zero' >${cat}; chmod 755 ${cat}`,
      {
        asRoot: true,
      },
    );
    const second = await one.map(["--yes", "--unmap"]);
    assertEquals(second.code, 1, second.stderr);
    assertStringIncludes(second.stderr, "did not send its version");
    const size = await sh(["du", "-sk", one.state]);
    assert(Number.parseInt(size) < 4096, size);
    await inside(engine, `rm ${cat}`, { asRoot: true });
    assertEquals((await one.map(["--yes", "--unmap"])).code, 0);
    assertEquals(one.files().huge, "\0".repeat(9));
    assertClean(one);
    await inside(engine, "rm -rf *");
  });
});

const faults: readonly Fault[] = ["KILL", "KILL after"];

/** Runs map.ts with a fault at each of its calls: one of the two on each engine, four runs at a time. */
async function atEachCall(
  engine: EngineName,
  { prepare, args, then, check }: {
    prepare(one: Case): Promise<unknown>;
    args(one: Case): readonly string[];
    then: readonly string[];
    check(one: Case, told: string): Promise<void>;
  },
): Promise<void> {
  const run = (one: Case, at: number, fault: Fault): Promise<{ result: ProcessResult; calls: string[] }> =>
    withFault(one, { at, fault }, (env) => one.map(args(one), env));
  let calls: string[] = [];
  await withCase(engine, async (one) => {
    await prepare(one);
    calls = (await run(one, -1, "fail")).calls;
    assertEquals((await one.map(["--yes", "--unmap"])).code, 0);
  });
  const cases = calls.flatMap((call, index) => faults.map((fault, number) => ({ call, index, fault, number })))
    .filter(({ index, number }) => (index + number + (engine === "lxc" ? 1 : 0)) % 2 === 0);
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (let next; (next = cases.shift());) {
      const { call, index, fault } = next;
      await withCase(engine, async (one) => {
        await prepare(one);
        const { result } = await run(one, index + 1, fault);
        const told = `${fault} at ${index + 1} (${call.slice(0, 200)}): ${result.stderr}`;
        try {
          assertEquals(result.code, 137, told);
          const { code, stderr } = await one.map(then);
          assertEquals(code, 0, `${told}\n${then.join(" ")}: ${stderr}`);
          await check(one, told);
          assertClean(one, told);
        } catch (error) {
          failures.push(`${told}\n${error}`);
        }
      });
    }
  };
  const count = cases.length;
  await Promise.all([worker(), worker(), worker(), worker()]);
  assert(count > 2, `${count} cases`);
  assertEquals(failures.length, 0, failures.join("\n\n"));
}

testFar("map.ts that is killed at any call of lending a copy leaves nothing", async (engine) => {
  await atEachCall(engine, {
    prepare: (one) => Deno.writeTextFile(join(one.directory, "file"), "lent"),
    args: (one) => ["--no-wait", labelOn(engine), join(one.directory, "file")],
    then: ["--yes", "--unmap"],
    check: (one, told) => Promise.resolve(assertEquals(one.files(), { file: "lent" }, told)),
  });
  await assertNothingInside(engine);
});

testFar("map.ts that is killed at any call of taking copies back loses no version", async (engine) => {
  await atEachCall(engine, {
    async prepare(one) {
      const lent = await one.lend(["there", "both"]);
      const copies = lent.map(({ container }) => container);
      await inside(engine, copies.map((copy) => `printf container >${copy}`).join("; "));
      await Deno.writeTextFile(join(one.directory, "both"), "user");
    },
    args: () => ["--yes", "--unmap"],
    then: ["--yes", "--unmap"],
    check: (one, told) =>
      Promise.resolve(
        assertEquals(one.files(), { there: "container", both: "user", "both.from-e2e-lend": "container" }, told),
      ),
  });
  await assertNothingInside(engine);
}, ["incus"]);

testFar("map.ts leaves copies on record while their container or its machine does not answer", async (engine) => {
  await withCase(engine, async (one) => {
    await one.lend(["file"]);
    await inside(engine, 'printf changed >"$(echo */*)"');
    const { result } = await withFault(one, { at: 1, fault: "gone" }, (env) => one.map(["--yes", "--unmap"], env));
    assertEquals(result.code, 125, result.stderr);
    assertStringIncludes(result.stderr, `"${remotes[engine]}" does not answer`);
    await engineRun(engine, "stop", "--force", labelOn(engine));
    const stopped = await one.map(["--yes", "--unmap"]);
    assertEquals(stopped.code, 1, stopped.stderr);
    assertMatch(
      stopped.stderr,
      /stay there: it is not running\nhint: Start it.*: incus start far:e2e-lend, then \S*map\.ts --unmap/,
    );
    assertEquals(one.files(), { file: "lent" });
    await engineRun(engine, "start", labelOn(engine));
    await eventually("the files are taken back", async () => (await one.map(["--yes", "--unmap"])).code === 0);
    assertEquals(one.files(), { file: "changed" });
    assertClean(one);
  });
}, ["incus"]);

const noCluster = missingParts("user", "cluster");

Deno.test({
  name: `incus: map.ts lends the file itself to a container of this member of a cluster, and copies to the others${
    noCluster ? ` (skipped: ${noCluster})` : ""
  }`,
  ignore: noCluster !== undefined,
  async fn() {
    const env = memberEnvironment("m1");
    const incus = (...args: string[]): Promise<string> => sh(["incus", ...args], { env });
    await withCase("incus", async (one) => {
      const file = join(one.directory, "file");
      await Deno.writeTextFile(file, "lent");
      const before = await permissions([file]);
      for (const member of ["m1", "m2"]) {
        const name = `e2e-lend-${member}`;
        await incus("delete", "--force", name).catch(() => {});
        await incus("launch", "gui-lab", name, "--target", member, "--config", "user.gui-container=true");
        try {
          const { code, stdout, stderr } = await one.map(["--no-wait", "--json", name, file], env);
          assertEquals(code, 0, stderr);
          const [{ container, device, copyIn }] = JSON.parse(stdout);
          assertEquals([typeof device, copyIn], member === "m1" ? ["string", undefined] : ["object", name]);
          const write = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "sh", "-ec", 'printf "$0" >"$1"'];
          await incus("exec", name, "--mode=non-interactive", "--", ...write, member, container);
          const back = await one.map(["--unmap", name], env);
          assertEquals(back.code, 0, back.stderr);
          assertEquals(one.files(), { file: member });
          assertEquals(await permissions([file]), before);
          assertClean(one);
        } finally {
          await incus("delete", "--force", name);
        }
      }
    });
  },
});
