/**
 * The outside of a run in which one call of a program goes wrong: an engine in memory, and real programs for what is on
 * disk.
 */

import { assert } from "@std/assert";
import { Interrupted, ProcessError, type ProcessResult } from "../../lib/base/errors.ts";
import type { Host, RunOptions } from "../../lib/base/host.ts";
import { runProcess } from "../../lib/base/process.ts";
import { endMark, holding, marking } from "../../lib/engine/exec.ts";
import { type EngineModel, noAnswer } from "./engine_model.ts";
import { recordingUi } from "./recording_host.ts";

/** What becomes of a call: it fails, a signal ends the run, the run is killed, or the engine does not answer from it on. */
export type Fault = "fail" | "signal" | "kill" | "gone";

/** A call at which something happens, and whether that comes before the call has had its effect. */
export interface FaultyCall {
  fault: Fault;
  at: number;
  isBefore: boolean;
}

/**
 * Each call with a fault, before and after its effect. An engine that is gone after one call is gone before the next one;
 * what a killed run leaves may differ, since records are written between calls.
 */
export function faultyCalls(fault: Fault, calls: readonly string[]): (FaultyCall & { call: string })[] {
  const isSame = fault === "gone";
  return [...calls.entries()].flatMap(([at, call]) =>
    (isSame && at < calls.length - 1 ? [true] : [true, false]).map((isBefore) => ({ fault, at, call, isBefore }))
  );
}

/** A host for one run. */
export interface FaultyHost {
  host: Host;
  /** The calls that the run has made. */
  calls: string[];
  said: string[];
  /** Puts back what was there when the run was killed: what it does after that does not count. */
  restore(): Promise<void>;
}

/** Programs that are the real ones. */
const real = ["setfacl", "getfacl", "stat", "cp", "mv", "rm", "readlink", "ssh-keygen", "find"];

/**
 * A host for one run.
 *
 * @param options `keep`: keeps what is on disk, as a power cut would; what it returns brings it back
 */
export function faultyHost({ model, env, fault, keep }: {
  model: EngineModel;
  env: Record<string, string>;
  fault?: FaultyCall;
  keep: () => (() => Promise<void>) | Promise<() => Promise<void>>;
}): FaultyHost {
  const calls: string[] = [];
  const interruption = new AbortController();
  let killed: Promise<() => Promise<void>> | undefined;
  let isGone = false;
  const { ui, said } = recordingUi({ yes: true });
  const effect = async (
    argv: readonly string[],
    options: RunOptions,
  ): Promise<Pick<ProcessResult, "code" | "stdout" | "stderr">> => {
    const [program] = argv;
    if (real.includes(program!)) return await runProcess(argv, { ...options, okCodes: "any" });
    const { stdin } = options;
    const text = typeof stdin === "object" && "text" in stdin && typeof stdin.text === "string" ? stdin.text : "";
    const answered = program === model.cli
      ? isGone ? noAnswer : model.answer(argv, text)
      : program === "cloud-init"
      ? {}
      // The other engine has nothing.
      : program === "lxc" || program === "incus"
      ? { stdout: "[]" }
      : program === "ssh"
      ? { stdout: argv[1] === "-V" ? "" : model.programs }
      : new Error(`"${program}" is not expected`);
    if (answered instanceof Error) throw answered;
    const result = { code: 0, stdout: "", stderr: "", ...answered };
    if (result.code === 0 && [holding, marking].some((words) => argv.includes(words[2]!))) result.stdout += endMark;
    return result;
  };
  const happen = async (argv: readonly string[]): Promise<void> => {
    switch (fault!.fault) {
      case "fail":
        throw new ProcessError({ argv, code: 1, signal: null, stdout: "", stderr: "it fails" });
      case "signal":
        return interruption.abort(new Interrupted("SIGTERM"));
      case "gone":
        isGone = true;
        return;
      case "kill": {
        const state = structuredClone(model.state);
        killed = Promise.resolve(keep()).then((restore) => async () => {
          await restore();
          model.state = state;
        });
        await killed;
        throw new Error("The run was killed");
      }
    }
  };
  const hostWith = (signal: AbortSignal): Host => ({
    ui,
    signal,
    env: (name) => env[name],
    async run(argv, options = {}) {
      if (killed) throw new Error("The run was killed");
      signal.throwIfAborted();
      const isFaulty = calls.push(argv.join(" ")) - 1 === fault?.at;
      if (isFaulty && fault.isBefore) await happen(argv);
      signal.throwIfAborted();
      const result = { argv, signal: null, ...await effect(argv, options) };
      if (isFaulty && !fault.isBefore) await happen(argv);
      signal.throwIfAborted();
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
    change: async (_, act) => await act(),
    forCleanup: hostWith,
  });
  return { host: hostWith(interruption.signal), calls, said, restore: async () => await (await killed)?.() };
}

/** Keeps a directory as it is; what this returns brings it back. The inodes are others then. */
export function keepDirectory(path: string): () => Promise<void> {
  const copy = `${path}.kept`;
  // All else of the run stands still meanwhile, as at its end by a signal: it would remove files that are being copied.
  const { success, stderr } = new Deno.Command("cp", { args: ["-a", path, copy] }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return async () => {
    await Deno.remove(path, { recursive: true });
    await Deno.rename(copy, path);
  };
}
