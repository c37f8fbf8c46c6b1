/** Starts the host's programs: always with an argument list, never through a shell. No other file starts one. */

import linkerVariables from "./linker_variables.json" with { type: "json" };
import { delay } from "@std/async";
import { installHint } from "./programs.ts";
import { MissingProgram, ProcessError, type ProcessResult, UserError } from "./errors.ts";

export interface ProcessOptions {
  /**
   * Its standard input; empty by default. It gets our own only on request, since `lxc init` and `lxc profile create`
   * read YAML from a stdin that is not a terminal. `text` may come later than the program starts. `bytes` are passed on
   * as they come; `from` names the file that they come from, for a dry run.
   */
  stdin?:
    | "null"
    | "inherit"
    | { text: string | Promise<string> }
    | { bytes: ReadableStream<Uint8Array>; from?: string };
  /** In place of `stdin`: an empty one, which is closed once the captured output ends with this text. */
  openUntil?: string;
  /**
   * Where its output goes. `capture`: into the result. `inherit`: where ours goes. `discard`: nowhere. `{ line }` is
   * called with each line of both streams as it comes, one of each after the other; the result has the last 64 KiB of
   * each. `{ bytes }` is called with each piece of standard output, one after the other. If one of these throws, the
   * program is killed.
   */
  output?:
    | "capture"
    | "inherit"
    | "discard"
    | { line: (line: string) => unknown }
    | { bytes: (piece: Uint8Array) => unknown };
  /** Exit statuses that are not failures; `any` for all. Default: only 0. */
  okCodes?: readonly number[] | "any";
  env?: Record<string, string>;
  cwd?: string;
  /** How long it may take, in milliseconds. Default: Infinity. */
  timeoutMs?: number;
  /**
   * How much it may print to a captured stream, in bytes, before it is killed. Default:
   * {@linkcode defaultMaxOutputBytes}. Should be low where a container answers.
   */
  maxOutputBytes?: number;
  /** Ends it with SIGTERM, then SIGKILL. */
  signal?: AbortSignal;
  /** Starts it in a session of its own, so that Ctrl-C on the terminal does not reach it. */
  detached?: boolean;
}

/** What a program may print to one stream by default, in bytes: more than any answer of an engine. */
const defaultMaxOutputBytes = 64 * 2 ** 20;

/** How much is kept of a stream that is read line by line, and the length from which lines come in parts, in bytes. */
const keptOutput = 64 * 2 ** 10;

/** The time from SIGTERM to SIGKILL for a program that does not end, in milliseconds. */
const killAfterMs = 3_000;

/** Ctrl-C reaches our programs and us. It may reach us this much later, in milliseconds. */
const signalDelayMs = 50;

/**
 * How long to read on after a program was to be killed and has ended, in milliseconds. Its child may keep the pipe open
 * for ever.
 */
const lastOutputMs = 200;

/** An environment variable; undefined when it is unset or empty. */
export function readEnv(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}

export interface RunningProcess {
  readonly pid: number;
  /** How it ended. Rejects only with what a function in `output` throws, whatever the exit status. */
  readonly ended: Promise<ProcessResult>;
  /** Sends it a signal. Does nothing once it has ended. */
  kill(signal: Deno.Signal): void;
}

/**
 * Starts a program and returns at once.
 *
 * @throws {MissingProgram}
 */
export function startProcess(argv: readonly string[], options: ProcessOptions = {}): RunningProcess {
  const { output = "capture", maxOutputBytes: maxBytes = defaultMaxOutputBytes, openUntil } = options;
  const { promise: emptyInput, resolve: endInput } = Promise.withResolvers<string>();
  const stdin = openUntil === undefined ? options.stdin ?? "null" : { text: emptyInput };
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("An empty argument list");
  const piped = output === "inherit" ? "inherit" : output === "discard" ? "null" : "piped";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: typeof stdin === "string" ? stdin : "piped",
      stdout: piped,
      stderr: piped,
      // The variables of the dynamic linker (ld.so(8)), which can replace a program's code: with a limited --allow-run,
      // Deno starts no program while one has a value. An empty value means "not set" to the linker.
      env: { ...Object.fromEntries(linkerVariables.filter(readEnv).map((name) => [name, ""])), ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      detached: options.detached ?? false,
    }).spawn();
  } catch (error) {
    throw spawnError(error, program);
  }
  const killed = Promise.withResolvers<void>();
  const kill = (signal: Deno.Signal): void => {
    killed.resolve();
    try {
      child.kill(signal);
    } catch {
      // The program has ended by itself.
    }
  };
  const run = async (): Promise<ProcessResult> => {
    const giveUp = new AbortController();
    const allRead = new AbortController();
    let overflowed = false;
    const over = new AbortController();
    const ended = child.status.finally(() => over.abort());
    Promise.all([ended, killed.promise]).then(() => delay(lastOutputMs, { signal: allRead.signal }))
      .then(() => giveUp.abort(), () => {});
    const overflow = (): void => {
      overflowed = true;
      kill("SIGKILL");
    };
    const onText = (text: string): void => {
      if (openUntil !== undefined && text.endsWith(openUntil)) endInput("");
    };
    const read = async (name: "stdout" | "stderr"): Promise<string> => {
      if (piped !== "piped") return "";
      const sink: Sink = name === "stdout" && typeof output === "object" && "bytes" in output
        ? { take: output.bytes, end: () => "" }
        : typeof output === "object" && "line" in output
        ? lineSink(output.line)
        : textSink({ maxBytes, overflow, onText });
      try {
        await child[name].pipeTo(new WritableStream({ write: async (piece) => void await sink.take(piece) }), giveUp);
      } catch (error) {
        if (!giveUp.signal.aborted) {
          kill("SIGKILL");
          throw error;
        }
      }
      return await sink.end();
    };
    const [status, stdout, stderr] = await Promise.all([
      ended,
      read("stdout"),
      read("stderr"),
      typeof stdin === "object" ? inputOf(stdin, ended).pipeTo(child.stdin, over).catch(() => {}) : undefined,
    ]);
    allRead.abort();
    return { argv, code: status.code, signal: status.signal, stdout, stderr, ...(overflowed ? { overflowed } : {}) };
  };
  return { pid: child.pid, ended: run(), kill };
}

/** Ends a program with SIGTERM, then SIGKILL, and waits until it has ended. */
export async function endProcess(process: RunningProcess): Promise<void> {
  process.kill("SIGTERM");
  const timer = setTimeout(() => process.kill("SIGKILL"), killAfterMs);
  await Promise.allSettled([process.ended]);
  clearTimeout(timer);
}

/**
 * Runs a program to its end.
 *
 * @throws {ProcessError} for an exit status that is not in `okCodes`, after `timeoutMs`, or for more than
 * `maxOutputBytes`
 * @throws {MissingProgram}
 * @throws the signal's reason when `signal` aborts
 */
export async function runProcess(argv: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  options.signal?.throwIfAborted();
  const child = startProcess(argv, options);
  const { timeoutMs = Infinity, okCodes = [0] } = options;
  const deadline = timeoutMs === Infinity ? undefined : AbortSignal.timeout(timeoutMs);
  const stop = AbortSignal.any([options.signal, deadline].filter((signal) => signal !== undefined));
  const end = (): void => void endProcess(child);
  stop.addEventListener("abort", end, { once: true });
  try {
    const result = await child.ended;
    const isOk = okCodes === "any" || okCodes.includes(result.code);
    if (!isOk && options.signal) await delay(signalDelayMs, { signal: options.signal });
    options.signal?.throwIfAborted();
    // A program may catch SIGTERM and end by itself: "lxc exec" does, with status 143.
    if (deadline?.aborted && (!isOk || result.signal)) throw new ProcessError(result, { timedOutAfterMs: timeoutMs });
    if (result.overflowed || !isOk) throw new ProcessError(result);
    return result;
  } finally {
    stop.removeEventListener("abort", end);
  }
}

/** Collects the output of a program, or passes it on. */
interface Sink {
  take(piece: Uint8Array): unknown;
  /** The part of the output that goes into the result. Called at its end. */
  end(): string | Promise<string>;
}

/**
 * Keeps an output of up to `maxBytes`, and calls `onText` with each piece. Beyond that, drops it and calls `overflow`.
 */
function textSink(
  { maxBytes, overflow, onText }: { maxBytes: number; overflow: () => void; onText: (text: string) => void },
): Sink {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  return {
    take(piece) {
      bytes += piece.length;
      if (bytes > maxBytes) return overflow();
      const more = decoder.decode(piece, { stream: true });
      text += more;
      onText(more);
    },
    end: () => text + decoder.decode(),
  };
}

/** Passes on each line, in parts where it is too long, and keeps the end of the output. */
function lineSink(onLine: (line: string) => unknown): Sink {
  const decoder = new TextDecoder();
  let kept = "";
  let line = "";
  const add = async (text: string): Promise<void> => {
    kept = (kept + text).slice(-keptOutput);
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    if (line.length > keptOutput) {
      lines.push(line);
      line = "";
    }
    for (const each of lines) await onLine(each);
  };
  return {
    take: (piece) => add(decoder.decode(piece, { stream: true })),
    async end() {
      await add(decoder.decode());
      if (line !== "") await onLine(line);
      return kept;
    },
  };
}

/** A program's input. When the program ends before it has read everything, the rest is not waited for. */
function inputOf(
  stdin: Exclude<NonNullable<ProcessOptions["stdin"]>, string>,
  ended: Promise<unknown>,
): ReadableStream<Uint8Array> {
  if ("bytes" in stdin) return stdin.bytes;
  return ReadableStream.from([Promise.race([stdin.text, ended.then(() => "")])]).pipeThrough(new TextEncoderStream());
}

function spawnError(error: unknown, program: string): unknown {
  if (error instanceof Deno.errors.NotFound) {
    return new MissingProgram(`The program "${program}" is not installed`, {
      hint: installHint(program) ?? "Install it",
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
