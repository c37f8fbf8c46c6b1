/** The errors that a user sees: what failed, what to do about it, and the exit code that goes with it. */

/** The exit codes of the command-line contract, by meaning. */
export const ExitCode = {
  /** The work failed: because of the engine, the network, cloud-init or an app. */
  failed: 1,
  /** The command line or an input file is wrong; nothing was touched. */
  usage: 2,
  /** The engine cannot be reached: not installed, not running, no permission. */
  noEngine: 125,
  /** A program that is needed is missing. */
  missingProgram: 127,
} as const;

/** What a {@linkcode UserError} has in addition to its message. */
export interface UserErrorOptions {
  /** What to do about it: one line. */
  hint: string;
  /** Default: {@linkcode ExitCode.failed}. */
  exitCode?: number;
  /** What another program printed, when that is the cause. It is shown indented. */
  output?: string;
  cause?: unknown;
}

/** An error that the user can fix. Its message is one line: what failed, and on what. */
export class UserError extends Error {
  override name = "UserError";
  /** What to do about it: one line. A caller that knows more may add to it. */
  hint: string;
  readonly exitCode: number;
  /** What another program printed, or an empty string. */
  readonly output: string;

  /** `message` has no final period. */
  constructor(message: string, options: UserErrorOptions) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? ExitCode.failed;
    this.output = options.output ?? "";
  }
}

/** An error in one line: what failed, then the hint if it has one. */
export function lineOf(error: unknown): string {
  return error instanceof UserError ? `${error.message}. ${error.hint}` : (error as Error).message;
}

/** The options of a {@linkcode UserError} that name its cause. */
export function causedBy(cause: ProcessError | UserError): Pick<UserErrorOptions, "output" | "cause"> {
  return { output: cause.output, cause };
}

/** The command line or an input file is wrong, and nothing was touched. */
export class InputError extends UserError {
  override readonly exitCode = ExitCode.usage;
}

export function inputError(message: string, hint: string): InputError {
  return new InputError(message, { hint });
}

/** The error as an ordinary failure, since {@linkcode ExitCode.usage} would say that nothing was changed. */
export function afterChanges(error: unknown): unknown {
  return error instanceof InputError ? new UserError(error.message, { hint: error.hint, ...causedBy(error) }) : error;
}

/** The engine cannot be reached: it is not installed, does not run, or refuses. */
export class NoEngine extends UserError {
  override readonly exitCode = ExitCode.noEngine;
}

/** A program of the host is not installed. */
export class MissingProgram extends UserError {
  override readonly exitCode = ExitCode.missingProgram;
}

export interface ProcessResult {
  argv: readonly string[];
  /** Exit status; 128 plus the signal's number when a signal ended it. */
  code: number;
  signal: Deno.Signal | null;
  /** Captured standard output; empty when it was not captured. */
  stdout: string;
  /** Captured standard error; empty when it was not captured. */
  stderr: string;
  /** Whether it was killed for printing too much. */
  overflowed?: boolean;
}

/** A program failed: its exit status is not one of those that the caller expects, or it took too long. */
export class ProcessError extends Error {
  override name = "ProcessError";
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was ended because it took too long. */
  readonly timedOut: boolean;
  /** Whether it was killed for printing too much. */
  readonly overflowed: boolean;

  /** `timedOutAfterMs`: the time limit that it exceeded, if it did. */
  constructor(result: ProcessResult, options: { timedOutAfterMs?: number } = {}) {
    const { argv, code, signal } = result;
    const how = options.timedOutAfterMs !== undefined
      ? `did not end within ${options.timedOutAfterMs / 1000} s`
      : result.overflowed
      ? "printed too much, and was killed"
      : signal
      ? `was ended by ${signal}`
      : `failed with exit status ${code}`;
    super(`"${argv.slice(0, 3).join(" ")}${argv.length > 3 ? " …" : ""}" ${how}`);
    this.code = code;
    this.stdout = result.stdout;
    this.stderr = result.stderr;
    this.timedOut = options.timedOutAfterMs !== undefined;
    this.overflowed = result.overflowed ?? false;
  }

  /** What the program printed: its standard error, or its standard output when that is empty. */
  get output(): string {
    return this.stderr.trim() || this.stdout.trim();
  }
}

/** Whether an error is an expected failure, such as that of a program, and neither a signal nor a bug. */
export function isFailure(error: unknown): error is UserError | ProcessError {
  return error instanceof UserError || error instanceof ProcessError;
}

/** Whether it is an error of the operating system: a full disk, for example, or a missing permission. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(String((error as { code?: unknown }).code));
}

export function isMissingProgram(error: unknown): error is MissingProgram {
  return error instanceof MissingProgram;
}

/** Whether a program has failed, or its answer was too long or too late. */
export function isProcessError(error: unknown): error is ProcessError {
  return error instanceof ProcessError;
}

export function isNoEngine(error: unknown): error is NoEngine {
  return error instanceof NoEngine;
}

/** Awaits a promise. When it rejects with an expected error, `otherwise` makes the result from that. */
export function orElse<T, E, R>(
  promise: Promise<T>,
  isExpected: (error: unknown) => error is E,
  otherwise: (error: E) => R | Promise<R>,
): Promise<T | R> {
  return promise.catch((error) => isExpected(error) ? otherwise(error) : Promise.reject(error));
}

/** Awaits a promise. Resolves to undefined when it rejects with an expected error. */
export function orNothing<T>(promise: Promise<T>, isExpected: (error: unknown) => boolean): Promise<T | undefined> {
  return promise.catch((error) => isExpected(error) ? undefined : Promise.reject(error));
}

/** The result of a program; undefined when it is not installed. */
export function ifInstalled<T>(started: Promise<T>): Promise<T | undefined> {
  return orNothing(started, isMissingProgram);
}

/** A signal ended the run. Thrown through the `AbortSignal` of a {@linkcode Host}. */
export class Interrupted extends Error {
  override name = "Interrupted";

  /** `signal`: the signal that ended the run. */
  constructor(readonly signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`Ended by ${signal}`);
  }

  /** 128 plus the signal's number. */
  get exitCode(): number {
    return { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[this.signal];
  }
}
