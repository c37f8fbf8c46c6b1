// create.ts when something fails, at each call of a program, on an engine in memory that answers as real ones did. The
// end-to-end tests of faults show with one call a kind of resource that real ones are like it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Host } from "../../../lib/base/host.ts";
import { mapSome } from "../../../lib/base/promises.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { createContainer, warnOfDefault, warnOfLimits } from "../../../lib/create/create.ts";
import { deleteNamed } from "../../../lib/create/remove.ts";
import { type EngineModel, engineModel, type EngineRecord } from "../engine_model.ts";
import { type FaultyCall, faultyCalls, type FaultyHost, faultyHost, keepDirectory } from "../faulty_host.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { testWith } from "../samples.ts";
import { assertSaid } from "../refusals.ts";

/** A place for one container. */
interface Place {
  on: EngineRecord;
  model: EngineModel;
  base: string;
  mounts: string;
  /** Whether it is made with `--cache`. */
  caches: boolean;
}

async function inPlace(
  { on, caches }: Pick<Place, "on" | "caches">,
  test: (place: Place) => Promise<void>,
): Promise<void> {
  const base = await Deno.makeTempDir();
  const mounts = join(base, "mounts");
  await Deno.mkdir(mounts);
  await Deno.writeTextFile(join(base, "key.pub"), `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"x".repeat(43)} me@host\n`);
  await Deno.writeTextFile(join(base, "plain.yaml"), "#cloud-config\ndisable_root: true\n");
  try {
    await test({ on, caches, model: engineModel(on), base, mounts });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** A host for one run. */
function hostOf({ model, base, mounts }: Place, fault?: FaultyCall): FaultyHost {
  return faultyHost({
    model,
    env: { GUI_CONTAINER_ENGINE: model.cli, GUI_CONTAINER_MOUNTS: mounts, HOME: base, PATH: Deno.env.get("PATH")! },
    ...(fault && { fault }),
    keep: () => keepDirectory(base),
  });
}

/** Makes the container. Returns what ended it early. */
async function create(host: Host, { base, caches }: Place): Promise<unknown> {
  const positionals = ["box", join(base, "key.pub"), "gui", join(base, "plain.yaml")];
  const values = new Map([["image", "gui-lab"]]);
  const args = {
    positionals,
    values,
    flags: new Map([["yes", 0], ...(caches ? [["cache", 0] as const] : [])]),
    rest: [],
  };
  return await createContainer(host, args).then(() => undefined, (error) => error);
}

async function remove(place: Place): Promise<void> {
  await deleteNamed(
    hostOf(place).host,
    { word: "box", engine: place.model.cli, force: true, remote: undefined, project: undefined } as never,
  );
}

/** All that create.ts could have changed, as text, but for the files by which runs take turns. */
async function picture({ model, mounts }: Place): Promise<string> {
  const isLock = (path: string): boolean => /^\.((.*\.)?lock|ids)$/.test(path);
  const textsIn = (directory: string): string[] =>
    [...Deno.readDirSync(join(mounts, directory))].flatMap((entry) => {
      const path = join(directory, entry.name);
      if (isLock(path)) return [];
      if (entry.isDirectory) return [`${path}/`, ...textsIn(path)];
      return [`${path}: ${entry.isFile ? Deno.readTextFileSync(join(mounts, path)) : "no file"}`];
    });
  const { stdout } = await runProcess(["getfacl", "-R", "-P", "--numeric", "."], { cwd: mounts });
  const permissions = stdout.split("\n\n").filter((text) => !isLock(/^# file: (.*)/.exec(text)?.[1] ?? ""));
  return [JSON.stringify(model.state), ...textsIn("").sort(), ...permissions.sort()].join("\n");
}

/** What somebody has made before: a profile, and directories with modes, ACLs and files that create.ts would not make. */
async function leaveThingsBehind({ model, mounts }: Place): Promise<void> {
  model.state.profile = { config: { "user.mine": "a b" }, devices: { extra: { type: "none" } }, description: "kept" };
  const box = join(mounts, "box");
  for (const [name, mode] of [[".", 0o750], ["share", 0o2710], ["share/deep", 0o750], ["xpra", 0o1700]] as const) {
    await Deno.mkdir(join(box, name), { recursive: true });
    await Deno.chmod(join(box, name), mode);
  }
  for (const [name, mode] of [["share/file", 0o640], ["share/deep/file", 0o644], ["known_hosts", 0o640]] as const) {
    await Deno.writeTextFile(join(box, name), "box ssh-ed25519 AAAA\n");
    await Deno.chmod(join(box, name), mode);
  }
  await runProcess(["setfacl", "-m", "u:65534:r-x,d:u:65534:rwx", join(box, "share")]);
  await runProcess(["setfacl", "-m", "u:65534:r", join(box, "share/file")]);
}

for (
  const { prepare, what, ...kind } of [
    { on: "lxc", what: "where nothing was", caches: false, prepare: () => Promise.resolve() },
    { on: "incus", what: "in place of what was there", caches: false, prepare: leaveThingsBehind },
    { on: "incus6", what: "with --cache", caches: true, prepare: () => Promise.resolve() },
  ] as const
) {
  for (const fault of ["fail", "signal", "kill"] as const) {
    testWith(
      ["getfacl", "setfacl", "ssh-keygen"],
      `create.ts ${what} on ${kind.on}: ${fault} at each call, before and after its effect`,
      async () => {
        let [calls, before]: [string[], string] = [[], ""];
        await inPlace(kind, async (place) => {
          await prepare(place);
          before = await picture(place);
          const run = hostOf(place);
          const error = await create(run.host, place);
          assertEquals(error, undefined, run.said.join("\n"));
          assert(place.model.state.instance?.snapshots.includes("made"));
          assertEquals(place.model.state.images.length, place.caches ? 1 : 0);
          calls = run.calls;
          // In one from an image that has the software, cloud-init has nothing to install.
          const empty = calls.filter((call) => / launch .*user\.user-data=#cloud-config\n\{\}/s.test(call));
          assertEquals(empty.length, place.caches ? 1 : 0);
          await remove(place);
        });
        assert(calls.length >= 12, calls.join("\n"));
        // "ssh -V" runs beside a check that makes a file and removes it.
        const cases = faultyCalls(fault, calls).filter(({ call }) => call !== "ssh -V");
        await mapSome(cases, {
          atOnce: 8,
          act: ({ call, ...at }) =>
            inPlace(kind, async (place) => {
              await prepare(place);
              const run = hostOf(place, at);
              const error = await create(run.host, place);
              const told = `${at.isBefore ? "before" : "after"} ${call.slice(0, 200)}: ${error}\n${
                run.said.join("\n")
              }`;
              if (fault === "kill") {
                await run.restore();
                const again = hostOf(place);
                const plainly = { ...place, caches: false };
                assertEquals(await create(again.host, plainly), undefined, `${told}\n${again.said.join("\n")}`);
                await remove(place);
                const { instance, profile, images } = place.model.state;
                assertEquals([instance, profile, images], [undefined, undefined, []], told);
              } else {
                // Whether a container that shares the directories is there may be unknown, and one that does not stop
                // is killed.
                const isTolerated = / \/1\.0\/instances\?recursion=1&all-projects=true$| stop --timeout 60 /.test(call);
                assert(error instanceof Error || isTolerated, told);
                if (error === undefined) return;
                assertEquals(await picture(place), before, told);
              }
            }),
        });
      },
    );
  }
}

/** As Incus 7.0.2 tells it on a host with cgroup v1. */
const warnings = [
  { type: "Couldn't find the CGroup pids controller", last_message: "process limits will be ignored" },
  { type: "AppArmor support has been disabled", last_message: "Disabled because of lack of kernel support" },
  { type: "Couldn't find the CGroup memory controller", last_message: "memory limits will be ignored" },
];

async function warned(config: Record<string, string>, answer: Answer): Promise<{ said: string[]; calls: string[][] }> {
  const { host, said, calls } = recordingHost({
    answer: (argv) =>
      argv.includes("/1.0") ? { stdout: '{"environment": {"server_version": "7.0.2", "project": "default"}}' } : answer,
  });
  await warnOfLimits(host, engineCalled("incus"), config);
  return { said, calls };
}

Deno.test("warnOfLimits() names the limits of the profile that the engine ignores, and no others", async () => {
  const config = { "limits.memory": "2GiB", "limits.cpu": "2", "security.nesting": "false" };
  const { said } = await warned(config, { stdout: JSON.stringify(warnings) });
  assertSaid(said, [["warn", '"limits.memory"', "Incus", "memory limits will be ignored"]]);
});

Deno.test("warnOfLimits() says nothing of what was missing under a kernel before", async () => {
  const stdout = JSON.stringify(warnings.map((warning) => ({ ...warning, status: "resolved" })));
  assertEquals((await warned({ "limits.memory": "2GiB" }, { stdout })).said, []);
});

Deno.test("warnOfLimits() asks nothing for a profile without limits", async () => {
  assertEquals((await warned({}, { stdout: JSON.stringify(warnings) })).calls, []);
});

Deno.test("warnOfLimits() says nothing to a user who may not see the engine's warnings", async () => {
  assertEquals((await warned({ "limits.memory": "2GiB" }, { code: 1, stderr: "Error: not authorized" })).said, []);
});

Deno.test("warnOfDefault() names what the engine's default profile gives to each container, but not its network card", async () => {
  const said = async (profile: Record<string, unknown>): Promise<string[]> => {
    const recorded = recordingHost({ answer: () => ({ stdout: JSON.stringify({ used_by: [], ...profile }) }) });
    await warnOfDefault(recorded.host, engineCalled("lxc"));
    return recorded.said;
  };
  const devices = {
    root: { type: "disk", path: "/", pool: "default" },
    eth0: { type: "nic", nictype: "bridged", parent: "lxdbr0" },
  };
  assertEquals(await said({ config: {}, devices }), []);
  const home = { type: "disk", source: "/home/me", path: "/home/ubuntu" };
  assertEquals(await said({ config: { "raw.idmap": "both 1000 1000" }, devices: { ...devices, home } }), [
    'warn: In LXD\'s profile "default", "config.raw.idmap" makes users of the container users of the host',
    'warn: In LXD\'s profile "default", "devices.home.source" gives the container "/home/me" of the host',
  ]);
});
