/** The only place that starts a program. Always an argument list, never a shell. */

import { ExitCode, ProcessError, type ProcessResult, UserError } from "./errors.ts";

/** How a program is run. */
export interface ProcessOptions {
  /**
   * What it reads; nothing by default. `lxc init` and `lxc profile create` read YAML from a stdin that is not a terminal, so
   * none of ours is ever handed on unasked.
   */
  stdin?: "null" | "inherit" | { text: string };
  /**
   * What becomes of its output. `capture`: kept and returned. `inherit`: it has the terminal, or whatever ours is.
   * `{ line }`: called with each line of both streams as it comes, and kept as well.
   */
  output?: "capture" | "inherit" | { line: (line: string) => void };
  /** Exit statuses that are an answer, not a failure; `any` for all. Default: only 0. */
  okCodes?: readonly number[] | "any";
  /** Variables added to the environment. */
  env?: Record<string, string>;
  /** Working directory. */
  cwd?: string;
  /** Longest time it may take, in milliseconds. */
  timeoutMs?: number;
  /** Ends it with SIGTERM, then SIGKILL. */
  signal?: AbortSignal;
  /** Starts it in a session of its own, so that Ctrl-C on the terminal reaches us alone. */
  detached?: boolean;
}

/** The package of Debian and Ubuntu that has a program, for what to do when it is missing. */
export const packages: Readonly<Record<string, string>> = {
  "dbus-daemon": "dbus-daemon",
  "getfacl": "acl",
  "incus": "incus",
  "lxc": "lxd",
  "notify-send": "libnotify-bin",
  "pacat": "pulseaudio-utils",
  "pulseaudio": "pulseaudio",
  "setfacl": "acl",
  "ssh": "openssh-client",
  "xpra": "xpra (see https://github.com/Xpra-org/xpra/wiki/Download)",
  "xrandr": "x11-xserver-utils",
  "xrdb": "x11-xserver-utils",
  "Xvfb": "xvfb",
  "zenity": "zenity",
};

/** Time between SIGTERM and SIGKILL for a program that does not end. */
const killAfterMs = 3_000;

/** How much later than a program of ours we may be told of a signal that was for both, in milliseconds. */
const signalDelayMs = 50;

/** How long output is awaited after a program was ended, in milliseconds: a child of its own may hold it open for ever. */
const lastOutputMs = 200;

/**
 * Deno refuses to start anything under a scoped `--allow-run` while one of these is set, since they could replace the
 * program's code. An empty value passes, and means "not set" to the dynamic linker. Names: ld.so(8).
 */
const linkerVariables = [
  "LD_ASSUME_KERNEL",
  "LD_AUDIT",
  "LD_BIND_NOT",
  "LD_BIND_NOW",
  "LD_DEBUG",
  "LD_DEBUG_OUTPUT",
  "LD_DYNAMIC_WEAK",
  "LD_HWCAP_MASK",
  "LD_LIBRARY_PATH",
  "LD_ORIGIN_PATH",
  "LD_POINTER_GUARD",
  "LD_PREFER_MAP_32BIT_EXEC",
  "LD_PRELOAD",
  "LD_PROFILE",
  "LD_PROFILE_OUTPUT",
  "LD_SHOW_AUXV",
  "LD_TRACE_LOADED_OBJECTS",
  "LD_TRACE_PRELINKING",
  "LD_USE_LOAD_BIAS",
  "LD_VERBOSE",
  "LD_WARN",
];

/** A program that runs while we go on. */
export interface RunningProcess {
  /** Its process id. */
  readonly pid: number;
  /** How it ended. Never rejects for an exit status. */
  readonly ended: Promise<ProcessResult>;
  /** Sends it a signal; nothing happens when it has ended. */
  kill(signal: Deno.Signal): void;
}

/**
 * Starts a program and returns at once.
 *
 * @throws {UserError} with exit code 127 when there is no such program
 */
export function startProcess(argv: readonly string[], options: ProcessOptions = {}): RunningProcess {
  const { stdin = "null" } = options;
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("An empty argument list");
  const output = options.output ?? "capture";
  const piped = output === "inherit" ? "inherit" : "piped";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: typeof stdin === "string" ? stdin : "piped",
      stdout: piped,
      stderr: piped,
      env: { ...withoutLinkerVariables(), ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.detached ? { detached: true } : {}),
    }).spawn();
  } catch (error) {
    throw explainSpawnError(error, program);
  }
  const onLine = typeof output === "object" ? output.line : undefined;
  let killed = false;
  return {
    pid: child.pid,
    ended: collect(argv, child, { stdin, piped: piped === "piped", onLine, wasKilled: () => killed }),
    kill(signal) {
      try {
        child.kill(signal);
        killed = true;
      } catch {
        // It has ended by itself.
      }
    },
  };
}

/**
 * On Ctrl-C the program that we wait for gets the signal too, and may have ended before we are told of ours: waits a moment
 * for that.
 */
async function aMomentFor(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener("abort", resolve, { once: true });
    setTimeout(resolve, signalDelayMs);
  });
}

/**
 * Runs a program to its end.
 *
 * @throws {ProcessError} for a status that is not in `okCodes`, or when `timeoutMs` is over
 * @throws {UserError} with exit code 127 when there is no such program
 * @throws the signal's reason when `signal` aborts
 */
export async function runProcess(argv: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  options.signal?.throwIfAborted();
  const child = startProcess(argv, options);
  const deadline = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const stop = AbortSignal.any([options.signal, deadline].filter((signal) => signal !== undefined));
  let killTimer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    killTimer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  };
  stop.addEventListener("abort", end, { once: true });
  try {
    const result = await child.ended;
    const okCodes = options.okCodes ?? [0];
    const isOk = okCodes === "any" || okCodes.includes(result.code);
    if (!isOk && options.signal) await aMomentFor(options.signal);
    options.signal?.throwIfAborted();
    // Some hand SIGTERM on and end by themselves: "lxc exec" does, with status 143.
    if (deadline?.aborted && (!isOk || result.signal)) {
      throw new ProcessError(result, { timedOutAfterMs: options.timeoutMs! });
    }
    if (!isOk) throw new ProcessError(result);
    return result;
  } finally {
    stop.removeEventListener("abort", end);
    clearTimeout(killTimer);
  }
}

async function collect(
  argv: readonly string[],
  child: Deno.ChildProcess,
  how: {
    stdin: NonNullable<ProcessOptions["stdin"]>;
    piped: boolean;
    onLine: ((line: string) => void) | undefined;
    wasKilled: () => boolean;
  },
): Promise<ProcessResult> {
  const giveUp = new AbortController();
  let giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  const ended = child.status.then((status) => {
    if (how.wasKilled()) giveUpTimer = setTimeout(() => giveUp.abort(), lastOutputMs);
    return status;
  });
  const read = (stream: ReadableStream<Uint8Array>): Promise<string> =>
    readAll(stream, { onLine: how.onLine, giveUp: giveUp.signal });
  const [status, stdout, stderr] = await Promise.all([
    ended,
    how.piped ? read(child.stdout) : "",
    how.piped ? read(child.stderr) : "",
    typeof how.stdin === "object" ? writeAll(child.stdin, how.stdin.text) : undefined,
  ]);
  clearTimeout(giveUpTimer);
  return { argv, code: status.code, signal: status.signal, stdout, stderr };
}

async function readAll(
  stream: ReadableStream<Uint8Array>,
  { onLine, giveUp }: { onLine: ((line: string) => void) | undefined; giveUp: AbortSignal },
): Promise<string> {
  let all = "";
  let told = 0;
  const decoder = new TextDecoder();
  const tell = (last: boolean): void => {
    if (!onLine) return;
    for (let end; (end = all.indexOf("\n", told)) >= 0; told = end + 1) onLine(all.slice(told, end));
    if (last && told < all.length) onLine(all.slice(told));
  };
  const reader = stream.getReader();
  giveUp.addEventListener("abort", () => reader.cancel().catch(() => {}));
  for (let chunk; !(chunk = await reader.read()).done;) {
    all += decoder.decode(chunk.value, { stream: true });
    tell(false);
  }
  all += decoder.decode();
  tell(true);
  return all;
}

async function writeAll(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading all of it; its exit status tells the rest.
  }
}

function withoutLinkerVariables(): Record<string, string> {
  return Object.fromEntries(linkerVariables.filter((name) => Deno.env.get(name)).map((name) => [name, ""]));
}

function explainSpawnError(error: unknown, program: string): unknown {
  if (error instanceof Deno.errors.NotFound) {
    return new UserError(`The program "${program}" is not installed`, {
      hint: `Install it${packages[program] ? `; its package is ${packages[program]}` : ""}`,
      exitCode: ExitCode.missingProgram,
      cause: error,
    });
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new UserError(`Deno's permissions do not let this script start "${program}"`, {
      hint: `Run it with --allow-run=${program}, or with the permissions in its first lines`,
      cause: error,
    });
  }
  return error;
}
