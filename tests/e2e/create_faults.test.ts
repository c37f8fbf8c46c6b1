// create.ts when something fails: at every step, by an error, a signal or a kill, nothing is left half made.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import {
  create,
  createArgs,
  createWithFault,
  environment,
  failure,
  picture,
  type Place,
  type SimpleFault,
  withPlace,
} from "./faults.ts";
import { engineNames, missingParts } from "../lab/state.ts";
import { assertRefused } from "../unit/refusals.ts";
import { testOnIncus, testOnOneEngine } from "./sessions.ts";
import { attempt, eventually, sh, startScript } from "./run.ts";
import { type EngineName, testOnEngines } from "./world.ts";

/** How many cases run side by side: each has a name and mounts of its own. */
const sideBySide = 3;

/** Exit codes of create.ts by fault; a run that is killed has none of its own. */
const exitCodes: Readonly<Record<SimpleFault, number>> = { fail: 1, INT: 130, TERM: 143, KILL: 137 };

/** One line says what failed and one what to do, and between them stands only what a program printed. */
function assertToldWell({ stderr, stdout }: ProcessResult): void {
  assertEquals(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  const first = lines.findIndex((line) => line.startsWith("error: "));
  assert(first >= 0 && lines.at(-1)!.startsWith("hint: "), stderr);
  for (const line of lines.slice(first + 1, -1)) assertMatch(line, /^ {4}/, stderr);
  assert(!/^\s+at .*:\d+:\d+/m.test(stderr), `a stack trace: ${stderr}`);
}

/** Runs the cases side by side; all are run, and all that failed are told. Says how many there were. */
async function runCases<T>(
  cases: readonly T[],
  { describe, run }: { describe: (value: T) => string; run: (value: T, index: number) => Promise<void> },
): Promise<void> {
  const failures: string[] = [];
  const rest = [...cases.entries()];
  await Promise.all(Array.from({ length: sideBySide }, async () => {
    for (let next; (next = rest.shift());) {
      const [index, value] = next;
      await run(value, index).catch((error) => failures.push(`${describe(value)}: ${error.stack ?? error}`));
    }
  }));
  Deno.stdout.writeSync(new TextEncoder().encode(`${cases.length} cases, ${failures.length} failed\n`));
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

/**
 * A call for each kind of thing that create.ts makes. `tests/unit/create/create.test.ts` has all calls, on an engine in
 * memory.
 */
const kinds: readonly { kind: string; at: RegExp }[] = [
  { kind: "the profile", at: /profile edit/ },
  { kind: "the container", at: /^\w+ launch/ },
  { kind: "the container's user", at: /prepare\.sh/ },
  { kind: "the directories", at: /^setfacl.*d:u:/ },
  { kind: "the devices", at: /query .*PATCH/ },
  { kind: "the snapshot", at: /query .*snapshots/ },
  { kind: "the first connection", at: /^ssh -F/ },
];

/** What becomes of these calls, in turns: on each engine another one. */
const faultsOn: Readonly<Record<EngineName, readonly SimpleFault[]>> = {
  lxc: ["fail", "TERM", "KILL"],
  incus: ["INT", "KILL", "fail"],
};

/**
 * A profile of the container's name, and directories with modes, ACLs and files that create.ts would not have made so.
 */
async function leaveThingsBehind({ engine, name, mounts }: Place): Promise<void> {
  await sh([engine, "profile", "create", name]);
  await sh([engine, "profile", "edit", name], {
    stdin: { text: "description: kept\nconfig:\n  user.mine: a b\ndevices:\n  extra:\n    type: none\n" },
  });
  await sh(["/bin/sh", "-ec", leftoverScript, "sh", join(mounts, name)]);
}

const leftoverScript = `
mkdir -p "$1/share/deep" "$1/xpra"
echo mine >"$1/share/file"
echo deep >"$1/share/deep/file"
echo box ssh-ed25519 AAAA >"$1/known_hosts"
chmod 640 "$1/share/file" "$1/known_hosts"
chmod 750 "$1" "$1/share/deep"
chmod 2710 "$1/share"
chmod 1700 "$1/xpra"
setfacl -m u:65534:r-x,d:u:65534:rwx "$1/share"
setfacl -m u:65534:r "$1/share/file"
`;

testOnEngines(
  "create.ts that fails, gets a signal or is killed at a call of each kind leaves all as it was",
  ["user"],
  async (engine) => {
    const faults = faultsOn[engine];
    const cases = kinds.map((kind, index) => ({ ...kind, fault: faults[index % faults.length]! }));
    await runCases(cases, {
      describe: ({ kind, fault }) => `${fault} at ${kind}`,
      run: ({ at, fault }, index) =>
        withPlace({ engine, name: `e2e-faults-kind-${index}` }, async (place) => {
          // On one engine there is what it has to put back.
          if (engine === "incus" && fault !== "KILL") await leaveThingsBehind(place);
          const before = await picture(place);
          const { result } = await createWithFault(place, { at, fault, args: createArgs(place, ["--yes"]) });
          assertEquals([result.code, result.stdout], [exitCodes[fault], ""], result.stderr);
          if (fault === "KILL") {
            const again = await create(place, createArgs(place));
            assertEquals(again.code, 0, again.stderr);
            const deleted = await create(place, ["--delete", place.name]);
            assertEquals(deleted.code, 0, deleted.stderr);
          } else if (fault === "fail") {
            assertToldWell(result);
            assertStringIncludes(result.stderr, failure);
          } else {
            assert(!result.stderr.includes("error:"), result.stderr);
          }
          assertEquals(await picture(place), before);
        }),
    });
  },
);

testOnOneEngine("create.ts puts back what a killed run had changed before it goes on", ["user"], async (engine) => {
  await withPlace({ engine, name: "e2e-faults-kept" }, async (place) => {
    await leaveThingsBehind(place);
    const before = await picture(place);
    const args = createArgs(place, ["--yes"]);
    const killed = await createWithFault(place, { at: /^ssh -F/, fault: "KILL", args });
    assertEquals(killed.result.code, exitCodes.KILL, killed.calls.join("\n"));
    const failed = await createWithFault(place, { at: /^ssh -F/, fault: "fail", args });
    assertEquals(failed.result.code, 1, failed.result.stderr);
    assertStringIncludes(failed.result.stderr, "Removing what another run has left");
    assertEquals(await picture(place), before);
  });
});

testOnEngines(
  "create.ts leaves a profile and files that were there alone without --yes, and a profile that others use always",
  ["user"],
  async (engine) => {
    await withPlace({ engine, name: "e2e-faults-asked" }, async (place) => {
      await leaveThingsBehind(place);
      const before = await picture(place);
      const refused = await create(place, createArgs(place));
      assertEquals(refused.code, 2, refused.stderr);
      assertToldWell(refused);
      assertEquals(await picture(place), before);

      const other = `${place.name}-other`;
      await sh([engine, "init", "gui-lab", other, "--profile=default", `--profile=${place.name}`]);
      try {
        const inUse = await picture(place);
        const used = await create(place, createArgs(place, ["--yes"]));
        assertEquals(used.code, 1, used.stderr);
        assertToldWell(used);
        assertStringIncludes(used.stderr, `is used by others: /1.0/instances/${other}`);
        assertEquals(await picture(place), inUse);
      } finally {
        await sh([engine, "delete", other]);
      }
    });
  },
);

testOnIncus("create.ts leaves no directory of mounts that it had to make", ["user"], async (engine) => {
  await withPlace({ engine, name: "e2e-faults-base" }, async (place) => {
    const missing = join(place.mounts, "missing");
    const before = await picture(place);
    for (const [at, fault] of [[/^setfacl/, "fail"], [/profile edit/, "TERM"], [/^\w+ launch/, "fail"]] as const) {
      const { result } = await createWithFault(place, { at, fault, mounts: missing });
      assertEquals(result.code, exitCodes[fault], result.stderr);
      assertEquals(await picture(place), before);
    }
  });
});

testOnEngines("create.ts leaves what others make of its name meanwhile", ["user"], async (engine) => {
  const real = `/usr/bin/${engine}`;
  const cases = [
    {
      what: "a profile",
      at: /query --request POST/,
      before: (name: string) => `${real} profile create ${name}`,
      told: "A profile named",
    },
    {
      what: "a container",
      at: /^\w+ launch/,
      before: (name: string) => `${real} init gui-lab ${name} </dev/null`,
      told: "cannot make the container",
    },
  ];
  await runCases(cases, {
    describe: ({ what }) => what,
    run: ({ at, before, told }, index) =>
      withPlace({ engine, name: `e2e-faults-theirs-${index}` }, async (place) => {
        const { result } = await createWithFault(place, { at, fault: { before: before(place.name) } });
        assertEquals(result.code, 1, result.stderr);
        assertStringIncludes(result.stderr, told);
        const after = await picture(place);
        assertEquals([!after.includes("instance: none"), !after.includes("profile: none")], [index === 1, index === 0]);
        assert(after.endsWith(`tree: ${(await picture({ ...place, name: "e2e-none" })).split("tree: ")[1]}`), after);
        // It lacks our mark.
        const refused = await create(place, ["--delete", place.name]);
        assertRefused(refused, { code: 1, names: [`"${place.name}"`, "create.ts"] });
      }),
  });
});

testOnEngines("create.ts goes on with unmaking when the engine answers again", ["user"], async (engine) => {
  const steps = engine === "lxc" ? [/^\w+ profile edit/, /^setfacl.*d:u:/] : [/cloud-init status/, /query .*PATCH/];
  await runCases(steps, {
    describe: (at) => `gone at ${at}`,
    run: (at, index) =>
      withPlace({ engine, name: `e2e-faults-gone-${index}` }, async (place) => {
        const before = await picture(place);
        const { result } = await createWithFault(place, { at, fault: "gone" });
        assert([1, 125].includes(result.code), result.stderr);
        assertStringIncludes(result.stderr, `Could not unmake "${place.name}"`);
        assertStringIncludes(result.stderr, "does not answer");
        if (index % 2 === 0) assertEquals((await create(place, createArgs(place))).code, 0);
        const deleted = await create(place, ["--delete", place.name]);
        assertEquals(deleted.code, 0, `${result.stderr}\n${deleted.stderr}`);
        assertEquals(await picture(place), before);
      }),
  });
});

Deno.test({
  name: "create.ts refuses the directories of a container of the same name on the other engine",
  ignore: engineNames.some((engine) => missingParts(engine, "user") !== undefined),
  fn: () =>
    withPlace({ engine: "incus", name: "e2e-faults-both" }, async (place) => {
      const made = await create(place, createArgs(place));
      assertEquals(made.code, 0, made.stderr);
      const before = await picture(place);
      const onLxd: Place = { ...place, engine: "lxc" };
      for (const args of [createArgs(onLxd, ["--yes"]), ["--delete", place.name]]) {
        const refused = await create(onLxd, args);
        assertEquals(refused.code, 1, refused.stderr);
        assertToldWell(refused);
        assertEquals(await picture(place), before);
      }
      const elsewhere = join(place.mounts, "elsewhere");
      const other = await create(onLxd, createArgs(onLxd), { env: { GUI_CONTAINER_MOUNTS: elsewhere } });
      assertEquals(other.code, 0, other.stderr);
      const deleted = await create(onLxd, ["--delete", place.name], { env: { GUI_CONTAINER_MOUNTS: elsewhere } });
      assertEquals(deleted.code, 0, deleted.stderr);
    }),
});

testOnOneEngine(
  "create.ts --keep-failed keeps all, and the line that it prints removes it",
  ["user"],
  async (engine) => {
    await withPlace({ engine, name: "e2e-faults-keep" }, async (place) => {
      const before = await picture(place);
      await Deno.writeTextFile(place.cloudConfig, "#cloud-config\nruncmd: [[sh, -c, 'exit 3']]\n");
      const kept = await create(place, createArgs(place, ["--keep-failed"]));
      assertEquals(kept.code, 1);
      const after = await picture(place);
      assert(!after.includes("instance: none") && !after.includes("profile: none"), after);
      const line = /To remove it: \S*create\.ts (.*)$/m.exec(kept.stderr)?.[1];
      assert(line, kept.stderr);
      const removed = await create(place, line.split(" "));
      assertEquals(removed.code, 0, removed.stderr);
      assertEquals(await picture(place), before);
    });
  },
);

testOnEngines("create.ts twice at once with one name: exactly one makes it", ["user"], async (engine) => {
  await runCases(engine === "lxc" ? [0, 40, 600] : [100], {
    describe: (delayMs) => `${delayMs} ms apart`,
    run: (delayMs, index) =>
      withPlace({ engine, name: `e2e-faults-two-${index}` }, async (place) => {
        const before = await picture(place);
        const runs = await Promise.all([0, delayMs].map(async (ms) => {
          await new Promise((resolve) => setTimeout(resolve, ms));
          return await create(place, createArgs(place));
        }));
        const told = runs.map(({ code, stderr }) => `${code}: ${stderr}`).join("\n");
        assertEquals(runs.map(({ code }) => code).sort(), [0, 1], told);
        assertToldWell(runs.find(({ code }) => code === 1)!);
        assertMatch(told, /is being made by another run|A container named/);
        const deleted = await create(place, ["--delete", place.name]);
        assertEquals(deleted.code, 0, deleted.stderr);
        assertEquals(await picture(place), before);
      }),
  });
});

testOnOneEngine(
  "create.ts ends on a signal while cloud-init still works, and leaves nothing",
  ["user"],
  async (engine) => {
    await withPlace({ engine, name: "e2e-faults-long" }, async (place) => {
      const before = await picture(place);
      await Deno.writeTextFile(place.cloudConfig, "#cloud-config\nruncmd: [[sleep, '60']]\n");
      const running = startScript("create", engine, createArgs(place), { env: environment(place) });
      const command = [engine, "exec", place.name, "--", "pgrep", "--full", "^sleep 60"];
      await eventually("cloud-init works", async () => (await attempt(command)).code === 0);
      running.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      assertEquals(code, 143, stderr);
      assertEquals(await picture(place), before);
    });
  },
);
