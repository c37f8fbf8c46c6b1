// map.ts when it is killed, signalled or failed at each call of a program: the next run, or --recover, puts all right.

// @ts-types="../../lib/types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/errors.ts";
import { withFault, writeFakes } from "./faults.ts";
import { mapDevices, permissions, startMap, withDirectory } from "./lending.ts";
import {
  type EngineName,
  eventually,
  inContainer,
  makeContainer,
  removeContainer,
  script,
  sh,
  testOnEngines,
} from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-kill-${engine}`;

testOnEngines("map.ts: a container for faults", ["user"], (engine) => makeContainer(engine, nameOn(engine)));

type Fault = "fail" | "INT" | "TERM" | "KILL";

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
      ["one", "two"].map((part) => join(directory, part)),
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

/** What happens between the kill and the next run. */
const meanwhile: readonly { what: string; act: (one: Case) => Promise<unknown> }[] = [
  { what: "nothing", act: () => Promise.resolve() },
  {
    what: "the container is restarted",
    act: ({ engine, name }) =>
      eventually("the restart", () => sh([engine, "restart", "--force", name]).catch(() => undefined)),
  },
  {
    what: "a new mapping of the same files",
    async act(one) {
      const { code, stderr } = await map(one, ["--no-wait", one.name, ...one.files]);
      assertEquals(code, 0, stderr);
      const back = await map(one, ["--unmap"]);
      assertEquals(back.code, 0, back.stderr);
    },
  },
  {
    what: "the container is stopped during the recovery",
    async act(one) {
      // The engine may still carry out what it was last told.
      await eventually(
        "the container stops",
        () => sh([one.engine, "stop", "--force", one.name]).catch(() => undefined),
      );
      const { code, stderr } = await map(one, ["--recover"]);
      assertEquals(code, 0, stderr);
      await sh([one.engine, "start", one.name]);
    },
  },
  {
    what: "two recoveries at once",
    async act(one) {
      for (const { code, stderr } of await Promise.all([map(one, ["--recover"]), map(one, ["--recover"])])) {
        assertEquals(code, 0, stderr);
      }
    },
  },
];

/** Every call of mapping and unmapping, each with a fault, and something else meanwhile. */
async function runFaults(
  engine: EngineName,
  fault: Fault,
  { args, prepare }: { args: (one: Case) => string[]; prepare?: (one: Case) => Promise<unknown> },
): Promise<void> {
  const name = nameOn(engine);
  let calls: string[] = [];
  await withCase(engine, name, async (one) => {
    await prepare?.(one);
    calls = (await mapWithFault(one, -1, "fail", args(one))).calls;
    await map(one, ["--unmap"]);
  });
  const failures: string[] = [];
  const all = [...calls.entries()];
  // The others take every second step: the first, third, … for one fault, the second, fourth, … for the next.
  const steps = engine === "lxc" && fault !== "INT"
    ? all
    : all.filter(([index]) => index % 2 === (fault === "KILL" || fault === "fail" ? 0 : 1));
  for (const [index, call] of steps) {
    const { what, act } = fault === "KILL" ? meanwhile[index % meanwhile.length]! : meanwhile[0]!;
    await withCase(engine, name, async (one) => {
      await prepare?.(one);
      const { result } = await mapWithFault(one, index + 1, fault, args(one));
      const told = `${fault} at ${index + 1} (${call}), then ${what}: ${result.code}: ${result.stderr}`;
      try {
        const codes = { KILL: [137], INT: [130], TERM: [143], fail: [0, 1, 2] }[fault];
        assert(codes.includes(result.code), told);
        await act(one);
        const last = prepare ? ["--unmap"] : ["--recover"];
        for (const args of [last, last]) {
          const { code, stderr } = await map(one, args);
          assertEquals(code, 0, `${told}\n${stderr}`);
        }
        await assertClean(one, told);
      } catch (error) {
        failures.push(`${told}\n${error}`);
      }
    });
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${fault}: ${steps.length} cases, ${failures.length} failed\n`));
  assertEquals(failures.length, 0, failures.join("\n\n"));
}

for (const fault of ["KILL", "TERM", "INT", "fail"] as const) {
  testOnEngines(`map.ts: ${fault} at each call of mapping and taking back leaves nothing`, ["user"], async (engine) => {
    // The end of the input: files are mapped and taken back in one run.
    await runFaults(engine, fault, { args: (one) => [one.name, ...one.files] });
  });
  testOnEngines(`map.ts: ${fault} at each call of --unmap leaves nothing after the next`, ["user"], async (engine) => {
    await runFaults(engine, fault, {
      args: () => ["--unmap"],
      prepare: (one) => map(one, ["--no-wait", one.name, ...one.files]),
    });
  });
}

testOnEngines("map.ts --no-wait that is killed while it maps is taken back", ["user"], async (engine) => {
  await withCase(engine, nameOn(engine), async (one) => {
    const killed = await mapWithFault(one, /query .*PATCH/, "KILL", ["--no-wait", one.name, ...one.files]);
    assertEquals(killed.result.code, 137);
    assertEquals((await map(one, ["--recover"])).code, 0);
    await assertClean(one, killed.result.stderr);
  });
});

testOnEngines("map.ts takes back what was lent to a container that is deleted", ["user"], async (engine) => {
  const name = `${nameOn(engine)}-gone`;
  await makeContainer(engine, name);
  await withCase(engine, name, async (one) => {
    const killed = await mapWithFault(one, /device remove/, "KILL", [name, ...one.files]);
    assertEquals(killed.result.code, 137);
    const kept = await map(one, ["--no-wait", name, one.files[0]!]);
    assertEquals(kept.code, 0, kept.stderr);
    await removeContainer(engine, name);
    for (const args of [["--unmap"], ["--recover"]]) {
      const { code, stderr } = await map(one, args);
      assertEquals(code, 0, stderr);
    }
    await assertClean(one, "deleted");
  });
});

testOnEngines(
  "map.ts restores the files when the engine does not answer, and the rest later",
  ["user"],
  async (engine) => {
    await withCase(engine, nameOn(engine), async (one) => {
      assertEquals((await map(one, ["--no-wait", one.name, ...one.files])).code, 0);
      // An engine that is down, as its client tells it.
      const bin = join(one.state, "bin");
      await Deno.mkdir(bin);
      const message =
        `Error: Get "http://unix.socket/1.0": dial unix /var/lib/${engine}/unix.socket: connect: connection refused`;
      await Deno.writeTextFile(join(bin, engine), `#!/bin/sh\necho '${message}' >&2\nexit 1\n`, { mode: 0o755 });
      const down = await map(one, ["--unmap"], { PATH: `${bin}:${Deno.env.get("PATH")}` });
      assertEquals(down.code, 125, down.stderr);
      assertStringIncludes(down.stderr, "does not answer");
      assertEquals(await permissions(one.files), one.before);
      assertEquals((await mapDevices(engine, one.name)).length, 2);
      assertEquals((await map(one, ["--unmap"])).code, 0);
      await assertClean(one, down.stderr);
    });
  },
);

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
        await sh([engine, "config", "device", "add", one.name, `other-${round}`, "none"]).catch(() =>
          sh([engine, "config", "device", "add", one.name, `other-${round}`, "none"])
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

testOnEngines("map.ts survives a torn record, and lets nobody else read its journal", ["user"], async (engine) => {
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
    const { code, stderr } = await map(one, ["--recover"]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, 'map-0000000000.json" is no record');
    assertEquals((await map(one, [one.name, one.files[0]!])).code, 0);
    assertEquals(((await Deno.stat(journal)).mode! & 0o777).toString(8), "700");
    assertEquals((await map(one, ["--unmap"])).code, 0);
    for (const part of ["map-0000000000.json", "map-0000000001.json"]) await Deno.remove(join(journal, part));
    await assertClean(one, stderr);
  });
});

testOnEngines("map.ts: the container is removed", ["user"], (engine) => removeContainer(engine, nameOn(engine)));
