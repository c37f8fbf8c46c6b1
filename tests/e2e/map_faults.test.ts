// map.ts when it is killed, signalled or failed: the next run, or --unmap, puts all right. tests/unit/map/lend.test.ts has
// each call of a program with each fault, on an engine in memory; here is one of each kind, on real ones.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type Fault, withFault, writeFakes } from "./faults.ts";
import { mapDevices, permissions, startMap, withDirectory } from "./lending.ts";
import { attempt, eventually, inContainer, root, script, sh } from "./run.ts";
import { testOnIncus, testOnOneEngine } from "./sessions.ts";
import { type EngineName, makeContainer, removeContainer, shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("kill");

/** Two files, a journal of their own, and the fakes. */
interface Case {
  engine: EngineName;
  name: string;
  files: string[];
  fakes: string;
  /** The permissions before. */
  before: string;
  state: string;
}

async function withCase(engine: EngineName, name: string, test: (one: Case) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const [files, fakes, state] = [
      ["one", "it's\ntwo"].map((part) => join(directory, part)),
      join(directory, "fakes"),
      join(directory, "state"),
    ];
    for (const file of files) await Deno.writeTextFile(file, "text");
    await sh(["setfacl", "-m", "u:7:rwx,g:8:r,m:r", files[0]!]);
    await writeFakes(fakes);
    await test({ engine, name, files, fakes, state, before: await permissions(files) });
  });
}

function map(
  { engine, state }: Case,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ProcessResult> {
  return script("map", engine, args, { env: { XDG_STATE_HOME: state, ...env } });
}

function mapWithFault(
  one: Case,
  at: number | RegExp,
  fault: Fault,
  args: readonly string[],
): Promise<{ result: ProcessResult; calls: string[] }> {
  return withFault(one, { at, fault }, (env) => map(one, args, env));
}

/** Nothing of a mapping is left: on the files, in the container, in the journal. */
async function assertClean(one: Case, told: string): Promise<void> {
  assertEquals(await permissions(one.files), one.before, told);
  const journal = [...Deno.readDirSync(join(one.state, "gui-container", "mappings"))].map(({ name }) => name);
  assertEquals(journal, ["lock"], told);
  const instances = JSON.parse(await sh([one.engine, "query", "/1.0/instances"])) as string[];
  if (!instances.some((path) => path.endsWith(`/${one.name}`))) return;
  assertEquals(await mapDevices(one.engine, one.name), [], told);
  assertEquals(await inContainer(one.engine, one.name, "ls -A maps"), "", told);
}

/** Tells the engine until it obeys: it may still carry out what it was last told. */
async function tell({ engine, name }: Case, ...words: string[]): Promise<void> {
  let said = "";
  await eventually(words.join(" "), async () => {
    const { code, stderr } = await attempt([engine, ...words, name]);
    said = stderr;
    return code === 0;
  }).catch((error) => {
    throw new Error(`${error.message}: ${said}`);
  });
}

/**
 * Stops the container by force. It has booted by then: the engine freezes it first, and on cgroup v1 a vfork of its
 * systemd and the freezer would wait for each other.
 */
async function stop(one: Case): Promise<void> {
  await eventually("the end of the boot", async () => {
    const state = [one.engine, "exec", one.name, "--", "systemctl", "is-system-running"];
    return /running|degraded/.test((await attempt(state)).stdout);
  });
  await tell(one, "stop", "--force");
}

/** Something else that happens between a fault and the next run. */
type Act = (one: Case) => Promise<unknown>;

const nothing: Act = () => Promise.resolve();

const restart: Act = async (one) => {
  await stop(one);
  await tell(one, "start");
};

const stopWhileRecovering: Act = async (one) => {
  await stop(one);
  assertEquals((await map(one, ["--yes", "--unmap"])).code, 0);
  await tell(one, "start");
};

const recoverTwice: Act = async (one) => {
  for (const { code, stderr } of await Promise.all([map(one, ["--yes", "--unmap"]), map(one, ["--yes", "--unmap"])])) {
    assertEquals(code, 0, stderr);
  }
};

const mapAgain: Act = async (one) => {
  const { code, stderr } = await map(one, ["--no-wait", one.name, ...one.files]);
  assertEquals(code, 0, stderr);
};

/** A run in which a call of a program meets a fault, and what comes then. */
const faults: readonly { run: "lend" | "keep" | "unmap"; fault: Fault & string; at: RegExp; then?: Act }[] = [
  // Lends files, and takes them back at the end of the input.
  { run: "lend", fault: "KILL", at: /^setfacl/, then: recoverTwice },
  { run: "lend", fault: "KILL", at: /query .*PATCH/, then: restart },
  { run: "lend", fault: "KILL after", at: /query .*PATCH/, then: mapAgain },
  { run: "lend", fault: "TERM", at: /query .*PATCH/ },
  { run: "lend", fault: "gone", at: /query .*PATCH/ },
  { run: "lend", fault: "fail", at: /device remove/ },
  { run: "keep", fault: "KILL", at: /query .*PATCH/ },
  // Takes back what has stayed lent.
  { run: "unmap", fault: "KILL", at: /device remove/, then: stopWhileRecovering },
  { run: "unmap", fault: "KILL after", at: /device remove/ },
  { run: "unmap", fault: "INT", at: /finish_unmap/ },
  { run: "unmap", fault: "gone", at: /device remove/ },
];

/** How a run ends; undefined where that depends on when it was. */
const exitCodes: Readonly<Record<string, number>> = { KILL: 137, "KILL after": 137, INT: 130, TERM: 143 };

for (const { run, fault, at, then = nothing } of faults) {
  const what = `${run}: ${fault} at ${at.source}${then === nothing ? "" : `, then ${then.name}`}`;
  testOnEngines(`map.ts, ${what}: the next --unmap leaves nothing`, ["user"], async (engine) => {
    await withCase(engine, nameOn(engine), async (one) => {
      const args = [...(run === "keep" ? ["--no-wait"] : []), one.name, ...one.files];
      if (run === "unmap") await mapAgain(one);
      const { result, calls } = await mapWithFault(one, at, fault, run === "unmap" ? ["--yes", "--unmap"] : args);
      const told = `${result.code}: ${result.stderr}\n${calls.join("\n")}`;
      assert(calls.some((call) => at.test(call)), told);
      if (exitCodes[fault] !== undefined) assertEquals(result.code, exitCodes[fault], told);
      if (run === "unmap" && fault === "gone") {
        // The container cannot open the files any more, though it still has them.
        assertEquals([result.code, await permissions(one.files)], [125, one.before], told);
        assertEquals((await mapDevices(engine, one.name)).length, 2);
      }
      // A signal has the files taken back at once.
      if (fault === "TERM") await assertClean(one, told);
      await then(one);
      const { code, stderr } = await map(one, ["--yes", "--unmap"]);
      assertEquals(code, 0, `${told}\n${stderr}`);
      await assertClean(one, told);
    });
  });
}

testOnIncus(
  "map.ts leaves no device when --unmap takes the files back while they are mapped",
  ["user"],
  async (engine) => {
    await withCase(engine, nameOn(engine), async (one) => {
      const unmap = { before: `'${join(root, "map.ts")}' --engine=${engine} --yes --unmap` };
      for (const args of [["--no-wait", one.name, ...one.files], [one.name, ...one.files]]) {
        const { result } = await mapWithFault(one, /query .*PATCH/, unmap, args);
        assertEquals(result.code, 0, result.stderr);
        await assertClean(one, result.stderr);
      }
    });
  },
);

testOnEngines("map.ts takes back what was lent to a container that is deleted", ["user"], async (engine) => {
  const name = `${nameOn(engine)}-gone`;
  await makeContainer(engine, name);
  await withCase(engine, name, async (one) => {
    const killed = await mapWithFault(one, /device remove/, "KILL", [name, ...one.files]);
    assertEquals(killed.result.code, 137);
    const kept = await map(one, ["--no-wait", name, one.files[0]!]);
    assertEquals(kept.code, 0, kept.stderr);
    const run = await startMap(engine, [name, ...one.files], { env: { XDG_STATE_HOME: one.state } });
    await removeContainer(engine, name);
    assertEquals((await run.enter()).code, 0);
    for (const args of [["--yes", "--unmap"]]) {
      const { code, stderr } = await map(one, args);
      assertEquals(code, 0, stderr);
    }
    await assertClean(one, "deleted");
  });
});

testOnEngines("map.ts leaves nothing in a container that is stopped meanwhile", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    const run = await startMap(engine, [one.name, ...one.files], { env: { XDG_STATE_HOME: one.state } });
    await stop(one);
    assertEquals((await run.enter()).code, 0);
    await sh([engine, "start", one.name]);
    await assertClean(one, "stopped");
  });
});

testOnOneEngine("map.ts takes back from each state between lent and not lent", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    await map(one, ["--no-wait", one.name, ...one.files]);
    const directory = join(one.state, "..");
    // Of the record, the permissions and the device: what a power cut may have left of them.
    const states = [[true, true], [true, false], [false, true], [false, false]] as const;
    const files = states.map((_, index) => join(directory, `state-${index}`));
    for (const file of files) await sh(["cp", "--preserve=all", one.files[0]!, file]);
    await sh(["setfacl", "-b", "-m", "u:7:rwx,g:8:r,m:r", ...files]);
    const before = await permissions(files);
    const lent = JSON.parse((await map(one, ["--no-wait", "--json", one.name, ...files])).stdout);
    for (const [index, [hasPermissions, hasDevice]] of states.entries()) {
      if (!hasPermissions) await sh(["setfacl", "--set", "u::rw-,u:7:rwx,g::r--,g:8:r--,m::r--,o::r--", files[index]!]);
      if (!hasDevice) await sh([engine, "config", "device", "remove", one.name, lent[index].device]);
    }
    const { code, stderr } = await map(one, ["--yes", "--unmap"]);
    assertEquals([code, stderr.includes("warning")], [0, false], stderr);
    assertEquals(await permissions(files), before);
    await assertClean(one, stderr);
  });
});

testOnOneEngine("map.ts lends nothing when the disk of its journal is full", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    await sh(["setfacl", "-b", ...one.files]);
    const before = await permissions(one.files);
    await Deno.mkdir(one.state);
    const shell = `
mount -t tmpfs -o size=64k,mode=700 none "$XDG_STATE_HOME"
"$0" --yes --unmap
cat /dev/zero >"$XDG_STATE_HOME/fill" || "$0" "$@" || echo "status $?"
rm "$XDG_STATE_HOME/fill"
"$0" --yes --unmap
ls -A "$XDG_STATE_HOME/gui-container/mappings"`;
    // A namespace in which the user may mount a small disk.
    const namespace = ["unshare", "--user", "--map-current-user", "--mount", "--keep-caps"];
    for (const way of [[], ["--no-wait"]]) {
      const printed = await sh(
        [...namespace, "sh", "-ec", `exec 2>&1${shell}`, join(root, "map.ts"), ...way, one.name, ...one.files],
        { env: { XDG_STATE_HOME: one.state, GUI_CONTAINER_ENGINE: engine } },
      );
      assertMatch(
        printed,
        /No file is lent\n.*No space left on device.*\n(error: .*\n)?error: No space left.*\nhint: See whether the disk is full.*\nstatus 1\nNo file is lent\nlock$/,
      );
    }
    assertEquals(await permissions(one.files), before);
    assertEquals(await mapDevices(engine, one.name), []);
  });
});

testOnEngines("map.ts twice at once, on other files and on the same ones", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    const env = { XDG_STATE_HOME: one.state };
    let rounds = 0;
    for (const same of [false, true, true]) {
      const runs = await Promise.all(
        [0, 1, 2, 3].map((index) =>
          startMap(engine, [one.name, ...(same ? one.files : [one.files[index % 2]!])], { env })
        ),
      );
      assertEquals((await mapDevices(engine, one.name)).length, same ? 8 : 4);
      for (const { lent } of runs) {
        for (const { container } of lent) {
          assertEquals(await inContainer(engine, one.name, 'cat "$1"', container), "text");
        }
      }
      const ended = await Promise.all(
        runs.map((run, index) => rounds % 2 ? run.enter() : run.kill(index % 2 ? "SIGTERM" : "SIGHUP")),
      );
      for (const { stderr } of ended) assert(!/warning|error/.test(stderr), stderr);
      await assertClean(one, ended.map(({ stderr }) => stderr).join());
      rounds++;
    }
  });
});

testOnEngines("map.ts undoes nobody else's change of the container's devices", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    const others = (async () => {
      for (let round = 0; round < 8; round++) {
        await eventually(
          "a device of somebody else's",
          () => sh([engine, "config", "device", "add", one.name, `other-${round}`, "none"]).catch(() => undefined),
        );
      }
    })();
    for (let round = 0; round < 4; round++) {
      const { code, stderr } = await map(one, [one.name, ...one.files]);
      assertEquals(code, 0, stderr);
    }
    await others;
    const devices = Object.keys(JSON.parse(await sh([engine, "query", `/1.0/instances/${one.name}`])).devices);
    const there = devices.filter((device) => device.startsWith("other-"));
    assertEquals(there.length, 8, devices.join(" "));
    await sh([engine, "config", "device", "remove", one.name, ...there]);
    await assertClean(one, "");
  });
});

testOnOneEngine("map.ts survives a torn record, and lets nobody else read its journal", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    assertEquals((await map(one, ["--no-wait", one.name, ...one.files])).code, 0);
    const journal = join(one.state, "gui-container", "mappings");
    const modes = await sh(["find", journal, "-printf", "%M %f\n"]);
    for (const line of modes.split("\n")) assertMatch(line, /^(drwx------|-rw-------) /);
    await Deno.writeTextFile(join(journal, "map-0000000000.json"), '{"engine":"lxc","ins');
    await Deno.writeTextFile(join(journal, "map-0000000001.json"), "");
    await Deno.writeTextFile(join(journal, "map-0000000002.json.new"), "{");
    await Deno.writeTextFile(join(journal, "run-00000000"), "");
    await Deno.chmod(journal, 0o755);
    const { code, stderr } = await map(one, ["--yes", "--unmap"]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, 'map-0000000000.json"');
    assertEquals((await map(one, [one.name, one.files[0]!])).code, 0);
    assertEquals(((await Deno.stat(journal)).mode! & 0o777).toString(8), "700");
    assertEquals((await map(one, ["--yes", "--unmap"])).code, 0);
    for (const part of ["map-0000000000.json", "map-0000000001.json"]) await Deno.remove(join(journal, part));
    await assertClean(one, stderr);
  });
});
