// create.ts when something fails, at each call of a program, on an engine in memory that answers as real ones did. The
// end-to-end tests of faults show with one call a kind of resource that real ones are like it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Interrupted, ProcessError } from "../../../lib/base/errors.ts";
import type { Host, RunOptions } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { createContainer } from "../../../lib/create/create.ts";
import { deleteNamed } from "../../../lib/create/remove.ts";
import { endMark, holding, marking } from "../../../lib/engine/instance.ts";
import { type EngineModel, engineModel, programsIn } from "../engine_model.ts";
import { recordingUi } from "../recording_host.ts";

type Cli = "lxc" | "incus";

/** What becomes of a call: it fails, a signal ends the run, or the run is killed. */
const faults = ["fail", "signal", "kill"] as const;

/** A call of create.ts at which something happens, and whether that comes before the call has had its effect. */
interface Fault {
  fault: typeof faults[number];
  at: number;
  isBefore: boolean;
}

/** A place for one container. */
interface Place {
  cli: Cli;
  model: EngineModel;
  base: string;
  mounts: string;
}

/** Programs that are the real ones. */
const real = ["setfacl", "getfacl", "stat", "cp", "mv", "rm", "readlink"];

async function inPlace(cli: Cli, test: (place: Place) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir();
  const mounts = join(base, "mounts");
  await Deno.mkdir(mounts);
  await Deno.writeTextFile(join(base, "key.pub"), `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"x".repeat(43)} me@host\n`);
  await Deno.writeTextFile(join(base, "plain.yaml"), "#cloud-config\ndisable_root: true\n");
  try {
    await test({ cli, model: engineModel(cli), base, mounts });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** A host for one run, the calls that it makes, and what was there when it was killed. */
function hostOf({ cli, model, base, mounts }: Place, fault?: Fault) {
  const calls: string[] = [];
  const interruption = new AbortController();
  let killed: Promise<() => Promise<void>> | undefined;
  const { ui, said } = recordingUi({ yes: true });
  const effect = async (
    argv: readonly string[],
    options: RunOptions,
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    if (real.includes(argv[0]!)) return await runProcess(argv, { ...options, okCodes: "any" });
    const { stdin } = options;
    const text = typeof stdin === "object" && "text" in stdin && typeof stdin.text === "string" ? stdin.text : "";
    const answered = argv[0] === cli ? model.answer(argv, text) : argv[0] === "cloud-init"
      ? {}
      // The other engine has nothing.
      : argv[0] === "lxc" || argv[0] === "incus"
      ? { stdout: "[]" }
      : argv[0] === "ssh"
      ? { stdout: argv[1] === "-V" ? "" : programsIn(cli) }
      : new Error(`"${argv[0]}" is not expected`);
    if (answered instanceof Error) throw answered;
    const result = { code: 0, stdout: "", stderr: "", ...answered };
    if (result.code === 0 && [holding, marking].some((words) => argv.includes(words[2]!))) result.stdout += endMark;
    return result;
  };
  const hostWith = (signal: AbortSignal): Host => ({
    ui,
    signal,
    env: (name) =>
      ({ GUI_CONTAINER_ENGINE: cli, GUI_CONTAINER_MOUNTS: mounts, HOME: base, PATH: Deno.env.get("PATH") })[name],
    async run(argv, options = {}) {
      if (killed) throw new Error("The run was killed");
      signal.throwIfAborted();
      const isFaulty = calls.push(argv.join(" ")) - 1 === fault?.at;
      const happen = async (): Promise<void> => {
        if (fault!.fault === "fail") {
          throw new ProcessError({ argv, code: 1, signal: null, stdout: "", stderr: "it fails" });
        }
        if (fault!.fault === "signal") {
          interruption.abort(new Interrupted("SIGTERM"));
          throw interruption.signal.reason;
        }
        killed = keep(base, model);
        await killed;
        throw new Error("The run was killed");
      };
      if (isFaulty && fault!.isBefore) await happen();
      const result = { argv, signal: null, ...await effect(argv, options) };
      if (isFaulty) await happen();
      const { okCodes = [0] } = options;
      if (okCodes === "any" || okCodes.includes(result.code)) return result;
      throw new ProcessError(result);
    },
    start: (argv) => ({
      pid: 1,
      ended: Promise.resolve({ argv, code: 0, signal: null, stdout: "", stderr: "" }),
      kill() {},
    }),
    look: async (_, act) => await act(),
    change: async (_, act) => void await act(),
    forCleanup: hostWith,
  });
  return { host: hostWith(interruption.signal), calls, said, restore: async () => await (await killed)?.() };
}

/** Keeps what is there, as a power cut would; what this returns brings it back. */
async function keep(base: string, model: EngineModel): Promise<() => Promise<void>> {
  const kept = structuredClone(model.state);
  const copy = `${base}.kept`;
  await runProcess(["cp", "-a", base, copy]);
  return async () => {
    await Deno.remove(base, { recursive: true });
    await Deno.rename(copy, base);
    model.state = kept;
  };
}

/** Makes the container. Returns what ended it early. */
async function create(host: Host, { base }: Place): Promise<unknown> {
  const positionals = ["box", join(base, "key.pub"), "gui", join(base, "plain.yaml")];
  const values = new Map([["image", "gui-lab"]]);
  const args = { positionals, values, flags: new Map([["yes", 0]]), rest: [], own: [] };
  return await createContainer(host, args).then(() => undefined, (error) => error);
}

async function remove(place: Place): Promise<void> {
  await deleteNamed(
    hostOf(place).host,
    { words: ["box"], engine: place.cli, force: true, remote: undefined, project: undefined } as never,
  );
}

/** All that create.ts could have changed, as text, but for the files by which runs take turns. */
async function picture({ model, mounts }: Place): Promise<string> {
  const script = `cd "$1"; all() { find . ! -path './.lock' ! -path './.*.lock' "$@"; }
all -printf '%p %y %m %U %G\\n' | sort; all -print0 | sort -z | xargs -0 getfacl --numeric --absolute-names
all -type f | sort | while read -r file; do printf '%s: ' "$file"; cat "$file"; done`;
  const { stdout } = await runProcess(["sh", "-ec", script, "sh", mounts]);
  return JSON.stringify(model.state) + stdout;
}

/** What somebody has made before: a profile, and directories with modes, ACLs and files that create.ts would not make. */
async function leaveThingsBehind({ model, mounts }: Place): Promise<void> {
  model.state.profile = { config: { "user.mine": "a b" }, devices: { extra: { type: "none" } }, description: "kept" };
  const script = `mkdir -p "$1/share/deep" "$1/xpra"; echo mine >"$1/share/file"; echo deep >"$1/share/deep/file"
echo box ssh-ed25519 AAAA >"$1/known_hosts"; chmod 640 "$1/share/file" "$1/known_hosts"; chmod 750 "$1" "$1/share/deep"
chmod 2710 "$1/share"; chmod 1700 "$1/xpra"; setfacl -m u:65534:r-x,d:u:65534:rwx "$1/share"
setfacl -m u:65534:r "$1/share/file"`;
  await runProcess(["sh", "-ec", script, "sh", join(mounts, "box")]);
}

for (
  const { cli, what, prepare } of [
    { cli: "lxc", what: "where nothing was", prepare: () => Promise.resolve() },
    { cli: "incus", what: "in place of what was there", prepare: leaveThingsBehind },
  ] as const
) {
  for (const fault of faults) {
    Deno.test(`create.ts ${what} on ${cli}: ${fault} at each call, before and after its effect`, async () => {
      let calls: string[] = [];
      await inPlace(cli, async (place) => {
        await prepare(place);
        const run = hostOf(place);
        const error = await create(run.host, place);
        assertEquals(error, undefined, run.said.join("\n"));
        assert(place.model.state.instance?.snapshots.includes("made"));
        calls = run.calls;
        await remove(place);
      });
      assert(calls.length >= 12, calls.join("\n"));
      for (const [at, call] of calls.entries()) {
        // It runs beside a check that makes a file and removes it.
        if (call === "ssh -V") continue;
        for (const isBefore of [true, false]) {
          await inPlace(cli, async (place) => {
            await prepare(place);
            const before = await picture(place);
            const run = hostOf(place, { fault, at, isBefore });
            const error = await create(run.host, place);
            const told = `${isBefore ? "before" : "after"} ${call.slice(0, 200)}: ${error}\n${run.said.join("\n")}`;
            if (fault === "kill") {
              await run.restore();
              const again = hostOf(place);
              assertEquals(await create(again.host, place), undefined, `${told}\n${again.said.join("\n")}`);
              await remove(place);
              const { instance, profile } = place.model.state;
              assertEquals([instance, profile], [undefined, undefined], told);
            } else {
              // Whether a container that shares the directories is there may be unknown.
              assert(error instanceof Error || call.endsWith(" /1.0/instances?recursion=1&all-projects=true"), told);
              if (error === undefined) return;
              assertEquals(await picture(place), before, told);
            }
          });
        }
      }
    });
  }
}
